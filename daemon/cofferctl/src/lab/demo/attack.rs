//! The refusals: a shared chassis, a changed trail, a stranger at the door. Each must be refused, and each refusal must teach.

use std::time::Duration;

use cofferdam_hwprofile::{Refusal, ZoneKind};
use cofferdam_node::{Exit, REFUSAL_FILE};
use http::{Method, StatusCode};

use super::stage::Stage;
use super::{failed, intake};
use crate::clock::Stopwatch;
use crate::lab::breakage;
use crate::lab::client;
use crate::lab::crew::Crew;
use crate::lab::layout::NODES;
use crate::reach;
use crate::verdict::Failure;

/// How long the rack may take to evict.
const EVICTION_LIMIT: Duration = Duration::from_secs(10);
/// The leaf that is changed.
const TAMPERED_LEAF: u64 = 3;

pub(super) fn all(stage: &mut Stage, crew: &mut Crew) -> Result<(), Failure> {
    wrong_shape(stage, crew)?;
    strangers(stage, crew)?;
    tampered_trail(stage, crew)?;
    shared_chassis(stage, crew)
}

fn wrong_shape(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    stage.begin("wrong shape");
    if !intake::refuse_wrong_shape(crew)? {
        return Err(failed(
            "wrong shape",
            "an answer of the wrong shape was taken",
        ));
    }
    stage.pass(
        "wrong shape",
        "a survey answer of the wrong shape was refused with 422, not stored",
    );
    Ok(())
}

fn strangers(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    stage.begin("strangers");
    let reach = crew.reach()?;
    let storage = crew.layout().address(&NODES[2]);
    let runtime = crew.runtime();
    let mut refused = Vec::new();
    if runtime.block_on(breakage::plain_http(storage))? {
        refused.push("plain HTTP");
    }
    if runtime.block_on(breakage::without_certificate(storage))? {
        refused.push("TLS without a certificate");
    }
    let claims = cofferdam_rack::PeerId {
        zone: "analytics".parse().expect("a zone name"),
        node: "an1".parse().expect("a node name"),
    };
    let target = "storage".parse().expect("a zone name");
    let snapshot = reach.snapshot();
    let forged = breakage::forged_zone(crew.manifest(), &snapshot, storage, &claims, &target);
    if runtime.block_on(forged)? {
        refused.push("a forged certificate of another zone");
    }
    let request = reach::request(Method::GET, "/intake-climate?list-type=2", "")?;
    let listed = runtime.block_on(reach.ask("storage", request))?;
    if listed.status == StatusCode::FORBIDDEN {
        refused.push("the right client at the wrong bucket");
    }
    if refused.len() != 4 {
        return Err(failed(
            "strangers",
            &format!("only these were refused: {}", refused.join(", ")),
        ));
    }
    stage.pass(
        "strangers",
        &format!("refused at storage: {}", refused.join("; ")),
    );
    Ok(())
}

fn tampered_trail(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    stage.begin("tampered trail");
    let file = crew.reach()?.file().clone();
    let zone = file
        .zone("storage")
        .ok_or_else(|| failed("tampered trail", "no storage zone"))?;
    let copy = crew.layout().directory().join("tampered-trail");
    match breakage::tamper(&zone.trail, &copy, &zone.trail_key, TAMPERED_LEAF)? {
        Ok(_verified) => Err(failed("tampered trail", "a changed leaf was not noticed")),
        Err(fault) if fault.leaf == Some(TAMPERED_LEAF) => {
            stage.pass(
                "tampered trail",
                &format!(
                    "{}: leaf {TAMPERED_LEAF} of a copy was changed and named",
                    fault.code
                ),
            );
            Ok(())
        }
        Err(fault) => Err(failed(
            "tampered trail",
            &format!("another leaf was named: {}", fault.refusal()),
        )),
    }
}

fn shared_chassis(stage: &mut Stage, crew: &mut Crew) -> Result<(), Failure> {
    stage.begin("shared chassis");
    let reach = crew.reach()?;
    let mut open = crew.runtime().block_on(reach.connect("intake"))?;
    let request = reach::request(Method::GET, "/v1/health", "")?;
    crew.runtime()
        .block_on(reach::ask_over(&mut open, request))?;
    let layout = crew.layout().clone();
    let watch = Stopwatch::start();
    breakage::colocate(&layout, &NODES[1], &NODES[2])?;
    let process = crew
        .process(ZoneKind::Intake)
        .ok_or_else(|| failed("shared chassis", "intake does not run"))?;
    let status = process
        .wait(EVICTION_LIMIT)
        .ok_or_else(|| failed("shared chassis", "intake still serves on storage's chassis"))?;
    let seconds = watch.elapsed().as_secs_f64();
    if status.code() != Some(i32::from(Exit::Hardware.number())) {
        return Err(failed("shared chassis", &crate::lab::process::end(status)));
    }
    let request = reach::request(Method::GET, "/v1/health", "")?;
    if crew
        .runtime()
        .block_on(reach::ask_over(&mut open, request))
        .is_ok()
    {
        return Err(failed("shared chassis", "its open session was not closed"));
    }
    let left = std::fs::read(layout.state(&NODES[1]).join(REFUSAL_FILE))
        .map_err(|error| failed("shared chassis", &error.to_string()))?;
    let refusal = serde_json::from_slice(&left)
        .ok()
        .and_then(|value| Refusal::from_json(&value))
        .ok_or_else(|| failed("shared chassis", "intake left no reason"))?;
    stage.pass(
        "shared chassis",
        &format!(
            "intake on storage's chassis lost lease and session after {seconds:.1} s and ended with 69"
        ),
    );
    stage.show(&refusal.to_string());
    still_serving(crew)
}

/// The others go on.
fn still_serving(crew: &mut Crew) -> Result<(), Failure> {
    let grant = crew
        .runtime()
        .block_on(client::lease(crew.layout(), crew.manifest()))?;
    client::write(crew.layout(), &grant)?;
    let reach = crew.reach()?;
    let request = reach::request(Method::GET, "/v1/health", "")?;
    let answer = crew.runtime().block_on(reach.ask("storage", request))?;
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(answer.failure())
    }
}
