//! What the targets share: a policy that holds, for files that are read beside one.

use std::sync::LazyLock;

use cofferdam_hwprofile::Policy;

/// The lab's policy, with one and the same key for every node but the digit of its place.
pub static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let mut text = include_str!("../../daemon/cofferctl/lab/hwprofile.toml").to_owned();
    for (place, node) in ["kp1", "st1", "in1", "an1"].into_iter().enumerate() {
        let digit = char::from(b"ABCD"[place]);
        let key = format!("sha256:{digit}{}=", "A".repeat(42));
        text = text.replace(&format!("{{{{key:{node}}}}}"), &key);
    }
    Policy::parse("hwprofile.toml", &text).expect("the lab's policy holds")
});
