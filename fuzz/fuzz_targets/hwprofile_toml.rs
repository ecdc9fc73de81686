//! The policy of a rack.
#![no_main]

use cofferdam_hwprofile::Policy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(faults) = Policy::parse("hwprofile.toml", text) {
        assert!(!faults.to_string().is_empty(), "a refusal says why");
    }
});
