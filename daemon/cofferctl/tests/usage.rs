//! A command line that is not one, told to a person and to a program.

use std::process::{Command, Output};

use serde_json::Value;

fn ask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cofferctl"))
        .args(arguments)
        .output()
        .expect("a program")
}

#[test]
fn a_program_gets_one_document_for_a_command_line_that_is_not_one() {
    for arguments in [
        &["--json"][..],
        &["--json", "nothing"],
        &["hw", "check", "--json"],
        &["hw", "facts", "--sysrot", "/", "--json"],
    ] {
        let run = ask(arguments);
        assert_eq!(run.status.code(), Some(64), "{arguments:?}");
        assert!(run.stderr.is_empty(), "{arguments:?}");
        let said: Value = serde_json::from_slice(&run.stdout).expect("one JSON document");
        assert_eq!(said["exit"], 64, "{said}");
        assert_eq!(said["refusals"][0]["code"], "CL-002", "{said}");
    }
}

#[test]
fn no_document_takes_the_place_of_the_data() {
    for arguments in [
        &["--json", "unseal", "--keyrng", "ring"][..],
        &["seal", "--json", "--suite", "none"],
        &["field", "decrypt", "--json", "--colum", "c"],
    ] {
        let run = ask(arguments);
        assert_eq!(run.status.code(), Some(64), "{arguments:?}");
        assert!(run.stdout.is_empty(), "{arguments:?}");
        let said: Value = serde_json::from_slice(&run.stderr).expect("one JSON document");
        assert_eq!(said["refusals"][0]["code"], "CL-002", "{said}");
    }
}

#[test]
fn a_person_gets_the_words_and_help_is_no_fault() {
    let run = ask(&["hw", "check"]);
    assert_eq!(run.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&run.stderr).contains("--policy"));
    // What follows two dashes is a file by that name.
    let run = ask(&["unseal", "--", "--json", "--json"]);
    assert_eq!(run.status.code(), Some(64));
    assert!(run.stderr.starts_with(b"error:"));
    for arguments in [&["--help"][..], &["--json", "--help"], &["--version"]] {
        let run = ask(arguments);
        assert_eq!(run.status.code(), Some(0), "{arguments:?}");
        assert!(run.stdout.starts_with(b"cofferctl") || run.stdout.starts_with(b"The tool"));
    }
    let help = String::from_utf8(ask(&["--help"]).stdout).expect("text");
    assert!(help.contains("prints one a line"), "{help}");
}
