//! Where a device may stand: units, faces, bays and names (K1 to K4, K6), weight (K9) and air
//! (K10).

use super::*;

#[test]
fn k1_a_device_above_or_below_its_rack_is_refused_with_the_units() {
    let said = check(&device("d", 42, "u_height = 2"), &policy(&[]), &["RK-041"]);
    assert!(said.contains("d at U42-U43; R1 has U1-U42"), "{said}");
    check(&device("d", 0, ""), &policy(&[]), &["RK-041"]);
    check(&device("d", 42, ""), &policy(&[]), &[]);
    check(
        &format!("starting_unit = 0\n{}", device("d", 0, "")),
        &policy(&[]),
        &[],
    );
    check(
        &format!("starting_unit = 0\n{}", device("d", 42, "")),
        &policy(&[]),
        &["RK-041"],
    );
}

#[test]
fn k2_two_devices_on_one_unit_are_refused_and_both_are_named() {
    let body = format!("{}{}", device("a", 10, "u_height = 3"), device("b", 12, ""));
    let said = check(&body, &policy(&[]), &["RK-042"]);
    assert!(
        said.contains("b at U12 (full depth) and a at U10-U12 (full depth, line 3)"),
        "{said}"
    );
}

#[test]
fn k2_faces_share_a_unit_only_when_neither_takes_the_whole_depth() {
    let front = device("a", 10, "face = \"front\"\nfull_depth = false");
    let rear = device("b", 10, "face = \"rear\"\nfull_depth = false");
    let deep = device("b", 10, "face = \"rear\"");
    let other = device("b", 10, "face = \"front\"\nfull_depth = false");
    check(&format!("{front}{rear}"), &policy(&[]), &[]);
    check(&format!("{front}{deep}"), &policy(&[]), &["RK-042"]);
    check(&format!("{front}{other}"), &policy(&[]), &["RK-042"]);
}

#[test]
fn k2_devices_that_only_touch_do_not_overlap() {
    let body = format!("{}{}", device("a", 10, "u_height = 2"), device("b", 12, ""));
    check(&body, &policy(&[]), &[]);
}

#[test]
fn k3_a_device_without_height_has_no_position() {
    check(&device("pdu", 3, "u_height = 0"), &policy(&[]), &["RK-043"]);
    check(
        "[[rack.R1.device]]\nname = \"pdu\"\nu_height = 0\n",
        &policy(&[]),
        &[],
    );
}

#[test]
fn k4_a_bay_a_device_and_a_node_are_given_once() {
    let bays = "[[rack.R1.device.bay]]\nname = \"1\"\n[[rack.R1.device.bay]]\nname = \"1\"\n";
    check(&device("enc", 3, bays), &policy(&[]), &["RK-044"]);
    let twice = format!("{}{}", device("d", 3, ""), device("d", 5, ""));
    let said = check(&twice, &policy(&[]), &["RK-044"]);
    assert!(said.contains("R1 U5 and at R1 U3"), "{said}");
    let node = tenant("kp1", "keeper");
    let said = check(
        &format!("{}{}", device("a", 3, &node), device("b", 5, &node)),
        &policy(&[("kp1", "keeper")]),
        &["RK-044"],
    );
    assert!(said.contains("kp1 at R1 U5 (b) and at R1 U3 (a)"), "{said}");
}

#[test]
fn k4_an_enclosure_stands_somewhere_and_is_itself_no_node() {
    let bay = "[[rack.R1.device.bay]]\nname = \"1\"\n";
    let floating = format!("[[rack.R1.device]]\nname = \"enc\"\nu_height = 0\n{bay}");
    check(&floating, &policy(&[]), &["RK-044"]);
    let body = device("enc", 3, &format!("{}{bay}", tenant("kp1", "keeper")));
    check(&body, &policy(&[("kp1", "keeper")]), &["RK-044"]);
}

