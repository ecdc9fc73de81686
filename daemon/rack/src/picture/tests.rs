//! Tests of the pictures: widths, escaping, and that every finding is drawn where it is.

use cofferdam_hwprofile::Policy;

use super::*;
use crate::Elevation;

const POLICY: &str = include_str!("../../../../docs/examples/rack-42u/hwprofile.toml");
const PLAN: &str = include_str!("../../../../docs/examples/rack-42u/elevation.toml");

fn caption() -> Caption {
    Caption {
        epoch: "epoch 7, signed".to_owned(),
        grade: "a plan".to_owned(),
    }
}

fn policy() -> Policy {
    Policy::parse("hwprofile.toml", POLICY).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The example with these replacements, surveyed.
fn surveyed(changes: &[(&str, &str)]) -> (Policy, Survey) {
    let policy = policy();
    let mut plan = PLAN.to_owned();
    for (from, to) in changes {
        assert!(plan.contains(from), "{from}");
        plan = plan.replacen(from, to, 1);
    }
    let survey = Elevation::survey("elevation.toml", &plan, &policy);
    (policy, survey.unwrap_or_else(|faults| panic!("{faults}")))
}

fn drawn(changes: &[(&str, &str)]) -> (String, String) {
    let (policy, survey) = surveyed(changes);
    let text = text(&survey, &policy, &caption(), Paint::Plain);
    (text, svg(&survey, &policy, &caption()))
}

/// fs1 one unit lower, so that it stands in fs2.
const OVERLAP: (&str, &str) = ("position   = 21", "position   = 20");
/// kp1 one unit above the rack.
const OUTSIDE: (&str, &str) = ("position   = 38", "position   = 43");
/// A node of files in the enclosure of the public front.
const TOGETHER: (&str, &str) = (
    "node  = \"sv1\"\nzone  = \"survey\"",
    "node  = \"fs9\"\nzone  = \"files\"",
);

/// Only the lines between the top and the bottom of the faces.
fn faces(text: &str) -> Vec<&str> {
    let lines = text.lines().skip_while(|line| !line.contains('┌'));
    lines.take_while(|line| !line.contains('└')).collect()
}

#[test]
fn the_example_keeps_every_rule_and_warns_of_nothing() {
    let (_, survey) = surveyed(&[]);
    assert_eq!(survey.findings(), []);
    assert!(survey.into_sound().is_ok());
}

#[test]
fn every_unit_has_its_line_and_every_line_of_the_faces_its_width() {
    for changes in [&[][..], &[OVERLAP, OUTSIDE, TOGETHER][..]] {
        let (text, _) = drawn(changes);
        let faces = faces(&text);
        assert!(faces.len() > 42);
        for line in &faces {
            let bare: String = line.chars().take(80).collect();
            let ends_well = matches!(bare.chars().last(), Some('│' | '┐' | '┆'));
            assert!(ends_well && bare.chars().count() == 80, "{line}");
        }
    }
}

#[test]
fn colour_adds_to_the_text_and_changes_none_of_it() {
    let (policy, survey) = surveyed(&[OVERLAP, TOGETHER]);
    let plain = text(&survey, &policy, &caption(), Paint::Plain);
    let painted = text(&survey, &policy, &caption(), Paint::Colour);
    assert!(!plain.contains('\u{1b}'));
    let mut bare = String::new();
    let mut inside = false;
    for letter in painted.chars() {
        match (inside, letter) {
            (false, '\u{1b}') => inside = true,
            (true, 'm') => inside = false,
            (true, _) => {}
            (false, letter) => bare.push(letter),
        }
    }
    assert_eq!(bare, plain);
}

#[test]
fn zones_are_told_by_letter_and_pattern_without_colour() {
    let (text, svg) = drawn(&[]);
    assert!(text.contains("K kp1 ╲╲"), "{text}");
    assert!(text.contains("F fs1 ╱╱"), "{text}");
    assert!(text.contains("▏I 1:in1▏I 2:in2▏S 3:sv1"), "{text}");
    for number in 0..6 {
        assert!(svg.contains(&format!("<pattern id=\"z{number}\"")));
        assert!(svg.contains(&format!("url(#z{number})")));
    }
}

#[test]
fn a_full_depth_device_is_seen_from_the_other_face_and_a_half_deep_one_is_not() {
    let (text, _) = drawn(&[]);
    let line = |unit: &str| {
        let line = text.lines().find(|line| line.starts_with(unit));
        line.unwrap().to_owned()
    };
    assert!(line(" 38").contains("K kp1") && line(" 38").contains("┊ (kp1)"));
    assert!(line(" 42").contains("patch-panel") && !line(" 42").contains("(patch-panel)"));
    assert!(line(" 30").contains("switch-front") && line(" 30").contains("switch-inner"));
}

#[test]
fn two_devices_in_one_place_are_drawn_beside_each_other_with_their_finding() {
    let (text, svg) = drawn(&[OVERLAP]);
    let unit = text.lines().find(|line| line.starts_with(" 20")).unwrap();
    assert!(unit.contains("F fs2") && unit.contains('╳'), "{unit}");
    assert!(unit.contains("◀"), "{unit}");
    assert!(text.contains("RK-042 K2"), "{text}");
    assert!(svg.contains("class=\"fault\"") && svg.contains("RK-042"));
}

#[test]
fn a_device_outside_its_rack_is_drawn_outside_it() {
    let (text, svg) = drawn(&[OUTSIDE]);
    let unit = text.lines().find(|line| line.starts_with(" 43")).unwrap();
    assert!(unit.contains("┆K kp1") && unit.contains('◀'), "{unit}");
    assert!(svg.contains("n e bad\">43<"), "the unit is marked");
}

#[test]
fn a_device_far_outside_is_told_beside_the_rack_and_not_drawn_for_a_hundred_units() {
    let (text, _) = drawn(&[("position   = 38", "position   = 200")]);
    let beside = text
        .lines()
        .find(|line| line.starts_with("beside"))
        .unwrap();
    assert!(beside.contains("kp1 (U200) ◀"), "{beside}");
    assert!(faces(&text).len() < 50);
}

#[test]
fn zones_that_must_not_share_an_enclosure_are_marked_at_their_bays() {
    let (text, svg) = drawn(&[TOGETHER]);
    let unit = text.lines().find(|line| line.starts_with(" 28")).unwrap();
    assert!(unit.contains("enc-front") && unit.contains('◀'), "{unit}");
    assert!(text.contains("RK-045") && svg.contains("RK-045"));
}

#[test]
fn each_feed_is_shown_with_the_other_lost_and_an_overload_where_it_is() {
    let (text, svg) = drawn(&[("maximum_w = 2000", "maximum_w = 4000")]);
    let lost = text
        .lines()
        .find(|line| line.contains("with feed B lost"))
        .unwrap();
    assert!(lost.contains('▶'), "{lost}");
    assert!(text.contains("with all feeds") && text.contains("with feed A lost"));
    assert!(svg.contains("class=\"over\"") && svg.contains(">B lost<"));
}

#[test]
fn nothing_in_a_file_can_leave_its_text_in_the_picture() {
    let (_, svg) = drawn(&[(
        "model      = \"Northline K1\"",
        "model      = \"</title><script>alert('x')</script>&\"",
    )]);
    assert!(!svg.contains("<script"), "no element of a file's making");
    assert!(svg.contains("&lt;/title&gt;&lt;script&gt;alert(&#39;x&#39;)"));
    let hostile = Caption {
        epoch: "<a href=\"x\">".to_owned(),
        grade: "\u{1b}]0;x\u{7}".to_owned(),
    };
    let (policy, survey) = surveyed(&[]);
    let svg = super::svg(&survey, &policy, &hostile);
    assert!(!svg.contains("<a ") && !svg.chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn the_picture_is_static_and_refers_to_nothing_outside() {
    let (_, svg) = drawn(&[OVERLAP, OUTSIDE, TOGETHER]);
    for word in [
        "<script", "href", "@import", "http://", "https://", "onload", "<image", "data:",
    ] {
        let count = svg.matches(word).count();
        let allowed = usize::from(word == "http://");
        assert_eq!(count, allowed, "{word}: only the name of the format");
    }
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count());
    assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
}

#[test]
fn the_same_plan_gives_the_same_picture() {
    assert_eq!(drawn(&[OVERLAP]), drawn(&[OVERLAP]));
}
