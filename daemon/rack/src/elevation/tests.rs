//! Tests of the elevation: its schema and the checks K1 to K11.

use proptest::prelude::*;

use super::*;

/// Four zones of which intake and the store must not share a chassis, nor intake and analytics a
/// rack; the nodes stand where the elevation says.
const POLICY: &str = r#"
version = 1
site = "test"
lab = true

[platform.bare]
virtualization = "none"

[zone.keeper]
kind = "keeper"
exposure = "internal"
data = "none"
because = "security"
platform = "bare"

[zone.storage]
kind = "storage"
exposure = "internal"
data = "identifying"
because = "security"
platform = "bare"

[zone.intake]
kind = "intake"
exposure = "partner"
data = "pseudonymous"
because = "vulnerable"
platform = "bare"

[zone.analytics]
kind = "analytics"
exposure = "internal"
data = "pseudonymous"
because = "resource-cost"
platform = "bare"

[[separate]]
zones = ["keeper", "analytics"]
domain = "chassis"
why = "keys and questions stand apart"

[[separate]]
zones = ["intake", "analytics"]
domain = "rack"
why = "one fire takes one of the two"

[[separate]]
zones = ["storage", "analytics"]
domain = "board"
why = "a blade of its own is enough"
"#;

const FEEDS: &str = "[rack.R1.feed.A]\ntype = \"primary\"\nvoltage = 230\namperage = 32\n\
                     [rack.R1.feed.B]\ntype = \"redundant\"\nvoltage = 230\namperage = 32\n";
const DUAL: &str = "power = [{ feed = \"A\", allocated_w = 100, maximum_w = 500 }, \
                    { feed = \"B\", allocated_w = 100, maximum_w = 500 }]";

/// A policy gives every zone a node; these stand in racks of their own, out of the way of what is
/// tested.
const OTHERS: [(&str, &str); 4] = [
    ("kp0", "keeper"),
    ("st0", "storage"),
    ("in0", "intake"),
    ("an0", "analytics"),
];

/// The places of those nodes.
fn others() -> String {
    let rack = |(node, zone): (&str, &str)| {
        let text = format!(
            "[rack.R1]\n{FEEDS}{}",
            device(node, 1, &format!("{}{DUAL}", tenant(node, zone)))
        );
        text.replace("rack.R1", &format!("rack.of-{node}"))
    };
    OTHERS.map(rack).concat()
}

/// The policy with these nodes, each with its zone.
fn policy(nodes: &[(&str, &str)]) -> Policy {
    policy_with(nodes, "")
}

fn policy_with(nodes: &[(&str, &str)], rest: &str) -> Policy {
    let mut text = POLICY.to_owned();
    for (node, zone) in nodes {
        text.push_str(&node_block(node, zone, rest));
    }
    for (node, zone) in OTHERS {
        text.push_str(&node_block(node, zone, ""));
    }
    Policy::parse("hwprofile.toml", &text).unwrap_or_else(|faults| panic!("{faults}"))
}

fn node_block(node: &str, zone: &str, rest: &str) -> String {
    let number = node.bytes().fold(0_u16, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u16::from(byte))
    });
    format!(
        "[node.{node}]\nzone = \"{zone}\"\nquorum = 2\n{rest}\n[node.{node}.pin]\n\
         product_serial = \"S-{node}-48213\"\ndisk = [\"eui.7a35100000c4{number:04x}\"]\n"
    )
}

/// A device at a position, with these further lines.
fn device(name: &str, position: u8, rest: &str) -> String {
    format!("[[rack.R1.device]]\nname = \"{name}\"\nposition = {position}\n{rest}\n")
}

fn tenant(node: &str, zone: &str) -> String {
    format!("node = \"{node}\"\nzone = \"{zone}\"\n")
}

fn parse(body: &str, policy: &Policy) -> Result<Elevation, Faults> {
    Elevation::parse(
        "elevation.toml",
        &format!("version = 1\n[rack.R1]\n{body}{}", others()),
        policy,
    )
}

