//! What the firmware says of the system, the board and the enclosure, as `/sys/class/dmi/id` shows
//! it.
//!
//! These files show the first enclosure only. They are easily forged, and nothing here may be taken
//! as proof of bare metal.

use serde_json::Value;

use crate::fact::Reading;
use crate::identifier::Identifier;
use crate::sysroot::Sysroot;
use crate::uuid::Uuid;
use crate::wire::{ToWire, object};

const DIRECTORY: &str = "/sys/class/dmi/id";

/// What the firmware says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dmi {
    /// Who sold the system.
    pub sys_vendor: Reading<String>,
    /// Its model.
    pub product_name: Reading<String>,
    /// Its serial number.
    pub product_serial: Reading<Identifier>,
    /// Its UUID.
    pub product_uuid: Reading<Uuid>,
    /// Who made the board.
    pub board_vendor: Reading<String>,
    /// The model of the board.
    pub board_name: Reading<String>,
    /// The serial number of the board.
    pub board_serial: Reading<Identifier>,
    /// Who made the enclosure.
    pub chassis_vendor: Reading<String>,
    /// The type of the enclosure, a number of the SMBIOS specification.
    pub chassis_type: Reading<String>,
    /// The serial number of the enclosure.
    pub chassis_serial: Reading<Identifier>,
    /// The version of the firmware.
    pub bios_version: Reading<String>,
}

impl Dmi {
    pub(crate) fn read(sysroot: &Sysroot) -> Self {
        let text = |name: &str| {
            let path = format!("{DIRECTORY}/{name}");
            sysroot
                .text(&path)
                .map(|text| text.trim().to_owned())
                .at(path)
        };
        let identifier = |name: &str| {
            let path = format!("{DIRECTORY}/{name}");
            sysroot
                .text(&path)
                .and_then(|text| Identifier::read(&text))
                .at(path)
        };
        let uuid = format!("{DIRECTORY}/product_uuid");
        Self {
            sys_vendor: text("sys_vendor"),
            product_name: text("product_name"),
            product_serial: identifier("product_serial"),
            product_uuid: sysroot
                .text(&uuid)
                .and_then(|text| Uuid::read(&text))
                .at(uuid),
            board_vendor: text("board_vendor"),
            board_name: text("board_name"),
            board_serial: identifier("board_serial"),
            chassis_vendor: text("chassis_vendor"),
            chassis_type: text("chassis_type"),
            chassis_serial: identifier("chassis_serial"),
            bios_version: text("bios_version"),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        object([
            ("sys_vendor", self.sys_vendor.to_value()),
            ("product_name", self.product_name.to_value()),
            ("product_serial", self.product_serial.to_value()),
            ("product_uuid", self.product_uuid.to_value()),
            ("board_vendor", self.board_vendor.to_value()),
            ("board_name", self.board_name.to_value()),
            ("board_serial", self.board_serial.to_value()),
            ("chassis_vendor", self.chassis_vendor.to_value()),
            ("chassis_type", self.chassis_type.to_value()),
            ("chassis_serial", self.chassis_serial.to_value()),
            ("bios_version", self.bios_version.to_value()),
        ])
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
