//! The drives with hardware behind them.
//!
//! Mappings, memory disks and hidden paths are no drives. What another host may reach over a
//! network is told apart.

mod nvme;
pub mod vpd;

use serde_json::Value;

pub use nvme::Controller;

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
        /// Fibre Channel: what is behind it may be behind other machines too.
        FibreChannel = "fibre-channel",
        /// iSCSI: the same.
        Iscsi = "iscsi",
        /// USB.
        Usb = "usb",
        /// A hypervisor.
        Virtio = "virtio",
        /// Something else.
        Other = "other",
    }
}
wire_word!(Transport);

impl Transport {
    /// Whether the drive is in this machine or in a shelf of its own.
    #[must_use]
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Nvme | Self::Sata | Self::Scsi | Self::Other)
    }
}

vocabulary! {
    /// Whether the medium of a drive can be taken out.
    pub enum Medium {
        /// It cannot.
        Fixed = "fixed",
        /// It can.
        Removable = "removable",
    }
}
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
    /// Its model.
    pub model: Reading<String>,
    /// Its size in bytes.
    pub size_bytes: Reading<u64>,
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
        Some(Self {
            transport: transport(sysroot, (&name, place), &controllers),
            medium: medium.at(at("removable")),
            wwid: or_page(sysroot, wwid, at("device/vpd_pg83"), vpd::wwid),
            serial: or_page(sysroot, serial, at("device/vpd_pg80"), vpd::serial),
            model: model.at(at("device/model")),
            size_bytes: size(sysroot, &at("size")).at(at("size")),
            controllers,
            hidden_paths: hidden_paths(&name, all),
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

/// What a page of the drive says, where the kernel shows no file of its own.
fn or_page(
    sysroot: &Sysroot,
    shown: Reading<Identifier>,
    page: String,
    read: impl Fn(&[u8]) -> Fact<Identifier>,
) -> Reading<Identifier> {
    if shown.fact != Fact::Absent || !sysroot.exists(&page) {
        return shown;
    }
    sysroot.bytes(&page).and_then(|bytes| read(&bytes)).at(page)
}

/// The kernel counts in blocks of 512 bytes, whatever those of the drive are.
fn size(sysroot: &Sysroot, path: &str) -> Fact<u64> {
    sysroot.text(path).and_then(|text| {
        let blocks = text.trim().parse::<u64>().ok();
        match blocks.and_then(|blocks| blocks.checked_mul(512)) {
            Some(bytes) => Fact::Value(bytes),
            None => Fact::Unsupported("it is not a number of blocks".to_owned()),
        }
    })
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

/// A worldwide identifier names nothing when what follows its kind does: `naa.0000000000000000`.
pub(super) fn wwid(text: &str) -> Fact<Identifier> {
    let text = text.trim();
    let number = text
        .split_once('.')
        .filter(|(kind, _)| matches!(*kind, "eui" | "naa" | "t10" | "nvme" | "uuid"))
        .map_or(text, |(_, number)| number);
    Identifier::read(number).map(|_| Identifier::exact(text))
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

/// The transport that the directories above a drive tell.
pub(super) fn of_path(path: &str) -> Option<Transport> {
    let has = |part: &str| path.split('/').any(|component| component.starts_with(part));
    [
        ("usb", Transport::Usb),
        ("virtio", Transport::Virtio),
        ("rport-", Transport::FibreChannel),
        ("session", Transport::Iscsi),
        ("ata", Transport::Sata),
        ("host", Transport::Scsi),
        ("target", Transport::Scsi),
    ]
    .into_iter()
    .find_map(|(part, transport)| has(part).then_some(transport))
}

pub(super) fn read(sysroot: &Sysroot) -> Reading<Vec<Disk>> {
    let names = sysroot.list(DIRECTORY).or_else(|| Fact::Unreadable(ENOENT));
    let disks = names.map(|names| {
        let disk = |name: &String| Disk::read(sysroot, name.clone(), &names);
        names.iter().filter_map(disk).collect()
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
            ("model", self.model.to_value()),
            ("size_bytes", self.size_bytes.to_value()),
            ("controllers", self.controllers.to_value()),
            ("hidden_paths", self.hidden_paths.to_value()),
        ])
    }
}