/// Parses and expects exactly these codes. Gives all that was said.
fn check(body: &str, policy: &Policy, expect: &[&str]) -> String {
    let refusals = parse(body, policy)
        .err()
        .map(Faults::into_refusals)
        .unwrap_or_default();
    let codes: Vec<_> = refusals
        .iter()
        .map(|refusal| refusal.code.as_str())
        .collect();
    assert_eq!(codes, expect, "{refusals:#?}");
    refusals
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(
            "
",
        )
}

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

mod shape {
    use super::*;

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
}

mod places {
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
}

mod separation {
    use super::*;

    /// One enclosure with two nodes in two bays.
    fn enclosure(a: (&str, &str), b: (&str, &str)) -> String {
        let bay = |name: &str, (node, zone): (&str, &str)| {
            format!(
                "[[rack.R1.device.bay]]\nname = \"{name}\"\n{}",
                tenant(node, zone)
            )
        };
        format!(
            "{FEEDS}{}{}{}",
            device("enc", 3, DUAL),
            bay("1", a),
            bay("2", b)
        )
    }

    fn check_pair(a: (&str, &str), b: (&str, &str), expect: &[&str]) -> String {
        check(&enclosure(a, b), &policy(&[a, b]), expect)
    }

    #[test]
    fn k5_the_constitution_holds_without_a_rule_in_the_policy() {
        let said = check_pair(("st1", "storage"), ("in1", "intake"), &["RK-045"]);
        assert!(said.contains("rule      constitution"), "{said}");
        assert!(said.contains("in1 at R1 U3 (enc) bay 2"), "{said}");
        assert!(said.contains("st1 at R1 U3 (enc) bay 1"), "{said}");
    }

    #[test]
    fn k5_a_rule_at_chassis_or_rack_parts_an_enclosure() {
        let said = check_pair(("kp1", "keeper"), ("an1", "analytics"), &["RK-045"]);
        assert!(said.contains("keys and questions stand apart"), "{said}");
        assert!(said.contains("hwprofile.toml:"), "{said}");
        check_pair(("in1", "intake"), ("an1", "analytics"), &["RK-045"]);
    }

    #[test]
    fn k5_a_rule_at_board_and_two_nodes_of_one_zone_share_an_enclosure() {
        check_pair(("st1", "storage"), ("an1", "analytics"), &[]);
        check_pair(("st1", "storage"), ("st2", "storage"), &[]);
        check_pair(("kp1", "keeper"), ("in1", "intake"), &[]);
    }

    #[test]
    fn k11_a_rule_at_rack_parts_a_rack_and_a_rule_at_chassis_does_not() {
        let nodes = [("in1", "intake"), ("an1", "analytics")];
        let place = |at, (node, zone)| device(node, at, &tenant(node, zone));
        let said = check(
            &format!("{}{}", place(3, nodes[0]), place(9, nodes[1])),
            &policy(&nodes),
            &["RK-051"],
        );
        assert!(said.contains("one fire takes one of the two"), "{said}");
        let apart = format!(
            "{}[rack.R2]\n[[rack.R2.device]]\nname = \"an1\"\nposition = 3\n{}",
            place(3, nodes[0]),
            tenant("an1", "analytics")
        );
        check(&apart, &policy(&nodes), &[]);
        let nodes = [("kp1", "keeper"), ("an1", "analytics")];
        check(
            &format!("{}{}", place(3, nodes[0]), place(9, nodes[1])),
            &policy(&nodes),
            &[],
        );
    }
}

mod power {
    use super::*;

    fn fed(name: &str, at: u8, inlets: &[(&str, u32)]) -> String {
        let inlets: Vec<String> = inlets
            .iter()
            .map(|(feed, watts)| {
                format!("{{ feed = \"{feed}\", allocated_w = 0, maximum_w = {watts} }}")
            })
            .collect();
        device(name, at, &format!("power = [{}]", inlets.join(", ")))
    }

    // Each feed may carry 230 V x 32 A x 80 % = 5888 W.

    #[test]
    fn k7_a_feed_carries_its_share_with_all_feeds_alive() {
        check(
            &format!("{FEEDS}{}", fed("a", 1, &[("A", 5888)])),
            &policy(&[]),
            &[],
        );
        let said = check(
            &format!("{FEEDS}{}", fed("a", 1, &[("A", 5889)])),
            &policy(&[]),
            &["RK-047"],
        );
        assert!(
            said.contains("feed A of R1 would carry 5889 W with all feeds and may carry 5888 W"),
            "{said}"
        );
    }

