//! Tests of K7 and K8 where a device has several supplies on one feed, or supplies that draw
//! nothing, or says nothing of its power.

use proptest::prelude::*;

use super::super::sample::{FEEDS, device, found, policy, policy_of, power, survey};

/// What a feed of R1 carries in each case.
fn watts(body: &str, feed: &str) -> Vec<u64> {
    let survey = survey(&format!("{FEEDS}{body}"), &policy(""));
    let rack = survey.drawable().racks().next().unwrap().clone();
    rack.loads(&rack.feeds[feed])
        .map(|load| load.watts)
        .collect()
}

#[test]
fn k7_the_supplies_of_one_feed_carry_everything_together_when_the_other_is_lost() {
    let blade = power(&[
        ("A", 0, 2400),
        ("A", 0, 2400),
        ("B", 0, 2400),
        ("B", 0, 2400),
    ]);
    let body = device("blades", 1, &blade);
    assert_eq!(watts(&body, "A"), [2400, 4800]);
    assert_eq!(watts(&body, "B"), [2400, 4800]);
}

#[test]
fn k7_one_supply_a_feed_shares_evenly_and_carries_all_alone() {
    let body = device("pair", 1, &power(&[("A", 0, 750), ("B", 0, 750)]));
    assert_eq!(watts(&body, "A"), [375, 750]);
    let body = device("alone", 1, &power(&[("A", 0, 900)]));
    assert_eq!(watts(&body, "A"), [900, 900]);
    assert_eq!(watts(&body, "B"), [0, 0]);
}

#[test]
fn k7_no_share_is_rounded_away_whatever_the_order_of_the_supplies() {
    // A third of 1000 W each, always rounded up: a rack may be told a watt too much, never too
    // little.
    for order in [["A", "B", "B"], ["B", "A", "B"], ["B", "B", "A"]] {
        let supplies = order.map(|feed| (feed, 0, 500));
        let body = device("three", 1, &power(&supplies));
        assert_eq!(watts(&body, "A")[0], 334);
    }
    let many: String = (1..=3)
        .map(|at| {
            let supplies = [("B", 0, 500), ("B", 0, 500), ("A", 0, 500)];
            device(&format!("d{at}"), at, &power(&supplies))
        })
        .collect();
    assert_eq!(watts(&many, "A")[0], 1001);
}

#[test]
fn k7_a_supply_never_carries_more_than_its_maximum_and_the_others_carry_the_rest() {
    let body = device("odd", 1, &power(&[("A", 0, 200), ("B", 0, 1000)]));
    assert_eq!(watts(&body, "A"), [200, 200]);
    assert_eq!(watts(&body, "B"), [800, 1000]);
    let idle = device("idle", 1, &power(&[("A", 0, 0), ("B", 0, 800)]));
    assert_eq!(
        watts(&idle, "B"),
        [800, 800],
        "a supply of 0 W takes no half"
    );
}

#[test]
fn k7_what_is_set_aside_is_carried_while_all_feeds_live() {
    let body = device("held", 1, &power(&[("A", 500, 750), ("B", 500, 750)]));
    assert_eq!(watts(&body, "A"), [500, 750]);
}

#[test]
fn k7_a_device_that_says_nothing_of_its_power_is_told_and_an_empty_list_says_nothing_is_drawn() {
    let silent = survey(&format!("{FEEDS}{}", device("sw", 3, "")), &policy(""));
    let (codes, said) = found(&silent);
    assert_eq!(codes, ["RK-060"], "{said}");
    assert!(said.contains("sw at U3 of R1 says no power"), "{said}");
    let panel = device("panel", 3, "power = []");
    assert_eq!(
        found(&survey(&format!("{FEEDS}{panel}"), &policy(""))).0,
        [""; 0]
    );
    let without = survey(&device("sw", 3, ""), &policy(""));
    assert_eq!(found(&without).0, [""; 0], "no feed, no load");
}

#[test]
fn k8_a_supply_of_no_watts_is_no_second_feed() {
    let at = |supplies| {
        let rest = format!("node = \"st1\"\nzone = \"storage\"\n{}", power(supplies));
        format!("{FEEDS}{}", device("st1", 1, &rest))
    };
    let st1 = policy_of("st1", "storage");
    let one = survey(&at(&[("A", 0, 500), ("B", 0, 0)]), &st1);
    let (codes, said) = found(&one);
    assert!(codes.contains(&"RK-048"), "{said}");
    assert!(said.contains("hangs on feed A alone"), "{said}");
    let none = survey(&at(&[("A", 0, 0), ("B", 0, 0)]), &st1);
    assert!(found(&none).1.contains("hangs on no feed at all"));
    let both = survey(&at(&[("A", 0, 500), ("B", 0, 1)]), &st1);
    assert!(!found(&both).0.contains(&"RK-048"));
}

proptest! {
    #[test]
    fn k7_the_feeds_that_live_carry_the_demand_or_all_that_their_supplies_can(
        supplies in proptest::collection::vec((0..2_usize, 0..3000_u32), 1..7),
    ) {
        let names = ["A", "B"];
        let named: Vec<(&str, u32, u32)> =
            supplies.iter().map(|(feed, most)| (names[*feed], 0, *most)).collect();
        let body = device("d", 1, &power(&named));
        let able = names.map(|name| -> u64 {
            let on_feed = named.iter().filter(|(feed, ..)| *feed == name);
            on_feed.map(|(.., most)| u64::from(*most)).sum()
        });
        let (a, b) = (watts(&body, "A"), watts(&body, "B"));
        prop_assert_eq!((a[1], b[1]), (able[0], able[1]), "alone, a feed carries all it can");
        let demand = able[0].max(able[1]);
        prop_assert!(a[0] + b[0] >= demand && a[0] + b[0] <= demand + 2, "{a:?} {b:?}");
        prop_assert!(a[0] <= able[0] && b[0] <= able[1]);
    }
}
