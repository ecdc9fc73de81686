//! The processor sockets that the firmware lists (type 4).

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;

use super::table::{Record, Tables, record_json};

const KIND: u8 = 4;
/// The bit that says that a processor sits in the socket.
const POPULATED: u8 = 0x40;
/// A count in one byte that says "see the count in two bytes".
const LONGER: u64 = 0xff;

/// One processor socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Where its record stands.
    pub origin: String,
    /// What is printed beside it on the board.
    pub designation: Fact<String>,
    /// Whether a processor sits in it.
    pub populated: Fact<bool>,
    /// Who made the processor.
    pub vendor: Fact<String>,
    /// What the maker calls it.
    pub version: Fact<String>,
    /// Its serial number.
    pub serial: Fact<Identifier>,
    /// Its number for orders.
    pub part: Fact<String>,
    /// How many cores it has.
    pub cores: Fact<u64>,
    /// How many of them are enabled.
    pub cores_enabled: Fact<u64>,
    /// How many threads it has.
    pub threads: Fact<u64>,
}

record_json!(Socket {
    designation,
    populated,
    vendor,
    version,
    serial,
    part,
    cores,
    cores_enabled,
    threads,
});

impl Socket {
    fn read(record: Record<'_>) -> Self {
        Self {
            origin: record.origin(),
            designation: record.text(0x04),
            populated: record.byte(0x18).map(|status| status & POPULATED != 0),
            vendor: record.text(0x07),
            version: record.text(0x10),
            serial: record.identifier(0x20),
            part: record.text(0x22),
            cores: count(record, 0x23, 0x2a),
            cores_enabled: count(record, 0x24, 0x2c),
            threads: count(record, 0x25, 0x2e),
        }
    }
}

/// A count in one byte, or in two where it does not fit.
fn count(record: Record<'_>, short: usize, long: usize) -> Fact<u64> {
    record.count(short).and_then(|count| match count {
        LONGER => record
            .word(long)
            .map(u64::from)
            .or_else(|| Fact::Value(LONGER)),
        count => Fact::Value(count),
    })
}

pub(super) fn read(tables: &Tables) -> Reading<Vec<Socket>> {
    tables.list(KIND, Socket::read)
}
