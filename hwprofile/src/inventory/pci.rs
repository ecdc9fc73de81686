//! The PCI functions, and which of them are graphics or compute processors.
//!
//! Most servers show a display of their management controller: a class is not enough to call
//! something a processor.

use std::fmt;

use serde_json::Value;

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;
use crate::sysroot::Sysroot;
use crate::wire::{FromWire, ToWire, object};

const DIRECTORY: &str = "/sys/bus/pci/devices";
const NVIDIA: &str = "/proc/driver/nvidia/gpus";

const NVIDIA_VENDOR: u16 = 0x10de;

/// Vendors whose displays are those of management controllers or of virtual machines: ASPEED,
/// Matrox, XGI, Huawei, Cirrus, Silicon Motion, Nuvoton, QEMU, Bochs, `VirtualBox`, `VMware`,
/// Hyper-V.
const DISPLAY_VENDORS: &[u16] = &[
    0x1a03, 0x102b, 0x18ca, 0x19e5, 0x1013, 0x126f, 0x1050, 0x1b36, 0x1234, 0x80ee, 0x15ad, 0x1414,
];
/// Vendors whose display class may be a graphics processor: NVIDIA, AMD, Intel.
const GRAPHICS_VENDORS: &[u16] = &[0x10de, 0x1002, 0x8086];
/// AMD's old server displays: Rage XL, Rage 128, Radeon 7000, ES1000.
const OLD_AMD_DISPLAYS: &[u16] = &[0x4752, 0x5159, 0x515e, 0x5446];

/// Where a function stands: domain, bus, device, function, as the kernel names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PciAddress(String);

impl PciAddress {
    /// The address as the kernel names it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One PCI function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PciFunction {
    /// Where it stands.
    pub address: PciAddress,
    /// Its class, subclass and programming interface.
    pub class: Fact<u32>,
    /// Its vendor.
    pub vendor: Fact<u16>,
    /// Its device number.
    pub device: Fact<u16>,
    /// Vendor and device number of the card or board that it is a part of.
    pub subsystem: Fact<(u16, u16)>,
    /// The driver that holds it.
    pub driver: Fact<String>,
    /// The IOMMU group that it belongs to.
    pub iommu_group: Fact<String>,
    /// How that group is held: `DMA` and `DMA-FQ` translate, `identity` does not.
    pub iommu_domain: Fact<String>,
    /// How many virtual functions it is divided into.
    pub virtual_functions: Fact<u64>,
    /// The NUMA node that it is near to; absent where the firmware does not say.
    pub numa_node: Fact<u64>,
    /// The physical function behind it, when it is a virtual one: the device is shared.
    pub physical_function: Fact<String>,
}

crate::vocabulary! {
    /// How a graphics processor is divided.
    pub enum GpuDivision {
        /// It is whole. Time slicing cannot be seen from here.
        Whole = "whole",
        /// It is a partition with memory of its own.
        Mig = "mig",
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
    pub division: GpuDivision,
    /// Its own identifier.
    pub uuid: Reading<Identifier>,
}

impl PciFunction {
    fn read(sysroot: &Sysroot, address: String) -> Self {
        let at = |name: &str| format!("{DIRECTORY}/{address}/{name}");
        let short = |name: &str| {
            hexadecimal(sysroot, &at(name)).and_then(|number| match u16::try_from(number) {
                Ok(number) => Fact::Value(number),
                Err(_) => Fact::Unsupported("it is longer than 16 bits".to_owned()),
            })
        };
        // A number below zero says that there is none.
        let number = |name: &str| {
            sysroot.text(&at(name)).and_then(|text| match text.trim() {
                text if text.starts_with('-') => Fact::Absent,
                text => text.parse().map_or_else(
                    |_| Fact::Unsupported("it is not a number".to_owned()),
                    Fact::Value,
                ),
            })
        };
        let group = sysroot.link_name(&at("iommu_group"));
        Self {
            class: hexadecimal(sysroot, &at("class")),
            vendor: short("vendor"),
            device: short("device"),
            driver: sysroot.link_name(&at("driver")),
            subsystem: short("subsystem_vendor").and_then(|vendor| {
                let device = short("subsystem_device");
                device.map(|device| (vendor, device))
            }),
            iommu_domain: group.clone().and_then(|group| {
                let path = format!("/sys/kernel/iommu_groups/{group}/type");
                sysroot.text(&path).map(|kind| kind.trim().to_owned())
            }),
            iommu_group: group,
            virtual_functions: number("sriov_numvfs"),
            numa_node: number("numa_node"),
            physical_function: sysroot.link_name(&at("physfn")),
            address: PciAddress(address),
        }
    }

    /// The directory of the function.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{DIRECTORY}/{}", self.address)
    }

    /// Vendor and device, as they are usually written.
    #[must_use]
    pub fn ids(&self) -> String {
        let show = |id: &Fact<u16>| {
            id.value()
                .map_or("????".to_owned(), |id| format!("{id:04x}"))
        };
        format!("{}:{}", show(&self.vendor), show(&self.device))
    }

    /// Base class and subclass.
    fn class(&self) -> Option<u32> {
        self.class.value().map(|class| class >> 8)
    }

    /// Whether it is a bridge, which translates for others and not for itself.
    pub(super) fn is_bridge(&self) -> bool {
        self.class().is_some_and(|class| class >> 8 == 0x06)
    }

    /// Whether it is a graphics or compute processor.
    fn is_gpu(&self) -> bool {
        let (Some(class), Some(vendor)) = (self.class(), self.vendor.value()) else {
            return false;
        };
        match class {
            0x1200 => true,
            0x0302 => !DISPLAY_VENDORS.contains(vendor),
            0x0300 | 0x0380 => {
                GRAPHICS_VENDORS.contains(vendor)
                    && !self.is_old_amd_display()
                    && !self.is_intel_inside_the_processor()
            }
            _ => false,
        }
    }

    fn is_old_amd_display(&self) -> bool {
        self.vendor.value() == Some(&0x1002)
            && self
                .device
                .value()
                .is_some_and(|device| OLD_AMD_DISPLAYS.contains(device))
    }

    /// Intel puts the graphics of its processors at this place, always.
    fn is_intel_inside_the_processor(&self) -> bool {
        self.vendor.value() == Some(&0x8086) && self.address.as_str().ends_with(":00:02.0")
    }
}

