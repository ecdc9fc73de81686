//! Tests of the elevation, check by check (K1 to K12): the policy and the plan that all of them
//! stand on.

mod places;
mod power;
mod reports;
mod separation;
mod shape;
mod traps;
mod warnings;

use proptest::prelude::*;

use super::sample::{FEEDS, ZONES, device};
use super::*;

/// Two zones more. Intake and the store must not share a chassis, nor intake and analytics a rack;
/// the nodes stand where the elevation says.
const RULES: &str = r#"
[zone.intake]
kind = "intake"
exposure = "partner"
data = "pseudonymous"
because = "vulnerable"
platform = "bare"

[zone.analytics]
kind = "analytics"
exposure = "internal"
data = "pseudonymous"
because = "resource-cost"
platform = "bare"

[[separate]]
zones = ["keeper", "analytics"]
domain = "chassis"
why = "keys and questions stand apart"

[[separate]]
zones = ["intake", "analytics"]
domain = "rack"
why = "one fire takes one of the two"

[[separate]]
zones = ["storage", "analytics"]
domain = "board"
why = "a blade of its own is enough"
"#;

const DUAL: &str = "power = [{ feed = \"A\", allocated_w = 100, maximum_w = 500 }, \
                    { feed = \"B\", allocated_w = 100, maximum_w = 500 }]";

/// A policy gives every zone a node; these stand in racks of their own, out of the way of what is
/// tested.
const OTHERS: [(&str, &str); 4] = [
    ("kp0", "keeper"),
    ("st0", "storage"),
    ("in0", "intake"),
    ("an0", "analytics"),
];

/// The places of those nodes.
fn others() -> String {
    let rack = |(node, zone): (&str, &str)| {
        let text = format!(
            "[rack.R1]\n{FEEDS}{}",
            device(node, 1, &format!("{}{DUAL}", tenant(node, zone)))
        );
        text.replace("rack.R1", &format!("rack.of-{node}"))
    };
    OTHERS.map(rack).concat()
}

/// The policy with these nodes, each with its zone.
fn policy(nodes: &[(&str, &str)]) -> Policy {
    policy_with(nodes, "")
}

fn policy_with(nodes: &[(&str, &str)], rest: &str) -> Policy {
    let mut text = format!("{ZONES}{RULES}");
    for (node, zone) in nodes {
        text.push_str(&node_block(node, zone, rest));
    }
    for (node, zone) in OTHERS {
        text.push_str(&node_block(node, zone, ""));
    }
    Policy::parse("hwprofile.toml", &text).unwrap_or_else(|faults| panic!("{faults}"))
}

fn node_block(node: &str, zone: &str, rest: &str) -> String {
    let number = node.bytes().fold(0_u16, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u16::from(byte))
    });
    format!(
        "[node.{node}]\nzone = \"{zone}\"\nquorum = 2\n{rest}\n[node.{node}.pin]\n\
         product_serial = \"S-{node}-48213\"\ndisk = [\"eui.7a35100000c4{number:04x}\"]\n"
    )
}

fn tenant(node: &str, zone: &str) -> String {
    format!("node = \"{node}\"\nzone = \"{zone}\"\n")
}

fn parse(body: &str, policy: &Policy) -> Result<Elevation, Faults> {
    Elevation::parse(
        "elevation.toml",
        &format!("version = 1\n[rack.R1]\n{body}{}", others()),
        policy,
    )
}

/// Parses and expects exactly these codes. Gives all that was said.
fn check(body: &str, policy: &Policy, expect: &[&str]) -> String {
    let refusals = parse(body, policy)
        .err()
        .map(Faults::into_refusals)
        .unwrap_or_default();
    let codes: Vec<_> = refusals
        .iter()
        .map(|refusal| refusal.code.as_str())
        .collect();
    assert_eq!(codes, expect, "{refusals:#?}");
    refusals
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(
            "
",
        )
}
