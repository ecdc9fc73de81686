//! Drives: which are inside the machine, which can be carried away, and how many there are.

use super::rig::{Machine, lab_policy};
use crate::Fact;
use crate::domain::WitnessKind;
use crate::identity::Reach;
use crate::inventory::{Disk, Medium, Transport};

/// A machine with one drive at a place below `/sys/devices`.
fn with_drive(home: &str, name: &str) -> Machine {
    let machine = Machine::empty("kp1");
    drive(&machine, home, name, "S3Z8NB0K");
    machine
}

fn drive<'m>(machine: &'m Machine, home: &str, name: &str, serial: &str) -> &'m Machine {
    let block = format!("sys/devices/{home}/block/{name}");
    machine.write(&format!("{block}/removable"), "0\n");
    machine.link(&format!("{block}/device"), "../..");
    machine.write(&format!("sys/devices/{home}/serial"), serial);
    machine.link(
        &format!("sys/block/{name}"),
        &format!("../devices/{home}/block/{name}"),
    )
}

fn only(machine: &Machine) -> Disk {
    machine.inventory().disks.value().unwrap()[0].clone()
}

fn reach(machine: &Machine) -> Option<Reach> {
    let evidence = machine.evidence();
    let mut witnesses = evidence.witnesses().iter();
    let serial = witnesses.find(|witness| witness.kind == WitnessKind::DiskSerial);
    serial.map(|witness| witness.reach)
}

fn count(machine: &Machine) -> Option<u64> {
    machine.evidence().machine().disks.value().copied()
}

/// Each place of a drive, its name, the transport that the place tells, and whether that is inside.
const PLACES: &[(&str, &str, Transport, bool)] = &[
    (
        "pci/host4/port-4:0/end_device-4:0/target4:0:0",
        "sda",
        Transport::Scsi,
        true,
    ),
    (
        "pci/host4/port-4:0/expander-4:0/port-4:0:1/end_device-4:0:1",
        "sda",
        Transport::Scsi,
        true,
    ),
    (
        "pci/host0/target0:2:0/0:2:0:0",
        "sda",
        Transport::Scsi,
        true,
    ),
    (
        "pci/ata1/host0/target0:0:0/0:0:0:0",
        "sda",
        Transport::Sata,
        true,
    ),
    ("platform/mmc0/mmc0:0001", "mmcblk0", Transport::Mmc, true),
    (
        "pci/host5/port-5:1/target5:0:0/5:0:0:1",
        "sdb",
        Transport::Srp,
        false,
    ),
    (
        "pci/host2/rport-2:0-1/target2:0:0",
        "sdc",
        Transport::FibreChannel,
        false,
    ),
    (
        "platform/host3/session1/target3:0:0",
        "sdd",
        Transport::Iscsi,
        false,
    ),
    ("css0/0.0.0009/0.0.1234", "dasda", Transport::Other, false),
    ("pci/brand-new0", "new0", Transport::Other, false),
    ("vbd-51712", "xvda", Transport::Hypervisor, false),
    (
        "LNXSYSTM:00/VMBUS:00/f8b3781a/host0/target0:0:0",
        "sda",
        Transport::Hypervisor,
        false,
    ),
    (
        "LNXSYSTM:00/MSFT1000:00/f8b3781a/host0/target0:0:0",
        "sda",
        Transport::Hypervisor,
        false,
    ),
    (
        "vio/30000003/host0/target0:0:1",
        "sda",
        Transport::Hypervisor,
        false,
    ),
    ("pci/virtio1", "vda", Transport::Hypervisor, false),
    (
        "pci/usb1/1-1/host9/target9:0:0",
        "sdz",
        Transport::Usb,
        false,
    ),
];

#[test]
fn only_a_drive_whose_transport_is_known_to_be_inside_is_inside() {
    for (place, name, transport, is_local) in PLACES {
        let home = place.replace("pci/", "pci0000:00/0000:00:02.0/");
        let machine = with_drive(&home, name);
        machine.write(&format!("sys/devices/{home}/type"), "MMC\n");
        assert_eq!(only(&machine).transport, Fact::Value(*transport), "{home}");
        let expected = if *is_local {
            Reach::Local
        } else {
            Reach::Remote
        };
        let expected = (*transport != Transport::Usb).then_some(expected);
        assert_eq!(reach(&machine), expected, "{home}");
        let is_counted = *is_local || *transport == Transport::Hypervisor;
        assert_eq!(count(&machine), Some(u64::from(is_counted)), "{home}");
    }
}

#[test]
fn a_card_can_be_carried_away_and_a_chip_cannot() {
    let home = "platform/mmc0/mmc0:0001";
    let cases = [
        (Some("MMC\n"), Some(Medium::Fixed)),
        (Some("SD\n"), Some(Medium::Removable)),
        (Some("SDcombo\n"), Some(Medium::Removable)),
        (Some("UFO\n"), None),
        (Some(""), None),
        (None, None),
    ];
    for (kind, expected) in cases {
        let machine = with_drive(home, "mmcblk0");
        if let Some(kind) = kind {
            machine.write(&format!("sys/devices/{home}/type"), kind);
        }
        let medium = only(&machine).medium;
        assert_eq!(medium.value().copied(), expected, "{kind:?}");
        assert_eq!(medium.path, "/sys/block/mmcblk0/device/type");
        let removable = machine.inventory().removable;
        let named = removable.value().map(|names| !names.is_empty());
        assert_eq!(named, expected.map(|medium| medium == Medium::Removable));
        assert_eq!(
            count(&machine),
            Some(u64::from(expected == Some(Medium::Fixed)))
        );
    }
}

