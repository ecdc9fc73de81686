//! The memory slots that the firmware lists (type 17), empty ones among them.

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;

use super::table::{Record, Tables, record_json};

const KIND: u8 = 17;
const KIBIBYTE: u64 = 1024;
const MEBIBYTE: u64 = 1024 * 1024;
/// The sizes that mean something else than a size.
const UNKNOWN: u16 = 0xffff;
const LONGER: u16 = 0x7fff;
/// The bit that says that a size is in KiB and not in MiB.
const IN_KIBIBYTES: u16 = 0x8000;

/// One slot for a memory module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryModule {
    /// Where its record stands.
    pub origin: String,
    /// What is printed beside it on the board.
    pub locator: Fact<String>,
    /// The bank that it belongs to.
    pub bank: Fact<String>,
    /// The size of the module in bytes; absent where the slot is empty.
    pub size_bytes: Fact<u64>,
    /// Who made the module.
    pub vendor: Fact<String>,
    /// Its serial number.
    pub serial: Fact<Identifier>,
    /// Its number for orders.
    pub part: Fact<String>,
    /// What it runs at, in million transfers a second.
    pub speed_mts: Fact<u64>,
}

record_json!(MemoryModule {
    locator,
    bank,
    size_bytes,
    vendor,
    serial,
    part,
    speed_mts,
});

impl MemoryModule {
    fn read(record: Record<'_>) -> Self {
        Self {
            origin: record.origin(),
            locator: record.text(0x10),
            bank: record.text(0x11),
            size_bytes: size(record),
            vendor: record.text(0x17),
            serial: record.identifier(0x18),
            part: record.text(0x1a),
            speed_mts: speed(record),
        }
    }
}

fn size(record: Record<'_>) -> Fact<u64> {
    record.word(0x0c).and_then(|size| match size {
        0 => Fact::Absent,
        UNKNOWN => Fact::Unsupported("the firmware does not know the size".to_owned()),
        LONGER => record
            .double_word(0x1c)
            .map(|mebibytes| u64::from(mebibytes & 0x7fff_ffff) * MEBIBYTE),
        size if size & IN_KIBIBYTES != 0 => Fact::Value(u64::from(size & !IN_KIBIBYTES) * KIBIBYTE),
        size => Fact::Value(u64::from(size) * MEBIBYTE),
    })
}

/// The speed that was set up, else the highest.
fn speed(record: Record<'_>) -> Fact<u64> {
    let of = |at: usize| {
        record.word(at).and_then(|speed| match speed {
            0 | 0xffff => Fact::Absent,
            speed => Fact::Value(u64::from(speed)),
        })
    };
    of(0x20).or_else(|| of(0x15))
}

pub(super) fn read(tables: &Tables) -> Reading<Vec<MemoryModule>> {
    tables.list(KIND, MemoryModule::read)
}
