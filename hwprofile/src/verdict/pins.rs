//! Whether a machine is the one that the policy pins: a quorum of independent families.
//!
//! Values are compared as tokens. A family counts when every value that is pinned in it was seen
//! inside the machine.

use crate::code::Code;
use crate::domain::Family;
use crate::evidence::{Evidence, Token};
use crate::identity::Reach;
use crate::policy::{NodeRule, Pin, Policy};
use crate::refusal::{Refusal, RuleRef};
use crate::verdict::{Judgement, refuse};

/// What the pins of a node found.
pub(super) struct PinVerdict {
    pub(super) judgement: Judgement,
    pub(super) matched: Vec<Family>,
}

/// What one family of pins found.
enum Standing {
    Matched,
    Differs,
    Unseen,
}

pub(super) fn judge(policy: &Policy, node: &NodeRule, evidence: &Evidence) -> PinVerdict {
    let mut matched = Vec::new();
    let mut differing = Vec::new();
    let mut unseen = Vec::new();
    for family in node.pins.families() {
        match standing(policy, node, (family, evidence)) {
            Standing::Matched => matched.push(family),
            Standing::Differs => differing.push(family),
            Standing::Unseen => unseen.push(family),
        }
    }
    let quorum = usize::from(node.quorum);
    if matched.len() >= quorum {
        return PinVerdict {
            judgement: Judgement::Holds,
            matched,
        };
    }
    let can_tell = matched.len() + unseen.len() < quorum;
    let code = if can_tell {
        Code::WrongMachine
    } else {
        Code::PinUnread
    };
    let verb = if can_tell {
        "is not the machine"
    } else {
        "cannot be told to be the machine"
    };
    let mut refusal =
        refuse(code, format!("this {verb} that is pinned as {}", node.name)).read(format!(
            "{} of {} families match, {quorum} must",
            matched.len(),
            total(node)
        ));
    for family in differing.iter().chain(&unseen) {
        refusal = told(refusal, node, (*family, evidence));
    }
    if let Some(other) = other_node(policy, node, evidence) {
        refusal = refusal.also(format!("the pins of {} match this machine", other.name));
    }
    let text = format!("[node.{}.pin], quorum = {quorum}", node.name);
    let rule = RuleRef {
        text,
        ..node.rule.clone()
    };
    let refusal = refusal.rule(rule);
    let judgement = if can_tell {
        Judgement::Fails(refusal)
    } else {
        Judgement::Unknown(refusal)
    };
    PinVerdict { judgement, matched }
}

fn total(node: &NodeRule) -> usize {
    node.pins.families().len()
}

fn of_family(node: &NodeRule, family: Family) -> impl Iterator<Item = &Pin> {
    node.pins
        .iter()
        .filter(move |pin| pin.kind.family() == family)
}

fn standing(policy: &Policy, node: &NodeRule, (family, evidence): (Family, &Evidence)) -> Standing {
    let seen = |pin: &Pin| {
        let token = Token::of(policy.site(), pin.kind, &pin.value);
        evidence
            .witnesses()
            .iter()
            .any(|witness| witness.token == token && witness.reach == Reach::Local)
    };
    let readable = |pin: &Pin| {
        evidence
            .witnesses()
            .iter()
            .any(|seen| seen.kind == pin.kind)
    };
    let mut pins = of_family(node, family).filter(|pin| !seen(pin)).peekable();
    if pins.peek().is_none() {
        Standing::Matched
    } else if pins.any(readable) {
        Standing::Differs
    } else {
        Standing::Unseen
    }
}

/// What was pinned and what was seen, masked.
fn told(refusal: Refusal, node: &NodeRule, (family, evidence): (Family, &Evidence)) -> Refusal {
    let pinned: Vec<String> = of_family(node, family)
        .map(|pin| format!("{} {}", pin.kind, pin.value.hint()))
        .collect();
    let mut refusal = refusal.read(format!("{family}: pinned {}", pinned.join(", ")));
    let kinds: Vec<_> = of_family(node, family).map(|pin| pin.kind).collect();
    for witness in evidence
        .witnesses()
        .iter()
        .filter(|seen| kinds.contains(&seen.kind))
        .take(8)
    {
        refusal = refusal.read(format!("{family}: {witness}"));
    }
    for unseen in evidence
        .unseen()
        .iter()
        .filter(|unseen| kinds.contains(&unseen.kind))
        .take(8)
    {
        refusal = refusal.read(format!("{family}: {}", unseen.reading));
    }
    refusal
}

/// Another node whose pins this machine meets: it was given the wrong name.
fn other_node<'p>(
    policy: &'p Policy,
    node: &NodeRule,
    evidence: &Evidence,
) -> Option<&'p NodeRule> {
    policy
        .nodes()
        .filter(|other| other.name != node.name)
        .find(|other| {
            let matched = other.pins.families().into_iter().filter(|family| {
                matches!(
                    standing(policy, other, (*family, evidence)),
                    Standing::Matched
                )
            });
            matched.count() >= usize::from(other.quorum)
        })
}
