//! What other rack planners call otherwise, count otherwise or let pass, and what is said of it
//! here.

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
