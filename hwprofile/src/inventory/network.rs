//! The network adapters with hardware behind them, and their permanent addresses as sysfs shows
//! them.
//!
//! An address that software has set is no witness: it must never be taken for the permanent one.

use std::fmt;

use serde_json::Value;

use crate::fact::{Fact, Gap, Reading};
use crate::inventory::live::Live;
use crate::sysroot::{Sysroot, TEXT_LIMIT};
use crate::vocabulary;
use crate::wire::{ToWire, object, wire_word};

const DIRECTORY: &str = "/sys/class/net";
/// Where the kernel tells of its bonds, with the true addresses of their members.
const BONDS: &str = "/proc/net/bonding";
/// The error number of the operating system for a file that is not there.
const ENOENT: i32 = 2;
/// The length of an InfiniBand address; its last eight bytes are the port's own.
const INFINIBAND_LENGTH: usize = 20;

vocabulary! {
    /// What an adapter is attached to.
    pub enum Bus {
        /// A slot or the board itself.
        Pci = "pci",
        /// USB: management controllers attach adapters here, with the same address on every machine.
        Usb = "usb",
        /// A hypervisor.
        Virtio = "virtio",
        /// Something else.
        Other = "other",
    }
}
wire_word!(Bus);

/// The address that an adapter was made with: six bytes, or eight of InfiniBand.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HardwareAddress {
    bytes: Vec<u8>,
}

/// One network adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// The kernel's name for it.
    pub name: String,
    /// What it is attached to.
    pub bus: Fact<Bus>,
    /// Its permanent address.
    pub permanent: Reading<HardwareAddress>,
    /// The driver that holds it.
    pub driver: Fact<String>,
    /// The device that it is: of PCI, its address there.
    pub device: Fact<String>,
    /// The bond or bridge that it is a member of.
    pub bond: Fact<String>,
    /// The physical function behind it, when it is a virtual one.
    pub physical_function: Fact<String>,
}

impl HardwareAddress {
    /// Reads six bytes of Ethernet or twenty of InfiniBand, in hexadecimal with colons.
    #[must_use]
    pub fn read(text: &str) -> Fact<Self> {
        let bytes: Option<Vec<u8>> = text
            .trim()
            .split(':')
            .map(|part| match part.len() {
                2 if part.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    u8::from_str_radix(part, 16).ok()
                }
                _ => None,
            })
            .collect();
        match bytes {
            Some(bytes) if bytes.len() == 6 || bytes.len() == 8 => Self::check(bytes),
            Some(bytes) if bytes.len() == INFINIBAND_LENGTH => {
                Self::check(bytes.get(12..).unwrap_or_default().to_vec())
            }
            Some(_) | None => {
                Fact::Unsupported("is neither an Ethernet nor an InfiniBand address".to_owned())
            }
        }
    }

    fn check(bytes: Vec<u8>) -> Fact<Self> {
        let address = Self { bytes };
        if address.names_nothing() {
            Fact::Placeholder(address.text())
        } else {
            Fact::Value(address)
        }
    }

    /// One byte repeated, a series with one step, or digits that count up.
    fn names_nothing(&self) -> bool {
        let digits: Vec<u8> = self
            .bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .collect();
        let one_step =
            |w: &[u8]| matches!(w, [a, b, c] if b.wrapping_sub(*a) == c.wrapping_sub(*b));
        self.bytes.windows(3).all(one_step)
            || digits
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if a + 1 == *b))
    }

    /// Whether the maker of the adapter gave it the address. An address of InfiniBand is always
    /// such.
    #[must_use]
    pub fn is_universal(&self) -> bool {
        match self.bytes.as_slice() {
            [first, _, _, _, _, _] => first.trailing_zeros() >= 2,
            _ => true,
        }
    }

    /// The whole address. It must not travel and must not be logged.
    #[must_use]
    pub fn text(&self) -> String {
        self.bytes
            .iter()
            .map(|byte| crate::wire::hex(&[*byte]))
            .collect::<Vec<_>>()
            .join(":")
    }

    /// The six bytes of an Ethernet address.
    #[must_use]
    pub fn ethernet(&self) -> Option<[u8; 6]> {
        <[u8; 6]>::try_from(self.bytes.as_slice()).ok()
    }
}

