//! What one look at the machine means, against what it was when it began to serve.
//!
//! Judges by the policy alone, and by one rule of its own: where a platform forbids what is plugged
//! in, a device that was not there at the start is forbidden. A device that is gone is told from
//! hardware that is wrong by putting it back in thought: if the rest would pass, it is only gone.

use std::sync::Arc;

use serde_json::Value;

use super::device::{Device, DeviceKind, Difference, with_missing};
use super::refuse;
use crate::policy::{Policy, RemovableDemand, ZoneRule};
use crate::refusal::Refusal;
use crate::{Code, Evidence, Grade, Inventory, NodeName, NodeVerdict, judge_node};

/// The most changes that are told at once.
const CHANGES_LIMIT: usize = 16;
/// The longest value that is shown of a change, in characters.
const VALUE_LIMIT: usize = 120;

/// Whose rules decide, and for whom.
#[derive(Debug, Clone)]
pub struct Law {
    /// The policy of the rack.
    pub policy: Arc<Policy>,
    /// The node that is watched.
    pub node: NodeName,
}

/// What is remembered of a machine.
#[derive(Debug, Clone)]
pub struct Past {
    /// What it was when it began to serve.
    baseline: Inventory,
    /// What it showed last.
    last: Evidence,
    /// What differed from the baseline then.
    differed: Vec<String>,
    /// What had appeared since the baseline when the rules last held or would have held.
    admitted: Vec<Device>,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Every rule holds.
    Keeps {
        /// What is not as it was at the look before, in words.
        changes: Vec<String>,
    },
    /// Every rule would hold if these were there.
    Misses {
        /// What is gone.
        devices: Vec<Device>,
        /// What the rules say without them.
        refusals: Vec<Refusal>,
        /// What else is not as it was, in words.
        changes: Vec<String>,
    },
    /// A rule does not hold.
    Breaks {
        /// Every reason, never none.
        refusals: Vec<Refusal>,
        /// Whether a second look could find otherwise.
        certainty: Certainty,
    },
}

/// How sure a look is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Something was read that a rule forbids.
    Certain,
    /// Nothing forbidden was read, but something could not be read.
    Torn,
}

/// One look: what was found, and what it leaves for the next.
#[derive(Debug, Clone)]
pub struct Look {
    /// The hardware as it travels.
    pub evidence: Evidence,
    /// What it means.
    pub finding: Finding,
    /// What the next look is held against.
    pub past: Past,
}

impl Finding {
    /// A look that did not end.
    #[must_use]
    pub fn stuck() -> Self {
        let seconds = super::SCAN_LIMIT.as_secs();
        let refusal = refuse(
            Code::ReadStuck,
            "the hardware could not be read, so nothing can be said of it",
        );
        Self::Breaks {
            refusals: vec![
                refusal.read(format!("a look at the hardware did not end in {seconds} s")),
            ],
            certainty: Certainty::Certain,
        }
    }
}

impl Look {
    /// Judges what was read now. Without a `past`, this is the beginning; without a `law`, changes
    /// are told and nothing is refused.
    #[must_use]
    pub fn at(
        law: Option<&Law>,
        (site, grade): (&str, Grade),
        now: &Inventory,
        past: Option<Past>,
    ) -> Self {
        let evidence = Evidence::of(now, site, grade);
        let past = past.unwrap_or_else(|| Past {
            baseline: now.clone(),
            last: evidence.clone(),
            differed: Vec::new(),
            admitted: Vec::new(),
        });
        let difference = Difference::between(&past.baseline, now);
        let differed = differences(&difference);
        let changes = changes(&past, &evidence, &differed);
        let finding = match law {
            None => Finding::Keeps { changes },
            Some(law) => judge(law, (&past, now, &evidence), &difference, changes),
        };
        let past = Past {
            admitted: match &finding {
                Finding::Keeps { .. } | Finding::Misses { .. } => difference.appeared,
                Finding::Breaks { .. } => past.admitted,
            },
            baseline: past.baseline,
            last: evidence.clone(),
            differed,
        };
        Self {
            evidence,
            finding,
            past,
        }
    }
}

impl Past {
    /// The memory of a machine that begins to serve as `inventory` shows it.
    #[must_use]
    pub fn begin(inventory: Inventory, (site, grade): (&str, Grade)) -> Self {
        Self {
            last: Evidence::of(&inventory, site, grade),
            baseline: inventory,
            differed: Vec::new(),
            admitted: Vec::new(),
        }
    }
}

