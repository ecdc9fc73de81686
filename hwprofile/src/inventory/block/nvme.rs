//! The controllers behind an `NVMe` drive.
//!
//! A drive with two ports shows two controllers of one subsystem, and may be on two machines. How
//! far away it is, the farthest of its controllers says.

use serde_json::Value;

use super::Transport;
use crate::fact::Fact;
use crate::sysroot::Sysroot;
use crate::wire::{ToWire, object};

/// One controller: one way to a drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Its directory.
    pub path: String,
    /// How it is attached: `pcie`, or a network.
    pub transport: Fact<String>,
    /// Its number within the drive's subsystem.
    pub number: Fact<String>,
    /// Where it is: of PCI, its address there.
    pub address: Fact<String>,
}

impl Controller {
    fn read(sysroot: &Sysroot, path: String) -> Self {
        let text = |file: &str| {
            let text = sysroot.text(&format!("{path}/{file}"));
            text.map(|text| text.trim().to_owned())
        };
        Self {
            transport: text("transport"),
            number: text("cntlid"),
            address: text("address"),
            path,
        }
    }
}

impl ToWire for Controller {
    fn to_value(&self) -> Value {
        let at = |file: &str| format!("{}/{file}", self.path);
        object([
            ("path", self.path.to_value()),
            (
                "transport",
                self.transport.clone().at(at("transport")).to_value(),
            ),
            ("cntlid", self.number.clone().at(at("cntlid")).to_value()),
            ("address", self.address.clone().at(at("address")).to_value()),
        ])
    }
}

/// The controllers of a drive: its device is one, or a subsystem that lists them.
pub(super) fn controllers(sysroot: &Sysroot, device: &str) -> Vec<Controller> {
    // What cannot be looked at is a controller too: it tells nothing, and the drive is unknown.
    if sysroot.exists(&format!("{device}/transport")) != Ok(false) {
        return vec![Controller::read(sysroot, device.to_owned())];
    }
    let is_controller = |name: &String| {
        name.strip_prefix("nvme")
            .is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let names = sysroot.list(device).known().unwrap_or_default();
    names
        .into_iter()
        .filter(is_controller)
        .map(|name| Controller::read(sysroot, format!("{device}/{name}")))
        .collect()
}

/// How far away a drive is: as far as the farthest of its controllers. One that does not tell
/// leaves it unknown.
pub(super) fn transport(controllers: &[Controller]) -> Fact<Transport> {
    if controllers.is_empty() {
        return Fact::Unsupported("no controller tells its transport".to_owned());
    }
    let mut farthest = Transport::Nvme;
    for controller in controllers {
        match controller.transport.clone().known() {
            Ok(text) if text == "pcie" => {}
            Ok(_) => farthest = Transport::NvmeFabric,
            Err(gap) => return gap.into(),
        }
    }
    Fact::Value(farthest)
}
