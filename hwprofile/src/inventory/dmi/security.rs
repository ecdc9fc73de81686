//! The TPM that the firmware lists (type 43). That it is listed does not say that it works.

use crate::fact::{Fact, Reading};

use super::table::{Record, Tables, describe, record_json};

const KIND: u8 = 43;

/// One TPM, as the firmware tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TpmRecord {
    /// Where its record stands.
    pub origin: String,
    /// Who made it, four letters; empty in a third of all records.
    pub vendor: Fact<String>,
    /// The specification that it follows.
    pub specification: Fact<String>,
    /// What the firmware says of it.
    pub description: Fact<String>,
}

record_json!(TpmRecord {
    vendor,
    specification,
    description,
});

impl TpmRecord {
    fn read(record: Record<'_>) -> Self {
        let version = record.bytes(0x08);
        Self {
            origin: record.origin(),
            vendor: record.bytes::<4>(0x04).and_then(|letters| {
                let letters: String = letters
                    .into_iter()
                    .filter(u8::is_ascii_graphic)
                    .map(char::from)
                    .collect();
                describe(letters)
            }),
            specification: version.map(|[major, minor]| format!("{major}.{minor}")),
            description: record.text(0x12),
        }
    }
}

pub(super) fn read(tables: &Tables) -> Reading<Vec<TpmRecord>> {
    tables.list(KIND, TpmRecord::read)
}