impl fmt::Debug for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HardwareAddress({self})")
    }
}

impl fmt::Display for HardwareAddress {
    /// Shows the last byte only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes.as_slice() {
            [.., a, b] => write!(f, "…{a:02x}:{b:02x}"),
            _ => f.write_str("…"),
        }
    }
}

impl Nic {
    fn read(sysroot: &Sysroot, live: &Live, name: String) -> Option<Self> {
        let at = |file: &str| format!("{DIRECTORY}/{name}/{file}");
        if !sysroot.exists(&at("device")) {
            return None;
        }
        let bus = sysroot
            .link_name(&at("device/subsystem"))
            .map(|bus| match bus.as_str() {
                "pci" => Bus::Pci,
                "usb" => Bus::Usb,
                "virtio" => Bus::Virtio,
                _ => Bus::Other,
            });
        Some(Self {
            bus,
            permanent: told(live, &name).unwrap_or_else(|| permanent(sysroot, &name)),
            driver: sysroot.link_name(&at("device/driver")),
            device: sysroot.link_name(&at("device")),
            bond: sysroot.link_name(&at("master")),
            physical_function: sysroot.link_name(&at("device/physfn")),
            name,
        })
    }
}

/// The address that the running kernel tells. It tells none for what has none, and older kernels
/// tell none at all: then the files are asked.
fn told(live: &Live, name: &str) -> Option<Reading<HardwareAddress>> {
    let bytes = live.addresses.value()?.get(name)?;
    let text: Vec<String> = bytes
        .iter()
        .map(|byte| crate::wire::hex(&[*byte]))
        .collect();
    let path = format!("netlink RTM_GETLINK {name} IFLA_PERM_ADDRESS");
    (!bytes.is_empty()).then(|| HardwareAddress::read(&text.join(":")).at(path))
}

/// A member of a bond shows the address of the bond, and keeps its own elsewhere.
fn permanent(sysroot: &Sysroot, name: &str) -> Reading<HardwareAddress> {
    let bond = format!("{DIRECTORY}/{name}/bonding_slave/perm_hwaddr");
    let kept = sysroot.text(&bond);
    if kept != Fact::Absent {
        return kept.and_then(|text| HardwareAddress::read(&text)).at(bond);
    }
    if let Fact::Value(bond) = sysroot.link_name(&format!("{DIRECTORY}/{name}/master")) {
        let path = format!("{BONDS}/{bond}");
        let kept = sysroot.text_within(&path, TEXT_LIMIT);
        if kept != Fact::Absent {
            let address = |text: String| match member_address(&text, name) {
                Some(address) => HardwareAddress::read(address),
                None => Fact::Unsupported("it does not name this member".to_owned()),
            };
            return kept.and_then(address).at(path);
        }
    }
    let path = format!("{DIRECTORY}/{name}/address");
    let assigned = sysroot.text(&format!("{DIRECTORY}/{name}/addr_assign_type"));
    let fact = match assigned.known() {
        Ok(kind) if kind.trim() == "0" => sysroot
            .text(&path)
            .and_then(|text| HardwareAddress::read(&text)),
        Ok(kind) => Fact::Unsupported(format!(
            "it was set by software (addr_assign_type {:?})",
            kind.trim()
        )),
        Err(Gap::Absent) => {
            Fact::Unsupported("the kernel does not tell who assigned it".to_owned())
        }
        Err(gap) => gap.into(),
    };
    fact.at(path)
}

/// The permanent address of one member in what a bond tells of itself.
#[must_use]
pub fn member_address<'a>(bond: &'a str, member: &str) -> Option<&'a str> {
    let mut of_member = bond.lines().skip_while(|line| {
        let name = line.strip_prefix("Slave Interface:");
        name.is_none_or(|name| name.trim() != member)
    });
    of_member.next()?;
    of_member
        .take_while(|line| !line.starts_with("Slave Interface:"))
        .find_map(|line| line.strip_prefix("Permanent HW addr:"))
        .map(str::trim)
}

