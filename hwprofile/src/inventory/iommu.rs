//! How devices are held by an IOMMU.
//!
//! An IOMMU that is there and lets devices through is worth nothing, so the device alone must never
//! count as protection.

use std::fmt;

use serde_json::Value;

use crate::fact::{Fact, Gap, Reading};
use crate::inventory::pci::PciFunction;
use crate::sysroot::Sysroot;
use crate::wire::{FromWire, ToWire, object};

const CLASS: &str = "/sys/class/iommu";
const GROUPS: &str = "/sys/kernel/iommu_groups";
/// The kernel's names for groups whose every access is translated.
const TRANSLATED: &[&str] = &["DMA", "DMA-FQ"];

/// How devices are held by an IOMMU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Iommu {
    /// Every device is in a group that is translated.
    Translated,
    /// There is one, and not every device is held by it: why.
    Present(String),
}

impl fmt::Display for Iommu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Translated => f.write_str("every group translates"),
            Self::Present(why) => write!(f, "there is one, but {why}"),
        }
    }
}

impl ToWire for Iommu {
    fn to_value(&self) -> Value {
        match self {
            Self::Translated => object([("kind", Value::from("translated"))]),
            Self::Present(why) => {
                object([("kind", Value::from("present")), ("but", why.to_value())])
            }
        }
    }
}

impl FromWire for Iommu {
    fn from_value(value: &Value) -> Option<Self> {
        match value.get("kind")?.as_str()? {
            "translated" => Some(Self::Translated),
            "present" => Some(Self::Present(String::from_value(value.get("but")?)?)),
            _ => None,
        }
    }
}

pub(super) fn read(sysroot: &Sysroot, pci: &Reading<Vec<PciFunction>>) -> Reading<Iommu> {
    let groups = match list(sysroot, GROUPS) {
        Ok(groups) => groups,
        Err(gap) => return Fact::from(gap).at(GROUPS),
    };
    let units = match list(sysroot, CLASS) {
        Ok(units) => units,
        Err(gap) => return Fact::from(gap).at(CLASS),
    };
    if groups.is_empty() && units.is_empty() {
        return Fact::Absent.at(GROUPS);
    }
    if units.is_empty() {
        let why = "no unit is listed in /sys/class/iommu".to_owned();
        return Fact::Value(Iommu::Present(why)).at(CLASS);
    }
    if groups.is_empty() {
        return Fact::Value(Iommu::Present("it has no groups".to_owned())).at(GROUPS);
    }
    for group in &groups {
        let path = format!("{GROUPS}/{group}/type");
        let why = match sysroot.text(&path).known() {
            Ok(kind) if TRANSLATED.contains(&kind.trim()) => continue,
            Ok(kind) => format!("group {group} is {:?}", kind.trim()),
            Err(gap) => format!("the type of group {group} is {}", gap.state()),
        };
        return Fact::Value(Iommu::Present(why)).at(path);
    }
    held(pci)
}

/// The names in a directory that need not be there.
fn list(sysroot: &Sysroot, directory: &str) -> Result<Vec<String>, Gap> {
    let names = sysroot.list(directory);
    names.or_else(|| Fact::Value(Vec::new())).known()
}

/// What follows from the functions, where every group translates.
pub(crate) fn held(pci: &Reading<Vec<PciFunction>>) -> Reading<Iommu> {
    let Some(functions) = pci.value() else {
        return pci
            .fact
            .clone()
            .map(|_| Iommu::Translated)
            .at(pci.path.clone());
    };
    // A group that is not listed has no kind that was looked at, so each function is asked for its own.
    let free = functions
        .iter()
        .filter(|function| !function.is_bridge())
        .find_map(|function| Some((function, loose(function)?)));
    match free {
        Some((function, why)) => {
            let why = format!("device {} is {why}", function.address);
            Fact::Value(Iommu::Present(why)).at(function.path())
        }
        None => Fact::Value(Iommu::Translated).at(GROUPS),
    }
}

/// Why a function is not held; none if it is.
fn loose(function: &PciFunction) -> Option<String> {
    let Some(group) = function.iommu_group.value() else {
        return Some("in no group".to_owned());
    };
    match function.iommu_domain.value() {
        Some(kind) if TRANSLATED.contains(&kind.as_str()) => None,
        Some(kind) => Some(format!("in group {group}, which is {kind:?}")),
        None => Some(format!(
            "in group {group}, whose type is {}",
            function.iommu_domain.state()
        )),
    }
}
