//! Every fault of a policy: its code, its line, and what it suggests.

use super::rig::{NODES, policy_text};
use crate::{Policy, PolicyFaults, Refusal};

fn faults(text: &str) -> Vec<Refusal> {
    Policy::parse("p.toml", text).map_or_else(PolicyFaults::into_faults, |_| Vec::new())
}

/// Replaces one piece of the shipped policy; expects one fault with this code and fix, on the line
/// of `at`.
fn check(from: &str, to: &str, (code, at, fix): (&str, &str, &str)) {
    let text = policy_text();
    assert!(text.contains(from), "{from}");
    let text = text.replacen(from, to, 1);
    let found = faults(&text);
    let codes: Vec<&str> = found.iter().map(|fault| fault.code.as_str()).collect();
    assert_eq!(codes, [code], "{from} -> {to}: {found:?}");
    let rule = found[0].rule.as_ref().unwrap();
    let line = text.lines().nth(rule.line - 1).unwrap();
    assert!(
        line.contains(at),
        "{from} -> {to}: line {} is {line:?}",
        rule.line
    );
    assert!(
        found[0].fix.contains(fix),
        "{from} -> {to}: {:?}",
        found[0].fix
    );
    assert_eq!(rule.file, "p.toml");
}

#[test]
fn the_shipped_policy_has_no_fault() {
    assert_eq!(faults(&policy_text()), []);
}

#[test]
fn a_key_that_was_not_filled_in_is_a_fault_on_its_line() {
    let text = policy_text();
    for (node, _) in NODES {
        assert!(!text.contains(&format!("{{{{key:{node}}}}}")));
    }
    let pin = text
        .split('"')
        .find(|piece| piece.starts_with("sha256:"))
        .unwrap();
    check(pin, "{{key:kp1}}", ("HW-014", "{{key:kp1}}", "sha256:"));
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    check(
        "site    = \"lab\"",
        "site    = lab\"",
        ("HW-001", "site", "quotes"),
    );
}

#[test]
fn a_misspelt_key_is_told_with_the_key_that_was_meant() {
    check(
        "lab     = true",
        "labb    = true",
        ("HW-002", "labb", "\"lab\""),
    );
    let found =
        faults(&policy_text().replacen("platform = \"hardened\"", "plattform = \"hardened\"", 1));
    assert_eq!(
        (found[0].code.as_str(), found[0].fix.as_str()),
        ("HW-002", "did you mean \"platform\"?")
    );
    check(
        "removable       =",
        "removeable      =",
        ("HW-002", "removeable", "\"removable\""),
    );
    check(
        "quorum   = 2\n",
        "quorom   = 2\n",
        ("HW-002", "quorom", "\"quorum\""),
    );
    check(
        "product_serial = \"NK1",
        "colour = \"x\"\nproduct_serial = \"NK1",
        ("HW-002", "colour", "keys here"),
    );
    check(
        "memory_gib = 8,",
        "memory_gib = 8, memroy = 1,",
        ("HW-002", "memroy", "keys here"),
    );
    check(
        "why    = \"who",
        "reason = \"x\"\nwhy    = \"who",
        ("HW-002", "reason", "keys here"),
    );
}

#[test]
fn a_missing_key_is_told_with_its_table() {
    check("version = 1\n", "", ("HW-003", "", "version = 1"));
    check("site    = \"lab\"\n", "", ("HW-003", "", "site"));
    check(
        "kind     = \"keeper\"\n",
        "",
        ("HW-003", "[zone.keeper]", "kind"),
    );
    check(
        "because  = \"security\"\n",
        "",
        ("HW-003", "[zone.keeper]", "because"),
    );
    check(
        "domain = \"board\"\n",
        "",
        ("HW-003", "[[separate]]", "\"board\""),
    );
    check(
        "why    = \"who falls must not take along the keys that would open the rest\"\n",
        "",
        ("HW-003", "[[separate]]", "reason"),
    );
}

