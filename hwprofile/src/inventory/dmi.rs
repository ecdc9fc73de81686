//! What the firmware says of the machine: its own table where it can be read, and beside it what
//! `/sys/class/dmi/id` shows.
//!
//! The directory shows one enclosure; the table lists all of them, the sockets, the memory and the
//! power supplies. Both are easily forged, and nothing here may be taken as proof of bare metal.

mod board;
mod doubt;
mod enclosure;
mod module;
mod security;
mod socket;
mod supply;
mod table;

use serde_json::Value;

pub use board::Board;
pub use enclosure::{Enclosure, EnclosureKind, RackLocator};
pub use module::MemoryModule;
pub use security::TpmRecord;
pub use socket::Socket;
pub use supply::PowerSupply;

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;
use crate::smbios::Version;
use crate::sysroot::Sysroot;
use crate::uuid::Uuid;
use crate::wire::{ToWire, object};
use table::{Record, Tables};

const DIRECTORY: &str = "/sys/class/dmi/id";
/// Where that link leads; a capture may hold the one without the other.
const DEVICE: &str = "/sys/devices/virtual/dmi/id";
/// From this version on, the first three fields of a UUID have their lowest byte first.
const LOWEST_BYTE_FIRST: Version = Version { major: 2, minor: 6 };

/// What the firmware says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dmi {
    /// The version of the specification that its table follows.
    pub version: Reading<Version>,
    /// Who sold the system.
    pub sys_vendor: Reading<String>,
    /// Its model.
    pub product_name: Reading<String>,
    /// Its serial number.
    pub product_serial: Reading<Identifier>,
    /// Its UUID.
    pub product_uuid: Reading<Uuid>,
    /// Its number for orders.
    pub product_sku: Reading<String>,
    /// Who made the board.
    pub board_vendor: Reading<String>,
    /// The model of the board.
    pub board_name: Reading<String>,
    /// The serial number of the board.
    pub board_serial: Reading<Identifier>,
    /// Who made the enclosure that is listed first.
    pub chassis_vendor: Reading<String>,
    /// The type of that enclosure, a number of the SMBIOS specification.
    pub chassis_type: Reading<String>,
    /// The serial number of that enclosure.
    pub chassis_serial: Reading<Identifier>,
    /// The version of the firmware.
    pub bios_version: Reading<String>,
    /// Every board.
    pub boards: Reading<Vec<Board>>,
    /// Every enclosure, a blade's own and the one around it.
    pub enclosures: Reading<Vec<Enclosure>>,
    /// Where a blade sits.
    pub rack_locators: Reading<Vec<RackLocator>>,
    /// The processor sockets.
    pub sockets: Reading<Vec<Socket>>,
    /// The memory slots.
    pub memory_modules: Reading<Vec<MemoryModule>>,
    /// The power supplies.
    pub power_supplies: Reading<Vec<PowerSupply>>,
    /// The TPMs that the firmware lists.
    pub tpms: Reading<Vec<TpmRecord>>,
}

/// The two places in which the firmware's words are found: its table first.
struct Source<'s> {
    sysroot: &'s Sysroot,
    tables: &'s Tables,
    directory: &'static str,
}

impl Source<'_> {
    /// What the table says, else what the directory shows. A table that says a field is empty has
    /// said it; only a table or a record that cannot be had leads on.
    fn find<T>(
        &self,
        (kind, name): (u8, &str),
        field: impl Fn(Record<'_>) -> Fact<T>,
        text: impl Fn(&str) -> Fact<T>,
    ) -> Reading<T> {
        let records = self.tables.list(kind, |_| ());
        if records.value().is_some_and(|records| !records.is_empty()) {
            return self.tables.first(kind, name, field);
        }
        let path = format!("{}/{name}", self.directory);
        let shown = self.sysroot.text(&path).and_then(|shown| text(&shown));
        shown.at(path)
    }

    fn text(&self, kind: u8, at: usize, name: &str) -> Reading<String> {
        let describe = |text: &str| table::describe(text.trim().to_owned());
        self.find((kind, name), |record| record.text(at), describe)
    }

    fn identifier(&self, kind: u8, at: usize, name: &str) -> Reading<Identifier> {
        let field = |record: Record<'_>| record.identifier(at);
        self.find((kind, name), field, Identifier::read)
    }

    fn chassis_type(&self) -> Reading<String> {
        let number = |record: Record<'_>| record.byte(0x05).map(|kind| (kind & 0x7f).to_string());
        let shown = |text: &str| Fact::Value(text.trim().to_owned());
        self.find((3, "chassis_type"), number, shown)
    }

    fn uuid(&self) -> Reading<Uuid> {
        let version = self.tables.version();
        let is_old = version
            .value()
            .is_some_and(|version| *version < LOWEST_BYTE_FIRST);
        let field = |record: Record<'_>| {
            record.bytes(0x08).and_then(|bytes| {
                let uuid = Uuid::from_bytes(bytes);
                let uuid = if is_old { uuid } else { uuid.swapped() };
                uuid.checked()
            })
        };
        self.find((1, "product_uuid"), field, Uuid::read)
    }
}

