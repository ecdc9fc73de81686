//! What the file of flows may say, and with which code and line each fault of it is told.

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

proptest! {
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
