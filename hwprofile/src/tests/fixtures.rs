//! Captures of real machines, where they are at hand. Without them the test says so and passes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::rig::lab_policy;
use crate::domain::WitnessKind;
use crate::identity::Identity;
use crate::inventory::{HypervisorFlag, Virtualization};
use crate::{Evidence, Grade, Inventory, NodeVerdict, judge_node, placeholder};

/// The folder of captures, absolute or relative to the workspace.
#[expect(
    clippy::disallowed_methods,
    reason = "where the captures lie is the tester's to say"
)]
fn shared() -> Option<PathBuf> {
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
        println!("skipped: COFFERDAM_SHARED names no folder with captures");
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
        WitnessKind::ChassisSerial,
    ] {
        assert!(kinds.contains(&kind), "{kind}");
    }
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

/// What must hold for every machine: valid JSON, no placeholder as a witness, refused by a policy
/// that is not its own.
fn check(root: &Path) -> Inventory {
    let inventory = Inventory::read(root);
    let text = inventory.to_json().to_string();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
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
