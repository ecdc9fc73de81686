//! Captures of real machines, where they are at hand. Without them the test says so and passes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::rig::lab_policy;
use super::table;
use crate::domain::WitnessKind;
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
    }
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
