//! A small rack for tests: two zones, a node each, both placed in a rack of their own so that the
//! rack under test holds only what a test puts into it. Must never hold a finding of its own.

use cofferdam_hwprofile::Policy;

use super::{Elevation, Finding, Survey};
use crate::Faults;

/// Two feeds of 5888 W each.
pub(crate) const FEEDS: &str = "[rack.R1.feed.A]\ntype = \"primary\"\nvoltage = 230\namperage = 32\n\
     [rack.R1.feed.B]\ntype = \"redundant\"\nvoltage = 230\namperage = 32\n";

/// A keeper and a store, without a node.
pub(crate) const ZONES: &str = r#"
version = 1
site = "test"
lab = true

[platform.bare]
virtualization = "none"

[zone.keeper]
kind = "keeper"
exposure = "internal"
data = "none"
because = "security"
platform = "bare"

[zone.storage]
kind = "storage"
exposure = "internal"
data = "identifying"
because = "security"
platform = "bare"

"#;

const NODES: &str = r#"
[node.kp0]
zone = "keeper"
quorum = 2
pin = { product_serial = "S-kp0-48213", disk = ["eui.7a35100000c40001"] }

[node.st0]
zone = "storage"
quorum = 2
pin = { product_serial = "S-st0-48213", disk = ["eui.7a35100000c40002"] }
"#;

/// The policy of the two zones, with these lines besides.
pub(crate) fn policy(rest: &str) -> Policy {
    let text = format!("{ZONES}{NODES}{rest}");
    Policy::parse("hwprofile.toml", &text).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The policy with one more node, which a test places itself.
pub(crate) fn policy_of(node: &str, zone: &str) -> Policy {
    policy(&format!(
        "[node.{node}]\nzone = \"{zone}\"\nquorum = 2\n\
         pin = {{ product_serial = \"S-{node}-48213\", disk = [\"eui.7a35100000c400ff\"] }}\n"
    ))
}

/// A plan with this below `[rack.R1]`.
pub(crate) fn plan(body: &str) -> String {
    let feeds = FEEDS.replace("R1", "other");
    let power = power(&[("A", 0, 500), ("B", 0, 500)]);
    let others: String = [("kp0", "keeper", 1), ("st0", "storage", 2)]
        .map(|(node, zone, at)| {
            format!(
                "[[rack.other.device]]\nname = \"{node}\"\nposition = {at}\nnode = \"{node}\"\n\
                 zone = \"{zone}\"\n{power}"
            )
        })
        .concat();
    format!("version = 1\n[rack.R1]\n{body}[rack.other]\n{feeds}{others}")
}

/// What is read and found of it.
pub(crate) fn read(body: &str, policy: &Policy) -> Result<Survey, Faults> {
    Elevation::survey("elevation.toml", &plan(body), policy)
}

/// The same, where it can be drawn.
pub(crate) fn survey(body: &str, policy: &Policy) -> Survey {
    read(body, policy).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The codes of what is found, in order, with all that is said.
pub(crate) fn found(survey: &Survey) -> (Vec<&'static str>, String) {
    let codes = survey.findings().iter().map(|found| found.code.as_str());
    let told = |found: &Finding| found.refusal.to_string();
    let said = survey.findings().iter().map(told).collect::<Vec<_>>();
    (codes.collect(), said.join("\n"))
}

/// A device of R1 at a position, with these further lines.
pub(crate) fn device(name: &str, position: usize, rest: &str) -> String {
    format!("[[rack.R1.device]]\nname = \"{name}\"\nposition = {position}\n{rest}\n")
}

/// Supplies, each with its feed, what is allocated and its maximum.
pub(crate) fn power(supplies: &[(&str, u32, u32)]) -> String {
    let each = supplies.iter().map(|(feed, allocated, maximum)| {
        format!("{{ feed = \"{feed}\", allocated_w = {allocated}, maximum_w = {maximum} }}")
    });
    format!("power = [{}]\n", each.collect::<Vec<_>>().join(", "))
}
