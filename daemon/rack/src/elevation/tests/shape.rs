//! The form of an elevation: what a file of the plan may say, in which words, and what is said to
//! whoever writes another.

use super::*;

#[test]
fn a_sound_plan_is_read_and_every_node_has_its_place() {
    let policy = policy(&[("st1", "storage"), ("in1", "intake"), ("kp1", "keeper")]);
    let body = format!(
        "max_weight_kg = 100\n{FEEDS}{}{}{}",
        device(
            "st1",
            11,
            &format!(
                "u_height = 2\nweight_kg = 28.6\n{}{DUAL}",
                tenant("st1", "storage")
            )
        ),
        device("in1", 21, &tenant("in1", "intake")),
        device(
            "enc",
            30,
            &format!(
                "u_height = 2\n[[rack.R1.device.bay]]\nname = \"b\"\n{}",
                tenant("kp1", "keeper")
            )
        ),
    );
    let plan = parse(&body, &policy).unwrap_or_else(|faults| panic!("{faults}"));
    let place = |node: &str| {
        plan.place(&node.parse().unwrap())
            .map(|place| place.to_string())
    };
    assert_eq!(place("st1").as_deref(), Some("R1 U11-U12 (st1)"));
    assert_eq!(place("in1").as_deref(), Some("R1 U21 (in1)"));
    assert_eq!(place("kp1").as_deref(), Some("R1 U30-U31 (enc) bay b"));
    assert_eq!(place("an1"), None);
    let rack = plan.racks().next().unwrap();
    assert_eq!(
        (rack.u_height, rack.starting_unit, rack.max_weight_g),
        (42, 1, Some(100_000))
    );
    assert_eq!(rack.devices[0].weight_g, Some(28_600));
    assert_eq!(rack.devices[1].weight_g, None);
}

#[test]
fn an_unknown_key_is_refused_at_each_level_with_a_suggestion() {
    let body = "hight = 42\n[rack.R1.feed.A]\ntype = \"primary\"\nvolts = 1\nvoltage = \
        230\namperage = 32\n\
                [[rack.R1.device]]\nname = \"d\"\npositon = 3\nposition = 3\n\
                power = [{ feed = \"A\", allocated_w = 1, maximum_w = 1, minimum_w = 1 }]\n\
                [[rack.R1.device.bay]]\nnme = \"1\"\nname = \"1\"\n";
    let said = check(body, &policy(&[]), &["RK-002"; 5]);
    for word in [
        "did you mean position?",
        "did you mean maximum_w?",
        "did you mean name?",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn k4_a_bay_without_its_enclosure_is_refused() {
    let body = "[[rack.R1.bay]]\nname = \"1\"\n";
    let said = check(body, &policy(&[]), &["RK-044"]);
    assert!(said.contains("a bay of no enclosure"), "{said}");
}

#[test]
fn a_word_outside_its_list_is_refused_with_the_list() {
    let body = format!("airflow = \"front\"\n{}", device("d", 1, "face = \"frnt\""));
    let said = check(&body, &policy(&[]), &["RK-005", "RK-005"]);
    assert!(said.contains("did you mean \"front\"?"), "{said}");
    assert!(
        said.contains("front-to-rear, rear-to-front, passive"),
        "{said}"
    );
}

#[test]
fn a_device_without_a_name_or_a_place_is_refused() {
    check(
        "[[rack.R1.device]]\nu_height = 1\n",
        &policy(&[]),
        &["RK-003", "RK-003"],
    );
}

#[test]
fn a_name_that_would_not_fit_a_door_sign_is_refused() {
    for bad in ["", " a", "a\\nb", "ü", &"a".repeat(65)] {
        check(&device(bad, 1, ""), &policy(&[]), &["RK-005"]);
    }
}

#[test]
fn half_a_unit_and_a_negative_weight_are_refused() {
    check(&device("d", 1, "u_height = 0.5"), &policy(&[]), &["RK-004"]);
    check(
        &device("d", 1, "weight_kg = -1.0"),
        &policy(&[]),
        &["RK-005"],
    );
}

#[test]
fn a_file_without_a_rack_is_refused() {
    let faults = Elevation::parse("e", "version = 1\n", &policy(&[])).unwrap_err();
    assert_eq!(faults.refusals()[0].code, "RK-003");
}

proptest! {
    #[test]
    fn random_text_never_panics_and_every_fault_has_a_known_code(
        lines in proptest::collection::vec(
            "\\[\\[rack\\.R[12]\\.device\\]\\]|\\[\\[rack\\.R1\\.device\\.bay\\]\\]\
             |\\[rack\\.R[12](\\.feed\\.A)?\\]|(name|node|zone|face|type) = \"[a-z ]{0,6}\"\
             |(position|u_height|voltage|weight_kg|max_weight_kg) = -?[0-9]{1,4}(\\.[0-9])?\
             |power = \\[\\{ feed = \"A\" \\}\\]",
            0..14,
        ),
        noise in "\\PC{0,60}",
    ) {
        let policy = policy(&[]);
        prop_assert!(Elevation::parse("e", &noise, &policy).is_err());
        let text = format!("version = 1\n{}", lines.join("\n"));
        if let Err(faults) = Elevation::parse("e", &text, &policy) {
            for refusal in faults.refusals() {
                prop_assert!(crate::CODES.iter().any(|entry| entry.code == refusal.code));
            }
        }
    }
}
