//! `cofferctl rack show`: the elevation as a picture. It writes what `cofferdam_rack::picture`
//! drew, and draws nothing itself.

use std::path::{Path, PathBuf};

use cofferdam_node::Exit;
use cofferdam_rack::elevation::Survey;
use cofferdam_rack::picture::{self, Caption, Paint};
use cofferdam_rack::{Manifest, Policy, advisor, elevation, flows};
use serde_json::{Value, json};

use super::super::object::file_failed;
use super::super::output::{Kept, Readers, write_output};
use super::reports;
use crate::verdict::{Failure, Outcome, Verdict, on_a_terminal};

/// What a rack directory may hold beside pictures.
const PLAN_FILES: [&str; 5] = [
    "hwprofile.toml",
    elevation::FILE,
    flows::FILE,
    advisor::FILE,
    "manifest",
];

pub(super) fn run(
    directory: &Path,
    svg: Option<&Path>,
    (operators, reported): (&[PathBuf], Option<&Path>),
) -> Outcome {
    let faults =
        |faults: cofferdam_rack::Faults| Failure::all(Exit::Config, faults.into_refusals());
    let (policy, mut survey) = Manifest::survey(directory).map_err(faults)?;
    let epoch = if operators.is_empty() {
        "signature not checked".to_owned()
    } else {
        let epoch = Manifest::signed_epoch(directory, &super::trusted(operators)?);
        format!("epoch {}, signed", epoch.map_err(faults)?)
    };
    if let Some(directory) = reported {
        let reports = reports::read(directory, &policy)?;
        let found = survey.drawable().compare(&reports);
        survey.extend(found);
    }
    let caption = Caption {
        epoch,
        grade: grade(&policy).to_owned(),
    };
    if let Some(file) = svg {
        let drawn = picture::svg(&survey, &policy, &caption);
        write_output(Some(file), Readers::Anybody, &plan(directory), |out| {
            out.write_all(drawn.as_bytes())
                .map_err(|error| file_failed(file, &error))
        })?;
    }
    let paint = if on_a_terminal() {
        Paint::Colour
    } else {
        Paint::Plain
    };
    let body = match svg {
        Some(file) => format!("{}\n", file.display()),
        None => picture::text(&survey, &policy, &caption, paint),
    };
    Ok(verdict(&survey).body(body).value(json!({
        "caption": { "epoch": caption.epoch, "grade": caption.grade },
        "svg": svg,
        "racks": racks(&survey),
        "findings": findings(&survey),
    })))
}

/// The files that no picture is written over, whether they are there or not.
fn plan(directory: &Path) -> Kept {
    PLAN_FILES.iter().fold(Kept::default(), |kept, name| {
        kept.and("a file of the plan", &directory.join(name))
    })
}

/// A picture of a plan with faults is a picture all the same, and says so with its exit code.
fn verdict(survey: &Survey) -> Verdict {
    let faults = survey.faults().count();
    let all = survey.findings().len();
    if faults > 0 {
        let line =
            format!("drawn: {faults} of {all} findings are faults, so the plan is not in force");
        return Verdict::no(line, Exit::Config);
    }
    Verdict::yes(format!("drawn: the plan keeps every rule, {all} warnings"))
}

/// How much the picture is worth: a plan is intent, whatever is measured.
fn grade(policy: &Policy) -> &'static str {
    if policy.is_lab() {
        "E0 simulated: a lab's plan"
    } else {
        "a plan: intended, not measured"
    }
}

fn racks(survey: &Survey) -> Vec<Value> {
    let racks = survey.drawable().racks().map(|rack| {
        let devices: Vec<Value> = rack
            .devices
            .iter()
            .map(|device| {
                let tenants: Vec<Value> = device
                    .tenants()
                    .map(|(tenant, bay)| {
                        json!({
                            "node": tenant.node.as_str(),
                            "zone": tenant.zone.as_str(),
                            "bay": bay.map(|bay| bay.name.as_str()),
                        })
                    })
                    .collect();
                json!({
                    "name": device.name,
                    "units": device.span().map(|(first, last)| [first, last]),
                    "face": device.face.as_str(),
                    "full-depth": device.full_depth,
                    "tenants": tenants,
                })
            })
            .collect();
        let loads: Vec<Value> = rack
            .feeds
            .values()
            .flat_map(|feed| rack.loads(feed))
            .map(|load| {
                json!({
                    "feed": load.feed.name,
                    "lost": load.lost,
                    "watts": load.watts,
                    "capacity-watts": load.capacity_watts,
                })
            })
            .collect();
        json!({ "name": rack.name, "devices": devices, "power": loads })
    });
    racks.collect()
}

fn findings(survey: &Survey) -> Vec<Value> {
    let findings = survey.findings().iter().map(|finding| {
        let mut value = finding.refusal.to_json();
        let is_fault = survey.faults().any(|fault| std::ptr::eq(fault, finding));
        if let Some(object) = value.as_object_mut() {
            object.insert("fault".to_owned(), Value::from(is_fault));
        }
        value
    });
    findings.collect()
}
