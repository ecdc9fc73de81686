//! `lab demo`, whole.

use crate::stage::{cofferctl, said};

#[test]
fn the_demo_passes_every_step_and_leaves_no_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let lab = directory.path().join("lab");
    let run = cofferctl(&["lab", "demo", "--dir", &lab.display().to_string()]);
    let text = said(&run);
    assert!(run.status.success(), "{text}");
    for step in [
        "manifest",
        "evidence",
        "submit climate",
        "submit events",
        "files",
        "batches",
        "query",
        "audit verify",
        "recovery",
        "strangers",
        "tampered trail",
        "shared chassis",
        "stop",
        "nothing plain",
    ] {
        assert!(
            text.contains(&format!("ok   {step}")),
            "step {step} is missing:\n{text}"
        );
    }
    assert!(text.contains("HW-211"), "the refusal is shown:\n{text}");
    assert!(
        text.lines()
            .filter(|line| line.contains("ok   "))
            .all(|line| line.contains("E0"))
    );
}

#[test]
fn a_demo_in_a_directory_that_holds_something_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("mine"), "mine").expect("written");
    let run = cofferctl(&[
        "lab",
        "demo",
        "--dir",
        &directory.path().display().to_string(),
    ]);
    assert_eq!(run.status.code(), Some(78), "{}", said(&run));
    assert!(said(&run).contains("LAB-001"));
    let left: Vec<_> = std::fs::read_dir(directory.path())
        .expect("there")
        .collect();
    assert_eq!(left.len(), 1);
}
