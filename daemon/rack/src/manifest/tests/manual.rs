//! The manual's word on the manifest: its example is one, its codes and verbs are those that exist.

use super::*;

const MANUAL: &str = include_str!("../../../../../docs/manifest.md");

/// The example under the heading of a file.
fn example(name: &str) -> &'static str {
    let (_, section) = MANUAL.split_once(&format!("\n## {name}\n")).unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    block.split_once("```").unwrap().0
}

#[test]
fn the_examples_are_a_manifest() {
    let (dir, operator) = (tempfile::tempdir().unwrap(), key("op-anna"));
    for name in FILES {
        fs::write(dir.path().join(name), example(name)).unwrap();
    }
    sign(&dir, 12, &[&operator]).unwrap_or_else(|faults| panic!("{faults}"));
    let manifest = load(&dir, &operators(&[&operator], 1)).unwrap();
    assert_eq!(manifest.pins().len(), 4);
    assert_eq!(manifest.flows.rules().len(), 5);
}

#[test]
fn every_code_of_the_manual_exists_and_every_code_of_a_signature_stands_there() {
    let codes: Vec<&str> = crate::CODES.iter().map(|entry| entry.code).collect();
    for told in MANUAL.split("RK-").skip(1) {
        let code = format!("RK-{}", told.chars().take(3).collect::<String>());
        assert!(codes.contains(&code.as_str()), "{code}");
    }
    for code in codes {
        let told =
            code.starts_with("RK-1") || code.starts_with("RK-2") || code.starts_with("RK-04");
        assert!(!told || MANUAL.contains(code), "{code}");
    }
}

#[test]
fn every_verb_stands_in_the_manual_with_those_who_answer_it() {
    for verb in crate::Verb::ALL {
        assert!(MANUAL.contains(&format!("`{verb}`")), "{verb}");
    }
}
