//! What no file can grant: the flows the constitution forbids, each beside the nearest it allows.

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
