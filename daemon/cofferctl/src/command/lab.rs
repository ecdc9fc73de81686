//! `cofferctl lab`.

use std::io::Write as _;

use serde_json::json;

use crate::cli::{Breakage, LabCommand};
use crate::lab::file::LabFile;
use crate::lab::layout::Layout;
use crate::lab::layout::NODES;
use crate::lab::{GRADE, breakage, client, demo, supervise};
use crate::reach::{self, Reach};
use crate::verdict::{Failure, Outcome, Verdict};
use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;

pub(crate) fn run(command: LabCommand) -> Outcome {
    match command {
        LabCommand::Demo { dir, base_port } => demo::run(dir, base_port),
        LabCommand::Up {
            dir,
            base_port,
            detach: false,
        } => {
            supervise::up(&dir, base_port, &mut |text| {
                // Progress goes beside the verdict; nobody may be listening.
                drop(writeln!(std::io::stderr().lock(), "lab: {text}"));
            })
        }
        LabCommand::Up {
            dir,
            base_port,
            detach: true,
        } => supervise::up_detached(&dir, base_port),
        LabCommand::Down { dir } => supervise::down(&dir),
        LabCommand::Break { what, dir } => break_one(what, &dir),
    }
}

fn break_one(what: Breakage, directory: &std::path::Path) -> Outcome {
    let reach = Reach::open(directory)?;
    let directory =
        std::path::absolute(directory).map_err(|error| not_there(&error.to_string()))?;
    match what {
        Breakage::Colocate => colocate(&directory),
        Breakage::TamperTrail => tamper(reach.file(), &directory),
        Breakage::WrongZone => wrong_zone(&reach, &directory),
    }
}

fn colocate(directory: &std::path::Path) -> Outcome {
    let layout = Layout::new(directory, 0);
    let changed = breakage::colocate(&layout, &NODES[1], &NODES[2])?;
    Ok(Verdict::yes(format!(
        "intake's machine now stands on storage's chassis; it loses its lease within seconds ({GRADE})"
    ))
    .body(format!(
        "changed below {}:\n  {}\nsee `cofferctl status --lab {}`\n",
        layout.sysroot(&NODES[1]).display(),
        changed.join("\n  "),
        directory.display()
    ))
    .value(json!({ "changed": changed })))
}

fn tamper(file: &LabFile, directory: &std::path::Path) -> Outcome {
    let zone = file
        .zone("storage")
        .ok_or_else(|| not_there("no zone of kind storage"))?;
    let copy = directory.join("tampered-trail");
    if copy.exists() {
        std::fs::remove_dir_all(&copy).map_err(|error| not_there(&error.to_string()))?;
    }
    match breakage::tamper(&zone.trail, &copy, &zone.trail_key, 3)? {
        Ok(_verified) => Ok(Verdict::no(
            "NOT NOTICED: a changed leaf was verified",
            Exit::Data,
        )),
        Err(fault) => Ok(
            Verdict::yes(format!("held: the changed leaf was named ({GRADE})"))
                .body(fault.refusal().to_string())
                .value(json!({ "code": fault.code, "leaf": fault.leaf })),
        ),
    }
}

fn wrong_zone(reach: &Reach, directory: &std::path::Path) -> Outcome {
    let storage = reach.zone("storage")?.address;
    let runtime = reach::runtime()?;
    let manifest = client::manifest(&Layout::new(directory, 0))?;
    let claims = cofferdam_rack::PeerId {
        zone: "analytics".parse().expect("a zone name"),
        node: "an1".parse().expect("a node name"),
    };
    let target = "storage".parse().expect("a zone name");
    let attacks = [
        (
            "plain HTTP",
            runtime.block_on(breakage::plain_http(storage))?,
        ),
        (
            "TLS without a certificate",
            runtime.block_on(breakage::without_certificate(storage))?,
        ),
        (
            "a forged certificate of zone analytics",
            runtime.block_on(breakage::forged_zone(
                &manifest,
                &reach.snapshot(),
                storage,
                &claims,
                &target,
            ))?,
        ),
    ];
    let lines: Vec<String> = attacks
        .iter()
        .map(|(name, held)| format!("{} {name}", if *held { "refused" } else { "LET IN " }))
        .collect();
    let verdict = if attacks.iter().all(|(_, held)| *held) {
        Verdict::yes(format!("held: storage refused every stranger ({GRADE})"))
    } else {
        Verdict::no(
            format!("NOT HELD: storage let a stranger in ({GRADE})"),
            Exit::Data,
        )
    };
    Ok(verdict.body(lines.join("\n")))
}

fn not_there(seen: &str) -> Failure {
    let refusal = Refusal::new(
        "LAB-041",
        "there is nothing to break",
        "start a lab with `cofferctl lab up --dir DIR`",
    )
    .read(seen);
    Failure::new(Exit::Config, refusal)
}
