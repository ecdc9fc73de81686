//! Which PCI functions are graphics or compute processors, and how each is divided.
//!
//! Most servers show a display of their management controller: a class is not enough to call
//! something a processor. Whole is what was seen to be whole: nothing here may guess it.

use serde_json::Value;

use super::pci::{PciAddress, PciFunction};
use crate::fact::{Fact, Gap, Reading};
use crate::identifier::Identifier;
use crate::sysroot::Sysroot;
use crate::wire::{ToWire, object};

const NVIDIA: &str = "/proc/driver/nvidia/gpus";
const NVIDIA_PARTS: &str = "/proc/driver/nvidia/capabilities";
/// Where the kernel lists the devices whose drivers hand out parts of them.
const MEDIATED: &str = "/sys/class/mdev_bus";

const NVIDIA_VENDOR: u16 = 0x10de;
const AMD_VENDOR: u16 = 0x1002;
const INTEL_VENDOR: u16 = 0x8086;

/// Vendors whose displays are those of management controllers or of virtual machines: ASPEED,
/// Matrox, XGI, Huawei, Cirrus, Silicon Motion, Nuvoton, QEMU, Bochs, `VirtualBox`, `VMware`,
/// Hyper-V.
const DISPLAY_VENDORS: &[u16] = &[
    0x1a03, 0x102b, 0x18ca, 0x19e5, 0x1013, 0x126f, 0x1050, 0x1b36, 0x1234, 0x80ee, 0x15ad, 0x1414,
];
/// Vendors whose display class may be a graphics processor.
const GRAPHICS_VENDORS: &[u16] = &[NVIDIA_VENDOR, AMD_VENDOR, INTEL_VENDOR];
/// Vendors whose processing accelerators compute: NVIDIA, AMD, Habana, Huawei, Qualcomm, Cambricon.
/// Others put programmable logic and small engines of the processor's own chip into that class.
const COMPUTE_VENDORS: &[u16] = &[NVIDIA_VENDOR, AMD_VENDOR, 0x1da3, 0x19e5, 0x17cb, 0xcabc];
/// AMD's old server displays: Rage XL, Rage 128, Radeon 7000, ES1000.
const OLD_AMD_DISPLAYS: &[u16] = &[0x4752, 0x5159, 0x515e, 0x5446, 0x5969];

crate::vocabulary! {
    /// How a graphics processor is divided.
    pub enum GpuDivision {
        /// It is whole. Time slicing cannot be seen from here.
        Whole = "whole",
        /// It is a partition with memory of its own.
        Mig = "mig",
        /// Parts of it are handed out, as virtual functions or as mediated devices.
        HandedOut = "handed-out",
        /// It is a virtual function of a device that others may use.
        VirtualFunction = "virtual-function",
    }
}

crate::wire::wire_word!(GpuDivision);

/// One graphics or compute processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// Where it stands.
    pub address: PciAddress,
    /// Its vendor.
    pub vendor: u16,
    /// How it is divided.
    pub division: Reading<GpuDivision>,
    /// Its own identifier.
    pub uuid: Reading<Identifier>,
}

pub(super) fn read(sysroot: &Sysroot, pci: &Reading<Vec<PciFunction>>) -> Reading<Vec<Gpu>> {
    let all = |functions: Vec<PciFunction>| -> Result<Vec<Gpu>, Gap> {
        let processor = |function: &PciFunction| {
            let maker = maker(sysroot, function)?;
            Ok(maker.map(|vendor| Gpu {
                address: function.address.clone(),
                vendor,
                division: division(sysroot, function, vendor),
                uuid: uuid(sysroot, function),
            }))
        };
        let processors = functions.iter().map(processor);
        processors.filter_map(Result::transpose).collect()
    };
    let fact = pci.fact.clone();
    fact.and_then(|functions| all(functions).into())
        .at(pci.path.clone())
}

/// Who made a graphics or compute processor; none where the function is something else. What the
/// driver of NVIDIA holds is one, also where a function does not tell its vendor.
fn maker(sysroot: &Sysroot, function: &PciFunction) -> Result<Option<u16>, Gap> {
    if is_gpu(function) {
        return Ok(function.vendor.value().copied());
    }
    let is_display = function
        .class
        .value()
        .is_some_and(|class| class >> 16 == 0x03);
    if !is_display || function.vendor != Fact::Absent {
        return Ok(None);
    }
    let is_held = sysroot.exists(&format!("{NVIDIA}/{}", function.address))?;
    Ok(is_held.then_some(NVIDIA_VENDOR))
}

