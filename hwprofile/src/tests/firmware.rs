//! The firmware's own table below a root directory: what it adds to `/sys/class/dmi`, where the two
//! differ, and what it does to the witnesses.

use super::rig::{Machine, lab_policy, pair};
use super::table::{Table, entry_point};
use crate::domain::{Domain, WitnessKind};
use crate::identity::{Identity, Reach};
use crate::{Fact, Inventory, PairVerdict, Scope};

const DMI: &str = "sys/firmware/dmi/tables/DMI";
const ENTRY: &str = "sys/firmware/dmi/tables/smbios_entry_point";
const UUID: [u8; 16] = [
    0xd9, 0x32, 0x71, 0x7e, 0xb8, 0xba, 0xdc, 0x4e, 0x8f, 0x01, 0x9c, 0x45, 0x62, 0x89, 0x1b, 0xcd,
];

fn system(serial: &str) -> Table {
    let mut table = Table::default();
    table.add(1, 0x19, |record| {
        record.text(4, "Maker").text(5, "Model 9").text(7, serial);
        record.bytes(8, &UUID);
    });
    table
}

fn enclosure(table: &mut Table, kind: u8, serial: &str, units: u8) {
    table.add(3, 0x15, |record| {
        record.byte(5, kind).text(7, serial).byte(0x11, units);
    });
}

fn chassis_serials(inventory: &Inventory) -> Vec<String> {
    Identity::of(inventory)
        .witnesses()
        .filter(|witness| witness.kind == WitnessKind::ChassisSerial)
        .map(|witness| witness.value.reveal().to_owned())
        .collect()
}

#[test]
fn the_enclosure_around_a_blade_is_a_witness_wherever_it_is_listed() {
    for blade_first in [true, false] {
        let mut table = system("BLADE-77001");
        let records = [(0x1c, "BLADE-77001", 0), (0x1d, "ENCL-9042-7", 10)];
        let order = if blade_first { [0, 1] } else { [1, 0] };
        for index in order {
            let (kind, serial, units) = records[index];
            enclosure(&mut table, kind, serial, units);
        }
        let machine = Machine::empty("st1");
        machine.write(DMI, table.bytes());
        let inventory = machine.inventory();
        assert_eq!(chassis_serials(&inventory), ["ENCL-9042-7"]);
        let listed = inventory.dmi.enclosures.value().unwrap();
        assert_eq!(listed.len(), 2);
        let around = &listed[order[1]];
        assert_eq!(around.kind.value().unwrap().name(), "blade-enclosure");
        assert_eq!(around.height_units, Fact::Value(10));
    }
}

#[test]
fn a_serial_number_that_the_system_bears_too_is_counted_once() {
    let mut table = system("ONE-NUMBER-1");
    enclosure(&mut table, 0x17, "one-number-1 ", 2);
    let machine = Machine::empty("st1");
    machine.write(DMI, table.bytes());
    let inventory = machine.inventory();
    assert!(chassis_serials(&inventory).is_empty());
    assert!(
        Identity::of(&inventory)
            .unseen()
            .any(|(kind, reading)| *kind == WitnessKind::ChassisSerial
                && reading.to_string().contains("counted once"))
    );
}

#[test]
fn a_field_tells_the_structure_that_it_stands_in() {
    let machine = Machine::empty("st1");
    machine.write(DMI, system("AB-12-CD-34").bytes());
    let dmi = machine.inventory().dmi;
    assert_eq!(
        dmi.product_serial.path,
        "/sys/firmware/dmi/tables/DMI type 1 handle 0x0001 product_serial"
    );
    assert_eq!(dmi.product_name.value().unwrap(), "Model 9");
    assert_eq!(dmi.board_serial.fact, Fact::Absent);
    assert_eq!(dmi.board_serial.path, "/sys/class/dmi/id/board_serial");
}

#[test]
fn what_the_table_says_is_believed_before_the_directory() {
    let machine = Machine::new("st1");
    machine.write(DMI, system("AB-12-CD-34").bytes());
    let dmi = machine.inventory().dmi;
    assert_eq!(dmi.product_serial.value().unwrap().reveal(), "AB-12-CD-34");
    assert!(dmi.board_serial.value().is_some(), "it has no board record");
}