fn judge(
    law: &Law,
    (past, now, evidence): (&Past, &Inventory, &Evidence),
    difference: &Difference,
    changes: Vec<String>,
) -> Finding {
    let mut refusals = refusals_of(law, evidence);
    let plugged_in = plugged_in(law, difference);
    refusals.extend(plugged_in.iter().cloned());
    if refusals.is_empty() {
        return Finding::Keeps { changes };
    }
    let devices: Vec<Device> = difference
        .missing
        .iter()
        .filter(|device| device.kind() != DeviceKind::Pci)
        .cloned()
        .collect();
    // Grace is for what comes back. Where something else of its kind has come meanwhile, only the
    // keeper could say whose it is.
    let is_replaced = difference.appeared.iter().any(|new| {
        let is_admitted = past.admitted.iter().any(|known| known.is(new));
        !is_admitted && devices.iter().any(|gone| gone.kind() == new.kind())
    });
    let whole = with_missing(now, &past.baseline);
    let whole = Evidence::of(&whole, evidence.site(), evidence.grade());
    let mut remaining = refusals_of(law, &whole);
    remaining.extend(plugged_in);
    if remaining.is_empty() && !devices.is_empty() && !is_replaced {
        return Finding::Misses {
            devices,
            refusals,
            changes,
        };
    }
    // What is there in half may make the rest look too small or wrong: only what remains with it
    // put back is certain.
    let is_in_pieces = !remaining.is_empty() || !difference.uncertain.is_empty();
    let told = if is_in_pieces && !is_replaced {
        &remaining
    } else {
        &refusals
    };
    let certainty = if told.iter().all(|refusal| is_unknown(&refusal.code)) {
        Certainty::Torn
    } else {
        Certainty::Certain
    };
    Finding::Breaks {
        refusals,
        certainty,
    }
}

fn refusals_of(law: &Law, evidence: &Evidence) -> Vec<Refusal> {
    match judge_node(&law.policy, &law.node, evidence) {
        NodeVerdict::Match(_) => Vec::new(),
        NodeVerdict::Refuse(refusals) => refusals,
    }
}

/// What the platform says of devices that were not there at the start.
fn plugged_in(law: &Law, difference: &Difference) -> Vec<Refusal> {
    let zone = law
        .policy
        .node(&law.node)
        .and_then(|node| law.policy.zone(&node.zone));
    let Some(zone) = zone.filter(|zone| zone.platform.removable.wants == RemovableDemand::Forbid)
    else {
        return Vec::new();
    };
    let mut refusals = Vec::new();
    if !difference.appeared.is_empty() {
        let consequence = format!(
            "a device appeared on {} while it served, and zone {} admits none",
            law.node, zone.name
        );
        refusals.push(told(
            refuse(Code::Appeared, consequence),
            zone,
            &difference.appeared,
        ));
    }
    if !difference.uncertain.is_empty() || !difference.unlisted.is_empty() {
        let consequence = format!("cannot tell whether a device appeared on {}", law.node);
        let refusal = refuse(Code::AppearedUnknown, consequence);
        let refusal = told(refusal, zone, &difference.uncertain);
        refusals.push(
            difference
                .unlisted
                .iter()
                .cloned()
                .fold(refusal, Refusal::read),
        );
    }
    refusals
}

fn told(refusal: Refusal, zone: &ZoneRule, devices: &[Device]) -> Refusal {
    let lines = devices.iter().take(CHANGES_LIMIT).map(ToString::to_string);
    lines
        .fold(refusal, Refusal::read)
        .rule(zone.platform.removable.rule.clone())
}

/// The codes that say that nobody can tell.
fn is_unknown(code: &str) -> bool {
    [
        Code::VirtualUnknown,
        Code::ContainerUnknown,
        Code::SecureBootUnknown,
        Code::IommuUnknown,
        Code::LockdownUnknown,
        Code::TpmUnknown,
        Code::VulnerableUnknown,
        Code::RemovableUnknown,
        Code::AppearedUnknown,
        Code::NeedUnknown,
        Code::PinUnread,
    ]
    .iter()
    .any(|unknown| unknown.as_str() == code)
}

/// What differs from the beginning, in words.
fn differences(difference: &Difference) -> Vec<String> {
    let appeared = difference
        .appeared
        .iter()
        .map(|device| format!("appeared: {device}"));
    let missing = difference
        .missing
        .iter()
        .map(|device| format!("missing: {device}"));
    let half = difference.uncertain.iter();
    let half = half.map(|device| format!("read in half: {device}"));
    let unlisted = difference
        .unlisted
        .iter()
        .map(|what| format!("not listed: {what}"));
    let devices = appeared.chain(missing).chain(half);
    devices.chain(unlisted).collect()
}

/// What is not as it was at the look before, in words.
fn changes(past: &Past, evidence: &Evidence, differed: &[String]) -> Vec<String> {
    let new = differed
        .iter()
        .filter(|line| !past.differed.contains(line))
        .cloned();
    let over = past.differed.iter().filter(|line| !differed.contains(line));
    let over = over.map(|line| format!("no longer {line}"));
    let facts = changed_facts(&past.last, evidence);
    new.chain(over).chain(facts).take(CHANGES_LIMIT).collect()
}

/// The facts of the machine that read otherwise than before. What travels holds no serial number,
/// so it may be shown.
fn changed_facts(before: &Evidence, now: &Evidence) -> Vec<String> {
    if before == now {
        return Vec::new();
    }
    let (before, now) = (before.to_json(), now.to_json());
    let facts = |value: &Value| value.get("machine").and_then(Value::as_object).cloned();
    let (Some(before), Some(now)) = (facts(&before), facts(&now)) else {
        return Vec::new();
    };
    let changed = now
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(*value));
    changed
        .map(|(name, value)| {
            let old = before.get(name).unwrap_or(&Value::Null);
            format!("{name}: {} -> {}", short(old), short(value))
        })
        .collect()
}

fn short(value: &Value) -> String {
    let told = value.get("value").unwrap_or(value);
    told.to_string().chars().take(VALUE_LIMIT).collect()
}
