//! Looks at the lab's machines while things are plugged in, taken out and changed.

use std::sync::Arc;

use super::super::device::{Device, DeviceKind, named};
use super::super::{Certainty, Finding, Law, Look, Past};
use crate::Grade;
use crate::fact::Fact;
use crate::inventory::Disk;
use crate::tests::rig::{Machine, lab_policy, node, policy_with};
use crate::{Inventory, Policy};

/// A drive that says no name of its own.
pub(super) fn device(name: &str) -> Device {
    named(DeviceKind::Disk, name, None)
}

struct Watched {
    machine: Machine,
    law: Law,
    past: Option<Past>,
}

impl Watched {
    fn new(name: &'static str, policy: Policy) -> Self {
        let mut watched = Self {
            machine: Machine::new(name),
            law: Law {
                policy: Arc::new(policy),
                node: node(name),
            },
            past: None,
        };
        assert_eq!(
            watched.look(),
            Finding::Keeps {
                changes: Vec::new()
            }
        );
        watched
    }

    fn look(&mut self) -> Finding {
        let inventory = self.machine.inventory();
        self.look_at(&inventory)
    }

    fn look_at(&mut self, inventory: &Inventory) -> Finding {
        let with = ("lab", Grade::E0Simulated);
        let look = Look::at(Some(&self.law), with, inventory, self.past.take());
        self.past = Some(look.past);
        look.finding
    }

    fn usb_stick(&self) {
        self.machine
            .write(
                "sys/devices/pci0000:00/usb1/1-1/host9/block/sdz/removable",
                "1\n",
            )
            .write(
                "sys/devices/pci0000:00/usb1/1-1/host9/block/sdz/serial",
                "AA00000000000489\n",
            )
            .link(
                "sys/block/sdz",
                "../devices/pci0000:00/usb1/1-1/host9/block/sdz",
            );
    }
}

/// The first drive of a machine, as sysfs names it.
fn a_drive(machine: &Machine) -> String {
    let inventory = machine.inventory();
    inventory.disks.value().unwrap()[0].name.clone()
}

fn codes(finding: &Finding) -> (Vec<&str>, Option<Certainty>) {
    match finding {
        Finding::Keeps { .. } => (Vec::new(), None),
        Finding::Misses { refusals, .. } => (
            refusals
                .iter()
                .map(|refusal| refusal.code.as_str())
                .collect(),
            None,
        ),
        Finding::Breaks {
            refusals,
            certainty,
        } => (
            refusals
                .iter()
                .map(|refusal| refusal.code.as_str())
                .collect(),
            Some(*certainty),
        ),
    }
}

#[test]
fn a_machine_that_does_not_change_keeps_the_rules_without_a_word() {
    for name in ["kp1", "st1", "in1", "an1"] {
        let mut watched = Watched::new(name, lab_policy());
        assert_eq!(
            watched.look(),
            Finding::Keeps {
                changes: Vec::new()
            }
        );
    }
}

#[test]
fn usb_storage_breaks_at_once_by_two_rules_and_no_serial_is_shown() {
    let mut watched = Watched::new("st1", lab_policy());
    watched.usb_stick();
    let finding = watched.look();
    assert_eq!(
        codes(&finding),
        (vec!["HW-170", "HW-172"], Some(Certainty::Certain))
    );
    let Finding::Breaks { refusals, .. } = &finding else {
        panic!()
    };
    let shown = refusals[1].to_string();
    assert!(
        shown.contains("drive sdz (…0489)") && shown.contains("removable"),
        "{shown}"
    );
    assert!(!format!("{finding:?}").contains("AA0000"), "{finding:?}");
}

#[test]
fn a_drive_that_comes_back_under_another_name_is_the_same_drive() {
    let mut watched = Watched::new("st1", lab_policy());
    let mut inventory = watched.machine.inventory();
    if let Fact::Value(disks) = &mut inventory.disks.fact {
        disks[0].name = "nvme9n1".to_owned();
    }
    assert!(matches!(watched.look_at(&inventory), Finding::Keeps { .. }));
}

