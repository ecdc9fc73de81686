//! The devices of a machine, told apart between two looks by what names them and not by the order
//! in which the kernel found them.
//!
//! A device that says no name is known by the kernel's name for it. Nothing here may show a whole
//! serial number.

use std::fmt;

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;
use crate::inventory::{self, Disk, Gpu, Inventory, Nic, PciFunction};

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// A drive.
    Disk,
    /// A network adapter.
    Nic,
    /// A graphics or compute processor.
    Gpu,
    /// A PCI function of any kind.
    Pci,
    /// The TPM.
    Tpm,
}

impl DeviceKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "drive",
            Self::Nic => "network adapter",
            Self::Gpu => "graphics processor",
            Self::Pci => "PCI function",
            Self::Tpm => "TPM",
        }
    }
}

/// One device.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    kind: DeviceKind,
    /// The kernel's name for it, or its place.
    name: String,
    /// What names it, the strongest first; none where it does not tell.
    identifiers: [Option<String>; 2],
    shown: String,
}

/// What two devices say of being one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// They are one.
    Same,
    /// They are two.
    Other,
    /// Neither: they tell nothing that could be compared.
    Untold,
}

impl Device {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// Whether it is the same device as another.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.is_exactly(other) || self.is_known_as(other)
    }

    /// Whether both tell the same of themselves. What tells nothing is known by its name, and a PCI
    /// function is what stands at a place.
    fn is_exactly(&self, other: &Self) -> bool {
        let by_name = self.kind == DeviceKind::Pci || self.identifiers == [None, None];
        self.kind == other.kind
            && self.identifiers == other.identifiers
            && (!by_name || self.name == other.name)
    }

    /// Whether an identifier of both is equal, and none differs.
    fn is_known_as(&self, other: &Self) -> bool {
        self.kind == other.kind && self.likeness(other) == Likeness::Same
    }

    /// The same, and the kernel gives both one name.
    fn is_known_as_and_named(&self, other: &Self) -> bool {
        self.name == other.name && self.is_known_as(other)
    }

    /// Whether it may be another device that was read in half: it has the name, and nothing that it
    /// tells speaks against it.
    fn may_be(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.name == other.name
            && self.likeness(other) == Likeness::Untold
    }

    fn likeness(&self, other: &Self) -> Likeness {
        let pairs = self.identifiers.iter().zip(&other.identifiers);
        let told: Vec<bool> = pairs
            .filter_map(|(mine, theirs)| Some(mine.as_ref()? == theirs.as_ref()?))
            .collect();
        let (any_equal, any_differs) = (told.contains(&true), told.contains(&false));
        // One name that differs outweighs one that is equal: who copies a serial number is not the drive.
        if any_differs {
            Likeness::Other
        } else if any_equal && self.kind != DeviceKind::Pci {
            Likeness::Same
        } else {
            Likeness::Untold
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.shown)
    }
}

impl fmt::Debug for Device {
    /// Masked like what is shown: the identity is a serial number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({self})")
    }
}

/// What is listed in an inventory and can be told apart.
trait Listed: Clone {
    fn device(&self) -> Device;
}

/// A device that tells these values of itself, each with what may be shown of it.
pub(super) fn named(kind: DeviceKind, name: &str, values: [Option<(String, String)>; 2]) -> Device {
    let hint = values.iter().flatten().map(|(_, hint)| hint).next();
    Device {
        kind,
        shown: hint.map_or(name.to_owned(), |hint| format!("{name} ({hint})")),
        identifiers: values.map(|value| value.map(|(value, _)| value)),
        name: name.to_owned(),
    }
}

/// What may be compared of an identifier, and what may be shown.
fn told(identifier: &Reading<Identifier>) -> Option<(String, String)> {
    let value = identifier.value()?;
    Some((value.normalised().to_owned(), value.hint()))
}

impl Listed for Disk {
    fn device(&self) -> Device {
        let values = [told(&self.wwid), told(&self.serial)];
        named(DeviceKind::Disk, &self.name, values)
    }
}

impl Listed for Nic {
    fn device(&self) -> Device {
        let value = self.permanent.value().map(|address| {
            let text = address.text();
            let start = text.len().saturating_sub(5);
            let hint = format!("…{}", text.get(start..).unwrap_or_default());
            (text, hint)
        });
        named(DeviceKind::Nic, &self.name, [value, None])
    }
}

impl Listed for Gpu {
    fn device(&self) -> Device {
        named(
            DeviceKind::Gpu,
            self.address.as_str(),
            [told(&self.uuid), None],
        )
    }
}

impl Listed for PciFunction {
    /// A function is what stands at a place: another device in the same slot is another.
    fn device(&self) -> Device {
        let number = |number: &Fact<u16>| number.value().map(|number| format!("{number:04x}"));
        Device {
            kind: DeviceKind::Pci,
            name: self.address.as_str().to_owned(),
            identifiers: [number(&self.vendor), number(&self.device)],
            shown: format!("{} [{}]", self.address, self.ids()),
        }
    }
}

/// What differs between the devices of two inventories.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// There now and not before.
    pub(super) appeared: Vec<Device>,
    /// There before and not now.
    pub(super) missing: Vec<Device>,
    /// There now, and perhaps the missing ones: read in half while they came or went.
    pub(super) uncertain: Vec<Device>,
    /// What cannot be listed now, or could not be before, in words.
    pub(super) unlisted: Vec<String>,
}

