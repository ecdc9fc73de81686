//! Why a request was refused, which flow would come nearest, and what to do about it. It explains
//! decisions and makes none.

use std::fmt::Write as _;

use cofferdam_hwprofile::{Refusal, RuleRef, ZoneName};

use super::{FlowDecision, FlowRule, FlowTable};
use crate::identity::shown;
use crate::spelling::distance;
use crate::{Code, Verb, constitution};

/// In which one thing a flow differs from a request, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// It is for other buckets.
    Bucket,
    /// It is for other verbs.
    Verb,
    /// It starts at another zone.
    From,
    /// It leads to another zone.
    To,
}

/// The flow that comes nearest to allowing a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The flow.
    pub rule: FlowRule,
    /// What would have to be different.
    pub difference: Difference,
}

impl FlowTable {
    /// The flow that would allow the request if one thing were different; none if there is no such
    /// flow.
    #[must_use]
    pub fn nearest(
        &self,
        from: &ZoneName,
        to: &ZoneName,
        verb: Verb,
        bucket: Option<&str>,
    ) -> Option<Nearest> {
        let candidates = self.rules.iter().filter_map(|rule| {
            let same_verb = rule.verbs.contains(verb);
            let difference = match (rule.from == *from, rule.to == *to, same_verb) {
                (true, true, true) => Difference::Bucket,
                (true, true, false) => Difference::Verb,
                (false, true, true) => Difference::From,
                (true, false, true) => Difference::To,
                (false, _, false) | (false, false, true) | (true, false, false) => return None,
            };
            let bucket = bucket.filter(|_| verb.takes_bucket());
            let steps = bucket.map_or(0, |name| steps_to(rule, name));
            Some(((difference, steps, rule.line), rule))
        });
        let ((difference, _, _), rule) = candidates.min_by_key(|(rank, _)| *rank)?;
        Some(Nearest {
            rule: rule.clone(),
            difference,
        })
    }

    /// Tells which flow decides, or why none does and which comes nearest. The first line is the
    /// verdict.
    #[must_use]
    pub fn explain(
        &self,
        from: &ZoneName,
        to: &ZoneName,
        verb: Verb,
        bucket: Option<&str>,
    ) -> String {
        let mut text = match self.decide(from, to, verb, bucket) {
            FlowDecision::Refuse(refusal) => return refusal.to_string(),
            FlowDecision::Allow(rule) => {
                let mut text = format!("allowed: {}", question(from, to, verb, bucket));
                push(&mut text, "rule", &rule.reference().to_string());
                push(&mut text, "why", &rule.why);
                text
            }
        };
        if let Some(limit) = self.max_connections(from, to) {
            push(
                &mut text,
                "limit",
                &format!("{limit} connections from {from} to {to}"),
            );
        }
        text
    }

    pub(super) fn refusal(
        &self,
        from: &ZoneName,
        to: &ZoneName,
        verb: Verb,
        bucket: Option<&str>,
    ) -> Refusal {
        let nearest = self.nearest(from, to, verb, bucket);
        let code = self.reason(from, to, verb, bucket);
        let entry = code.entry();
        let mut refusal = Refusal::new(
            code.as_str(),
            format!("{from} may not {verb} at {to}: {}", entry.title),
            self.remedy(code, (from, to, verb, bucket), nearest.as_ref()),
        )
        .read(format!("asked: {}", question(from, to, verb, bucket)))
        .rule(RuleRef::compiled(
            "default deny: what no flow allows is refused",
        ));
        if let Some(Nearest { rule, .. }) = &nearest {
            refusal = refusal.also(format!("nearest: {}", rule.reference()));
        }
        refusal
    }

    fn reason(&self, from: &ZoneName, to: &ZoneName, verb: Verb, bucket: Option<&str>) -> Code {
        if !self.knows(from) || !self.knows(to) {
            Code::ZoneUnknown
        } else if !self.connects(from, to) {
            Code::NoFlow
        } else if !self.reaches(from, to, verb) {
            Code::VerbNotGranted
        } else if bucket.is_none() {
            Code::BucketUnnamed
        } else {
            Code::BucketNotGranted
        }
    }

    /// What to do, which is nothing where the constitution stands in the way.
    fn remedy(
        &self,
        code: Code,
        (from, to, verb, bucket): (&ZoneName, &ZoneName, Verb, Option<&str>),
        nearest: Option<&Nearest>,
    ) -> String {
        let unknown = [from, to].into_iter().find(|zone| !self.knows(zone));
        if let Some(zone) = unknown {
            return format!(
                "the manifest has no zone {zone}; check that both sides run the same one"
            );
        }
        if let Some(asked) = self.zones.get(to)
            && let Some(rule) = constitution::forbids(self.zones.get(from).copied(), *asked, verb)
        {
            return format!(
                "none: no manifest can allow it ({rule}, {})",
                rule.entry().title
            );
        }
        if code == Code::BucketUnnamed {
            return Code::BucketUnnamed.entry().mend.to_owned();
        }
        let signed = "and have the operators sign the next epoch";
        match nearest {
            Some(Nearest {
                rule,
                difference: Difference::Verb,
            }) => {
                format!(
                    "if it is wanted, add \"{verb}\" at {}:{} with a why, {signed}",
                    rule.file, rule.line
                )
            }
            Some(Nearest {
                rule,
                difference: Difference::Bucket,
            }) => {
                let name = bucket.map(shown).unwrap_or_default();
                format!(
                    "check the bucket's name; if it is wanted, add {name:?} at {}:{}, {signed}",
                    rule.file, rule.line
                )
            }
            Some(Nearest {
                difference: Difference::From | Difference::To,
                ..
            })
            | None => {
                format!(
                    "if it is wanted, add to {} a flow from \"{from}\" to \"{to}\" with verbs \
                     [\"{verb}\"] and a why, {signed}",
                    self.file
                )
            }
        }
    }
}

/// How far the nearest pattern of the flow is from the bucket's name.
fn steps_to(rule: &FlowRule, bucket: &str) -> usize {
    let steps = rule.buckets.iter().map(|glob| {
        if glob.matches(bucket) {
            0
        } else {
            distance(glob.as_str(), bucket).max(1)
        }
    });
    steps.min().unwrap_or(usize::MAX)
}

fn question(from: &ZoneName, to: &ZoneName, verb: Verb, bucket: Option<&str>) -> String {
    let on = bucket
        .map(|name| format!(" on {:?}", shown(name)))
        .unwrap_or_default();
    format!("{from} -> {to}  {verb}{on}")
}

fn push(text: &mut String, label: &str, value: &str) {
    // Writing to a string cannot fail.
    write!(text, "\n  {label:<9} {value}").expect("a string takes every write");
}
