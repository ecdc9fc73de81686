//! The `[node.NAME]` block that a machine would be pinned by: what `cofferctl hw pin` prints.
//!
//! Writes only what the parser of this crate reads back as a pin; what cannot name a machine is
//! left out and said to be.

use std::collections::BTreeSet;

use crate::domain::{Family, WitnessKind};
use crate::identity::{Identity, Reach};
use crate::inventory::Inventory;
use crate::{NodeName, ZoneName};

/// What a pinned drive's worldwide identifier begins with.
const WWID_KINDS: &[&str] = &["eui.", "naa.", "t10.", "nvme.", "uuid."];
/// How many families a node is known by where nothing else is written.
const QUORUM: usize = 2;

/// Where a node is to stand, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The rack.
    pub rack: Option<&'a str>,
    /// The lowest unit.
    pub position: Option<u8>,
}

/// A block to be pasted into `hwprofile.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinBlock {
    /// The text, without a key.
    pub text: String,
    /// The independent families that it pins.
    pub families: BTreeSet<Family>,
    /// What could have been pinned and says nothing, each with its path and its reason.
    pub left_out: Vec<String>,
}

impl PinBlock {
    /// The block for a machine.
    #[must_use]
    pub fn of(
        inventory: &Inventory,
        (node, zone): (&NodeName, &ZoneName),
        standing: Standing<'_>,
    ) -> Self {
        let identity = Identity::of(inventory);
        let mut pins = Pinning {
            identity: &identity,
            lines: Vec::new(),
            families: BTreeSet::new(),
            seen: BTreeSet::new(),
        };
        pins.text(WitnessKind::ProductSerial, "product_serial");
        pins.text(WitnessKind::BoardSerial, "board_serial");
        if !pins.values(WitnessKind::ProductUuid).is_empty() {
            // Witnesses compare UUIDs in a form of their own; the policy reads the common one.
            let uuid = inventory.dmi.product_uuid.value();
            let uuid = uuid.map(|uuid| uuid.text());
            pins.value(WitnessKind::ProductUuid, "product_uuid", uuid);
        }
        pins.text(WitnessKind::ChassisSerial, "chassis_serial");
        let keys = pins.values(WitnessKind::TpmEndorsement);
        pins.list(WitnessKind::TpmEndorsement, "tpm", &keys);
        let addresses = pins.values(WitnessKind::NicAddress);
        pins.list(WitnessKind::NicAddress, "nic", &addresses);
        pins.drives();
        let gpus = pins.values(WitnessKind::GpuUuid);
        pins.list(WitnessKind::GpuUuid, "gpu", &gpus);
        let left_out = identity
            .unseen()
            .map(|(kind, reading)| format!("{kind}: {reading}"))
            .collect();
        let head = head((node, zone), standing, pins.families.len());
        Self {
            text: format!("{head}\n[node.{node}.pin]\n{}", pins.lines.concat()),
            families: pins.families,
            left_out,
        }
    }
}

/// The pins of one machine in the making.
struct Pinning<'i> {
    identity: &'i Identity,
    lines: Vec<String>,
    families: BTreeSet<Family>,
    /// Values that are pinned already: one that repeats another family's is no family of its own.
    seen: BTreeSet<String>,
}

impl Pinning<'_> {
    /// What lies inside the machine, in the order of the values.
    fn values(&self, kind: WitnessKind) -> Vec<String> {
        let local = self
            .identity
            .witnesses()
            .filter(|witness| witness.kind == kind && witness.reach == Reach::Local);
        let values: BTreeSet<String> = local
            .map(|witness| witness.value.reveal().trim().to_owned())
            .collect();
        values.into_iter().collect()
    }

    fn text(&mut self, kind: WitnessKind, key: &str) {
        let first = self.values(kind).into_iter().next();
        self.value(kind, key, first);
    }

    fn value(&mut self, kind: WitnessKind, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.lines.push(format!("{key:<14} = {}\n", quoted(&value)));
            self.count(kind, &[value]);
        }
    }

    fn list(&mut self, kind: WitnessKind, key: &str, values: &[String]) {
        if !values.is_empty() {
            let texts: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            self.lines
                .push(format!("{key:<14} = [{}]\n", texts.join(", ")));
            self.count(kind, values);
        }
    }

    fn count(&mut self, kind: WitnessKind, values: &[String]) {
        for value in values {
            if self.seen.insert(value.to_ascii_lowercase()) {
                self.families.insert(kind.family());
            }
        }
    }

    /// Worldwide identifiers where there are any of a kind that the policy knows, serial numbers
    /// otherwise.
    fn drives(&mut self) {
        let is_wwid = |text: &String| WWID_KINDS.iter().any(|kind| text.starts_with(kind));
        let (wwids, _): (Vec<String>, Vec<String>) = self
            .values(WitnessKind::DiskWwid)
            .into_iter()
            .partition(is_wwid);
        if wwids.is_empty() {
            let serials = self.values(WitnessKind::DiskSerial).into_iter();
            let serials: Vec<String> = serials.filter(|serial| !is_wwid(serial)).collect();
            self.list(WitnessKind::DiskSerial, "disk", &serials);
        } else {
            self.list(WitnessKind::DiskWwid, "disk", &wwids);
        }
    }
}

fn head((node, zone): (&NodeName, &ZoneName), standing: Standing<'_>, families: usize) -> String {
    let mut head = format!(
        "[node.{node}]\n{:<14} = {}\n",
        "zone",
        quoted(zone.as_str())
    );
    if let Some(rack) = standing.rack {
        head.push_str(&[&format!("{:<14} = ", "rack"), quoted(rack).as_str(), "\n"].concat());
    }
    if let Some(position) = standing.position {
        head.push_str(
            &[
                &format!("{:<14} = ", "position"),
                &position.to_string(),
                "\n",
            ]
            .concat(),
        );
    }
    let quorum = QUORUM.min(families.max(1)).to_string();
    [&head, &format!("{:<14} = ", "quorum"), &quorum, "\n"].concat()
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
