//! Two machines, domain by domain: what is shared, what is separate, and what nobody can tell.

use super::rig::{Machine, lab_policy, node, pair, policy_text, policy_with};
use crate::domain::{Device, Domain};
use crate::{PairVerdict, Policy, Refusal, Scope};

const DMI: [&str; 4] = [
    "product_serial",
    "board_serial",
    "chassis_serial",
    "product_uuid",
];

/// Storage and intake after a change to intake.
fn check(policy: &Policy, change: impl Fn(&Machine, &Machine)) -> PairVerdict {
    let (st1, in1) = (Machine::new("st1"), Machine::new("in1"));
    change(&st1, &in1);
    pair(policy, &st1, &in1).verdict
}

fn shared(verdict: PairVerdict) -> Refusal {
    match verdict {
        PairVerdict::Shared(refusal) => refusal,
        other @ (PairVerdict::Separate | PairVerdict::Unproven(_)) => panic!("{other:?}"),
    }
}

fn unproven(verdict: PairVerdict) -> Refusal {
    match verdict {
        PairVerdict::Unproven(refusal) => refusal,
        other @ (PairVerdict::Separate | PairVerdict::Shared(_)) => panic!("{other:?}"),
    }
}

/// The lab's policy without its own rule between storage and intake: the constitution stays.
fn without_the_rule() -> Policy {
    let text = policy_text();
    let (before, rest) = text
        .split_once("[[separate]]\nzones  = [\"storage\", \"intake\"]")
        .unwrap();
    let (_, after) = rest.split_once("[[separate]]").unwrap();
    super::rig::parse(&format!("{before}[[separate]]{after}"))
}

#[test]
fn one_boot_is_one_host() {
    let refusal = shared(check(&lab_policy(), |st1, in1| {
        in1.copy(st1, "proc/sys/kernel/random/boot_id");
    }));
    assert_eq!(refusal.code, "HW-210");
}

#[test]
fn one_board_serial_is_one_board() {
    let refusal = shared(check(&lab_policy(), |st1, in1| {
        in1.copy(st1, "sys/class/dmi/id/board_serial");
    }));
    assert_eq!(refusal.code, "HW-212");
}

#[test]
fn one_enclosure_serial_is_one_chassis_whatever_its_spelling() {
    let refusal = shared(check(&lab_policy(), |_, in1| {
        in1.write("sys/class/dmi/id/chassis_serial", "  nsc-4901-80443 \n");
    }));
    assert_eq!(refusal.code, "HW-211");
}

#[test]
fn one_place_in_the_plan_is_one_chassis() {
    let policy = policy_with("position = 21", "position = 11");
    let refusal = shared(check(&policy, |_, _| {}));
    assert_eq!(refusal.code, "HW-211");
    assert!(refusal.read[0].contains("rack R1, unit 11"), "{refusal}");
}

/// What is found in a scope between storage and intake, each of them changed in turn.
fn found(scope: Scope, change: impl Fn(&Machine)) -> Vec<PairVerdict> {
    let policy = lab_policy();
    let verdict = |changed: &str| {
        let machines = [Machine::new("st1"), Machine::new("in1")];
        let changed = machines.iter().filter(|machine| machine.name == changed);
        changed.for_each(&change);
        let findings = pair(&policy, &machines[0], &machines[1]).findings;
        let mut findings = findings.into_iter();
        findings.find(|f| f.scope == scope).unwrap().verdict
    };
    ["st1", "in1"].map(verdict).to_vec()
}

fn tells(verdict: &PairVerdict, told: &str) -> bool {
    matches!(verdict, PairVerdict::Unproven(refusal)
        if refusal.code == "HW-220" && refusal.read.iter().any(|line| line.contains(told)))
}

