//! The devices of a machine, told apart between two looks by what names them and not by the order
//! in which the kernel found them.
//!
//! A device that says no name is known by the kernel's name for it. Nothing here may show a whole
//! serial number.

use std::fmt;

use crate::fact::{Fact, Reading};
use crate::inventory::{Disk, Gpu, Inventory, Nic, PciFunction};

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
    identity: Identity,
    shown: String,
}

/// By what a device is known again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Value(String),
    KernelName(String),
}

impl Device {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> DeviceKind {
        self.kind
    }

    fn is_nameless(&self) -> bool {
        matches!(self.identity, Identity::KernelName(_))
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

pub(super) fn named(kind: DeviceKind, name: &str, value: Option<(String, String)>) -> Device {
    match value {
        Some((value, hint)) => Device {
            kind,
            identity: Identity::Value(value),
            shown: format!("{name} ({hint})"),
        },
        None => Device {
            kind,
            identity: Identity::KernelName(name.to_owned()),
            shown: name.to_owned(),
        },
    }
}

impl Listed for Disk {
    fn device(&self) -> Device {
        let value = self.wwid.value().or(self.serial.value());
        let value = value.map(|value| (value.normalised().to_owned(), value.hint()));
        named(DeviceKind::Disk, &self.name, value)
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
        named(DeviceKind::Nic, &self.name, value)
    }
}

impl Listed for Gpu {
    fn device(&self) -> Device {
        let value = self.uuid.value();
        let value = value.map(|value| (value.normalised().to_owned(), value.hint()));
        named(DeviceKind::Gpu, self.address.as_str(), value)
    }
}

impl Listed for PciFunction {
    /// A function is what stands at a place: another device in the same slot is another.
    fn device(&self) -> Device {
        let name = format!("{} [{}]", self.address, self.ids());
        named(DeviceKind::Pci, &name, None)
    }
}

/// What differs between the devices of two inventories.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// There now and not before.
    pub(super) appeared: Vec<Device>,
    /// There before and not now.
    pub(super) missing: Vec<Device>,
    /// What could be listed before and not now, or now and not before, in words.
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

    fn add<T: Listed>(&mut self, before: &Reading<Vec<T>>, now: &Reading<Vec<T>>) {
        let (Some(old), Some(new)) = (list(before), list(now)) else {
            // Without a list on both sides nobody can say what came: neither side's is taken for an empty one.
            if list(before).is_some() {
                let state = now.fact.state();
                self.unlisted.push(format!("{}: {state}", now.path));
            } else if list(now).is_some() {
                let state = before.fact.state();
                self.unlisted
                    .push(format!("{}: {state} when the lease came", before.path));
            }
            return;
        };
        self.appeared
            .extend(unmatched(new, old).map(Listed::device));
        self.missing.extend(unmatched(old, new).map(Listed::device));
    }

    /// Takes out the devices that may be the missing ones, read while they came or went: the same
    /// kernel's name, and one of the two says no name of its own.
    pub(super) fn take_uncertain(&mut self) -> Vec<Device> {
        let missing = &self.missing;
        let is_uncertain = |device: &Device| {
            missing.iter().any(|gone| {
                let name = |device: &Device| device.shown.split(' ').next().map(str::to_owned);
                gone.kind == device.kind
                    && gone.kind != DeviceKind::Pci
                    && name(gone) == name(device)
                    && gone.is_nameless() != device.is_nameless()
            })
        };
        let (uncertain, certain) = self.appeared.drain(..).partition(is_uncertain);
        self.appeared = certain;
        uncertain
    }
}

/// The machine as it would be if nothing that was there before were missing. What cannot be listed
/// stays as it is.
pub(super) fn with_missing(now: &Inventory, before: &Inventory) -> Inventory {
    let mut whole = now.clone();
    restore(&mut whole.disks, &before.disks);
    restore(&mut whole.nics, &before.nics);
    restore(&mut whole.gpus, &before.gpus);
    if now.tpm.fact == Fact::Absent {
        whole.tpm = before.tpm.clone();
        whole.tpm_manufacturer = before.tpm_manufacturer.clone();
        whole.tpm_endorsement = before.tpm_endorsement.clone();
    }
    whole
}

fn restore<T: Listed>(now: &mut Reading<Vec<T>>, before: &Reading<Vec<T>>) {
    let (Some(new), Some(old)) = (list(now), list(before)) else {
        return;
    };
    let mut all = new.to_vec();
    all.extend(unmatched(old, new).cloned());
    now.fact = Fact::Value(all);
}

/// The listed devices; none where there are none, and no answer where they cannot be listed.
fn list<T>(reading: &Reading<Vec<T>>) -> Option<&[T]> {
    match &reading.fact {
        Fact::Value(list) => Some(list),
        Fact::Absent => Some(&[]),
        Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => None,
    }
}

/// What of `these` has no counterpart of its own in `those`: two ports with one address are two.
fn unmatched<'a, T: Listed>(these: &'a [T], those: &[T]) -> impl Iterator<Item = &'a T> {
    let mut left: Vec<Device> = those.iter().map(Listed::device).collect();
    these.iter().filter(move |this| {
        let device = this.device();
        let known =
            |other: &Device| (other.kind, &other.identity) == (device.kind, &device.identity);
        match left.iter().position(known) {
            Some(at) => {
                left.swap_remove(at);
                false
            }
            None => true,
        }
    })
}

fn tpm() -> Device {
    named(DeviceKind::Tpm, "tpm0", None)
}
