//! `cofferctl audit`: a trail, proved and read, with no daemon around.

use std::path::Path;

use cofferdam_hwprofile::Refusal;
use cofferdam_hwprofile::refusal::one_line;
use cofferdam_node::Exit;
use cofferdam_trail::note::VerifierKey;
use cofferdam_trail::verify::{self, Fault};
use serde_json::{Value, json};

use super::document::{self, Behind, WRITTEN_LIMIT_BYTES};
use crate::cli::AuditCommand;
use crate::verdict::{Failure, Outcome, Verdict};

pub(crate) fn run(command: AuditCommand) -> Outcome {
    match command {
        AuditCommand::Verify { directory, trust } => prove(&directory, &trust),
        AuditCommand::Show {
            directory,
            leaf,
            event,
        } => show(&directory, leaf, event.as_deref()),
    }
}

fn prove(directory: &Path, trust: &Path) -> Outcome {
    let keys = read_keys(trust)?;
    let verified = verify::verify_dir(directory, &keys).map_err(|fault| refused(&fault))?;
    let events: Vec<String> = verified
        .events
        .iter()
        .map(|(event, count)| format!("{count:>8}  {event}"))
        .collect();
    Ok(Verdict::yes(format!(
        "verified: {} leaves of {}, root {}",
        verified.size,
        verified.origin,
        verified.root.to_base64()
    ))
    .body(events.join("\n"))
    .value(json!({
        "origin": verified.origin,
        "size": verified.size,
        "root": verified.root.to_base64(),
        "events": verified.events.iter().map(|(event, count)| (event.clone(), *count))
            .collect::<std::collections::BTreeMap<_, _>>(),
    })))
}

fn show(directory: &Path, leaf: Option<u64>, event: Option<&str>) -> Outcome {
    let mut shown = Vec::new();
    for entry in verify::entries(directory).map_err(|fault| refused(&fault))? {
        let (index, text) = entry.map_err(|fault| refused(&fault))?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let is_event = event.is_none_or(|wanted| {
            value
                .pointer("/cofferdam/event")
                .is_some_and(|found| found == wanted)
        });
        if leaf.is_none_or(|wanted| wanted == index) && is_event {
            shown.push((index, text, value));
        }
    }
    let lines: Vec<String> = shown
        .iter()
        .map(|(index, text, _)| format!("{index:>8}  {}", one_line(text)))
        .collect();
    Ok(Verdict::yes(format!(
        "{} leaves of {} (not verified)",
        shown.len(),
        directory.display()
    ))
    .body(lines.join("\n"))
    .value(shown.into_iter().map(|(_, _, value)| value).collect()))
}

fn read_keys(path: &Path) -> Result<Vec<VerifierKey>, Failure> {
    let failed = |seen: String| {
        let refusal = Refusal::new(
            "CL-036",
            "the keys to trust cannot be used, so nothing is verified",
            "name a file with verifier keys, one a line: NAME+HASH+KEY; lab.json has them as trail-key",
        )
        .read(format!("{}: {seen}", path.display()));
        Failure::new(Exit::Config, refusal)
    };
    let text = document::read(path, Behind::FileOrPipe, WRITTEN_LIMIT_BYTES)
        .map_err(|error| failed(error.to_string()))?;
    let keys: Vec<VerifierKey> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.parse()
                .map_err(|error| failed(format!("{line}: {error}")))
        })
        .collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(failed("no key in it".to_owned()));
    }
    Ok(keys)
}

fn refused(fault: &Fault) -> Failure {
    Failure::new(Exit::Data, fault.refusal())
}
