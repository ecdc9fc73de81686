//! A command line that is not one, told to a person and to a program.

use crate::bench::{Bench, document, out, said};

#[test]
fn a_program_gets_one_document_for_a_command_line_that_is_not_one() {
    let bench = Bench::new();
    for arguments in [
        &["--json"][..],
        &["--json", "nothing"],
        &["hw", "check", "--json"],
        &["hw", "facts", "--sysrot", "/", "--json"],
    ] {
        let run = bench.run(arguments);
        assert_eq!(run.status.code(), Some(64), "{arguments:?}");
        assert!(run.stderr.is_empty(), "{arguments:?}");
        let told = document(&run.stdout);
        assert_eq!(told["exit"], 64, "{told}");
        assert_eq!(told["refusals"][0]["code"], "CL-002", "{told}");
    }
}

#[test]
fn no_document_takes_the_place_of_the_data() {
    let bench = Bench::new();
    for arguments in [
        &["--json", "unseal", "--keyrng", "ring"][..],
        &["seal", "--json", "--suite", "none"],
        &["field", "decrypt", "--json", "--colum", "c"],
    ] {
        let run = bench.run(arguments);
        assert_eq!(run.status.code(), Some(64), "{arguments:?}");
        assert!(run.stdout.is_empty(), "{arguments:?}");
        let told = document(&run.stderr);
        assert_eq!(told["refusals"][0]["code"], "CL-002", "{told}");
    }
}

#[test]
fn a_person_gets_the_words_and_help_is_no_fault() {
    let bench = Bench::new();
    let run = bench.run(&["hw", "check"]);
    assert_eq!(run.status.code(), Some(64));
    assert!(said(&run).contains("--policy"));
    // What follows two dashes is a file by that name.
    let run = bench.run(&["unseal", "--", "--json", "--json"]);
    assert_eq!(run.status.code(), Some(64));
    assert!(run.stderr.starts_with(b"error:"));
    for arguments in [&["--help"][..], &["--json", "--help"], &["--version"]] {
        let run = bench.run(arguments);
        assert_eq!(run.status.code(), Some(0), "{arguments:?}");
        assert!(run.stdout.starts_with(b"cofferctl") || run.stdout.starts_with(b"The tool"));
    }
    let run = bench.run(&["--help"]);
    assert!(out(&run).contains("prints one a line"), "{}", out(&run));
}
