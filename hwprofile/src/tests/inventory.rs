//! Facts as real machines show them, and the traps among them.

use super::rig::{Machine, NODES};
use crate::domain::WitnessKind;
use crate::identity::Identity;
use crate::inventory::{Bus, GpuDivision, HypervisorFlag, Transport, Virtualization};
use crate::{Fact, Inventory};
use std::io::Write as _;

fn disk<'a>(inventory: &'a Inventory, name: &str) -> Option<&'a crate::inventory::Disk> {
    inventory
        .disks
        .value()?
        .iter()
        .find(|disk| disk.name == name)
}

#[test]
fn the_inventory_of_every_shipped_machine_has_a_value_for_every_fact() {
    for (name, _) in NODES {
        let inventory = Machine::new(name).inventory();
        let text = inventory.to_json().to_string();
        assert!(
            text.starts_with(r#"{"boot":{"boot_id":{"path":"#),
            "sorted: {text}"
        );
        assert_eq!(inventory.to_json()["version"], 2);
        // A tree of files cannot tell what only a TPM answers, and says so.
        let mut told = inventory.to_json();
        for fact in ["tpm_manufacturer", "tpm_endorsement"] {
            let gap = told.as_object_mut().unwrap().remove(fact).unwrap();
            assert_eq!(gap["state"], "unsupported", "{name}: {fact}");
        }
        let text = told.to_string();
        for state in ["unreadable", "unsupported", "placeholder"] {
            assert!(!text.contains(state), "{name}: {state}");
        }
        assert_eq!(
            inventory.processor.hypervisor_flag.value(),
            Some(&HypervisorFlag::Clear)
        );
    }
}

#[test]
fn the_display_of_a_management_controller_is_no_graphics_processor() {
    for (name, count) in [("kp1", 0), ("st1", 0), ("in1", 0), ("an1", 2)] {
        let inventory = Machine::new(name).inventory();
        let gpus = inventory.gpus.value().unwrap();
        assert_eq!(gpus.len(), count, "{name}");
        assert!(
            gpus.iter()
                .all(|gpu| gpu.division.value() == Some(&GpuDivision::Whole))
        );
        let displays = inventory.pci.value().unwrap().iter();
        let displays = displays.filter(|f| f.class.value().is_some_and(|c| c >> 16 == 3));
        assert_eq!(displays.count(), count + 1, "{name}: and a display besides");
    }
}

#[test]
fn graphics_processors_are_told_by_class_and_vendor() {
    let cases = [
        ("0x030200", "0x10de", "0x2330", 1),
        ("0x030000", "0x10de", "0x1db4", 1),
        ("0x120000", "0x1da3", "0x1020", 1),
        ("0x038000", "0x1002", "0x740f", 1),
        ("0x030000", "0x102b", "0x0536", 0),
        ("0x030000", "0x1002", "0x515e", 0),
        ("0x030000", "0x19e5", "0x1711", 0),
        ("0x010802", "0x10de", "0x2330", 0),
        ("0x03", "0x10de", "0x2330", 0),
        ("junk", "0x10de", "0x2330", 0),
    ];
    for (class, vendor, device, count) in cases {
        let machine = Machine::empty("an1");
        let home = "sys/bus/pci/devices/0000:41:00.0";
        machine.write(&format!("{home}/class"), class);
        machine.write(&format!("{home}/vendor"), vendor);
        machine.write(&format!("{home}/device"), device);
        let gpus = machine.inventory().gpus;
        assert_eq!(
            gpus.value().unwrap().len(),
            count,
            "{class} {vendor}:{device}"
        );
    }
}

#[test]
fn a_pci_domain_of_32_bits_is_read() {
    let machine = Machine::empty("an1");
    machine.write("sys/bus/pci/devices/10000:e1:00.0/class", "0x010802\n");
    machine.write("sys/bus/pci/devices/10000:e1:00.0/vendor", "0x8086\n");
    let inventory = machine.inventory();
    assert_eq!(
        inventory.pci.value().unwrap()[0].address.as_str(),
        "10000:e1:00.0"
    );
}

#[test]
fn a_drive_behind_native_multipath_is_a_drive_and_its_hidden_path_is_not() {
    let machine = Machine::new("kp1");
    let subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys0";
    machine.remove("sys/block/nvme0n1");
    machine.write(
        &format!("{subsystem}/nvme0n1/wwid"),
        "eui.7a35100000c41e07\n",
    );
    machine.write(&format!("{subsystem}/nvme0n1/removable"), "0\n");
    machine.link(&format!("{subsystem}/nvme0n1/device"), "../../nvme-subsys0");
    machine.link(
        &format!("{subsystem}/nvme0"),
        "../../../pci0000:00/0000:00:03.0/0000:03:00.0/nvme/nvme0",
    );
    machine.link(
        "sys/block/nvme0n1",
        &format!("../{}/nvme0n1", subsystem.trim_start_matches("sys/")),
    );
    machine.write("sys/block/nvme0c0n1/hidden", "1\n");
    let inventory = machine.inventory();
    assert_eq!(
        disk(&inventory, "nvme0n1").unwrap().transport,
        Fact::Value(Transport::Nvme)
    );
    assert!(disk(&inventory, "nvme0c0n1").is_none());
    assert_eq!(inventory.disks.value().unwrap().len(), 1);
}

#[test]
fn mappings_and_memory_disks_are_no_drives() {
    let machine = Machine::new("kp1");
    for name in ["dm-0", "md127", "zram0", "ram0", "nbd0", "loop7"] {
        machine.write(&format!("sys/block/{name}/removable"), "0\n");
    }
    assert_eq!(machine.inventory().disks.value().unwrap().len(), 1);
}

#[test]
fn a_worldwide_identifier_of_zeros_is_a_placeholder() {
    let machine = Machine::new("st1");
    machine.write("sys/block/sda/device/wwid", "naa.0000000000000000\n");
    let inventory = machine.inventory();
    assert!(matches!(
        disk(&inventory, "sda").unwrap().wwid.fact,
        Fact::Placeholder(_)
    ));
}

#[test]
fn virtual_media_of_a_management_controller_names_no_machine() {
    let machine = Machine::new("kp1");
    let home = "sys/devices/pci0000:00/0000:00:01.0/usb1/1-1/host7/target7:0:0/7:0:0:0";
    machine.write(&format!("{home}/block/sdx/removable"), "1\n");
    machine.write(&format!("{home}/block/sdx/serial"), "AMI00000000042\n");
    machine.link(
        "sys/block/sdx",
        &format!("../{}/block/sdx", home.trim_start_matches("sys/")),
    );
    let inventory = machine.inventory();
    assert_eq!(
        disk(&inventory, "sdx").unwrap().transport,
        Fact::Value(Transport::Usb)
    );
    let identity = Identity::of(&inventory);
    assert!(
        !identity
            .witnesses()
            .any(|witness| witness.kind == WitnessKind::DiskSerial && witness.path.contains("sdx"))
    );
}

#[test]
fn an_adapter_on_usb_names_no_machine() {
    let machine = Machine::new("kp1");
    machine.link("sys/class/net/eno1/device/subsystem", "../../../../bus/usb");
    let inventory = machine.inventory();
    assert_eq!(
        inventory.nics.value().unwrap()[0].bus,
        Fact::Value(Bus::Usb)
    );
    let identity = Identity::of(&inventory);
    assert!(
        !identity
            .witnesses()
            .any(|witness| witness.kind == WitnessKind::NicAddress)
    );
    assert!(
        identity
            .unseen()
            .any(|(kind, reading)| *kind == WitnessKind::NicAddress
                && reading.to_string().contains("USB"))
    );
}

#[test]
fn a_dell_uuid_and_a_uuid_of_an_address_are_no_witnesses() {
    for uuid in [
        "4c4c4544-0058-4b10-8032-b7c04f513233",
        "44454c4c-5800-104b-8032-b7c04f513233",
        "00000000-0000-0000-0000-00005e005311",
    ] {
        let machine = Machine::new("kp1");
        machine.write("sys/class/dmi/id/product_uuid", uuid);
        let identity = Identity::of(&machine.inventory());
        let kinds: Vec<_> = identity.witnesses().map(|witness| witness.kind).collect();
        assert!(!kinds.contains(&WitnessKind::ProductUuid), "{uuid}");
        assert!(kinds.contains(&WitnessKind::ProductSerial));
    }
}

#[test]
fn a_machine_without_firmware_tables_says_absent_everywhere() {
    let machine = Machine::new("kp1");
    machine.remove("sys/class/dmi");
    let dmi = machine.inventory().dmi;
    assert_eq!(dmi.product_serial.fact, Fact::Absent);
    assert_eq!(dmi.product_uuid.fact, Fact::Absent);
    assert_eq!(dmi.product_serial.path, "/sys/class/dmi/id/product_serial");
}

#[test]
fn a_value_with_a_newline_inside_is_read_as_one_line() {
    let machine = Machine::new("kp1");
    machine.write("sys/class/dmi/id/board_serial", "  S4881\nomputer Corp  \n");
    let serial = machine.inventory().dmi.board_serial;
    assert_eq!(serial.value().unwrap().normalised(), "s4881 omputer corp");
}

#[test]
fn a_link_out_of_the_tree_gives_no_fact() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("serial"), "OUT-SIDE-0001\n").unwrap();
    let machine = Machine::new("kp1");
    let up = "../".repeat(32);
    let target = format!("{up}{}", outside.path().join("serial").display());
    machine.remove("sys/class/dmi/id/product_serial");
    machine.link("sys/class/dmi/id/product_serial", &target);
    let serial = machine.inventory().dmi.product_serial;
    assert!(matches!(serial.fact, Fact::Unsupported(why) if why.contains("out of the root")));
}

