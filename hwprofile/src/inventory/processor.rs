//! The processors: how many, their model, what the kernel says of their weaknesses, and whether a
//! hypervisor is below.
//!
//! Firmware strings say nothing about virtual machines here: both ways they are wrong in the field.
//! The processor's own flag counts, and devices that exist in no physical machine.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::fact::{Fact, Gap, Reading};
use crate::inventory::live::Live;
use crate::inventory::pci::PciFunction;
use crate::sysroot::{Sysroot, TEXT_LIMIT};
use crate::wire::{FromWire, ToWire, object};

const CPUINFO: &str = "/proc/cpuinfo";
const HYPERVISOR: &str = "/sys/hypervisor/type";
const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities";
/// Vendors of devices that are made by software: virtio, QEMU, Bochs, `VirtualBox`, `VMware`, Xen,
/// Hyper-V. A physical machine shows virtio only behind a card that is a machine of its own, and
/// then somebody else decides what it is made of.
const VIRTUAL_VENDORS: &[u16] = &[0x1af4, 0x1b36, 0x1234, 0x80ee, 0x15ad, 0x5853, 0x1414];

/// The processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processor {
    /// How many logical processors are online.
    pub count: Reading<u64>,
    /// The model of the first.
    pub model: Reading<String>,
    /// Whether the processor itself says that a hypervisor is below.
    pub hypervisor_flag: Reading<HypervisorFlag>,
    /// What the kernel says of each weakness that it knows.
    pub vulnerabilities: Reading<BTreeMap<String, String>>,
}

/// What the processor says about a hypervisor below it: CPUID leaf 1, register ECX, bit 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HypervisorFlag {
    /// The bit is set.
    Set,
    /// The bit is clear.
    Clear,
}

/// Whether the machine is virtual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Virtualization {
    /// Nothing shows a hypervisor.
    BareMetal,
    /// Something does: this.
    Virtual(String),
}

impl fmt::Display for Virtualization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareMetal => f.write_str("no sign of a hypervisor"),
            Self::Virtual(sign) => f.write_str(sign),
        }
    }
}

impl ToWire for Virtualization {
    fn to_value(&self) -> Value {
        match self {
            Self::BareMetal => object([("kind", Value::from("bare-metal"))]),
            Self::Virtual(sign) => {
                object([("kind", Value::from("virtual")), ("sign", sign.to_value())])
            }
        }
    }
}

impl FromWire for Virtualization {
    fn from_value(value: &Value) -> Option<Self> {
        match value.get("kind")?.as_str()? {
            "bare-metal" => Some(Self::BareMetal),
            "virtual" => Some(Self::Virtual(String::from_value(value.get("sign")?)?)),
            _ => None,
        }
    }
}

impl ToWire for HypervisorFlag {
    fn to_value(&self) -> Value {
        Value::from(match self {
            Self::Set => "set",
            Self::Clear => "clear",
        })
    }
}

impl FromWire for HypervisorFlag {
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "set" => Some(Self::Set),
            "clear" => Some(Self::Clear),
            _ => None,
        }
    }
}

impl Processor {
    pub(crate) fn read(sysroot: &Sysroot) -> Self {
        let text = sysroot.text_within(CPUINFO, TEXT_LIMIT);
        Self {
            count: text.clone().and_then(|text| count(&text)).at(CPUINFO),
            model: text.clone().and_then(|text| model(&text)).at(CPUINFO),
            hypervisor_flag: text.and_then(|text| hypervisor_flag(&text)).at(CPUINFO),
            vulnerabilities: vulnerabilities(sysroot),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        object([
            ("count", self.count.to_value()),
            ("model", self.model.to_value()),
            ("hypervisor_flag", self.hypervisor_flag.to_value()),
            ("vulnerabilities", self.vulnerabilities.to_value()),
        ])
    }
}

/// The values of a key in `/proc/cpuinfo`, one for each processor.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then_some(value.trim())
    })
}

pub(super) fn count(text: &str) -> Fact<u64> {
    let numbered = values(text, "processor").filter(|value| value.parse::<u32>().is_ok());
    // A mainframe numbers them before the colon.
    let numbers = text
        .lines()
        .filter_map(|line| line.strip_prefix("processor ")?.split_once(':'))
        .filter(|(number, _)| number.trim().parse::<u32>().is_ok());
    let count = numbered.count().max(numbers.count());
    match u64::try_from(count) {
        Ok(count) if count > 0 => Fact::Value(count),
        _ => Fact::Unsupported("no processor is numbered there".to_owned()),
    }
}

pub(super) fn model(text: &str) -> Fact<String> {
    ["model name", "Processor", "cpu model", "cpu"]
        .into_iter()
        .find_map(|key| values(text, key).next())
        .map_or(Fact::Absent, |model| {
            Fact::Value(model.chars().take(128).collect())
        })
}

