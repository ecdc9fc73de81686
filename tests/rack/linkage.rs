//! What is linked into which program. A zone has only what it needs.

use std::process::Command;

use crate::stage::program;

fn contains(program_name: &str, symbol: &str) -> bool {
    let bytes = std::fs::read(program(program_name)).expect("the program");
    bytes
        .windows(symbol.len())
        .any(|window| window == symbol.as_bytes())
}

#[test]
fn intake_contains_no_code_that_opens_what_it_sealed() {
    for symbol in ["RecordOpener", "ObjectReader"] {
        assert!(
            contains("cofferd-storage", symbol),
            "{symbol} can be seen where it is used"
        );
        assert!(
            !contains("cofferd-intake", symbol),
            "{symbol} is in cofferd-intake"
        );
    }
}

#[test]
fn the_dialler_contains_no_code_for_keys_or_encryption() {
    for symbol in ["rustls", "cofferdam_seal", "cofferdam_node"] {
        assert!(
            contains("cofferd-intake", symbol),
            "{symbol} can be seen where it is used"
        );
        assert!(
            !contains("cofferd-dial", symbol),
            "{symbol} is in cofferd-dial"
        );
    }
}

#[test]
fn nothing_but_analytics_depends_on_datafusion() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--workspace",
            "-e",
            "normal",
            "-i",
            "datafusion",
            "--depth",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    let text = String::from_utf8_lossy(&tree.stdout).into_owned();
    let users: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("cofferdam-"))
        .collect();
    assert_eq!(users.len(), 1, "{text}");
    assert!(users[0].contains("cofferdam-analytics"), "{text}");
}
