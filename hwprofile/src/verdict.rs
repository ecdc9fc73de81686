//! Policy and evidence in, verdict out.
//!
//! Decides and must never read: everything comes in as values, and the same values give the same
//! verdict. What is not proven refuses.

mod needs;
mod pair;
mod pins;
mod platform;
mod sharing;

use crate::code::Code;
use crate::domain::{Device, Domain, Family};
use crate::evidence::Evidence;
use crate::grade::Grade;
use crate::policy::{Mode, NodeRule, Policy, ZoneRule};
use crate::refusal::{Refusal, RuleRef};
use crate::{NodeName, ZoneName};

pub use pair::{judge_pair, report_pair};

/// What a node that matches has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The node.
    pub node: NodeName,
    /// The zone that it may run.
    pub zone: ZoneName,
    /// Whether simulated evidence was admitted; to be said on everything that follows.
    pub mode: Mode,
    /// How much the evidence is worth.
    pub grade: Grade,
    /// The families of pins that matched.
    pub families: Vec<Family>,
    /// The digest of the evidence that was judged, for the record.
    pub evidence: [u8; 32],
}

/// The verdict over one node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum NodeVerdict {
    /// The evidence satisfies everything that the policy asks of the node.
    Match(Met),
    /// It does not; every reason, never none.
    Refuse(Vec<Refusal>),
}

/// What one requirement found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Judgement {
    /// It holds.
    Holds,
    /// It does not.
    Fails(Refusal),
    /// Nobody can tell. This refuses too.
    Unknown(Refusal),
}

impl Judgement {
    /// The refusal, if it is not met.
    #[must_use]
    pub fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Holds => None,
            Self::Fails(refusal) | Self::Unknown(refusal) => Some(refusal),
        }
    }
}

/// The verdict over two nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum PairVerdict {
    /// Nothing that a rule forbids is shared, and every rule that insists on proof has it.
    Separate,
    /// Something that a rule forbids is shared.
    Shared(Refusal),
    /// Nothing shows that it is shared, and too little shows that it is not. This refuses too.
    Unproven(Refusal),
}

/// What a finding speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// A domain.
    Domain(Domain),
    /// A device that is never shared.
    Device(Device),
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Domain(domain) => domain.as_str(),
            Self::Device(device) => device.as_str(),
        }
    }
}

/// What one rule found in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleRef,
    /// What it was judged for.
    pub scope: Scope,
    /// What was found.
    pub verdict: PairVerdict,
}

/// Everything that was judged between two nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairReport {
    /// The verdict.
    pub verdict: PairVerdict,
    /// What each rule found in each scope, the widest rule first.
    pub findings: Vec<Finding>,
    /// What is not proven and only warned about, because the policy says so.
    pub warnings: Vec<Refusal>,
}

/// Judges one node by everything that the policy asks of it.
pub fn judge_node(policy: &Policy, node: &NodeName, evidence: &Evidence) -> NodeVerdict {
    let Some((rule, zone)) = listed(policy, node) else {
        return NodeVerdict::Refuse(vec![unknown_node(policy, node)]);
    };
    let mut refusals = Vec::new();
    refusals.extend(admissible(policy, node, evidence));
    let pins = pins::judge(policy, rule, evidence);
    refusals.extend(pins.judgement.refusal());
    refusals.extend(platform::judge(zone, evidence).filter_map(Judgement::refusal));
    refusals.extend(needs::judge(zone, evidence).filter_map(Judgement::refusal));
    if refusals.is_empty() {
        NodeVerdict::Match(Met {
            node: node.clone(),
            zone: zone.name.clone(),
            mode: policy.mode(),
            grade: evidence.grade(),
            families: pins.matched,
            evidence: evidence.digest(),
        })
    } else {
        NodeVerdict::Refuse(refusals)
    }
}

/// A node and its zone. A policy that was parsed has a zone for every node.
fn listed<'p>(policy: &'p Policy, node: &NodeName) -> Option<(&'p NodeRule, &'p ZoneRule)> {
    let rule = policy.node(node)?;
    Some((rule, policy.zone(&rule.zone)?))
}

fn unknown_node(policy: &Policy, node: &NodeName) -> Refusal {
    let names: Vec<&str> = policy.nodes().map(|node| node.name.as_str()).collect();
    refuse(
        Code::UnknownNode,
        format!("the policy does not list the node {node}"),
    )
    .read(format!("{} lists {}", policy.file(), names.join(", ")))
}

/// Whether this evidence may be judged by this policy at all.
fn admissible(policy: &Policy, node: &NodeName, evidence: &Evidence) -> Option<Refusal> {
    if evidence.site() != policy.site() {
        let consequence = format!("the evidence of {node} is of another site");
        return Some(
            refuse(Code::OtherSite, consequence)
                .read(format!("evidence of site {:?}", evidence.site()))
                .read(format!("{} is of site {:?}", policy.file(), policy.site())),
        );
    }
    if evidence.grade() == Grade::E0Simulated && !policy.is_lab() {
        let consequence = format!("the evidence of {node} is simulated, and this is production");
        return Some(
            refuse(Code::Simulated, consequence)
                .read(format!("grade of the evidence = {}", evidence.grade()))
                .also(format!("{} does not say lab = true", policy.file())),
        );
    }
    None
}

/// A refusal with the remedy of its code.
fn refuse(code: Code, consequence: impl Into<String>) -> Refusal {
    Refusal::new(code.as_str(), consequence, code.entry().mend)
}
