//! Files go in through S3 and come back; every trail is proved; one object is recovered without us; the processes are small.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cofferdam_hwprofile::ZoneKind;
use cofferdam_seal::{FernetKey, ObjectId, Sealer, WrappedKey};
use cofferdam_trail::note::VerifierKey;
use cofferdam_trail::verify;
use http::{Method, StatusCode};

use super::failed;
use super::stage::Stage;
use crate::command::object::{object_path, put_conditionally};
use crate::lab::crew::Crew;
use crate::lab::layout::{FILES_BUCKET, NODES};
use crate::lab::sample;
use crate::reach;
use crate::verdict::Failure;

/// The reader that needs nothing of ours, as it stands in docs/.
const RECOVER: &str = include_str!("../../../../../docs/recover_pure.py");
/// Idle memory that the three small programs promise to stay below, MiB.
const MEMORY_PROMISE_MIB: u64 = 20;

pub(super) fn keep_files(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    stage.begin("files");
    let reach = crew.reach()?;
    let files = sample::files();
    for file in &files {
        let path = object_path(FILES_BUCKET, &file.key);
        let stored = crew
            .runtime()
            .block_on(put_conditionally(&reach, &path, &file.bytes))?;
        if !stored.status.is_success() {
            return Err(stored.failure());
        }
        let request = reach::request(Method::GET, &path, "")?;
        let fetched = crew.runtime().block_on(reach.ask("storage", request))?;
        if fetched.bytes != file.bytes {
            return Err(failed(
                "files",
                &format!("{} bytes came back changed", file.bytes.len()),
            ));
        }
    }
    let again = files
        .last()
        .map(|file| object_path(FILES_BUCKET, &file.key));
    if let Some(path) = again {
        let repeated = crew
            .runtime()
            .block_on(put_conditionally(&reach, &path, b"another"))?;
        if repeated.status != StatusCode::PRECONDITION_FAILED {
            return Err(failed(
                "files",
                &format!("a second put answered {}", repeated.status),
            ));
        }
    }
    stage.pass(
        "files",
        &format!(
            "{} files through S3, sealed, read back whole; a second put was refused",
            files.len()
        ),
    );
    Ok(())
}

pub(super) fn prove_trails(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    stage.begin("audit verify");
    let file = crew.reach()?.file().clone();
    let mut proved = Vec::new();
    for zone in &file.zones {
        let key: VerifierKey = zone
            .trail_key
            .parse()
            .map_err(|error| failed("audit verify", &format!("{error}")))?;
        let verified = verify::verify_dir(&zone.trail, &[key])
            .map_err(|fault| failed("audit verify", &fault.refusal().to_string()))?;
        proved.push(format!("{} {}", zone.name, verified.size));
    }
    stage.pass(
        "audit verify",
        &format!("every trail proved, leaves: {}", proved.join(", ")),
    );
    Ok(())
}

/// Recovers one stored object with a Python that never heard of us; where there is none, that is said.
pub(super) fn recover(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    stage.begin("recovery");
    let python = Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !python.is_ok_and(|status| status.success()) {
        stage.pass("recovery", "not shown: there is no python3 on this machine");
        return Ok(());
    }
    let layout = crew.layout();
    let keyring = layout.state(&NODES[0]).join("kek").join("storage.keys");
    let wanted = sample::files()
        .into_iter()
        .find(|file| file.bytes.len() == 100_000);
    let wanted = wanted.ok_or_else(|| failed("recovery", "no sample of that size"))?;
    let object = object_of(&layout.state(&NODES[2]), wanted.bytes.len()).ok_or_else(|| {
        failed(
            "recovery",
            "no sealed object of that size in storage's state",
        )
    })?;
    let script = layout.directory().join("recover_pure.py");
    std::fs::write(&script, RECOVER).map_err(|error| failed("recovery", &error.to_string()))?;
    let recovered = layout.directory().join("recovered");
    let output = Command::new("python3")
        .arg(&script)
        .arg("--context")
        .arg(FILES_BUCKET)
        .arg(&keyring)
        .arg(&object)
        .arg(&recovered)
        .output()
        .map_err(|error| failed("recovery", &error.to_string()))?;
    let opened = std::fs::read(&recovered).unwrap_or_default();
    // What was recovered is plain; the lab keeps nothing plain.
    drop(std::fs::remove_file(&recovered));
    if !output.status.success() || opened != wanted.bytes {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(failed("recovery", &format!("{}: {said}", output.status)));
    }
    stage.pass(
        "recovery",
        "docs/recover_pure.py, plain Python, opened a stored object with the keeper's keyring alone",
    );
    Ok(())
}

/// The sealed object of a plaintext of `plain` bytes: found by its size, which sealing makes exact.
fn object_of(state: &Path, plain: usize) -> Option<PathBuf> {
    let sealed = sealed_length(plain)?;
    let mut waiting = vec![state.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if entry.metadata().is_ok_and(|found| found.len() == sealed) {
                return Some(path);
            }
        }
    }
    None
}

/// The exact length of a sealed object (docs/sealed-object.md): what sealing the same number of bytes gives.
fn sealed_length(plain: usize) -> Option<u64> {
    let key = FernetKey::generate().ok()?;
    let wrapped = WrappedKey::seal(&key, &key, 0).ok()?;
    let (mut sealer, header) = Sealer::new(&key, &wrapped, ObjectId([0; 16]), 0, b"");
    let mut sealed = header;
    sealer.update(&vec![0; plain], &mut sealed);
    sealer.finish(&mut sealed);
    u64::try_from(sealed.len()).ok()
}

pub(super) fn measure_memory(stage: &mut Stage, crew: &mut Crew) -> Result<(), Failure> {
    stage.begin("memory");
    let mut shown = Vec::new();
    for kind in [
        ZoneKind::Keeper,
        ZoneKind::Intake,
        ZoneKind::Storage,
        ZoneKind::Analytics,
    ] {
        let Some(process) = crew.process(kind) else {
            continue;
        };
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid()));
        let status = status.map_err(|error| failed("memory", &error.to_string()))?;
        shown.push(format!(
            "{} {} MiB",
            kind.as_str(),
            resident_kib(&status) / 1024
        ));
    }
    let promise = format!("promised below {MEMORY_PROMISE_MIB} MiB but for analytics");
    stage.pass(
        "memory",
        &format!("resident: {} ({promise})", shown.join(", ")),
    );
    Ok(())
}

fn resident_kib(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
