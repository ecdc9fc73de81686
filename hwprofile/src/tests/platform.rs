//! Each key of a platform and each need: the nearest thing that fails, and the nearest that nobody
//! can tell.

use super::rig::{Machine, lab_policy, policy_with};

const SECURE_BOOT: &str =
    "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SETUP_MODE: &str = "sys/firmware/efi/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// One change to storage's machine, and the only code that follows.
fn check(change: impl for<'m> Fn(&'m Machine) -> &'m Machine, code: &str) {
    let machine = Machine::new("st1");
    change(&machine);
    let refusals = machine.refusals(&lab_policy());
    let codes: Vec<&str> = refusals
        .iter()
        .map(|refusal| refusal.code.as_str())
        .collect();
    assert_eq!(codes, [code]);
    let refusal = &refusals[0];
    assert!(!refusal.read.is_empty(), "{refusal}");
    assert!(
        refusal.read.iter().any(|line| line.starts_with('/')),
        "a path: {refusal}"
    );
    let rule = refusal.rule.as_ref().expect("a rule");
    assert!(rule.line > 1 && rule.file == "hwprofile.toml", "{refusal}");
}

#[test]
fn a_virtual_machine_is_refused_by_the_processors_flag() {
    let flag = "processor\t: 0\nflags\t\t: fpu hypervisor lm\n";
    check(|m| m.write("proc/cpuinfo", flag), "HW-112");
}

#[test]
fn a_virtual_machine_is_refused_by_its_hypervisor_and_by_its_devices() {
    check(|m| m.write("sys/hypervisor/type", "xen\n"), "HW-112");
    check(
        |m| m.write("sys/devices/pci0000:00/0000:00:04.0/vendor", "0x1b36\n"),
        "HW-112",
    );
}

#[test]
fn a_forged_vendor_changes_nothing() {
    let machine = Machine::new("st1");
    machine.write("sys/class/dmi/id/sys_vendor", "QEMU\n");
    assert!(machine.codes(&lab_policy()).is_empty());
    machine.write("proc/cpuinfo", "processor: 0\nflags: hypervisor\n");
    let refusals = machine.refusals(&lab_policy());
    assert!(
        refusals[0].also[0].contains("does not count"),
        "{}",
        refusals[0]
    );
}

#[test]
fn a_processor_without_the_flag_proves_nothing() {
    check(
        |m| m.write("proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n"),
        "HW-113",
    );
    check(|m| m.write("proc/cpuinfo", ""), "HW-113");
}

#[test]
fn a_container_is_refused_and_dockerenv_is_not_evidence() {
    check(|m| m.link("proc/self/ns/pid", "pid:[4026532211]"), "HW-114");
    let machine = Machine::new("st1");
    machine.write(".dockerenv", "");
    assert!(machine.codes(&lab_policy()).is_empty());
}

#[test]
fn namespaces_that_cannot_be_read_prove_nothing() {
    check(|m| m.remove("proc/self/ns/user"), "HW-115");
    check(|m| m.link("proc/self/ns/uts", "pid:[4026531836]"), "HW-115");
    check(|m| m.link("proc/self/ns/uts", "uts:[many]"), "HW-115");
}

#[test]
fn secure_boot_must_be_on_and_out_of_its_setup_mode() {
    check(|m| m.write(SECURE_BOOT, [6, 0, 0, 0, 0]), "HW-120");
    check(|m| m.write(SETUP_MODE, [6, 0, 0, 0, 1]), "HW-120");
    check(|m| m.remove("sys/firmware/efi"), "HW-120");
}

const VALIDATION: &str =
    "sys/firmware/efi/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23";

