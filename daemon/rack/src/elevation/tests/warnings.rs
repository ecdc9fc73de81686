//! What is allowed and still told to the operator: warnings, each beside the plan that earns none.

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
