//! `[platform.NAME]`: what the machine under a zone must be.
//!
//! A key that is not written is inherited, and then takes the strictest value. This file must never
//! relax one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use crate::code::Code;
use crate::inventory::Lockdown;
use crate::policy::fault::{Faults, Located};
use crate::policy::raw::{Table, short, suggest};
use crate::policy::spelling::meant;
use crate::refusal::RuleRef;
use crate::vocabulary;

const KEYS: &[&str] = &[
    "inherits",
    "virtualization",
    "container",
    "secure_boot",
    "lockdown",
    "iommu",
    "tpm",
    "vulnerabilities",
    "removable",
];

/// What is asked for, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand<T> {
    /// What is asked for.
    pub wants: T,
    /// Where it is written.
    pub rule: RuleRef,
}

vocabulary! {
    /// Whether the machine may be a virtual one.
    pub enum VirtualizationDemand {
        /// Bare metal only.
        None = "none",
        /// A virtual machine is admitted.
        Vm = "vm",
    }
}

vocabulary! {
    /// Whether the zone may run in a container.
    pub enum ContainerDemand {
        /// The machine's own namespaces only.
        None = "none",
        /// A container is admitted.
        Allow = "allow",
    }
}

vocabulary! {
    /// Whether secure boot must be on.
    pub enum SecureBootDemand {
        /// It must be on.
        On = "on",
        /// It is not asked for.
        Any = "any",
    }
}

vocabulary! {
    /// How devices must be held by an IOMMU.
    pub enum IommuDemand {
        /// Every device translates.
        Translated = "translated",
        /// There is an IOMMU.
        Present = "present",
        /// It is not asked for.
        Any = "any",
    }
}

vocabulary! {
    /// Which TPM must be there.
    pub enum TpmDemand {
        /// Version 2.0.
        Two = "2.0",
        /// It is not asked for.
        Any = "any",
    }
}

vocabulary! {
    /// Whether removable storage may be attached.
    pub enum RemovableDemand {
        /// None may be attached.
        Forbid = "forbid",
        /// It is admitted.
        Allow = "allow",
    }
}

/// Which weaknesses of the processor must be mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VulnerabilityDemand {
    /// Every one that the kernel reports.
    Every,
    /// These, by the kernel's names.
    Named(Vec<String>),
}

/// What the machine under a zone must be: every part must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// Its name in the file; `strictest` where a zone names none.
    pub name: String,
    /// Whether the machine may be virtual.
    pub virtualization: Demand<VirtualizationDemand>,
    /// Whether the zone may run in a container.
    pub container: Demand<ContainerDemand>,
    /// Whether secure boot must be on.
    pub secure_boot: Demand<SecureBootDemand>,
    /// How far the kernel must be locked down, at least.
    pub lockdown: Demand<Lockdown>,
    /// How devices must be held by an IOMMU.
    pub iommu: Demand<IommuDemand>,
    /// Which TPM must be there.
    pub tpm: Demand<TpmDemand>,
    /// Which weaknesses must be mended.
    pub vulnerabilities: Demand<VulnerabilityDemand>,
    /// Whether removable storage may be attached.
    pub removable: Demand<RemovableDemand>,
}

impl Platform {
    /// Whether two platforms ask the same of a machine, wherever they say so.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        self.virtualization.wants == other.virtualization.wants
            && self.container.wants == other.container.wants
            && self.secure_boot.wants == other.secure_boot.wants
            && self.lockdown.wants == other.lockdown.wants
            && self.iommu.wants == other.iommu.wants
            && self.tpm.wants == other.tpm.wants
            && self.vulnerabilities.wants == other.vulnerabilities.wants
            && self.removable.wants == other.removable.wants
    }
}

/// The platforms as they are written, before inheritance.
pub(super) struct Platforms {
    written: BTreeMap<String, Written>,
}

/// One platform as it is written.
struct Written {
    rule: RuleRef,
    inherits: Option<Located<String>>,
    virtualization: Option<Demand<VirtualizationDemand>>,
    container: Option<Demand<ContainerDemand>>,
    secure_boot: Option<Demand<SecureBootDemand>>,
    lockdown: Option<Demand<Lockdown>>,
    iommu: Option<Demand<IommuDemand>>,
    tpm: Option<Demand<TpmDemand>>,
    vulnerabilities: Option<Demand<VulnerabilityDemand>>,
    removable: Option<Demand<RemovableDemand>>,
}

impl<T> From<Located<T>> for Demand<T> {
    fn from(located: Located<T>) -> Self {
        Self {
            wants: located.value,
            rule: located.rule,
        }
    }
}

impl Platforms {
    pub(super) fn read(top: &Table<'_, '_>, faults: &mut Faults) -> Self {
        let mut written = BTreeMap::new();
        for (name, table) in top.named_tables("platform", KEYS, faults) {
            written.insert(name.value, Written::read(name.rule, &table, faults));
        }
        let this = Self { written };
        for (name, platform) in &this.written {
            this.check_inheritance(name, platform, faults);
        }
        this
    }

    fn check_inheritance(&self, name: &str, platform: &Written, faults: &mut Faults) {
        let Some(inherits) = &platform.inherits else {
            return;
        };
        if !self.written.contains_key(&inherits.value) {
            self.unknown(inherits, faults);
        } else if self.chain(name).len() > self.written.len() {
            let consequence = format!("platform {} inherits in a circle", short(name));
            let fix = "let one of the platforms in the circle inherit nothing".to_owned();
            faults.push(
                Code::UnknownPlatform,
                inherits.rule.clone(),
                consequence,
                fix,
            );
        }
    }