    #[test]
    fn k7_a_feed_carries_everything_when_the_other_is_lost() {
        let pair = [("A", 3000), ("B", 3000)];
        check(&format!("{FEEDS}{}", fed("a", 1, &pair)), &policy(&[]), &[]);
        let body = format!("{FEEDS}{}{}", fed("a", 1, &pair), fed("b", 2, &pair));
        let said = check(&body, &policy(&[]), &["RK-047", "RK-047"]);
        assert!(
            said.contains("feed A of R1 would carry 6000 W with feed B lost"),
            "{said}"
        );
        assert!(
            said.contains("feed B of R1 would carry 6000 W with feed A lost"),
            "{said}"
        );
    }

    #[test]
    fn k7_three_phases_carry_the_square_root_of_three_as_much() {
        let three = FEEDS.replace(
            "amperage = 32\n",
            "amperage = 32\nphase = \"three-phase\"\n",
        );
        check(
            &format!("{three}{}", fed("a", 1, &[("A", 10_198)])),
            &policy(&[]),
            &[],
        );
        check(
            &format!("{three}{}", fed("a", 1, &[("A", 10_199)])),
            &policy(&[]),
            &["RK-047"],
        );
    }

    #[test]
    fn k7_a_supply_allocates_no_more_than_its_maximum() {
        let body = device(
            "a",
            1,
            "power = [{ feed = \"A\", allocated_w = 2, maximum_w = 1 }]",
        );
        check(&format!("{FEEDS}{body}"), &policy(&[]), &["RK-005"]);
    }

    #[test]
    fn k8_identifying_data_hangs_on_two_feeds() {
        let st1 = policy(&[("st1", "storage")]);
        let at = |power: &str| {
            format!(
                "{FEEDS}{}",
                device("st1", 1, &format!("{}{power}", tenant("st1", "storage")))
            )
        };
        check(&at(DUAL), &st1, &[]);
        let said = check(&at(&DUAL.replace("\"B\"", "\"A\"")), &st1, &["RK-048"]);
        assert!(said.contains("hangs on feed A alone"), "{said}");
        check(&at(""), &st1, &["RK-048"]);
        let kp1 = policy(&[("kp1", "keeper")]);
        check(
            &format!("{FEEDS}{}", device("kp1", 1, &tenant("kp1", "keeper"))),
            &kp1,
            &[],
        );
    }

    #[test]
    fn an_unknown_feed_is_refused_with_the_one_that_was_meant() {
        let feeds = FEEDS
            .replace("feed.A", "feed.north")
            .replace("feed.B", "feed.south");
        let said = check(
            &format!("{feeds}{}", fed("a", 1, &[("nroth", 1)])),
            &policy(&[]),
            &["RK-009"],
        );
        assert!(said.contains("did you mean \"north\"?"), "{said}");
        let said = check(
            &format!("{FEEDS}{}", fed("a", 1, &[("C", 1)])),
            &policy(&[]),
            &["RK-009"],
        );
        assert!(said.contains("the feeds of R1 are: A, B"), "{said}");
    }
}

mod warnings {
    use super::*;

    /// The warnings over the rack under test, in which nothing may be a fault.
    fn warned(body: &str, policy: &Policy, expect: &[&str]) -> String {
        let plan = parse(body, policy).unwrap_or_else(|faults| panic!("{faults}"));
        let warnings = plan.warnings();
        let codes: Vec<_> = warnings
            .iter()
            .map(|finding| finding.code.as_str())
            .collect();
        assert_eq!(codes, expect, "{warnings:#?}");
        warnings
            .iter()
            .map(|finding| finding.refusal.to_string())
            .collect()
    }

    #[test]
    fn k9_a_heavy_device_high_up_is_warned_about_and_a_light_or_low_one_is_not() {
        let at = |unit, weight: &str| device("a", unit, &format!("weight_kg = {weight}"));
        let said = warned(&at(21, "25"), &policy(&[]), &["RK-053"]);
        assert!(said.contains("a at U21 of R1 weighs 25.000 kg"), "{said}");
        warned(&at(20, "25"), &policy(&[]), &[]);
        warned(&at(21, "24.999"), &policy(&[]), &[]);
    }

