//! The drives with hardware behind them.
//!
//! Mappings, memory disks and hidden paths are no drives. What another host may reach over a
//! network is told apart.

mod medium;
mod nvme;
pub mod vpd;
mod wwid;

use std::collections::BTreeSet;

use serde_json::Value;

pub use medium::Medium;
#[cfg(fuzzing)]
pub(super) use medium::of_text as medium_of_text;
pub use nvme::Controller;
pub(super) use wwid::wwid;

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;
use crate::sysroot::Sysroot;
use crate::vocabulary;
use crate::wire::{ToWire, object, wire_word};

const DIRECTORY: &str = "/sys/block";
/// The error number of the operating system for a file that is not there.
const ENOENT: i32 = 2;
/// Names of block devices that are not hardware.
const NOT_HARDWARE: &[&str] = &[
    "loop", "ram", "zram", "dm-", "md", "nbd", "rbd", "drbd", "pmem", "nullb", "bcache", "zd",
];

/// How the directories of devices begin that a hypervisor makes: virtio, Xen, Hyper-V.
const HYPERVISORS: &[&str] = &["virtio", "vbd-", "VMBUS", "vmbus", "MSFT1000"];

vocabulary! {
    /// How a drive is attached.
    pub enum Transport {
        /// `NVMe` in a slot of this machine.
        Nvme = "nvme",
        /// `NVMe` over a network.
        NvmeFabric = "nvme-fabric",
        /// SATA.
        Sata = "sata",
        /// SAS or another SCSI transport within reach of a cable.
        Scsi = "scsi",
        /// A card or a chip of the MMC family.
        Mmc = "mmc",
        /// SCSI over RDMA: what is behind it may be behind other machines too.
        Srp = "srp",
        /// Fibre Channel: the same.
        FibreChannel = "fibre-channel",
        /// iSCSI: the same.
        Iscsi = "iscsi",
        /// USB.
        Usb = "usb",
        /// A hypervisor.
        Hypervisor = "hypervisor",
        /// Something that nobody here knows: it may be behind other machines too.
        Other = "other",
    }
}

wire_word!(Transport);

impl Transport {
    /// Whether the drive is known to be in this machine or in a shelf of its own.
    #[must_use]
    pub const fn is_local(self) -> bool {
        match self {
            Self::Nvme | Self::Sata | Self::Scsi | Self::Mmc => true,
            Self::NvmeFabric
            | Self::Srp
            | Self::FibreChannel
            | Self::Iscsi
            | Self::Usb
            | Self::Hypervisor
            | Self::Other => false,
        }
    }
}

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
    /// Its model.
    pub model: Reading<String>,
    /// Its size in bytes.
    pub size_bytes: Reading<u64>,
    /// Where the device behind it stands: the namespaces of one `NVMe` drive stand on one.
    pub device: Fact<String>,
    /// Of `NVMe`, the ways to it.
    pub controllers: Vec<Controller>,
    /// Of `NVMe` with several ways, the hidden device of each.
    pub hidden_paths: Vec<String>,
}

impl Disk {
    fn read(sysroot: &Sysroot, name: String, all: &[String]) -> Option<Self> {
        let at = |file: &str| format!("{DIRECTORY}/{name}/{file}");
        let place = sysroot.real_path(&format!("{DIRECTORY}/{name}"));
        let is_virtual = place.value().is_some_and(|place| {
            place.starts_with("/sys/devices/virtual/") && !place.contains("/nvme-subsystem/")
        });
        let is_hidden = sysroot.text(&at("hidden")) == Fact::Value("1".to_owned());
        let is_hardware = !NOT_HARDWARE.iter().any(|prefix| name.starts_with(prefix));
        if is_virtual || is_hidden || !is_hardware || is_part(&name) {
            return None;
        }
        let controllers = if name.starts_with("nvme") {
            nvme::controllers(sysroot, &at("device"))
        } else {
            Vec::new()
        };
        let wwid = first(sysroot, &[at("wwid"), at("device/wwid")], wwid);
        let serial = [at("serial"), at("device/serial")];
        let serial = first(sysroot, &serial, Identifier::read);
        let model = sysroot
            .text(&at("device/model"))
            .map(|model| model.trim().to_owned());
        let transport = transport(sysroot, (&name, place), &controllers);
        Some(Self {
            medium: medium::of(sysroot, &name, (&transport, &controllers)),
            device: sysroot.real_path(&at("device")),
            transport,
            wwid: or_page(sysroot, wwid, at("device/vpd_pg83"), vpd::wwid),
            serial: or_page(sysroot, serial, at("device/vpd_pg80"), vpd::serial),
            model: model.at(at("device/model")),
            size_bytes: sysroot
                .text(&at("size"))
                .and_then(|text| size(&text))
                .at(at("size")),
            controllers,
            hidden_paths: hidden_paths(&name, all),
            name,
        })
    }