#[test]
fn the_boot_areas_of_a_chip_are_parts_of_it() {
    let home = "platform/mmc0/mmc0:0001";
    let machine = with_drive(home, "mmcblk0");
    machine.write(&format!("sys/devices/{home}/type"), "MMC\n");
    drive(
        &machine,
        &format!("{home}/block/mmcblk0"),
        "mmcblk0boot0",
        "",
    );
    assert_eq!(count(&machine), Some(1));
    assert_eq!(machine.inventory().removable.value().map(Vec::len), Some(0));
}

#[test]
fn a_drive_on_an_outer_port_can_be_carried_away() {
    let function = "sys/devices/pci0000:00/0000:00:03.0/0000:03:00.0";
    for (told, code) in [
        (None, None),
        (Some("fixed\n"), None),
        (Some("unknown\n"), None),
        (Some("removable\n"), Some("HW-170")),
    ] {
        let machine = Machine::new("st1");
        if let Some(told) = told {
            machine.write(&format!("{function}/removable"), told);
        }
        let codes = machine.codes(&lab_policy());
        // What is carried away is no drive of the machine's own either.
        assert_eq!(
            codes.first().map(String::as_str),
            code,
            "{told:?}: {codes:?}"
        );
    }
    let machine = Machine::new("st1");
    machine.write(&format!("{function}/removable/file"), "");
    assert!(machine.codes(&lab_policy()).contains(&"HW-171".to_owned()));
}

#[test]
fn namespaces_units_and_paths_of_one_drive_are_one_drive() {
    let machine = Machine::empty("kp1");
    let controller = "pci0000:00/0000:03:00.0/nvme/nvme0";
    machine.write(&format!("sys/devices/{controller}/transport"), "pcie\n");
    for number in 1..=4 {
        let block = format!("sys/devices/{controller}/nvme0n{number}");
        machine.write(&format!("{block}/removable"), "0\n");
        machine.write(
            &format!("{block}/wwid"),
            format!("eui.00253845000000{number}0"),
        );
        machine.link(&format!("{block}/device"), "../../nvme0");
        machine.link(
            &format!("sys/block/nvme0n{number}"),
            &format!("../devices/{controller}/nvme0n{number}"),
        );
    }
    assert_eq!(machine.inventory().disks.value().map(Vec::len), Some(4));
    assert_eq!(
        count(&machine),
        Some(1),
        "by the device, without a serial number"
    );
    machine.write(&format!("sys/devices/{controller}/serial"), "S3Z8NB0K1\n");
    assert_eq!(count(&machine), Some(1));
    // Two units of one drive: one serial number, and a name for each.
    for (number, serial) in [(0, "ZR51A2B3"), (1, "ZR51A2B3"), (2, "ZR51A2B4")] {
        let home = format!("pci0000:00/0000:00:02.0/host4/target4:0:0/4:0:0:{number}");
        let name = format!("sd{number}");
        drive(&machine, &home, &name, serial);
        machine.write(
            &format!("sys/devices/{home}/wwid"),
            format!("naa.5000c500a1b2c3d{number}"),
        );
    }
    assert_eq!(count(&machine), Some(3));
    // A drive that is like one in its name and like another in its serial number joins them.
    let home = "pci0000:00/0000:00:02.0/host4/target4:0:1/4:0:1:0";
    drive(&machine, home, "sdx", "ZR51A2B4");
    machine.write(&format!("sys/devices/{home}/wwid"), "naa.5000c500a1b2c3d0");
    assert_eq!(count(&machine), Some(2));
    // What tells nothing is known by its place.
    for number in 7..=8 {
        let home = format!("pci0000:00/0000:00:02.0/host4/target4:0:2/4:0:2:{number}");
        drive(&machine, &home, &format!("sd{number}"), "None");
    }
    assert_eq!(count(&machine), Some(4));
}

#[test]
fn a_name_that_is_made_of_parts_without_a_serial_number_is_no_witness() {
    let blank = "20".repeat(20);
    for (wwid, is_named) in [
        (format!("nvme.144d-{blank}-4d4f44454c39-00000001"), false),
        (
            "nvme.144d-53335a384e42304b-4d4f44454c39-00000001".to_owned(),
            true,
        ),
        ("t10.ATA     MODEL 9".to_owned(), false),
    ] {
        let machine = with_drive("pci0000:00/0000:00:02.0/ata1/host0/0:0:0:0", "sda");
        machine.write(
            "sys/devices/pci0000:00/0000:00:02.0/ata1/host0/0:0:0:0/wwid",
            &wwid,
        );
        let evidence = machine.evidence();
        let mut witnesses = evidence.witnesses().iter();
        let found = witnesses.any(|witness| witness.kind == WitnessKind::DiskWwid);
        assert_eq!(found, is_named, "{wwid}");
    }
}