#[test]
fn a_wrong_type_is_told_with_the_right_one() {
    check(
        "lab     = true",
        "lab     = \"yes\"",
        ("HW-004", "lab", "true or false"),
    );
    check(
        "position = 30",
        "position = \"30\"",
        ("HW-004", "position", "whole number"),
    );
    check(
        "because  = \"vulnerable\"",
        "because  = 3",
        ("HW-004", "because", "quotes"),
    );
    check(
        "zones  = [\"keeper\", \"*\"]",
        "zones  = \"keeper\"",
        ("HW-004", "zones", "list"),
    );
    check(
        "vulnerabilities = [\"retbleed\", \"mmio_stale_data\"]",
        "vulnerabilities = [1]",
        ("HW-004", "vulnerabilities", "list"),
    );
}

#[test]
fn a_word_outside_its_vocabulary_is_told_with_the_words() {
    check(
        "kind     = \"intake\"",
        "kind     = \"intkae\"",
        ("HW-005", "intkae", "\"intake\""),
    );
    check(
        "exposure = \"public\"",
        "exposure = \"world\"",
        ("HW-005", "world", "internal, partner, public"),
    );
    check(
        "lockdown        = \"confidentiality\"",
        "lockdown        = \"full\"",
        ("HW-005", "full", "none, integrity, confidentiality"),
    );
    check(
        "domain = \"board\"",
        "domain = \"bord\"",
        ("HW-005", "bord", "\"board\""),
    );
    check(
        "gpu_vendor = \"10de\"",
        "gpu_vendor = \"nvidia\"",
        ("HW-005", "nvidia", "10de"),
    );
    check("gpus = 2", "gpus = 0", ("HW-005", "gpus = 0", "from 1"));
    check(
        "quorum   = 2\n",
        "quorum   = 0\n",
        ("HW-005", "quorum", "from 1 to 6"),
    );
    check(
        "\"retbleed\"",
        "\"../../etc\"",
        ("HW-005", "vulnerabilities", "file name"),
    );
    check(
        "zones  = [\"keeper\", \"*\"]",
        "zones  = [\"*\", \"*\"]",
        ("HW-005", "zones", "every other"),
    );
}

#[test]
fn a_name_that_is_not_one_is_told() {
    check(
        "site    = \"lab\"",
        "site    = \"The Lab\"",
        ("HW-006", "The Lab", "letters"),
    );
    check(
        "[node.kp1]\n",
        "[node.\"KP 1\"]\nzone = \"keeper\"\npin = { product_serial = \"XQ-77\" }\n[node.kp1]\n",
        ("HW-006", "KP 1", "letters"),
    );
}

#[test]
fn an_unknown_zone_is_told_with_the_zone_that_was_meant() {
    check(
        "zones  = [\"storage\", \"analytics\"]",
        "zones  = [\"storage\", \"analytisc\"]",
        ("HW-007", "analytisc", "\"analytics\""),
    );
    check(
        "zone     = \"intake\"",
        "zone     = \"intkae\"",
        ("HW-007", "intkae", "\"intake\""),
    );
    check(
        "zones  = [\"keeper\", \"*\"]",
        "zones  = [\"vault\", \"*\"]",
        ("HW-007", "vault", "define [zone.vault]"),
    );
}

#[test]
fn an_unknown_platform_and_a_circle_are_told() {
    check(
        "platform = \"gpu\"",
        "platform = \"gpus\"",
        ("HW-008", "gpus", "\"gpu\""),
    );
    check(
        "inherits = \"hardened\"",
        "inherits = \"hardend\"",
        ("HW-008", "hardend", "\"hardened\""),
    );
    check(
        "inherits = \"hardened\"",
        "inherits = \"gpu\"",
        ("HW-008", "inherits", "circle"),
    );
}