#[test]
fn a_list_that_could_not_be_read_separates_no_device() {
    for (device, list) in [
        (Device::Disk, "sys/block"),
        (Device::Nic, "sys/class/net"),
        (Device::Gpu, "sys/bus/pci/devices"),
    ] {
        let scope = Scope::Device(device);
        let whole = found(scope, |_| {});
        assert!(
            whole
                .iter()
                .all(|verdict| *verdict == PairVerdict::Separate)
        );
        let broken = found(scope, |machine| {
            machine.remove(list).write(list, "no directory");
        });
        for verdict in broken {
            let told = format!("/{list}: cannot be used: it is not a directory");
            assert!(tells(&verdict, &told), "{verdict:?}");
        }
    }
    let none = found(Scope::Device(Device::Gpu), |machine| {
        machine.remove("sys/bus/pci");
    });
    assert_eq!(none, [PairVerdict::Separate, PairVerdict::Separate]);
}

#[test]
fn a_device_whose_names_could_not_be_read_is_separate_from_none() {
    let disk = ["sys/block/nvme0n1/wwid", "sys/block/nvme0n1/device/serial"];
    let damage = |machine: &Machine, paths: &[&str]| {
        for path in paths {
            machine.write(path, [b'x'; 5000]);
        }
    };
    let scope = Scope::Device(Device::Disk);
    let verdicts = found(scope, |machine| damage(machine, &disk));
    assert!(
        verdicts
            .iter()
            .all(|v| tells(v, "nvme0n1/wwid: cannot be used")),
        "{verdicts:?}"
    );
    for path in &disk {
        let one = found(scope, |machine| damage(machine, &[path]));
        assert_eq!(
            one,
            [PairVerdict::Separate, PairVerdict::Separate],
            "the other is enough"
        );
    }
    for nic in ["eno1", "enp2s0f0"] {
        let path = format!("sys/class/net/{nic}/address");
        let verdicts = found(Scope::Device(Device::Nic), |machine| {
            if machine.root().join(&path).exists() {
                damage(machine, &[&path]);
            }
        });
        let told = verdicts
            .iter()
            .filter(|v| tells(v, &format!("/{path}: cannot be used")));
        assert_eq!(told.count(), 1, "{verdicts:?}");
    }
}

#[test]
fn guests_are_two_kernels_and_prove_no_two_boards() {
    let guest = |machine: &Machine| {
        machine.write("sys/hypervisor/type", "kvm\n");
    };
    let unknown = |machine: &Machine| {
        machine.write("proc/cpuinfo", "processor : 0\n");
    };
    for domain in [Domain::Chassis, Domain::Board] {
        for verdict in found(Scope::Domain(domain), guest) {
            assert!(
                tells(&verdict, "/sys/hypervisor/type = hypervisor \"kvm\""),
                "{verdict:?}"
            );
        }
        for verdict in found(Scope::Domain(domain), unknown) {
            assert!(
                tells(&verdict, "/proc/cpuinfo: cannot be used"),
                "{verdict:?}"
            );
        }
    }
    let hosts = found(Scope::Domain(Domain::Host), guest);
    assert_eq!(hosts, [PairVerdict::Separate, PairVerdict::Separate]);
    let refusal = unproven(check(&lab_policy(), |st1, in1| {
        guest(st1);
        guest(in1);
    }));
    assert!(
        refusal
            .read
            .iter()
            .any(|line| line.starts_with("in1: /sys/hyp")),
        "{refusal}"
    );
    assert!(
        refusal
            .read
            .iter()
            .any(|line| line.starts_with("st1: /sys/hyp")),
        "{refusal}"
    );
}

#[test]
fn guests_on_two_racks_of_the_plan_are_on_no_two_racks() {
    let rule = "zones  = [\"storage\", \"intake\"]\ndomain = ";
    let text = policy_text().replace(&format!("{rule}\"chassis\""), &format!("{rule}\"rack\""));
    let place = "rack     = \"R1\"\nposition = 21";
    let policy = super::rig::parse(&text.replace(place, &place.replace("R1", "R2")));
    assert_eq!(check(&policy, |_, _| {}), PairVerdict::Separate);
    let verdict = check(&policy, |_, in1| {
        in1.write("sys/hypervisor/type", "xen\n");
    });
    assert!(tells(&verdict, "hypervisor \"xen\""), "{verdict:?}");
}