#[test]
fn a_loader_that_was_told_to_check_nothing_makes_secure_boot_worth_nothing() {
    check(|m| m.write(VALIDATION, [6, 0, 0, 0, 1]), "HW-120");
    let own = VALIDATION.replace("StateRT", "State");
    check(|m| m.write(&own, [3, 0, 0, 0, 1]), "HW-120");
    check(|m| m.write(VALIDATION, [6, 0, 0, 0, 2]), "HW-121");
    check(|m| m.write(VALIDATION, []), "HW-121");
    check(|m| m.write(&format!("{VALIDATION}/x"), ""), "HW-121");
    let machine = Machine::new("st1");
    machine.write(VALIDATION, [6, 0, 0, 0, 0]);
    assert!(machine.codes(&lab_policy()).is_empty());
}

#[test]
fn firmware_that_may_not_be_looked_at_is_not_called_absent() {
    check(
        |m| m.remove("sys/firmware").link("sys/firmware", "firmware"),
        "HW-121",
    );
}

#[test]
fn a_firmware_variable_that_cannot_be_read_is_not_off() {
    check(|m| m.write(SECURE_BOOT, [1]), "HW-121");
    check(|m| m.write(SECURE_BOOT, [6, 0, 0, 0, 2]), "HW-121");
    check(
        |m| {
            m.remove("sys/firmware/efi/efivars")
                .write("sys/firmware/efi/x", "")
        },
        "HW-121",
    );
}

#[test]
fn lockdown_must_be_at_least_what_is_asked() {
    check(
        |m| m.write("sys/kernel/security/lockdown", "[none] integrity\n"),
        "HW-141",
    );
    check(
        |m| m.write("sys/kernel/security/lockdown", "none [integrity] x\n"),
        "HW-141",
    );
    check(
        |m| {
            m.remove("sys/kernel/security/lockdown")
                .write("sys/kernel/security/lsm", "x")
        },
        "HW-141",
    );
}

#[test]
fn securityfs_that_is_not_mounted_proves_nothing() {
    let machine = Machine::new("st1");
    machine.remove("sys/kernel/security");
    let refusals = machine.refusals(&lab_policy());
    assert_eq!(refusals[0].also, ["securityfs is not mounted"]);
    check(|m| m.remove("sys/kernel/security"), "HW-140");
    check(
        |m| m.write("sys/kernel/security/lockdown", "none integrity\n"),
        "HW-140",
    );
}

#[test]
fn more_lockdown_than_asked_is_admitted() {
    let machine = Machine::new("an1");
    machine.write(
        "sys/kernel/security/lockdown",
        "none integrity [confidentiality]\n",
    );
    assert!(machine.codes(&lab_policy()).is_empty());
}

#[test]
fn an_iommu_that_lets_devices_through_is_refused() {
    check(
        |m| m.write("sys/kernel/iommu_groups/8/type", "identity\n"),
        "HW-130",
    );
    check(|m| m.remove("sys/kernel/iommu_groups/8/type"), "HW-130");
    check(|m| m.remove("sys/class/iommu"), "HW-130");
    check(|m| m.remove("sys/kernel/iommu_groups"), "HW-130");
    check(
        |m| {
            m.remove("sys/class/iommu")
                .remove("sys/kernel/iommu_groups")
        },
        "HW-130",
    );
    let group = "sys/devices/pci0000:00/0000:00:02.0/0000:02:00.0/iommu_group";
    // A link to a group that the kernel does not list.
    check(
        |m| {
            m.remove(group)
                .link(group, "../../../../kernel/iommu_groups/99")
        },
        "HW-130",
    );
    check(|m| m.remove(group), "HW-130");
}

#[test]
fn an_iommu_over_devices_that_cannot_be_listed_proves_nothing() {
    let machine = Machine::new("st1");
    machine.remove("sys/bus/pci/devices");
    machine.write("sys/bus/pci/devices", "");
    // A device that shows a virtual machine may be among them.
    assert_eq!(machine.codes(&lab_policy()), ["HW-113", "HW-131"]);
}

