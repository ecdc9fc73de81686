//! What a feed carries with all feeds alive and with each lost in turn (K7), and who hangs on two
//! (K8).

use super::*;

fn fed(name: &str, at: usize, inlets: &[(&str, u32)]) -> String {
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

/// Three feeds of 5888 W each; a device on A and B, one on B and C, one on C and A.
fn ring(watts: u32) -> String {
    let third = FEEDS
        .replace("feed.A", "feed.C")
        .split("[rack.R1.feed.B]")
        .next()
        .unwrap()
        .to_owned();
    let on = |name: &str, at, a: &str, b: &str| {
        let inlet =
            |feed: &str| format!("{{ feed = \"{feed}\", allocated_w = 0, maximum_w = {watts} }}");
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
