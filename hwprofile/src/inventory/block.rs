//! The drives with hardware behind them.
//!
//! Mappings, memory disks and hidden paths are no drives. What another host may reach over a
//! network is told apart.

use serde_json::Value;

use crate::fact::{Fact, Gap, Reading};
use crate::identifier::Identifier;
use crate::sysroot::Sysroot;
use crate::wire::{ToWire, object, wire_word};
use crate::zone::vocabulary;

const DIRECTORY: &str = "/sys/block";
/// The error number of the operating system for a file that is not there.
const ENOENT: i32 = 2;
/// Names of block devices that are not hardware.
const NOT_HARDWARE: &[&str] = &[
    "loop", "ram", "zram", "dm-", "md", "nbd", "rbd", "drbd", "pmem", "nullb", "bcache", "zd",
];

/// How a drive is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// `NVMe` in a slot of this machine.
    Nvme,
    /// `NVMe` over a network.
    NvmeFabric,
    /// SATA.
    Sata,
    /// SAS, Fibre Channel, iSCSI or another SCSI transport.
    Scsi,
    /// USB.
    Usb,
    /// A hypervisor.
    Virtio,
    /// Something else.
    Other,
}

vocabulary!(Transport {
    Nvme = "nvme",
    NvmeFabric = "nvme-fabric",
    Sata = "sata",
    Scsi = "scsi",
    Usb = "usb",
    Virtio = "virtio",
    Other = "other",
});
wire_word!(Transport);

impl Transport {
    /// Whether the drive is in this machine or in a shelf of its own.
    #[must_use]
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Nvme | Self::Sata | Self::Scsi | Self::Other)
    }
}

/// Whether the medium of a drive can be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Medium {
    /// It cannot.
    Fixed,
    /// It can.
    Removable,
}

vocabulary!(Medium { Fixed = "fixed", Removable = "removable" });
wire_word!(Medium);

/// One drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The kernel's name for it.
    pub name: String,
    /// How it is attached.
    pub transport: Fact<Transport>,
    /// Whether its medium can be taken out.
    pub medium: Reading<Medium>,
    /// Its worldwide identifier.
    pub wwid: Reading<Identifier>,
    /// Its serial number.
    pub serial: Reading<Identifier>,
}

impl Disk {
    fn read(sysroot: &Sysroot, name: String) -> Option<Self> {
        let at = |file: &str| format!("{DIRECTORY}/{name}/{file}");
        let place = sysroot.real_path(&format!("{DIRECTORY}/{name}"));
        let is_virtual = place.value().is_some_and(|place| {
            place.starts_with("/sys/devices/virtual/") && !place.contains("/nvme-subsystem/")
        });
        let is_hidden = sysroot.text(&at("hidden")) == Fact::Value("1".to_owned());
        if is_virtual || is_hidden || NOT_HARDWARE.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        let medium = sysroot
            .text(&at("removable"))
            .and_then(|text| match text.trim() {
                "0" => Fact::Value(Medium::Fixed),
                "1" => Fact::Value(Medium::Removable),
                _ => Fact::Unsupported("it is neither 0 nor 1".to_owned()),
            });
        Some(Self {
            transport: transport(sysroot, &name, place),
            medium: medium.at(at("removable")),
            wwid: first(sysroot, &[at("wwid"), at("device/wwid")], wwid),
            serial: first(
                sysroot,
                &[at("serial"), at("device/serial")],
                Identifier::read,
            ),
            name,
        })
    }

    /// Whether it can be carried away: its medium, or the whole drive.
    fn is_removable(&self) -> Fact<bool> {
        if self.transport.value() == Some(&Transport::Usb) {
            return Fact::Value(true);
        }
        self.medium
            .fact
            .clone()
            .map(|medium| medium == Medium::Removable)
    }
}

/// The first of several paths that is there.
fn first(
    sysroot: &Sysroot,
    paths: &[String],
    read: impl Fn(&str) -> Fact<Identifier>,
) -> Reading<Identifier> {
    let found = paths.iter().find_map(|path| {
        let fact = sysroot.text(path);
        (fact != Fact::Absent).then(|| fact.and_then(|text| read(&text)).at(path.clone()))
    });
    found.unwrap_or_else(|| Fact::Absent.at(paths.first().cloned().unwrap_or_default()))
}

