//! Rows of a column: as many come out as go in, whole, and for no more eyes than before.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("a directory"));
        assert!(bench.run(&["key", "new", "ring"]).status.success());
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cofferctl"))
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .expect("a program")
    }

    fn token(&self) -> String {
        fs::write(self.at("plain"), "a").expect("a file");
        let token = self.run(&["seal", "--keyring", "ring", "--token", "plain"]);
        String::from_utf8(token.stdout)
            .expect("a token")
            .trim()
            .to_owned()
    }

    fn column(&self, work: &str, document: &str, more: &[&str]) -> Output {
        fs::write(self.at("document"), document).expect("a file");
        let fixed = [
            "field",
            work,
            "--keyring",
            "ring",
            "--column",
            "c",
            "document",
        ];
        self.run(&[&fixed[..], more].concat())
    }
}

fn refused(run: &Output, code: &str, row: &str) {
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(65), "{said}");
    assert!(said.contains(code) && said.contains(row), "{said}");
}

#[test]
fn a_blank_line_is_refused_and_an_empty_value_that_is_written_passes() {
    let bench = Bench::new();
    let token = bench.token();
    let run = bench.column("decrypt", &format!("c\n{token}\n\n{token}\n"), &[]);
    refused(&run, "CL-064", "row 3");
    let run = bench.column("adopt", &format!("c\n{token}\n\n"), &["-o", "out"]);
    refused(&run, "CL-064", "row 3");
    assert!(!bench.at("out").exists());
    let run = bench.column("decrypt", &format!("c\n{token}\n\"\"\n{token}\n"), &[]);
    assert_eq!(String::from_utf8_lossy(&run.stdout), "c\na\n\"\"\na\n");
}

#[test]
fn a_row_that_is_refused_leaves_no_part_of_itself() {
    let bench = Bench::new();
    let token = bench.token();
    let document = format!("name,c\nAda,{token}\nGrace,never\n");
    let run = bench.column("decrypt", &document, &[]);
    refused(&run, "CL-062", "row 2");
    assert_eq!(String::from_utf8_lossy(&run.stdout), "name,c\nAda,a\n");
}

#[test]
fn a_document_whose_column_was_adopted_is_for_its_owner_as_its_other_columns_are_plain() {
    let bench = Bench::new();
    let document = format!("name,c\nAda,{}\n", bench.token());
    assert!(
        bench
            .column("adopt", &document, &["-o", "out"])
            .status
            .success()
    );
    let mode = bench.at("out").metadata().expect("a file").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}
