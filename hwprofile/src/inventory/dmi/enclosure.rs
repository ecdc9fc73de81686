//! The enclosures that the firmware lists (type 3), and the place in a blade enclosure that HPE
//! adds (type 204).
//!
//! A blade lists two enclosures, its own and the one around it, in either order; `/sys/class/dmi`
//! shows the first only. All of them are read here. Which of them two machines share is for
//! [`crate::verdict`] to say.

use std::fmt;

use serde_json::Value;

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;
use crate::wire::ToWire;

use super::table::{Record, Tables, record_json};

const KIND: u8 = 3;
const RACK_LOCATOR: u8 = 204;
/// The makers whose type 204 is a rack locator; others use that number for something else.
const RACK_LOCATOR_VENDORS: &[&str] =
    &["hp", "hpe", "hewlett-packard", "hewlett packard enterprise"];

/// What an enclosure is, as a number of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnclosureKind(u8);

/// The words of the specification that servers and their relatives use.
const NAMES: &[(u8, &str)] = &[
    (1, "other"),
    (2, "unknown"),
    (3, "desktop"),
    (4, "low-profile-desktop"),
    (5, "pizza-box"),
    (6, "mini-tower"),
    (7, "tower"),
    (8, "portable"),
    (9, "laptop"),
    (10, "notebook"),
    (13, "all-in-one"),
    (17, "main-server-chassis"),
    (18, "expansion-chassis"),
    (19, "sub-chassis"),
    (20, "bus-expansion-chassis"),
    (21, "peripheral-chassis"),
    (22, "raid-chassis"),
    (23, "rack-mount-chassis"),
    (24, "sealed-case"),
    (25, "multi-system-chassis"),
    (28, "blade"),
    (29, "blade-enclosure"),
    (34, "embedded"),
    (35, "mini"),
    (36, "stick"),
];

impl EnclosureKind {
    /// The number of the specification.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The word of the specification, or the number where it has no word here.
    #[must_use]
    pub fn name(self) -> String {
        let known = NAMES.iter().find(|(number, _)| *number == self.0);
        known.map_or_else(
            || format!("type-{}", self.0),
            |(_, name)| (*name).to_owned(),
        )
    }
}

impl fmt::Display for EnclosureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

impl ToWire for EnclosureKind {
    fn to_value(&self) -> Value {
        Value::from(self.name())
    }
}

/// One enclosure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// Where its record stands.
    pub origin: String,
    /// Who made it.
    pub vendor: Fact<String>,
    /// What it is.
    pub kind: Fact<EnclosureKind>,
    /// Its version.
    pub version: Fact<String>,
    /// Its serial number.
    pub serial: Fact<Identifier>,
    /// What the owner wrote on it.
    pub asset_tag: Fact<Identifier>,
    /// Its height in rack units. More than half of all servers do not say.
    pub height_units: Fact<u64>,
    /// How many power cords it has.
    pub power_cords: Fact<u64>,
    /// Its number for orders.
    pub sku: Fact<String>,
}

record_json!(Enclosure {
    vendor,
    kind,
    version,
    serial,
    asset_tag,
    height_units,
    power_cords,
    sku,
});

impl Enclosure {
    fn read(record: Record<'_>) -> Self {
        Self {
            origin: record.origin(),
            vendor: record.text(0x04),
            // The highest bit says whether it has a lock.
            kind: record.byte(0x05).map(|kind| EnclosureKind(kind & 0x7f)),
            version: record.text(0x06),
            serial: record.identifier(0x07),
            asset_tag: record.identifier(0x08),
            height_units: record.count(0x11),
            power_cords: record.count(0x12),
            sku: sku(record),
        }
    }
}

/// The order number stands behind a list of contained elements.
fn sku(record: Record<'_>) -> Fact<String> {
    let elements = record.byte(0x13).map(usize::from);
    let length = record.byte(0x14).map(usize::from);
    elements.and_then(|elements| length.and_then(|length| record.text(0x15 + elements * length)))
}

/// Where a blade sits, as the enclosure's manager told it. It may be stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RackLocator {
    /// Where its record stands.
    pub origin: String,
    /// The name of the rack.
    pub rack: Fact<String>,
    /// The name of the enclosure; operators often leave its serial number there.
    pub enclosure: Fact<Identifier>,
    /// The model of the enclosure.
    pub model: Fact<String>,
    /// The serial number of the enclosure.
    pub serial: Fact<Identifier>,
    /// The bay of this server.
    pub bay: Fact<String>,
    /// How many bays the enclosure has.
    pub bays: Fact<u64>,
}

record_json!(RackLocator {
    rack,
    enclosure,
    model,
    serial,
    bay,
    bays,
});

impl RackLocator {
    fn read(record: Record<'_>) -> Self {
        Self {
            origin: record.origin(),
            rack: record.text(0x04),
            enclosure: record.identifier(0x05),
            model: record.text(0x06),
            serial: record.identifier(0x0a),
            // A bay is one or two digits: too short to be told from a placeholder as other texts.
            bay: record.raw(0x07),
            bays: record.count(0x08),
        }
    }

    /// What names the enclosure: its serial number, and the name that often is one.
    pub(crate) fn names(&self) -> [Reading<Identifier>; 2] {
        [("serial", &self.serial), ("enclosure", &self.enclosure)]
            .map(|(field, fact)| fact.clone().at(format!("{} {field}", self.origin)))
    }
}

pub(super) fn read(tables: &Tables) -> Reading<Vec<Enclosure>> {
    tables.list(KIND, Enclosure::read)
}

/// The rack locators, where the maker of the system is one who writes them. Where records of that
/// type are listed and nobody can tell who made the system, nobody can tell what they are.
pub(super) fn locators(tables: &Tables, vendor: &Reading<String>) -> Reading<Vec<RackLocator>> {
    let list = tables.list(RACK_LOCATOR, RackLocator::read);
    if list.value().is_none_or(Vec::is_empty) {
        return list;
    }
    let writes = |vendor: &String| {
        let vendor = vendor.trim().to_ascii_lowercase();
        RACK_LOCATOR_VENDORS.contains(&vendor.as_str())
    };
    match vendor.fact.as_ref().map(writes) {
        Fact::Value(true) => list,
        Fact::Value(false) => Fact::Value(Vec::new()).at(list.path),
        Fact::Absent => {
            let why =
                "a record of the type of a rack locator, and nothing tells who made the system";
            Fact::Unsupported(why.to_owned()).at(list.path)
        }
        gap @ (Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_)) => {
            gap.map(|_| Vec::new()).at(vendor.path.clone())
        }
    }
}