    #[test]
    fn k9_a_missing_weight_is_told_where_the_rack_has_a_limit() {
        let limit = format!("max_weight_kg = 10\n{}", device("a", 3, ""));
        let said = warned(&limit, &policy(&[]), &["RK-055"]);
        assert!(said.contains("a at U3 of R1 says no weight_kg"), "{said}");
        warned(&device("a", 3, ""), &policy(&[]), &[]);
        let said = limit.replace("position = 3", "position = 3\nweight_kg = 0");
        warned(&said, &policy(&[]), &[]);
    }

    #[test]
    fn k8_a_node_on_one_feed_is_warned_about_where_no_data_identify() {
        let kp1 = policy(&[("kp1", "keeper")]);
        let at = |power: &str| {
            let rest = format!("{}{power}", tenant("kp1", "keeper"));
            format!("{FEEDS}{}", device("kp1", 1, &rest))
        };
        warned(&at(DUAL), &kp1, &[]);
        let said = warned(&at(&DUAL.replace("\"B\"", "\"A\"")), &kp1, &["RK-054"]);
        assert!(
            said.contains("holds kp1 and hangs on feed A alone"),
            "{said}"
        );
        let said = warned(&at(""), &kp1, &["RK-054"]);
        assert!(said.contains("no feed at all"), "{said}");
        warned(
            &format!("{FEEDS}{}", device("switch", 1, "power = []")),
            &policy(&[]),
            &[],
        );
    }

    #[test]
    fn k2_an_enclosure_that_claims_half_the_depth_is_warned_about() {
        let enclosure = |deep| {
            let bay = "[[rack.R1.device.bay]]\nname = \"1\"\n";
            device(
                "c6400",
                3,
                &format!("u_height = 2\nfull_depth = {deep}\n{bay}"),
            )
        };
        warned(&enclosure(true), &policy(&[]), &[]);
        let said = warned(&enclosure(false), &policy(&[]), &["RK-056"]);
        assert!(said.contains("c6400 at U3-U4 has 1 bays"), "{said}");
    }

    #[test]
    fn k7_a_supply_that_draws_nothing_is_warned_about() {
        let draw = |watts| {
            let power = "power = [{ feed = \"A\", allocated_w = 0, maximum_w = WATTS }]";
            let power = power.replace("WATTS", watts);
            format!("{FEEDS}{}", device("a", 1, &power))
        };
        warned(&draw("1"), &policy(&[]), &[]);
        let said = warned(&draw("0"), &policy(&[]), &["RK-058"]);
        assert!(
            said.contains("a at U1 of R1 draws 0 W from feed A"),
            "{said}"
        );
    }
}

mod feeds {
    use super::*;

    /// Three feeds of 5888 W each; a device on A and B, one on B and C, one on C and A.
    fn ring(watts: u32) -> String {
        let third = FEEDS
            .replace("feed.A", "feed.C")
            .split("[rack.R1.feed.B]")
            .next()
            .unwrap()
            .to_owned();
        let on = |name: &str, at, a: &str, b: &str| {
            let inlet = |feed: &str| {
                format!("{{ feed = \"{feed}\", allocated_w = 0, maximum_w = {watts} }}")
            };
            device(name, at, &format!("power = [{}, {}]", inlet(a), inlet(b)))
        };
        let devices = [
            on("d", 1, "A", "B"),
            on("e", 2, "B", "C"),
            on("f", 3, "C", "A"),
        ];
        format!("{FEEDS}{third}{}", devices.concat())
    }

    #[test]
    fn k7_each_feed_is_lost_in_turn() {
        // All live: half of two devices. One lost: one device whole and half of another.
        check(&ring(3925), &policy(&[]), &[]);
        let said = check(&ring(3926), &policy(&[]), &["RK-047"; 3]);
        for case in [
            "feed A of R1 would carry 5889 W with feed B lost",
            "feed B of R1 would carry 5889 W with feed A lost",
            "feed C of R1 would carry 5889 W with feed A lost",
        ] {
            assert!(said.contains(case), "{case}: {said}");
        }
    }

