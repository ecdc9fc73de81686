//! Tests of the closed reader of TOML: lines, suggestions, every fault at once.

use super::*;
use proptest::prelude::*;

/// Reads with `read` and gives the codes and lines of all faults.
fn check(
    text: &str,
    read: impl Fn(&mut Sheet<'_>, &Table<'_>),
    expect: &[(&str, usize)],
) -> String {
    let faults = match parse("f.toml", text, "nothing is believed") {
        Err(faults) => Some(faults),
        Ok((mut sheet, document)) => {
            let root = Table::root(&document);
            read(&mut sheet, &root);
            sheet.finish()
        }
    };
    let refusals = faults.map(Faults::into_refusals).unwrap_or_default();
    let seen: Vec<_> = refusals
        .iter()
        .map(|refusal| (refusal.code.as_str(), refusal.rule.as_ref().unwrap().line))
        .collect();
    assert_eq!(seen, expect, "{refusals:#?}");
    refusals
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(
            "
",
        )
}

#[test]
fn a_syntax_fault_is_told_with_its_line_and_the_line_itself() {
    let said = check(
        "version = 1\n\nwhy = no quotes\n",
        |_, _| {},
        &[("RK-001", 3)],
    );
    assert!(said.contains("f.toml:3"), "{said}");
    assert!(said.contains("why = no quotes"), "{said}");
}

#[test]
fn a_key_given_twice_is_a_syntax_fault() {
    check("a = 1\na = 2\n", |_, _| {}, &[("RK-001", 2)]);
}

#[test]
fn every_unknown_key_is_told_at_once_with_a_suggestion_where_one_is_near() {
    let said = check(
        "vresion = 1\nsiet = 2\nxyzzy = 3\n",
        |sheet, root| sheet.close(root, &["version", "site"]),
        &[("RK-002", 1), ("RK-002", 2), ("RK-002", 3)],
    );
    assert!(said.contains("did you mean version?"), "{said}");
    assert!(said.contains("did you mean site?"), "{said}");
    assert!(
        said.contains("unknown key \"xyzzy\" at the top of the file"),
        "{said}"
    );
}

#[test]
fn a_missing_key_is_told_at_the_line_of_its_table() {
    check(
        "\n\n[a]\n",
        |sheet, root| {
            let cell = sheet.required(root, "a").unwrap();
            let table = sheet.table(&cell).unwrap();
            assert!(sheet.required(&table, "b").is_none());
        },
        &[("RK-003", 3)],
    );
}

#[test]
fn each_wrong_type_says_what_was_seen_and_what_to_write() {
    let said = check(
        "a = 1\nb = \"x\"\nc = []\nd = 1.5\ne = 2020-01-01\nf = true\n",
        |sheet, root| {
            let cell = sheet.optional(root, "a").unwrap();
            assert!(sheet.text(&cell).is_none());
            let cell = sheet.optional(root, "b").unwrap();
            assert!(sheet.integer(&cell, 0, 9).is_none());
            let cell = sheet.optional(root, "c").unwrap();
            assert!(sheet.table(&cell).is_none());
            let cell = sheet.optional(root, "d").unwrap();
            assert!(sheet.array(&cell).is_none());
            let cell = sheet.optional(root, "e").unwrap();
            assert!(sheet.boolean(&cell).is_none());
            let cell = sheet.optional(root, "f").unwrap();
            assert!(sheet.grams(&cell).is_none());
        },
        &[
            ("RK-004", 1),
            ("RK-004", 2),
            ("RK-004", 3),
            ("RK-004", 4),
            ("RK-004", 5),
            ("RK-004", 6),
        ],
    );
    assert!(said.contains("d is a number with decimals"), "{said}");
    assert!(said.contains("write a list in brackets"), "{said}");
}

#[test]
fn a_number_outside_its_bounds_is_refused_with_the_bounds() {
    let said = check(
        "a = 10\nb = -1\nc = 99999999999999999999\n",
        |sheet, root| {
            for key in ["a", "b", "c"] {
                let cell = sheet.optional(root, key).unwrap();
                assert!(sheet.integer(&cell, 0, 9).is_none());
            }
        },
        &[("RK-005", 1), ("RK-005", 2), ("RK-005", 3)],
    );
    assert!(said.contains("from 0 to 9"), "{said}");
}

#[test]
fn a_number_may_be_written_in_any_radix_of_toml() {
    check(
        "a = 0x0a\nb = 1_0\n",
        |sheet, root| {
            for key in ["a", "b"] {
                let cell = sheet.optional(root, key).unwrap();
                assert_eq!(sheet.integer(&cell, 0, 99), Some(10));
            }
        },
        &[],
    );
}

fn version(sheet: &mut Sheet<'_>, root: &Table<'_>) {
    sheet.version_one(root);
}

#[test]
fn another_version_is_refused() {
    check("version = 2\n", version, &[("RK-006", 1)]);
    check("", version, &[("RK-003", 1)]);
    check("version = 1\n", version, &[]);
}

#[test]
fn an_empty_reason_is_no_reason() {
    let read = |sheet: &mut Sheet<'_>, root: &Table<'_>| assert!(sheet.reason(root).is_none());
    check("why = \"  \"\n", read, &[("RK-005", 1)]);
    check("\n", read, &[("RK-003", 1)]);
}

#[test]
fn a_file_beyond_its_bound_is_refused_before_it_is_read() {
    check(
        &"#".repeat(FILE_LIMIT_BYTES + 1),
        |_, _| {},
        &[("RK-008", 1)],
    );
    check(&"#".repeat(FILE_LIMIT_BYTES), |_, _| {}, &[]);
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let text = format!("a = {}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(parse("f.toml", &text, "nothing is believed").is_err());
}

proptest! {
    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}|([a-z]{1,3} ?= \
        ?[0-9\"\\[\\]{}a-z.\\n]{0,8}\\n){0,8}") {
        if let Ok((mut sheet, document)) = parse("f.toml", &text, "nothing is believed") {
            let root = Table::root(&document);
            sheet.close(&root, &["version"]);
            sheet.version_one(&root);
            prop_assert!(sheet.finish().is_some() || text.contains("version"));
        }
    }
}