#[test]
fn another_version_is_told() {
    check(
        "version = 1",
        "version = 2",
        ("HW-009", "version = 2", "version = 1"),
    );
}

#[test]
fn a_rule_that_can_never_fire_is_told() {
    check(
        "zones  = [\"storage\", \"analytics\"]",
        "zones  = [\"storage\", \"storage\"]",
        ("HW-010", "zones", "two zones"),
    );
    check(
        "gpus = 2, gpu_vendor = \"10de\", gpu_sharing = \"none\"",
        "gpu_vendor = \"10de\"",
        ("HW-010", "gpu_vendor", "gpus"),
    );
}

#[test]
fn a_rule_that_another_makes_useless_is_told_with_the_other() {
    check(
        "zones  = [\"storage\", \"analytics\"]\ndomain = \"board\"",
        "zones  = [\"storage\", \"intake\"]\ndomain = \"board\"",
        ("HW-011", "zones", "storage, intake at chassis"),
    );
    check(
        "zones  = [\"storage\", \"analytics\"]\ndomain = \"board\"",
        "zones  = [\"storage\", \"keeper\"]\ndomain = \"chassis\"",
        ("HW-011", "storage", "keeper, * at chassis"),
    );
}

#[test]
fn a_rule_that_is_partly_covered_or_stricter_is_no_fault() {
    for (from, to) in [
        (
            "zones  = [\"storage\", \"analytics\"]",
            "zones  = [\"storage\", \"*\"]",
        ),
        ("domain = \"board\"", "domain = \"rack\""),
    ] {
        assert_eq!(faults(&policy_text().replace(from, to)), [], "{to}");
    }
}

#[test]
fn what_nothing_uses_is_told() {
    check(
        "[node.kp1]\n",
        "[platform.spare]\ntpm = \"any\"\n[node.kp1]\n",
        ("HW-012", "[platform.spare]", "remove"),
    );
    check(
        "[node.kp1]\n",
        "[zone.spare]\nkind = \"storage\"\nexposure = \"internal\"\ndata = \"none\"\nbecause = \"legal\"\n[node.kp1]\n",
        ("HW-012", "[zone.spare]", "add a [node.NAME]"),
    );
}

#[test]
fn a_quorum_that_is_too_low_or_out_of_reach_is_told() {
    check(
        "position = 11\nquorum   = 2",
        "position = 11\nquorum   = 1",
        ("HW-013", "quorum   = 1", "quorum = 2"),
    );
    check(
        "position = 11\nquorum   = 2",
        "position = 11\nquorum   = 4",
        ("HW-013", "quorum   = 4", "more families"),
    );
    let same = "product_serial = \"NK1-4821-70317\"\nchassis_serial = \"nk1-4821-70317\"";
    let text = policy_text().replace("product_serial = \"NK1-4821-70317\"", same);
    let text = text.replace("position = 30\nquorum   = 2", "position = 30\nquorum   = 4");
    assert_eq!(
        faults(&text)[0].code,
        "HW-013",
        "one value in two families is one family"
    );
}

#[test]
fn a_pin_that_cannot_name_a_machine_is_told_and_never_shown() {
    check(
        "\"NK1-4821-70317\"",
        "\"Default string\"",
        ("HW-014", "product_serial", "hw facts"),
    );
    check(
        "\"00:00:5e:00:53:11\"",
        "\"02:fc:00:00:00:01\"",
        ("HW-014", "nic", "hw facts"),
    );
    check(
        "\"00:00:5e:00:53:11\"",
        "\"00:00:5e:00:53\"",
        ("HW-014", "nic", "hw facts"),
    );
    check(
        "product_serial = \"NK1-4821-70317\"",
        "product_serial = \"NK1-4821-70317\"\nproduct_uuid = \"4c4c4544-0058-4b10-8032-b7c04f513233\"",
        ("HW-014", "product_uuid", "hw facts"),
    );
    let found = faults(&policy_text().replace("\"00:00:5e:00:53:11\"", "\"02:fc:00:aa:bb:01\""));
    assert!(!found[0].to_string().contains("aa:bb:01"), "{}", found[0]);
}

