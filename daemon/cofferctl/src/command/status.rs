//! `cofferctl status`: whether each zone of a rack serves, and why not.

use cofferdam_hwprofile::Refusal;
use cofferdam_node::{Exit, REFUSAL_FILE};
use http::Method;
use serde_json::{Value, json};

use crate::cli::RackArguments;
use crate::lab::file::LabZone;
use crate::reach::{self, Reach};
use crate::verdict::{Failure, Outcome, Verdict};

pub(crate) fn run(rack: &RackArguments) -> Outcome {
    let reach = Reach::open(&rack.directory)?;
    let runtime = reach::runtime()?;
    let mut lines = Vec::new();
    let mut values = Vec::new();
    let mut serving = 0;
    for zone in &reach.file().zones {
        let request = reach::request(Method::GET, "/v1/health", "")?;
        match runtime.block_on(reach.ask(&zone.kind, request)) {
            Ok(answer) if answer.status.is_success() => {
                serving += 1;
                let health: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
                lines.push(format!(
                    "{:<10} serving  {}  {}",
                    zone.name, zone.address, zone.node
                ));
                values.push(health);
            }
            Ok(answer) => note(zone, answer.failure(), &mut lines, &mut values),
            Err(failure) => note(zone, failure, &mut lines, &mut values),
        }
    }
    let all = reach.file().zones.len();
    let line = format!("{serving} of {all} zones serve ({})", reach.file().grade);
    let verdict = if serving == all {
        Verdict::yes(line)
    } else {
        Verdict::no(line, Exit::TryAgain)
    };
    Ok(verdict.body(lines.join("\n")).value(Value::from(values)))
}

/// A zone that does not serve: the refusal it left on disk says more than its silence.
fn note(zone: &LabZone, failure: Failure, lines: &mut Vec<String>, values: &mut Vec<Value>) {
    let left = std::fs::read(zone.state.join(REFUSAL_FILE))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .and_then(|value: Value| Refusal::from_json(&value));
    let refusal = left.or_else(|| failure.refusals.into_iter().next());
    let text = refusal
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    lines.push(format!(
        "{:<10} DOWN     {}  {}\n{text}",
        zone.name, zone.address, zone.node
    ));
    values.push(json!({
        "zone": zone.name,
        "status": "down",
        "refusal": refusal.as_ref().map(Refusal::to_json),
    }));
}
