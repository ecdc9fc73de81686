//! The power supplies that the firmware lists (type 39).

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;

use super::table::{Record, Tables, record_json};

const KIND: u8 = 39;
/// The capacity that means that it is not known.
const UNKNOWN: u16 = 0x8000;
const HOT_REPLACEABLE: u16 = 1;
const PRESENT: u16 = 2;
const UNPLUGGED: u16 = 4;

/// One power supply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerSupply {
    /// Where its record stands.
    pub origin: String,
    /// Where in the enclosure it sits.
    pub location: Fact<String>,
    /// Its name.
    pub name: Fact<String>,
    /// Who made it.
    pub vendor: Fact<String>,
    /// Its serial number.
    pub serial: Fact<Identifier>,
    /// Its number for orders.
    pub part: Fact<String>,
    /// The most that it delivers, in watts.
    pub capacity_watts: Fact<u64>,
    /// Whether it is there.
    pub present: Fact<bool>,
    /// Whether its cord is plugged in.
    pub plugged: Fact<bool>,
    /// Whether it can be replaced while the machine runs.
    pub hot_replaceable: Fact<bool>,
}

record_json!(PowerSupply {
    location,
    name,
    vendor,
    serial,
    part,
    capacity_watts,
    present,
    plugged,
    hot_replaceable,
});

impl PowerSupply {
    fn read(record: Record<'_>) -> Self {
        let has = |bit: u16| record.word(0x0e).map(|flags| flags & bit != 0);
        Self {
            origin: record.origin(),
            location: record.text(0x05),
            name: record.text(0x06),
            vendor: record.text(0x07),
            serial: record.identifier(0x08),
            part: record.text(0x0a),
            capacity_watts: record.word(0x0c).and_then(|watts| match watts {
                UNKNOWN => Fact::Absent,
                watts => Fact::Value(u64::from(watts)),
            }),
            present: has(PRESENT),
            plugged: has(UNPLUGGED).map(|unplugged| !unplugged),
            hot_replaceable: has(HOT_REPLACEABLE),
        }
    }
}

pub(super) fn read(tables: &Tables) -> Reading<Vec<PowerSupply>> {
    tables.list(KIND, PowerSupply::read)
}
