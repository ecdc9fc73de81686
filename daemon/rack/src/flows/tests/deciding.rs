//! What is decided over a table: what a flow grants, the nearest that is refused, and why, also
//! against the plainest reading of random tables.

use super::*;
use crate::Code;

fn sample() -> FlowTable {
    table(&format!(
        "version = 1\n{}{}{}{}{}{}",
        client("app", "app", KEY),
        flow("app", "keeper", "\"lease\"", ""),
        flow(
            "app",
            "storage",
            "\"append\", \"read\"",
            "buckets = [\"files\"]\nmax-connections = 8"
        ),
        flow(
            "intake",
            "storage",
            "\"append\"",
            "buckets = [\"intake-*\"]"
        ),
        flow("storage", "keeper", "\"lease\", \"key-open\"", ""),
        flow(
            "analytics",
            "storage",
            "\"read\", \"list\"",
            "buckets = [\"intake-*\"]"
        ),
    ))
}

fn decide(from: &str, to: &str, verb: Verb, bucket: Option<&str>) -> Result<usize, Refusal> {
    match sample().decide(&zone(from), &zone(to), verb, bucket) {
        FlowDecision::Allow(rule) => Ok(rule.line),
        FlowDecision::Refuse(refusal) => Err(refusal),
    }
}

fn refused(from: &str, to: &str, verb: Verb, bucket: Option<&str>, code: Code) -> Refusal {
    let refusal = decide(from, to, verb, bucket).unwrap_err();
    assert_eq!(refusal.code, code.as_str(), "{refusal}");
    refusal
}

#[test]
fn what_a_flow_grants_is_allowed_and_its_line_is_named() {
    assert_eq!(decide("app", "keeper", Verb::Lease, None).ok(), Some(6));
    assert_eq!(
        decide("app", "storage", Verb::Read, Some("files")).ok(),
        Some(12)
    );
    assert_eq!(
        decide("intake", "storage", Verb::Append, Some("intake-events")).ok(),
        Some(19)
    );
}

#[test]
fn a_verb_without_buckets_is_allowed_whatever_bucket_is_named() {
    assert_eq!(
        decide("storage", "keeper", Verb::KeyOpen, Some("x/y")).ok(),
        Some(25)
    );
}

#[test]
fn zones_that_no_flow_connects_are_refused_also_backwards() {
    refused("storage", "app", Verb::Read, Some("files"), Code::NoFlow);
    refused("keeper", "storage", Verb::Read, Some("files"), Code::NoFlow);
    refused(
        "storage",
        "storage",
        Verb::Read,
        Some("files"),
        Code::NoFlow,
    );
}

#[test]
fn another_verb_is_refused_and_the_flow_that_could_have_it_is_named() {
    let refusal = refused(
        "app",
        "storage",
        Verb::Delete,
        Some("files"),
        Code::VerbNotGranted,
    );
    let said = refusal.to_string();
    assert!(
        said.contains("nearest: flows.toml:12  app -> storage"),
        "{said}"
    );
    assert!(said.contains("add \"delete\" at flows.toml:12"), "{said}");
}

#[test]
fn another_bucket_is_refused_and_the_nearest_pattern_is_named() {
    let refusal = refused(
        "app",
        "storage",
        Verb::Read,
        Some("flies"),
        Code::BucketNotGranted,
    );
    assert!(refusal.to_string().contains("flows.toml:12"), "{refusal}");
    refused(
        "intake",
        "storage",
        Verb::Append,
        Some("files"),
        Code::BucketNotGranted,
    );
    refused(
        "intake",
        "storage",
        Verb::Append,
        Some("intake-a/b"),
        Code::BucketNotGranted,
    );
}

#[test]
fn a_right_over_buckets_without_a_bucket_is_refused() {
    refused("app", "storage", Verb::Read, None, Code::BucketUnnamed);
}

#[test]
fn a_zone_that_the_manifest_does_not_know_is_refused() {
    let refusal = refused(
        "nobody",
        "storage",
        Verb::Read,
        Some("files"),
        Code::ZoneUnknown,
    );
    assert!(refusal.fix.contains("no zone nobody"), "{refusal}");
}

