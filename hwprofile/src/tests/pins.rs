//! Which machine may call itself by which name.

use super::rig::{Machine, lab_policy, node, policy_with};
use crate::{Evidence, Grade, NodeVerdict, judge_node};

#[test]
fn a_node_that_the_policy_does_not_list_is_refused() {
    let evidence = Machine::new("st1").evidence();
    let NodeVerdict::Refuse(refusals) = judge_node(&lab_policy(), &node("st9"), &evidence) else {
        panic!("admitted")
    };
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].code, "HW-300");
    assert!(refusals[0].read[0].contains("an1, in1, kp1, st1"));
}

#[test]
fn a_machine_under_anothers_name_is_refused_and_its_true_name_is_told() {
    let evidence = Machine::new("kp1").evidence();
    let NodeVerdict::Refuse(refusals) = judge_node(&lab_policy(), &node("st1"), &evidence) else {
        panic!("admitted")
    };
    assert_eq!(refusals[0].code, "HW-301");
    assert!(refusals[0].also[0].contains("kp1"), "{}", refusals[0]);
    assert!(
        !refusals[0].to_string().contains("NS4-4902"),
        "{}",
        refusals[0]
    );
}

#[test]
fn one_replaced_part_is_tolerated_by_the_quorum_and_two_are_not() {
    let machine = Machine::new("st1");
    machine.write("sys/class/dmi/id/product_serial", "NS4-9999-00001\n");
    assert!(machine.codes(&lab_policy()).is_empty());
    machine.write("sys/class/net/eno1/address", "00:00:5e:00:53:99\n");
    assert_eq!(machine.codes(&lab_policy()), ["HW-301"]);
}

#[test]
fn a_family_counts_only_when_every_pinned_value_was_seen() {
    let machine = Machine::new("st1");
    machine.write("sys/class/net/eno2/address", "00:00:5e:00:53:99\n");
    let policy = policy_with("position = 11\nquorum   = 2", "position = 11\nquorum   = 3");
    assert_eq!(machine.codes(&policy), ["HW-301"]);
}

#[test]
fn what_cannot_be_read_is_told_apart_from_what_differs() {
    let machine = Machine::new("st1");
    machine.remove("sys/class/dmi/id/product_serial");
    machine.write("sys/class/net/eno1/addr_assign_type", "3\n");
    machine.write("sys/class/net/eno2/addr_assign_type", "3\n");
    let refusals = machine.refusals(&lab_policy());
    assert_eq!(refusals[0].code, "HW-302");
    let shown = refusals[0].to_string();
    assert!(shown.contains("set by software"), "{shown}");
}

#[test]
fn a_placeholder_never_matches() {
    let machine = Machine::new("st1");
    machine.write(
        "sys/class/dmi/id/product_serial",
        "To Be Filled By O.E.M.\n",
    );
    let policy = policy_with("position = 11\nquorum   = 2", "position = 11\nquorum   = 3");
    let refusals = machine.refusals(&policy);
    assert_eq!(refusals[0].code, "HW-302");
    assert!(
        refusals[0].to_string().contains("To Be Filled By O.E.M."),
        "{}",
        refusals[0]
    );
}

#[test]
fn an_address_set_by_software_is_no_pin_even_when_it_is_the_right_one() {
    let machine = Machine::new("kp1");
    machine.write("sys/class/net/eno1/addr_assign_type", "3\n");
    machine.remove("sys/class/dmi/id/product_serial");
    assert_eq!(machine.codes(&lab_policy()), ["HW-302"]);
}

#[test]
fn the_member_of_a_bond_is_known_by_the_address_it_kept() {
    let machine = Machine::new("st1");
    for (name, own) in [("eno1", "00:00:5e:00:53:21"), ("eno2", "00:00:5e:00:53:22")] {
        machine.write(
            &format!("sys/class/net/{name}/address"),
            "00:00:5e:00:53:21\n",
        );
        machine.write(&format!("sys/class/net/{name}/addr_assign_type"), "3\n");
        machine.write(
            &format!("sys/class/net/{name}/bonding_slave/perm_hwaddr"),
            own,
        );
    }
    machine.remove("sys/class/dmi/id/product_serial");
    assert!(machine.codes(&lab_policy()).is_empty());
}

#[test]
fn a_drive_that_any_host_may_reach_is_no_pin() {
    let machine = Machine::new("kp1");
    machine.write("sys/block/nvme0n1/device/transport", "tcp\n");
    machine.remove("sys/class/dmi/id/product_serial");
    let codes = machine.codes(&lab_policy());
    assert_eq!(
        codes,
        ["HW-302"],
        "the serial number is missing, and the drive does not count"
    );
}

#[test]
fn evidence_of_another_site_is_refused_before_anything_is_compared() {
    let inventory = Machine::new("st1").inventory();
    let evidence = Evidence::of(&inventory, "lab-b", Grade::E0Simulated);
    let NodeVerdict::Refuse(refusals) = judge_node(&lab_policy(), &node("st1"), &evidence) else {
        panic!("admitted")
    };
    assert_eq!(refusals[0].code, "HW-101");
}