pub(super) fn read(sysroot: &Sysroot, live: &Live) -> Reading<Vec<Nic>> {
    let names = sysroot.list(DIRECTORY).or_else(|| Fact::Unreadable(ENOENT));
    let nics = names.map(|names| {
        names
            .into_iter()
            .filter_map(|name| Nic::read(sysroot, live, name))
            .collect()
    });
    nics.at(DIRECTORY)
}

impl ToWire for HardwareAddress {
    /// Shows the whole value: the inventory stays on the machine.
    fn to_value(&self) -> Value {
        Value::from(self.text())
    }
}

impl ToWire for Nic {
    fn to_value(&self) -> Value {
        let at = |file: &str| format!("{DIRECTORY}/{}/{file}", self.name);
        object([
            ("name", self.name.to_value()),
            (
                "bus",
                self.bus.clone().at(at("device/subsystem")).to_value(),
            ),
            ("permanent", self.permanent.to_value()),
            (
                "driver",
                self.driver.clone().at(at("device/driver")).to_value(),
            ),
            ("device", self.device.clone().at(at("device")).to_value()),
            ("bond", self.bond.clone().at(at("master")).to_value()),
            (
                "physfn",
                self.physical_function
                    .clone()
                    .at(at("device/physfn"))
                    .to_value(),
            ),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_maker_is_told_from_one_of_software() {
        let universal = |text: &str| HardwareAddress::read(text).value().unwrap().is_universal();
        assert!(universal("b4:96:91:00:00:02"));
        assert!(universal("00:00:5e:00:53:11"));
        assert!(!universal("02:fc:00:00:00:01"));
        assert!(!universal("01:00:5e:00:00:01"));
    }

    #[test]
    fn an_address_that_names_nothing_is_a_placeholder() {
        for text in [
            "00:00:00:00:00:00",
            "ff:ff:ff:ff:ff:ff",
            "00:11:22:33:44:55",
            "12:34:56:78:9a:bc",
        ] {
            assert!(
                matches!(HardwareAddress::read(text), Fact::Placeholder(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn of_an_infiniband_address_the_last_eight_bytes_count() {
        let text = "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:1e:84:c1";
        let address = HardwareAddress::read(text).value().cloned().unwrap();
        assert_eq!(address.text(), "00:02:c9:03:00:1e:84:c1");
        assert_eq!(address.ethernet(), None);
    }

    #[test]
    fn what_is_no_address_is_not_read() {
        for text in [
            "",
            "b4:96:91:00:00",
            "b4:96:91:00:00:2",
            "b4-96-91-00-00-02",
            "+4:96:91:00:00:02",
        ] {
            assert!(HardwareAddress::read(text).value().is_none(), "{text}");
        }
    }

    #[test]
    fn a_bond_tells_the_true_address_of_each_member() {
        let bond = "Bonding Mode: 802.3ad\n\nSlave Interface: eno1\nPermanent HW addr: \
                    b4:96:91:00:00:02\n\nSlave Interface: eno10\nLink: up\n\nSlave Interface: eno2\n\
                    Permanent HW addr: b4:96:91:00:00:03\n";
        assert_eq!(member_address(bond, "eno1"), Some("b4:96:91:00:00:02"));
        assert_eq!(member_address(bond, "eno2"), Some("b4:96:91:00:00:03"));
        assert_eq!(member_address(bond, "eno10"), None);
        assert_eq!(member_address(bond, "eno3"), None);
    }

    #[test]
    fn it_is_shown_by_its_end_only() {
        let address = HardwareAddress::read("b4:96:91:aa:bb:cc")
            .value()
            .cloned()
            .unwrap();
        assert_eq!(
            format!("{address} {address:?}"),
            "…bb:cc HardwareAddress(…bb:cc)"
        );
    }
}
