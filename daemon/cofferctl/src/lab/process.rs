//! The four programs of a lab as child processes. Every one that is started is stopped and waited for, also when a step between
//! fails; none outlives the process that started it, because its standard input closes with it.

use std::fs::{File, OpenOptions};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::layout::{LabNode, Layout};
use crate::clock::Stopwatch;
use crate::verdict::Failure;

/// How long a program may take to stop: its own ten seconds and a little.
const STOP_LIMIT: Duration = Duration::from_secs(13);
/// How often a waiting parent looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One running program.
#[derive(Debug)]
pub struct ZoneProcess {
    node: LabNode,
    child: Child,
    ended: Option<ExitStatus>,
}

/// Where the programs lie: beside this one.
///
/// # Errors
/// One of them is not there.
pub fn program_path(node: &LabNode) -> Result<PathBuf, Failure> {
    let missing = |seen: String| {
        let refusal = Refusal::new(
            "LAB-010",
            "a program of the rack is not built, so no lab is started",
            "build all of them: `cargo build --workspace`, or run `cargo lab`",
        )
        .read(seen);
        Failure::new(Exit::Config, refusal)
    };
    let here = std::env::current_exe().map_err(|error| missing(error.to_string()))?;
    let path = here.with_file_name(node.kind.program());
    if path.is_file() {
        Ok(path)
    } else {
        Err(missing(format!("{}: not there", path.display())))
    }
}

impl ZoneProcess {
    /// Starts a node's program.
    ///
    /// # Errors
    /// It is not there or cannot be started.
    pub fn start(layout: &Layout, node: &LabNode) -> Result<Self, Failure> {
        let program = program_path(node)?;
        let failed = |error: std::io::Error| {
            let refusal = Refusal::new(
                "LAB-011",
                "a program of the rack could not be started",
                "see its log below the lab's log/",
            )
            .read(format!("{}: {error}", program.display()));
            Failure::new(Exit::TryAgain, refusal)
        };
        let log = append_to(layout.log(node)).map_err(failed)?;
        let child = Command::new(&program)
            .arg("--config")
            .arg(layout.state(node).join("node.toml"))
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        Ok(Self {
            node: *node,
            child,
            ended: None,
        })
    }

    /// Which node it is.
    #[must_use]
    pub fn node(&self) -> &LabNode {
        &self.node
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if watch.elapsed() >= limit {
                return None;
            }
            pause(LOOK_EVERY);
        }
    }

    /// Asks it to stop; [`ZoneProcess::wait`] tells when it has.
    pub fn ask_to_stop(&mut self) {
        if self.ended().is_none()
            && let Ok(pid) = i32::try_from(self.child.id())
        {
            // It may have ended in between; then there is nobody to tell.
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
    }
}

impl Drop for ZoneProcess {
    fn drop(&mut self) {
        if self.ended().is_none() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Stops all, the last started first, and says which did not stop as they should.
pub fn stop_all(processes: &mut [ZoneProcess]) -> Vec<String> {
    let mut wrong = Vec::new();
    for process in processes.iter_mut().rev() {
        let running = process.ended().is_none();
        process.ask_to_stop();
        let status = process.wait(STOP_LIMIT);
        match status {
            Some(status) if !running || status.success() => {}
            Some(status) => wrong.push(format!(
                "{} ended with {}",
                process.node.zone(),
                end(status)
            )),
            None => wrong.push(format!(
                "{} did not stop in {STOP_LIMIT:?}",
                process.node.zone()
            )),
        }
    }
    wrong
}

/// An end in words.
#[must_use]
pub fn end(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

fn append_to(path: PathBuf) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Waits a moment; the tool has no runtime of its own to block.
#[expect(clippy::disallowed_methods, reason = "no runtime runs on this thread")]
pub(crate) fn pause(moment: Duration) {
    std::thread::sleep(moment);
}
