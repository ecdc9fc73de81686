//! What two nodes can share, and which families of witnesses speak about it.
//!
//! Owns the order of the domains and the list of witnesses. It must never decide:
//! [`crate::verdict`] does.

use crate::zone::vocabulary;

/// What two zones may not share, from the narrowest to the widest. A rule at one domain covers the
/// narrower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// One running kernel.
    Host,
    /// One mainboard, or one hypervisor.
    Board,
    /// One enclosure, backplane, power supply or management controller.
    Chassis,
    /// One rack.
    Rack,
}

vocabulary!(Domain { Host = "host", Board = "board", Chassis = "chassis", Rack = "rack" });

impl Domain {
    /// This domain and every narrower one, the widest first.
    pub fn covered(self) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .rev()
            .copied()
            .filter(move |domain| *domain <= self)
    }
}

/// A device that two nodes may never share, whatever the rule's domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    /// A drive or a logical unit.
    Disk,
    /// A network adapter.
    Nic,
    /// A graphics or compute processor.
    Gpu,
}

vocabulary!(Device { Disk = "disk", Nic = "nic", Gpu = "gpu" });

impl Device {
    /// The family whose witnesses name this device.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Disk => Family::Disk,
            Self::Nic => Family::Nic,
            Self::Gpu => Family::Gpu,
        }
    }
}

/// A family of witnesses that are independent of the other families. Families are counted, never
/// fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// The running kernel's own identifier.
    Boot,
    /// What the firmware says of the system and the board.
    Firmware,
    /// What the firmware says of the enclosure.
    Chassis,
    /// The endorsement keys of the TPM.
    Tpm,
    /// Permanent addresses of network adapters.
    Nic,
    /// Identifiers of drives.
    Disk,
    /// Identifiers of graphics and compute processors.
    Gpu,
}

vocabulary!(Family {
    Boot = "boot",
    Firmware = "firmware",
    Chassis = "chassis",
    Tpm = "tpm",
    Nic = "nic",
    Disk = "disk",
    Gpu = "gpu",
});

/// One kind of witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WitnessKind {
    /// `/proc/sys/kernel/random/boot_id`.
    BootId,
    /// The serial number of the system.
    ProductSerial,
    /// The serial number of the mainboard.
    BoardSerial,
    /// The UUID of the system, unless it is made from another witness.
    ProductUuid,
    /// The serial number of the enclosure.
    ChassisSerial,
    /// An endorsement key of the TPM.
    TpmEndorsement,
    /// The permanent address of a network adapter, globally administered.
    NicAddress,
    /// The worldwide identifier of a drive.
    DiskWwid,
    /// The serial number of a drive.
    DiskSerial,
    /// The UUID of a graphics or compute processor.
    GpuUuid,
}

vocabulary!(WitnessKind {
    BootId = "boot_id",
    ProductSerial = "product_serial",
    BoardSerial = "board_serial",
    ProductUuid = "product_uuid",
    ChassisSerial = "chassis_serial",
    TpmEndorsement = "tpm_endorsement",
    NicAddress = "nic_address",
    DiskWwid = "disk_wwid",
    DiskSerial = "disk_serial",
    GpuUuid = "gpu_uuid",
});

/// How much it means when two nodes show the same value of a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Known to be cloned, forged or reused in the field: two of them are needed.
    Weak,
    /// One is enough.
    Strong,
}

impl WitnessKind {
    /// The family that this witness belongs to.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::BootId => Family::Boot,
            Self::ProductSerial | Self::BoardSerial | Self::ProductUuid => Family::Firmware,
            Self::ChassisSerial => Family::Chassis,
            Self::TpmEndorsement => Family::Tpm,
            Self::NicAddress => Family::Nic,
            Self::DiskWwid | Self::DiskSerial => Family::Disk,
            Self::GpuUuid => Family::Gpu,
        }
    }

    /// How much an equal value means.
    #[must_use]
    pub const fn strength(self) -> Strength {
        match self {
            Self::ProductSerial
            | Self::BoardSerial
            | Self::TpmEndorsement
            | Self::DiskWwid
            | Self::GpuUuid => Strength::Strong,
            Self::BootId
            | Self::ProductUuid
            | Self::ChassisSerial
            | Self::NicAddress
            | Self::DiskSerial => Strength::Weak,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_domain_covers_the_narrower_ones() {
        let covered: Vec<_> = Domain::Chassis.covered().collect();
        assert_eq!(covered, [Domain::Chassis, Domain::Board, Domain::Host]);
        assert_eq!(Domain::Host.covered().count(), 1);
        assert_eq!(Domain::Rack.covered().count(), 4);
    }

    #[test]
    fn every_device_has_witnesses() {
        for device in Device::ALL {
            assert!(
                WitnessKind::ALL
                    .iter()
                    .any(|kind| kind.family() == device.family())
            );
        }
    }
}
