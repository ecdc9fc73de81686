//! A lab to test against: built once, started detached on ports of its own, stopped when it is dropped.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use serde_json::Value;

/// Builds every program, once; cargo does nothing where the test run built them already.
pub(crate) fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let directory = BUILT.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bins"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the programs build");
        let here = std::env::current_exe().expect("this test is a file");
        here.ancestors()
            .nth(2)
            .expect("target/debug/deps")
            .to_owned()
    });
    directory.join(name)
}

/// Runs the tool to its end.
pub(crate) fn cofferctl(arguments: &[&str]) -> Output {
    Command::new(program("cofferctl"))
        .args(arguments)
        .output()
        .expect("cofferctl runs")
}

/// What a run printed, both streams, for messages and looks.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Four free ports in a row that no other test of this process was given.
pub(crate) fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 200).expect("below 200") * 100;
    loop {
        let base = start + NEXT.fetch_add(4, Ordering::Relaxed);
        if (0..4).all(|offset| TcpListener::bind(("127.0.0.1", base + offset)).is_ok()) {
            return base;
        }
    }
}

/// A running lab.
pub(crate) struct Lab {
    directory: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let lab = Self { directory };
        let base = free_ports().to_string();
        let up = cofferctl(&[
            "lab",
            "up",
            "--dir",
            &lab.text(),
            "--base-port",
            &base,
            "--detach",
        ]);
        assert!(up.status.success(), "{}", said(&up));
        lab
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("lab")
    }

    pub(crate) fn text(&self) -> String {
        self.path().display().to_string()
    }

    pub(crate) fn file(&self) -> Value {
        let text = std::fs::read_to_string(self.path().join("lab.json")).expect("lab.json");
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) fn zone(&self, kind: &str) -> Value {
        let file = self.file();
        let zones = file["zones"].as_array().expect("zones");
        zones
            .iter()
            .find(|zone| zone["kind"] == kind)
            .expect("the zone")
            .clone()
    }

    /// Runs the tool against this lab.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let directory = self.text();
        let mut all = arguments.to_vec();
        all.extend(["--lab", directory.as_str()]);
        cofferctl(&all)
    }

    /// The process that the lab itself started for a zone.
    pub(crate) fn pid(&self, kind: &str) -> u32 {
        let pid = self.zone(kind)["pid"].as_u64().expect("a pid");
        u32::try_from(pid).expect("a pid")
    }

    /// A zone's log, to write on.
    pub(crate) fn log(&self, kind: &str) -> std::fs::File {
        let log = self.path().join("log").join(format!("{kind}.log"));
        let log = std::fs::OpenOptions::new().append(true).open(log);
        log.expect("the zone's log")
    }

    /// Starts a zone's program again with its own configuration; what it says is added to its log.
    pub(crate) fn restart(&self, kind: &str) -> Running {
        let log = self.log(kind);
        let child = Command::new(program(&format!("cofferd-{kind}")))
            .arg("--config")
            .arg(self.path().join(kind).join("node.toml"))
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        Running::new(child)
    }

    /// Waits until all four zones serve.
    pub(crate) fn serves(&self) -> bool {
        within(Duration::from_secs(60), || {
            self.run(&["status"]).status.success()
        })
    }

    /// Waits until analytics counts exactly so many events, and as many different ones; says what it counted last otherwise.
    pub(crate) fn counts(&self, events: usize) -> Result<(), String> {
        let sql = "select count(*) as n, count(distinct id) as ids from events";
        let mut counted = String::new();
        let right = within(Duration::from_secs(120), || {
            let asked = self.run(&["query", sql, "--format", "csv"]);
            counted = said(&asked);
            counted.contains(&format!("\r\n{events},{events}\r\n"))
        });
        if right { Ok(()) } else { Err(counted) }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(cofferctl(&["lab", "down", "--dir", &self.text()]));
    }
}

/// A program that this test started and ends.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn new(child: Child) -> Self {
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.0.try_wait().expect("a child of ours").is_none()
    }

    /// Writes a line to its standard input.
    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.0.stdin.as_mut().expect("its input is ours");
        writeln!(input, "{line}").expect("it listens");
    }

    /// Ends its standard input, which tells it to stop.
    pub(crate) fn close(&mut self) {
        drop(self.0.stdin.take());
    }

    /// How it ends by itself; `None` if it does not within the limit.
    pub(crate) fn end_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let mut ended = None;
        within(limit, || {
            ended = self.0.try_wait().expect("a child of ours");
            ended.is_some()
        });
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Looks every few milliseconds until something holds; `false` if it never does within the limit.
pub(crate) fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let every = Duration::from_millis(10);
    let looks = limit.as_millis() / every.as_millis();
    for _ in 0..looks {
        if holds() {
            return true;
        }
        pass(every);
    }
    holds()
}

/// Lets a moment pass.
pub(crate) fn pass(moment: Duration) {
    let (_sender, nobody) = mpsc::channel::<()>();
    assert!(nobody.recv_timeout(moment).is_err());
}

/// Says, past the capture of the test harness, that something could not be shown here. CI counts these lines.
pub(crate) fn skipped(why: &str) {
    writeln!(std::io::stderr(), "skipped: {why}").expect("standard error");
}

/// Sends a process a signal by its name.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "process {pid} was there to get {name}"
    );
}

/// Whether a process is gone. A zombie has let go of everything but its number, once its last thread has ended: until then they hold its
/// sockets and locks.
pub(crate) fn gone(pid: u32) -> bool {
    let zombie = std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |text| {
        text.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    });
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    zombie && threads <= 1
}

/// Ends a process as nothing else does: no handler, no flush. Returns when it is gone, as a service manager would wait.
pub(crate) fn kill_hard(pid: u32) {
    signal(pid, "KILL");
    assert!(
        within(Duration::from_secs(30), || gone(pid)),
        "process {pid} was killed and is still there"
    );
}

/// The files below a directory.
pub(crate) fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}
