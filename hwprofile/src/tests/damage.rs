//! Every file that an inventory reads, damaged in every way: what was refused stays refused, and
//! what rests on the damaged file is refused from then on.
//!
//! One file at a time, over the whole of a machine's tree, so that no file is left out by name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::rig::{Machine, NODES, lab_policy, node, parse, policy_text};
use crate::{Evidence, NodeVerdict, PairVerdict, Policy, judge_node, judge_pair};

/// What can befall a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Missing,
    Unreadable,
    Empty,
    Garbage,
    Huge,
}

const ALL: [Damage; 5] = [
    Damage::Missing,
    Damage::Unreadable,
    Damage::Empty,
    Damage::Garbage,
    Damage::Huge,
];
/// What hides a value without a doubt that it is there.
const HIDING: [Damage; 3] = [Damage::Unreadable, Damage::Garbage, Damage::Huge];

/// The evidence of a machine while something has befallen a path; it is put back after that.
fn damaged(machine: &Machine, path: &str, damage: Damage) -> Evidence {
    let path = machine.root().join(path);
    let kept = path.with_file_name("kept-aside");
    let is_there = path.symlink_metadata().is_ok();
    if is_there {
        fs::rename(&path, &kept).unwrap();
    } else {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
    }
    match damage {
        Damage::Missing => {}
        // The operating system refuses the name, whoever asks.
        Damage::Unreadable => symlink("x".repeat(300), &path).unwrap(),
        Damage::Empty => fs::write(&path, "").unwrap(),
        Damage::Garbage => fs::write(&path, [0xff, 0x00, 0xc3, 0x28, 0x9f, 0x1b]).unwrap(),
        Damage::Huge => huge(&path),
    }
    // A directory that reads its own entries must not meet the one that was put aside.
    let aside = is_there.then(|| {
        let aside = tempfile::tempdir_in(machine.root()).unwrap();
        fs::rename(&kept, aside.path().join("kept")).unwrap();
        aside
    });
    let evidence = machine.evidence();
    if damage != Damage::Missing {
        fs::remove_file(&path).unwrap();
    }
    if let Some(aside) = aside {
        fs::rename(aside.path().join("kept"), &path).unwrap();
    }
    evidence
}

/// A file longer than any that is taken, without taking the room.
fn huge(path: &Path) {
    fs::File::create(path).unwrap().set_len(5 << 20).unwrap();
}

/// Every file and link of a machine's tree.
fn paths(name: &str) -> Vec<&'static str> {
    let (_, tree) = NODES.into_iter().find(|(node, _)| *node == name).unwrap();
    let heads = tree.lines().filter_map(|line| line.strip_prefix("@ "));
    heads.map(|head| head.split(' ').next().unwrap()).collect()
}

fn matches(policy: &Policy, name: &str, evidence: &Evidence) -> bool {
    match judge_node(policy, &node(name), evidence) {
        NodeVerdict::Match(_) => true,
        NodeVerdict::Refuse(refusals) => {
            assert!(!refusals.is_empty());
            false
        }
    }
}

fn is_separate(policy: &Policy, a: (&str, &Evidence), b: (&str, &Evidence)) -> bool {
    let verdict = judge_pair(policy, (&node(a.0), a.1), (&node(b.0), b.1));
    verdict == PairVerdict::Separate
}

/// Whether a path is a link of the tree: another text in it leads elsewhere, and is read all the
/// same.
fn is_link(machine: &Machine, path: &str) -> bool {
    machine.root().join(path).is_symlink()
}

/// Whether a file stands in the directory of a bridge, which nothing is asked about.
fn is_of_bridge(machine: &Machine, path: &str) -> bool {
    let class = machine.root().join(path).with_file_name("class");
    fs::read_to_string(class).is_ok_and(|class| class.starts_with("0x06"))
}

/// What storage's platform, needs and pins ask for, by the file that it is read from.
fn is_needed(path: &str, damage: Damage) -> bool {
    let whole = [
        "proc/cpuinfo",
        "proc/meminfo",
        "proc/self/ns/",
        "sys/firmware/efi/efivars/SecureBoot-",
        "sys/kernel/security/lockdown",
        "sys/class/tpm/tpm0/tpm_version_major",
        "sys/kernel/iommu_groups/",
        "sys/devices/system/cpu/vulnerabilities/retbleed",
        "sys/devices/system/cpu/vulnerabilities/mmio_stale_data",
        "sys/block",
        "sys/class/net",
        "sys/bus/pci/devices",
    ];
    let is_directory = ["sys/block", "sys/class/net", "sys/bus/pci/devices"];
    let is_whole = whole
        .iter()
        .any(|one| path == *one || (!is_directory.contains(one) && path.starts_with(one)));
    let is_drive = path.ends_with("/removable") && !path.contains("/virtual/");
    let is_group = path.ends_with("/iommu_group");
    // A function that is not there at all is no function; one without a vendor is odd, and whether
    // it is one of a virtual machine only a vendor that was read can tell.
    let is_vendor = path.ends_with("/vendor") && damage != Damage::Missing;
    is_whole || is_drive || is_group || is_vendor
}