#[test]
fn a_place_in_which_a_hypervisor_may_show_itself_must_be_read() {
    let far = "x".repeat(300);
    for path in [
        "sys/hypervisor/type",
        "proc/sysinfo",
        "proc/device-tree/hypervisor",
    ] {
        check(|m| m.link(path, &far), "HW-113");
    }
    check(|m| m.write("sys/hypervisor/type/below", ""), "HW-113");
    check(|m| m.write("proc/sysinfo/below", ""), "HW-113");
    check(|m| m.write("proc/device-tree/hypervisor", ""), "HW-112");
    let function = "sys/devices/pci0000:00/0000:00:00.0";
    for (file, text) in [
        ("vendor", "no number"),
        ("vendor", ""),
        ("subsystem_vendor", "?"),
    ] {
        let path = format!("{function}/{file}");
        let machine = Machine::new("st1");
        machine.write(&format!("{function}/subsystem_device"), "0x0001\n");
        machine.write(&path, text);
        assert_eq!(machine.codes(&lab_policy()), ["HW-113"], "{path} {text:?}");
    }
    let machine = Machine::new("st1");
    machine.write("sys/hypervisor/type", "none\n");
    machine.write("proc/sysinfo", "Manufacturer: IBM\n");
    assert!(machine.codes(&lab_policy()).is_empty());
}

#[test]
fn a_device_of_virtio_shows_a_virtual_machine() {
    let vendor = "sys/devices/pci0000:00/0000:00:00.0/vendor";
    for maker in ["0x1af4", "0x1b36", "0x1234"] {
        let machine = Machine::new("st1");
        machine.write(vendor, maker);
        assert_eq!(machine.codes(&lab_policy()), ["HW-112"], "{maker}");
    }
    let machine = Machine::new("st1");
    machine.write(vendor, "0x1af5\n");
    assert!(machine.codes(&lab_policy()).is_empty());
}

#[test]
fn a_missing_or_older_tpm_is_refused() {
    check(
        |m| m.write("sys/class/tpm/tpm0/tpm_version_major", "1\n"),
        "HW-150",
    );
    check(|m| m.remove("sys/class/tpm"), "HW-150");
    check(
        |m| m.write("sys/class/tpm/tpm0/tpm_version_major", "two\n"),
        "HW-151",
    );
    check(
        |m| m.remove("sys/class/tpm/tpm0/tpm_version_major"),
        "HW-151",
    );
}

#[test]
fn a_vulnerable_processor_is_refused_even_after_a_semicolon() {
    let path = "sys/devices/system/cpu/vulnerabilities/mmio_stale_data";
    check(
        |m| m.write(path, "Vulnerable: Clear CPU buffers attempted\n"),
        "HW-160",
    );
    check(
        |m| m.write(path, "Mitigation: Clear CPU buffers; SMT vulnerable\n"),
        "HW-160",
    );
    check(|m| m.write(path, "Unknown: No mitigations\n"), "HW-161");
    check(|m| m.write(path, ""), "HW-161");
    check(|m| m.remove(path), "HW-161");
}

#[test]
fn a_vulnerability_that_the_policy_does_not_name_is_not_asked_about() {
    let machine = Machine::new("st1");
    machine.write(
        "sys/devices/system/cpu/vulnerabilities/brand_new",
        "Vulnerable\n",
    );
    assert!(machine.codes(&lab_policy()).is_empty());
    let named = "vulnerabilities = [\"retbleed\", \"mmio_stale_data\"]\n";
    assert_eq!(
        machine.codes(&policy_with(named, "")),
        ["HW-160"],
        "not written: every one"
    );
}

#[test]
fn storage_that_can_be_carried_away_is_refused() {
    check(|m| m.write("sys/block/sr0/removable", "1\n"), "HW-170");
    check(
        |m| {
            let home = "sys/devices/pci0000:00/0000:00:03.0/usb1/1-1/host9/target9:0:0/9:0:0:0";
            m.write(&format!("{home}/block/sdz/removable"), "0\n");
            m.link(
                "sys/block/sdz",
                &format!("../{}/block/sdz", home.trim_start_matches("sys/")),
            )
        },
        "HW-170",
    );
    check(|m| m.write("sys/block/sr0/removable", "maybe\n"), "HW-171");
}

