//! An object that is damaged, or newer than this program, is named as that.

use std::fs;
use std::process::Command;

#[test]
fn a_header_that_cannot_be_read_keeps_its_own_code_from_a_file_and_from_a_pipe() {
    let bench = tempfile::tempdir().expect("a directory");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferctl"));
        command.args(arguments).current_dir(bench.path());
        command
    };
    let done = |arguments: &[&str]| command(arguments).output().expect("a program");
    assert!(done(&["key", "new", "ring"]).status.success());
    fs::write(bench.path().join("plain"), "plain").expect("a file");
    let seal = ["seal", "--keyring", "ring", "plain", "-o", "sealed"];
    assert!(done(&seal).status.success());
    let sealed = fs::read(bench.path().join("sealed")).expect("an object");
    for (at, byte, code, says) in [
        (8, 9, "SE-303", "version 9"),
        (9, 9, "SE-304", "suite 9"),
        (10, 9, "SE-305", "layout 9"),
        (0, b'x', "CL-050", "neither a sealed object"),
    ] {
        let mut other = sealed.clone();
        other[at] = byte;
        fs::write(bench.path().join("other"), &other).expect("a file");
        let unseal = ["unseal", "--keyring", "ring"];
        let file = done(&[&unseal[..], &["other"]].concat());
        let input = fs::File::open(bench.path().join("other")).expect("a file");
        let pipe = command(&unseal).stdin(input).output().expect("a program");
        for run in [file, pipe] {
            let said = String::from_utf8_lossy(&run.stderr);
            assert_eq!(run.status.code(), Some(65), "{said}");
            assert!(said.contains(code) && said.contains(says), "{said}");
            assert!(run.stdout.is_empty());
        }
    }
}