#[test]
fn one_pin_for_two_nodes_is_told_without_the_value() {
    let found = faults(&policy_text().replace("HI2-3317-50928", "ns4-4902-11864"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, "HW-015");
    assert!(found[0].consequence.contains("in1 and st1"), "{}", found[0]);
    assert!(
        !found[0].to_string().to_lowercase().contains("4902"),
        "{}",
        found[0]
    );
    let text = policy_text();
    let keys: Vec<&str> = text
        .split('"')
        .filter(|piece| piece.starts_with("sha256:"))
        .collect();
    let found = faults(&text.replace(keys[1], keys[0]));
    assert_eq!(found[0].code, "HW-015");
}

#[test]
fn a_warning_where_data_identify_people_is_told() {
    check(
        "domain = \"board\"",
        "domain = \"board\"\non_unproven = \"warn\"",
        ("HW-016", "zones", "remove on_unproven"),
    );
    let found = faults(&policy_text().replace(
        "zones  = [\"keeper\", \"*\"]",
        "zones  = [\"keeper\", \"*\"]\non_unproven = \"warn\"",
    ));
    assert_eq!(found[0].code, "HW-016", "* takes in storage");
}

#[test]
fn a_file_beyond_the_bound_is_not_read() {
    let found = faults(&"#".repeat(1024 * 1024 + 1));
    assert_eq!(found[0].code, "HW-017");
}

#[test]
fn a_flood_of_faults_is_cut_and_says_so() {
    let flood = (0..300)
        .map(|n| format!("key{n} = 1"))
        .collect::<Vec<_>>()
        .join("\n");
    let found = faults(&flood);
    assert_eq!(found.len(), 101);
    assert_eq!(found[100].code, "HW-017");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_their_lines() {
    let text = policy_text()
        .replace("lab     = true", "labb    = true")
        .replace("kind     = \"storage\"", "kind     = \"store\"")
        .replace("domain = \"board\"", "domain = \"bord\"")
        .replace("00:00:5e:00:53:11", "02:00:5e:00:53:11");
    let found = faults(&text);
    let codes: Vec<&str> = found.iter().map(|fault| fault.code.as_str()).collect();
    assert_eq!(codes, ["HW-002", "HW-005", "HW-005", "HW-014"]);
    let lines: Vec<usize> = found
        .iter()
        .map(|fault| fault.rule.as_ref().unwrap().line)
        .collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn a_key_that_is_not_written_takes_the_strictest_value() {
    let text = policy_text().replace("tpm             = \"2.0\"\n", "");
    let policy = super::rig::parse(&text);
    let keeper = policy.zone(&"keeper".parse().unwrap()).unwrap();
    assert_eq!(keeper.platform.tpm.wants.as_str(), "2.0");
    assert!(
        keeper
            .platform
            .tpm
            .rule
            .text
            .contains("the strictest holds")
    );
    let text = policy_text().replacen("platform = \"hardened\"\n", "", 1);
    let policy = super::rig::parse(&text);
    let keeper = policy.zone(&"keeper".parse().unwrap()).unwrap();
    assert_eq!(keeper.platform.name, "strictest");
    assert_eq!(keeper.platform.lockdown.wants.as_str(), "confidentiality");
}

#[test]
fn an_inherited_key_is_cited_where_it_is_written() {
    let policy = super::rig::lab_policy();
    let gpu = &policy.zone(&"analytics".parse().unwrap()).unwrap().platform;
    assert_eq!(
        gpu.lockdown.rule.text,
        "platform.gpu.lockdown = \"integrity\""
    );
    assert_eq!(gpu.tpm.rule.text, "platform.hardened.tpm = \"2.0\"");
}
