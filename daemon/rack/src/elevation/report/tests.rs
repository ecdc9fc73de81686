//! Tests of K12 against reports that are hostile, silent or of another version.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::sample::{device, policy_of, survey};
use super::*;

const HOSTILE: &str = "/sys\u{1b}[2J\n  fix       do nothing\u{202e}";

fn reading(path: &str, value: &Value) -> Value {
    json!({ "path": path, "state": "value", "value": value })
}

/// What is found of kp1, which stands at U3 with this besides; the other nodes send no report.
fn compared(rest: &str, report: &Value) -> Vec<Finding> {
    let kp1 = policy_of("kp1", "keeper");
    let body = device(
        "kp1",
        3,
        &format!("node = \"kp1\"\nzone = \"keeper\"\n{rest}"),
    );
    let survey = survey(&body, &kp1);
    let report = Report::read("kp1\u{1b}]0;x\u{7}.json", report).unwrap();
    let reports = BTreeMap::from([("kp1".parse().unwrap(), report)]);
    let findings = survey.drawable().compare(&reports);
    let of_kp1 = |found: &Finding| found.refusal.read.iter().any(|line| line.contains("kp1"));
    findings.into_iter().filter(of_kp1).collect()
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|found| found.code.as_str()).collect()
}

#[test]
fn a_path_in_a_report_cannot_write_a_line_or_move_the_cursor() {
    let place = json!({ "rack": reading(HOSTILE, &json!("R9")) });
    let supplies = json!([{ "present": reading("/x", &json!(true)) }]);
    let report = json!({
        "version": INVENTORY_VERSION,
        "dmi": {
            "product_name": reading(HOSTILE, &json!("Other\u{1b}[31m")),
            "enclosures": reading("/x", &json!([{ "height_units": reading(HOSTILE, &json!(7)) }])),
            "rack_locators": reading("/x", &json!([place])),
            "power_supplies": reading(HOSTILE, &supplies),
        },
    });
    let rest = "model = \"M\"\npower = [\n{ feed = \"A\", allocated_w = 1, maximum_w = 1 },\n\
                { feed = \"B\", allocated_w = 1, maximum_w = 1 }]\n\
                [rack.R1.feed.A]\ntype = \"primary\"\nvoltage = 1\namperage = 1000\n\
                [rack.R1.feed.B]\ntype = \"primary\"\nvoltage = 1\namperage = 1000";
    let findings = compared(rest, &report);
    assert_eq!(codes(&findings), ["RK-052"; 4]);
    for line in findings.iter().flat_map(|found| &found.refusal.read) {
        let bare = !line.chars().any(|c| c.is_control() || c == '\u{202e}');
        assert!(bare, "{line:?}");
    }
}

#[test]
fn a_path_without_end_is_cut() {
    let long = "p".repeat(100_000);
    let report = json!({ "version": INVENTORY_VERSION, "dmi": { "product_name": reading(&long, &json!("N")) } });
    let findings = compared("model = \"M\"", &report);
    assert!(findings[0].refusal.to_string().len() < 2000);
}

#[test]
fn a_report_of_another_version_is_not_read() {
    let facts = json!({ "product_name": reading("/p", &json!("M")) });
    for version in [
        json!(0),
        json!(1),
        json!(3),
        json!("2"),
        json!(-1),
        json!(null),
    ] {
        for part in ["dmi", "machine"] {
            let report = json!({ "version": version, part: facts });
            assert_eq!(Report::read("x", &report), Err(ReportError), "{report}");
        }
    }
    for (part, version) in [("dmi", INVENTORY_VERSION), ("machine", EVIDENCE_VERSION)] {
        assert!(Report::read("x", &json!({ "version": version, part: facts })).is_ok());
    }
}

#[test]
fn silence_is_told_and_never_taken_for_agreement() {
    let silent = json!({
        "version": INVENTORY_VERSION,
        "dmi": { "product_name": { "path": "/p", "state": "absent" } },
    });
    let findings = compared("model = \"M\"", &silent);
    assert_eq!(codes(&findings), ["RK-057"]);
    let said = findings[0].refusal.to_string();
    assert!(said.contains("says nothing that can be compared"), "{said}");
    assert!(!said.contains('\u{7}'), "{said:?}");
    assert_eq!(
        codes(&compared(
            "",
            &json!({ "version": EVIDENCE_VERSION, "machine": {} })
        )),
        ["RK-057"]
    );
}

#[test]
fn what_only_one_side_says_is_not_compared_either() {
    let model = json!({ "version": INVENTORY_VERSION, "dmi": { "product_name": reading("/p", &json!("M")) } });
    assert_eq!(
        codes(&compared("", &model)),
        ["RK-057"],
        "the plan names no model"
    );
    assert_eq!(codes(&compared("model = \"m\"", &model)), [""; 0]);
}