#[test]
fn what_guests_share_is_shared_all_the_same() {
    for (path, code) in [
        ("sys/class/dmi/id/chassis_serial", "HW-211"),
        ("sys/class/dmi/id/board_serial", "HW-212"),
        ("proc/sys/kernel/random/boot_id", "HW-210"),
    ] {
        let refusal = shared(check(&lab_policy(), |st1, in1| {
            in1.copy(st1, path);
            in1.write("sys/hypervisor/type", "kvm\n");
        }));
        assert_eq!(refusal.code, code);
    }
}

#[test]
fn a_kernel_that_does_not_tell_its_start_is_proven_to_be_no_other() {
    let boot = "proc/sys/kernel/random/boot_id";
    let changes: [&dyn Fn(&Machine); 3] = [
        &|machine| {
            machine.remove(boot);
        },
        &|machine| {
            machine.write(boot, "");
        },
        &|machine| {
            machine.write(boot, [0xff; 36]);
        },
    ];
    for change in changes {
        for verdict in found(Scope::Domain(Domain::Host), change) {
            assert!(tells(&verdict, "one start of the kernel"), "{verdict:?}");
        }
    }
}

#[test]
fn a_board_whose_name_could_not_be_read_may_be_the_other() {
    for name in ["product_serial", "board_serial", "product_uuid"] {
        let path = format!("sys/class/dmi/id/{name}");
        for domain in [Domain::Board, Domain::Host] {
            let verdicts = found(Scope::Domain(domain), |machine| {
                machine.write(&path, [b'x'; 5000]);
            });
            let told = format!("/{path}: cannot be used");
            assert!(verdicts.iter().all(|v| tells(v, &told)), "{verdicts:?}");
        }
    }
}

#[test]
fn one_rack_is_refused_only_where_a_rule_asks_for_two() {
    let rule = "zones  = [\"storage\", \"intake\"]\ndomain = ";
    let policy = policy_with(&format!("{rule}\"chassis\""), &format!("{rule}\"rack\""));
    assert_eq!(shared(check(&policy, |_, _| {})).code, "HW-213");
    let text = policy_text().replace(&format!("{rule}\"chassis\""), &format!("{rule}\"rack\""));
    let text = text.replace(
        "rack     = \"R1\"\nposition = 21",
        "rack     = \"R2\"\nposition = 21",
    );
    assert_eq!(
        check(&super::rig::parse(&text), |_, _| {}),
        PairVerdict::Separate
    );
}

#[test]
fn one_drive_is_refused_though_the_boards_are_two() {
    let refusal = shared(check(&lab_policy(), |_, in1| {
        in1.write("sys/block/nvme0n1/wwid", "eui.7a35100000d8f2a1\n");
    }));
    assert_eq!(refusal.code, "HW-214");
    assert!(refusal.read[0].contains("wwid"), "{refusal}");
}

#[test]
fn one_adapter_is_refused() {
    let refusal = shared(check(&lab_policy(), |_, in1| {
        in1.write("sys/class/net/enp2s0f1/address", "00:00:5e:00:53:22\n");
    }));
    assert_eq!(refusal.code, "HW-215");
}

#[test]
fn one_graphics_processor_is_refused() {
    let policy = lab_policy();
    let (st1, an1) = (Machine::new("st1"), Machine::new("an1"));
    let function = "sys/devices/pci0000:00/0000:00:05.0/0000:04:00.0";
    st1.write(&format!("{function}/class"), "0x030200\n");
    st1.write(&format!("{function}/vendor"), "0x10de\n");
    let uuid = "GPU UUID: \t GPU-6c1f0b52-9d3e-4a87-b1c4-20e95fd7a836\n";
    st1.write("proc/driver/nvidia/gpus/0000:04:00.0/information", uuid);
    let report = pair(&policy, &st1, &an1);
    let gpu = report
        .findings
        .iter()
        .find(|f| f.scope == Scope::Device(Device::Gpu))
        .unwrap();
    assert!(matches!(&gpu.verdict, PairVerdict::Shared(refusal) if refusal.code == "HW-216"));
    assert_eq!(
        shared(report.verdict).code,
        "HW-212",
        "the board is named first"
    );
}