#[test]
fn the_byte_order_of_a_uuid_follows_the_version_and_compares_equal_in_both() {
    let mut found = Vec::new();
    for (version, text) in [
        (Some((2, 3)), "d932717e-b8ba-dc4e-8f01-9c4562891bcd"),
        (Some((2, 8)), "7e7132d9-bab8-4edc-8f01-9c4562891bcd"),
        (Some((3, 4)), "7e7132d9-bab8-4edc-8f01-9c4562891bcd"),
        (None, "7e7132d9-bab8-4edc-8f01-9c4562891bcd"),
    ] {
        let machine = Machine::empty("st1");
        let table = system("AB-12-CD-34");
        machine.write(DMI, table.bytes());
        if let Some(version) = version {
            machine.write(ENTRY, entry_point(version, table.count()));
        }
        let inventory = machine.inventory();
        let uuid = *inventory.dmi.product_uuid.value().unwrap();
        assert_eq!(uuid.text(), text, "{version:?}");
        found.push(uuid.canonical());
    }
    found.dedup();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_uuid_that_ends_in_the_address_of_an_adapter_is_no_witness() {
    let machine = Machine::new("st1");
    let address = std::fs::read_to_string(machine.root().join("sys/class/net/eno1/address"));
    let tail = address.unwrap().trim().replace(':', "");
    let path = "sys/class/dmi/id/product_uuid";
    for (uuid, counts) in [
        (format!("71c2a9f0-3b5e-11ec-9a4d-{tail}"), false),
        ("71c2a9f0-3b5e-11ec-9a4d-5ac3f1e2d4b7".to_owned(), true),
    ] {
        machine.write(path, &uuid);
        let identity = Identity::of(&machine.inventory());
        let mut kinds = identity.witnesses().map(|witness| witness.kind);
        assert_eq!(kinds.any(|kind| kind == WitnessKind::ProductUuid), counts);
    }
}

#[test]
fn a_table_that_breaks_off_gives_no_list_and_the_directory_still_speaks() {
    let machine = Machine::new("st1");
    let mut table = system("AB-12-CD-34");
    enclosure(&mut table, 0x17, "ENCL-9042-7", 2);
    let bytes = table.bytes();
    machine.write(DMI, &bytes[..bytes.len() - 9]);
    let inventory = machine.inventory();
    let identity = Identity::of(&inventory);
    let told = identity.unseen().any(|(kind, reading)| {
        *kind == WitnessKind::ChassisSerial && reading.to_string().contains("breaks off")
    });
    assert!(told, "an enclosure may be hidden, and that is told");
    let dmi = inventory.dmi;
    assert!(matches!(dmi.enclosures.fact, Fact::Unsupported(why) if why.contains("breaks off")));
    assert_eq!(dmi.product_serial.path, "/sys/class/dmi/id/product_serial");
    assert!(dmi.product_serial.value().is_some());
}

/// What is found between storage and intake in a domain, after a change to one of them.
fn found(domain: Domain, change: impl Fn(&Machine)) -> [PairVerdict; 2] {
    ["st1", "in1"].map(|changed| {
        let machines = [Machine::new("st1"), Machine::new("in1")];
        machines
            .iter()
            .filter(|m| m.name == changed)
            .for_each(&change);
        let report = pair(&lab_policy(), &machines[0], &machines[1]);
        let mut findings = report.findings.into_iter();
        let finding = findings.find(|finding| finding.scope == Scope::Domain(domain));
        finding.unwrap().verdict
    })
}

/// Whichever of the two is changed, the doubt is told with the path.
fn is_unproven(domain: Domain, told: &str, change: impl Fn(&Machine)) {
    for verdict in found(domain, &change) {
        let PairVerdict::Unproven(refusal) = verdict else {
            panic!("{told}: {verdict:?}")
        };
        assert_eq!(refusal.code, "HW-220");
        let read = refusal.read.iter().any(|line| line.contains(told));
        assert!(read, "{told}: {refusal}");
    }
}

#[test]
fn an_enclosure_that_may_be_hidden_leaves_the_chassis_unproven() {
    let mut table = system("AB-12-CD-34");
    enclosure(&mut table, 0x17, "ENCL-9042-7", 2);
    let whole = table.bytes();
    for broken in [
        &whole[..whole.len() - 9],
        &whole[..whole.len() - 6],
        &[],
        &[0; 64],
    ] {
        for domain in [Domain::Chassis, Domain::Board] {
            is_unproven(
                domain,
                "tables/DMI: cannot be used: it breaks off",
                |machine| {
                    machine.write(DMI, broken);
                },
            );
        }
    }
    is_unproven(
        Domain::Chassis,
        "tables/DMI: cannot be used: it is not a",
        |machine| {
            std::fs::create_dir_all(machine.root().join(DMI)).unwrap();
        },
    );
    let serial = "sys/class/dmi/id/chassis_serial";
    is_unproven(
        Domain::Chassis,
        "id/chassis_serial: cannot be used",
        |machine| {
            machine.write(serial, [b'x'; 5000]);
        },
    );
}

#[test]
fn enclosures_that_were_all_read_leave_the_chassis_to_the_plan() {
    let changes: [&dyn Fn(&Machine); 4] = [
        &|_| {},
        &|machine| {
            let mut table = Table::default();
            enclosure(&mut table, 0x17, "ENCL-9042-7", 2);
            machine.write(DMI, table.bytes());
        },
        &|machine| {
            machine.remove("sys/class/dmi/id/chassis_serial");
        },
        &|machine| {
            machine.write("sys/class/dmi/id/chassis_serial", "None");
        },
    ];
    for change in changes {
        assert_eq!(
            found(Domain::Chassis, change),
            [PairVerdict::Separate, PairVerdict::Separate]
        );
    }
}

/// A record of a place in an enclosure, of a system whose maker may be missing.
fn blade(vendor: &str, name: &str, serial: &str) -> Table {
    let mut table = Table::default();
    table.add(1, 0x1b, |record| {
        record.text(4, vendor).text(7, "BLADE-77001");
    });
    enclosure(&mut table, 0x1c, "BLADE-77001", 0);
    table.add(204, 0x14, |record| {
        record.text(4, "R1").text(5, name).text(0x0a, serial);
    });
    table
}

#[test]
fn a_place_that_nobody_can_tell_is_no_empty_list() {
    for (vendor, doubted) in [("", true), ("To Be Filled By O.E.M.", true), ("HPE", false)] {
        let change = |machine: &Machine| {
            machine.write(DMI, blade(vendor, "", "ENCL-9042-7").bytes());
        };
        let machine = Machine::empty("st1");
        change(&machine);
        let locators = machine.inventory().dmi.rack_locators;
        assert_eq!(locators.value().is_none(), doubted, "{vendor:?}");
        for verdict in found(Domain::Chassis, change) {
            let unproven = matches!(verdict, PairVerdict::Unproven(_));
            assert_eq!(unproven, doubted, "{vendor:?} {verdict:?}");
        }
        let enclosures = machine.evidence().machine().enclosures.clone();
        assert_eq!(enclosures.value().is_none(), doubted, "{enclosures:?}");
    }
    // No record of that type: who made the system does not matter.
    let machine = Machine::empty("st1");
    let mut table = Table::default();
    enclosure(&mut table, 0x17, "ENCL-9042-7", 2);
    machine.write(DMI, table.bytes());
    assert_eq!(
        machine.inventory().dmi.rack_locators.fact,
        Fact::Value(Vec::new())
    );
}

#[test]
fn the_name_of_an_enclosure_is_a_witness_where_its_serial_number_was_left_there() {
    for (name, serial, shown) in [
        ("ENCL-9042-7", "", vec!["ENCL-9042-7"]),
        ("ENCL-9042-7", "ENCL-9042-7", vec!["ENCL-9042-7"]),
        (
            "DC-2-ROW-9",
            "ENCL-9042-7",
            vec!["DC-2-ROW-9", "ENCL-9042-7"],
        ),
        ("UnnamedEnclosure", "", vec![]),
        ("BLADE-77001", "", vec![]),
    ] {
        let machine = Machine::empty("st1");
        machine.write(DMI, blade("HPE", name, serial).bytes());
        assert_eq!(
            chassis_serials(&machine.inventory()),
            shown,
            "{name} {serial}"
        );
    }
}

/// A board with a role.
fn board(table: &mut Table, serial: &str, role: u8) {
    table.add(2, 0x0f, |record| {
        record.text(7, serial).byte(0x0d, role);
    });
}

#[test]
fn a_further_board_speaks_against_two_machines_and_never_for_them() {
    let kinds = [
        (10, WitnessKind::BoardSerial),
        (3, WitnessKind::BoardSerial),
        (0, WitnessKind::BoardSerial),
        (13, WitnessKind::ChassisSerial),
        (4, WitnessKind::ChassisSerial),
    ];
    for (role, kind) in kinds {
        let mut table = Table::default();
        board(&mut table, "FIRST-4471-A", 10);
        board(&mut table, "FURTHER-8125-C", role);
        board(&mut table, "None", role);
        let machine = Machine::empty("st1");
        machine.write(DMI, table.bytes());
        let identity = Identity::of(&machine.inventory());
        let of = |serial: &str| {
            let mut all = identity.witnesses();
            let witness = all.find(|witness| witness.value.reveal() == serial);
            witness.map(|witness| (witness.kind, witness.reach))
        };
        assert_eq!(
            of("FIRST-4471-A"),
            Some((WitnessKind::BoardSerial, Reach::Local))
        );
        assert_eq!(of("FURTHER-8125-C"), Some((kind, Reach::Remote)), "{role}");
        assert_eq!(of("None"), None);
        // Storage and intake list it both.
        let machines = [Machine::new("st1"), Machine::new("in1")];
        for machine in &machines {
            let mut table = Table::default();
            board(&mut table, &format!("FIRST-{}-4471", machine.name), 10);
            board(&mut table, "FURTHER-8125-C", role);
            machine.write(DMI, table.bytes());
        }
        let report = pair(&lab_policy(), &machines[0], &machines[1]);
        let PairVerdict::Shared(refusal) = report.verdict else {
            panic!("{role}: {:?}", report.verdict)
        };
        let code = if kind == WitnessKind::BoardSerial {
            "HW-212"
        } else {
            "HW-211"
        };
        assert_eq!(refusal.code, code, "{role}");
    }
}

/// Storage with a UUID and a serial number, which may be none.
fn uuid_counts(uuid: &str, serial: &str) -> bool {
    let machine = Machine::new("st1");
    machine.write("sys/class/dmi/id/product_uuid", uuid);
    machine.write("sys/class/dmi/id/product_serial", serial);
    machine.write("sys/class/dmi/id/board_serial", "");
    let identity = Identity::of(&machine.inventory());
    let mut kinds = identity.witnesses().map(|witness| witness.kind);
    kinds.any(|kind| kind == WitnessKind::ProductUuid)
}

#[test]
fn a_uuid_made_from_what_is_seen_nowhere_else_counts_in_its_place() {
    for (uuid, serial, counts) in [
        ("4c4c4544-0031-5710-804c-b1c04f4b3933", "11WLK93", false),
        ("4c4c4544-0031-5710-804c-b1c04f4b3933", "", true),
        (
            "4c4c4544-0031-5710-804c-b1c04f4b3933",
            "To Be Filled By O.E.M.",
            true,
        ),
        ("4c4c4544-0000-2010-8020-80c04f202020", "", false),
        ("4c4c4544-0030-3010-8030-b0c04f303030", "", false),
        ("30303051-3130-4241-3233-343536373839", "", false),
        ("30303051-3130-5a43-3334-373051383942", "", true),
        ("00000000-0000-0000-0000-d05099f030c4", "", true),
        ("00000000-0000-0000-0000-00005e005321", "", false),
        ("00000000-0000-0000-0000-d25099f030c4", "", false),
        ("00000000-0000-0000-0000-d15099f030c4", "", false),
        ("00000000-0000-0000-0000-000000000001", "", false),
    ] {
        assert_eq!(uuid_counts(uuid, serial), counts, "{uuid} {serial:?}");
    }
}

#[test]
fn one_structure_that_is_listed_and_missing_makes_the_whole_table_unreadable() {
    let entries = "sys/firmware/dmi/entries";
    let machine = Machine::empty("st1");
    let mut table = Table::default();
    enclosure(&mut table, 0x17, "ENCL-9042-7", 4);
    machine.write(&format!("{entries}/3-0/raw"), table.records());
    assert_eq!(
        machine.inventory().dmi.enclosures.value().map(Vec::len),
        Some(1)
    );
    std::fs::create_dir_all(machine.root().join(entries).join("3-1")).unwrap();
    let inventory = machine.inventory();
    assert_eq!(inventory.dmi.enclosures.fact, Fact::Unreadable(2));
    machine.write(&format!("{entries}/3-1/raw"), "");
    let enclosures = machine.inventory().dmi.enclosures.fact;
    assert!(matches!(enclosures, Fact::Unsupported(_)), "{enclosures:?}");
    machine.remove(entries);
    std::fs::create_dir_all(machine.root().join(entries)).unwrap();
    assert_eq!(machine.inventory().dmi.enclosures.fact, Fact::Absent);
}

#[test]
fn structures_that_the_kernel_shows_one_by_one_are_read_where_there_is_no_table() {
    let machine = Machine::empty("st1");
    let mut table = Table::default();
    enclosure(&mut table, 0x17, "ENCL-9042-7", 4);
    machine.write("sys/firmware/dmi/entries/3-0/raw", table.records());
    machine.write("sys/firmware/dmi/entries/221-0/raw", b"not read");
    let dmi = machine.inventory().dmi;
    let listed = dmi.enclosures.value().unwrap();
    assert_eq!(listed[0].height_units, Fact::Value(4));
    assert!(
        listed[0]
            .origin
            .starts_with("/sys/firmware/dmi/entries/3-0/raw ")
    );
    assert_eq!(dmi.chassis_serial.value().unwrap().reveal(), "ENCL-9042-7");
}

#[test]
fn a_rack_locator_counts_only_where_its_maker_writes_such() {
    for (vendor, count) in [("HPE", 1), ("Hewlett-Packard", 1), ("Dell Inc.", 0)] {
        let mut table = Table::default();
        table.add(1, 0x1b, |record| {
            record.text(4, vendor).text(7, "BLADE-77001");
        });
        table.add(204, 0x14, |record| {
            record
                .text(4, "UnnamedRack  ")
                .text(6, "c7000")
                .text(7, " 12");
            record.byte(8, 16).text(0x0a, "ENCL-9042-7   ");
        });
        let machine = Machine::empty("st1");
        machine.write(DMI, table.bytes());
        let inventory = machine.inventory();
        let locators = inventory.dmi.rack_locators.value().unwrap();
        assert_eq!(locators.len(), count, "{vendor}");
        assert_eq!(chassis_serials(&inventory).len(), count, "{vendor}");
        for locator in locators {
            assert!(matches!(locator.rack, Fact::Placeholder(_)));
            assert_eq!(locator.bay, Fact::Value("12".into()));
            assert_eq!(locator.bays, Fact::Value(16));
        }
    }
}

#[test]
fn sizes_of_memory_are_read_in_all_their_forms() {
    for (short, long, size) in [
        (0, 0, Fact::Absent),
        (8192, 0, Fact::Value(8 << 30)),
        (0x8200, 0, Fact::Value(512 << 10)),
        (0x7fff, 65536, Fact::Value(64 << 30)),
    ] {
        let mut table = Table::default();
        table.add(17, 0x22, |record| {
            record
                .word(0x0c, short)
                .double_word(0x1c, long)
                .text(0x10, "A1");
        });
        let machine = Machine::empty("st1");
        machine.write(DMI, table.bytes());
        let modules = machine.inventory().dmi.memory_modules;
        assert_eq!(modules.value().unwrap()[0].size_bytes, size, "{short:x}");
    }
}

#[test]
fn a_table_without_the_right_to_read_it_says_so_or_we_are_root() {
    use std::os::unix::fs::PermissionsExt as _;
    let machine = Machine::empty("st1");
    machine.write(DMI, system("AB-12-CD-34").bytes());
    let path = machine.root().join(DMI);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let enclosures = machine.inventory().dmi.enclosures;
    match std::fs::read(&path) {
        Ok(_) => assert_eq!(enclosures.fact, Fact::Value(Vec::new())),
        Err(_) => assert_eq!(enclosures.fact, Fact::Unreadable(13)),
    }
}