#[test]
fn this_very_machine_is_read_without_a_panic() {
    let inventory = Inventory::read(std::path::Path::new("/"));
    assert_eq!(inventory.to_json()["version"], 2);
}

#[test]
fn the_running_processor_and_its_file_agree_about_a_hypervisor() {
    let inventory = Inventory::read(std::path::Path::new("/"));
    let Some(flag) = inventory.processor.hypervisor_flag.value() else {
        writeln!(
            std::io::stderr(),
            "skipped: this processor has no such flag"
        )
        .expect("standard error");
        return;
    };
    let is_set = *flag == HypervisorFlag::Set;
    let virtualization = &inventory.virtualization;
    assert!(
        !is_set || virtualization.path.starts_with("CPUID"),
        "{virtualization}"
    );
    assert!(!is_set || virtualization.to_string().contains("0x40000000"));
}

#[test]
fn a_capture_never_shows_a_fact_of_the_machine_that_reads_it() {
    let machine = Machine::new("kp1");
    let text = machine.inventory().to_json().to_string();
    assert!(
        !text.contains("CPUID") && !text.contains("netlink"),
        "{text}"
    );
}

#[test]
fn a_member_of_a_bond_keeps_the_address_it_was_made_with() {
    let machine = Machine::new("kp1");
    machine.write("sys/class/net/eno1/address", "02:00:00:00:00:07\n");
    machine.write("sys/class/net/eno1/addr_assign_type", "3\n");
    let changed = machine.inventory();
    let nic = &changed.nics.value().unwrap()[0];
    assert!(matches!(&nic.permanent.fact, Fact::Unsupported(why) if why.contains("software")));
    machine.link("sys/class/net/eno1/master", "../bond0");
    machine.write(
        "proc/net/bonding/bond0",
        "Slave Interface: eno1\nPermanent HW addr: b4:96:91:7a:10:02\n",
    );
    let bonded = machine.inventory();
    let nic = &bonded.nics.value().unwrap()[0];
    assert_eq!(nic.permanent.value().unwrap().text(), "b4:96:91:7a:10:02");
    assert_eq!(nic.permanent.path, "/proc/net/bonding/bond0");
    assert_eq!(nic.bond, Fact::Value("bond0".into()));
}

