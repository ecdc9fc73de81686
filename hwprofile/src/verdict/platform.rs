//! Whether a machine is what its zone's platform asks for, key by key, in three values.
//!
//! Absence satisfies only a requirement for nothing. Firmware strings are shown and never count.

use std::fmt::Display;

use crate::code::Code;
use crate::evidence::{Evidence, Machine};
use crate::fact::{Fact, Reading};
use crate::inventory::{Container, Iommu, Lockdown, SecureBoot, TpmVersion, Virtualization};
use crate::policy::{
    ContainerDemand, IommuDemand, RemovableDemand, SecureBootDemand, TpmDemand,
    VirtualizationDemand, VulnerabilityDemand, ZoneRule,
};
use crate::refusal::Refusal;
use crate::verdict::{Judgement, refuse};

/// The error number of the operating system for a file that is not there.
const ENOENT: i32 = 2;

pub(super) fn judge(zone: &ZoneRule, evidence: &Evidence) -> impl Iterator<Item = Judgement> {
    let machine = evidence.machine();
    let mut judgements = vec![
        virtualization(zone, machine),
        container(zone, machine),
        secure_boot(zone, machine),
        lockdown(zone, machine),
        iommu(zone, machine),
        tpm(zone, machine),
        removable(zone, machine),
    ];
    judgements.extend(vulnerabilities(zone, machine));
    judgements.into_iter()
}

fn fails(code: Code, consequence: String, reading: &Reading<impl Display>) -> Refusal {
    refuse(code, consequence).read(reading.to_string())
}

fn virtualization(zone: &ZoneRule, machine: &Machine) -> Judgement {
    let demand = &zone.platform.virtualization;
    let reading = &machine.virtualization;
    if demand.wants == VirtualizationDemand::Vm {
        return Judgement::Holds;
    }
    let told = |refusal: Refusal| {
        let refusal = refusal.rule(demand.rule.clone());
        match machine.sys_vendor.value() {
            Some(_) => refusal.also(format!(
                "{} (does not count: forgeable)",
                machine.sys_vendor
            )),
            None => refusal,
        }
    };
    match &reading.fact {
        Fact::Value(Virtualization::BareMetal) => Judgement::Holds,
        Fact::Value(Virtualization::Virtual(_)) => {
            let consequence = format!("the node is virtual, zone {} needs bare metal", zone.name);
            Judgement::Fails(told(fails(Code::Virtual, consequence, reading)))
        }
        Fact::Absent | Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            let consequence = format!(
                "cannot tell whether the node is virtual, zone {} needs bare metal",
                zone.name
            );
            Judgement::Unknown(told(fails(Code::VirtualUnknown, consequence, reading)))
        }
    }
}

fn container(zone: &ZoneRule, machine: &Machine) -> Judgement {
    let demand = &zone.platform.container;
    let reading = &machine.container;
    if demand.wants == ContainerDemand::Allow {
        return Judgement::Holds;
    }
    let told = |code, consequence| fails(code, consequence, reading).rule(demand.rule.clone());
    match &reading.fact {
        Fact::Value(Container::None) => Judgement::Holds,
        Fact::Value(Container::Inside(_)) => {
            let consequence = format!("the node is a container, zone {} needs none", zone.name);
            Judgement::Fails(told(Code::Container, consequence))
        }
        Fact::Absent | Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            let consequence = "cannot tell whether the node is a container".to_owned();
            Judgement::Unknown(told(Code::ContainerUnknown, consequence))
        }
    }
}

fn secure_boot(zone: &ZoneRule, machine: &Machine) -> Judgement {
    let demand = &zone.platform.secure_boot;
    let reading = &machine.secure_boot;
    if demand.wants == SecureBootDemand::Any {
        return Judgement::Holds;
    }
    let told = |code, consequence| fails(code, consequence, reading).rule(demand.rule.clone());
    match &reading.fact {
        Fact::Value(SecureBoot::On) => Judgement::Holds,
        Fact::Value(SecureBoot::Off | SecureBoot::SetupMode | SecureBoot::Unvalidated) => {
            let consequence = format!("secure boot is not on, zone {} needs it", zone.name);
            Judgement::Fails(told(Code::SecureBoot, consequence))
        }
        Fact::Absent => {
            let consequence = format!(
                "the firmware knows no secure boot, zone {} needs it",
                zone.name
            );
            Judgement::Fails(told(Code::SecureBoot, consequence))
        }
        Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            let consequence = "cannot tell whether secure boot is on".to_owned();
            Judgement::Unknown(told(Code::SecureBootUnknown, consequence))
        }
    }
}

fn lockdown(zone: &ZoneRule, machine: &Machine) -> Judgement {
    let demand = &zone.platform.lockdown;
    let reading = &machine.lockdown;
    if demand.wants == Lockdown::None {
        return Judgement::Holds;
    }
    let told = |code, consequence| fails(code, consequence, reading).rule(demand.rule.clone());
    match &reading.fact {
        Fact::Value(state) if *state >= demand.wants => Judgement::Holds,
        Fact::Value(_) | Fact::Absent => {
            let consequence = format!(
                "the kernel is not locked down for {}, zone {} needs it",
                demand.wants, zone.name
            );
            Judgement::Fails(told(Code::Lockdown, consequence))
        }
        Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            let consequence = "cannot tell whether the kernel is locked down".to_owned();
            let refusal = told(Code::LockdownUnknown, consequence);
            Judgement::Unknown(match reading.fact {
                Fact::Unreadable(ENOENT) => refusal.also("securityfs is not mounted"),
                Fact::Value(_)
                | Fact::Absent
                | Fact::Placeholder(_)
                | Fact::Unreadable(_)
                | Fact::Unsupported(_) => refusal,
            })
        }
    }
}