#[test]
fn a_needed_drive_that_is_gone_is_missed_and_not_called_wrong() {
    let mut watched = Watched::new("st1", lab_policy());
    let before = watched.machine.inventory();
    let mut inventory = before.clone();
    if let Fact::Value(disks) = &mut inventory.disks.fact {
        disks.clear();
    }
    let finding = watched.look_at(&inventory);
    let Finding::Misses {
        devices, refusals, ..
    } = &finding
    else {
        panic!("{finding:?}")
    };
    assert_eq!(devices.len(), before.disks.value().unwrap().len());
    assert!(!refusals.is_empty());
    let Finding::Keeps { changes } = watched.look_at(&before) else {
        panic!()
    };
    assert!(
        changes
            .iter()
            .any(|change| change.starts_with("no longer missing")),
        "{changes:?}"
    );
}

#[test]
fn another_drive_in_the_place_of_one_that_is_gone_breaks_at_once() {
    let mut watched = Watched::new("st1", lab_policy());
    let name = a_drive(&watched.machine);
    let mut inventory = watched.machine.inventory();
    let other = Machine::new("an1").inventory();
    if let (Fact::Value(disks), Some(others)) = (&mut inventory.disks.fact, other.disks.value()) {
        disks[0] = Disk {
            name,
            ..others[0].clone()
        };
    }
    let (codes, certainty) = codes_owned(&watched.look_at(&inventory));
    assert!(codes.contains(&"HW-172".to_owned()), "{codes:?}");
    assert_eq!(certainty, Some(Certainty::Certain));
}

fn codes_owned(finding: &Finding) -> (Vec<String>, Option<Certainty>) {
    let (codes, certainty) = codes(finding);
    (codes.into_iter().map(str::to_owned).collect(), certainty)
}

#[test]
fn a_drive_read_while_it_goes_is_doubted_and_not_called_new() {
    let mut watched = Watched::new("st1", lab_policy());
    let mut inventory = watched.machine.inventory();
    if let Fact::Value(disks) = &mut inventory.disks.fact {
        disks[0].wwid.fact = Fact::Unreadable(19);
        disks[0].serial.fact = Fact::Unreadable(19);
    }
    let (codes, certainty) = codes_owned(&watched.look_at(&inventory));
    assert!(codes.contains(&"HW-173".to_owned()), "{codes:?}");
    assert!(!codes.contains(&"HW-172".to_owned()), "{codes:?}");
    assert_eq!(certainty, Some(Certainty::Torn));
}

#[test]
fn a_list_that_can_no_longer_be_read_is_doubted() {
    let mut watched = Watched::new("st1", lab_policy());
    let mut inventory = watched.machine.inventory();
    inventory.nics.fact = Fact::Unreadable(5);
    let (codes, certainty) = codes_owned(&watched.look_at(&inventory));
    assert!(codes.contains(&"HW-173".to_owned()), "{codes:?}");
    assert_eq!(certainty, Some(Certainty::Torn));
}

#[test]
fn where_the_platform_admits_what_is_plugged_in_it_is_told_and_served() {
    let allowed = policy_with(
        "removable       = \"forbid\"",
        "removable       = \"allow\"",
    );
    let mut watched = Watched::new("st1", allowed);
    watched.usb_stick();
    let finding = watched.look();
    let Finding::Keeps { changes } = &finding else {
        panic!("{finding:?}")
    };
    assert!(
        changes
            .iter()
            .any(|change| change == "appeared: drive sdz (…0489)"),
        "{changes:?}"
    );
    let again = watched.look();
    assert_eq!(
        again,
        Finding::Keeps {
            changes: Vec::new()
        },
        "told once"
    );
}

#[test]
fn a_worse_state_breaks_at_once_and_a_change_that_keeps_the_rules_is_told() {
    let mut watched = Watched::new("st1", lab_policy());
    watched.machine.write(
        "sys/kernel/security/lockdown",
        "none integrity [confidentiality]\n",
    );
    let mut finding = watched.look();
    if let Finding::Keeps { changes } = &finding {
        assert!(
            changes.is_empty() || changes[0].starts_with("lockdown"),
            "{changes:?}"
        );
    }
    watched.machine.write(
        "sys/kernel/security/lockdown",
        "[none] integrity confidentiality\n",
    );
    finding = watched.look();
    assert_eq!(codes(&finding), (vec!["HW-141"], Some(Certainty::Certain)));
}

#[test]
fn without_a_law_everything_is_told_and_nothing_refused() {
    let machine = Machine::new("st1");
    let with = ("lab", Grade::E0Simulated);
    let first = Look::at(None, with, &machine.inventory(), None);
    let empty = Machine::empty("st1");
    let second = Look::at(None, with, &empty.inventory(), Some(first.past));
    let Finding::Keeps { changes } = second.finding else {
        panic!()
    };
    assert!(!changes.is_empty());
}
