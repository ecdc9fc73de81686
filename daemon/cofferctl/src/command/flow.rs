//! `cofferctl flow explain`: the rule that decides, and the nearest that would allow.

use std::path::Path;

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_rack::{Draft, FlowDecision, Manifest, Verb, ZoneName};
use serde_json::json;

use crate::cli::FlowCommand;
use crate::verdict::{Failure, Outcome, Verdict};

pub(crate) fn run(command: FlowCommand) -> Outcome {
    let FlowCommand::Explain {
        rack,
        from,
        to,
        verb,
        bucket,
    } = command;
    let manifest = read(&rack)?;
    let from: ZoneName = word(&from)?;
    let to: ZoneName = word(&to)?;
    let verb: Verb = word(&verb)?;
    let bucket = bucket.as_deref();
    let text = manifest.flows.explain(&from, &to, verb, bucket);
    match manifest.flows.decide(&from, &to, verb, bucket) {
        FlowDecision::Allow(rule) => {
            Ok(Verdict::yes(format!("allowed: {from} may {verb} at {to}"))
                .body(text)
                .value(json!({ "allowed": true, "line": rule.line })))
        }
        FlowDecision::Refuse(refusal) => Err(Failure::new(Exit::Policy, refusal)),
    }
}

fn read(directory: &Path) -> Result<Draft, Failure> {
    Manifest::check(directory).map_err(|faults| Failure::all(Exit::Config, faults.into_refusals()))
}

fn word<T>(text: &str) -> Result<T, Failure>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| {
        let refusal = Refusal::new(
            "CL-035",
            "a word of the question is not one, so nothing is explained",
            "zones are named in hwprofile.toml and flows.toml; verbs in the manual",
        )
        .read(format!("{text}: {error}"));
        Failure::new(Exit::Usage, refusal)
    })
}
