//! Captures of real machines, where they are at hand. Without them the test says so and passes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::rig::lab_policy;
use super::table;
use crate::domain::WitnessKind;
use crate::identifier::Identifier;
use crate::identity::Identity;
use crate::inventory::{Dmi, HypervisorFlag, Virtualization};
use crate::{Evidence, Fact, Grade, Inventory, NodeVerdict, judge_node, placeholder};

/// The folder of captures. Without it whoever asks is skipped, and that is said here.
pub(super) fn shared() -> Option<PathBuf> {
    let captures = captures();
    if captures.is_none() {
        writeln!(
            std::io::stderr(),
            "skipped: COFFERDAM_SHARED names no folder with captures"
        )
        .expect("standard error");
    }
    captures
}

/// Where `COFFERDAM_SHARED` says, absolute or relative to the workspace.
#[expect(
    clippy::disallowed_methods,
    reason = "where the captures lie is the tester's to say"
)]
fn captures() -> Option<PathBuf> {
    let named = PathBuf::from(std::env::var("COFFERDAM_SHARED").ok()?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let shared = if named.is_absolute() {
        named
    } else {
        workspace.join(named)
    };
    let captures = shared.join("hw-fixtures");
    captures.is_dir().then_some(captures)
}

#[test]
fn captures_of_real_machines_are_read_truthfully() {
    let Some(captures) = shared() else {
        return;
    };
    let dell = unpack_ttar(&captures.join("prometheus/procfs-fixtures.ttar"));
    let inventory = check(&dell.path().join("fixtures"));
    assert_eq!(
        inventory.dmi.product_name.value().map(String::as_str),
        Some("PowerEdge R6515")
    );
    assert!(inventory.dmi.board_serial.value().is_some());
    let kinds: Vec<WitnessKind> = Identity::of(&inventory)
        .witnesses()
        .map(|witness| witness.kind)
        .collect();
    for kind in [
        WitnessKind::ProductSerial,
        WitnessKind::BoardSerial,
        WitnessKind::ProductUuid,
    ] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    // This maker writes the serial number of the system on its enclosure too.
    assert!(!kinds.contains(&WitnessKind::ChassisSerial));
    let exporter = unpack_ttar(&captures.join("prometheus/node_exporter-sys.ttar"));
    check(exporter.path());
    let features = captures.join("node-feature-discovery/testdata/source/pci");
    for entry in fs::read_dir(features).unwrap() {
        check(&entry.unwrap().path());
    }
    for (name, flag) in [
        ("cpuinfo-x86-guest-kvm.output", Some(HypervisorFlag::Set)),
        (
            "cpuinfo-x86-guest-kvm-nested.output",
            Some(HypervisorFlag::Set),
        ),
        ("cpuinfo-x86-guest-xen.output", Some(HypervisorFlag::Set)),
        ("cpuinfo-x86-host-vuln.output", Some(HypervisorFlag::Clear)),
        ("cpuinfo-aarch64.output", None),
        ("cpuinfo-s390x.output", None),
    ] {
        let machine = super::rig::Machine::empty("st1");
        machine.write(
            "proc/cpuinfo",
            fs::read(captures.join("ohai").join(name)).unwrap(),
        );
        let inventory = check(machine.root());
        assert_eq!(
            inventory.processor.hypervisor_flag.value().copied(),
            flag,
            "{name}"
        );
        let bare = inventory.virtualization.value() == Some(&Virtualization::BareMetal);
        assert_eq!(bare, flag == Some(HypervisorFlag::Clear), "{name}");
    }
}

#[test]
fn what_dmidecode_printed_of_real_servers_is_read_from_bytes() {
    let Some(captures) = shared() else {
        return;
    };
    let mut reports = Vec::new();
    files_below(&captures.join("linuxhw-DMI/Server"), &mut reports);
    assert!(reports.len() > 50, "{}", reports.len());
    let mut two_enclosures = 0;
    for path in &reports {
        let report = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let printed = table::printed(&report);
        let machine = super::rig::Machine::empty("st1");
        machine.write(
            "sys/firmware/dmi/tables/DMI",
            table::of_report(&printed).bytes(),
        );
        let inventory = check(machine.root());
        compare(&inventory.dmi, &printed, path);
        let enclosures = inventory.dmi.enclosures.value().unwrap();
        two_enclosures += usize::from(enclosures.len() > 1);
    }
    assert!(two_enclosures >= 2, "{two_enclosures}");
}

/// Every list has as many records as were printed, and every value is what was printed.
fn compare(dmi: &Dmi, printed: &[table::Printed], path: &Path) {
    let of = |kind: u8| printed.iter().filter(move |one| one.kind == kind);
    let lengths = [
        (2, dmi.boards.value().unwrap().len()),
        (3, dmi.enclosures.value().unwrap().len()),
        (4, dmi.sockets.value().unwrap().len()),
        (17, dmi.memory_modules.value().unwrap().len()),
        (39, dmi.power_supplies.value().unwrap().len()),
    ];
    for (kind, length) in lengths {
        assert_eq!(length, of(kind).count(), "{kind} {}", path.display());
    }
    let same = |fact: &Fact<String>, text: Option<&String>| match fact {
        Fact::Value(value) => Some(value.as_str()) == text.map(|text| text.trim()),
        Fact::Absent => text.is_none_or(|text| text == "Not Specified"),
        Fact::Placeholder(_) => text.is_some_and(|text| placeholder::says_nothing(text)),
        Fact::Unreadable(_) | Fact::Unsupported(_) => false,
    };
    for system in of(1).take(1) {
        let vendor = system.fields.get("Manufacturer");
        assert!(same(&dmi.sys_vendor.fact, vendor), "{}", path.display());
        let product = system.fields.get("Product Name");
        assert!(same(&dmi.product_name.fact, product), "{}", path.display());
    }
    for (enclosure, one) in dmi.enclosures.value().unwrap().iter().zip(of(3)) {
        let kind = one.fields.get("Type").map_or("", String::as_str);
        let number = enclosure.kind.value().unwrap().number();
        assert_eq!(number, table::enclosure_kind(kind), "{}", path.display());
        let units = enclosure
            .height_units
            .value()
            .map(|units| format!("{units} U"));
        let height = one.fields.get("Height").filter(|text| text.ends_with(" U"));
        assert_eq!(units.as_ref(), height, "{}", path.display());
    }
    for (module, one) in dmi.memory_modules.value().unwrap().iter().zip(of(17)) {
        let gibibytes = module.size_bytes.value().map(|bytes| bytes >> 20);
        let size = one.fields.get("Size").map_or("", String::as_str);
        let amount: Option<u64> = size
            .split(' ')
            .next()
            .and_then(|digits| digits.parse().ok());
        let scale = if size.ends_with("GB") { 1024 } else { 1 };
        assert_eq!(gibibytes, amount.map(|amount| amount * scale), "{size}");
        assert!(
            same(&module.part, one.fields.get("Part Number")),
            "{module:?}"
        );
    }
    for (supply, one) in dmi.power_supplies.value().unwrap().iter().zip(of(39)) {
        let watts = supply
            .capacity_watts
            .value()
            .map(|watts| format!("{watts} W"));
        let printed = one.fields.get("Max Power Capacity");
        assert_eq!(watts.as_ref(), printed.filter(|text| text.ends_with(" W")));
    }
}

#[test]
fn dumps_of_firmware_tables_are_read_with_their_entry_points() {
    let Some(captures) = shared() else {
        return;
    };
    for (name, version, modules) in [
        ("smbios_table.bin", "3.1", 2),
        ("satellite_pro_l70_testdata.bin", "2.7", 4),
    ] {
        let dump = fs::read(captures.join("u-root").join(name)).unwrap();
        let (entry, table) = dump.split_at(32);
        let machine = super::rig::Machine::empty("st1");
        machine.write("sys/firmware/dmi/tables/smbios_entry_point", entry);
        machine.write("sys/firmware/dmi/tables/DMI", table);
        let dmi = check(machine.root()).dmi;
        assert_eq!(dmi.version.value().unwrap().to_string(), version, "{name}");
        let slots = dmi.memory_modules.value().unwrap();
        assert_eq!(slots.len(), modules, "{name}: {slots:?}");
        let last = table.len();
        for cut in [last - 1, last - 6, last / 2, 1, 0] {
            machine.write("sys/firmware/dmi/tables/DMI", &table[..cut]);
            let enclosures = machine.inventory().dmi.enclosures.fact;
            assert!(matches!(enclosures, Fact::Unsupported(_)), "{name} {cut}");
        }
    }
}

/// The firmware table of a dump, whose entry point stands in front of it.
fn dumped(captures: &Path, name: &str) -> Dmi {
    let dump = fs::read(captures.join("u-root").join(name)).unwrap();
    let (entry, table) = dump.split_at(32);
    let machine = super::rig::Machine::empty("st1");
    machine.write("sys/firmware/dmi/tables/smbios_entry_point", entry);
    machine.write("sys/firmware/dmi/tables/DMI", table);
    machine.inventory().dmi
}

/// What `dmidecode` prints of the same bytes, typed from there: the reader's places are held against
/// another reader's, not against a writer of our own.
#[test]
fn the_fields_of_a_dump_are_what_another_reader_prints() {
    let Some(captures) = shared() else {
        writeln!(
            std::io::stderr(),
            "skipped: COFFERDAM_SHARED names no folder with captures"
        )
        .expect("standard error");
        return;
    };
    of_2013(&dumped(&captures, "satellite_pro_l70_testdata.bin"));
    of_2019(&dumped(&captures, "smbios_table.bin"));
}

fn told(fact: &Fact<String>) -> String {
    fact.value().cloned().unwrap_or_default()
}

fn named(fact: &Fact<Identifier>) -> Option<String> {
    fact.value().map(|name| name.reveal().to_owned())
}

fn of_2013(dmi: &Dmi) {
    assert_eq!(told(&dmi.bios_version.fact), "1.60");
    assert_eq!(told(&dmi.sys_vendor.fact), "TOSHIBA");
    assert_eq!(told(&dmi.product_name.fact), "SATELLITE PRO L70-A");
    assert_eq!(
        named(&dmi.product_serial.fact).as_deref(),
        Some("XD198915C")
    );
    assert_eq!(told(&dmi.product_sku.fact), "PSKNFE");
    let uuid = dmi.product_uuid.value().unwrap().text();
    assert_eq!(uuid, "b560f4a0-4048-11e3-8b6a-089e01ee6336");
    let board = &dmi.boards.value().unwrap()[0];
    assert_eq!(told(&board.vendor), "Type2 - Board Vendor Name1");
    assert_eq!(told(&board.version), "Type2 - Board Version");
    assert!(
        matches!(&board.serial, Fact::Placeholder(raw) if raw == "Type2 - Board Serial Number")
    );
    assert_eq!(board.role, Fact::Value(10), "a motherboard");
    let enclosure = &dmi.enclosures.value().unwrap()[0];
    assert_eq!(told(&enclosure.vendor), "OEM Chassis Manufacturer");
    assert_eq!(enclosure.kind.value().unwrap().number(), 10, "a notebook");
    assert_eq!(enclosure.height_units, Fact::Absent);
    assert!(
        matches!(&enclosure.serial, Fact::Placeholder(raw) if raw == "OEM Chassis Serial Number")
    );
    let socket = &dmi.sockets.value().unwrap()[0];
    assert_eq!(told(&socket.designation), "U3E1");
    assert_eq!(
        told(&socket.version),
        "Intel(R) Core(TM) i5-4210M CPU @ 2.60GHz"
    );
    assert_eq!(
        (&socket.cores, &socket.threads),
        (&Fact::Value(2), &Fact::Value(4))
    );
    let sizes: Vec<Option<u64>> = modules(dmi, |module| module.size_bytes.value().copied());
    assert_eq!(sizes, [Some(8 << 30), None, Some(8 << 30), None]);
    let serials = modules(dmi, |module| named(&module.serial).unwrap_or_default());
    assert_eq!(serials, ["336EE786", "", "336EE77E", ""]);
}

fn of_2019(dmi: &Dmi) {
    assert_eq!(told(&dmi.bios_version.fact), "N2IET92W (1.70 )");
    assert_eq!(told(&dmi.sys_vendor.fact), "LENOVO");
    assert_eq!(told(&dmi.product_name.fact), "20N2CTO1WW");
    assert_eq!(named(&dmi.product_serial.fact).as_deref(), Some("PF1NKFHN"));
    let uuid = dmi.product_uuid.value().unwrap().text();
    assert_eq!(uuid, "0677d5cc-25b1-11b2-a85c-c66e0b64b3d5");
    let board = &dmi.boards.value().unwrap()[0];
    assert_eq!(named(&board.serial).as_deref(), Some("L1HF93508A3"));
    assert_eq!(board.role, Fact::Value(10));
    let enclosure = &dmi.enclosures.value().unwrap()[0];
    assert_eq!(named(&enclosure.serial).as_deref(), Some("PF1NKFHN"));
    assert_eq!(
        (&enclosure.height_units, &enclosure.power_cords),
        (&Fact::Absent, &Fact::Absent)
    );
    let socket = &dmi.sockets.value().unwrap()[0];
    assert_eq!(
        (&socket.cores, &socket.threads),
        (&Fact::Value(4), &Fact::Value(8))
    );
    let sizes = modules(dmi, |module| module.size_bytes.value().copied());
    assert_eq!(sizes, [Some(8 << 30), Some(32 << 30)]);
    let parts = modules(dmi, |module| told(&module.part));
    assert_eq!(parts, ["M471A1K43BB1-CTD", "M471A4G43MB1-CTD"]);
    let serials = modules(dmi, |module| named(&module.serial));
    assert_eq!(serials, [None, Some("035B8851".to_owned())]);
}

fn modules<T>(dmi: &Dmi, of: impl Fn(&crate::inventory::MemoryModule) -> T) -> Vec<T> {
    dmi.memory_modules.value().unwrap().iter().map(of).collect()
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// What must hold for every machine: valid JSON, no placeholder as a witness, refused by a policy
/// that is not its own.
pub(super) fn check(root: &Path) -> Inventory {
    let inventory = Inventory::read(root);
    let json = inventory.to_json();
    let read: serde_json::Value = serde_json::from_str(&json.to_string()).unwrap();
    assert_eq!(read, json);
    for witness in Identity::of(&inventory).witnesses() {
        assert!(
            !placeholder::is_placeholder(witness.value.normalised()),
            "{witness:?}"
        );
    }
    let evidence = Evidence::of(&inventory, "lab", Grade::E0Simulated);
    assert_eq!(Evidence::from_json(&evidence.to_json()).unwrap(), evidence);
    let node = "st1".parse().unwrap();
    assert!(matches!(
        judge_node(&lab_policy(), &node, &evidence),
        NodeVerdict::Refuse(_)
    ));
    inventory
}

/// Unpacks a text archive: `Path:`, `Directory:` and `SymlinkTo:` blocks, with the number of lines
/// of each file.
fn unpack_ttar(archive: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let text = String::from_utf8_lossy(&fs::read(archive).unwrap()).into_owned();
    let mut lines = text.lines();
    let mut path = dir.path().to_owned();
    while let Some(line) = lines.next() {
        if let Some(directory) = line.strip_prefix("Directory: ") {
            fs::create_dir_all(dir.path().join(directory)).unwrap();
        } else if let Some(file) = line.strip_prefix("Path: ") {
            path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        } else if let Some(target) = line.strip_prefix("SymlinkTo: ") {
            let _exists = symlink(target, &path);
        } else if let Some(count) = line.strip_prefix("Lines: ") {
            let count = count.trim().parse::<usize>().unwrap();
            let content: String = lines
                .by_ref()
                .take(count)
                .flat_map(|line| {
                    [
                        line, "
",
                    ]
                })
                .collect();
            let content = content.replace("NULLBYTE", "\0");
            fs::write(&path, content.strip_suffix("EOF\n").unwrap_or(&content)).unwrap();
        }
    }
    dir
}