#[test]
fn a_device_that_qemu_made_shows_a_virtual_machine_whatever_the_firmware_says() {
    let machine = Machine::new("kp1");
    let home = "sys/bus/pci/devices/0000:00:1f.2";
    for (file, text) in [
        ("vendor", "0x8086"),
        ("device", "0x2922"),
        ("class", "0x010601"),
        ("subsystem_vendor", "0x1af4"),
        ("subsystem_device", "0x1100"),
    ] {
        machine.write(&format!("{home}/{file}"), text);
    }
    let virtualization = machine.inventory().virtualization;
    assert!(matches!(
        virtualization.value(),
        Some(Virtualization::Virtual(_))
    ));
}

#[test]
fn a_mainframe_and_a_device_tree_name_their_hypervisor() {
    for (path, content) in [
        ("proc/sysinfo", "VM00 Control Program: KVM/Linux\n"),
        ("proc/device-tree/hypervisor/compatible", "linux,kvm"),
        ("sys/hypervisor/type", "xen\n"),
    ] {
        let machine = Machine::empty("kp1");
        machine.write(path, content);
        let virtualization = machine.inventory().virtualization;
        assert!(
            matches!(virtualization.value(), Some(Virtualization::Virtual(_))),
            "{path}"
        );
    }
}

#[test]
fn a_group_that_lets_its_devices_through_says_so() {
    let machine = Machine::empty("kp1");
    let home = "sys/bus/pci/devices/0000:41:00.0";
    machine.write(&format!("{home}/class"), "0x020000");
    machine.write(&format!("{home}/sriov_numvfs"), "8\n");
    machine.write(&format!("{home}/numa_node"), "-1\n");
    machine.link(
        &format!("{home}/iommu_group"),
        "../../../../kernel/iommu_groups/7",
    );
    machine.write("sys/kernel/iommu_groups/7/type", "identity\n");
    let inventory = machine.inventory();
    let function = &inventory.pci.value().unwrap()[0];
    assert_eq!(function.iommu_domain, Fact::Value("identity".into()));
    assert_eq!(function.virtual_functions, Fact::Value(8));
    assert_eq!(function.numa_node, Fact::Absent);
}