    fn unknown(&self, name: &Located<String>, faults: &mut Faults) {
        let otherwise = format!("define [platform.{}]", short(&name.value));
        let fix = suggest(
            &name.value,
            self.written.keys().map(String::as_str),
            otherwise,
        );
        let consequence = format!("there is no platform {}", short(&name.value));
        faults.push(Code::UnknownPlatform, name.rule.clone(), consequence, fix);
    }

    /// A platform and what it inherits from, the nearest first. In a circle, one more than there
    /// are.
    fn chain(&self, name: &str) -> Vec<&Written> {
        let mut chain = Vec::new();
        let mut next = self.written.get(name);
        while let Some(platform) = next {
            chain.push(platform);
            if chain.len() > self.written.len() {
                break;
            }
            next = platform
                .inherits
                .as_ref()
                .and_then(|name| self.written.get(&name.value));
        }
        chain
    }

    /// The platform that a zone names, with everything inherited; the strictest where it names
    /// none.
    pub(super) fn of_zone(
        &self,
        name: Option<&Located<String>>,
        zone: &RuleRef,
        faults: &mut Faults,
    ) -> Platform {
        let Some(name) = name else {
            return resolve("strictest", &[], zone);
        };
        let chain = self.chain(&name.value);
        if chain.is_empty() {
            self.unknown(name, faults);
        }
        let own = chain
            .first()
            .map_or(zone, |platform| &platform.rule)
            .clone();
        resolve(&name.value, &chain, &own)
    }

    /// The platforms that no zone stands on, directly or through another.
    /// A name that was misspelt counts as the one that was meant: one slip is one fault.
    pub(super) fn unused(&self, top: &Table<'_, '_>) -> Vec<RuleRef> {
        let mut used = BTreeSet::new();
        for name in top.texts_below("zone", "platform") {
            let mut next = meant(name, self.written.keys().map(String::as_str));
            while let Some(name) = next.filter(|name| used.insert((*name).to_owned())) {
                let platform = self.written.get(name);
                let inherits = platform.and_then(|platform| platform.inherits.as_ref());
                let known = self.written.keys().map(String::as_str);
                next = inherits.and_then(|name| meant(&name.value, known));
            }
        }
        let unused = self
            .written
            .iter()
            .filter(|(name, _)| !used.contains(*name));
        unused.map(|(_, platform)| platform.rule.clone()).collect()
    }
}

impl Written {
    fn read(rule: RuleRef, table: &Table<'_, '_>, faults: &mut Faults) -> Self {
        Self {
            rule,
            inherits: table.text("inherits", faults),
            virtualization: word(table, "virtualization", VirtualizationDemand::WORDS, faults),
            container: word(table, "container", ContainerDemand::WORDS, faults),
            secure_boot: word(table, "secure_boot", SecureBootDemand::WORDS, faults),
            lockdown: word(table, "lockdown", Lockdown::WORDS, faults),
            iommu: word(table, "iommu", IommuDemand::WORDS, faults),
            tpm: word(table, "tpm", TpmDemand::WORDS, faults),
            vulnerabilities: vulnerabilities(table, faults),
            removable: word(table, "removable", RemovableDemand::WORDS, faults),
        }
    }
}

fn word<T: FromStr>(
    table: &Table<'_, '_>,
    key: &str,
    words: &[&str],
    faults: &mut Faults,
) -> Option<Demand<T>> {
    table.word(key, words, faults).map(Demand::from)
}

/// The kernel's names are file names: letters, digits and underscores.
fn vulnerabilities(
    table: &Table<'_, '_>,
    faults: &mut Faults,
) -> Option<Demand<VulnerabilityDemand>> {
    let names = table.texts("vulnerabilities", faults)?;
    let rule = table.rule_of("vulnerabilities");
    let mut wanted = Vec::new();
    for name in names {
        let well_formed = (1..=64).contains(&name.value.len())
            && name
                .value
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if well_formed {
            wanted.push(name.value);
        } else {
            let consequence = format!("{} is no name of a vulnerability", short(&name.value));
            let fix = "write a file name of /sys/devices/system/cpu/vulnerabilities".to_owned();
            faults.push(Code::NotAllowed, name.rule, consequence, fix);
        }
    }
    Some(Demand {
        wants: VulnerabilityDemand::Named(wanted),
        rule,
    })
}

fn resolve(name: &str, chain: &[&Written], own: &RuleRef) -> Platform {
    let part = |key: &str, value: &dyn Display| {
        let text = format!("platform.{name}.{key} = {value} (not written: the strictest holds)");
        RuleRef {
            text,
            ..own.clone()
        }
    };
    macro_rules! demand {
        ($key:ident, $strictest:expr) => {
            chain
                .iter()
                .find_map(|platform| platform.$key.clone())
                .unwrap_or_else(|| Demand {
                    wants: $strictest,
                    rule: part(stringify!($key), &format!("{:?}", $strictest.as_str())),
                })
        };
    }
    Platform {
        name: name.to_owned(),
        virtualization: demand!(virtualization, VirtualizationDemand::None),
        container: demand!(container, ContainerDemand::None),
        secure_boot: demand!(secure_boot, SecureBootDemand::On),
        lockdown: demand!(lockdown, Lockdown::Confidentiality),
        iommu: demand!(iommu, IommuDemand::Translated),
        tpm: demand!(tpm, TpmDemand::Two),
        vulnerabilities: chain
            .iter()
            .find_map(|platform| platform.vulnerabilities.clone())
            .unwrap_or_else(|| Demand {
                wants: VulnerabilityDemand::Every,
                rule: part("vulnerabilities", &"every one that the kernel reports"),
            }),
        removable: demand!(removable, RemovableDemand::Forbid),
    }
}