fn hexadecimal(sysroot: &Sysroot, path: &str) -> Fact<u32> {
    sysroot.text(path).and_then(|text| number(&text))
}

/// A number as the kernel writes it: `0x8086`.
pub(super) fn number(text: &str) -> Fact<u32> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let is_number = digits.bytes().all(|b| b.is_ascii_hexdigit());
    match u32::from_str_radix(digits, 16) {
        Ok(number) if is_number => Fact::Value(number),
        Ok(_) | Err(_) => Fact::Unsupported("it is not a hexadecimal number".to_owned()),
    }
}

pub(super) fn read(sysroot: &Sysroot) -> Reading<Vec<PciFunction>> {
    let functions = |names: Vec<String>| {
        names
            .into_iter()
            .map(|name| PciFunction::read(sysroot, name))
            .collect()
    };
    sysroot.list(DIRECTORY).map(functions).at(DIRECTORY)
}

pub(super) fn gpus(sysroot: &Sysroot, pci: &Reading<Vec<PciFunction>>) -> Reading<Vec<Gpu>> {
    let gpus = |functions: Vec<PciFunction>| {
        functions
            .iter()
            .filter_map(|function| {
                Some(Gpu {
                    address: function.address.clone(),
                    vendor: maker(sysroot, function)?,
                    division: division(sysroot, function),
                    uuid: uuid(sysroot, function),
                })
            })
            .collect()
    };
    pci.fact.clone().map(gpus).at(DIRECTORY)
}

/// Who made a graphics or compute processor; none where the function is something else. What the
/// driver of NVIDIA holds is one, also where a function does not tell its vendor.
fn maker(sysroot: &Sysroot, function: &PciFunction) -> Option<u16> {
    if function.is_gpu() {
        return function.vendor.value().copied();
    }
    let is_display = function
        .class
        .value()
        .is_some_and(|class| class >> 16 == 0x03);
    let is_held = || sysroot.exists(&format!("{NVIDIA}/{}", function.address));
    (is_display && function.vendor == Fact::Absent && is_held()).then_some(NVIDIA_VENDOR)
}

fn division(sysroot: &Sysroot, function: &PciFunction) -> GpuDivision {
    if function.physical_function != Fact::Absent {
        return GpuDivision::VirtualFunction;
    }
    let minor = information(sysroot, function, "Device Minor");
    let partitioned = minor.value().is_some_and(|minor| {
        sysroot.exists(&format!(
            "/proc/driver/nvidia/capabilities/gpu{minor}/mig/gi0"
        )) || sysroot
            .list(&format!("/proc/driver/nvidia/capabilities/gpu{minor}/mig"))
            .value()
            .is_some_and(|names| names.iter().any(|name| name.starts_with("gi")))
    });
    if partitioned {
        GpuDivision::Mig
    } else {
        GpuDivision::Whole
    }
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

impl ToWire for u16 {
    fn to_value(&self) -> Value {
        Value::from(format!("{self:04x}"))
    }
}

impl FromWire for u16 {
    fn from_value(value: &Value) -> Option<Self> {
        let digits = value.as_str().filter(|digits| digits.len() == 4)?;
        Self::from_str_radix(digits, 16).ok()
    }
}

impl ToWire for PciFunction {
    fn to_value(&self) -> Value {
        let at = |name: &str| format!("{}/{name}", self.path());
        object([
            ("address", Value::from(self.address.as_str())),
            (
                "class",
                self.class
                    .clone()
                    .map(|c| format!("{c:06x}"))
                    .at(at("class"))
                    .to_value(),
            ),
            ("vendor", self.vendor.clone().at(at("vendor")).to_value()),
            ("device", self.device.clone().at(at("device")).to_value()),
            ("driver", self.driver.clone().at(at("driver")).to_value()),
            (
                "iommu_group",
                self.iommu_group.clone().at(at("iommu_group")).to_value(),
            ),
            (
                "subsystem",
                self.subsystem
                    .clone()
                    .map(|(vendor, device)| format!("{vendor:04x}:{device:04x}"))
                    .at(at("subsystem_vendor"))
                    .to_value(),
            ),
            (
                "iommu_domain",
                self.iommu_domain
                    .clone()
                    .at(at("iommu_group/type"))
                    .to_value(),
            ),
            (
                "sriov_numvfs",
                self.virtual_functions
                    .clone()
                    .at(at("sriov_numvfs"))
                    .to_value(),
            ),
            (
                "numa_node",
                self.numa_node.clone().at(at("numa_node")).to_value(),
            ),
            (
                "physfn",
                self.physical_function.clone().at(at("physfn")).to_value(),
            ),
        ])
    }
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