/// Whether a function is a graphics or compute processor.
fn is_gpu(function: &PciFunction) -> bool {
    let (Some(class), Some(vendor)) = (function.class(), function.vendor.value()) else {
        return false;
    };
    match class {
        0x1200 => COMPUTE_VENDORS.contains(vendor),
        0x0302 => !DISPLAY_VENDORS.contains(vendor),
        0x0300 | 0x0380 => GRAPHICS_VENDORS.contains(vendor) && !is_a_mere_display(function),
        _ => false,
    }
}

/// Whether it only drives a screen: an old server's display, or the graphics on the chip of the
/// processor, which share its memory.
fn is_a_mere_display(function: &PciFunction) -> bool {
    let device = function.device.value().copied();
    match function.vendor.value().copied() {
        // AMD numbers what stands on a processor's chip apart from its cards.
        Some(AMD_VENDOR) => device.is_some_and(|device| {
            OLD_AMD_DISPLAYS.contains(&device)
                || matches!(device, 0x1000..=0x1fff | 0x9600..=0x99ff)
        }),
        // Intel puts the graphics of its processors at this place, always.
        Some(INTEL_VENDOR) => function.address.as_str().ends_with(":00:02.0"),
        _ => false,
    }
}

fn division(sysroot: &Sysroot, function: &PciFunction, vendor: u16) -> Reading<GpuDivision> {
    let at = |file: &str| format!("{}/{file}", function.path());
    let virtual_one = function.physical_function.clone();
    if virtual_one != Fact::Absent {
        let division = virtual_one.map(|_| GpuDivision::VirtualFunction);
        return division.at(at("physfn"));
    }
    let handed_out = function.virtual_functions.clone();
    if !matches!(handed_out, Fact::Absent | Fact::Value(0)) {
        let division = handed_out.map(|_| GpuDivision::HandedOut);
        return division.at(at("sriov_numvfs"));
    }
    let listed = format!("{MEDIATED}/{}", function.address);
    for path in [at("mdev_supported_types"), listed] {
        match sysroot.exists(&path) {
            Ok(false) => {}
            Ok(true) => return Fact::Value(GpuDivision::HandedOut).at(path),
            Err(gap) => return Fact::from(gap).at(path),
        }
    }
    if vendor == NVIDIA_VENDOR {
        partitions(sysroot, function)
    } else {
        Fact::Value(GpuDivision::Whole).at(function.path())
    }
}

/// Whether NVIDIA's driver shows partitions of a processor. Without its word nobody can tell: a
/// processor keeps its partitions when the driver goes.
fn partitions(sysroot: &Sysroot, function: &PciFunction) -> Reading<GpuDivision> {
    let path = format!("{NVIDIA}/{}/information", function.address);
    let minor = information(sysroot, function, "Device Minor").and_then(|minor| {
        let is_number = minor.bytes().all(|b| b.is_ascii_digit());
        match minor.parse::<u32>() {
            Ok(minor) if is_number => Fact::Value(minor),
            Ok(_) | Err(_) => Fact::Unsupported("its Device Minor is not a number".to_owned()),
        }
    });
    let minor = match minor.known() {
        Ok(minor) => minor,
        Err(gap) => return Fact::from(gap).at(path),
    };
    let path = format!("{NVIDIA_PARTS}/gpu{minor}/mig");
    let fact = match sysroot.list(&path).known() {
        Ok(names) if names.iter().any(|name| name.starts_with("gi")) => {
            Fact::Value(GpuDivision::Mig)
        }
        // A processor that cannot be partitioned has no such directory.
        Ok(_) | Err(Gap::Absent) => Fact::Value(GpuDivision::Whole),
        Err(gap) => gap.into(),
    };
    fact.at(path)
}

fn uuid(sysroot: &Sysroot, function: &PciFunction) -> Reading<Identifier> {
    let own = format!("{}/unique_id", function.path());
    let fact = sysroot.text(&own).and_then(|text| Identifier::read(&text));
    if fact != Fact::Absent {
        return fact.at(own);
    }
    let path = format!("{NVIDIA}/{}/information", function.address);
    let fact = information(sysroot, function, "GPU UUID").and_then(|text| {
        if text.contains('?') {
            Fact::Placeholder(text)
        } else {
            Identifier::read(&text)
        }
    });
    fact.at(path)
}

/// One line of what NVIDIA's driver tells about a processor.
fn information(sysroot: &Sysroot, function: &PciFunction, key: &str) -> Fact<String> {
    sysroot
        .text(&format!("{NVIDIA}/{}/information", function.address))
        .and_then(|text| line(&text, key).map_or(Fact::Absent, Fact::Value))
}

/// What stands behind a key and its colon.
pub(super) fn line(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

impl ToWire for Gpu {
    fn to_value(&self) -> Value {
        object([
            ("address", Value::from(self.address.as_str())),
            ("vendor", self.vendor.to_value()),
            ("division", self.division.to_value()),
            ("uuid", self.uuid.to_value()),
        ])
    }
}
