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
    named(DeviceKind::Disk, name, [None, None])
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
    // The processor may be told to be weak in something that no rule names.
    watched.machine.write(
        "sys/devices/system/cpu/vulnerabilities/brand_new",
        "Vulnerable\n",
    );
    let finding = watched.look();
    let Finding::Keeps { changes } = &finding else {
        panic!("{finding:?}")
    };
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(
        changes[0].starts_with("vulnerabilities: ") && changes[0].contains(" -> "),
        "{changes:?}"
    );
    let silent = Finding::Keeps {
        changes: Vec::new(),
    };
    assert_eq!(watched.look(), silent, "told once");
    watched.machine.write(
        "sys/kernel/security/lockdown",
        "[none] integrity confidentiality\n",
    );
    let finding = watched.look();
    assert_eq!(codes(&finding), (vec!["HW-141"], Some(Certainty::Certain)));
}

/// A platform that admits what is plugged in.
fn admitting() -> Policy {
    policy_with(
        "removable       = \"forbid\"",
        "removable       = \"allow\"",
    )
}

/// Takes every attribute of a drive away and leaves its name, as sysfs does for a moment.
fn empty_of_files(machine: &Machine, name: &str) {
    let directory = machine.root().join("sys/block").join(name);
    for entry in std::fs::read_dir(std::fs::canonicalize(directory).unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_needed_drive_of_which_only_the_name_is_left_is_doubted_and_not_refused_at_once() {
    let mut watched = Watched::new("st1", lab_policy());
    let whole = watched.machine.inventory();
    let needed = watched.machine.evidence().machine().disks.value().copied();
    empty_of_files(&watched.machine, "sda");
    let torn = watched.machine.inventory();
    assert_eq!(
        torn.disks.value().map(Vec::len),
        whole.disks.value().map(Vec::len)
    );
    let (codes, certainty) = codes_owned(&watched.look_at(&torn));
    for code in ["HW-171", "HW-173", "HW-180"] {
        assert!(codes.contains(&code.to_owned()), "{code}: {codes:?}");
    }
    assert_eq!(certainty, Some(Certainty::Torn), "{needed:?} are needed");
    // A moment later it is whole again, or gone and missed.
    let mut gone = watched_again("st1", &whole, &torn);
    watched.machine.remove("sys/block/sda");
    let finding = gone.look_at(&watched.machine.inventory());
    assert!(matches!(finding, Finding::Misses { .. }), "{finding:?}");
    let mut back = watched_again("st1", &whole, &torn);
    assert!(matches!(back.look_at(&whole), Finding::Keeps { .. }));
}

/// A machine that was seen whole, and then in half.
fn watched_again(name: &'static str, whole: &Inventory, half: &Inventory) -> Watched {
    let mut watched = Watched::new(name, lab_policy());
    assert!(matches!(watched.look_at(whole), Finding::Keeps { .. }));
    let (_, certainty) = codes_owned(&watched.look_at(half));
    assert_eq!(certainty, Some(Certainty::Torn));
    watched
}

#[test]
fn half_a_drive_does_not_hide_what_is_wrong_for_certain() {
    let mut watched = Watched::new("st1", lab_policy());
    empty_of_files(&watched.machine, "sda");
    watched.machine.write(
        "sys/kernel/security/lockdown",
        "[none] integrity confidentiality\n",
    );
    let (codes, certainty) = codes_owned(&watched.look());
    assert!(codes.contains(&"HW-141".to_owned()), "{codes:?}");
    assert_eq!(certainty, Some(Certainty::Certain));
    let mut watched = Watched::new("st1", lab_policy());
    empty_of_files(&watched.machine, "sda");
    watched.usb_stick();
    let (_, certainty) = codes_owned(&watched.look());
    assert_eq!(certainty, Some(Certainty::Certain), "a stick beside it");
    // Half a drive stands for one drive and not for two.
    let mut watched = Watched::new("st1", lab_policy());
    empty_of_files(&watched.machine, "sda");
    watched.machine.write("proc/meminfo", "MemTotal: 1000 kB\n");
    let (_, certainty) = codes_owned(&watched.look());
    assert_eq!(
        certainty,
        Some(Certainty::Certain),
        "too small all the same"
    );
}

#[test]
fn a_drive_that_lost_one_of_its_names_is_the_same_and_one_with_another_name_is_not() {
    type Change = fn(&mut Disk, &Disk);
    let cases: [(Change, &[&str], Option<Certainty>); 5] = [
        (|disk, _| disk.wwid.fact = Fact::Unreadable(19), &[], None),
        (|disk, _| disk.serial.fact = Fact::Absent, &[], None),
        (
            |disk, other| disk.wwid = other.wwid.clone(),
            &["HW-172"],
            Some(Certainty::Certain),
        ),
        (
            |disk, other| {
                disk.wwid = other.wwid.clone();
                disk.serial.fact = Fact::Unreadable(19);
            },
            &["HW-172"],
            Some(Certainty::Certain),
        ),
        (
            |disk, _| {
                disk.wwid.fact = Fact::Absent;
                disk.serial.fact = Fact::Absent;
            },
            &["HW-173"],
            Some(Certainty::Torn),
        ),
    ];
    for (index, (change, expected, certainty)) in cases.into_iter().enumerate() {
        let mut watched = Watched::new("st1", lab_policy());
        let other = Machine::new("an1").inventory();
        let mut inventory = watched.machine.inventory();
        if let (Fact::Value(disks), Some(others)) = (&mut inventory.disks.fact, other.disks.value())
        {
            let name = disks[0].name.clone();
            assert!(disks[0].wwid.value().is_some() && disks[0].serial.value().is_some());
            change(&mut disks[0], &others[0]);
            assert_eq!(disks[0].name, name);
        }
        let (codes, found) = codes_owned(&watched.look_at(&inventory));
        let of_devices: Vec<&String> = codes
            .iter()
            .filter(|code| ["HW-172", "HW-173"].contains(&code.as_str()))
            .collect();
        assert_eq!(of_devices, expected, "case {index}: {codes:?}");
        if certainty.is_some() {
            assert_eq!(found, certainty, "case {index}: {codes:?}");
        }
    }
}

#[test]
fn of_two_drives_with_one_serial_number_the_one_that_is_gone_is_missed() {
    let with = ("lab", Grade::E0Simulated);
    for gone in 0..2 {
        let mut before = Machine::new("st1").inventory();
        if let Fact::Value(disks) = &mut before.disks.fact {
            disks[1].serial = disks[0].serial.clone();
        }
        let mut now = before.clone();
        let mut name = String::new();
        if let Fact::Value(disks) = &mut now.disks.fact {
            name = disks.remove(gone).name;
            // The other one tells its serial number only.
            disks[0].wwid.fact = Fact::Unreadable(19);
        }
        let look = Look::at(None, with, &now, Some(Past::begin(before, with)));
        let Finding::Keeps { changes } = look.finding else {
            panic!("nothing is refused without a law")
        };
        let missing: Vec<&String> = changes
            .iter()
            .filter(|change| change.starts_with("missing: "))
            .collect();
        assert_eq!(missing.len(), 1, "{changes:?}");
        assert!(
            missing[0].starts_with(&format!("missing: drive {name} ")),
            "{missing:?}"
        );
        assert!(
            changes.iter().all(|change| !change.starts_with("appeared")),
            "{changes:?}"
        );
    }
}

#[test]
fn a_function_whose_numbers_are_already_gone_is_doubted_and_another_in_its_slot_is_not() {
    let function = "sys/devices/pci0000:00/0000:00:03.0/0000:03:00.0";
    for file in ["vendor", "device"] {
        let mut watched = Watched::new("st1", lab_policy());
        watched.machine.remove(&format!("{function}/{file}"));
        let (codes, certainty) = codes_owned(&watched.look());
        assert_eq!(codes, ["HW-173"], "{file}");
        assert_eq!(certainty, Some(Certainty::Torn), "{file}");
    }
    // All of it is gone but the name.
    let mut watched = Watched::new("st1", lab_policy());
    for file in ["vendor", "device", "class", "iommu_group"] {
        watched.machine.remove(&format!("{function}/{file}"));
    }
    let (codes, certainty) = codes_owned(&watched.look());
    assert!(codes.contains(&"HW-130".to_owned()), "{codes:?}");
    assert_eq!(certainty, Some(Certainty::Torn), "{codes:?}");
    // Its group is gone and it is whole: then it is held by nothing.
    let mut watched = Watched::new("st1", lab_policy());
    watched.machine.remove(&format!("{function}/iommu_group"));
    let (codes, certainty) = codes_owned(&watched.look());
    assert_eq!(codes, ["HW-130"]);
    assert_eq!(certainty, Some(Certainty::Certain));
    for (file, other) in [("vendor", "0x1002\n"), ("device", "0x7777\n")] {
        let mut watched = Watched::new("st1", lab_policy());
        watched.machine.write(&format!("{function}/{file}"), other);
        let (codes, certainty) = codes_owned(&watched.look());
        assert_eq!(codes, ["HW-172"], "{file}");
        assert_eq!(certainty, Some(Certainty::Certain), "{file}");
    }
    let mut watched = Watched::new("st1", lab_policy());
    watched
        .machine
        .write("sys/bus/pci/devices/0000:7f:00.0/class", "0x088000\n");
    let (codes, certainty) = codes_owned(&watched.look());
    assert!(
        codes.contains(&"HW-172".to_owned()),
        "a new slot: {codes:?}"
    );
    assert_eq!(certainty, Some(Certainty::Certain));
}

/// A machine with a stick that was admitted, and the inventory of it without its first drive.
fn without_a_drive(watched: &Watched) -> Inventory {
    let mut inventory = watched.machine.inventory();
    if let Fact::Value(disks) = &mut inventory.disks.fact {
        disks.remove(0);
    }
    inventory
}

#[test]
fn what_was_admitted_at_noon_takes_no_grace_away_an_hour_later() {
    let mut watched = Watched::new("st1", admitting());
    watched.usb_stick();
    assert!(matches!(watched.look(), Finding::Keeps { .. }));
    let gone = without_a_drive(&watched);
    for _look in 0..2 {
        let finding = watched.look_at(&gone);
        assert!(matches!(finding, Finding::Misses { .. }), "{finding:?}");
    }
    // Under another name it is still the stick that was admitted.
    let mut renamed = gone.clone();
    if let Fact::Value(disks) = &mut renamed.disks.fact {
        disks.last_mut().unwrap().name = "sdy".to_owned();
    }
    let finding = watched.look_at(&renamed);
    assert!(matches!(finding, Finding::Misses { .. }), "{finding:?}");
}

#[test]
fn a_drive_that_comes_when_another_goes_takes_its_grace_away_and_an_adapter_does_not() {
    let mut watched = Watched::new("st1", admitting());
    watched.usb_stick();
    let gone = without_a_drive(&watched);
    let (_, certainty) = codes_owned(&watched.look_at(&gone));
    assert_eq!(certainty, Some(Certainty::Certain), "at once");
    let (_, certainty) = codes_owned(&watched.look_at(&gone));
    assert_eq!(certainty, Some(Certainty::Certain), "it was never admitted");
    let mut watched = Watched::new("st1", admitting());
    let missing = without_a_drive(&watched);
    assert!(matches!(watched.look_at(&missing), Finding::Misses { .. }));
    watched.usb_stick();
    let gone = without_a_drive(&watched);
    let (_, certainty) = codes_owned(&watched.look_at(&gone));
    assert_eq!(certainty, Some(Certainty::Certain), "within the grace");
    let mut watched = Watched::new("st1", admitting());
    let mut inventory = without_a_drive(&watched);
    let other = Machine::new("an1").inventory();
    if let (Fact::Value(nics), Some(others)) = (&mut inventory.nics.fact, other.nics.value()) {
        nics.push(others[0].clone());
    }
    let finding = watched.look_at(&inventory);
    assert!(matches!(finding, Finding::Misses { .. }), "{finding:?}");
}

#[test]
fn a_list_that_was_never_had_is_told_where_nothing_may_be_plugged_in() {
    for (policy, expected) in [(lab_policy(), &["HW-173"][..]), (admitting(), &[][..])] {
        let mut watched = Watched::new("st1", policy);
        let whole = watched.machine.inventory();
        let mut blind = whole.clone();
        blind.pci.fact = Fact::Unreadable(5);
        watched.past = Some(Past::begin(blind.clone(), ("lab", Grade::E0Simulated)));
        let finding = watched.look_at(&blind);
        let (codes, certainty) = codes_owned(&finding);
        assert_eq!(codes, expected);
        assert_eq!(certainty, (!expected.is_empty()).then_some(Certainty::Torn));
        if let Finding::Breaks { refusals, .. } = &finding {
            let shown = refusals[0].to_string();
            assert!(
                shown.contains("/sys/bus/pci/devices: unreadable, and"),
                "{shown}"
            );
        }
    }
    // No PCI at all is a list with nothing in it.
    let mut watched = Watched::new("st1", lab_policy());
    let mut none = watched.machine.inventory();
    none.pci.fact = Fact::Absent;
    watched.past = Some(Past::begin(none.clone(), ("lab", Grade::E0Simulated)));
    assert!(matches!(watched.look_at(&none), Finding::Keeps { .. }));
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
