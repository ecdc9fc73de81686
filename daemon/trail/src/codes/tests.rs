//! Tests of the table of codes, beside the sources and the manual.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::CODES;

/// Every code in the sources of this crate, tests and the table itself left out.
fn written(folder: &Path, codes: &mut BTreeSet<String>) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            written(&path, codes);
        } else if !["codes.rs", "tests.rs", "scene.rs", "vectors.rs"].contains(&name.as_str()) {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let found = text
                .split('"')
                .filter(|part| part.starts_with("TR-") && part.len() == 6);
            codes.extend(found.map(str::to_owned));
        }
    }
}

#[test]
fn the_table_holds_every_code_that_is_written_and_no_other() {
    let mut codes = BTreeSet::new();
    written(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut codes,
    );
    let table: BTreeSet<_> = CODES.iter().map(|entry| entry.code.to_owned()).collect();
    assert_eq!(codes, table);
}

#[test]
fn the_table_is_sorted_and_each_code_tells_what_to_do() {
    assert!(CODES.is_sorted_by(|one, two| one.code < two.code));
    for entry in CODES {
        assert!(entry.meaning.ends_with('.'), "{}", entry.code);
        assert!(
            entry.mend.len() > 10 && !entry.mend.ends_with('.'),
            "{}",
            entry.code
        );
        assert!(
            !entry.title.is_empty() && entry.title.len() < 40,
            "{}",
            entry.code
        );
    }
}

#[test]
fn the_manual_names_every_code() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/trail.md");
    let text = fs::read_to_string(manual).unwrap();
    for entry in CODES {
        assert!(
            text.contains(entry.code),
            "docs/trail.md does not name {}",
            entry.code
        );
    }
}