#[test]
fn what_the_constitution_forbids_is_refused_without_a_way_to_allow_it() {
    let refusal = refused(
        "intake",
        "storage",
        Verb::Read,
        Some("intake-events"),
        Code::VerbNotGranted,
    );
    assert!(
        refusal
            .fix
            .starts_with("none: no manifest can allow it (RK-101"),
        "{refusal}"
    );
    let refusal = refused("app", "keeper", Verb::KeyOpen, None, Code::VerbNotGranted);
    assert!(refusal.fix.contains("RK-103"), "{refusal}");
}

#[test]
fn the_nearest_flow_differs_in_one_thing_and_is_the_nearest_of_those() {
    let nearest = |from: &str, to: &str, verb, bucket| {
        let near = sample().nearest(&zone(from), &zone(to), verb, bucket);
        near.map(|near| (near.difference, near.rule.line))
    };
    assert_eq!(
        nearest("analytics", "storage", Verb::Read, Some("files")),
        Some((Difference::Bucket, 31))
    );
    assert_eq!(
        nearest("analytics", "storage", Verb::Append, Some("files")),
        Some((Difference::Verb, 31))
    );
    assert_eq!(
        nearest("analytics", "keeper", Verb::Lease, None),
        Some((Difference::From, 6))
    );
    assert_eq!(
        nearest("app", "archive", Verb::Read, Some("files")),
        Some((Difference::To, 12))
    );
    assert_eq!(nearest("open", "archive", Verb::Share, Some("files")), None);
}

#[test]
fn an_explanation_begins_with_the_verdict() {
    let table = sample();
    let yes = table.explain(&zone("app"), &zone("storage"), Verb::Read, Some("files"));
    assert!(
        yes.starts_with("allowed: app -> storage  read on \"files\"\n"),
        "{yes}"
    );
    assert!(yes.contains("rule      flows.toml:12"), "{yes}");
    assert!(yes.contains("limit     8 connections"), "{yes}");
    let no = table.explain(&zone("app"), &zone("storage"), Verb::List, Some("files"));
    assert!(
        no.starts_with("FL-102 refused: app may not list at storage"),
        "{no}"
    );
}

#[test]
fn a_bucket_name_from_outside_cannot_write_lines_into_a_refusal() {
    let name = format!("x\n  rule      flows.toml:1{}", "y".repeat(5000));
    let refusal = refused(
        "app",
        "storage",
        Verb::Read,
        Some(&name),
        Code::BucketNotGranted,
    );
    assert_eq!(refusal.to_string().matches("\n  rule ").count(), 1);
    assert!(refusal.to_string().len() < 1500);
}

#[test]
fn a_connection_may_be_opened_only_where_a_flow_leads() {
    let table = sample();
    assert!(table.connects(&zone("app"), &zone("storage")));
    assert!(!table.connects(&zone("storage"), &zone("app")));
    assert!(!table.connects(&zone("nobody"), &zone("storage")));
    assert_eq!(
        table.max_connections(&zone("app"), &zone("storage")),
        Some(8)
    );
    assert_eq!(table.max_connections(&zone("app"), &zone("keeper")), None);
    assert_eq!(table.max_connections(&zone("storage"), &zone("app")), None);
}

#[test]
fn a_verb_is_decided_on_any_bucket_where_one_is_granted() {
    let table = sample();
    let any = |from: &str, to: &str, verb| match table.decide_any(&zone(from), &zone(to), verb) {
        FlowDecision::Allow(rule) => Ok(rule.line),
        FlowDecision::Refuse(refusal) => Err(refusal.code),
    };
    assert_eq!(any("intake", "storage", Verb::Append), Ok(19));
    assert_eq!(any("storage", "keeper", Verb::KeyOpen), Ok(25));
    assert_eq!(
        any("intake", "storage", Verb::Read),
        Err("FL-102".to_owned())
    );
    assert_eq!(
        any("storage", "intake", Verb::Append),
        Err("FL-101".to_owned())
    );
}

