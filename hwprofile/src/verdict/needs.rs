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
        let usable = usable(zone, &machine.gpus);
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

/// The processors of the vendor asked for that are divided no further than is admitted.
fn usable(zone: &ZoneRule, gpus: &Reading<Vec<GpuSummary>>) -> Reading<u64> {
    let vendor = zone.needs.gpu_vendor.as_ref().map(|demand| demand.wants);
    let sharing = zone.needs.gpu_sharing.as_ref().map(|demand| demand.wants);
    let is_usable = |gpu: &&GpuSummary| {
        let undivided = match (sharing, gpu.division) {
            (None, _)
            | (Some(_), GpuDivision::Whole)
            | (Some(GpuSharingDemand::Mig), GpuDivision::Mig) => true,
            (Some(GpuSharingDemand::None), GpuDivision::Mig)
            | (Some(_), GpuDivision::VirtualFunction) => false,
        };
        vendor.is_none_or(|vendor| vendor == gpu.vendor) && undivided
    };
    let fact = gpus
        .fact
        .as_ref()
        .map(|gpus| u64::try_from(gpus.iter().filter(is_usable).count()).unwrap_or(u64::MAX));
    fact.at(gpus.path.clone())
}
