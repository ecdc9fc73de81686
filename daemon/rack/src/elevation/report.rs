//! Plan against report (K12): what a machine's own firmware says of its height, its bay, its model
//! and its supplies, beside what the plan says.
//!
//! Firmware is silent on half of all servers and stale on some, so a difference warns and shows
//! both values. What it leaves open must never be told as agreement.

use std::collections::BTreeMap;

use cofferdam_hwprofile::evidence::EVIDENCE_VERSION;
use cofferdam_hwprofile::inventory::INVENTORY_VERSION;
use cofferdam_hwprofile::refusal::one_line;
use cofferdam_hwprofile::{NodeName, Refusal};
use serde_json::Value;

use super::finding::{Finding, Severity};
use super::{Elevation, Place};
use crate::Code;
use crate::identity::shown;

/// Names that a rack locator carries when nobody set them.
const UNNAMED: &[&str] = &[
    "unnamedrack",
    "unknown",
    "default",
    "none",
    "n/a",
    "not set",
];
/// The most records of one kind that a report may list.
const RECORDS_LIMIT: usize = 64;

/// Something that a report says, and the path it was read from on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// The path.
    pub path: String,
}

/// Where the firmware believes the machine to stand (SMBIOS type 204).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locator {
    /// The rack's name.
    pub rack: Option<String>,
    /// The enclosure's name.
    pub enclosure: Option<String>,
    /// The bay.
    pub bay: Option<String>,
}

/// What one machine reports of itself, as far as the plan speaks about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The name under which the report is cited.
    pub file: String,
    /// The product's name.
    pub model: Option<Said<String>>,
    /// The height of the enclosure, in units.
    pub height: Option<Said<u64>>,
    /// Where it believes to stand.
    pub locator: Option<Said<Locator>>,
    /// How many power supplies are fitted.
    pub supplies: Option<Said<u64>>,
}

/// Why a report could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read the report: it is neither an inventory nor evidence of a known version")]
pub struct ReportError;

impl Report {
    /// Takes from an inventory or from evidence what the plan can be compared with; `file` is the
    /// name under which it is cited. The output of `cofferctl hw facts --json` may come as it is.
    ///
    /// # Errors
    /// If it is neither of the two, in a version that is known.
    pub fn read(file: &str, value: &Value) -> Result<Self, ReportError> {
        let value = value.get("result").unwrap_or(value);
        let version = value.get("version").and_then(Value::as_u64);
        let forms = [("dmi", INVENTORY_VERSION), ("machine", EVIDENCE_VERSION)];
        let mut forms = forms.into_iter();
        let facts = forms.find_map(|(part, known)| {
            let facts = value.get(part)?;
            (version == Some(known)).then_some(facts)
        });
        let facts = facts.ok_or(ReportError)?;
        Ok(Self {
            file: one_line(file),
            model: facts.get("product_name").and_then(text),
            height: facts.get("enclosures").and_then(height),
            locator: facts.get("rack_locators").and_then(locator),
            supplies: facts.get("power_supplies").and_then(supplies),
        })
    }
}

/// A fact that has a value, with its path.
fn fact(reading: &Value) -> Option<(&Value, String)> {
    let is_value = reading.get("state").and_then(Value::as_str) == Some("value");
    is_value.then_some((reading.get("value")?, path(reading)?))
}

/// The path of a fact. It is the machine's own word, so it is kept on its line and cut.
fn path(reading: &Value) -> Option<String> {
    let path = reading.get("path").and_then(Value::as_str)?;
    Some(one_line(&shown(path)))
}

fn text(reading: &Value) -> Option<Said<String>> {
    let (value, path) = fact(reading)?;
    let value = spoken(value)?;
    Some(Said { value, path })
}

/// A text that says something.
fn spoken(value: &Value) -> Option<String> {
    let text = value.as_str()?.split_whitespace().collect::<Vec<_>>();
    let text = text.join(" ");
    (!text.is_empty()).then_some(text)
}

/// The records of a list, whose fields are facts of their own.
fn records(reading: &Value) -> Option<Vec<Value>> {
    let (value, _) = fact(reading)?;
    let records = value.as_array()?;
    (records.len() <= RECORDS_LIMIT).then(|| records.clone())
}

/// The height of the first enclosure that says one.
fn height(reading: &Value) -> Option<Said<u64>> {
    records(reading)?.iter().find_map(|enclosure| {
        let (value, path) = fact(enclosure.get("height_units")?)?;
        let value = value.as_u64().filter(|units| *units > 0)?;
        Some(Said { value, path })
    })
}

/// The first rack locator that says anything.
fn locator(reading: &Value) -> Option<Said<Locator>> {
    records(reading)?.iter().find_map(|record| {
        let part = |key: &str| {
            let said = record.get(key).and_then(text)?;
            let named = !UNNAMED.contains(&said.value.to_ascii_lowercase().as_str());
            named.then_some(said)
        };
        // An enclosure that nobody named carries its serial number as its name.
        let serial = part("serial").map(|said| said.value);
        let enclosure = part("enclosure").filter(|said| Some(&said.value) != serial.as_ref());
        let parts = [part("rack"), enclosure, part("bay")];
        let path = parts.iter().flatten().next()?.path.clone();
        let [rack, enclosure, bay] = parts.map(|part| part.map(|said| said.value));
        let value = Locator {
            rack,
            enclosure,
            bay,
        };
        Some(Said { value, path })
    })
}

