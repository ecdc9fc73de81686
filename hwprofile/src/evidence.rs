//! What travels to the keeper: tokens instead of serial numbers.
//!
//! A token is a salted digest, so that two sets can be intersected while no serial number leaves
//! the machine. Who knows the site can guess a value of few digits; that is accepted. A masked hint
//! of four characters travels beside it, so that a refusal can say what was seen. Nothing else that
//! identifies a machine may be put in here.

mod json;
mod names;
mod token;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

pub use json::EVIDENCE_VERSION;
pub use token::{Token, TokenError};

use crate::code::Code;
use crate::domain::{Family, WitnessKind};
use crate::fact::Reading;
use crate::grade::Grade;
use crate::identity::{Identity, Reach};
use crate::inventory::{
    Container, Disk, GpuDivision, Inventory, Iommu, Lockdown, Medium, Nic, SecureBoot, TpmVersion,
    Transport, Virtualization,
};
use crate::refusal::Refusal;
use std::collections::BTreeMap;

/// The hardware as measured on a node, fit to travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    grade: Grade,
    site: String,
    witnesses: Vec<Sighting>,
    unseen: Vec<Unseen>,
    machine: Machine,
}

/// A witness as it travels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// What it is.
    pub kind: WitnessKind,
    /// The digest that is compared.
    pub token: Token,
    /// The last characters of the value.
    pub hint: String,
    /// Where it was read.
    pub path: String,
    /// Whether it lies inside the machine.
    pub reach: Reach,
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.path, self.hint)
    }
}

/// What could have been a witness and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// What it would have been.
    pub kind: WitnessKind,
    /// Where and why; never with a value.
    pub reading: Reading<String>,
}

/// What the machine is and has, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its maker, as the firmware says.
    pub sys_vendor: Reading<String>,
    /// Its model, as the firmware says.
    pub product_name: Reading<String>,
    /// How many boards the firmware lists, unless any of its words about them could not be read.
    pub boards: Reading<u64>,
    /// How many enclosures the firmware lists, under the same condition.
    pub enclosures: Reading<u64>,
    /// Whether it is virtual.
    pub virtualization: Reading<Virtualization>,
    /// Whether the process runs in a container.
    pub container: Reading<Container>,
    /// Whether the firmware checks what it starts.
    pub secure_boot: Reading<SecureBoot>,
    /// How far the kernel is locked down.
    pub lockdown: Reading<Lockdown>,
    /// How devices are held by an IOMMU.
    pub iommu: Reading<Iommu>,
    /// The version of the TPM.
    pub tpm: Reading<TpmVersion>,
    /// What the kernel says of each weakness that it knows.
    pub vulnerabilities: Reading<BTreeMap<String, String>>,
    /// Storage that can be carried away, by name.
    pub removable: Reading<Vec<String>>,
    /// What the kernel can use of the memory, in bytes.
    pub memory_bytes: Reading<u64>,
    /// Drives inside the machine, each counted once however many paths lead to it.
    pub disks: Reading<u64>,
    /// Adapters with hardware of their own.
    pub nics: Reading<u64>,
    /// Graphics and compute processors.
    pub gpus: Reading<Vec<GpuSummary>>,
    /// Drives that are told apart by a name, unless one is there whose names could not be read.
    pub named_disks: Reading<u64>,
    /// Adapters that are told apart, under the same condition.
    pub named_nics: Reading<u64>,
    /// Graphics processors that are told apart, under the same condition.
    pub named_gpus: Reading<u64>,
}

/// A graphics or compute processor as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuSummary {
    /// Its PCI vendor.
    pub vendor: u16,
    /// How it is divided.
    pub division: GpuDivision,
}

/// Why evidence could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the evidence: {part} is missing, malformed or beyond its bound")]
pub struct EvidenceError {
    part: &'static str,
}

impl EvidenceError {
    /// The part that could not be read.
    #[must_use]
    pub const fn part(&self) -> &'static str {
        self.part
    }

    /// The refusal that follows from it.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            Code::BadEvidence.as_str(),
            format!("the evidence cannot be read: {}", self.part),
            "use the same version of the programs on every node",
        )
    }
}

impl Evidence {
    /// The evidence that an inventory gives at a site.
    #[must_use]
    pub fn of(inventory: &Inventory, site: &str, grade: Grade) -> Self {
        let identity = Identity::of(inventory);
        let mut witnesses: Vec<Sighting> = identity
            .witnesses()
            .map(|witness| Sighting {
                kind: witness.kind,
                token: Token::of(site, witness.kind, &witness.value),
                hint: witness.value.hint(),
                path: witness.path.clone(),
                reach: witness.reach,
            })
            .collect();
        witnesses.sort_unstable();
        let unseen = identity
            .unseen()
            .map(|(kind, reading)| Unseen {
                kind: *kind,
                reading: reading.clone(),
            })
            .collect();
        let machine = Machine::of(inventory);
        Self {
            grade,
            site: site.to_owned(),
            witnesses,
            unseen,
            machine,
        }
    }

