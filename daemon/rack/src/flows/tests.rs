//! Tests of the flow table: what is allowed, the nearest that is refused, and what is said then.

use std::collections::BTreeMap;

use cofferdam_hwprofile::{DataClass, Exposure, KeyPin, ZoneKind, ZoneName};
use proptest::prelude::*;

use super::read::{Ground, read};
use super::*;
use crate::Code;

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

mod reading {
    use super::*;

    #[test]
    fn a_file_of_flows_and_clients_is_read() {
        let text = format!(
            "version = 1\n{}{}{}",
            client("app", "app", KEY),
            flow("app", "keeper", "\"lease\"", ""),
            flow(
                "intake",
                "storage",
                "\"append\"",
                "buckets = [\"intake-*\"]\nmax-connections = 64"
            ),
        );
        let table = table(&text);
        assert_eq!(table.rules().len(), 2);
        assert_eq!(table.rules()[1].line, 12);
        assert_eq!(
            table.rules()[1].to_string(),
            "intake -> storage  append on intake-*"
        );
        assert_eq!(
            table.rules()[1].reference().to_string(),
            "flows.toml:12  intake -> storage  append on intake-*"
        );
        let client = table.clients().next().unwrap();
        assert_eq!(client.peer().to_string(), "app/app");
        assert_eq!(client.line, 2);
    }

