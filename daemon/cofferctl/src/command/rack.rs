//! `cofferctl rack`: the manifest as a whole.

mod advise;
mod reports;
mod show;

use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_rack::elevation::Finding;
use cofferdam_rack::{Epoch, Manifest, Operators, RackDomain};
use cofferdam_trail::note::{SignerKey, VerifierKey};
use serde_json::{Value, json};

use super::document::{self, Behind, WRITTEN_LIMIT_BYTES};
use crate::cli::RackCommand;
use crate::verdict::{Failure, Outcome, Verdict, warning, with_warnings};

pub(crate) fn run(command: RackCommand) -> Outcome {
    match command {
        RackCommand::Check {
            directory,
            operators,
            reports,
        } => check(&directory, &operators, reports.as_deref()),
        RackCommand::Show {
            directory,
            svg,
            operators,
            reports,
        } => show::run(&directory, svg.as_deref(), (&operators, reports.as_deref())),
        RackCommand::Advise { a, b, rack } => advise::run(&rack, (&a, &b)),
        RackCommand::Sign {
            directory,
            key,
            domain,
            epoch,
        } => sign(&directory, &key, &domain, epoch),
    }
}

fn check(directory: &Path, operators: &[PathBuf], reports: Option<&Path>) -> Outcome {
    let faults =
        |faults: cofferdam_rack::Faults| Failure::all(Exit::Config, faults.into_refusals());
    let (kept, signed, policy, elevation) = if operators.is_empty() {
        let draft = Manifest::check(directory).map_err(faults)?;
        (
            "the three files keep every rule",
            "signature not asked for: name operators with --operator",
            draft.policy,
            draft.elevation,
        )
    } else {
        let manifest = Manifest::load(directory, &trusted(operators)?).map_err(faults)?;
        (
            "the manifest is whole and signed",
            "every named operator signed these files",
            manifest.policy,
            manifest.elevation,
        )
    };
    let mut warnings: Vec<Finding> = elevation.warnings().to_vec();
    if let Some(reports) = reports {
        let reports = reports::read(reports, &policy)?;
        warnings.extend(elevation.compare(&reports));
    }
    let told: Vec<String> = warnings
        .iter()
        .map(|found| warning(&found.refusal))
        .collect();
    let said: Vec<Value> = warnings
        .iter()
        .map(|found| found.refusal.to_json())
        .collect();
    let count = with_warnings(warnings.len());
    Ok(Verdict::yes(format!("ok: {kept}{count}"))
        .body(format!(
            "{}\n{signed}\n{}\n",
            directory.display(),
            told.join("\n")
        ))
        .value(json!({
            "rack": directory,
            "signed": !operators.is_empty(),
            "warnings": said,
        })))
}

/// The operators whose keys the files hold; all of them must have signed.
fn trusted(operators: &[PathBuf]) -> Result<Operators, Failure> {
    let keys = operators
        .iter()
        .map(|file| verifier(file))
        .collect::<Result<Vec<_>, _>>()?;
    let threshold = u32::try_from(keys.len()).unwrap_or(u32::MAX);
    Ok(Operators { keys, threshold })
}

fn sign(directory: &Path, key: &Path, domain: &str, epoch: u64) -> Outcome {
    let signer = SignerKey::read(key).map_err(|error| {
        let refusal = Refusal::new(
            error.code(),
            "nothing was signed",
            "name the operator's key file",
        )
        .read(cofferdam_node::refusal::chain(&error));
        Failure::new(Exit::Config, refusal)
    })?;
    let number = epoch;
    let epoch = Epoch::new(number).ok_or_else(|| {
        let refusal = Refusal::new(
            "CL-037",
            "the number is no epoch, so nothing was signed",
            "epochs begin at 1 and rise by one",
        )
        .read(number.to_string());
        Failure::new(Exit::Usage, refusal)
    })?;
    let domain: RackDomain = domain.parse().map_err(|error| {
        let refusal = Refusal::new(
            "CL-033",
            "the rack's domain is not one, so nothing is signed",
            "give lower-case labels with dots between: rack7.example",
        )
        .read(format!("{domain}: {error}"));
        Failure::new(Exit::Usage, refusal)
    })?;
    Manifest::sign(directory, &domain, epoch, &[&signer])
        .map_err(|faults| Failure::all(Exit::Config, faults.into_refusals()))?;
    Ok(Verdict::yes(format!("signed: epoch {epoch} of {domain}"))
        .body(format!("{}\n", directory.join("manifest").display()))
        .value(json!({ "epoch": number, "domain": domain.to_string() })))
}

fn verifier(file: &Path) -> Result<VerifierKey, Failure> {
    let failed = |seen: String| {
        let refusal = Refusal::new(
            "CL-034",
            "a verifier key cannot be used, so nothing is verified",
            "name a file with a line NAME+HASH+KEY, as SignerKey files give it",
        )
        .read(format!("{}: {seen}", file.display()));
        Failure::new(Exit::Config, refusal)
    };
    let text = document::read(file, Behind::FileOrPipe, WRITTEN_LIMIT_BYTES)
        .map_err(|error| failed(error.to_string()))?;
    text.trim()
        .parse()
        .map_err(|error| failed(format!("{error}")))
}
