//! The witnesses among the facts: what names this machine and no other.
//!
//! Owns which facts count. A value that is made from another, that software may choose, or that the
//! same maker writes into every machine must never count as a witness of its own.

use std::collections::BTreeMap;

use crate::domain::WitnessKind;
use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;
use crate::inventory::{
    Bus, Disk, Dmi, Gpu, GpuDivision, HardwareAddress, Inventory, Medium, Nic, RackLocator,
    Transport, Virtualization,
};
use crate::uuid::{Derived, Uuid};
use crate::vocabulary;

vocabulary! {
    /// Whether a witness lies inside the machine.
    pub enum Reach {
        /// It does: that it differs speaks for two machines.
        Local = "local",
        /// It may not: that it is equal speaks against them, and that it differs says nothing.
        Remote = "remote",
    }
}

/// One value that names this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What it is.
    pub kind: WitnessKind,
    /// Where it was read.
    pub path: String,
    /// The value.
    pub value: Identifier,
    /// Whether it lies inside the machine.
    pub reach: Reach,
}

/// The witnesses of a machine, and the facts that could have been some and are not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    witnesses: BTreeMap<(WitnessKind, String), Witness>,
    unseen: Vec<(WitnessKind, Reading<String>)>,
}

impl Identity {
    /// The witnesses in an inventory.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        let mut identity = Self::default();
        let dmi = &inventory.dmi;
        identity.add(WitnessKind::BootId, Reach::Local, &inventory.boot.boot_id);
        identity.add(
            WitnessKind::ProductSerial,
            Reach::Local,
            &dmi.product_serial,
        );
        identity.add(WitnessKind::BoardSerial, Reach::Local, &dmi.board_serial);
        identity.add(
            WitnessKind::ProductUuid,
            Reach::Local,
            &uuid(dmi, &inventory.nics),
        );
        for (kind, serial) in further_boards(dmi) {
            identity.add(kind, Reach::Remote, &serial);
        }
        // A list that cannot be had may hide the enclosure that two machines share.
        if dmi.enclosures.fact != Fact::Absent {
            identity.add_none(WitnessKind::ChassisSerial, &dmi.enclosures);
        }
        if dmi.enclosures.value().is_some() {
            identity.add_none(WitnessKind::ChassisSerial, &dmi.rack_locators);
        }
        for serial in enclosures(dmi) {
            identity.add(WitnessKind::ChassisSerial, Reach::Local, &serial);
        }
        identity.add_endorsement(inventory);
        identity.add_nics(&inventory.nics);
        identity.add_disks(&inventory.disks);
        identity.add_gpus(&inventory.gpus);
        identity
    }

    /// Each witness once, sorted by kind and value.
    pub fn witnesses(&self) -> impl Iterator<Item = &Witness> {
        self.witnesses.values()
    }

    /// What could have been a witness and is not, and why.
    pub fn unseen(&self) -> impl Iterator<Item = &(WitnessKind, Reading<String>)> {
        self.unseen.iter()
    }

    fn add(&mut self, kind: WitnessKind, reach: Reach, reading: &Reading<Identifier>) {
        let Some(value) = reading.value() else {
            let fact = reading.fact.clone().map(|_| String::new());
            self.unseen.push((kind, fact.at(reading.path.clone())));
            return;
        };
        let witness = Witness {
            kind,
            path: reading.path.clone(),
            value: value.clone(),
            reach,
        };
        let key = (kind, value.normalised().to_owned());
        let known = self.witnesses.entry(key).or_insert(witness);
        known.reach = known.reach.min(reach);
    }

    /// Adds what is not there as a whole, such as adapters whose directory cannot be read.
    fn add_none<T>(&mut self, kind: WitnessKind, reading: &Reading<T>) {
        if reading.value().is_none() {
            let fact = reading.fact.as_ref().map(|_| String::new());
            self.unseen.push((kind, fact.at(reading.path.clone())));
        }
    }

    /// A TPM lies inside the machine where nothing shows a hypervisor. One that a hypervisor gives
    /// is a file of its host: two of them differ on one and the same board.
    fn add_endorsement(&mut self, inventory: &Inventory) {
        let keys = &inventory.tpm_endorsement;
        self.add_none(WitnessKind::TpmEndorsement, keys);
        let reach = match inventory.virtualization.value() {
            Some(Virtualization::BareMetal) => Reach::Local,
            Some(Virtualization::Virtual(_)) | None => Reach::Remote,
        };
        for key in keys.value().into_iter().flatten() {
            let reading = Fact::Value(key.key.clone()).at(format!("{} {}", keys.path, key.origin));
            self.add(WitnessKind::TpmEndorsement, reach, &reading);
        }
    }

    fn add_nics(&mut self, nics: &Reading<Vec<Nic>>) {
        self.add_none(WitnessKind::NicAddress, nics);
        for nic in nics.value().into_iter().flatten() {
            self.add(WitnessKind::NicAddress, Reach::Local, &address(nic));
        }
    }

    fn add_disks(&mut self, disks: &Reading<Vec<Disk>>) {
        self.add_none(WitnessKind::DiskWwid, disks);
        for disk in disks.value().into_iter().flatten() {
            if is_carried(disk) {
                continue;
            }
            let is_local = disk
                .transport
                .value()
                .is_some_and(|transport| transport.is_local());
            let reach = if is_local {
                Reach::Local
            } else {
                Reach::Remote
            };
            self.add(WitnessKind::DiskWwid, reach, &disk.wwid);
            self.add(WitnessKind::DiskSerial, reach, &disk.serial);
        }
    }

    fn add_gpus(&mut self, gpus: &Reading<Vec<Gpu>>) {
        self.add_none(WitnessKind::GpuUuid, gpus);
        for gpu in gpus.value().into_iter().flatten() {
            let reach = match gpu.division {
                GpuDivision::Whole => Reach::Local,
                GpuDivision::Mig | GpuDivision::VirtualFunction => Reach::Remote,
            };
            self.add(WitnessKind::GpuUuid, reach, &gpu.uuid);
        }
    }
}