#[test]
fn a_machine_matches_with_no_file_damaged_that_its_verdict_rests_on() {
    let policy = lab_policy();
    let machine = Machine::new("st1");
    assert!(matches(&policy, "st1", &machine.evidence()));
    let directories = ["sys/block", "sys/class/net", "sys/bus/pci/devices"];
    let mut passed = Vec::new();
    let mut count = 0;
    for path in paths("st1").into_iter().chain(directories) {
        for damage in ALL {
            let leads_elsewhere = damage == Damage::Unreadable && is_link(&machine, path);
            let is_asked = !path.ends_with("/iommu_group") || !is_of_bridge(&machine, path);
            if is_needed(path, damage) && is_asked && !leads_elsewhere {
                count += 1;
                if matches(&policy, "st1", &damaged(&machine, path, damage)) {
                    passed.push((path, damage));
                }
            }
        }
    }
    assert!(count > 180, "{count}");
    assert!(passed.is_empty(), "{passed:#?}");
    assert!(matches(&policy, "st1", &machine.evidence()), "put back");
}

#[test]
fn two_families_of_pins_damaged_leave_no_quorum() {
    let policy = lab_policy();
    let machine = Machine::new("st1");
    for damage in ALL {
        for second in ["sys/class/net/eno1/address", "sys/block/nvme0n1/wwid"] {
            let machine = Machine::new("st1");
            machine.remove("sys/class/dmi/id/product_serial");
            assert!(matches(&policy, "st1", &machine.evidence()), "two of three");
            let evidence = damaged(&machine, second, damage);
            assert!(!matches(&policy, "st1", &evidence), "{second} {damage:?}");
        }
    }
    assert!(matches(&policy, "st1", &machine.evidence()));
}

/// Machines that are refused for one reason each.
fn refused() -> Vec<(&'static str, Machine)> {
    let secure_boot = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    let weakness = "sys/devices/system/cpu/vulnerabilities/retbleed";
    let changes: [(&str, &str, &[u8]); 9] = [
        (
            "virtual",
            "proc/cpuinfo",
            b"processor: 0\nflags: fpu hypervisor\n",
        ),
        ("small", "proc/meminfo", b"MemTotal: 1000000 kB\n"),
        ("secure boot", secure_boot, &[6, 0, 0, 0, 0]),
        (
            "lockdown",
            "sys/kernel/security/lockdown",
            b"[none] integrity confidentiality\n",
        ),
        ("weakness", weakness, b"Vulnerable\n"),
        ("tpm", "sys/class/tpm/tpm0/tpm_version_major", b"1\n"),
        (
            "passed through",
            "sys/kernel/iommu_groups/3/type",
            b"identity\n",
        ),
        ("removable", "sys/block/sdb/removable", b"1\n"),
        (
            "another",
            "sys/class/dmi/id/product_serial",
            b"XX4-4902-11864\n",
        ),
    ];
    let changes = changes.into_iter().map(|(name, path, bytes)| {
        let machine = Machine::new("st1");
        machine.write(path, bytes);
        if name == "another" {
            machine.write("sys/class/net/eno1/address", "00:00:5e:00:53:99\n");
        }
        (name, machine)
    });
    changes.collect()
}

#[test]
fn what_is_missing_or_unreadable_turns_no_refusal_into_a_match() {
    let policy = lab_policy();
    for (name, machine) in refused() {
        assert!(!matches(&policy, "st1", &machine.evidence()), "{name}");
        for path in paths("st1") {
            for damage in [Damage::Missing, Damage::Unreadable] {
                let evidence = damaged(&machine, path, damage);
                assert!(
                    !matches(&policy, "st1", &evidence),
                    "{name}: {path} {damage:?}"
                );
            }
        }
    }
}

/// What two machines have in common, and whether a machine may lack it without a doubt.
const IN_COMMON: [(&str, &str, bool); 6] = [
    ("proc/sys/kernel/random/boot_id", "the kernel", false),
    ("sys/class/dmi/id/product_serial", "the system", true),
    ("sys/class/dmi/id/board_serial", "the board", true),
    ("sys/class/dmi/id/chassis_serial", "the enclosure", true),
    ("sys/block/nvme0n1/wwid", "a drive", true),
    ("sys/class/net/enp2s0f0/address", "an adapter", true),
];