    /// The evidence as JSON, versioned and sorted.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json::write(self)
    }

    /// Reads evidence back.
    ///
    /// # Errors
    /// Names the part that is missing, malformed or beyond its bound.
    pub fn from_json(value: &Value) -> Result<Self, EvidenceError> {
        json::read(value)
    }

    /// SHA-256 over the JSON form, the same for equal evidence.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        token::digest(&[
            b"cofferdam-evidence-v1",
            self.to_json().to_string().as_bytes(),
        ])
    }

    /// How much it is worth.
    #[must_use]
    pub const fn grade(&self) -> Grade {
        self.grade
    }

    /// The site that salts its tokens.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The witnesses, sorted.
    #[must_use]
    pub fn witnesses(&self) -> &[Sighting] {
        &self.witnesses
    }

    /// What could have been a witness and is not.
    #[must_use]
    pub fn unseen(&self) -> &[Unseen] {
        &self.unseen
    }

    /// What the machine is and has.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The token of the running kernel's identifier.
    #[must_use]
    pub fn boot_token(&self) -> Option<Token> {
        self.of_family(Family::Boot)
            .map(|sighting| sighting.token)
            .next()
    }

    /// The tokens that name this host and its board, for the rule that nobody talks to himself.
    #[must_use]
    pub fn host_tokens(&self) -> BTreeSet<Token> {
        let families = [Family::Boot, Family::Firmware, Family::Tpm];
        families
            .into_iter()
            .flat_map(|f| self.of_family(f))
            .filter(|s| s.reach == Reach::Local)
            .map(|s| s.token)
            .collect()
    }

    /// The witnesses of one family.
    pub fn of_family(&self, family: Family) -> impl Iterator<Item = &Sighting> {
        self.witnesses
            .iter()
            .filter(move |sighting| sighting.kind.family() == family)
    }
}

impl Machine {
    fn of(inventory: &Inventory) -> Self {
        let nics = inventory
            .nics
            .fact
            .as_ref()
            .map(|nics| count(nics.iter().filter(|n| is_own(n))));
        let disks = inventory
            .disks
            .fact
            .as_ref()
            .map(|disks| count_disks(disks));
        let gpus = inventory.gpus.fact.as_ref().map(|gpus| {
            gpus.iter()
                .map(|g| GpuSummary {
                    vendor: g.vendor,
                    division: g.division,
                })
                .collect()
        });
        Self {
            sys_vendor: inventory.dmi.sys_vendor.clone(),
            product_name: inventory.dmi.product_name.clone(),
            boards: inventory.dmi.board_count(),
            enclosures: inventory.dmi.enclosure_count(),
            virtualization: inventory.virtualization.clone(),
            container: inventory.container.clone(),
            secure_boot: inventory.boot.secure_boot.clone(),
            lockdown: inventory.boot.lockdown.clone(),
            iommu: inventory.iommu.clone(),
            tpm: inventory.tpm.clone(),
            vulnerabilities: inventory.processor.vulnerabilities.clone(),
            removable: inventory.removable.clone(),
            memory_bytes: inventory.memory_bytes.clone(),
            disks: disks.at(inventory.disks.path.clone()),
            nics: nics.at(inventory.nics.path.clone()),
            gpus: gpus.at(inventory.gpus.path.clone()),
            named_disks: names::of_disks(&inventory.disks),
            named_nics: names::of_nics(&inventory.nics),
            named_gpus: names::of_gpus(&inventory.gpus),
        }
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

/// A virtual function is a part of another adapter, and an adapter on USB is a management
/// controller's.
fn is_own(nic: &Nic) -> bool {
    use crate::fact::Fact;
    use crate::inventory::Bus;
    nic.physical_function == Fact::Absent && nic.bus.value().is_some_and(|bus| *bus != Bus::Usb)
}

/// One drive may be seen by several paths: its worldwide identifier is counted once.
fn count_disks(disks: &[Disk]) -> u64 {
    let is_fitted = |disk: &&Disk| {
        disk.medium.value() == Some(&Medium::Fixed)
            && disk
                .transport
                .value()
                .is_some_and(|transport| transport.is_local() || *transport == Transport::Virtio)
    };
    let name = |disk: &Disk| {
        let known = disk.wwid.value().or(disk.serial.value());
        known.map_or_else(|| disk.name.clone(), |known| known.normalised().to_owned())
    };
    count(
        disks
            .iter()
            .filter(is_fitted)
            .map(name)
            .collect::<BTreeSet<_>>()
            .into_iter(),
    )
}
