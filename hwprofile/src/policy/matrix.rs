//! The verdict of the policy for every pair of zones in every scope: which rule forbids sharing, or
//! that sharing is allowed.
//!
//! It says what would be judged and judges nothing; a test holds it equal to what the judge does.

use crate::ZoneName;
use crate::constitution;
use crate::domain::{Device, Domain};
use crate::policy::{OnUnproven, Policy, ZoneRule};
use crate::refusal::RuleRef;
use crate::verdict::Scope;

/// Everything that two zones can share, from the narrowest to the widest, then the devices.
pub const SCOPES: [Scope; 7] = [
    Scope::Domain(Domain::Host),
    Scope::Domain(Domain::Board),
    Scope::Domain(Domain::Chassis),
    Scope::Domain(Domain::Rack),
    Scope::Device(Device::Disk),
    Scope::Device(Device::Nic),
    Scope::Device(Device::Gpu),
];

/// What the policy says of one pair in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// A rule forbids sharing it.
    Apart(Apart),
    /// No rule speaks about it.
    MayShare,
}

/// The rule that forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// The rule: of the file, or the constitution.
    pub rule: RuleRef,
    /// Its reason.
    pub why: String,
    /// What happens when separation is not proven, by the strictest of all rules that reach here.
    pub on_unproven: OnUnproven,
}

/// One pair of zones, with its ruling in each scope, in the order of [`SCOPES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRuling {
    /// The zone whose name comes first.
    pub a: ZoneName,
    /// The other.
    pub b: ZoneName,
    /// The rulings.
    pub rulings: Vec<(Scope, Ruling)>,
}

impl Policy {
    /// The ruling for every pair of zones in every scope, in the order of their names. Two nodes of
    /// one zone hold the same data and have no rule between them.
    #[must_use]
    pub fn matrix(&self) -> Vec<PairRuling> {
        let zones: Vec<&ZoneRule> = self.zones().collect();
        let after = |index: usize| zones.iter().skip(index.saturating_add(1)).copied();
        zones
            .iter()
            .enumerate()
            .flat_map(|(index, a)| after(index).map(move |b| (*a, b)))
            .map(|(a, b)| PairRuling {
                a: a.name.clone(),
                b: b.name.clone(),
                rulings: SCOPES
                    .iter()
                    .map(|scope| (*scope, self.ruling(a, b, *scope)))
                    .collect(),
            })
            .collect()
    }

    /// What the policy says of two zones in one scope: the widest rule that speaks, and of equally
    /// wide ones that of the file, which has a reason of its own.
    #[must_use]
    pub fn ruling(&self, a: &ZoneRule, b: &ZoneRule, scope: Scope) -> Ruling {
        let reaches = |domain: Domain| match scope {
            Scope::Domain(asked) => asked <= domain,
            // A device is never shared between zones that any rule parts.
            Scope::Device(_) => true,
        };
        let mut speaking: Vec<(Domain, Apart)> = self
            .separations()
            .iter()
            .filter(|rule| rule.covers(&a.name, &b.name) && reaches(rule.domain))
            .map(|rule| {
                let apart = Apart {
                    rule: rule.rule.clone(),
                    why: rule.why.clone(),
                    on_unproven: rule.on_unproven,
                };
                (rule.domain, apart)
            })
            .collect();
        if constitution::covers(a, b) && reaches(constitution::DOMAIN) {
            let apart = Apart {
                rule: constitution::rule(),
                why: constitution::WHY.to_owned(),
                on_unproven: constitution::ON_UNPROVEN,
            };
            speaking.push((constitution::DOMAIN, apart));
        }
        // The widest rule is cited; every one of them is weighed, so a narrow one that insists on
        // proof is not made milder by a wide one that does not.
        speaking.sort_by_key(|(domain, _)| std::cmp::Reverse(*domain));
        let insists = speaking
            .iter()
            .any(|(_, apart)| apart.on_unproven == OnUnproven::Refuse);
        match speaking.into_iter().next() {
            Some((_, apart)) if insists => Ruling::Apart(Apart {
                on_unproven: OnUnproven::Refuse,
                ..apart
            }),
            Some((_, apart)) => Ruling::Apart(apart),
            None => Ruling::MayShare,
        }
    }
}