fn iommu(zone: &ZoneRule, machine: &Machine) -> Judgement {
    let demand = &zone.platform.iommu;
    let reading = &machine.iommu;
    let told = |code, consequence| fails(code, consequence, reading).rule(demand.rule.clone());
    match (&reading.fact, demand.wants) {
        (_, IommuDemand::Any)
        | (Fact::Value(Iommu::Translated), _)
        | (Fact::Value(Iommu::Present(_)), IommuDemand::Present) => Judgement::Holds,
        (Fact::Value(Iommu::Present(_)), IommuDemand::Translated) | (Fact::Absent, _) => {
            let consequence = format!(
                "devices are not held by an IOMMU, zone {} needs it {}",
                zone.name, demand.wants
            );
            Judgement::Fails(told(Code::Iommu, consequence))
        }
        (Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_), _) => {
            let consequence = "cannot tell whether an IOMMU holds the devices".to_owned();
            Judgement::Unknown(told(Code::IommuUnknown, consequence))
        }
    }
}

fn tpm(zone: &ZoneRule, machine: &Machine) -> Judgement {
    let demand = &zone.platform.tpm;
    let reading = &machine.tpm;
    if demand.wants == TpmDemand::Any {
        return Judgement::Holds;
    }
    let told = |code, consequence| fails(code, consequence, reading).rule(demand.rule.clone());
    match &reading.fact {
        Fact::Value(TpmVersion::Two) => Judgement::Holds,
        Fact::Value(TpmVersion::OneTwo) | Fact::Absent => {
            let consequence = format!(
                "there is no TPM of version 2.0, zone {} needs one",
                zone.name
            );
            Judgement::Fails(told(Code::Tpm, consequence))
        }
        Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            let consequence = "cannot tell which TPM there is".to_owned();
            Judgement::Unknown(told(Code::TpmUnknown, consequence))
        }
    }
}

fn removable(zone: &ZoneRule, machine: &Machine) -> Judgement {
    let demand = &zone.platform.removable;
    let reading = &machine.removable;
    if demand.wants == RemovableDemand::Allow {
        return Judgement::Holds;
    }
    let shown = Reading {
        path: reading.path.clone(),
        fact: reading.fact.as_ref().map(|names| names.join(", ")),
    };
    let told = |code, consequence| fails(code, consequence, &shown).rule(demand.rule.clone());
    match &reading.fact {
        Fact::Value(names) if names.is_empty() => Judgement::Holds,
        Fact::Value(_) => {
            let consequence = format!(
                "removable storage is attached, zone {} forbids it",
                zone.name
            );
            Judgement::Fails(told(Code::Removable, consequence))
        }
        Fact::Absent | Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            let consequence = "cannot tell whether removable storage is attached".to_owned();
            Judgement::Unknown(told(Code::RemovableUnknown, consequence))
        }
    }
}

fn vulnerabilities(zone: &ZoneRule, machine: &Machine) -> Vec<Judgement> {
    let demand = &zone.platform.vulnerabilities;
    let reading = &machine.vulnerabilities;
    let unknown = |consequence: String, read: String| {
        let refusal = refuse(Code::VulnerableUnknown, consequence);
        Judgement::Unknown(refusal.read(read).rule(demand.rule.clone()))
    };
    let names: Vec<&str> = match &demand.wants {
        VulnerabilityDemand::Named(names) => names.iter().map(String::as_str).collect(),
        VulnerabilityDemand::Every => reading
            .value()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect(),
    };
    let Some(reported) = reading.value() else {
        if demand.wants == VulnerabilityDemand::Named(Vec::new()) {
            return Vec::new();
        }
        let shown = Reading {
            path: reading.path.clone(),
            fact: reading.fact.as_ref().map(|_| String::new()),
        };
        let consequence = "cannot tell whether the processor is vulnerable".to_owned();
        return vec![unknown(consequence, shown.to_string())];
    };
    if demand.wants == VulnerabilityDemand::Every && names.is_empty() {
        let consequence = "cannot tell whether the processor is vulnerable".to_owned();
        return vec![unknown(
            consequence,
            format!("{}: nothing is reported", reading.path),
        )];
    }
    let judge = |name: &&str| {
        let path = format!("{}/{name}", reading.path);
        match reported.get(*name).map(|text| (text, class(text))) {
            Some((_, Class::Mended)) => Judgement::Holds,
            Some((text, Class::Vulnerable)) => {
                let consequence = format!("the processor is vulnerable to {name}");
                let refusal =
                    refuse(Code::Vulnerable, consequence).read(format!("{path} = {text:?}"));
                Judgement::Fails(refusal.rule(demand.rule.clone()))
            }
            Some((text, Class::Unknown)) => {
                let consequence =
                    format!("cannot tell whether the processor is vulnerable to {name}");
                unknown(consequence, format!("{path} = {text:?}"))
            }
            None => {
                let consequence =
                    format!("cannot tell whether the processor is vulnerable to {name}");
                unknown(consequence, format!("{path}: not there"))
            }
        }
    };
    names.iter().map(judge).collect()
}

/// What the kernel's sentence says. After a semicolon it may still say that SMT is vulnerable.
enum Class {
    Mended,
    Vulnerable,
    Unknown,
}

fn class(text: &str) -> Class {
    let text = text.to_ascii_lowercase();
    if text.contains("vulnerable") {
        Class::Vulnerable
    } else if text.starts_with("not affected") || text.contains("mitigation") {
        if text.starts_with("unknown") {
            Class::Unknown
        } else {
            Class::Mended
        }
    } else {
        Class::Unknown
    }
}
