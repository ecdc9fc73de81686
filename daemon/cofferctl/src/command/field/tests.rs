//! Columns as the field of old left them: every kind of value, both shapes of input, and what is refused.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cofferdam_seal::FernetKey;

use super::*;
use crate::cli::FieldArguments;

struct Fixture {
    directory: tempfile::TempDir,
    ring: Keyring,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let ring = Keyring::create(&directory.path().join("ring")).expect("a ring");
        Self { directory, ring }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn cell(&self, value: &str) -> String {
        STANDARD.encode(self.token(value))
    }

    fn token(&self, value: &str) -> String {
        self.ring.encrypt(value.as_bytes(), 7).expect("randomness")
    }

    fn run(
        &self,
        work: Work,
        input: &str,
        column: Option<&str>,
        take_plain: &str,
    ) -> Result<(String, String), String> {
        std::fs::write(self.at("in"), input).expect("a file");
        let arguments = FieldArguments {
            keyring: Some(self.at("ring")),
            column: column.map(str::to_owned),
            take_plain: take_plain == "take",
            input: Some(self.at("in")),
            output: Some(self.at("out")),
        };
        let command = match work {
            Work::Decrypt => FieldCommand::Decrypt(arguments),
            Work::Adopt => FieldCommand::Adopt(arguments),
        };
        match run(&command) {
            Ok(verdict) => {
                let out = std::fs::read_to_string(self.at("out")).expect("an output");
                Ok((out, format!("{verdict:?}")))
            }
            Err(failure) => {
                let left = std::fs::read_dir(self.at(".")).expect("a directory");
                let names = left.map(|entry| entry.expect("an entry").file_name());
                let parts = names.filter(|name| name.to_string_lossy().ends_with(".part"));
                assert_eq!(parts.count(), 0, "half an output");
                Err(failure.refusals[0].to_string())
            }
        }
    }

    fn refuses(&self, input: &str, column: Option<&str>, code: &str, place: &str) {
        for work in [Work::Decrypt, Work::Adopt] {
            let said = self.run(work, input, column, "").expect_err("refused");
            assert!(said.contains(code) && said.contains(place), "{said}");
        }
    }
}

#[test]
fn cells_tokens_and_empty_values_are_opened_line_by_line() {
    let fixture = Fixture::new();
    let input = format!(
        "{}\n\n{}\r\n{}",
        fixture.cell("a"),
        fixture.token("b"),
        fixture.cell("ü")
    );
    let (out, said) = fixture
        .run(Work::Decrypt, &input, None, "")
        .expect("opened");
    assert_eq!(out, "a\n\nb\nü\n");
    assert!(
        said.contains("2 cells, 1 tokens; 1 empty, 0 never"),
        "{said}"
    );
}

#[test]
fn one_column_of_a_csv_document_is_opened_and_the_others_stay() {
    let fixture = Fixture::new();
    let input = format!(
        "id,license,note\n1,{},\"x, \"\"y\"\"\"\n2,,\n",
        fixture.cell("two\nlines, \"q\"")
    );
    let (out, _) = fixture
        .run(Work::Decrypt, &input, Some("license"), "")
        .expect("opened");
    assert_eq!(
        out,
        "id,license,note\n1,\"two\nlines, \"\"q\"\"\",\"x, \"\"y\"\"\"\n2,,\n"
    );
}

#[test]
fn an_adopted_column_holds_tokens_and_adopting_it_again_changes_nothing() {
    let fixture = Fixture::new();
    let input = format!("{}\n{}\n\nnever\n", fixture.cell("a"), fixture.token("b"));
    let (once, _) = fixture
        .run(Work::Adopt, &input, None, "take")
        .expect("adopted");
    assert!(
        !once.contains("never") && !once.contains("Z0FBQUFB"),
        "{once}"
    );
    let (twice, _) = fixture.run(Work::Adopt, &once, None, "").expect("adopted");
    assert_eq!(twice, once);
    let (plain, _) = fixture.run(Work::Decrypt, &once, None, "").expect("opened");
    assert_eq!(plain, "a\nb\n\nnever\n");
}

#[test]
fn a_column_goes_to_a_new_key_and_the_old_one_opens_nothing_any_more() {
    let fixture = Fixture::new();
    let cell = fixture.cell("a");
    let ring = Keyring::add_primary(&fixture.at("ring")).expect("added");
    let (adopted, _) = fixture.run(Work::Adopt, &cell, None, "").expect("adopted");
    assert!(fixture.ring.decrypt(adopted.trim(), None).is_err());
    let primary = Keyring::from_keys(vec![ring.primary().duplicate()]).expect("a ring");
    assert_eq!(
        primary
            .decrypt(adopted.trim(), None)
            .expect("opened")
            .as_slice(),
        b"a"
    );
    assert_eq!(
        primary.extract_timestamp(adopted.trim()).expect("a time"),
        7
    );
}

#[test]
fn a_cell_of_a_lost_key_is_named_by_its_row_and_nothing_is_written() {
    let fixture = Fixture::new();
    let lost =
        Keyring::from_keys(vec![FernetKey::generate().expect("randomness")]).expect("a ring");
    let lost = STANDARD.encode(lost.encrypt(b"gone", 7).expect("randomness"));
    let input = format!("{}\n{lost}\n", fixture.cell("a"));
    fixture.refuses(&input, None, "CL-061", "row 2");
    let said = fixture
        .run(Work::Decrypt, &input, None, "take")
        .expect_err("refused");
    assert!(said.contains("defect 1") && !said.contains(&lost), "{said}");
}

#[test]
fn what_was_never_encrypted_is_refused_unless_it_is_asked_for_and_never_repeated() {
    let fixture = Fixture::new();
    fixture.refuses("grade=A\n", None, "CL-062", "row 1");
    fixture.refuses("c\n\"grade=A\"\n", Some("c"), "CL-062", "row 1");
    let said = fixture
        .run(Work::Decrypt, "grade=A\n", None, "")
        .expect_err("refused");
    assert!(!said.contains("grade"), "{said}");
    let (out, _) = fixture
        .run(Work::Decrypt, "grade=A\n", None, "take")
        .expect("taken");
    assert_eq!(out, "grade=A\n");
}

#[test]
fn a_line_break_an_absent_column_and_a_ragged_document_are_refused() {
    let fixture = Fixture::new();
    let said = fixture
        .run(Work::Decrypt, &fixture.cell("two\nlines"), None, "")
        .expect_err("refused");
    assert!(said.contains("CL-063"), "{said}");
    fixture.refuses("a,b\n1,2\n", Some("c"), "CL-060", "c");
    fixture.refuses("a,b\n1\n", Some("a"), "CL-064", "row 2");
}

#[test]
fn the_defects_of_the_field_are_named_where_the_data_shows_them() {
    let fixture = Fixture::new();
    let copy = fixture.cell("grade=A");
    let input = format!(
        "{copy}\n{}\n{copy}\n\n{}\n",
        fixture.cell("b'scope'"),
        fixture.cell(&"x".repeat(1 << 20))
    );
    let (_, said) = fixture
        .run(Work::Decrypt, &input, None, "")
        .expect("opened");
    for defect in [
        "1 values read b'...'",
        "1 cells are copies",
        "1 values are larger",
        "1 values are empty",
        "177 %",
    ] {
        assert!(said.contains(defect), "{defect}: {said}");
    }
}
