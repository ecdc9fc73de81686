//! The entry point of the firmware's table: where its version stands.
//!
//! Owns the three forms that an entry point has had. One whose checksum is wrong gives no version;
//! the table itself is read all the same, because the kernel found it.

use std::fmt;

/// A version of the specification that a table follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The number before the point.
    pub major: u8,
    /// The number behind it.
    pub minor: u8,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What an entry point says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryPoint {
    /// The version that the table follows.
    pub version: Version,
    /// How many structures it claims; only SMBIOS 2 says so.
    pub structures: Option<u16>,
}

impl EntryPoint {
    /// Reads an entry point of any form.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.starts_with(b"_SM3_") {
            Self::three(bytes)
        } else if bytes.starts_with(b"_SM_") {
            Self::two(bytes)
        } else if bytes.starts_with(b"_DMI_") {
            Self::oldest(bytes)
        } else {
            Err("it starts with none of _SM3_, _SM_ and _DMI_")
        }
    }

    fn three(bytes: &[u8]) -> Result<Self, &'static str> {
        let length = bytes.get(6).copied().map_or(0, usize::from);
        checked(bytes, length.max(24))?;
        Ok(Self {
            version: version(bytes, 7)?,
            structures: None,
        })
    }

    fn two(bytes: &[u8]) -> Result<Self, &'static str> {
        // Some firmware says 30 where the specification says 31.
        let length = bytes.get(5).copied().map_or(0, usize::from);
        checked(bytes, length.max(30))?;
        let inner = bytes.get(0x10..).unwrap_or_default();
        let oldest = Self::oldest(inner)?;
        Ok(Self {
            version: version(bytes, 6)?,
            structures: oldest.structures,
        })
    }

    fn oldest(bytes: &[u8]) -> Result<Self, &'static str> {
        if !bytes.starts_with(b"_DMI_") {
            return Err("it has no inner _DMI_ part");
        }
        checked(bytes, 15)?;
        let count = bytes.get(0x0c..0x0e).and_then(|pair| pair.try_into().ok());
        let decimal = bytes.get(0x0e).copied().ok_or(SHORT)?;
        let structures = count.map(u16::from_le_bytes).filter(|count| *count > 0);
        Ok(Self {
            version: Version {
                major: decimal >> 4,
                minor: decimal & 15,
            },
            structures,
        })
    }
}

const SHORT: &str = "it is shorter than its form";

fn version(bytes: &[u8], at: usize) -> Result<Version, &'static str> {
    match bytes.get(at..).unwrap_or_default() {
        [major, minor, ..] => Ok(Version {
            major: *major,
            minor: *minor,
        }),
        _ => Err(SHORT),
    }
}

/// Whether the bytes of a form sum to zero, as they must.
fn checked(bytes: &[u8], length: usize) -> Result<(), &'static str> {
    let form = bytes.get(..length).ok_or(SHORT)?;
    let sum = form.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if sum == 0 {
        Ok(())
    } else {
        Err("its checksum is wrong")
    }
}
