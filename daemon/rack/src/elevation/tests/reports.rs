//! The plan held against the reports of its machines (K12): what agrees, differs, or is not told.

use cofferdam_hwprofile::evidence::EVIDENCE_VERSION;
use cofferdam_hwprofile::inventory::INVENTORY_VERSION;
use serde_json::{Value, json};

use super::*;

fn reading(value: &Value) -> Value {
    json!({ "path": "/sys/firmware/dmi/tables/DMI", "state": "value", "value": value })
}

fn inventory(model: &str, height: u64, supplies: usize) -> Value {
    let silent = json!({ "path": "/x", "state": "absent" });
    let supply = json!({ "present": reading(&json!(true)) });
    let empty = json!({ "present": reading(&json!(false)) });
    let mut fitted = vec![supply; supplies];
    fitted.push(empty);
    json!({
        "version": INVENTORY_VERSION,
        "dmi": {
            "product_name": reading(&json!(model)),
            "enclosures": reading(&json!([
                { "height_units": silent },
                { "height_units": reading(&json!(height)) },
            ])),
            "power_supplies": reading(&json!(fitted)),
        },
    })
}

fn plan() -> Elevation {
    let rest = format!(
        "u_height = 2\nmodel = \"Northline S4\"\n{}{DUAL}",
        tenant("kp1", "keeper")
    );
    let body = format!("{FEEDS}{}", device("kp1", 3, &rest));
    parse(&body, &policy(&[("kp1", "keeper")])).unwrap_or_else(|faults| panic!("{faults}"))
}

fn bayed() -> Elevation {
    let bay = "[[rack.R1.device.bay]]\nname = \"2\"\n";
    let rest = format!("u_height = 2\n{DUAL}\n{bay}{}", tenant("kp1", "keeper"));
    let body = format!("{FEEDS}{}", device("enc1", 3, &rest));
    parse(&body, &policy(&[("kp1", "keeper")])).unwrap_or_else(|faults| panic!("{faults}"))
}

/// What is said of kp1; the other nodes send no report.
fn said(plan: &Elevation, report: &Value) -> Vec<String> {
    let report = Report::read("kp1.json", report).unwrap();
    let reports = BTreeMap::from([("kp1".parse().unwrap(), report)]);
    let findings = plan.compare(&reports);
    assert!(
        findings
            .iter()
            .all(|found| found.severity == Severity::Warning)
    );
    findings
        .iter()
        .filter(|found| found.code == crate::Code::ReportDiffers)
        .map(|found| found.refusal.to_string())
        .collect()
}

#[test]
fn k12_a_report_that_agrees_is_silent_however_it_is_spelt() {
    assert!(said(&plan(), &inventory("  NORTHLINE   s4 ", 2, 2)).is_empty());
    let wrapped = json!({ "verdict": "facts", "result": inventory("Northline S4", 2, 2) });
    assert!(said(&plan(), &wrapped).is_empty());
}

#[test]
fn k12_model_height_and_supplies_differ_with_both_values() {
    let told = said(&plan(), &inventory("Northline S2", 1, 1));
    assert_eq!(told.len(), 3, "{told:#?}");
    for (one, (plan, machine)) in told.iter().zip([
        ("model = \"Northline S4\"", "\"Northline S2\""),
        ("u_height = 2", "1 units"),
        ("2 entries of power", "1 supplies fitted"),
    ]) {
        assert!(one.contains(plan) && one.contains(machine), "{one}");
        assert!(one.contains("kp1 at R1 U3-U4 (kp1)"), "{one}");
    }
}

#[test]
fn k12_what_the_firmware_leaves_open_is_not_a_difference() {
    let silent = json!({
        "version": INVENTORY_VERSION,
        "dmi": {
            "product_name": { "path": "/p", "state": "placeholder", "raw": "None" },
            "enclosures": { "path": "/d", "state": "absent" },
        },
    });
    assert!(said(&plan(), &silent).is_empty());
    assert!(said(&plan(), &inventory("Northline S4", 0, 0)).is_empty());
}

#[test]
fn k12_evidence_speaks_of_the_model_alone() {
    let evidence = json!({
        "version": EVIDENCE_VERSION, "grade": "E1",
        "machine": { "product_name": reading(&json!("Otherline")) },
    });
    assert_eq!(said(&plan(), &evidence).len(), 1);
}

#[test]
fn k12_the_rack_locator_is_held_against_rack_enclosure_and_bay() {
    let at = |rack: &str, enclosure: &str, bay: &str| {
        let mut report = inventory("any", 2, 2);
        let place = json!({
            "rack": reading(&json!(rack)),
            "enclosure": reading(&json!(enclosure)),
            "serial": reading(&json!("ENC-77120-4")),
            "bay": reading(&json!(bay)),
        });
        report["dmi"]["rack_locators"] = reading(&json!([place]));
        report
    };
    assert!(said(&bayed(), &at("R1", "enc1", "2")).is_empty());
    // Padded, in capitals, its first letter lost, or never set.
    assert!(said(&bayed(), &at("UnnamedRack", "NC1  ", " 2 ")).is_empty());
    // Nobody named the enclosure, so its serial number stands there.
    assert!(said(&bayed(), &at("R1", "ENC-77120-4", "2")).is_empty());
    let told = said(&bayed(), &at("R2", "enc1", "3"));
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].contains("rack R1") && told[0].contains("rack \"R2\""),
        "{}",
        told[0]
    );
    assert!(
        told[1].contains("bay 2") && told[1].contains("bay \"3\""),
        "{}",
        told[1]
    );
    let told = said(&plan(), &at("R1", "", "7"));
    assert!(told.iter().any(|one| one.contains("no bay")), "{told:#?}");
}

#[test]
fn k12_a_node_without_a_report_is_told_and_never_passed_over() {
    let findings = plan().compare(&BTreeMap::new());
    let missing: Vec<_> = findings.iter().map(|found| found.code.as_str()).collect();
    assert_eq!(missing, ["RK-057"; 5]);
}

#[test]
fn k12_what_is_no_report_is_not_read() {
    for value in [
        json!(null),
        json!([]),
        json!({ "version": INVENTORY_VERSION }),
        json!({ "dmi": {} }),
        json!({ "result": "separate" }),
    ] {
        assert_eq!(Report::read("x", &value), Err(ReportError), "{value}");
    }
}
