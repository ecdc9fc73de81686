//! Rows of a column: as many come out as go in, whole, and for no more eyes than before.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use crate::bench::{Bench, out, refused, succeeded};

impl Bench {
    fn token(&self) -> String {
        fs::write(self.at("plain"), "a").expect("a file");
        let token = self.run(&["seal", "--keyring", "ring", "--token", "plain"]);
        out(&token).trim().to_owned()
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

#[test]
fn a_blank_line_is_refused_and_an_empty_value_that_is_written_passes() {
    let bench = Bench::with_ring();
    let token = bench.token();
    let run = bench.column("decrypt", &format!("c\n{token}\n\n{token}\n"), &[]);
    refused(&run, 65, &["CL-064", "row 3"]);
    let run = bench.column("adopt", &format!("c\n{token}\n\n"), &["-o", "out"]);
    refused(&run, 65, &["CL-064", "row 3"]);
    assert!(!bench.at("out").exists());
    let run = bench.column("decrypt", &format!("c\n{token}\n\"\"\n{token}\n"), &[]);
    assert_eq!(out(&run), "c\na\n\"\"\na\n");
}

#[test]
fn a_row_that_is_refused_leaves_no_part_of_itself() {
    let bench = Bench::with_ring();
    let token = bench.token();
    let document = format!("name,c\nAda,{token}\nGrace,never\n");
    let run = bench.column("decrypt", &document, &[]);
    refused(&run, 65, &["CL-062", "row 2"]);
    assert_eq!(out(&run), "name,c\nAda,a\n");
}

#[test]
fn a_document_whose_column_was_adopted_is_for_its_owner_as_its_other_columns_are_plain() {
    let bench = Bench::with_ring();
    let document = format!("name,c\nAda,{}\n", bench.token());
    succeeded(&bench.column("adopt", &document, &["-o", "out"]));
    let mode = bench.at("out").metadata().expect("a file").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}
