//! Graphics and compute processors: what is one, and what was seen to be whole.

use super::rig::{Machine, lab_policy, policy_with};
use crate::inventory::GpuDivision;
use crate::{Evidence, Fact};

/// The first processor of the lab's analytics machine.
const FIRST: &str = "sys/devices/pci0000:00/0000:00:04.0/0000:41:00.0";
const INFORMATION: &str = "proc/driver/nvidia/gpus/0000:41:00.0/information";
const PARTS: &str = "proc/driver/nvidia/capabilities/gpu0/mig";

fn first(machine: &Machine) -> Fact<GpuDivision> {
    let inventory = machine.inventory();
    let gpus = inventory.gpus.value().unwrap().iter();
    let mut first = gpus.filter(|gpu| gpu.address.as_str() == "0000:41:00.0");
    first.next().unwrap().division.fact.clone()
}

/// One change to the analytics machine: how its first processor is divided then, and the code that
/// follows where each must be whole.
fn check(
    change: impl for<'m> Fn(&'m Machine) -> &'m Machine,
    division: Option<GpuDivision>,
    code: Option<&str>,
) {
    let machine = Machine::new("an1");
    change(&machine);
    let found = first(&machine);
    assert_eq!(found.value().copied(), division, "{found:?}");
    let refusals = machine.refusals(&lab_policy());
    let about_need = refusals
        .iter()
        .find(|refusal| ["HW-180", "HW-181"].contains(&refusal.code.as_str()));
    assert_eq!(about_need.map(|refusal| refusal.code.as_str()), code);
    if let Some(refusal) = about_need {
        assert!(refusal.read[0].starts_with('/'), "{refusal}");
        assert!(refusal.rule.is_some(), "{refusal}");
    }
}

#[test]
fn a_processor_that_its_driver_tells_of_is_whole_without_partitions() {
    let whole = Some(GpuDivision::Whole);
    check(|m| m, whole, None);
    check(|m| m.write(&format!("{PARTS}/config"), ""), whole, None);
    check(
        |m| m.write(&format!("{FIRST}/sriov_numvfs"), "0\n"),
        whole,
        None,
    );
}

#[test]
fn a_processor_of_which_nobody_can_tell_is_not_called_whole() {
    let unknown = Some("HW-181");
    check(|m| m.remove(INFORMATION), None, unknown);
    check(|m| m.remove("proc/driver/nvidia"), None, unknown);
    check(|m| m.write(INFORMATION, "Model: one\n"), None, unknown);
    check(
        |m| m.write(INFORMATION, "Device Minor: ../0\n"),
        None,
        unknown,
    );
    check(
        |m| m.write(INFORMATION, "Device Minor: +0\n"),
        None,
        unknown,
    );
    check(|m| m.write(PARTS, "no directory"), None, unknown);
    check(|m| m.link(PARTS, "mig"), None, unknown);
    check(
        |m| m.write(&format!("{FIRST}/sriov_numvfs"), "many\n"),
        None,
        unknown,
    );
    check(
        |m| m.write(&format!("{FIRST}/physfn/vendor"), ""),
        None,
        unknown,
    );
    check(|m| m.link("sys/class/mdev_bus", "mdev_bus"), None, unknown);
}

#[test]
fn a_processor_whose_parts_are_handed_out_is_not_whole() {
    let handed_out = Some(GpuDivision::HandedOut);
    let too_few = Some("HW-180");
    check(
        |m| m.write(&format!("{FIRST}/sriov_numvfs"), "4\n"),
        handed_out,
        too_few,
    );
    check(
        |m| m.write(&format!("{FIRST}/mdev_supported_types/nvidia-1/name"), "x"),
        handed_out,
        too_few,
    );
    check(
        |m| m.link("sys/class/mdev_bus/0000:41:00.0", "../../devices/x"),
        handed_out,
        too_few,
    );
    check(
        |m| m.write(&format!("{PARTS}/gi2/access"), ""),
        Some(GpuDivision::Mig),
        too_few,
    );
    check(
        |m| m.link(&format!("{FIRST}/physfn"), "../0000:42:00.0"),
        Some(GpuDivision::VirtualFunction),
        too_few,
    );
}

#[test]
fn one_that_nobody_can_tell_of_beside_enough_that_are_whole_is_no_reason_to_refuse() {
    let machine = Machine::new("an1");
    machine.remove(INFORMATION);
    let one = policy_with("gpus = 2", "gpus = 1");
    assert!(machine.codes(&one).iter().all(|code| code != "HW-181"));
    // And where even all of them would be too few, it is known to be too small.
    let three = policy_with("gpus = 2", "gpus = 3");
    let codes = machine.codes(&three);
    assert!(codes.contains(&"HW-180".to_owned()), "{codes:?}");
}

#[test]
fn a_virtual_function_never_counts_also_where_the_policy_asks_for_no_division() {
    let free = policy_with(", gpu_sharing = \"none\"", "");
    let machine = Machine::new("an1");
    assert!(machine.codes(&free).is_empty());
    machine.write(&format!("{FIRST}/sriov_numvfs"), "4\n");
    assert!(
        machine.codes(&free).is_empty(),
        "handed out, and not asked about"
    );
    machine.link(&format!("{FIRST}/physfn"), "../0000:42:00.0");
    assert_eq!(machine.codes(&free), ["HW-180"]);
}

#[test]
fn how_a_processor_is_divided_travels_with_its_state_and_its_path() {
    let machine = Machine::new("an1");
    machine.remove(INFORMATION);
    let evidence = machine.evidence();
    let back = Evidence::from_json(&evidence.to_json()).unwrap();
    assert_eq!(back, evidence);
    let gpus = back.machine().gpus.value().unwrap();
    assert_eq!(gpus[0].division.path, format!("/{INFORMATION}"));
    assert_eq!(gpus[0].division.fact, Fact::Absent);
    assert_eq!(gpus[1].division.value(), Some(&GpuDivision::Whole));
}

#[test]
fn displays_and_programmable_logic_are_no_processors() {
    let cases = [
        ("0x030000", "0x1002", "0x164e", 0),
        ("0x038000", "0x1002", "0x150e", 0),
        ("0x030000", "0x1002", "0x9874", 0),
        ("0x030000", "0x1002", "0x5969", 0),
        ("0x030000", "0x1002", "0x6860", 1),
        ("0x030000", "0x1002", "0x744c", 1),
        ("0x120000", "0x1002", "0x74a1", 1),
        ("0x120000", "0x1da3", "0x1020", 1),
        ("0x120000", "0x10de", "0x2330", 1),
        ("0x120000", "0x10ee", "0x5000", 0),
        ("0x120000", "0x8086", "0xbcce", 0),
        ("0x120000", "0x1172", "0x0001", 0),
    ];
    for (class, vendor, device, count) in cases {
        let machine = Machine::empty("an1");
        let home = "sys/bus/pci/devices/0000:41:00.0";
        machine.write(&format!("{home}/class"), class);
        machine.write(&format!("{home}/vendor"), vendor);
        machine.write(&format!("{home}/device"), device);
        let gpus = machine.inventory().gpus;
        assert_eq!(
            gpus.value().map(Vec::len),
            Some(count),
            "{class} {vendor}:{device}"
        );
    }
}
