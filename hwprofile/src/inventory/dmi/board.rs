//! The boards that the firmware lists (type 2).
//!
//! A server may list more than one: mainboards, risers and backplanes. Only the first is the
//! board that tells two machines apart; what another shows counts only where two machines show the
//! same.

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;

use super::table::{Record, Tables, record_json};

const KIND: u8 = 2;
/// The roles of boards that join systems: a switch, a management module, an interconnect.
const JOINING: &[u64] = &[4, 5, 13];

/// One board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// Where its record stands.
    pub origin: String,
    /// Who made it.
    pub vendor: Fact<String>,
    /// Its model.
    pub name: Fact<String>,
    /// Its version.
    pub version: Fact<String>,
    /// Its serial number.
    pub serial: Fact<Identifier>,
    /// What the owner wrote on it.
    pub asset_tag: Fact<Identifier>,
    /// Where in the enclosure it sits.
    pub location: Fact<String>,
    /// What it is for, as a number of the specification: 10 is a mainboard, 3 a server blade.
    pub role: Fact<u64>,
}

record_json!(Board {
    vendor,
    name,
    version,
    serial,
    asset_tag,
    location,
    role,
});

impl Board {
    fn read(record: Record<'_>) -> Self {
        Self {
            origin: record.origin(),
            vendor: record.text(0x04),
            name: record.text(0x05),
            version: record.text(0x06),
            serial: record.identifier(0x07),
            asset_tag: record.identifier(0x08),
            location: record.text(0x0a),
            role: record.count(0x0d),
        }
    }

    /// Whether it joins several systems of one enclosure, as a midplane does.
    pub(crate) fn joins_others(&self) -> bool {
        self.role.value().is_some_and(|role| JOINING.contains(role))
    }
}

pub(super) fn read(tables: &Tables) -> Reading<Vec<Board>> {
    tables.list(KIND, Board::read)
}
