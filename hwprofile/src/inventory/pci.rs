//! The PCI functions.
//!
//! Owns what each tells of itself. What it is, beyond a bridge, others say: nothing here may judge.

use std::fmt;

use serde_json::Value;

use crate::fact::{Fact, Reading};
use crate::sysroot::Sysroot;
use crate::wire::{FromWire, ToWire, object};

const DIRECTORY: &str = "/sys/bus/pci/devices";

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
    /// Whether it is on a port outside of the case: `fixed`, `removable` or `unknown`. Most kernels
    /// and slots do not say.
    pub removable: Fact<String>,
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
            removable: sysroot
                .text(&at("removable"))
                .map(|text| text.trim().to_owned()),
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
    pub(super) fn class(&self) -> Option<u32> {
        self.class.value().map(|class| class >> 8)
    }

    /// Whether it is a bridge, which translates for others and not for itself.
    pub(super) fn is_bridge(&self) -> bool {
        self.class().is_some_and(|class| class >> 8 == 0x06)
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
                "removable",
                self.removable.clone().at(at("removable")).to_value(),
            ),
            (
                "physfn",
                self.physical_function.clone().at(at("physfn")).to_value(),
            ),
        ])
    }
}
