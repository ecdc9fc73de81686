//! Tests of the bounds on what a plan may hold and on how much is told of it.

use super::super::sample::{FEEDS, device, policy, read, survey};
use super::*;

/// So many devices of a line each, all on one unit.
fn crowd(count: usize) -> String {
    (0..count)
        .map(|number| device(&format!("d{number}"), 1, ""))
        .collect()
}

fn refused(body: &str) -> Vec<(String, String)> {
    let faults = read(body, &policy("")).err();
    let refusals = faults.map(Faults::into_refusals).unwrap_or_default();
    refusals
        .into_iter()
        .map(|refusal| (refusal.code.clone(), refusal.to_string()))
        .collect()
}

#[test]
fn a_rack_holds_256_devices_and_one_more_is_a_fault_of_the_shape() {
    assert!(read(&crowd(256), &policy("")).is_ok());
    let told = refused(&crowd(257));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "RK-010");
    assert!(
        told[0].1.contains("257") && told[0].1.contains("256"),
        "{told:?}"
    );
}

#[test]
fn a_device_holds_64_bays_and_16_supplies_and_a_rack_16_feeds() {
    let bays = |count: usize| {
        let bay = |number| format!("[[rack.R1.device.bay]]\nname = \"{number}\"\n");
        device("enc", 1, &(0..count).map(bay).collect::<String>())
    };
    assert_eq!(refused(&bays(64)), []);
    assert_eq!(refused(&bays(65))[0].0, "RK-010");
    let supplies = |count: usize| {
        let one = "{ feed = \"A\", allocated_w = 0, maximum_w = 1 }";
        let power = format!("power = [{}]", vec![one; count].join(", "));
        format!("{FEEDS}{}", device("d", 1, &power))
    };
    assert_eq!(refused(&supplies(16)), []);
    assert_eq!(refused(&supplies(17))[0].0, "RK-010");
    let feeds = |count: usize| {
        let feed = |number| {
            format!("[rack.R1.feed.f{number}]\ntype = \"primary\"\nvoltage = 1\namperage = 1\n")
        };
        (0..count).map(feed).collect::<String>()
    };
    assert_eq!(refused(&feeds(16)), []);
    assert_eq!(refused(&feeds(17))[0].0, "RK-010");
}

#[test]
fn a_plan_holds_64_racks() {
    let racks = |count: usize| {
        let names = (0..count).map(|number| format!("[rack.n{number}]\n"));
        names.collect::<Vec<_>>().concat()
    };
    // Beside them R1 and the rack of the others.
    assert_eq!(refused(&racks(62)), []);
    assert_eq!(refused(&racks(63))[0].0, "RK-010");
}

#[test]
fn what_is_beyond_the_cap_is_counted_and_never_lost() {
    // 256 devices on one unit overlap in 32640 pairs.
    let survey = survey(&crowd(256), &policy(""));
    let faults: Vec<&Finding> = survey.faults().collect();
    assert_eq!(faults.len(), FINDINGS_LIMIT + 1);
    let last = faults.last().unwrap();
    assert_eq!(last.code.as_str(), "RK-062");
    let more = 32_640 - FINDINGS_LIMIT;
    let said = last.refusal.to_string();
    assert!(said.contains(&format!("and {more} more faults")), "{said}");
    assert!(survey.into_sound().is_err());
}

#[test]
fn warnings_take_no_room_from_faults() {
    let silent: String = (0..256)
        .map(|number| {
            let bay = "[[rack.R1.device.bay]]\nname = \"1\"";
            device(
                &format!("d{number}"),
                number % 42 + 1,
                &format!("full_depth = false\n{bay}"),
            )
        })
        .collect();
    let survey = survey(&format!("max_weight_kg = 1\n{FEEDS}{silent}"), &policy(""));
    let warnings = survey.findings().iter();
    let warnings = warnings.filter(|found| found.severity == Severity::Warning);
    assert_eq!(warnings.count(), FINDINGS_LIMIT + 1);
    assert!(survey.faults().any(|found| found.code.as_str() == "RK-042"));
}