/// A worldwide identifier names nothing when what follows its kind does: `naa.0000000000000000`.
fn wwid(text: &str) -> Fact<Identifier> {
    let text = text.trim();
    let number = text
        .split_once('.')
        .filter(|(kind, _)| matches!(*kind, "eui" | "naa" | "t10" | "nvme" | "uuid"))
        .map_or(text, |(_, number)| number);
    Identifier::read(number).map(|_| Identifier::exact(text))
}

fn transport(sysroot: &Sysroot, name: &str, place: Fact<String>) -> Fact<Transport> {
    let device = sysroot.real_path(&format!("{DIRECTORY}/{name}/device"));
    if name.starts_with("nvme") {
        return nvme_transport(sysroot, name);
    }
    let of_path = |path: &str| {
        let has = |part: &str| path.split('/').any(|component| component.starts_with(part));
        if has("usb") {
            Some(Transport::Usb)
        } else if has("virtio") {
            Some(Transport::Virtio)
        } else if has("ata") {
            Some(Transport::Sata)
        } else if has("host") || has("target") || has("rport-") || has("session") {
            Some(Transport::Scsi)
        } else {
            None
        }
    };
    let known = place.value().and_then(|path| of_path(path));
    let known = known.or_else(|| device.value().and_then(|path| of_path(path)));
    match (known, place) {
        (Some(transport), _) => Fact::Value(transport),
        (None, place) => place.map(|_| Transport::Other),
    }
}

/// A drive behind several controllers is as far away as the farthest of them.
fn nvme_transport(sysroot: &Sysroot, name: &str) -> Fact<Transport> {
    let device = format!("{DIRECTORY}/{name}/device");
    let own = sysroot.text(&format!("{device}/transport"));
    let controllers = match own.known() {
        Err(Gap::Absent) => sysroot.list(&device).map(|names| {
            let is_controller = |name: &String| {
                name.strip_prefix("nvme")
                    .is_some_and(|number| number.parse::<u32>().is_ok())
            };
            names
                .into_iter()
                .filter(is_controller)
                .map(|name| sysroot.text(&format!("{device}/{name}/transport")))
                .collect::<Vec<_>>()
        }),
        own => Fact::Value(vec![own.into()]),
    };
    controllers.and_then(|transports| {
        if transports.is_empty() {
            return Fact::Unsupported("no controller tells its transport".to_owned());
        }
        let mut nearest = Transport::Nvme;
        for transport in transports {
            match transport.known() {
                Ok(text) if text.trim() == "pcie" => {}
                Ok(_) => nearest = Transport::NvmeFabric,
                Err(gap) => return gap.into(),
            }
        }
        Fact::Value(nearest)
    })
}

pub(super) fn read(sysroot: &Sysroot) -> Reading<Vec<Disk>> {
    let names = sysroot.list(DIRECTORY).or_else(|| Fact::Unreadable(ENOENT));
    let disks = names.map(|names| {
        names
            .into_iter()
            .filter_map(|name| Disk::read(sysroot, name))
            .collect()
    });
    disks.at(DIRECTORY)
}

/// Storage that can be carried away. One drive that cannot be judged makes the whole fact unusable.
pub(super) fn removable(disks: &Reading<Vec<Disk>>) -> Reading<Vec<String>> {
    let fact = disks.fact.clone().and_then(|disks| {
        let mut names = Vec::new();
        for disk in disks {
            match disk.is_removable().known() {
                Ok(true) => names.push(disk.name),
                Ok(false) => {}
                Err(other) => {
                    let why = format!(
                        "whether {} can be taken out is {}",
                        disk.name,
                        other.state()
                    );
                    return Fact::Unsupported(why);
                }
            }
        }
        Fact::Value(names)
    });
    fact.at(DIRECTORY)
}

impl ToWire for Disk {
    fn to_value(&self) -> Value {
        object([
            ("name", self.name.to_value()),
            (
                "transport",
                self.transport
                    .clone()
                    .at(format!("{DIRECTORY}/{}", self.name))
                    .to_value(),
            ),
            ("medium", self.medium.to_value()),
            ("wwid", self.wwid.to_value()),
            ("serial", self.serial.to_value()),
        ])
    }
}
