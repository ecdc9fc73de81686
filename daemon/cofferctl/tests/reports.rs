//! A directory of reports holds reports: anything else in it is named, and nothing in it is waited for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn example(name: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    examples.join(name)
}

fn ends(arguments: &[&Path], exit: i32, code: &str) {
    let run = Command::new(env!("CARGO_BIN_EXE_cofferctl"))
        .arg("rack")
        .args(arguments)
        .output()
        .expect("a program");
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert_eq!(run.status.code(), Some(exit), "{said}");
    assert!(said.contains(code), "{said}");
}

#[test]
fn what_is_no_report_is_refused_by_whatever_name_and_of_whatever_kind() {
    let check = |prepare: &dyn Fn(&Path)| {
        let reports = tempfile::tempdir().expect("a directory");
        prepare(reports.path());
        let (words, rack) = (["check", "--reports"].map(Path::new), example("rack-42u"));
        ends(&[words[0], words[1], reports.path(), &rack], 65, "RK-059");
    };
    check(&|at| fs::write(at.join("fs1.JSON"), "{}").expect("a file"));
    check(&|at| fs::write(at.join("README"), "later").expect("a file"));
    check(&|at| fs::create_dir(at.join("old")).expect("a directory"));
    check(&|at| fs::create_dir(at.join("fs1.json")).expect("a directory"));
    check(&|at| {
        let mode = nix::sys::stat::Mode::S_IRWXU;
        nix::unistd::mkfifo(&at.join("fs1.json"), mode).expect("a pipe");
    });
}

#[test]
fn a_plan_that_is_longer_than_any_is_not_read_to_its_end() {
    let rack = tempfile::tempdir().expect("a directory");
    for name in ["hwprofile.toml", "services.toml"] {
        fs::copy(example("services").join(name), rack.path().join(name)).expect("a copy");
    }
    let file = fs::OpenOptions::new()
        .write(true)
        .open(rack.path().join("services.toml"))
        .expect("a file");
    file.set_len(1 << 26).expect("a hole");
    let advise = ["advise", "reporting", "etl", "--rack"].map(Path::new);
    ends(
        &[&advise[..], &[rack.path()]].concat(),
        78,
        "longer than 1 MiB",
    );
}
