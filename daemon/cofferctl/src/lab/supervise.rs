//! `lab up` and `lab down`: one process holds the rack, renews the client's certificate, and takes the four programs with it when
//! it ends.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::GRADE;
use super::crew::Crew;
use super::file::LabFile;
use super::layout::Layout;
use super::process;
use crate::clock::Stopwatch;
use crate::verdict::{Failure, Outcome, Verdict};

/// How often the client's certificate is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(300);
/// How often the holder looks whether a program fell.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long `lab up --detach` waits for the rack to serve.
const DETACH_LIMIT: Duration = Duration::from_secs(60);
/// How long `lab down` waits for everything to be gone.
const DOWN_LIMIT: Duration = Duration::from_secs(60);

/// Starts a rack and holds it until it is told to stop.
///
/// # Errors
/// A step failed; what was started is stopped.
pub fn up(directory: &Path, base_port: u16, progress: &mut dyn FnMut(&str)) -> Outcome {
    let directory = absolute(directory)?;
    let mut crew = Crew::start(Layout::new(&directory, base_port), progress)?;
    let pid_file = crew.layout().pid_file();
    std::fs::write(&pid_file, format!("{}\n", std::process::id()))
        .map_err(|error| not_held(format!("{}: {error}", pid_file.display())))?;
    progress(&format!(
        "serving ({GRADE}); stop with SIGINT or `cofferctl lab down --dir`"
    ));
    let fallen = hold(&mut crew);
    let wrong = crew.stop();
    drop(std::fs::remove_file(&pid_file));
    match (fallen, wrong.as_slice()) {
        (Ok(()), []) => Ok(Verdict::yes(format!(
            "stopped: four programs ended as asked ({GRADE})"
        ))),
        (Ok(()), wrong) => Err(not_held(wrong.join("; "))),
        (Err(failure), _) => Err(failure),
    }
}

/// Waits for a signal; renews the client's certificate; ends early only when the keeper or every program is gone.
fn hold(crew: &mut Crew) -> Result<(), Failure> {
    let mut renewed = Stopwatch::start();
    let stop = crew.runtime().spawn(stop_signal());
    loop {
        if stop.is_finished() {
            return Ok(());
        }
        if renewed.elapsed() >= RENEW_EVERY {
            crew.lease_client()?;
            renewed = Stopwatch::start();
        }
        if crew.all_fallen()
            && let Some((_node, failure)) = crew.fallen()
        {
            return Err(failure);
        }
        process::pause(LOOK_EVERY);
    }
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let handlers = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::quit()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut quit), Ok(mut hangup)) = handlers else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = quit.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Starts a rack in a process of its own and returns once it serves.
///
/// # Errors
/// It did not come up; its own words are in the lab's log.
pub fn up_detached(directory: &Path, base_port: u16) -> Outcome {
    let directory = absolute(directory)?;
    super::prepare::check_free(&Layout::new(&directory, base_port))?;
    let program = std::env::current_exe().map_err(|error| not_held(error.to_string()))?;
    let words = directory.with_extension("up.log");
    let log = std::fs::File::create(&words)
        .map_err(|error| not_held(format!("{}: {error}", words.display())))?;
    let mut child = Command::new(program)
        .args(["lab", "up", "--base-port", &base_port.to_string(), "--dir"])
        .arg(&directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| not_held(error.to_string()))?;
    let layout = Layout::new(&directory, base_port);
    let watch = Stopwatch::start();
    while !layout.pid_file().exists() {
        if let Ok(Some(status)) = child.try_wait() {
            let said = std::fs::read_to_string(&words).unwrap_or_default();
            return Err(not_held(format!("{}\n{said}", process::end(status))));
        }
        if watch.elapsed() >= DETACH_LIMIT {
            drop(child.kill());
            drop(child.wait());
            return Err(not_held(format!("not serving after {DETACH_LIMIT:?}")));
        }
        process::pause(LOOK_EVERY);
    }
    drop(std::fs::remove_file(&words));
    let file = LabFile::read(&directory)?;
    Ok(
        Verdict::yes(format!("serving: keeper and three zones ({GRADE})"))
            .body(format!("{}\n", layout.lab_file().display()))
            .value(json!({ "lab": layout.lab_file(), "grade": file.grade, "pid": child.id() })),
    )
}

/// Stops the rack of a directory.
///
/// # Errors
/// There is none, or it did not stop.
pub fn down(directory: &Path) -> Outcome {
    let layout = Layout::new(directory, 0);
    let pid = std::fs::read_to_string(layout.pid_file())
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .map(Pid::from_raw)
        .ok_or_else(|| {
            let refusal = Refusal::new(
                "LAB-031",
                "no running lab was found, so nothing was stopped",
                "name the directory that `lab up --dir` was given",
            )
            .read(format!("{}: not there", layout.pid_file().display()));
            Failure::new(Exit::Config, refusal)
        })?;
    if kill(pid, Signal::SIGTERM).is_err() {
        drop(std::fs::remove_file(layout.pid_file()));
        return Ok(Verdict::yes(format!(
            "nothing to stop: its process {pid} is gone ({GRADE})"
        )));
    }
    let watch = Stopwatch::start();
    while layout.pid_file().exists() && kill(pid, None).is_ok() {
        if watch.elapsed() >= DOWN_LIMIT {
            return Err(not_held(format!(
                "process {pid} still runs after {DOWN_LIMIT:?}"
            )));
        }
        process::pause(LOOK_EVERY);
    }
    Ok(Verdict::yes(format!(
        "stopped: the lab in {} ({GRADE})",
        directory.display()
    )))
}

fn absolute(directory: &Path) -> Result<std::path::PathBuf, Failure> {
    std::path::absolute(directory).map_err(|error| not_held(error.to_string()))
}

fn not_held(seen: String) -> Failure {
    let refusal = Refusal::new(
        "LAB-030",
        "the lab is not up, or did not stop as it should",
        "read what it says here and in the lab's log/",
    )
    .read(seen);
    Failure::new(Exit::TryAgain, refusal)
}
