//! Adapters: which bus makes a witness, which ports count, and what may not be looked at.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::rig::Machine;
use crate::Fact;
use crate::domain::WitnessKind;
use crate::inventory::Bus;

/// A machine with one adapter in a PCI slot.
fn with_adapter(bus: &str) -> Machine {
    let machine = Machine::empty("kp1");
    port(&machine, "eno1", "0000:02:00.0", "b4:96:91:00:00:02");
    machine.link(
        "sys/devices/0000:02:00.0/subsystem",
        &format!("../../../../bus/{bus}"),
    );
    machine
}

/// A name on a device.
fn port<'m>(machine: &'m Machine, name: &str, device: &str, address: &str) -> &'m Machine {
    let home = format!("sys/class/net/{name}");
    machine.write(&format!("{home}/address"), address);
    machine.write(&format!("{home}/addr_assign_type"), "0\n");
    machine.write(&format!("sys/devices/{device}/uevent"), "");
    machine.link(
        &format!("{home}/device"),
        &format!("../../../devices/{device}"),
    )
}

fn bus(machine: &Machine) -> Fact<Bus> {
    machine.inventory().nics.value().unwrap()[0].bus.clone()
}

fn is_witness(machine: &Machine) -> bool {
    let evidence = machine.evidence();
    let mut kinds = evidence.witnesses().iter().map(|witness| witness.kind);
    kinds.any(|kind| kind == WitnessKind::NicAddress)
}

fn count(machine: &Machine) -> Option<u64> {
    machine.evidence().machine().nics.value().copied()
}

#[test]
fn an_adapter_on_a_bus_of_real_hardware_is_a_witness() {
    for name in ["pci", "platform", "amba", "mdio_bus", "sdio", "fsl-mc"] {
        let machine = with_adapter(name);
        assert!(is_witness(&machine), "{name}");
        assert_eq!(count(&machine), Some(1), "{name}");
    }
}

#[test]
fn an_adapter_that_a_hypervisor_makes_is_no_witness() {
    for name in ["virtio", "xen", "vmbus", "vio"] {
        let machine = with_adapter(name);
        assert_eq!(bus(&machine), Fact::Value(Bus::Hypervisor), "{name}");
        assert!(!is_witness(&machine), "{name}");
        assert_eq!(count(&machine), Some(1), "{name}: it is the machine's own");
    }
}

#[test]
fn a_part_of_an_adapter_and_a_bus_that_nobody_knows_are_no_witnesses_and_count_for_nothing() {
    for name in ["auxiliary", "netdevsim", "ccwgroup", "brand-new"] {
        let machine = with_adapter(name);
        assert!(
            matches!(bus(&machine), Fact::Unsupported(why) if why.contains(name)),
            "{name}"
        );
        assert!(!is_witness(&machine), "{name}");
        assert_eq!(count(&machine), Some(0), "{name}");
    }
}

#[test]
fn each_port_counts_once_however_many_names_it_has() {
    let machine = with_adapter("pci");
    // Two ports of one function are two.
    port(&machine, "eno2", "0000:02:00.0", "b4:96:91:00:00:03");
    machine.write("sys/class/net/eno2/dev_port", "1\n");
    assert_eq!(count(&machine), Some(2));
    // A child of InfiniBand stands on the port of its parent.
    port(&machine, "eno2.8001", "0000:02:00.0", "b4:96:91:00:00:03");
    machine.write("sys/class/net/eno2.8001/dev_port", "1\n");
    assert_eq!(count(&machine), Some(2));
    // What stands for parts within the adapter's switch counts for nothing, also alone.
    for (index, name) in ["pf0vf3", "c1pf0vf3", "pf0sf88", "pf1"].iter().enumerate() {
        let link = format!("rep{index}");
        port(&machine, &link, "0000:02:00.0", "b4:96:91:00:00:04");
        machine.write(&format!("sys/class/net/{link}/phys_port_name"), name);
        machine.write(
            &format!("sys/class/net/{link}/dev_port"),
            format!("{}\n", index + 7),
        );
        assert_eq!(count(&machine), Some(2), "{name}");
    }
    // The name of a port itself is none of those, and another function is another adapter.
    for (device, name, expected) in [
        ("0000:02:00.0", "p2", 3),
        ("0000:02:00.1", "p0", 4),
        ("0000:02:00.2", "n1p0s1", 5),
    ] {
        let link = format!("up{expected}");
        port(&machine, &link, device, "b4:96:91:00:00:05");
        machine.link(
            &format!("sys/devices/{device}/subsystem"),
            "../../../../bus/pci",
        );
        machine.write(&format!("sys/class/net/{link}/phys_port_name"), name);
        machine.write(
            &format!("sys/class/net/{link}/dev_port"),
            if name == "p2" { "2\n" } else { "0\n" },
        );
        assert_eq!(count(&machine), Some(expected), "{name}");
    }
}

#[test]
fn a_virtual_function_and_an_adapter_on_usb_count_for_nothing() {
    let machine = with_adapter("pci");
    machine.link("sys/devices/0000:02:00.0/physfn", "../0000:02:00.1");
    assert_eq!(count(&machine), Some(0));
    assert_eq!(count(&with_adapter("usb")), Some(0));
}

#[test]
fn an_adapter_that_may_not_be_looked_at_leaves_no_list_and_one_that_is_gone_leaves_the_others() {
    let machine = with_adapter("pci");
    machine.link("sys/class/net/eno2", "../../devices/gone/net/eno2");
    machine.write("sys/class/net/bonding_masters", "bond0\n");
    machine.write("sys/class/net/lo/address", "00:00:00:00:00:00\n");
    assert_eq!(machine.inventory().nics.value().map(Vec::len), Some(1));
    for target in ["eno3", "../../../../../outside"] {
        let machine = with_adapter("pci");
        machine.link("sys/class/net/eno3", target);
        let inventory = machine.inventory();
        assert!(
            matches!(inventory.nics.fact, Fact::Unsupported(_)),
            "{target}: {:?}",
            inventory.nics
        );
        let evidence = machine.evidence();
        assert!(evidence.machine().nics.value().is_none());
        let mut unseen = evidence.unseen().iter();
        assert!(unseen.any(|unseen| unseen.kind == WitnessKind::NicAddress));
    }
    let machine = with_adapter("pci");
    machine.write("sys/class/net/eno4/address", "b4:96:91:00:00:07\n");
    let closed = machine.root().join("sys/class/net/eno4");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read_dir(&closed).is_ok();
    let nics = machine.inventory().nics;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    if is_root {
        assert_eq!(nics.value().map(Vec::len), Some(1));
    } else {
        assert_eq!(nics.fact, Fact::Unreadable(13));
    }
}