#[test]
fn a_drive_with_two_ports_shows_both_ways_to_it_and_is_one_drive() {
    let machine = Machine::new("kp1");
    let subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys4";
    machine.write(
        &format!("{subsystem}/nvme4n1/wwid"),
        "eui.7a35100000c41e99\n",
    );
    machine.write(&format!("{subsystem}/nvme4n1/removable"), "0\n");
    machine.write(&format!("{subsystem}/nvme4n1/size"), "2048\n");
    machine.link(&format!("{subsystem}/nvme4n1/device"), "../../nvme-subsys4");
    for (name, number, address) in [
        ("nvme4", "65", "0000:81:00.0"),
        ("nvme5", "66", "0000:c1:00.0"),
    ] {
        let home = format!("sys/devices/pci0000:80/{address}/nvme/{name}");
        machine.write(&format!("{home}/transport"), "pcie\n");
        machine.write(&format!("{home}/cntlid"), number);
        machine.write(&format!("{home}/address"), address);
        let target = format!("../../../pci0000:80/{address}/nvme/{name}");
        machine.link(&format!("{subsystem}/{name}"), &target);
    }
    let shown = subsystem.trim_start_matches("sys/");
    machine.link("sys/block/nvme4n1", &format!("../{shown}/nvme4n1"));
    machine.write("sys/block/nvme4c4n1/hidden", "1\n");
    machine.write("sys/block/nvme4c5n1/hidden", "1\n");
    let inventory = machine.inventory();
    let drive = disk(&inventory, "nvme4n1").unwrap();
    let numbers: Vec<_> = drive
        .controllers
        .iter()
        .map(|way| way.number.value().unwrap())
        .collect();
    assert_eq!(numbers, ["65", "66"]);
    assert_eq!(drive.hidden_paths, ["nvme4c4n1", "nvme4c5n1"]);
    assert_eq!(drive.transport, Fact::Value(Transport::Nvme));
    assert_eq!(drive.size_bytes.value(), Some(&(1024 * 1024)));
    assert!(disk(&inventory, "nvme4c4n1").is_none());
}

#[test]
fn a_drive_over_a_network_of_storage_is_not_inside_the_machine() {
    for (home, transport) in [
        (
            "host2/rport-2:0-1/target2:0:0/2:0:0:1",
            Transport::FibreChannel,
        ),
        ("host3/session1/target3:0:0/3:0:0:0", Transport::Iscsi),
        (
            "host4/port-4:0/end_device-4:0/target4:0:0/4:0:0:0",
            Transport::Scsi,
        ),
        ("ata3/host5/target5:0:0/5:0:0:0", Transport::Sata),
    ] {
        let machine = Machine::empty("kp1");
        let home = format!("sys/devices/pci0000:00/0000:00:02.0/{home}/block/sdq");
        machine.write(&format!("{home}/removable"), "0\n");
        machine.link(
            "sys/block/sdq",
            &format!("../{}", home.trim_start_matches("sys/")),
        );
        let inventory = machine.inventory();
        let drive = disk(&inventory, "sdq").unwrap();
        assert_eq!(drive.transport, Fact::Value(transport), "{home}");
        let evidence = machine.evidence();
        let is_local = matches!(transport, Transport::Scsi | Transport::Sata);
        assert_eq!(evidence.machine().disks.value(), Some(&u64::from(is_local)));
    }
}

#[test]
fn the_pages_of_a_drive_are_read_where_no_file_tells_its_names() {
    let machine = Machine::empty("kp1");
    let page = |code: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        [&[0, code, 0, length], content].concat()
    };
    let name = [1, 3, 0, 8, 0x50, 0, 0xc5, 0, 0xa1, 0xb2, 0xc3, 0xd4];
    machine.write(
        "sys/block/sda/device/vpd_pg80",
        page(0x80, b"     S3Z8NB0K"),
    );
    machine.write("sys/block/sda/device/vpd_pg83", page(0x83, &name));
    let inventory = machine.inventory();
    let drive = disk(&inventory, "sda").unwrap();
    assert_eq!(drive.serial.value().unwrap().reveal(), "S3Z8NB0K");
    assert_eq!(drive.serial.path, "/sys/block/sda/device/vpd_pg80");
    assert_eq!(drive.wwid.value().unwrap().reveal(), "naa.5000c500a1b2c3d4");
}
