//! A directory of a test's own and the program run in it, with what the lab and the examples lend. It says how a run ended; how
//! it should have ended is each subject's to say.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use cofferdam_cofferctl::lab::layout::NODES;
use cofferdam_cofferctl::lab::tree;
use cofferdam_hwprofile::KeyPin;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// What the program would take a keyring from. A test sets the one that it is about.
const VARIABLES: [&str; 3] = ["CREDENTIALS_DIRECTORY", "FERNET_KEY", "field_key_dir"];

/// A directory that vanishes with its test.
pub(crate) struct Bench(tempfile::TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    /// With a keyring of one key, named `ring`.
    pub(crate) fn with_ring() -> Self {
        let bench = Self::new();
        bench.done(&["key", "new", "ring"]);
        bench
    }

    /// With a copy of an example's files.
    pub(crate) fn with_example(name: &str) -> Self {
        let bench = Self::new();
        for entry in fs::read_dir(example(name)).expect("an example") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            fs::copy(&path, bench.path().join(name)).expect("a copy");
        }
        bench
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Unpacks a machine of the lab under its node's name.
    pub(crate) fn machine(&self, name: &str) -> PathBuf {
        let node = NODES.iter().find(|node| node.node == name);
        let root = self.at(name);
        tree::unpack(node.expect("a node of the lab").tree, &root).expect("unpacked");
        root
    }

    /// Writes the lab's policy.
    pub(crate) fn policy(&self) -> PathBuf {
        let file = self.at("policy.toml");
        fs::write(&file, lab_policy()).expect("written");
        file
    }

    /// The program, to be run in this directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferctl"));
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.path());
        command
    }

    /// Runs the program with nothing to read.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        ended(&mut self.command(arguments))
    }

    /// Runs the program with input from a pipe.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Output {
        feed(&mut self.command(arguments), input)
    }

    /// Runs the program to a good end.
    pub(crate) fn done(&self, arguments: &[&str]) {
        succeeded(&self.run(arguments));
    }

    /// Runs the program to this end, with this on one of the two streams.
    pub(crate) fn ends(&self, arguments: &[&str], exit: i32, says: &str) {
        let run = self.run(arguments);
        let all = both(&run);
        assert_eq!(run.status.code(), Some(exit), "{arguments:?}: {all}");
        assert!(all.contains(says), "{arguments:?}: {all}");
    }
}

/// `hw watch` at work; a failed test takes it with it.
pub(crate) struct Watching {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watching {
    pub(crate) fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let mut child = bench
            .command(&["--json", "hw", "watch"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a program");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, lines }
    }

    /// The next line that tells of such an event.
    pub(crate) fn next(&mut self, event: &str) -> Value {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).expect("a line");
            assert!(read > 0, "it ended before {event}");
            let value: Value = serde_json::from_str(&line).expect("one object a line");
            if value["event"] == event {
                return value;
            }
        }
    }

    /// Its exit code and last line, after an interrupt.
    pub(crate) fn interrupt(mut self) -> (Option<i32>, Value) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("sent");
        let mut last = String::new();
        for line in self.lines.by_ref().lines() {
            last = line.expect("a line");
        }
        let status = self.child.wait().expect("it ends");
        (status.code(), serde_json::from_str(&last).expect("JSON"))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An example that is shipped, as it is shipped.
pub(crate) fn example(name: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    examples.join(name)
}

/// The lab's policy with a pin for each node.
pub(crate) fn lab_policy() -> String {
    let text = include_str!("../../lab/hwprofile.toml").to_owned();
    NODES.iter().zip(0_u8..).fold(text, |text, (node, number)| {
        let pin = KeyPin([number; 32]).to_string();
        text.replace(&format!("{{{{key:{}}}}}", node.node), &pin)
    })
}

/// Runs a command with nothing to read.
pub(crate) fn ended(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("a program")
}

/// Runs a command with input from a pipe, of whatever length.
pub(crate) fn feed(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program");
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // A program that refuses early does not read everything.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("a writer");
    output
}

pub(crate) fn succeeded(run: &Output) {
    assert!(run.status.success(), "{}", both(run));
}

/// The run ended so, and standard error has each of these.
pub(crate) fn refused(run: &Output, exit: i32, says: &[&str]) {
    let said = said(run);
    assert_eq!(run.status.code(), Some(exit), "{said}");
    for piece in says {
        assert!(said.contains(piece), "no {piece:?}: {said}");
    }
}

/// Standard output, as text.
pub(crate) fn out(run: &Output) -> &str {
    std::str::from_utf8(&run.stdout).expect("UTF-8")
}

/// Standard error, as text.
pub(crate) fn said(run: &Output) -> &str {
    std::str::from_utf8(&run.stderr).expect("UTF-8")
}

/// Both streams, the output first; what is no text in them is shown as that.
pub(crate) fn both(run: &Output) -> String {
    let all = [&run.stdout[..], &run.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// A stream that must be one JSON document.
pub(crate) fn document(stream: &[u8]) -> Value {
    serde_json::from_slice(stream).expect("one JSON document")
}
