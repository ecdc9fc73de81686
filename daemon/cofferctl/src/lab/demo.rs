//! `lab demo`: the whole idea in one run. Each step is real, prints one line of verdict, and fails loudly by name; the first that
//! fails ends the run, and what was started is stopped.

mod attack;
mod intake;
mod stage;
mod storage;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::{Evidence, Grade, Inventory, NodeVerdict, PairVerdict, Refusal};
use cofferdam_hwprofile::{judge_node, judge_pair};
use cofferdam_node::Exit;
use cofferdam_rack::NodeName;
use serde_json::json;

use self::stage::Stage;
use super::GRADE;
use super::crew::Crew;
use super::layout::{Layout, NODES};
use super::{sample, scan};
use crate::verdict::{Failure, Outcome, Verdict};

/// Runs the demo; a directory that it made itself it removes.
///
/// # Errors
/// A step failed; its name stands in the refusal.
pub fn run(directory: Option<PathBuf>, base_port: Option<u16>) -> Outcome {
    let mut stage = Stage::new();
    stage.say(&format!(
        "A rack of four zones on this machine. Hardware: {GRADE}. All else is real."
    ));
    let own = directory.is_none();
    let directory = match directory {
        Some(directory) => std::path::absolute(directory).map_err(|error| no_place(&error))?,
        None => std::env::temp_dir().join(format!("cofferdam-lab-{}", std::process::id())),
    };
    let base_port = match base_port {
        Some(port) => port,
        None => free_ports()?,
    };
    let result = perform(&mut stage, Layout::new(&directory, base_port));
    let steps = stage.steps();
    if own && result.is_ok() {
        std::fs::remove_dir_all(&directory).map_err(|error| no_place(&error))?;
    }
    match result {
        Ok(()) => Ok(Verdict::yes(format!(
            "demo passed: {steps} steps in {:.1} s ({GRADE})",
            stage.elapsed().as_secs_f64()
        ))
        .value(json!({ "steps": steps, "grade": "E0" }))),
        Err(failure) => {
            stage.say(&format!("step {steps} failed: {}", stage.current()));
            if own {
                stage.say(&format!("left for a look: {}", directory.display()));
            }
            Err(failure)
        }
    }
}

fn perform(stage: &mut Stage, layout: Layout) -> Result<(), Failure> {
    let directory = layout.directory().to_owned();
    stage.begin("start");
    let mut crew = Crew::start(layout, &mut |text| stage.progress(text))?;
    stage.pass(
        "start",
        "a keeper and three zones run as four processes; each holds a lease of 15 min",
    );
    let played = play(stage, &mut crew);
    if played.is_ok() {
        stage.begin("stop");
    }
    let wrong = crew.stop();
    played?;
    if !wrong.is_empty() {
        return Err(failed("stop", &wrong.join("; ")));
    }
    stage.pass("stop", "every program ended as asked; no process is left");
    find_no_names(stage, &directory)
}

fn play(stage: &mut Stage, crew: &mut Crew) -> Result<(), Failure> {
    judge_manifest(stage, crew);
    judge_evidence(stage, crew)?;
    intake::submit(stage, crew)?;
    storage::keep_files(stage, crew)?;
    intake::query(stage, crew)?;
    storage::prove_trails(stage, crew)?;
    storage::recover(stage, crew)?;
    storage::measure_memory(stage, crew)?;
    attack::all(stage, crew)
}

fn judge_manifest(stage: &mut Stage, crew: &Crew) {
    stage.begin("manifest");
    let manifest = crew.manifest();
    let flows = manifest.flows.rules().len();
    let text = format!(
        "signed by the operator, epoch {}; {} zones, {} nodes, {flows} flows, all else denied",
        manifest.epoch,
        manifest.policy.zones().count(),
        manifest.policy.nodes().count(),
    );
    stage.pass("manifest", &text);
}

/// Judges the four machines as the keeper did, so that its verdicts can be seen.
fn judge_evidence(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    stage.begin("evidence");
    let policy = &crew.manifest().policy;
    let mut shown: Vec<(NodeName, Evidence)> = Vec::new();
    for node in &NODES {
        let name: NodeName = node.node.parse().expect("a constant that is a node name");
        let inventory = Inventory::read(&crew.layout().sysroot(node));
        let evidence = Evidence::of(&inventory, policy.site(), Grade::E0Simulated);
        if let NodeVerdict::Refuse(refusals) = judge_node(policy, &name, &evidence) {
            return Err(Failure::all(Exit::Hardware, refusals));
        }
        shown.push((name, evidence));
    }
    let mut pairs = 0;
    for (index, a) in shown.iter().enumerate() {
        for b in shown.iter().skip(index + 1) {
            match judge_pair(policy, (&a.0, &a.1), (&b.0, &b.1)) {
                PairVerdict::Separate => pairs += 1,
                PairVerdict::Shared(refusal) | PairVerdict::Unproven(refusal) => {
                    return Err(Failure::new(Exit::Hardware, refusal));
                }
            }
        }
    }
    stage.pass(
        "evidence",
        &format!("4 nodes match their platform, {pairs} of 6 pairs are separate"),
    );
    Ok(())
}

fn find_no_names(stage: &mut Stage, directory: &Path) -> Result<(), Failure> {
    stage.begin("nothing plain");
    let names = sample::family_names();
    let scan = scan::scan(directory, names).map_err(|error| no_place(&error))?;
    if let Some((path, name)) = scan.found.first() {
        return Err(failed(
            "nothing plain",
            &format!("{}: {name}", path.display()),
        ));
    }
    stage.pass(
        "nothing plain",
        &format!(
            "{} files, {} KiB on disk searched for {} family names: none found",
            scan.files,
            scan.bytes / 1024,
            names.len()
        ),
    );
    Ok(())
}

/// Four free ports in a row.
fn free_ports() -> Result<u16, Failure> {
    let any = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|error| no_place(&error))?;
    let mut base = any.port().clamp(10_000, 60_000);
    for _ in 0..200 {
        let free = (0..4).all(|offset| TcpListener::bind(("127.0.0.1", base + offset)).is_ok());
        if free {
            return Ok(base);
        }
        base = if base > 59_000 { 10_000 } else { base + 7 };
    }
    Err(no_place(&std::io::Error::other(
        "no four free ports in a row on 127.0.0.1",
    )))
}

fn no_place(error: &std::io::Error) -> Failure {
    let refusal = Refusal::new(
        "LAB-050",
        "there is no place for the demo",
        "name a directory with --dir and a port with --base-port",
    )
    .read(error.to_string());
    Failure::new(Exit::TryAgain, refusal)
}

/// A step that did not show what it must.
fn failed(step: &str, seen: &str) -> Failure {
    let refusal = Refusal::new(
        "LAB-051",
        format!("the step \"{step}\" of the demo did not show what it must"),
        "this is a fault of the product or of this machine: keep the lab's directory and report it",
    )
    .read(seen);
    Failure::new(Exit::Data, refusal)
}