pub(super) fn hypervisor_flag(text: &str) -> Fact<HypervisorFlag> {
    let mut flags = values(text, "flags").peekable();
    if flags.peek().is_none() {
        return Fact::Unsupported("this processor has no such flag".to_owned());
    }
    let set = flags.any(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    Fact::Value(if set {
        HypervisorFlag::Set
    } else {
        HypervisorFlag::Clear
    })
}

fn vulnerabilities(sysroot: &Sysroot) -> Reading<BTreeMap<String, String>> {
    let fact = sysroot.list(VULNERABILITIES).map(|names| {
        names
            .into_iter()
            .map(|name| {
                let reading = sysroot.text(&format!("{VULNERABILITIES}/{name}"));
                let text = reading.known();
                let text = text.unwrap_or_else(|gap| format!("Unknown: {}", gap.state()));
                (name, text)
            })
            .collect()
    });
    fact.at(VULNERABILITIES)
}

/// The hypervisor of a system on a mainframe, and of one with a device tree.
const SYSTEM_INFORMATION: &str = "/proc/sysinfo";
const DEVICE_TREE: &str = "/proc/device-tree/hypervisor";
/// The registers of a processor, as a path.
const CPUID: &str = "CPUID 1.ECX[31]";
/// The subsystem that QEMU gives to the devices it makes.
const VIRTUAL_SUBSYSTEM: (u16, u16) = (0x1af4, 0x1100);

/// A sign of a hypervisor and its path.
type Sign = (String, String);
/// Whether one place shows a sign; the gap, with its path, where nobody can tell.
type Told = Result<Option<Sign>, Reading<Virtualization>>;

/// Puts the signs together. One sign is enough; only a processor that denies it proves the
/// contrary, the running one before what a file says of it, and only where every other place in
/// which a sign might stand could be read.
pub(super) fn virtualization(
    sysroot: &Sysroot,
    live: &Live,
    processor: &Processor,
    pci: &Reading<Vec<PciFunction>>,
) -> Reading<Virtualization> {
    let flag = &processor.hypervisor_flag;
    let is_set = flag.value() == Some(&HypervisorFlag::Set);
    let flagged = is_set.then(|| {
        let sign = "the processor flag hypervisor is set (CPUID 1, ECX bit 31)";
        (sign.to_owned(), CPUINFO.to_owned())
    });
    let mut doubt = None;
    for told in [
        Ok(of_processor(live)),
        Ok(flagged),
        of_kernel(sysroot),
        of_device_tree(sysroot),
        of_mainframe(sysroot),
        of_devices(pci),
    ] {
        match told {
            Ok(Some((sign, path))) => {
                return Fact::Value(Virtualization::Virtual(sign)).at(path);
            }
            Ok(None) => {}
            Err(gap) => doubt = doubt.or(Some(gap)),
        }
    }
    let denied = match &live.hypervisor {
        Fact::Value(_) => Fact::Value(Virtualization::BareMetal).at(CPUID),
        Fact::Absent | Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => flag
            .fact
            .clone()
            .map(|_| Virtualization::BareMetal)
            .at(CPUINFO),
    };
    match doubt {
        Some(doubt) if denied.value().is_some() => doubt,
        Some(_) | None => denied,
    }
}

/// The value of a place, none where there is no such place, the gap where nobody can tell.
fn had<T>(fact: Fact<T>, path: &str) -> Result<Option<T>, Reading<Virtualization>> {
    match fact.known() {
        Ok(value) => Ok(Some(value)),
        Err(Gap::Absent) => Ok(None),
        Err(gap) => Err(Fact::from(gap).at(path)),
    }
}

/// From the running processor.
fn of_processor(live: &Live) -> Option<Sign> {
    let hypervisor = live.hypervisor.value()?;
    (hypervisor.flag == HypervisorFlag::Set).then(|| {
        let name = &hypervisor.signature;
        let sign = format!("CPUID 1.ECX bit 31 = 1, leaf 0x40000000 = {name:?}");
        (sign, CPUID.to_owned())
    })
}

/// From what the kernel found at its start.
fn of_kernel(sysroot: &Sysroot) -> Told {
    let told = had(sysroot.text(HYPERVISOR), HYPERVISOR)?;
    let kind = told.filter(|kind| kind.trim() != "none");
    Ok(kind.map(|kind| {
        let sign = format!("hypervisor {:?}", kind.trim());
        (sign, HYPERVISOR.to_owned())
    }))
}

/// From a device tree. What stands at that place is a directory, and anything else there is a sign
/// all the same.
fn of_device_tree(sysroot: &Sysroot) -> Told {
    match sysroot.list(DEVICE_TREE) {
        Fact::Absent => Ok(None),
        Fact::Unreadable(errno) => Err(Fact::Unreadable(errno).at(DEVICE_TREE)),
        Fact::Value(_) | Fact::Placeholder(_) | Fact::Unsupported(_) => {
            let sign = "the device tree names a hypervisor".to_owned();
            Ok(Some((sign, DEVICE_TREE.to_owned())))
        }
    }
}

/// From what a mainframe tells of the system in it.
fn of_mainframe(sysroot: &Sysroot) -> Told {
    let told = sysroot.text_within(SYSTEM_INFORMATION, TEXT_LIMIT);
    let told = had(told, SYSTEM_INFORMATION)?.unwrap_or_default();
    let program = values(&told, "VM00 Control Program").next();
    Ok(program.map(|program| {
        let program: String = program.chars().take(64).collect();
        let sign = format!("control program {program:?}");
        (sign, SYSTEM_INFORMATION.to_owned())
    }))
}

/// From a device that exists in virtual machines only. A function whose vendor could not be read
/// may be one.
fn of_devices(pci: &Reading<Vec<PciFunction>>) -> Told {
    let functions = had(pci.fact.as_ref(), &pci.path)?;
    let functions = functions.map(Vec::as_slice).unwrap_or_default();
    let is_virtual = |function: &&PciFunction| {
        let vendor = function.vendor.value();
        let subsystem = function.subsystem.value();
        vendor.is_some_and(|vendor| VIRTUAL_VENDORS.contains(vendor))
            || subsystem == Some(&VIRTUAL_SUBSYSTEM)
    };
    if let Some(device) = functions.iter().find(is_virtual) {
        let sign = format!(
            "a device that exists in virtual machines only: {}",
            device.ids()
        );
        return Ok(Some((sign, device.path())));
    }
    for function in functions {
        had(function.vendor.as_ref(), &function.path())?;
        had(function.subsystem.as_ref(), &function.path())?;
    }
    Ok(None)
}
