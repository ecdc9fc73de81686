//! All facts of one machine.
//!
//! Owns the list of facts and their JSON form. It reads through [`Sysroot`] only, and must never
//! judge: what a fact means for a policy is for [`crate::verdict`].

mod block;
mod boot;
mod container;
mod dmi;
mod event;
#[cfg(fuzzing)]
pub mod fuzz;
mod gpu;
mod iommu;
mod live;
mod memory;
mod network;
mod numa;
mod pci;
mod processor;
mod tpm;

use std::path::Path;

use serde_json::Value;

pub use block::{Controller, Disk, Medium, Transport, vpd};
pub(crate) use block::{count as count_disks, removable};
pub use boot::{Boot, Lockdown, SecureBoot};
pub use container::Container;
pub use dmi::{
    Board, Dmi, Enclosure, EnclosureKind, MemoryModule, PowerSupply, RackLocator, Socket, TpmRecord,
};
pub use event::last_event;
pub use gpu::{Gpu, GpuDivision};
pub use iommu::Iommu;
pub(crate) use iommu::held;
pub(crate) use network::count as count_nics;
pub use network::{Bus, HardwareAddress, Nic, member_address};
pub use numa::NumaNode;
pub use pci::{PciAddress, PciFunction};
pub use processor::{HypervisorFlag, Processor, Virtualization};
pub use tpm::TpmVersion;

use crate::fact::Reading;
use crate::sysroot::Sysroot;
pub use crate::tpm::EndorsementKey;
use crate::wire::{ToWire, object};
use live::Live;

/// The version of the JSON form.
pub const INVENTORY_VERSION: u64 = 2;

/// All facts of one machine, each with its state and its path.
///
/// `Debug` masks identifying values. The JSON form shows them whole: it is for the machine's own
/// operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// What the firmware says of the system, the board and the enclosure.
    pub dmi: Dmi,
    /// How the machine was started.
    pub boot: Boot,
    /// The processors.
    pub processor: Processor,
    /// Whether the machine is virtual.
    pub virtualization: Reading<Virtualization>,
    /// Whether this process runs in a container.
    pub container: Reading<Container>,
    /// What the kernel can use of the memory, in bytes.
    pub memory_bytes: Reading<u64>,
    /// Which processors and memory are near to each other.
    pub numa: Reading<Vec<NumaNode>>,
    /// The PCI functions.
    pub pci: Reading<Vec<PciFunction>>,
    /// Graphics and compute processors; displays of management controllers are not among them.
    pub gpus: Reading<Vec<Gpu>>,
    /// How devices are held by an IOMMU.
    pub iommu: Reading<Iommu>,
    /// The network adapters with hardware behind them.
    pub nics: Reading<Vec<Nic>>,
    /// The drives with hardware behind them.
    pub disks: Reading<Vec<Disk>>,
    /// Storage that can be carried away, by name.
    pub removable: Reading<Vec<String>>,
    /// The version of the TPM.
    pub tpm: Reading<TpmVersion>,
    /// Who made the TPM, as it says itself.
    pub tpm_manufacturer: Reading<String>,
    /// The endorsement keys of the TPM; only a running machine tells them.
    pub tpm_endorsement: Reading<Vec<EndorsementKey>>,
}

impl Inventory {
    /// Reads a machine below a directory; `/` is this machine.
    #[must_use]
    pub fn read(sysroot: &Path) -> Self {
        let live = Live::of(sysroot);
        let sysroot = Sysroot::for_one_reading(sysroot);
        let dmi = Dmi::read(&sysroot);
        let processor = Processor::read(&sysroot);
        let pci = pci::read(&sysroot);
        let disks = block::read(&sysroot);
        let tpm = tpm::read(&sysroot);
        let (tpm_manufacturer, tpm_endorsement) = tpm::endorsement(&live, &tpm);
        Self {
            dmi,
            boot: Boot::read(&sysroot),
            virtualization: processor::virtualization(&sysroot, &live, &processor, &pci),
            processor,
            container: container::read(&sysroot),
            memory_bytes: memory::read(&sysroot),
            numa: numa::read(&sysroot),
            gpus: gpu::read(&sysroot, &pci),
            iommu: iommu::read(&sysroot, &pci),
            pci,
            nics: network::read(&sysroot, &live),
            removable: removable(&disks),
            disks,
            tpm,
            tpm_manufacturer,
            tpm_endorsement,
        }
    }

    /// The inventory as versioned JSON with sorted keys. Identifying values are whole: keep it on
    /// the machine.
    #[must_use]
    pub fn to_json(&self) -> Value {
        object([
            ("version", Value::from(INVENTORY_VERSION)),
            ("dmi", self.dmi.to_json()),
            ("boot", self.boot.to_json()),
            ("processor", self.processor.to_json()),
            ("virtualization", self.virtualization.to_value()),
            ("container", self.container.to_value()),
            ("memory_bytes", self.memory_bytes.to_value()),
            ("numa", self.numa.to_value()),
            ("pci", self.pci.to_value()),
            ("gpus", self.gpus.to_value()),
            ("iommu", self.iommu.to_value()),
            ("nics", self.nics.to_value()),
            ("disks", self.disks.to_value()),
            ("removable", self.removable.to_value()),
            ("tpm", self.tpm.to_value()),
            ("tpm_manufacturer", self.tpm_manufacturer.to_value()),
            ("tpm_endorsement", self.tpm_endorsement.to_value()),
        ])
    }
}
