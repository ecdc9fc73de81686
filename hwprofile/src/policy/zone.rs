//! `[zone.NAME]`: what a zone is, what it needs, and which platform it stands on.

use std::collections::BTreeMap;

use crate::ZoneName;
use crate::code::Code;
use crate::policy::fault::{Faults, Located};
use crate::policy::file;
use crate::policy::platform::{Demand, Platform, Platforms};
use crate::policy::raw::{Table, short};
use crate::refusal::RuleRef;
use crate::vocabulary;
use crate::zone::{Because, DataClass, Exposure, ZoneKind};

const KEYS: &[&str] = &["kind", "exposure", "data", "because", "needs", "platform"];
const NEEDS_KEYS: &[&str] = &[
    "memory_gib",
    "disks",
    "nics",
    "gpus",
    "gpu_vendor",
    "gpu_sharing",
];
/// The most memory that a policy may ask for, in GiB.
const MEMORY_LIMIT: u64 = 1 << 20;
/// The most devices of one kind that a policy may ask for.
const DEVICE_LIMIT: u64 = 1024;

/// One zone of the policy.
#[derive(Debug, Clone)]
pub struct ZoneRule {
    /// Its name.
    pub name: ZoneName,
    /// Which program runs.
    pub kind: ZoneKind,
    /// Who may reach it.
    pub exposure: Exposure,
    /// What its data say about people.
    pub data: DataClass,
    /// Why it stands on hardware of its own.
    pub because: Because,
    /// What its machine must have at least.
    pub needs: Needs,
    /// What its machine must be.
    pub platform: Platform,
    /// Where it stands.
    pub rule: RuleRef,
    /// The line of its table, counted from 1.
    pub line: usize,
}

vocabulary! {
    /// How a graphics processor may be divided.
    pub enum GpuSharingDemand {
        /// Whole processors only.
        None = "none",
        /// Whole processors, or partitions with memory of their own (MIG).
        Mig = "mig",
    }
}

/// What a machine must have at least; what is not written is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Memory, in GiB as it is fitted.
    pub memory_gib: Option<Demand<u64>>,
    /// Local drives.
    pub disks: Option<Demand<u64>>,
    /// Network adapters with hardware behind them.
    pub nics: Option<Demand<u64>>,
    /// Graphics or compute processors.
    pub gpus: Option<Demand<u64>>,
    /// The PCI vendor of the processors that count.
    pub gpu_vendor: Option<Demand<u16>>,
    /// How they may be divided.
    pub gpu_sharing: Option<Demand<GpuSharingDemand>>,
}

pub(super) fn read(
    top: &Table<'_, '_>,
    platforms: &Platforms,
    faults: &mut Faults,
) -> BTreeMap<ZoneName, ZoneRule> {
    let mut zones = BTreeMap::new();
    for (name, table) in top.named_tables("zone", KEYS, faults) {
        let parsed = file::name::<ZoneName>(&name, faults);
        let kind = table.required_word("kind", ZoneKind::WORDS, faults);
        let exposure = table.required_word("exposure", Exposure::WORDS, faults);
        let held = table.required_word("data", DataClass::WORDS, faults);
        let because = table.required_word("because", Because::WORDS, faults);
        let needs = Needs::read(&table, faults);
        let platform = table.text("platform", faults);
        let platform = platforms.of_zone(platform.as_ref(), &name.rule, faults);
        if let (Some(zone), Some(kind), Some(exposure), Some(held), Some(because)) =
            (parsed, kind, exposure, held, because)
        {
            let rule = ZoneRule {
                name: zone.clone(),
                kind: kind.value,
                exposure: exposure.value,
                data: held.value,
                because: because.value,
                needs,
                platform,
                line: name.rule.line,
                rule: name.rule,
            };
            zones.insert(zone, rule);
        }
    }
    zones
}

impl Needs {
    fn read(zone: &Table<'_, '_>, faults: &mut Faults) -> Self {
        let Some(table) = zone.table("needs", NEEDS_KEYS, faults) else {
            return Self::default();
        };
        let mut count = |key: &str, limit: u64| {
            table
                .number(key, 1..=limit, faults)
                .map(Demand::<u64>::from)
        };
        let needs = Self {
            memory_gib: count("memory_gib", MEMORY_LIMIT),
            disks: count("disks", DEVICE_LIMIT),
            nics: count("nics", DEVICE_LIMIT),
            gpus: count("gpus", DEVICE_LIMIT),
            gpu_vendor: vendor(&table, faults),
            gpu_sharing: table
                .word("gpu_sharing", GpuSharingDemand::WORDS, faults)
                .map(Demand::from),
        };
        for key in ["gpu_vendor", "gpu_sharing"] {
            if table.has(key) && !table.has("gpus") {
                let consequence = format!("{key} never says anything where no gpus are needed");
                let fix = format!("add gpus = 1, or remove {key}");
                faults.push(Code::NeverFires, table.rule_of(key), consequence, fix);
            }
        }
        needs
    }
}

/// A PCI vendor: four hexadecimal digits.
fn vendor(table: &Table<'_, '_>, faults: &mut Faults) -> Option<Demand<u16>> {
    let Located { value, rule } = table.text("gpu_vendor", faults)?;
    let is_number = value.len() == 4 && value.bytes().all(|b| b.is_ascii_hexdigit());
    match u16::from_str_radix(&value, 16) {
        Ok(wants) if is_number => Some(Demand { wants, rule }),
        Ok(_) | Err(_) => {
            let consequence = format!("{} is no PCI vendor", short(&value));
            let fix = "write four hexadecimal digits, such as \"10de\"".to_owned();
            faults.push(Code::NotAllowed, rule, consequence, fix);
            None
        }
    }
}