#[test]
fn k6_every_node_has_a_place_and_every_place_a_node() {
    let policy = policy(&[("kp1", "keeper"), ("kp2", "keeper")]);
    let said = check(
        &device("a", 3, &tenant("kp1", "keeper")),
        &policy,
        &["RK-046"],
    );
    assert!(said.contains("no place for kp2 of zone keeper"), "{said}");
    let body = format!(
        "{}{}",
        device("a", 3, &tenant("kp1", "keeper")),
        device("b", 5, &tenant("kp22", "keeper"))
    );
    let said = check(&body, &policy, &["RK-046", "RK-046"]);
    assert!(said.contains("did you mean kp2?"), "{said}");
}

#[test]
fn k6_a_node_without_its_zone_and_a_zone_without_its_node_are_refused() {
    check(
        &device("a", 3, "zone = \"keeper\""),
        &policy(&[]),
        &["RK-046"],
    );
    check(
        &device("a", 3, "node = \"kp1\""),
        &policy(&[("kp1", "keeper")]),
        &["RK-046"],
    );
}

#[test]
fn k6_the_zone_the_rack_and_the_position_agree_with_the_policy() {
    let agreed = policy_with(&[("kp1", "keeper")], "rack = \"R1\"\nposition = 3");
    check(&device("a", 3, &tenant("kp1", "keeper")), &agreed, &[]);
    let said = check(
        &device("a", 4, &tenant("kp1", "analytics")),
        &agreed,
        &["RK-046", "RK-046"],
    );
    assert!(said.contains("zone analytics and keeper"), "{said}");
    assert!(said.contains("position 4 and 3"), "{said}");
    let elsewhere = policy_with(&[("kp1", "keeper")], "rack = \"R2\"\nposition = 3");
    let said = check(
        &device("a", 3, &tenant("kp1", "keeper")),
        &elsewhere,
        &["RK-046"],
    );
    assert!(said.contains("rack R1 and R2"), "{said}");
}

#[test]
fn k9_a_rack_carries_no_more_than_it_may() {
    let body = |weight: &str| {
        format!(
            "max_weight_kg = 50\n{}",
            device("a", 3, &format!("weight_kg = {weight}"))
        )
    };
    check(&body("50"), &policy(&[]), &[]);
    let said = check(&body("50.001"), &policy(&[]), &["RK-049"]);
    assert!(
        said.contains("carries 50.001 kg and may carry 50.000 kg"),
        "{said}"
    );
}

#[test]
fn k10_a_device_blows_as_its_rack_does() {
    check(
        &device("a", 3, "airflow = \"front-to-rear\""),
        &policy(&[]),
        &[],
    );
    check(&device("a", 3, "airflow = \"passive\""), &policy(&[]), &[]);
    check(
        &device("a", 3, "airflow = \"rear-to-front\""),
        &policy(&[]),
        &["RK-050"],
    );
}

/// Two devices on the units of one face, compared unit by unit.
fn overlap_plainly(a: (u8, u8, bool, bool), b: (u8, u8, bool, bool)) -> bool {
    let faces = |(_, _, rear, deep): (u8, u8, bool, bool)| match (deep, rear) {
        (true, _) => vec!["front", "rear"],
        (false, true) => vec!["rear"],
        (false, false) => vec!["front"],
    };
    (1..=42_u8).any(|unit| {
        let on = |(at, height, ..): (u8, u8, bool, bool)| unit >= at && unit < at + height;
        on(a) && on(b) && faces(a).iter().any(|face| faces(b).contains(face))
    })
}

proptest! {
    #[test]
    fn overlap_agrees_with_its_plain_meaning(
        a in (1..20_u8, 1..6_u8, any::<bool>(), any::<bool>()),
        b in (1..20_u8, 1..6_u8, any::<bool>(), any::<bool>()),
    ) {
        let one = |name: &str, (at, height, rear, deep): (u8, u8, bool, bool)| {
            let face = if rear { "rear" } else { "front" };
            device(name, at.into(), &format!("u_height = {height}\nface = \"{face}\"\nfull_depth = \
                {deep}"))
        };
        let found = parse(&format!("{}{}", one("a", a), one("b", b)), &policy(&[]));
        prop_assert_eq!(found.is_err(), overlap_plainly(a, b));
    }
}