#[test]
fn what_is_missing_or_unreadable_turns_nothing_shared_into_separate() {
    let policy = lab_policy();
    for (common, what, may_lack) in IN_COMMON {
        let (st1, in1) = (Machine::new("st1"), Machine::new("in1"));
        let theirs = common.replace("enp2s0f0", "eno1");
        in1.write(common, fs::read(st1.root().join(theirs)).unwrap());
        if common.ends_with("wwid") {
            in1.remove("sys/block/nvme0n1/device/serial");
        }
        let mine = st1.evidence();
        let shared = |evidence: &Evidence| {
            judge_pair(&policy, (&node("st1"), &mine), (&node("in1"), evidence))
        };
        assert!(
            matches!(shared(&in1.evidence()), PairVerdict::Shared(_)),
            "{what}"
        );
        let real = fs::canonicalize(in1.root().join(common)).unwrap();
        let mut passed = Vec::new();
        for path in paths("in1") {
            let Ok(found) = fs::canonicalize(in1.root().join(path)) else {
                continue;
            };
            let is_it = found == real;
            let damages: &[Damage] = if is_it {
                &ALL
            } else if is_link(&in1, path) {
                &[Damage::Missing]
            } else {
                &[Damage::Missing, Damage::Unreadable]
            };
            for damage in damages {
                // What is not there, or has no name, is no longer in common.
                let is_lost = may_lack && real.starts_with(&found) && !HIDING.contains(damage);
                let evidence = damaged(&in1, path, *damage);
                let separate = is_separate(&policy, ("st1", &mine), ("in1", &evidence));
                if separate && !is_lost {
                    passed.push((path, *damage));
                }
            }
        }
        assert!(passed.is_empty(), "{what}: {passed:#?}");
    }
}

#[test]
fn a_pair_is_separate_with_no_file_damaged_that_this_rests_on() {
    let policy = lab_policy();
    let (st1, in1) = (Machine::new("st1"), Machine::new("in1"));
    let others = [
        ("in1", st1.evidence(), "st1"),
        ("st1", in1.evidence(), "in1"),
    ];
    let always = ["proc/cpuinfo", "proc/sys/kernel/random/boot_id"];
    let hiding = [
        "sys/class/dmi/id/product_serial",
        "sys/class/dmi/id/board_serial",
        "sys/class/dmi/id/product_uuid",
        "sys/class/dmi/id/chassis_serial",
        "sys/firmware/dmi/tables/DMI",
        "sys/firmware/dmi/entries",
        "sys/hypervisor/type",
        "sys/block",
        "sys/class/net",
        "sys/bus/pci/devices",
    ];
    let all = always
        .iter()
        .flat_map(|path| ALL.map(|damage| (*path, damage)));
    let hidden = hiding
        .iter()
        .flat_map(|path| HIDING.map(|damage| (*path, damage)));
    let empty = ["sys/firmware/dmi/tables/DMI", "sys/hypervisor/type"];
    let empty = empty.map(|path| (path, Damage::Empty));
    for (path, damage) in all.chain(hidden).chain(empty) {
        for (changed, other, name) in &others {
            let machine = if *changed == "st1" { &st1 } else { &in1 };
            let evidence = damaged(machine, path, damage);
            let separate = is_separate(&policy, (*changed, &evidence), (*name, other));
            assert!(!separate, "{changed}: {path} {damage:?}");
        }
    }
    let whole = [st1.evidence(), in1.evidence()];
    assert!(is_separate(&policy, ("st1", &whole[0]), ("in1", &whole[1])));
}

#[test]
fn every_name_of_a_device_hidden_at_once_is_a_doubt() {
    let policy = lab_policy();
    let other = Machine::new("st1").evidence();
    for damage in HIDING {
        let machine = Machine::new("in1");
        let names = ["sys/block/nvme0n1/wwid", "sys/block/nvme0n1/device/serial"];
        let files: Vec<PathBuf> = names.iter().map(|name| machine.root().join(name)).collect();
        fs::remove_file(&files[0]).unwrap();
        match damage {
            Damage::Missing | Damage::Empty | Damage::Unreadable => {
                symlink("x".repeat(300), &files[0]).unwrap();
            }
            Damage::Garbage => fs::write(&files[0], [0xff, 0xfe, 0xfd, 0xfc]).unwrap(),
            Damage::Huge => huge(&files[0]),
        }
        let evidence = damaged(&machine, names[1], damage);
        assert!(
            !is_separate(&policy, ("st1", &other), ("in1", &evidence)),
            "{damage:?}"
        );
    }
}

#[test]
fn a_graphics_processor_that_hides_its_name_is_separate_from_none() {
    // Storage and analytics, with a rule that has no other doubt to fall back on.
    let policy = parse(&policy_text());
    let other = Machine::new("st1").evidence();
    let machine = Machine::new("an1");
    let shown = paths("an1");
    let told: Vec<_> = shown
        .iter()
        .filter(|path| path.ends_with("/information"))
        .collect();
    assert_eq!(told.len(), 2);
    assert!(is_separate(
        &policy,
        ("st1", &other),
        ("an1", &machine.evidence())
    ));
    for path in told {
        for damage in [Damage::Unreadable, Damage::Huge] {
            let evidence = damaged(&machine, path, damage);
            assert!(
                !is_separate(&policy, ("st1", &other), ("an1", &evidence)),
                "{path} {damage:?}"
            );
        }
    }
}
