//! `[node.NAME]`: which machine may run which zone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::code::Code;
use crate::domain::{Family, WitnessKind};
use crate::fact::Fact;
use crate::identifier::Identifier;
use crate::inventory::HardwareAddress;
use crate::policy::fault::{Faults, Located};
use crate::policy::file;
use crate::policy::raw::{Table, short};
use crate::policy::zone::ZoneRule;
use crate::refusal::RuleRef;
use crate::uuid::{Derived, Uuid};
use crate::zone::DataClass;
use crate::{NodeName, ZoneName};

const KEYS: &[&str] = &["zone", "rack", "position", "pin", "quorum"];
const PIN_KEYS: &[&str] = &[
    "key",
    "product_serial",
    "board_serial",
    "product_uuid",
    "chassis_serial",
    "tpm",
    "nic",
    "disk",
    "gpu",
];
/// The families whose pins can count.
const FAMILY_COUNT: u64 = 6;
/// How many families must match where the file does not say.
const QUORUM: u64 = 2;
/// The highest rack unit.
const POSITION_LIMIT: u64 = 100;

/// One node of the policy.
#[derive(Debug, Clone)]
pub struct NodeRule {
    /// Its name.
    pub name: NodeName,
    /// The zone that may run on it.
    pub zone: ZoneName,
    /// The key with which it may ask for its first lease.
    pub key: Option<KeyPin>,
    /// The values by which its hardware is known.
    pub pins: Pins,
    /// How many independent families of pins must match.
    pub quorum: u8,
    /// The rack of the plan.
    pub rack: Option<String>,
    /// The lowest rack unit of the device that holds it.
    pub position: Option<u8>,
    /// Where it stands.
    pub rule: RuleRef,
    /// The line of its table, counted from 1.
    pub line: usize,
}

/// One pinned value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What is pinned.
    pub kind: WitnessKind,
    /// The value.
    pub value: Identifier,
    /// Where it stands.
    pub rule: RuleRef,
}

/// The pinned values of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    pins: Vec<Pin>,
}

impl Pins {
    pub(crate) fn new(pins: Vec<Pin>) -> Self {
        Self { pins }
    }

    /// Every pinned value, in the order of the file's schema.
    pub fn iter(&self) -> impl Iterator<Item = &Pin> {
        self.pins.iter()
    }

    /// The families that are pinned and independent: one whose every value repeats another family's
    /// is not.
    #[must_use]
    pub fn families(&self) -> BTreeSet<Family> {
        let mut seen: BTreeMap<&str, Family> = BTreeMap::new();
        let mut families = BTreeSet::new();
        for pin in &self.pins {
            let family = pin.kind.family();
            if *seen.entry(pin.value.normalised()).or_insert(family) == family {
                families.insert(family);
            }
        }
        families
    }
}

/// The SHA-256 of a public key (`SubjectPublicKeyInfo`), written `sha256:` and base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPin(pub [u8; 32]);

impl KeyPin {
    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", STANDARD.encode(self.0))
    }
}

/// Why a text is not a key pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the key pin: expected sha256: and the base64 of 32 bytes, with its padding")]
pub struct KeyPinError;

impl FromStr for KeyPin {
    type Err = KeyPinError;

    fn from_str(text: &str) -> Result<Self, KeyPinError> {
        text.strip_prefix("sha256:")
            .and_then(|digits| STANDARD.decode(digits).ok())
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Self)
            .ok_or(KeyPinError)
    }
}

pub(super) fn read(
    top: &Table<'_, '_>,
    known: &BTreeSet<ZoneName>,
    zones: &BTreeMap<ZoneName, ZoneRule>,
    faults: &mut Faults,
) -> BTreeMap<NodeName, NodeRule> {
    let mut nodes = BTreeMap::new();
    for (name, table) in top.named_tables("node", KEYS, faults) {
        let parsed = file::name::<NodeName>(&name, faults);
        if !table.has("zone") {
            table.missing("zone", "\"the zone that may run here\"", faults);
        }
        let zone = table.text("zone", faults);
        let zone = zone.and_then(|zone| file::known_zone(&zone, known, faults));
        let pin_table = table.table("pin", PIN_KEYS, faults);
        let pins = pin_table
            .as_ref()
            .map(|pins| read_pins(pins, faults))
            .unwrap_or_default();
        let key = pin_table.as_ref().and_then(|pins| read_key(pins, faults));
        let rack = table.text("rack", faults);
        let position = table.number("position", 1..=POSITION_LIMIT, faults);
        if let (Some(node), Some(zone)) = (parsed, zone) {
            let held = zones.get(&zone).map(|zone| zone.data);
            let quorum = read_quorum(&table, held, &pins, faults);
            let rule = NodeRule {
                name: node.clone(),
                zone,
                key,
                pins,
                quorum,
                rack: rack.map(|rack| rack.value),
                position: position.and_then(|position| u8::try_from(position.value).ok()),
                line: name.rule.line,
                rule: name.rule,
            };
            nodes.insert(node, rule);
        }
    }
    nodes
}