/// The reader of descriptive texts, for the fuzzer.
#[cfg(fuzzing)]
pub(super) fn described(text: &str) -> Fact<String> {
    table::describe(text.to_owned())
}

/// Every list of a table's bytes, for the fuzzer.
#[cfg(fuzzing)]
pub(super) fn of_bytes(entry: &[u8], bytes: Vec<u8>) {
    let tables = Tables::of_bytes(entry, bytes);
    let vendor = Fact::Value("HPE".to_owned()).at("");
    let lists = [
        board::read(&tables).to_value(),
        enclosure::read(&tables).to_value(),
        enclosure::locators(&tables, &vendor).to_value(),
        socket::read(&tables).to_value(),
        module::read(&tables).to_value(),
        supply::read(&tables).to_value(),
        security::read(&tables).to_value(),
    ];
    assert!(lists.iter().all(Value::is_object));
}

impl Dmi {
    pub(crate) fn read(sysroot: &Sysroot) -> Self {
        let tables = &Tables::read(sysroot);
        let is_linked = sysroot.exists(DIRECTORY) || !sysroot.exists(DEVICE);
        let source = Source {
            sysroot,
            tables,
            directory: if is_linked { DIRECTORY } else { DEVICE },
        };
        let sys_vendor = source.text(1, 0x04, "sys_vendor");
        Self {
            version: tables.version(),
            product_name: source.text(1, 0x05, "product_name"),
            product_serial: source.identifier(1, 0x07, "product_serial"),
            product_uuid: source.uuid(),
            product_sku: source.text(1, 0x19, "product_sku"),
            board_vendor: source.text(2, 0x04, "board_vendor"),
            board_name: source.text(2, 0x05, "board_name"),
            board_serial: source.identifier(2, 0x07, "board_serial"),
            chassis_vendor: source.text(3, 0x04, "chassis_vendor"),
            chassis_type: source.chassis_type(),
            chassis_serial: source.identifier(3, 0x07, "chassis_serial"),
            bios_version: source.text(0, 0x05, "bios_version"),
            boards: board::read(tables),
            enclosures: enclosure::read(tables),
            rack_locators: enclosure::locators(tables, &sys_vendor),
            sockets: socket::read(tables),
            memory_modules: module::read(tables),
            power_supplies: supply::read(tables),
            tpms: security::read(tables),
            sys_vendor,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        object([
            ("version", self.version.to_value()),
            ("sys_vendor", self.sys_vendor.to_value()),
            ("product_name", self.product_name.to_value()),
            ("product_serial", self.product_serial.to_value()),
            ("product_uuid", self.product_uuid.to_value()),
            ("product_sku", self.product_sku.to_value()),
            ("board_vendor", self.board_vendor.to_value()),
            ("board_name", self.board_name.to_value()),
            ("board_serial", self.board_serial.to_value()),
            ("chassis_vendor", self.chassis_vendor.to_value()),
            ("chassis_type", self.chassis_type.to_value()),
            ("chassis_serial", self.chassis_serial.to_value()),
            ("bios_version", self.bios_version.to_value()),
            ("boards", self.boards.to_value()),
            ("enclosures", self.enclosures.to_value()),
            ("rack_locators", self.rack_locators.to_value()),
            ("sockets", self.sockets.to_value()),
            ("memory_modules", self.memory_modules.to_value()),
            ("power_supplies", self.power_supplies.to_value()),
            ("tpms", self.tpms.to_value()),
        ])
    }
}

impl ToWire for Version {
    fn to_value(&self) -> Value {
        Value::from(self.to_string())
    }
}

impl ToWire for Identifier {
    /// Shows the whole value: the inventory stays on the machine.
    fn to_value(&self) -> Value {
        Value::from(self.reveal())
    }
}

impl ToWire for Uuid {
    /// Shows the whole value: the inventory stays on the machine.
    fn to_value(&self) -> Value {
        Value::from(self.text())
    }
}
