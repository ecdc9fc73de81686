//! The reports of the nodes: a directory with one NODE.json each. It reads them bounded and judges
//! nothing; a file that is no report is refused rather than passed over.

use std::collections::BTreeMap;
use std::path::Path;

use cofferdam_hwprofile::{NodeName, Policy, Refusal};
use cofferdam_node::Exit;
use cofferdam_rack::Code;
use cofferdam_rack::elevation::Report;
use serde_json::Value;

use super::super::document::{self, Behind, FACTS_LIMIT_BYTES};
use crate::verdict::Failure;

/// Reads every report of a directory.
///
/// # Errors
/// The directory, or the first file that is no report of a node of the policy.
pub(super) fn read(
    directory: &Path,
    policy: &Policy,
) -> Result<BTreeMap<NodeName, Report>, Failure> {
    let listed = std::fs::read_dir(directory).map_err(|error| refuse(directory, &error))?;
    let mut reports = BTreeMap::new();
    for entry in listed {
        let path = entry.map_err(|error| refuse(directory, &error))?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            return Err(refuse(&path, &"it is not named NODE.json"));
        }
        let name = path.file_stem().and_then(std::ffi::OsStr::to_str);
        let node = name
            .and_then(|name| name.parse::<NodeName>().ok())
            .filter(|node| policy.node(node).is_some())
            .ok_or_else(|| refuse(&path, &"it is named after no node of the policy"))?;
        reports.insert(node, one(&path)?);
    }
    Ok(reports)
}

/// Reads one JSON document, whole and bounded.
///
/// # Errors
/// A file that cannot be read, is too long, or holds none.
pub(super) fn one(path: &Path) -> Result<Report, Failure> {
    let text = document::read(path, Behind::File, FACTS_LIMIT_BYTES)
        .map_err(|error| refuse(path, &error))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| refuse(path, &error))?;
    Report::read(&path.display().to_string(), &value).map_err(|error| refuse(path, &error))
}

fn refuse(path: &Path, seen: &dyn std::fmt::Display) -> Failure {
    let entry = Code::ReportUnreadable.entry();
    let consequence = "a report cannot be read, so the plan is compared with nothing";
    let refusal = Refusal::new(entry.code, consequence, entry.mend);
    Failure::new(
        Exit::Data,
        refusal.read(format!("{}: {seen}", path.display())),
    )
}
