//! What the rules of separation say of a plan: K5 within an enclosure, K11 within a rack. The rules
//! are the policy's and the constitution's; none is made here.

use std::collections::BTreeMap;

use cofferdam_hwprofile::policy::{Apart, Ruling};
use cofferdam_hwprofile::{Domain, Policy, Refusal, Scope, ZoneName};

use super::super::finding::{Ledger, Severity};
use super::super::{Device, Place, Rack, Tenant};
use crate::Code;

/// Two tenants, each with its place, and the rule that parts them.
struct Together<'e> {
    one: (&'e Tenant, Place<'e>),
    other: (&'e Tenant, Place<'e>),
    apart: Apart,
}

/// What the policy says of the zones that meet in one rack, each pair asked once: nodes are many,
/// zones are few.
struct Rulings<'e> {
    /// The place of each zone in the rows and columns.
    zones: BTreeMap<&'e ZoneName, usize>,
    rows: Vec<Vec<Option<Apart>>>,
}

/// K5.
pub(super) fn note_enclosure(
    ledger: &mut Ledger<'_, '_>,
    rack: &Rack,
    (index, device): (usize, &Device),
    policy: &Policy,
) {
    let tenants: Vec<_> = device.places(rack, index).collect();
    for (at, (tenant, place)) in tenants.iter().enumerate() {
        for (other, beside) in tenants.iter().take(at) {
            let Some(apart) = kept_apart(policy, &tenant.zone, &other.zone, Domain::Chassis) else {
                continue;
            };
            if ledger.passes_over(Severity::Fault, place.line()) {
                continue;
            }
            let together = Together {
                one: (other, *beside),
                other: (tenant, *place),
                apart,
            };
            note(ledger, Code::ZonesTogether, together);
        }
    }
}

/// K11.
pub(super) fn note_rack_shared(ledger: &mut Ledger<'_, '_>, rack: &Rack, policy: &Policy) {
    let rulings = Rulings::of(rack, policy);
    if rulings.all_may_share() {
        return;
    }
    let tenants: Vec<_> = rack
        .places()
        .map(|(tenant, place)| (rulings.zones.get(&tenant.zone).copied(), tenant, place))
        .collect();
    for (at, (zone, tenant, place)) in tenants.iter().enumerate() {
        for (other_zone, other, beside) in tenants.iter().take(at) {
            // Within one enclosure K5 has told of it.
            if place.device_index == beside.device_index {
                continue;
            }
            let Some(apart) = rulings.apart(*zone, *other_zone) else {
                continue;
            };
            if ledger.passes_over(Severity::Fault, place.line()) {
                continue;
            }
            let together = Together {
                one: (other, *beside),
                other: (tenant, *place),
                apart: apart.clone(),
            };
            note(ledger, Code::RackShared, together);
        }
    }
}

impl<'e> Rulings<'e> {
    fn of(rack: &'e Rack, policy: &Policy) -> Self {
        let mut zones: BTreeMap<&ZoneName, usize> = BTreeMap::new();
        for (tenant, _) in rack.places() {
            let next = zones.len();
            zones.entry(&tenant.zone).or_insert(next);
        }
        let mut names: Vec<(&ZoneName, usize)> =
            zones.iter().map(|(zone, place)| (*zone, *place)).collect();
        names.sort_by_key(|(_, place)| *place);
        let rows = names.iter().map(|(one, _)| {
            let row = names.iter();
            row.map(|(other, _)| kept_apart(policy, one, other, Domain::Rack))
                .collect()
        });
        let rows = rows.collect();
        Self { zones, rows }
    }

    fn all_may_share(&self) -> bool {
        self.rows.iter().flatten().all(Option::is_none)
    }

    fn apart(&self, one: Option<usize>, other: Option<usize>) -> Option<&Apart> {
        self.rows.get(one?)?.get(other?)?.as_ref()
    }
}

fn note(ledger: &mut Ledger<'_, '_>, code: Code, together: Together<'_>) {
    let Together {
        one: (one, beside),
        other: (tenant, place),
        apart,
    } = together;
    let consequence = format!(
        "zones {} and {} must not share this place",
        tenant.zone, one.zone
    );
    let line = place.line();
    let refusal = Refusal::new(code.as_str(), consequence, code.entry().mend)
        .read(format!(
            "{}:{line}  {} at {place}",
            ledger.file(),
            tenant.node
        ))
        .read(format!(
            "{}:{}  {} at {beside}",
            ledger.file(),
            beside.line(),
            one.node
        ))
        .rule(apart.rule)
        .why(apart.why);
    let spots = vec![beside.spot(), place.spot()];
    ledger.push((code, Severity::Fault), line, refusal, spots);
}

/// What keeps the two zones from sharing `place`: what the verdict over their hardware would say
/// too. Of a zone that the policy does not know K6 tells.
fn kept_apart(policy: &Policy, a: &ZoneName, b: &ZoneName, place: Domain) -> Option<Apart> {
    let (one, other) = (policy.zone(a)?, policy.zone(b)?);
    match policy.ruling(one, other, Scope::Domain(place)) {
        Ruling::Apart(apart) => Some(apart),
        Ruling::MayShare => None,
    }
}
