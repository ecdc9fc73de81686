//! Two nodes, judged by every rule between their zones and by the constitution.
//!
//! What is shared comes before what is unproven, and the widest rule speaks first.

use crate::NodeName;
use crate::code::Code;
use crate::constitution;
use crate::domain::{Device, Domain};
use crate::evidence::Evidence;
use crate::policy::{OnUnproven, Policy};
use crate::refusal::{Refusal, RuleRef};
use crate::verdict::sharing::{self, Grounds, Sharing, Side};
use crate::verdict::{
    Finding, PairReport, PairVerdict, Scope, admissible, listed, refuse, unknown_node,
};

/// A rule that speaks about the pair.
struct Speaking<'a> {
    rule: RuleRef,
    why: &'a str,
    domain: Domain,
    on_unproven: OnUnproven,
}

/// Judges two nodes by every rule between their zones and by the constitution. Nodes of one zone
/// have no rule between them.
pub fn judge_pair(
    policy: &Policy,
    a: (&NodeName, &Evidence),
    b: (&NodeName, &Evidence),
) -> PairVerdict {
    report_pair(policy, a, b).verdict
}

/// The same, with what each rule found.
#[must_use]
pub fn report_pair(
    policy: &Policy,
    a: (&NodeName, &Evidence),
    b: (&NodeName, &Evidence),
) -> PairReport {
    let sides = side(policy, a).and_then(|a| Ok((a, side(policy, b)?)));
    let (a, b) = match sides {
        Ok(sides) => sides,
        Err(refusal) => {
            let verdict = PairVerdict::Unproven(*refusal);
            return PairReport {
                verdict,
                findings: Vec::new(),
                warnings: Vec::new(),
            };
        }
    };
    let mut report = PairReport {
        verdict: PairVerdict::Separate,
        findings: Vec::new(),
        warnings: Vec::new(),
    };
    for rule in &speaking(policy, a, b) {
        judge_rule(policy, rule, (a, b), &mut report);
    }
    report
}

fn side<'a>(
    policy: &'a Policy,
    (node, evidence): (&NodeName, &'a Evidence),
) -> Result<Side<'a>, Box<Refusal>> {
    let (rule, zone) = listed(policy, node).ok_or_else(|| Box::new(unknown_node(policy, node)))?;
    match admissible(policy, node, evidence) {
        Some(refusal) => Err(Box::new(refusal)),
        None => Ok(Side {
            node: rule,
            zone,
            evidence,
        }),
    }
}

/// The rules that speak about the pair, the widest first. The constitution stands behind the rules
/// of its width, so that a rule of the file with a line and a reason of its own is cited before it.
fn speaking<'a>(policy: &'a Policy, a: Side<'a>, b: Side<'a>) -> Vec<Speaking<'a>> {
    let mut rules: Vec<Speaking<'a>> = policy
        .separations()
        .iter()
        .filter(|rule| rule.covers(&a.zone.name, &b.zone.name))
        .map(|rule| Speaking {
            rule: rule.rule.clone(),
            why: &rule.why,
            domain: rule.domain,
            on_unproven: rule.on_unproven,
        })
        .collect();
    if constitution::covers(a.zone, b.zone) {
        rules.push(Speaking {
            rule: constitution::rule(),
            why: constitution::WHY,
            domain: constitution::DOMAIN,
            on_unproven: constitution::ON_UNPROVEN,
        });
    }
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.domain));
    rules
}

fn judge_rule(
    policy: &Policy,
    rule: &Speaking<'_>,
    (a, b): (Side<'_>, Side<'_>),
    report: &mut PairReport,
) {
    let domains = rule.domain.covered().map(Scope::Domain);
    let devices = Device::ALL.iter().copied().map(Scope::Device);
    for scope in domains.chain(devices) {
        let verdict = match sharing::judge(policy, scope, a, b) {
            Sharing::Separate => PairVerdict::Separate,
            Sharing::Shared(grounds) => {
                PairVerdict::Shared(refusal(rule, shared(scope, a, b), grounds))
            }
            Sharing::Unproven(grounds) => {
                PairVerdict::Unproven(refusal(rule, unproven(scope, a, b), grounds))
            }
        };
        weigh(rule, &verdict, report);
        report.findings.push(Finding {
            rule: rule.rule.clone(),
            scope,
            verdict,
        });
    }
}

/// Takes a finding into the verdict: what is shared outweighs what is unproven, and the first of
/// each is told.
fn weigh(rule: &Speaking<'_>, found: &PairVerdict, report: &mut PairReport) {
    match (found, &report.verdict) {
        (PairVerdict::Unproven(refusal), _) if rule.on_unproven == OnUnproven::Warn => {
            report.warnings.push(refusal.clone());
        }
        (PairVerdict::Shared(_), PairVerdict::Separate | PairVerdict::Unproven(_))
        | (PairVerdict::Unproven(_), PairVerdict::Separate) => report.verdict = found.clone(),
        (PairVerdict::Separate, _)
        | (PairVerdict::Shared(_), PairVerdict::Shared(_))
        | (PairVerdict::Unproven(_), PairVerdict::Shared(_) | PairVerdict::Unproven(_)) => {}
    }
}

fn shared(scope: Scope, a: Side<'_>, b: Side<'_>) -> Refusal {
    let (code, what) = match scope {
        Scope::Domain(Domain::Host) => (Code::SharedHost, "host"),
        Scope::Domain(Domain::Board) => (Code::SharedBoard, "board"),
        Scope::Domain(Domain::Chassis) => (Code::SharedChassis, "chassis"),
        Scope::Domain(Domain::Rack) => (Code::SharedRack, "rack"),
        Scope::Device(Device::Disk) => (Code::SharedDisk, "drive"),
        Scope::Device(Device::Nic) => (Code::SharedNic, "network adapter"),
        Scope::Device(Device::Gpu) => (Code::SharedGpu, "graphics processor"),
    };
    let consequence = format!(
        "{} (zone {}) shares a {what} with {} (zone {})",
        b.node.name, b.zone.name, a.node.name, a.zone.name
    );
    refuse(code, consequence)
}

fn unproven(scope: Scope, a: Side<'_>, b: Side<'_>) -> Refusal {
    let consequence = format!(
        "separation of {} (zone {}) from {} (zone {}) at {} is unproven",
        b.node.name,
        b.zone.name,
        a.node.name,
        a.zone.name,
        scope.as_str()
    );
    refuse(Code::Unproven, consequence)
}

fn refusal(rule: &Speaking<'_>, refusal: Refusal, grounds: Grounds) -> Refusal {
    let refusal = grounds.read.into_iter().fold(refusal, Refusal::read);
    let refusal = grounds.also.into_iter().fold(refusal, Refusal::also);
    refusal.rule(rule.rule.clone()).why(rule.why)
}