impl Difference {
    pub(super) fn between(before: &Inventory, now: &Inventory) -> Self {
        let mut difference = Self::default();
        difference.add(&before.disks, &now.disks);
        difference.add(&before.nics, &now.nics);
        difference.add(&before.gpus, &now.gpus);
        difference.add(&before.pci, &now.pci);
        match (&before.tpm.fact, &now.tpm.fact) {
            (Fact::Value(_), Fact::Absent) => difference.missing.push(tpm()),
            (Fact::Absent, Fact::Value(_)) => difference.appeared.push(tpm()),
            _ => {}
        }
        difference
    }

    /// Without a list on both sides nobody can say what came: neither side's is taken for an empty
    /// one, and two that cannot be had are not taken for equal ones.
    fn add<T: Listed>(&mut self, before: &Reading<Vec<T>>, now: &Reading<Vec<T>>) {
        let path = &now.path;
        let (then, state) = (before.fact.state(), now.fact.state());
        match (list(before), list(now)) {
            (Some(old), Some(new)) => {
                let split = Split::of(old, new);
                for (these, listed) in [
                    (&mut self.appeared, split.appeared),
                    (&mut self.uncertain, split.uncertain),
                    (&mut self.missing, split.missing),
                ] {
                    these.extend(listed.into_iter().map(Listed::device));
                }
            }
            (Some(_), None) => self.unlisted.push(format!("{path}: {state}")),
            (None, Some(_)) => self
                .unlisted
                .push(format!("{path}: {then} when the lease came")),
            (None, None) => self
                .unlisted
                .push(format!("{path}: {state}, and {then} when the lease came")),
        }
    }
}

/// Two lists, less what is on both.
struct Split<'a, T> {
    appeared: Vec<&'a T>,
    uncertain: Vec<&'a T>,
    missing: Vec<&'a T>,
}

impl<'a, T: Listed> Split<'a, T> {
    /// Each device has a counterpart of its own: two ports with one address are two. Those that are
    /// the same in everything find each other first.
    fn of(old: &'a [T], new: &'a [T]) -> Self {
        let devices = |list: &'a [T]| list.iter().map(|one| (one, one.device()));
        let mut missing: Vec<(&T, Device)> = devices(old).collect();
        let mut rest: Vec<(&T, Device)> = devices(new).collect();
        for is_same in [
            Device::is_exactly,
            Device::is_known_as_and_named,
            Device::is_known_as,
        ] {
            rest.retain(|(_, found)| {
                let counterpart = missing.iter().position(|(_, gone)| is_same(gone, found));
                counterpart.map(|at| missing.swap_remove(at)).is_none()
            });
        }
        let is_uncertain =
            |(_, found): &(&T, Device)| missing.iter().any(|(_, gone)| found.may_be(gone));
        let (uncertain, appeared) = rest.into_iter().partition(is_uncertain);
        let listed = |devices: Vec<(&'a T, Device)>| devices.into_iter().map(|(one, _)| one);
        Self {
            appeared: listed(appeared).collect(),
            uncertain: listed(uncertain).collect(),
            missing: listed(missing).collect(),
        }
    }
}

/// The machine as it would be if nothing that was there before were missing or read in half, with
/// what follows from its devices. What cannot be listed stays as it is.
pub(super) fn with_missing(now: &Inventory, before: &Inventory) -> Inventory {
    let mut whole = now.clone();
    restore(&mut whole.disks, &before.disks);
    restore(&mut whole.nics, &before.nics);
    restore(&mut whole.gpus, &before.gpus);
    let half = restore(&mut whole.pci, &before.pci);
    if now.tpm.fact == Fact::Absent {
        whole.tpm = before.tpm.clone();
        whole.tpm_manufacturer = before.tpm_manufacturer.clone();
        whole.tpm_endorsement = before.tpm_endorsement.clone();
    }
    whole.removable = inventory::removable(&whole.disks);
    // The groups were all looked at before one function was found without one.
    if half
        .iter()
        .any(|function| function.path() == now.iommu.path)
    {
        whole.iommu = inventory::held(&whole.pci);
    }
    whole
}

/// Puts back what is missing, in the place of what was read in half, and returns the latter.
fn restore<T: Listed>(now: &mut Reading<Vec<T>>, before: &Reading<Vec<T>>) -> Vec<T> {
    let (Some(new), Some(old)) = (list(now), list(before)) else {
        return Vec::new();
    };
    let split = Split::of(old, new);
    let is_half = |one: &&T| split.uncertain.iter().any(|half| std::ptr::eq(*half, *one));
    let (half, kept): (Vec<&T>, Vec<&T>) = new.iter().partition(is_half);
    let all = kept.into_iter().chain(split.missing).cloned().collect();
    let half = half.into_iter().cloned().collect();
    now.fact = Fact::Value(all);
    half
}

/// The listed devices; none where there are none, and no answer where they cannot be listed.
fn list<T>(reading: &Reading<Vec<T>>) -> Option<&[T]> {
    match &reading.fact {
        Fact::Value(list) => Some(list),
        Fact::Absent => Some(&[]),
        Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => None,
    }
}

fn tpm() -> Device {
    named(DeviceKind::Tpm, "tpm0", [None, None])
}
