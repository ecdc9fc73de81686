//! What travels, and what must not.

use super::rig::{Machine, NODES};
use crate::domain::WitnessKind;
use crate::{Evidence, Grade};

#[test]
fn evidence_survives_json_and_keeps_its_digest() {
    for (name, _) in NODES {
        let evidence = Machine::new(name).evidence();
        let text = evidence.to_json().to_string();
        let back = Evidence::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(back, evidence);
        assert_eq!(back.digest(), evidence.digest());
    }
}

#[test]
fn no_serial_number_address_or_uuid_travels() {
    for (name, tree) in NODES {
        let text = Machine::new(name)
            .evidence()
            .to_json()
            .to_string()
            .to_lowercase();
        let lines: Vec<&str> = tree.lines().collect();
        let secret = ["serial", "uuid", "wwid", "address", "boot_id"];
        let values = lines.windows(2).filter(|pair| {
            pair[0].starts_with("@ ") && secret.iter().any(|word| pair[0].ends_with(word))
        });
        let mut count = 0;
        for pair in values.filter(|pair| pair[1] != "00:00:00:00:00:00") {
            count += 1;
            assert!(
                !text.contains(&pair[1].trim().to_lowercase()),
                "{name}: {}",
                pair[0]
            );
        }
        assert!(count >= 7, "{name}: {count}");
        assert!(!text.contains("gpu-6c1f"), "{name}");
    }
}

#[test]
fn debug_shows_no_more_than_travels() {
    let machine = Machine::new("st1");
    let inventory = format!("{:?}", machine.inventory());
    for whole in [
        "NS4-4902",
        "SB42A49",
        "NSC-4901",
        "b17e40d9",
        "7a35100000d8f2",
        "53:21\"",
    ] {
        assert!(!inventory.contains(whole), "{whole}");
    }
}

#[test]
fn the_tokens_of_a_host_are_those_of_its_boot_and_its_board() {
    let evidence = Machine::new("st1").evidence();
    let tokens = evidence.host_tokens();
    assert_eq!(
        tokens.len(),
        4,
        "boot, product serial, board serial, product UUID"
    );
    assert!(tokens.contains(&evidence.boot_token().unwrap()));
    let other = Machine::new("in1").evidence().host_tokens();
    assert!(tokens.is_disjoint(&other));
}

#[test]
fn the_same_machine_at_another_site_has_other_tokens() {
    let inventory = Machine::new("st1").inventory();
    let here = Evidence::of(&inventory, "lab", Grade::E1Asserted);
    let there = Evidence::of(&inventory, "lab-b", Grade::E1Asserted);
    assert!(here.host_tokens().is_disjoint(&there.host_tokens()));
    assert_ne!(here.digest(), there.digest());
}

#[test]
fn evidence_of_another_version_or_with_a_part_missing_is_refused() {
    let whole = Machine::new("st1").evidence().to_json();
    for part in ["version", "grade", "site", "witnesses", "unseen", "machine"] {
        let mut value = whole.clone();
        value.as_object_mut().unwrap().remove(part);
        let error = Evidence::from_json(&value).unwrap_err();
        assert_eq!(error.part(), part);
        assert_eq!(error.refusal().code, "HW-303");
    }
    for (part, wrong) in [
        ("version", "1"),
        ("version", "3"),
        ("grade", "\"E9\""),
        ("witnesses", "[{}]"),
    ] {
        let mut value = whole.clone();
        value[part] = serde_json::from_str(wrong).unwrap();
        assert_eq!(Evidence::from_json(&value).unwrap_err().part(), part);
    }
    for fact in [
        "boards",
        "enclosures",
        "named_disks",
        "named_nics",
        "named_gpus",
    ] {
        let mut value = whole.clone();
        value["machine"].as_object_mut().unwrap().remove(fact);
        assert_eq!(Evidence::from_json(&value).unwrap_err().part(), "machine");
    }
}

#[test]
fn evidence_with_a_key_that_nobody_reads_is_refused() {
    let mut value = Machine::new("st1").evidence().to_json();
    value["note"] = serde_json::Value::from("trust me");
    assert_eq!(
        Evidence::from_json(&value).unwrap_err().part(),
        "an unknown key"
    );
}

#[test]
fn a_hint_longer_than_its_bound_is_refused() {
    let mut value = Machine::new("st1").evidence().to_json();
    value["witnesses"][0]["hint"] = serde_json::Value::from("…the whole serial");
    assert_eq!(Evidence::from_json(&value).unwrap_err().part(), "witnesses");
}

#[test]
fn more_witnesses_than_the_bound_are_refused() {
    let mut value = Machine::new("st1").evidence().to_json();
    let one = value["witnesses"][0].clone();
    value["witnesses"] = serde_json::Value::Array(vec![one; crate::wire::LIST_LIMIT + 1]);
    assert_eq!(Evidence::from_json(&value).unwrap_err().part(), "witnesses");
}

#[test]
fn a_witness_is_listed_once_however_often_it_is_seen() {
    let machine = Machine::new("st1");
    machine.write("sys/class/net/eno2/address", "00:00:5e:00:53:21\n");
    let evidence = machine.evidence();
    let nics = evidence
        .witnesses()
        .iter()
        .filter(|w| w.kind == WitnessKind::NicAddress);
    assert_eq!(nics.count(), 1);
}
