//! Tests of K9 and K10 where a weight or a direction is not said, and of the rule that K5 quotes.

use cofferdam_hwprofile::policy::Ruling;
use cofferdam_hwprofile::{Domain, Scope};

use super::super::sample::{device, found, policy, policy_of, survey};

#[test]
fn k10_devices_are_held_against_each_other_in_a_rack_without_a_stream() {
    let two = |a: &str, b: &str| {
        let rest = |air: &str| format!("airflow = \"{air}\"\nweight_kg = 1");
        let (a, b) = (device("a", 3, &rest(a)), device("b", 5, &rest(b)));
        survey(&format!("airflow = \"passive\"\n{a}{b}"), &policy(""))
    };
    let against = two("front-to-rear", "rear-to-front");
    let (codes, said) = found(&against);
    assert_eq!(codes, ["RK-050"], "{said}");
    assert!(
        said.contains("b at U5") && said.contains("a at U3"),
        "{said}"
    );
    assert_eq!(found(&two("rear-to-front", "rear-to-front")).0, [""; 0]);
    assert_eq!(found(&two("rear-to-front", "passive")).0, [""; 0]);
}

#[test]
fn k10_a_device_that_blows_and_does_not_say_where_is_told_where_the_plan_speaks_of_air() {
    let drawing = "power = [{ feed = \"A\", allocated_w = 0, maximum_w = 9 }]\n\
                   [rack.R1.feed.A]\ntype = \"primary\"\nvoltage = 230\namperage = 9";
    let fan = device("fan", 3, drawing);
    let said_of_rack = survey(&format!("airflow = \"front-to-rear\"\n{fan}"), &policy(""));
    let (codes, said) = found(&said_of_rack);
    assert_eq!(codes, ["RK-061"], "{said}");
    assert!(said.contains("fan at U3 of R1 says no airflow"), "{said}");
    let other = device("other", 5, "power = []\nairflow = \"front-to-rear\"");
    assert_eq!(
        found(&survey(&format!("{fan}{other}"), &policy(""))).0,
        ["RK-061"]
    );
    assert_eq!(
        found(&survey(&fan, &policy(""))).0,
        [""; 0],
        "the plan is silent on air"
    );
    let panel = format!("airflow = \"front-to-rear\"\n{}", device("panel", 3, ""));
    assert_eq!(
        found(&survey(&panel, &policy(""))).0,
        [""; 0],
        "what draws nothing blows nowhere"
    );
}

#[test]
fn k9_a_device_beside_the_units_weighs_something_too() {
    let body = "max_weight_kg = 10\n[[rack.R1.device]]\nname = \"pdu\"\nu_height = 0\n";
    let survey = survey(body, &policy(""));
    let (codes, said) = found(&survey);
    assert_eq!(codes, ["RK-055"], "{said}");
    assert!(said.contains("pdu (0 U) of R1 says no weight_kg"), "{said}");
}

#[test]
fn k5_quotes_the_rule_that_the_verdict_over_hardware_quotes() {
    // Of two equally wide ones that of the file speaks, which has a reason of its own.
    let node = |node: &str, zone: &str, number: u8| {
        format!(
            "[node.{node}]\nzone = \"{zone}\"\nquorum = 2\n[node.{node}.pin]\n\
             product_serial = \"S-{node}-48213\"\ndisk = [\"eui.7a35100000c4{number:04x}\"]\n"
        )
    };
    let policy = policy(&format!(
        "[zone.intake]\nkind = \"intake\"\nexposure = \"public\"\ndata = \"pseudonymous\"\n\
         because = \"vulnerable\"\nplatform = \"bare\"\n{}{}\
         [[separate]]\nzones = [\"intake\", \"storage\"]\ndomain = \"chassis\"\n\
         why = \"a reason of its own\"\n",
        node("in1", "intake", 17),
        node("st1", "storage", 18)
    ));
    let bay = |node: &str, zone: &str| {
        format!("[[rack.R1.device.bay]]\nname = \"{node}\"\nnode = \"{node}\"\nzone = \"{zone}\"\n")
    };
    let bays = format!("{}{}", bay("in1", "intake"), bay("st1", "storage"));
    let survey = survey(&device("enc", 3, &format!("u_height = 2\n{bays}")), &policy);
    let mut findings = survey.findings().iter();
    let together = findings
        .find(|found| found.code.as_str() == "RK-045")
        .unwrap();
    let zone = |name: &str| policy.zone(&name.parse().unwrap()).unwrap();
    let ruling = policy.ruling(
        zone("intake"),
        zone("storage"),
        Scope::Domain(Domain::Chassis),
    );
    let Ruling::Apart(apart) = ruling else {
        panic!("they are apart");
    };
    assert_eq!(together.refusal.rule.as_ref(), Some(&apart.rule));
    assert_eq!(together.refusal.why.as_deref(), Some("a reason of its own"));
}

#[test]
fn k11_a_zone_that_the_policy_does_not_know_is_told_by_k6_alone() {
    let rest = "node = \"kp1\"\nzone = \"kepeer\"\npower = []";
    let survey = survey(&device("kp1", 3, rest), &policy_of("kp1", "keeper"));
    let faults: Vec<_> = survey.faults().map(|found| found.code.as_str()).collect();
    assert_eq!(faults, ["RK-046"]);
}
