//! Whether a machine is large enough for its zone.
//!
//! Needs are floors: what a machine has beyond them is never asked about.

use crate::code::Code;
use crate::evidence::{Evidence, GpuSummary};
use crate::fact::{Fact, Reading};
use crate::inventory::GpuDivision;
use crate::policy::{Demand, GpuSharingDemand, ZoneRule};
use crate::verdict::{Judgement, refuse};

/// One GiB in bytes.
const GIB: u64 = 1 << 30;
/// What the kernel shows of the fitted memory at least, in percent: firmware and devices keep the
/// rest.
const MEMORY_SHARE: u64 = 94;

pub(super) fn judge(zone: &ZoneRule, evidence: &Evidence) -> impl Iterator<Item = Judgement> {
    let needs = &zone.needs;
    let machine = evidence.machine();
    let memory = needs.memory_gib.as_ref().map(|demand| {
        let least = demand
            .wants
            .saturating_mul(GIB)
            .saturating_mul(MEMORY_SHARE)
            / 100;
        count(
            zone,
            demand,
            ("GiB of memory", least, &machine.memory_bytes),
        )
    });
    let disks = needs
        .disks
        .as_ref()
        .map(|demand| count(zone, demand, ("drives", demand.wants, &machine.disks)));
    let nics = needs.nics.as_ref().map(|demand| {
        count(
            zone,
            demand,
            ("network adapters", demand.wants, &machine.nics),
        )
    });
    let gpus = needs.gpus.as_ref().map(|demand| {
        let usable = usable(zone, demand.wants, &machine.gpus);
        count(
            zone,
            demand,
            ("usable graphics processors", demand.wants, &usable),
        )
    });
    [memory, disks, nics, gpus].into_iter().flatten()
}

fn count(
    zone: &ZoneRule,
    demand: &Demand<u64>,
    (what, least, reading): (&str, u64, &Reading<u64>),
) -> Judgement {
    let need = format!("zone {} needs {} {what}", zone.name, demand.wants);
    match &reading.fact {
        Fact::Value(found) if *found >= least => Judgement::Holds,
        Fact::Value(_) | Fact::Absent => {
            let refusal = refuse(Code::Need, format!("the machine is too small: {need}"));
            let refusal = refusal.read(format!("{reading} (at least {least} counts)"));
            Judgement::Fails(refusal.rule(demand.rule.clone()))
        }
        Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            let consequence = format!("cannot tell whether the machine is large enough: {need}");
            let refusal = refuse(Code::NeedUnknown, consequence).read(reading.to_string());
            Judgement::Unknown(refusal.rule(demand.rule.clone()))
        }
    }
}

/// The processors of the vendor asked for that are divided no further than is admitted. Where the
/// ones that nobody can tell of would make up the number, nobody can tell.
fn usable(zone: &ZoneRule, wanted: u64, gpus: &Reading<Vec<GpuSummary>>) -> Reading<u64> {
    let vendor = zone.needs.gpu_vendor.as_ref().map(|demand| demand.wants);
    let sharing = zone.needs.gpu_sharing.as_ref().map(|demand| demand.wants);
    let Some(all) = gpus.value() else {
        return Reading {
            path: gpus.path.clone(),
            fact: gpus.fact.as_ref().map(|_| 0),
        };
    };
    let of_vendor = all
        .iter()
        .filter(|gpu| vendor.is_none_or(|vendor| vendor == gpu.vendor));
    let mut usable: u64 = 0;
    let mut unknown: u64 = 0;
    let mut first_unknown = None;
    for gpu in of_vendor {
        match gpu.division.value() {
            Some(division) => usable += u64::from(is_admitted(sharing, *division)),
            None => {
                unknown += 1;
                first_unknown = first_unknown.or(Some(&gpu.division));
            }
        }
    }
    match first_unknown {
        // What is not there does not tell either.
        Some(division) if usable < wanted && usable + unknown >= wanted => {
            let silent = || Fact::Unsupported("nothing tells how it is divided".to_owned());
            let fact = division.fact.as_ref().map(|_| 0);
            fact.or_else(silent).at(division.path.clone())
        }
        Some(_) | None => Fact::Value(usable).at(gpus.path.clone()),
    }
}

/// A virtual function is never the zone's own, and no policy can ask for one.
fn is_admitted(sharing: Option<GpuSharingDemand>, division: GpuDivision) -> bool {
    match (sharing, division) {
        (_, GpuDivision::VirtualFunction)
        | (Some(GpuSharingDemand::None), GpuDivision::Mig | GpuDivision::HandedOut)
        | (Some(GpuSharingDemand::Mig), GpuDivision::HandedOut) => false,
        (Some(_), GpuDivision::Whole)
        | (Some(GpuSharingDemand::Mig), GpuDivision::Mig)
        | (None, GpuDivision::Whole | GpuDivision::Mig | GpuDivision::HandedOut) => true,
    }
}