#[test]
fn a_zone_reaches_a_verb_where_any_bucket_is_granted() {
    let table = sample();
    assert!(table.reaches(&zone("analytics"), &zone("storage"), Verb::List));
    assert!(!table.reaches(&zone("app"), &zone("storage"), Verb::List));
}

/// The decision written as plainly as it can be: over the flows as they stand in the file.
fn plain(
    rules: &[(usize, Vec<Verb>, Vec<String>)],
    pair: usize,
    verb: Verb,
    bucket: Option<&str>,
) -> bool {
    rules.iter().any(|(rule_pair, verbs, globs)| {
        let on_bucket = || {
            let Some(name) = bucket else { return false };
            globs.iter().any(|glob| match glob.split_once('*') {
                None => glob == name,
                Some((head, tail)) => {
                    name.len() >= head.len() + tail.len()
                        && name.starts_with(head)
                        && name.ends_with(tail)
                        && !name.contains('/')
                }
            })
        };
        *rule_pair == pair && verbs.contains(&verb) && (!verb.takes_bucket() || on_bucket())
    })
}

/// Pairs of zones between which flows may be granted, and the verbs of each; the last pair has
/// none.
const PAIRS: &[(&str, &str, &[Verb])] = &[
    (
        "analytics",
        "storage",
        &[
            Verb::Append,
            Verb::Read,
            Verb::List,
            Verb::Delete,
            Verb::Share,
        ],
    ),
    ("intake", "storage", &[Verb::Append]),
    (
        "storage",
        "keeper",
        &[Verb::KeyNew, Verb::KeyOpen, Verb::Lease, Verb::Cosign],
    ),
    ("archive", "analytics", &[Verb::Query, Verb::Cosign]),
    ("keeper", "intake", &[]),
];

/// A flow between one of the pairs, with some of its verbs.
fn any_rule() -> impl Strategy<Value = (usize, Vec<Verb>, Vec<String>)> {
    (0..PAIRS.len() - 1).prop_flat_map(|pair| {
        let verbs = PAIRS[pair].2;
        let some = proptest::sample::subsequence(verbs.to_vec(), 1..=verbs.len());
        (
            Just(pair),
            some,
            proptest::collection::vec("[ab]{0,2}\\*?[ab]{1,2}", 1..3),
        )
    })
}

proptest! {
    #[test]
    fn a_decision_agrees_with_its_plain_meaning(
        rules in proptest::collection::vec(any_rule(), 0..8),
        pair in 0..PAIRS.len(), verb in proptest::sample::select(Verb::ALL),
        bucket in proptest::option::of("[ab/]{1,4}"),
    ) {
        // A rule that an earlier one covers is refused by the file's own checks, so it is left out.
        let mut kept = Vec::new();
        let mut text = "version = 1\n".to_owned();
        for (pair, verbs, globs) in rules {
            let names: Vec<String> = verbs.iter().map(|verb| format!("\"{verb}\"")).collect();
            let buckets = format!("buckets = {globs:?}");
            let rest = if verbs[0].takes_bucket() { buckets.as_str() } else { "" };
            let (from, to, _) = PAIRS[pair];
            let longer = format!("{text}{}", flow(from, to, &names.join(", "), rest));
            match read("f", &longer, &ground()) {
                Ok(_) => {
                    text = longer;
                    kept.push((pair, verbs, globs));
                }
                Err(faults) => {
                    prop_assert!(faults.refusals().iter().all(|fault| fault.code == "FL-007"));
                }
            }
        }
        let table = table(&text);
        prop_assert_eq!(table.rules().len(), kept.len());
        let (from, to, _) = PAIRS[pair];
        let decision = table.decide(&zone(from), &zone(to), verb, bucket.as_deref());
        let expect = plain(&kept, pair, verb, bucket.as_deref());
        match decision {
            FlowDecision::Allow(rule) => {
                prop_assert!(expect);
                prop_assert!(rule.grants(verb, bucket.as_deref()));
                prop_assert!(table.connects(&zone(from), &zone(to)));
            }
            FlowDecision::Refuse(refusal) => {
                prop_assert!(!expect);
                prop_assert!(refusal.code.starts_with("FL-10"));
            }
        }
    }
}