/// A drive that can be carried away names whoever carries it.
pub(crate) fn is_carried(disk: &Disk) -> bool {
    disk.transport.value() == Some(&Transport::Usb)
        || disk.medium.value() == Some(&Medium::Removable)
}

/// The serial numbers of the boards behind the first: equal ones speak against two machines, and
/// different ones say nothing, because a riser moves. A board that joins others is the enclosure's.
fn further_boards(dmi: &Dmi) -> impl Iterator<Item = (WitnessKind, Reading<Identifier>)> {
    let boards = dmi.boards.value().into_iter().flatten().skip(1);
    boards.map(|board| {
        let kind = if board.joins_others() {
            WitnessKind::ChassisSerial
        } else {
            WitnessKind::BoardSerial
        };
        let path = format!("{} serial", board.origin);
        (kind, board.serial.clone().at(path))
    })
}

/// The serial numbers of every enclosure: the one that is shown first, the others of the table,
/// and what a blade was told of the one it sits in.
fn enclosures(dmi: &Dmi) -> Vec<Reading<Identifier>> {
    let listed = dmi.enclosures.value().into_iter().flatten();
    let listed = listed.map(|one| one.serial.clone().at(format!("{} serial", one.origin)));
    let told = dmi.rack_locators.value().into_iter().flatten();
    let told = told.flat_map(RackLocator::names);
    let first = std::iter::once(dmi.chassis_serial.clone());
    let mut all: Vec<Reading<Identifier>> = Vec::new();
    for serial in first.chain(listed.skip(1)).chain(told) {
        all.push(of_its_own(dmi, serial));
    }
    all
}

/// Many makers write the serial number of the system or the board on the enclosure as well: such a
/// number says nothing about what is around the system, and is counted once.
fn of_its_own(dmi: &Dmi, serial: Reading<Identifier>) -> Reading<Identifier> {
    let systems = [&dmi.product_serial, &dmi.board_serial];
    let fact = serial.fact.and_then(|value| {
        let is_system = systems
            .iter()
            .filter_map(|system| system.value())
            .any(|system| system.normalised() == value.normalised());
        if is_system {
            Fact::Unsupported("it is the serial number of the system: counted once".to_owned())
        } else {
            Fact::Value(value)
        }
    });
    fact.at(serial.path)
}

/// A UUID that is made from another witness is told as such where that witness is seen. Where it is
/// not, what the UUID is made from is seen nowhere else, and it counts in its place.
fn uuid(dmi: &Dmi, nics: &Reading<Vec<Nic>>) -> Reading<Identifier> {
    let addresses = nics.value().into_iter().flatten();
    let addresses: Vec<[u8; 6]> = addresses
        .filter_map(|nic| nic.permanent.value()?.ethernet())
        .collect();
    let serials = [&dmi.product_serial, &dmi.board_serial];
    let has_serial = serials.iter().any(|serial| serial.value().is_some());
    let reading = &dmi.product_uuid;
    let fact = reading.fact.clone().and_then(|uuid| match uuid.derived() {
        None if addresses.contains(&uuid.node()) => {
            Fact::Unsupported("it ends in the address of an adapter: counted once".to_owned())
        }
        Some(Derived::FromSerial(_)) if has_serial => {
            Fact::Unsupported("it is made from the serial number: counted once".to_owned())
        }
        Some(Derived::FromSerial(serial)) => {
            Identifier::read(&serial).and_then(|_| Fact::Value(of_uuid(uuid)))
        }
        Some(Derived::FromAddress(address)) if addresses.contains(&address) => {
            Fact::Unsupported("it is made from the address of an adapter: counted once".to_owned())
        }
        Some(Derived::FromAddress([first, ..])) if first.trailing_zeros() < 2 => {
            Fact::Unsupported("it is made from an address that software may choose".to_owned())
        }
        Some(Derived::FromAddress(_)) | None => Fact::Value(of_uuid(uuid)),
    });
    fact.at(reading.path.clone())
}

/// An address counts when the maker gave it to an adapter that is neither a hypervisor's nor a
/// management controller's.
fn address(nic: &Nic) -> Reading<Identifier> {
    let refuse = |why: &str| Fact::Unsupported(why.to_owned()).at(nic.permanent.path.clone());
    if nic.physical_function != Fact::Absent {
        return refuse("the adapter is a virtual function of another");
    }
    match nic.bus {
        Fact::Value(Bus::Pci | Bus::Other) => {}
        Fact::Value(Bus::Usb) => {
            return refuse("the adapter is on USB, where every machine may show the same address");
        }
        Fact::Value(Bus::Virtio) => return refuse("the adapter is a hypervisor's"),
        Fact::Absent | Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            return refuse("nothing tells what the adapter is attached to");
        }
    }
    let fact = nic.permanent.fact.clone().and_then(|address| {
        if address.is_universal() {
            Fact::Value(of_address(&address))
        } else {
            Fact::Unsupported("it is an address that software may choose".to_owned())
        }
    });
    fact.at(nic.permanent.path.clone())
}

/// The form in which UUIDs are compared: one for both byte orders.
pub(crate) fn of_uuid(uuid: Uuid) -> Identifier {
    Identifier::exact(&crate::wire::hex(&uuid.canonical()))
}

/// The form in which addresses are compared.
pub(crate) fn of_address(address: &HardwareAddress) -> Identifier {
    Identifier::exact(&address.text())
}
