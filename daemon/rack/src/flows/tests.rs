//! Tests of the flow table: a rack with one zone of each kind, and flows written for it.

mod constitution;
mod deciding;
mod lab;
mod reading;

use std::collections::BTreeMap;

use cofferdam_hwprofile::{DataClass, Exposure, KeyPin, ZoneKind, ZoneName};
use proptest::prelude::*;

use super::read::{Ground, read};
use super::*;

const KEY: &str = "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NODE_KEY: [u8; 32] = [7; 32];

/// A rack with one zone of each kind, and a public one.
fn ground() -> Ground {
    let zones = [
        (
            "keeper",
            ZoneKind::Keeper,
            Exposure::Internal,
            DataClass::None,
        ),
        (
            "storage",
            ZoneKind::Storage,
            Exposure::Internal,
            DataClass::Identifying,
        ),
        (
            "archive",
            ZoneKind::Storage,
            Exposure::Internal,
            DataClass::Aggregate,
        ),
        (
            "intake",
            ZoneKind::Intake,
            Exposure::Partner,
            DataClass::Pseudonymous,
        ),
        (
            "analytics",
            ZoneKind::Analytics,
            Exposure::Internal,
            DataClass::Pseudonymous,
        ),
        (
            "open",
            ZoneKind::Analytics,
            Exposure::Public,
            DataClass::Aggregate,
        ),
    ];
    let zones = zones.map(|(name, kind, exposure, holds)| {
        (
            zone(name),
            ZoneFacts {
                kind,
                exposure,
                holds,
            },
        )
    });
    let pins = BTreeMap::from([(KeyPin(NODE_KEY), "st1".to_owned())]);
    Ground {
        zones: BTreeMap::from(zones),
        pins,
    }
}

fn zone(name: &str) -> ZoneName {
    name.parse().unwrap()
}

fn table(text: &str) -> FlowTable {
    read("flows.toml", text, &ground()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn client(name: &str, zone: &str, key: &str) -> String {
    format!("[client.{name}]\nzone = \"{zone}\"\nkey = \"{key}\"\nwhy = \"w\"\n")
}

fn flow(from: &str, to: &str, verbs: &str, rest: &str) -> String {
    format!("[[flow]]\nfrom = \"{from}\"\nto = \"{to}\"\nverbs = [{verbs}]\n{rest}\nwhy = \"w\"\n")
}

/// Parses and expects exactly these faults, each code with its line. Gives all that was said.
fn check(body: &str, expect: &[(&str, usize)]) -> String {
    let text = format!("version = 1\n{body}");
    let refusals = read("flows.toml", &text, &ground())
        .err()
        .map(Faults::into_refusals);
    let refusals = refusals.unwrap_or_default();
    let at = |refusal: &Refusal| {
        let head = refusal.read.first().unwrap();
        let line = head
            .strip_prefix("flows.toml:")
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        line.parse::<usize>().unwrap()
    };
    let seen: Vec<_> = refusals
        .iter()
        .map(|refusal| (refusal.code.as_str(), at(refusal)))
        .collect();
    assert_eq!(seen, expect, "{refusals:#?}");
    refusals
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(
            "
",
        )
}
