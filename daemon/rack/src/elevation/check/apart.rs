//! What the rules of separation say of a plan: K5 within an enclosure, K11 within a rack. The rules
//! are the policy's and the constitution's; none is made here.

use cofferdam_hwprofile::{Domain, Policy, Refusal, RuleRef, constitution};

use super::super::finding::{Ledger, Severity};
use super::super::{Device, Place, Rack, Tenant};
use crate::Code;

/// Two tenants, each with its place, and the rule that parts them.
struct Together<'e> {
    one: (&'e Tenant, Place<'e>),
    other: (&'e Tenant, Place<'e>),
    rule: RuleRef,
    why: String,
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
            if let Some((rule, why)) = kept_apart(policy, tenant, other, Domain::Chassis) {
                let together = Together {
                    one: (other, *beside),
                    other: (tenant, *place),
                    rule,
                    why,
                };
                note(ledger, Code::ZonesTogether, together);
            }
        }
    }
}

/// K11.
pub(super) fn note_rack_shared(ledger: &mut Ledger<'_, '_>, rack: &Rack, policy: &Policy) {
    let tenants: Vec<_> = rack.places().collect();
    for (at, (tenant, place)) in tenants.iter().enumerate() {
        for (other, beside) in tenants.iter().take(at) {
            // Within one enclosure K5 has told of it.
            if place.device_index == beside.device_index {
                continue;
            }
            if let Some((rule, why)) = kept_apart(policy, tenant, other, Domain::Rack) {
                let together = Together {
                    one: (other, *beside),
                    other: (tenant, *place),
                    rule,
                    why,
                };
                note(ledger, Code::RackShared, together);
            }
        }
    }
}

fn note(ledger: &mut Ledger<'_, '_>, code: Code, together: Together<'_>) {
    let Together {
        one: (one, beside),
        other: (tenant, place),
        rule,
        why,
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
        .rule(rule)
        .why(why);
    let spots = vec![beside.spot(), place.spot()];
    ledger.push((code, Severity::Fault), line, refusal, spots);
}

/// The rule that keeps the two zones from sharing `place`, with its reason.
fn kept_apart(policy: &Policy, a: &Tenant, b: &Tenant, place: Domain) -> Option<(RuleRef, String)> {
    if place == constitution::DOMAIN
        && let (Some(one), Some(other)) = (policy.zone(&a.zone), policy.zone(&b.zone))
        && constitution::covers(one, other)
    {
        return Some((constitution::rule(), constitution::WHY.to_owned()));
    }
    let rule = policy
        .separations()
        .iter()
        .find(|rule| rule.domain >= place && rule.covers(&a.zone, &b.zone))?;
    Some((rule.rule.clone(), rule.why.clone()))
}
