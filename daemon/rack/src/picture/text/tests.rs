//! Tests of the lines: that nothing in a finding can leave its line, and that what is too small to
//! be drawn is counted.

use std::collections::BTreeMap;

use cofferdam_hwprofile::inventory::INVENTORY_VERSION;
use serde_json::json;

use super::super::{Caption, Paint, text};
use crate::elevation::Report;
use crate::elevation::sample::{device, policy, policy_of, survey};

fn caption(grade: &str) -> Caption {
    Caption {
        epoch: "epoch 1".to_owned(),
        grade: grade.to_owned(),
    }
}

fn drawn(body: &str) -> String {
    let policy = policy("");
    text(
        &survey(body, &policy),
        &policy,
        &caption("a plan"),
        Paint::Plain,
    )
}

fn line<'t>(text: &'t str, unit: &str) -> &'t str {
    text.lines()
        .find(|line| line.trim_start().starts_with(unit))
        .unwrap()
}

#[test]
fn nothing_in_a_finding_or_a_caption_can_leave_its_line() {
    let kp1 = policy_of("kp1", "keeper");
    let rest = "node = \"kp1\"\nzone = \"keeper\"\nmodel = \"M\"";
    let mut survey = survey(&device("kp1", 3, rest), &kp1);
    let said = json!({ "path": "/p", "state": "value", "value": "Other" });
    let report = json!({ "version": INVENTORY_VERSION, "dmi": { "product_name": said } });
    let hostile = "x\u{1b}[2J\nfindings\n  fault   0 RK-000\u{202e}.json";
    let report = Report::read(hostile, &report).unwrap();
    let reports = BTreeMap::from([("kp1".parse().unwrap(), report)]);
    let mut found = survey.drawable().compare(&reports);
    // Whatever a refusal was built from, the picture keeps it on its line.
    for finding in &mut found {
        finding
            .refusal
            .read
            .push("y\u{1b}]0;t\u{7}\nz\u{2066}".to_owned());
    }
    survey.extend(found);
    let caption = caption("w\u{1b}[1m\n");
    let lines = text(&survey, &kp1, &caption, Paint::Plain);
    let bad = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{2066}'));
    assert!(!lines.contains(bad), "{lines:?}");
    assert!(
        !lines
            .lines()
            .any(|line| line == "z" || line.starts_with("  fault   0"))
    );
    let drawing = super::super::svg(&survey, &kp1, &caption);
    assert!(!drawing.contains(bad));
}

#[test]
fn bays_too_narrow_to_be_drawn_are_counted() {
    let bays = |count: usize, high: usize| {
        let bay = |number| format!("[[rack.R1.device.bay]]\nname = \"{number}\"\n");
        let bays: String = (0..count).map(bay).collect();
        drawn(&device("enc", 3, &format!("u_height = {high}\n{bays}")))
    };
    let twelve = bays(12, 2);
    assert!(line(&twelve, "3 ").contains("… 12 bays"), "{twelve}");
    assert!(line(&twelve, "4 ").contains("enc · 12 bays"), "{twelve}");
    let flat = bays(40, 1);
    assert!(line(&flat, "3 ").contains("… 40 bays"), "{flat}");
    let four = bays(4, 2);
    assert!(line(&four, "3 ").contains("▏3 –"), "{four}");
}

#[test]
fn devices_beyond_the_columns_of_a_face_are_counted() {
    let crowd = |count: usize| -> String {
        (0..count)
            .map(|number| device(&format!("d{number}"), 3, ""))
            .collect()
    };
    let eight = drawn(&crowd(8));
    assert_eq!(line(&eight, "3 ").matches('▏').count(), 8, "{eight}");
    let more = drawn(&crowd(20));
    let face = line(&more, "3 ");
    let drawn = face.matches('▏').count();
    assert!(face.contains(&format!("… {} more", 20 - drawn)), "{face}");
}
