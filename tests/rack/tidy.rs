//! The tree itself: what a reader may rely on everywhere.

use std::path::{Path, PathBuf};

use crate::stage::files_below;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources() -> Vec<PathBuf> {
    ["hwprofile", "daemon", "packaging", "tests"]
        .iter()
        .flat_map(|folder| files_below(&root().join(folder)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn every_source_says_first_what_it_owns() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).expect("a source");
        assert!(text.starts_with("//!"), "{}", path.display());
    }
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let names = [
        "mod", "utils", "util", "helpers", "common", "misc", "manager", "types", "prelude",
    ];
    for path in sources() {
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        assert!(!names.contains(&stem), "{}", path.display());
    }
}

#[test]
fn nothing_is_left_unfinished_or_ignored() {
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
    ];
    for path in sources() {
        let text = std::fs::read_to_string(&path).expect("a source");
        for word in words {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let (_, section) = text
        .split_once("[workspace.dependencies]")
        .expect("the section");
    let (section, _) = section
        .split_once("[workspace.lints")
        .expect("the next section");
    let comments: String = section
        .lines()
        .filter(|line| line.starts_with('#'))
        .collect();
    for line in section
        .lines()
        .filter(|line| line.contains('=') && !line.starts_with('#'))
    {
        let name = line.split('=').next().unwrap_or_default().trim();
        let own = name.starts_with("cofferdam-");
        let named =
            comments.contains(name) || comments.contains(name.split('-').next().unwrap_or(name));
        assert!(own || named, "{name} has no reason");
    }
}
