//! What two nodes can share, and which families of witnesses speak about it.
//!
//! Owns the order of the domains and the list of witnesses. It must never decide:
//! [`crate::verdict`] does.

use crate::vocabulary;

vocabulary! {
    /// What two zones may not share, from the narrowest to the widest. A rule at one domain covers the
    /// narrower ones.
    pub enum Domain {
        /// One running kernel.
        Host = "host",
        /// One mainboard, or one hypervisor.
        Board = "board",
        /// One enclosure, backplane, power supply or management controller.
        Chassis = "chassis",
        /// One rack.
        Rack = "rack",
    }
}

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

vocabulary! {
    /// A device that two nodes may never share, whatever the rule's domain.
    pub enum Device {
        /// A drive or a logical unit.
        Disk = "disk",
        /// A network adapter.
        Nic = "nic",
        /// A graphics or compute processor.
        Gpu = "gpu",
    }
}

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

vocabulary! {
    /// A family of witnesses that are independent of the other families. Families are counted, never
    /// fields.
    pub enum Family {
        /// The running kernel's own identifier.
        Boot = "boot",
        /// What the firmware says of the system and the board.
        Firmware = "firmware",
        /// What the firmware says of the enclosure.
        Chassis = "chassis",
        /// The endorsement keys of the TPM.
        Tpm = "tpm",
        /// Permanent addresses of network adapters.
        Nic = "nic",
        /// Identifiers of drives.
        Disk = "disk",
        /// Identifiers of graphics and compute processors.
        Gpu = "gpu",
    }
}

vocabulary! {
    /// One kind of witness.
    pub enum WitnessKind {
        /// `/proc/sys/kernel/random/boot_id`.
        BootId = "boot_id",
        /// The serial number of the system.
        ProductSerial = "product_serial",
        /// The serial number of the mainboard.
        BoardSerial = "board_serial",
        /// The UUID of the system, unless it is made from another witness.
        ProductUuid = "product_uuid",
        /// The serial number of the enclosure.
        ChassisSerial = "chassis_serial",
        /// An endorsement key of the TPM.
        TpmEndorsement = "tpm_endorsement",
        /// The permanent address of a network adapter, globally administered.
        NicAddress = "nic_address",
        /// The worldwide identifier of a drive.
        DiskWwid = "disk_wwid",
        /// The serial number of a drive.
        DiskSerial = "disk_serial",
        /// The UUID of a graphics or compute processor.
        GpuUuid = "gpu_uuid",
    }
}

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
