//! Whether the medium of a drive can be taken out.
//!
//! The kernel's own flag speaks of drives with a slot only: a memory card and a drive on an outer
//! port are fixed to it. Nothing here may call fixed what it could not read.

use super::{Controller, DIRECTORY, Transport};
use crate::fact::{Fact, Gap, Reading};
use crate::sysroot::Sysroot;
use crate::wire::wire_word;

crate::vocabulary! {
    /// Whether the medium of a drive can be taken out.
    pub enum Medium {
        /// It cannot.
        Fixed = "fixed",
        /// It can.
        Removable = "removable",
    }
}

wire_word!(Medium);

/// What the kernel says of a drive, of the card that it is, and of the slot that it is in.
pub(super) fn of(
    sysroot: &Sysroot,
    name: &str,
    (transport, controllers): (&Fact<Transport>, &[Controller]),
) -> Reading<Medium> {
    let path = format!("{DIRECTORY}/{name}/removable");
    let told = sysroot.text(&path).and_then(|text| of_text(&text)).at(path);
    if told.value() != Some(&Medium::Fixed) {
        return told;
    }
    if transport.value() == Some(&Transport::Mmc) || name.starts_with("mmcblk") {
        return card(sysroot, name);
    }
    slot(sysroot, name, controllers).unwrap_or(told)
}

/// The kernel's own flag.
pub(in crate::inventory) fn of_text(text: &str) -> Fact<Medium> {
    match text.trim() {
        "0" => Fact::Value(Medium::Fixed),
        "1" => Fact::Value(Medium::Removable),
        _ => Fact::Unsupported("it is neither 0 nor 1".to_owned()),
    }
}

/// A chip is soldered, a card is not.
fn card(sysroot: &Sysroot, name: &str) -> Reading<Medium> {
    let path = format!("{DIRECTORY}/{name}/device/type");
    let kind = sysroot.text(&path);
    let kind = kind.or_else(|| Fact::Unsupported("nothing tells a chip from a card".to_owned()));
    let medium = kind.and_then(|kind| match kind.trim() {
        "MMC" => Fact::Value(Medium::Fixed),
        kind if kind.starts_with("SD") => Fact::Value(Medium::Removable),
        _ => Fact::Unsupported("it is neither a chip nor a card".to_owned()),
    });
    medium.at(path)
}

/// What the kernel says of the PCI functions that a drive stands on, where it says that one is on
/// an outer port, or where nobody can tell. Most kernels and slots say nothing.
fn slot(sysroot: &Sysroot, name: &str, controllers: &[Controller]) -> Option<Reading<Medium>> {
    let own = format!("{DIRECTORY}/{name}");
    let ways = controllers.iter().map(|way| way.path.as_str());
    ways.chain([own.as_str()]).find_map(|way| {
        let place = sysroot.real_path(way);
        let path = format!("{}/removable", function(place.value()?)?);
        let fact = match sysroot.text(&path).known() {
            Ok(text) if text.trim() == "removable" => Fact::Value(Medium::Removable),
            Ok(_) | Err(Gap::Absent) => return None,
            Err(gap) => gap.into(),
        };
        Some(fact.at(path))
    })
}

/// The directory of the PCI function nearest to a device: `…/0000:03:00.0`.
fn function(place: &str) -> Option<&str> {
    let is_address = |component: &str| {
        let hexadecimal = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
        let parts: Vec<&str> = component.split([':', '.']).collect();
        matches!(parts.as_slice(), [domain, bus, device, function]
            if domain.len() >= 4 && bus.len() == 2 && device.len() == 2 && function.len() == 1
                && parts.iter().all(|part| hexadecimal(part)))
    };
    let mut end = place.len();
    loop {
        let above = place.get(..end)?;
        let (directory, component) = above.rsplit_once('/')?;
        if is_address(component) {
            return Some(above);
        }
        end = directory.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_function_is_found_and_nothing_else_is_one() {
        let place = "/sys/devices/pci0000:00/0000:00:05.0/10000:e1:00.0/nvme/nvme0/nvme0n1";
        let nearest = "/sys/devices/pci0000:00/0000:00:05.0/10000:e1:00.0";
        assert_eq!(function(place), Some(nearest));
        for none in [
            "",
            "/",
            "nvme0",
            "/sys/devices/pci0000:00/host0/0:0:0:0/block/sda",
        ] {
            assert_eq!(function(none), None, "{none}");
        }
    }
}
