//! A kernel uevent, read for one thing: when to look, and at what.
//!
//! Must never say anything about hardware: whoever can send a datagram can write anything into it.

/// The longest message that is read, in bytes; the kernel builds them in 2 KiB.
pub const MESSAGE_LIMIT: usize = 8 * 1024;

/// What a uevent is about, by its subsystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Drives and their controllers.
    Block,
    /// Network adapters.
    Net,
    /// PCI functions, and graphics processors among them.
    Pci,
    /// USB devices.
    Usb,
    /// A TPM.
    Tpm,
    /// Processors, memory and their nodes.
    Processor,
    /// Anything else, and a message that does not say.
    Other,
}

/// The reason to look that one message gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// What it is about.
    pub class: Class,
    /// Its number; the kernel counts every message it sends. `None` where it does not say, which
    /// counts as a gap.
    pub sequence: Option<u64>,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 7] = [
        Self::Block,
        Self::Net,
        Self::Pci,
        Self::Usb,
        Self::Tpm,
        Self::Processor,
        Self::Other,
    ];

    /// The word in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Net => "net",
            Self::Pci => "pci",
            Self::Usb => "usb",
            Self::Tpm => "tpm",
            Self::Processor => "processor",
            Self::Other => "other",
        }
    }

    fn of_subsystem(name: &[u8]) -> Self {
        match name {
            b"block" | b"nvme" | b"nvme-subsystem" | b"scsi" | b"scsi_disk" | b"scsi_host"
            | b"ata_device" => Self::Block,
            b"net" | b"infiniband" => Self::Net,
            b"pci" | b"drm" | b"iommu" | b"vfio" => Self::Pci,
            b"usb" | b"thunderbolt" => Self::Usb,
            b"tpm" | b"tpmrm" => Self::Tpm,
            b"cpu" | b"memory" | b"node" => Self::Processor,
            _ => Self::Other,
        }
    }
}

impl Wake {
    /// Reads a datagram of the kernel: `ACTION@PATH`, then `KEY=VALUE`, each ended by a NUL. Any
    /// bytes give a reason to look; what is past [`MESSAGE_LIMIT`] is not read.
    #[must_use]
    pub fn read(datagram: &[u8]) -> Self {
        let mut wake = Self {
            class: Class::Other,
            sequence: None,
        };
        let message = datagram.get(..MESSAGE_LIMIT).unwrap_or(datagram);
        for field in message.split(|byte| *byte == 0) {
            if let Some(name) = field.strip_prefix(b"SUBSYSTEM=") {
                wake.class = Class::of_subsystem(name);
            } else if let Some(digits) = field.strip_prefix(b"SEQNUM=") {
                wake.sequence = number(digits);
            }
        }
        wake
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
}