    #[test]
    fn a_file_without_a_flow_allows_nothing_and_is_no_fault() {
        let table = table("version = 1\n");
        for from in ground().zones.keys() {
            for to in ground().zones.keys() {
                assert!(!table.connects(from, to));
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused_at_each_level_with_a_suggestion() {
        let said = check(
            "flows = []\n[client.app]\nzone = \"app\"\nkeys = \"x\"\nwhy = \"w\"\n[[flow]]\nfrm \
             = \"intake\"\n",
            &[
                ("RK-002", 2),
                ("RK-003", 3),
                ("RK-002", 5),
                ("RK-003", 7),
                ("RK-003", 7),
                ("RK-003", 7),
                ("RK-003", 7),
                ("RK-002", 8),
            ],
        );
        for word in [
            "did you mean flow?",
            "did you mean key?",
            "did you mean from?",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }

    #[test]
    fn a_misspelt_zone_is_refused_with_the_one_that_was_meant() {
        let said = check(
            &flow("intkae", "storge", "\"append\"", "buckets = [\"a\"]"),
            &[("FL-001", 3), ("FL-001", 4)],
        );
        assert!(said.contains("did you mean \"intake\"?"), "{said}");
        assert!(said.contains("did you mean \"storage\"?"), "{said}");
    }

    #[test]
    fn a_star_is_no_zone() {
        check(&flow("*", "keeper", "\"lease\"", ""), &[("FL-001", 3)]);
        check(&flow("storage", "*", "\"lease\"", ""), &[("FL-001", 4)]);
    }

    #[test]
    fn every_misspelt_verb_is_refused_with_the_one_that_was_meant() {
        let said = check(
            &flow("storage", "keeper", "\"laese\", \"key_new\", \"own\"", ""),
            &[("FL-002", 5), ("FL-002", 5), ("FL-002", 5)],
        );
        assert!(said.contains("did you mean \"lease\"?"), "{said}");
        assert!(said.contains("did you mean \"key-new\"?"), "{said}");
        assert!(said.contains("verbs[3] = \"own\""), "{said}");
    }

    #[test]
    fn a_misspelt_bucket_pattern_is_refused_with_what_was_meant() {
        let said = check(
            &flow(
                "intake",
                "storage",
                "\"append\"",
                "buckets = [\"intake/*\", \"Files\", \"[x]\"]",
            ),
            &[("FL-003", 6), ("FL-003", 6), ("FL-003", 6)],
        );
        assert!(said.contains("did you mean \"intake-*\"?"), "{said}");
        assert!(said.contains("did you mean \"files\"?"), "{said}");
    }

    #[test]
    fn a_right_over_buckets_must_name_its_buckets() {
        check(
            &flow("intake", "storage", "\"append\"", ""),
            &[("FL-004", 2)],
        );
        check(
            &flow("intake", "storage", "\"append\"", "buckets = []"),
            &[("FL-004", 6)],
        );
    }

    #[test]
    fn buckets_beside_other_verbs_are_refused() {
        check(
            &flow("storage", "keeper", "\"lease\"", "buckets = [\"*\"]"),
            &[("FL-005", 6)],
        );
        let said = check(
            &flow(
                "analytics",
                "storage",
                "\"read\", \"cosign\"",
                "buckets = [\"a\"]",
            ),
            &[("FL-005", 6)],
        );
        assert!(said.contains("read with cosign"), "{said}");
    }

    #[test]
    fn a_verb_that_the_zone_never_answers_is_refused_with_those_it_does() {
        let said = check(
            &flow("storage", "keeper", "\"query\"", ""),
            &[("FL-006", 5)],
        );
        assert!(said.contains("key-new, key-open, lease, cosign"), "{said}");
        check(
            &flow("analytics", "storage", "\"lease\"", ""),
            &[("FL-006", 5)],
        );
    }

    #[test]
    fn a_flow_that_an_earlier_one_covers_is_refused_with_its_line() {
        let first = flow(
            "analytics",
            "storage",
            "\"read\", \"list\"",
            "buckets = [\"intake-*\"]",
        );
        let again = flow(
            "analytics",
            "storage",
            "\"list\"",
            "buckets = [\"intake-events\"]",
        );
        let said = check(&format!("{first}{again}"), &[("FL-007", 8)]);
        assert!(said.contains("which line 2 already grants"), "{said}");
        let lease = flow("storage", "keeper", "\"lease\"", "");
        check(&format!("{lease}{lease}"), &[("FL-007", 8)]);
    }

    #[test]
    fn a_flow_that_adds_one_right_to_an_earlier_one_is_no_fault() {
        let first = flow(
            "analytics",
            "storage",
            "\"read\"",
            "buckets = [\"intake-*\"]",
        );
        let verb = flow(
            "analytics",
            "storage",
            "\"read\", \"list\"",
            "buckets = [\"intake-*\"]",
        );
        let bucket = flow(
            "analytics",
            "storage",
            "\"read\"",
            "buckets = [\"intake-*\", \"x\"]",
        );
        check(&format!("{first}{verb}"), &[]);
        check(&format!("{first}{bucket}"), &[]);
    }

    #[test]
    fn two_limits_for_one_pair_are_refused_and_the_same_twice_is_not() {
        let first = flow("storage", "keeper", "\"lease\"", "max-connections = 4");
        let other = flow("storage", "keeper", "\"key-new\"", "max-connections = 5");
        let said = check(&format!("{first}{other}"), &[("FL-011", 8)]);
        assert!(said.contains("where line 2 says 4"), "{said}");
        let same = flow("storage", "keeper", "\"key-new\"", "max-connections = 4");
        check(&format!("{first}{same}"), &[]);
    }

    #[test]
    fn a_limit_of_no_connection_is_refused() {
        check(
            &flow("storage", "keeper", "\"lease\"", "max-connections = 0"),
            &[("RK-005", 6)],
        );
    }

    #[test]
    fn a_client_must_not_carry_the_name_of_a_zone_of_the_rack() {
        let text = client("app", "storage", KEY);
        check(&text, &[("FL-008", 3)]);
    }

    #[test]
    fn a_key_names_one_party() {
        let flow = flow("app", "keeper", "\"lease\"", "");
        let twice = format!(
            "{}{}{flow}",
            client("a", "app", KEY),
            client("b", "app", KEY)
        );
        check(&twice, &[("FL-009", 8)]);
        let said = check(
            &format!(
                "{}{flow}",
                client("a", "app", &KeyPin(NODE_KEY).to_string())
            ),
            &[("FL-009", 4)],
        );
        assert!(said.contains("already the key of st1"), "{said}");
    }

    #[test]
    fn what_is_no_key_pin_is_refused_also_a_placeholder_that_was_left() {
        let flow = flow("app", "keeper", "\"lease\"", "");
        for bad in ["{{key:app}}", "", "sha256:", "sha1:AAAA", "AAAA"] {
            let text = format!("{}{flow}", client("a", "app", bad));
            let refusals = read("f", &format!("version = 1\n{text}"), &ground()).unwrap_err();
            assert_eq!(refusals.refusals()[0].code, "FL-009", "{bad:?}");
        }
    }

    #[test]
    fn a_client_that_no_flow_serves_is_refused() {
        check(&client("app", "app", KEY), &[("FL-010", 2)]);
    }

    #[test]
    fn a_flow_towards_a_client_is_refused() {
        let text = format!(
            "{}{}{}",
            client("app", "app", KEY),
            flow("app", "keeper", "\"lease\"", ""),
            flow("storage", "app", "\"cosign\"", "")
        );
        check(&text, &[("FL-012", 14)]);
    }

    #[test]
    fn a_flow_without_a_verb_or_with_one_twice_is_refused() {
        check(&flow("storage", "keeper", "", ""), &[("FL-013", 5)]);
        check(
            &flow("storage", "keeper", "\"lease\", \"lease\"", ""),
            &[("FL-013", 5)],
        );
    }

    #[test]
    fn a_flow_without_a_reason_is_refused() {
        check(
            "[[flow]]\nfrom = \"storage\"\nto = \"keeper\"\nverbs = [\"lease\"]\n",
            &[("RK-003", 2)],
        );
    }

    #[test]
    fn faults_of_every_sort_are_told_at_once_in_the_order_of_their_lines() {
        let text = format!(
            "{}{}{}",
            flow("intkae", "storage", "\"append\"", "buckets = [\"a\"]"),
            flow("storage", "keeper", "\"laese\"", ""),
            flow("intake", "storage", "\"read\"", "buckets = [\"intake-*\"]"),
        );
        check(&text, &[("FL-001", 3), ("FL-002", 11), ("RK-101", 17)]);
    }
}

mod constitution {
    use super::*;

    #[test]
    fn no_flow_lets_intake_reach_into_identifying_data() {
        for verb in ["read", "list", "delete", "share"] {
            let text = flow(
                "intake",
                "storage",
                &format!("\"{verb}\""),
                "buckets = [\"intake-*\"]",
            );
            let said = check(&text, &[("RK-101", 5)]);
            assert!(
                said.contains("None") || said.contains("No manifest can allow it"),
                "{said}"
            );
        }
    }

    #[test]
    fn no_flow_lets_intake_read_anywhere_or_open_a_key() {
        check(
            &flow("intake", "archive", "\"read\"", "buckets = [\"a\"]"),
            &[("RK-102", 5)],
        );
        check(
            &flow("intake", "keeper", "\"key-open\"", ""),
            &[("RK-102", 5)],
        );
        check(
            &flow("intake", "analytics", "\"query\"", ""),
            &[("RK-102", 5)],
        );
    }

    #[test]
    fn the_nearest_flows_that_intake_needs_are_allowed() {
        check(
            &flow(
                "intake",
                "storage",
                "\"append\"",
                "buckets = [\"intake-*\"]",
            ),
            &[],
        );
        check(&flow("intake", "keeper", "\"lease\", \"key-new\"", ""), &[]);
    }

    #[test]
    fn no_flow_lets_a_public_zone_reach_into_identifying_data() {
        check(
            &flow("open", "storage", "\"list\"", "buckets = [\"a\"]"),
            &[("RK-101", 5)],
        );
        check(
            &flow("open", "archive", "\"list\"", "buckets = [\"a\"]"),
            &[],
        );
    }

    #[test]
    fn no_flow_gives_a_client_a_data_key() {
        for verb in ["key-new", "key-open"] {
            let text = format!(
                "{}{}",
                client("app", "app", KEY),
                flow("app", "keeper", &format!("\"lease\", \"{verb}\""), "")
            );
            check(&text, &[("RK-103", 9)]);
        }
    }

    #[test]
    fn no_flow_lets_the_keeper_fetch_what_its_keys_open() {
        check(
            &flow("keeper", "archive", "\"read\"", "buckets = [\"a\"]"),
            &[("RK-104", 5)],
        );
        check(&flow("keeper", "archive", "\"cosign\"", ""), &[]);
    }

    #[test]
    fn a_forbidden_flow_is_told_by_the_constitution_and_not_by_the_file() {
        let text = format!(
            "version = 1\n{}",
            flow("intake", "storage", "\"read\"", "buckets = [\"a\"]")
        );
        let faults = read("flows.toml", &text, &ground()).unwrap_err();
        let refusal = &faults.refusals()[0];
        assert_eq!(refusal.rule.as_ref().unwrap().line, 0);
        assert!(refusal.why.is_some());
        assert!(refusal.read[0].starts_with("flows.toml:5"), "{refusal}");
    }
}

mod deciding {
    use super::*;

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
        let any = |from: &str, to: &str, verb| match table.decide_any(&zone(from), &zone(to), verb)
        {
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
}

mod lab {
    use super::*;

    const LAB: &str = include_str!("../../../cofferctl/lab/flows.toml");

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

    #[test]
    fn random_text_never_panics_the_reader(text in "\\PC{0,120}") {
        prop_assert!(read("f", &text, &ground()).is_err());
    }

    #[test]
    fn random_flows_never_panic_and_every_fault_has_a_known_code(
        lines in proptest::collection::vec(
            "\\[\\[flow\\]\\]|\\[client\\.[a-zA]{1,3}\\]|(from|to|zone|key|why) = \
             \"[a-z*]{0,6}\"\
             |verbs = \\[(\"(read|lease|own)\",?){0,3}\\]|buckets = \\[\"[a*/]{0,3}\"\\]\
             |max-connections = -?[0-9]{1,3}",
            0..12,
        )
    ) {
        let text = format!("version = 1\n{}", lines.join("\n"));
        if let Err(faults) = read("f", &text, &ground()) {
            for refusal in faults.refusals() {
                prop_assert!(crate::CODES.iter().any(|entry| entry.code == refusal.code));
            }
        }
    }
}
