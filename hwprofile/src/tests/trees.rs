//! Every captured tree of a real machine: what must be read from it stands here, machine by
//! machine, and the table of the manual is held against it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::fixtures::{check, shared};
use crate::Inventory;
use crate::inventory::Virtualization;

/// What must be read, a machine a line: archive; virtualization; graphics processors, PCI functions,
/// adapters, drives, processors. A dash means that the capture does not hold it.
const EXPECTED: &str = "\
ghw/testdata/snapshots/linux-amd64-415ee03b8c4d1c4f07ae2e9d8b3d3d6d | bare metal | 0 23 - 1 16
ghw/testdata/snapshots/linux-amd64-61797caf7c0b6bca1725ad7975ed4773 | bare metal | 1 43 0 3 12
ghw/testdata/snapshots/linux-amd64-8581cf3a529e5d8b97ea876eade2f60d | bare metal | 0 82 - 2 24
ghw/testdata/snapshots/linux-amd64-accel-nvidia | virtual | 1 29 - 1 8
hwloc/128ia64-17n4s2c | unknown | - - - - 128
hwloc/16amd64-8n2c-cpusets | bare metal | - - - - 16
hwloc/16amd64-8n2c | bare metal | - - - - 16
hwloc/16em64t-4s2c2t-offlines | bare metal | - - - - 16
hwloc/16em64t-4s2ca2c-cpusetreorder | bare metal | - - - - 16
hwloc/20em64t-hybrid-1p6c2t+2ca4co1t | bare metal | - - - - 20
hwloc/20s390-2g6s4c | unknown | - - - - 20
hwloc/256ia64-64n2s2c | unknown | - - - - 256
hwloc/2arm-2c | unknown | - - - - 2
hwloc/2pa-pcidomain32bits | virtual | 0 9 1 2 2
hwloc/2ps3-2t | unknown | - - - - 2
hwloc/32amd64-4s2n4c-cgroup2 | bare metal | - - - - 32
hwloc/32em64t-2n8c+dax+nvme+mic+dimms | bare metal | 0 137 3 1 16
hwloc/32intel64-2p8co2t+8ve | bare metal | 0 28 2 - 32
hwloc/40intel64-2g2n4c+pcilocality | bare metal | 0 37 5 2 40
hwloc/40intel64-4n10c+pci-conflicts | bare metal | 0 3 - 1 40
hwloc/48amd64-4pa2n6c-sparse | bare metal | - - - - 48
hwloc/4fake-4gr1nu1pu | unknown | - - - - -
hwloc/64amd64-4s2n4ca2co | bare metal | - - - - 64
hwloc/8em64t-2s2ca2c | bare metal | - - - - 8
hwloc/8em64t-2s4c-asymcaches | bare metal | - - - - 8
hwloc/8ia64-2n2s2c | unknown | - - - - -
hwloc/8ia64-2s2c2t | unknown | - - - - 8
hwloc/96em64t-4no4pa3ca2co | bare metal | - - - - 96
hwloc/allowed/test1.fsroot | unknown | - - - - -
hwloc/fakecpuid1f-64intel64-2p4d2n2c2t | virtual | - - - - 64
hwloc/fakeheteromemtiers | virtual | - - - - 6
hwloc/fakememinitiators-1np2c+1npp+gi | bare metal | - - - - 8
hwloc/fakepcilocalities | bare metal | 0 30 5 2 40
hwloc/memorysidecaches | bare metal | - - - - 80
hwloc/nvidiagpunumanodes | unknown | 6 6 - - 176
hwloc/offline-cpu0-node0 | bare metal | - - - - 24
";

#[test]
fn every_captured_tree_gives_what_the_machine_was() {
    let Some(captures) = shared() else {
        return;
    };
    let mut archives = Vec::new();
    archives_below(&captures, &mut archives);
    archives.sort();
    let mut rows = Vec::new();
    for archive in &archives {
        let dir = tempfile::tempdir().unwrap();
        unpack(archive, dir.path());
        let Some(root) = root_in(dir.path()) else {
            continue;
        };
        let inventory = check(&root);
        let name = archive
            .strip_prefix(&captures)
            .unwrap()
            .display()
            .to_string();
        let name = name.split(".tar").next().unwrap().to_owned();
        rows.push(row(&name, &inventory));
    }
    manual_holds(&rows);
    let expected: Vec<&str> = EXPECTED.lines().collect();
    let found: Vec<String> = rows
        .iter()
        .map(|row| format!("{} | {} | {}", row[0], row[1], row[2..7].join(" ")))
        .collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

/// The manual shows each row as it was read.
fn manual_holds(rows: &[Vec<String>]) {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/HARDWARE.md");
    let manual = fs::read_to_string(manual).unwrap();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| format!("| {} |", row.join(" | ")))
        .collect();
    let missing = lines.iter().any(|line| !manual.contains(line.as_str()));
    assert!(
        !missing,
        "docs/HARDWARE.md must hold:\n{}",
        lines.join("\n")
    );
}

fn row(name: &str, inventory: &Inventory) -> Vec<String> {
    let virtualization = match inventory.virtualization.value() {
        Some(Virtualization::BareMetal) => "bare metal",
        Some(Virtualization::Virtual(_)) => "virtual",
        None => "unknown",
    };
    let count = |length: Option<usize>| length.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let processors = inventory.processor.count.value();
    let product = inventory.dmi.product_name.value();
    vec![
        name.to_owned(),
        virtualization.to_owned(),
        count(inventory.gpus.value().map(Vec::len)),
        count(inventory.pci.value().map(Vec::len)),
        count(inventory.nics.value().map(Vec::len)),
        count(inventory.disks.value().map(Vec::len)),
        processors.map_or_else(|| "-".to_owned(), ToString::to_string),
        count(inventory.numa.value().map(Vec::len)),
        product.cloned().unwrap_or_else(|| "-".to_owned()),
    ]
}

fn archives_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            archives_below(&path, found);
        } else if [".tar.bz2", ".tar.gz"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            found.push(path);
        }
    }
}

/// Most files of a capture tell of each processor's caches and clocks, which nobody reads here.
const UNREAD: &[&str] = &[
    "/cache/",
    "/topology/",
    "/power/",
    "/cpufreq/",
    "/cpuidle/",
    "/queue/",
    "/system/memory/",
];

fn unpack(archive: &Path, into: &Path) {
    let file = File::open(archive).unwrap();
    let reader: Box<dyn Read> = match archive.extension().and_then(|end| end.to_str()) {
        Some("bz2") => Box::new(bzip2_rs::DecoderReader::new(file)),
        Some("gz") => Box::new(flate2::read::GzDecoder::new(file)),
        _ => Box::new(file),
    };
    let mut archive = tar::Archive::new(reader);
    archive.set_preserve_permissions(false);
    archive.set_preserve_mtime(false);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let is_read = !UNREAD.iter().any(|part| path.contains(part));
        if is_read {
            entry.unpack_in(into).unwrap();
        }
    }
}

/// The archives hold `sys` and `proc`, or one directory that does.
fn root_in(directory: &Path) -> Option<PathBuf> {
    let is_root = |path: &Path| path.join("sys").is_dir() || path.join("proc").is_dir();
    if is_root(directory) {
        return Some(directory.to_owned());
    }
    let below = fs::read_dir(directory).unwrap();
    below
        .map(|entry| entry.unwrap().path())
        .find(|path| is_root(path))
}
