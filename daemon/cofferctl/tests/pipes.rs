//! Standard output belongs to the data, byte for byte, whoever reads: what is said of it goes to standard error.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("a directory"));
        assert!(bench.run(&["key", "new", "ring"], b"").status.success());
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferctl"));
        for name in ["CREDENTIALS_DIRECTORY", "FERNET_KEY", "field_key_dir"] {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.0.path());
        command
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program");
        // A program that refuses early does not read everything; the inputs here fit into a pipe.
        drop(child.stdin.take().expect("a pipe").write_all(input));
        child.wait_with_output().expect("an end")
    }
}

/// What is said beside the data, as the one document that it must be.
fn beside(output: &Output) -> Value {
    serde_json::from_slice(&output.stderr).expect("one JSON document")
}

#[test]
fn what_is_sealed_for_a_program_opens_again_byte_for_byte() {
    let bench = Bench::new();
    for suite in [
        &["--suite", "fernet"][..],
        &["--suite", "cobblestone-128"],
        &["--token"],
    ] {
        let seal = [&["--json", "seal", "--keyring", "ring"], suite].concat();
        let sealed = bench.run(&seal, b"plain\n");
        assert_eq!(beside(&sealed)["exit"], 0, "{suite:?}");
        let opened = bench.run(&["unseal", "--keyring", "ring"], &sealed.stdout);
        assert_eq!(opened.stdout, b"plain\n", "{suite:?}");
        let opened = bench.run(&["--json", "unseal", "--keyring", "ring"], &sealed.stdout);
        assert_eq!(opened.stdout, b"plain\n", "{suite:?}");
        let said = beside(&opened);
        assert_eq!(said["verdict"], "opened: 6 bytes, every one verified");
    }
}

#[test]
fn the_values_of_a_column_come_alone_and_their_counts_beside_them() {
    let bench = Bench::new();
    let token = bench.run(&["seal", "--keyring", "ring", "--token"], b"a");
    let arguments = ["field", "decrypt", "--keyring", "ring"];
    let opened = bench.run(&arguments, &token.stdout);
    assert_eq!(opened.stdout, b"a\n");
    assert!(opened.stderr.starts_with(b"opened: 0 cells, 1 tokens"));
    let opened = bench.run(&[&["--json"], &arguments[..]].concat(), &token.stdout);
    assert_eq!(opened.stdout, b"a\n");
    let said = beside(&opened);
    assert_eq!(
        said["verdict"],
        "opened: 0 cells, 1 tokens; 0 empty, 0 never encrypted"
    );
}

#[test]
fn a_refusal_in_the_middle_of_a_stream_puts_nothing_behind_what_was_opened() {
    let bench = Bench::new();
    let plain: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(bench.at("plain"), &plain).expect("a file");
    let sealed = bench
        .run(&["seal", "--keyring", "ring", "plain"], b"")
        .stdout;
    fs::write(bench.at("cut"), &sealed[..sealed.len() - 40]).expect("a file");
    let cut = fs::File::open(bench.at("cut")).expect("a file");
    let opened = bench
        .command(&["--json", "unseal", "--keyring", "ring"])
        .stdin(cut)
        .output()
        .expect("a program");
    assert_eq!(opened.status.code(), Some(65));
    assert!(!opened.stdout.is_empty(), "verified pieces pass");
    assert!(plain.starts_with(&opened.stdout), "and nothing else");
    assert_eq!(beside(&opened)["exit"], 65);
}

#[test]
fn with_a_file_for_the_data_standard_output_has_the_document() {
    let bench = Bench::new();
    let arguments = ["--json", "seal", "--keyring", "ring", "-o", "sealed"];
    let sealed = bench.run(&arguments, b"plain");
    let said: Value = serde_json::from_slice(&sealed.stdout).expect("one JSON document");
    assert_eq!(said["result"]["file"], "sealed");
    assert!(sealed.stderr.is_empty());
}

#[test]
fn an_output_that_takes_no_more_is_a_refusal_though_little_was_written() {
    let bench = Bench::new();
    let token = bench.run(&["seal", "--keyring", "ring", "--token"], b"a");
    fs::write(bench.at("token"), token.stdout).expect("a file");
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let opened = bench
        .command(&["unseal", "--keyring", "ring", "token"])
        .stdout(full)
        .output()
        .expect("a program");
    assert_eq!(opened.status.code(), Some(65), "a part of it is lost");
}