#[test]
fn a_machine_that_is_too_small_is_refused() {
    check(
        |m| m.write("proc/meminfo", "MemTotal:  60000000 kB\n"),
        "HW-180",
    );
    check(|m| m.write("proc/meminfo", "MemTotal: lots\n"), "HW-181");
    check(|m| m.remove("sys/block/sdb"), "HW-180");
    check(|m| m.remove("sys/class/net/eno2"), "HW-180");
}

#[test]
fn memory_that_the_firmware_keeps_is_no_reason_to_refuse() {
    let machine = Machine::new("st1");
    machine.write("proc/meminfo", "MemTotal:       63500000 kB\n");
    assert!(
        machine.codes(&lab_policy()).is_empty(),
        "64 GiB fitted, 60.6 GiB shown"
    );
}

#[test]
fn two_paths_to_one_drive_are_one_drive() {
    let machine = Machine::new("st1");
    machine.copy(&machine, "sys/block/sda/device/wwid");
    let wwid = std::fs::read(machine.root().join("sys/block/sda/device/wwid")).unwrap();
    machine.write("sys/block/sdb/device/wwid", wwid);
    assert_eq!(machine.codes(&lab_policy()), ["HW-180"]);
}

#[test]
fn a_graphics_processor_must_be_of_the_vendor_and_whole() {
    let gpu = "sys/devices/pci0000:00/0000:00:05.0/0000:42:00.0";
    let machine = Machine::new("an1");
    machine.write(&format!("{gpu}/vendor"), "0x1002\n");
    assert!(machine.codes(&lab_policy()).contains(&"HW-180".to_owned()));
    let machine = Machine::new("an1");
    machine.link(&format!("{gpu}/physfn"), "../0000:41:00.0");
    assert!(machine.codes(&lab_policy()).contains(&"HW-180".to_owned()));
    let machine = Machine::new("an1");
    machine.write("proc/driver/nvidia/capabilities/gpu1/mig/gi1/access", "");
    assert!(machine.codes(&lab_policy()).contains(&"HW-180".to_owned()));
    let mig = policy_with("gpu_sharing = \"none\"", "gpu_sharing = \"mig\"");
    assert!(!machine.codes(&mig).contains(&"HW-180".to_owned()));
}

#[test]
fn an_empty_machine_is_refused_for_everything_and_matches_nothing() {
    let codes = Machine::empty("st1").codes(&lab_policy());
    for code in [
        "HW-302", "HW-113", "HW-115", "HW-120", "HW-140", "HW-130", "HW-150", "HW-171", "HW-161",
        "HW-180", "HW-181",
    ] {
        assert!(codes.contains(&code.to_owned()), "{code}: {codes:?}");
    }
}

#[test]
fn whatever_happens_to_a_needed_file_the_machine_is_refused() {
    let policy = lab_policy();
    let needed = [
        "proc/cpuinfo",
        "proc/meminfo",
        "proc/self/ns/pid",
        SECURE_BOOT,
        "sys/kernel/security/lockdown",
        "sys/class/tpm/tpm0/tpm_version_major",
        "sys/devices/system/cpu/vulnerabilities/retbleed",
        "sys/kernel/iommu_groups/3/type",
        "sys/devices/pci0000:00/0000:00:04.0/ata1/host0/target0:0:0/0:0:0:0/block/sda/removable",
        "sys/devices/pci0000:00/0000:00:03.0/0000:03:00.0/nvme/nvme0/transport",
    ];
    let huge = vec![b'7'; 5 * 1024 * 1024];
    let contents: [(&str, &[u8]); 3] = [
        ("empty", b""),
        ("garbage", b"\xff\0\xfe[x"),
        ("huge", &huge),
    ];
    for path in needed {
        let machine = Machine::new("st1");
        machine.remove(path);
        assert!(!machine.codes(&policy).is_empty(), "{path} missing");
        for (fate, content) in contents {
            machine.write(path, content);
            assert!(!machine.codes(&policy).is_empty(), "{path} {fate}");
        }
    }
}