#[test]
fn placeholder_twins_are_unproven_and_never_separate() {
    let refusal = unproven(check(&lab_policy(), |st1, in1| {
        for machine in [st1, in1] {
            for name in DMI {
                machine.write(
                    &format!("sys/class/dmi/id/{name}"),
                    "To Be Filled By O.E.M.\n",
                );
            }
            machine.write(
                "sys/class/dmi/id/product_uuid",
                "03000200-0400-0500-0006-000700080009\n",
            );
        }
        for nic in ["enp2s0f0", "enp2s0f1"] {
            in1.write(&format!("sys/class/net/{nic}/addr_assign_type"), "3\n");
        }
        in1.remove("sys/block/nvme0n1/wwid")
            .remove("sys/block/nvme0n1/device/serial");
    }));
    assert_eq!(refusal.code, "HW-220");
    let shown = refusal.to_string();
    assert!(
        shown.contains("placeholder") || shown.contains("does not meet its pins"),
        "{shown}"
    );
}

#[test]
fn one_family_that_differs_is_not_enough_for_two_boards() {
    let policy = policy_with(
        "domain = \"board\"",
        "domain = \"board\"\non_unproven = \"refuse\"",
    );
    let (st1, an1) = (Machine::new("st1"), Machine::new("an1"));
    an1.remove("sys/class/dmi");
    an1.write("sys/class/net/enp2s0/addr_assign_type", "3\n");
    an1.remove("proc/driver/nvidia");
    let report = pair(&policy, &st1, &an1);
    let refusal = unproven(report.verdict);
    assert_eq!(refusal.code, "HW-220");
    assert!(
        refusal
            .read
            .iter()
            .any(|line| line.contains("differ: disk;")),
        "{refusal}"
    );
    assert!(
        refusal
            .also
            .iter()
            .any(|line| line.contains("product_serial")),
        "{refusal}"
    );
}

#[test]
fn a_uuid_made_from_the_serial_number_is_no_second_family_and_both_byte_orders_are_one() {
    let policy = lab_policy();
    let refusal = shared(check(&policy, |st1, in1| {
        st1.write(
            "sys/class/dmi/id/product_uuid",
            "c5f5ad0b-9b1e-4f6e-8a3d-6f0d1f2a7b90\n",
        );
        in1.write(
            "sys/class/dmi/id/product_uuid",
            "0BADF5C5-1E9B-6E4F-8A3D-6F0D1F2A7B90\n",
        );
        for machine in [st1, in1] {
            machine.remove("sys/class/dmi/id/product_serial");
            machine.remove("sys/class/dmi/id/board_serial");
        }
        in1.write("sys/class/net/enp2s0f0/address", "00:00:5e:00:53:21\n");
        in1.remove("sys/block/nvme0n1/wwid")
            .remove("sys/block/nvme0n1/device/serial");
    }));
    assert_eq!(
        refusal.code, "HW-212",
        "two weak families are equal and none differs"
    );
}

#[test]
fn one_weak_witness_alone_neither_joins_nor_separates() {
    let refusal = unproven(check(&lab_policy(), |st1, in1| {
        for machine in [st1, in1] {
            machine.remove("sys/class/dmi/id/product_serial");
            machine.remove("sys/class/dmi/id/board_serial");
        }
        in1.copy(st1, "sys/class/dmi/id/product_uuid");
    }));
    assert_eq!(refusal.code, "HW-220");
}

#[test]
fn the_plan_counts_only_for_a_machine_that_is_the_one_pinned() {
    let refusal = unproven(check(&lab_policy(), |_, in1| {
        in1.write("sys/class/dmi/id/product_serial", "HI2-0000-99999\n");
        in1.write("sys/class/net/enp2s0f0/address", "00:00:5e:00:53:a1\n");
    }));
    assert_eq!(refusal.code, "HW-220");
    assert!(
        refusal.read[0].contains("does not meet its pins"),
        "{refusal}"
    );
}

#[test]
fn without_a_place_in_the_plan_no_chassis_is_proven() {
    let policy = policy_with("position = 21\n", "");
    let refusal = unproven(check(&policy, |_, _| {}));
    assert!(
        refusal.read[0].contains("in1: the plan gives no rack and position"),
        "{refusal}"
    );
}

