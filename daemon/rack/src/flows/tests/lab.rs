//! The flows of the lab that is shipped: exactly what it needs, each for a reason.

use super::*;

const LAB: &str = include_str!("../../../../cofferctl/lab/flows.toml");

fn lab() -> FlowTable {
    let text = LAB.replace("{{key:app}}", KEY);
    read("flows.toml", &text, &ground()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// What the lab allows; everything else between its zones must be refused.
const ALLOWED: &[(&str, &str, Verb, &[&str])] = &[
    (
        "app",
        "intake",
        Verb::Append,
        &["intake-events", "intake-climate"],
    ),
    ("app", "storage", Verb::Append, &["files"]),
    ("app", "storage", Verb::Read, &["files"]),
    ("app", "storage", Verb::List, &["files"]),
    ("app", "storage", Verb::Delete, &["files"]),
    ("app", "analytics", Verb::Query, &[]),
    ("app", "keeper", Verb::Lease, &[]),
    (
        "intake",
        "storage",
        Verb::Append,
        &["intake-events", "intake-climate", "intake-x"],
    ),
    (
        "analytics",
        "storage",
        Verb::Read,
        &["intake-events", "intake-climate", "intake-x"],
    ),
    (
        "analytics",
        "storage",
        Verb::List,
        &["intake-events", "intake-climate", "intake-x"],
    ),
    ("storage", "keeper", Verb::Lease, &[]),
    ("storage", "keeper", Verb::KeyNew, &[]),
    ("storage", "keeper", Verb::KeyOpen, &[]),
    ("intake", "keeper", Verb::Lease, &[]),
    ("intake", "keeper", Verb::KeyNew, &[]),
    ("analytics", "keeper", Verb::Lease, &[]),
];

#[test]
fn the_lab_allows_exactly_what_it_needs() {
    let table = lab();
    let zones = ["app", "keeper", "storage", "intake", "analytics"];
    let buckets = [
        "files",
        "intake-events",
        "intake-climate",
        "intake-x",
        "other",
    ];
    let mut allowed = 0;
    for from in zones {
        for to in zones {
            for verb in Verb::ALL {
                for bucket in buckets {
                    let expect = ALLOWED.iter().any(|(f, t, v, names)| {
                        (*f, *t, v) == (from, to, verb)
                            && (!verb.takes_bucket() || names.contains(&bucket))
                    });
                    let decision = table.decide(&zone(from), &zone(to), *verb, Some(bucket));
                    let allows = matches!(decision, FlowDecision::Allow(_));
                    assert_eq!(allows, expect, "{from} -> {to} {verb} {bucket}");
                    allowed += usize::from(allows);
                }
            }
        }
    }
    assert_eq!(allowed, 2 + 4 + 5 + 5 + 3 + 3 + 3 + 15 + 10 + 5);
}

#[test]
fn the_lab_has_one_client_and_a_reason_for_everything() {
    let table = lab();
    let clients: Vec<_> = table
        .clients()
        .map(|client| client.peer().to_string())
        .collect();
    assert_eq!(clients, ["app/app"]);
    assert!(table.rules().iter().all(|rule| rule.why.len() > 20));
    assert_eq!(LAB.matches("{{key:app}}\"").count(), 1);
}
