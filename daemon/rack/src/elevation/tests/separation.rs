//! Which nodes may not share an enclosure (K5) or a rack (K11): the constitution and the policy's
//! rules.

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