    #[test]
    fn every_case_of_every_feed_is_computed_for_the_picture() {
        let plan = parse(&ring(3000), &policy(&[])).unwrap();
        let rack = plan.racks().next().unwrap();
        let watts = |feed: &str| -> Vec<(Option<&str>, u64)> {
            rack.loads(&rack.feeds[feed])
                .map(|load| (load.lost, load.watts))
                .collect()
        };
        assert_eq!(
            watts("A"),
            [(None, 3000), (Some("B"), 4500), (Some("C"), 4500)]
        );
        assert_eq!(
            watts("C"),
            [(None, 3000), (Some("A"), 4500), (Some("B"), 4500)]
        );
    }

    #[test]
    fn a_device_whose_every_feed_is_lost_draws_nothing() {
        let alone = "power = [{ feed = \"B\", allocated_w = 0, maximum_w = 900 }]";
        let plan = parse(&format!("{FEEDS}{}", device("a", 1, alone)), &policy(&[])).unwrap();
        let rack = plan.racks().next().unwrap();
        assert!(rack.loads(&rack.feeds["A"]).all(|load| load.watts == 0));
    }
}

mod traps {
    use super::*;

    #[test]
    fn a_key_of_another_planner_is_refused_with_what_to_write_instead() {
        for (key, fix) in [
            ("weight = 81", "write weight_kg in kilograms"),
            ("weight_unit = \"lb\"", "1 lb is 0.454 kg"),
            ("is_full_depth = false", "calls enclosures half-deep"),
            ("mounting_depth = 190", "decides nothing here"),
            ("feed_leg = \"A\"", "are the phases of one feed"),
            ("RackOffset = 0", "Redfish counts from 0"),
            ("maximum_draw = 750", "maximum_w = ..."),
            ("subdevice_role = \"parent\"", "[[rack.NAME.device.bay]]"),
            ("atoms = \"front\"", "an interior atom is full_depth"),
        ] {
            let said = check(&device("d", 1, key), &policy(&[]), &["RK-002"]);
            assert!(said.contains(fix), "{key}: {said}");
        }
    }

    #[test]
    fn a_rack_that_counts_downwards_or_in_pounds_is_refused() {
        let said = check(
            "desc_units = true\nmax_weight = 2000\n",
            &policy(&[]),
            &["RK-002"; 2],
        );
        assert!(said.contains("always counted upwards"), "{said}");
        assert!(said.contains("never enforced; here it is"), "{said}");
    }

    #[test]
    fn two_devices_that_already_overlap_do_not_hide_a_third() {
        // NetBox passes over devices that overlap when it looks for room.
        let three = [
            device("a", 5, "u_height = 2"),
            device("b", 6, ""),
            device("c", 6, ""),
        ];
        let said = check(&three.concat(), &policy(&[]), &["RK-042"; 3]);
        assert!(
            said.contains("c at U6") && said.contains("b at U6"),
            "{said}"
        );
    }

    #[test]
    fn a_sum_over_both_feeds_that_would_pass_is_refused_when_one_is_lost() {
        // 9000 W of 11776 W is 76 %, and one feed alone carries 5888 W.
        let pair = "power = [{ feed = \"A\", allocated_w = 0, maximum_w = 9000 }, \
            { feed = \"B\", allocated_w = 0, maximum_w = 9000 }]";
        let said = check(
            &format!("{FEEDS}{}", device("a", 1, pair)),
            &policy(&[]),
            &["RK-047"; 2],
        );
        assert!(said.contains("9000 W with feed B lost"), "{said}");
    }
}

mod reports {
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
            "version": 1,
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
            "version": 1,
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
            "version": 1, "grade": "E1",
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
            json!({ "version": 1 }),
            json!({ "dmi": {} }),
            json!({ "result": "separate" }),
        ] {
            assert_eq!(Report::read("x", &value), Err(ReportError), "{value}");
        }
    }
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
            device(name, at, &format!("u_height = {height}\nface = \"{face}\"\nfull_depth = \
                {deep}"))
        };
        let found = parse(&format!("{}{}", one("a", a), one("b", b)), &policy(&[]));
        prop_assert_eq!(found.is_err(), overlap_plainly(a, b));
    }

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