fn supplies(reading: &Value) -> Option<Said<u64>> {
    let path = path(reading)?;
    let fitted = records(reading)?
        .iter()
        .filter(|supply| {
            let present = supply.get("present").and_then(fact);
            present.and_then(|(value, _)| value.as_bool()) != Some(false)
        })
        .count();
    let value = u64::try_from(fitted).ok()?;
    // A table without a single supply says nothing: the machine runs on something.
    (value > 0).then_some(Said { value, path })
}

/// Every difference, and every node without a report.
pub(super) fn compare(plan: &Elevation, reports: &BTreeMap<NodeName, Report>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (tenant, place) in plan.places() {
        let Some(report) = reports.get(&tenant.node) else {
            let seen = format!("{} at {place}: no report", tenant.node);
            findings.push(warning(plan, Code::ReportMissing, place, vec![seen]));
            continue;
        };
        let compared = compared(place, report);
        if compared.is_empty() {
            let seen = format!(
                "{} at {place}: {} says nothing that can be compared",
                tenant.node, report.file
            );
            findings.push(warning(plan, Code::ReportMissing, place, vec![seen]));
        }
        for (planned, said) in compared.into_iter().flatten() {
            let lines = vec![
                format!("{} at {place}: the plan says {planned}", tenant.node),
                format!("{}: the machine says {said}", report.file),
            ];
            findings.push(warning(plan, Code::ReportDiffers, place, lines));
        }
    }
    findings
}

fn warning(plan: &Elevation, code: Code, place: Place<'_>, seen: Vec<String>) -> Finding {
    let consequence = if code == Code::ReportMissing {
        "the plan rests on its word alone"
    } else {
        "the plan may show a place where the machine is not"
    };
    let mut refusal = Refusal::new(code.as_str(), consequence, code.entry().mend);
    for (index, line) in seen.into_iter().enumerate() {
        let line = if index == 0 {
            format!("{}:{}  {line}", plan.file(), place.line())
        } else {
            line
        };
        refusal = refusal.read(line);
    }
    Finding {
        code,
        severity: Severity::Warning,
        spots: vec![place.spot()],
        line: place.line(),
        refusal,
    }
}

/// Everything that both speak of: none where they agree, both values in words where they differ.
fn compared(place: Place<'_>, report: &Report) -> Vec<Option<(String, String)>> {
    let Place { device, bay, .. } = place;
    let model = match bay {
        Some((_, bay)) => bay.model.as_ref(),
        None => device.model.as_ref(),
    };
    let model = pair(model.cloned(), report.model.as_ref(), |a, b| {
        folded(a) == folded(b)
    });
    let model = model.map(|differing| {
        differing.map(|(plan, said)| {
            let said = format!("{} = {:?}", said.path, shown(&said.value));
            (format!("model = {plan:?}"), said)
        })
    });
    // A sled may report its own height or that of its enclosure: only a device of its own is held
    // to it.
    let planned = bay.is_none().then_some(u64::from(device.u_height));
    let height = pair(planned, report.height.as_ref(), |a, b| a == b);
    let height = height.map(|differing| {
        differing.map(|(plan, said)| {
            let said = format!("{} = {} units", said.path, said.value);
            (format!("u_height = {plan}"), said)
        })
    });
    let planned = u64::try_from(device.power.len()).ok();
    let planned = planned.filter(|count| *count > 0);
    let supplies = pair(planned, report.supplies.as_ref(), |a, b| a == b);
    let supplies = supplies.map(|differing| {
        differing.map(|(plan, said)| {
            let said = format!("{} = {} supplies fitted", said.path, said.value);
            (format!("{plan} entries of power"), said)
        })
    });
    let located = located(place, report);
    [model, height, supplies]
        .into_iter()
        .flatten()
        .chain(located)
        .collect()
}

/// Where both are known: both values if they differ.
#[expect(
    clippy::option_option,
    reason = "the outer says whether they were compared, the inner whether they differ"
)]
fn pair<A, B>(
    planned: Option<A>,
    said: Option<&Said<B>>,
    agree: impl Fn(&A, &B) -> bool,
) -> Option<Option<(A, &Said<B>)>> {
    let (planned, said) = (planned?, said?);
    Some((!agree(&planned, &said.value)).then_some((planned, said)))
}

fn located(place: Place<'_>, report: &Report) -> Vec<Option<(String, String)>> {
    let Some(Said { value, path }) = &report.locator else {
        return Vec::new();
    };
    let bay = place.bay.map(|(_, bay)| bay.name.as_str());
    let enclosure = bay.map(|_| place.device.name.as_str());
    let parts = [
        ("rack", Some(place.rack.name.as_str()), &value.rack),
        ("enclosure", enclosure, &value.enclosure),
        ("bay", bay, &value.bay),
    ];
    let compared = parts.into_iter().filter_map(|(part, planned, said)| {
        let said = said.as_ref()?;
        let agreed = planned.is_some_and(|planned| names_alike(planned, said));
        let plan = planned.map_or_else(
            || format!("no {part}"),
            |planned| format!("{part} {planned}"),
        );
        Some((!agreed).then(|| (plan, format!("{path}: {part} {:?}", shown(said)))))
    });
    compared.collect()
}

/// Firmware pads, changes capitals, and has been seen to lose a first letter.
fn names_alike(planned: &str, said: &str) -> bool {
    let (planned, said) = (folded(planned), folded(said));
    let mut shorter = planned.chars();
    shorter.next();
    planned == said || (said.chars().count() > 2 && shorter.as_str() == said)
}

fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