    /// By what it is known to be the same drive as another.
    fn marks(&self) -> BTreeSet<String> {
        let mark = |kind: &str, text: Option<&str>| text.map(|text| format!("{kind} {text}"));
        let marks = [
            mark("wwid", self.wwid.value().map(Identifier::normalised)),
            mark("serial", self.serial.value().map(Identifier::normalised)),
            mark("device", self.device.value().map(String::as_str)),
        ];
        let marks: BTreeSet<String> = marks.into_iter().flatten().collect();
        if marks.is_empty() {
            BTreeSet::from([format!("name {}", self.name)])
        } else {
            marks
        }
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

/// The boot areas of an MMC chip, `mmcblk0boot1`, are parts of the drive beside them.
fn is_part(name: &str) -> bool {
    name.strip_prefix("mmcblk")
        .and_then(|rest| rest.split_once("boot"))
        .is_some()
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

/// What a page of the drive says, where the kernel shows no file of its own.
fn or_page(
    sysroot: &Sysroot,
    shown: Reading<Identifier>,
    page: String,
    read: impl Fn(&[u8]) -> Fact<Identifier>,
) -> Reading<Identifier> {
    if shown.fact != Fact::Absent {
        return shown;
    }
    let found = sysroot.bytes(&page);
    if found == Fact::Absent {
        return shown;
    }
    found.and_then(|bytes| read(&bytes)).at(page)
}

/// The kernel counts in blocks of 512 bytes, whatever those of the drive are.
pub(super) fn size(text: &str) -> Fact<u64> {
    let blocks = text.trim().parse::<u64>().ok();
    match blocks.and_then(|blocks| blocks.checked_mul(512)) {
        Some(bytes) => Fact::Value(bytes),
        None => Fact::Unsupported("it is not a number of blocks".to_owned()),
    }
}

/// `nvme0c1n2` is a way to `nvme0n2`.
pub(super) fn hidden_paths(name: &str, all: &[String]) -> Vec<String> {
    let is_path = |other: &&String| {
        let shown = other.rsplit_once('c').and_then(|(subsystem, rest)| {
            let (_, namespace) = rest.split_once('n')?;
            Some(format!("{subsystem}n{namespace}"))
        });
        name.starts_with("nvme") && shown.as_deref() == Some(name)
    };
    all.iter().filter(is_path).cloned().collect()
}

fn transport(
    sysroot: &Sysroot,
    (name, place): (&str, Fact<String>),
    controllers: &[Controller],
) -> Fact<Transport> {
    if name.starts_with("nvme") {
        return nvme::transport(controllers);
    }
    let known = place.value().and_then(|path| of_path(path));
    let device = || sysroot.real_path(&format!("{DIRECTORY}/{name}/device"));
    let known = known.or_else(|| device().value().and_then(|path| of_path(path)));
    match known {
        Some(transport) => Fact::Value(transport),
        None => place.map(|_| Transport::Other),
    }
}

/// The transport that the directories above a drive tell. Of several the one that is farthest away
/// from the board speaks first.
pub(super) fn of_path(path: &str) -> Option<Transport> {
    let has = |part: &str| path.split('/').any(|component| component.starts_with(part));
    let is = |name: &str| path.split('/').any(|component| component == name);
    if has("usb") {
        return Some(Transport::Usb);
    }
    if HYPERVISORS.iter().any(|part| has(part)) || is("vio") {
        return Some(Transport::Hypervisor);
    }
    if has("rport-") {
        return Some(Transport::FibreChannel);
    }
    if has("session") {
        return Some(Transport::Iscsi);
    }
    // A port of SAS leads to an end device; one of SRP leads to a target on the fabric.
    if has("port-") && !has("end_device-") {
        return Some(Transport::Srp);
    }
    if has("mmc") {
        return Some(Transport::Mmc);
    }
    if has("ata") {
        return Some(Transport::Sata);
    }
    (has("host") || has("target")).then_some(Transport::Scsi)
}

pub(super) fn read(sysroot: &Sysroot) -> Reading<Vec<Disk>> {
    let names = sysroot.list(DIRECTORY).or_else(|| Fact::Unreadable(ENOENT));
    let disks = names.map(|names| {
        let disk = |name: &String| Disk::read(sysroot, name.clone(), &names);
        names.iter().filter_map(disk).collect()
    });
    disks.at(DIRECTORY)
}

/// How many drives are inside the machine. Paths to one drive, its namespaces and its units share
/// an identifier, a serial number or the device that they stand on, and are one.
pub(crate) fn count(disks: &[Disk]) -> u64 {
    let is_fitted = |disk: &&Disk| {
        let inside =
            |transport: &Transport| transport.is_local() || *transport == Transport::Hypervisor;
        disk.medium.value() == Some(&Medium::Fixed) && disk.transport.value().is_some_and(inside)
    };
    let mut drives: Vec<BTreeSet<String>> = Vec::new();
    for disk in disks.iter().filter(is_fitted) {
        let mut marks = disk.marks();
        drives.retain(|known| {
            let is_other = known.is_disjoint(&marks);
            if !is_other {
                marks.extend(known.iter().cloned());
            }
            is_other
        });
        drives.push(marks);
    }
    u64::try_from(drives.len()).unwrap_or(u64::MAX)
}

/// Storage that can be carried away. One drive that cannot be judged makes the whole fact unusable.
pub(crate) fn removable(disks: &Reading<Vec<Disk>>) -> Reading<Vec<String>> {
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
            ("model", self.model.to_value()),
            ("size_bytes", self.size_bytes.to_value()),
            (
                "device",
                self.device
                    .clone()
                    .at(format!("{DIRECTORY}/{}/device", self.name))
                    .to_value(),
            ),
            ("controllers", self.controllers.to_value()),
            ("hidden_paths", self.hidden_paths.to_value()),
        ])
    }
}