/// The quorum can be raised by a node and never lowered below what its data ask for.
fn read_quorum(
    table: &Table<'_, '_>,
    held: Option<DataClass>,
    pins: &Pins,
    faults: &mut Faults,
) -> u8 {
    let least = if held == Some(DataClass::Identifying) {
        2
    } else {
        1
    };
    let pinned = u64::try_from(pins.families().len()).unwrap_or(FAMILY_COUNT);
    let written = table.number("quorum", 1..=FAMILY_COUNT, faults);
    let quorum = written.as_ref().map_or(QUORUM, |quorum| quorum.value);
    let rule = if written.is_some() {
        table.rule_of("quorum")
    } else {
        table.rule()
    };
    if quorum < least {
        let consequence = format!("a quorum of {quorum} is too low where data identify people");
        faults.push(
            Code::Quorum,
            rule,
            consequence,
            format!("write quorum = {least} or more"),
        );
    } else if quorum > pinned {
        let consequence =
            format!("a quorum of {quorum} cannot be met: {pinned} independent families are pinned");
        let fix = "pin values of more families: product_serial, tpm, nic, disk, gpu".to_owned();
        faults.push(Code::Quorum, rule, consequence, fix);
    }
    u8::try_from(quorum).unwrap_or(u8::MAX)
}

fn read_key(table: &Table<'_, '_>, faults: &mut Faults) -> Option<KeyPin> {
    let Located { value, rule } = table.text("key", faults)?;
    let key = value.parse().ok();
    if key.is_none() {
        let consequence = format!("{} is not the pin of a key", short(&value));
        let fix = "write sha256: and the base64 of the SHA-256 of the public key".to_owned();
        faults.push(Code::UnusablePin, rule, consequence, fix);
    }
    key
}

fn read_pins(table: &Table<'_, '_>, faults: &mut Faults) -> Pins {
    let mut pins = Vec::new();
    let mut add = |kind: WitnessKind, mut located: Located<String>, fact, faults: &mut Faults| {
        located.rule.text = without_value(&located.rule.text);
        if let Some(value) = usable(&located, fact, faults) {
            pins.push(Pin {
                kind,
                value,
                rule: located.rule,
            });
        }
    };
    for (key, kind) in [
        ("product_serial", WitnessKind::ProductSerial),
        ("board_serial", WitnessKind::BoardSerial),
        ("chassis_serial", WitnessKind::ChassisSerial),
    ] {
        if let Some(text) = table.text(key, faults) {
            let fact = Identifier::read(&text.value);
            add(kind, text, fact, faults);
        }
    }
    if let Some(text) = table.text("product_uuid", faults) {
        let fact = uuid(&text.value);
        add(WitnessKind::ProductUuid, text, fact, faults);
    }
    for text in table.texts("tpm", faults).unwrap_or_default() {
        let fact = crate::tpm::pinned(&text.value);
        add(WitnessKind::TpmEndorsement, text, fact, faults);
    }
    for text in table.texts("nic", faults).unwrap_or_default() {
        let fact = address(&text.value);
        add(WitnessKind::NicAddress, text, fact, faults);
    }
    for text in table.texts("disk", faults).unwrap_or_default() {
        let kind = ["eui.", "naa.", "t10.", "nvme.", "uuid."]
            .iter()
            .find(|kind| text.value.trim().starts_with(**kind))
            .map_or(WitnessKind::DiskSerial, |_| WitnessKind::DiskWwid);
        let fact = Identifier::read(&text.value);
        add(kind, text, fact, faults);
    }
    for text in table.texts("gpu", faults).unwrap_or_default() {
        let fact = Identifier::read(&text.value);
        add(WitnessKind::GpuUuid, text, fact, faults);
    }
    Pins::new(pins)
}

/// The key alone: what is pinned names a machine and has no place in a message.
fn without_value(text: &str) -> String {
    text.split_once(" = ")
        .map_or(text, |(key, _)| key)
        .to_owned()
}

/// The value of a pin, or the fault that it cannot name a machine.
fn usable(
    located: &Located<String>,
    fact: Fact<Identifier>,
    faults: &mut Faults,
) -> Option<Identifier> {
    let why = match fact {
        Fact::Value(value) => return Some(value),
        Fact::Placeholder(raw) => format!("is {raw:?}, a placeholder that many machines show"),
        Fact::Unsupported(why) => why,
        Fact::Absent | Fact::Unreadable(_) => "says nothing".to_owned(),
    };
    let consequence = format!("{} pins what cannot be pinned: it {why}", located.rule.text);
    let fix = "pin a value that `cofferctl hw facts` shows as a true one".to_owned();
    faults.push(Code::UnusablePin, located.rule.clone(), consequence, fix);
    None
}

fn uuid(text: &str) -> Fact<Identifier> {
    Uuid::read(text).and_then(|uuid| match uuid.derived() {
        Some(Derived::FromSerial(_)) => {
            Fact::Unsupported("is made from the serial number: pin product_serial".to_owned())
        }
        Some(Derived::FromAddress(_)) => {
            Fact::Unsupported("is made from an address: pin nic".to_owned())
        }
        None => Fact::Value(crate::identity::of_uuid(uuid)),
    })
}

fn address(text: &str) -> Fact<Identifier> {
    HardwareAddress::read(text).and_then(|address| {
        if address.is_universal() {
            Fact::Value(crate::identity::of_address(&address))
        } else {
            Fact::Unsupported("is an address that software may choose".to_owned())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_pin_reads_back() {
        let pin = KeyPin([7; 32]);
        assert_eq!(pin.to_string().parse(), Ok(pin));
    }

    #[test]
    fn a_key_pin_of_another_form_is_refused() {
        let good = KeyPin([7; 32]).to_string();
        let bare = good.trim_start_matches("sha256:").to_owned();
        let unpadded = good.trim_end_matches('=').to_owned();
        let short = format!("sha256:{}", STANDARD.encode([7; 31]));
        for bad in [
            bare,
            unpadded,
            short,
            "sha256:".into(),
            format!("{good} "),
            "{{key:kp1}}".into(),
        ] {
            assert_eq!(bad.parse::<KeyPin>(), Err(KeyPinError), "{bad}");
        }
    }
}