#[test]
fn the_constitution_is_judged_where_no_rule_is_written() {
    let policy = without_the_rule();
    assert_eq!(check(&policy, |_, _| {}), PairVerdict::Separate);
    let refusal = shared(check(&policy, |st1, in1| {
        in1.copy(st1, "sys/class/dmi/id/chassis_serial");
    }));
    assert_eq!(refusal.code, "HW-211");
    let rule = refusal.rule.as_ref().unwrap();
    assert!(rule.text.starts_with("constitution"), "{refusal}");
    assert_eq!((rule.file.as_str(), rule.line), ("", 0));
}

#[test]
fn the_constitution_speaks_about_public_zones_of_every_kind_and_about_identifying_data_only() {
    let public = "kind     = \"analytics\"\nexposure = \"internal\"";
    let text = policy_text().replace(public, &public.replace("internal", "public"));
    // A rule at board would be one that the constitution makes useless.
    let rule = "zones  = [\"storage\", \"analytics\"]\ndomain = \"board\"";
    let text = text.replace(rule, &rule.replace("board", "chassis"));
    let policy = super::rig::parse(&text);
    let zone = |policy: &Policy, name: &str| policy.zone(&name.parse().unwrap()).unwrap().clone();
    let (storage, analytics) = (zone(&policy, "storage"), zone(&policy, "analytics"));
    assert!(crate::constitution::covers(&storage, &analytics));
    assert!(crate::constitution::covers(&analytics, &storage));
    assert!(!crate::constitution::covers(&storage, &storage));
    let lab = lab_policy();
    assert!(!crate::constitution::covers(
        &zone(&lab, "storage"),
        &zone(&lab, "analytics")
    ));
    assert!(!crate::constitution::covers(
        &zone(&lab, "intake"),
        &zone(&lab, "analytics")
    ));
}

#[test]
fn zones_without_a_rule_between_them_may_share() {
    let policy = lab_policy();
    let (in1, an1) = (Machine::new("in1"), Machine::new("an1"));
    an1.copy(&in1, "sys/class/dmi/id/chassis_serial");
    let report = pair(&policy, &in1, &an1);
    assert_eq!(report.verdict, PairVerdict::Separate);
    assert!(report.findings.is_empty());
}

#[test]
fn a_rule_covers_the_narrower_domains_and_the_devices() {
    let report = pair(&lab_policy(), &Machine::new("st1"), &Machine::new("an1"));
    let scopes: Vec<Scope> = report
        .findings
        .iter()
        .map(|finding| finding.scope)
        .collect();
    assert_eq!(
        scopes,
        [
            Scope::Domain(Domain::Board),
            Scope::Domain(Domain::Host),
            Scope::Device(Device::Disk),
            Scope::Device(Device::Nic),
            Scope::Device(Device::Gpu),
        ]
    );
}

#[test]
fn a_warning_lets_a_doubt_pass_and_tells_it() {
    let rule = "[[separate]]\nzones = [\"intake\", \"analytics\"]\ndomain = \"chassis\"\n\
        on_unproven = \"warn\"\nwhy = \"they answer to different people\"\n";
    let text = policy_text().replace("[node.kp1]\n", &format!("{rule}\n[node.kp1]\n"));
    let policy = super::rig::parse(&text.replace("position = 21\n", ""));
    let (in1, an1) = (Machine::new("in1"), Machine::new("an1"));
    let report = pair(&policy, &in1, &an1);
    assert_eq!(report.verdict, PairVerdict::Separate);
    assert_eq!(report.warnings.len(), 1);
    assert_eq!(report.warnings[0].code, "HW-220");
    an1.copy(&in1, "sys/class/dmi/id/chassis_serial");
    assert_eq!(
        shared(pair(&policy, &in1, &an1).verdict).code,
        "HW-211",
        "sharing never passes"
    );
}

#[test]
fn a_node_that_is_not_listed_is_unproven() {
    let policy = lab_policy();
    let (st1, in1) = (
        Machine::new("st1").evidence(),
        Machine::new("in1").evidence(),
    );
    let verdict = crate::judge_pair(&policy, (&node("st1"), &st1), (&node("in9"), &in1));
    assert_eq!(unproven(verdict).code, "HW-300");
}
