//! `rack show --svg` writes a picture beside a plan, never over it.

use std::fs;
use std::path::Path;
use std::process::Command;

fn show(directory: &Path, svg: &Path) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_cofferctl"))
        .args(["rack", "show", "--svg"])
        .args([svg, directory])
        .output()
        .expect("a program");
    let said = [run.stdout, run.stderr].concat();
    (
        run.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn plan() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/rack-42u");
    for entry in fs::read_dir(example).expect("an example") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        fs::copy(&path, copy.path().join(name)).expect("a copy");
    }
    copy
}

#[test]
fn no_file_of_the_plan_is_drawn_over_whether_it_is_there_or_not() {
    let plan = plan();
    fs::create_dir(plan.path().join("sub")).expect("a directory");
    for name in [
        "hwprofile.toml",
        "elevation.toml",
        "sub/../elevation.toml",
        "flows.toml",
        "services.toml",
        "manifest",
    ] {
        let file = plan.path().join(name);
        let before = fs::read(&file).ok();
        let (exit, said) = show(plan.path(), &file);
        assert_eq!(exit, Some(64), "{name}: {said}");
        assert!(said.contains("CL-054"), "{said}");
        assert_eq!(fs::read(&file).ok(), before, "{name}");
    }
}

#[test]
fn a_picture_is_whole_or_not_there_and_a_place_that_takes_none_is_a_failed_file() {
    let plan = plan();
    let svg = plan.path().join("door.svg");
    fs::write(&svg, "old").expect("a file");
    assert_eq!(show(plan.path(), &svg).0, Some(0));
    let drawn = fs::read_to_string(&svg).expect("a picture");
    assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"));
    let (exit, said) = show(plan.path(), &plan.path().join("none/door.svg"));
    assert_eq!(exit, Some(65), "{said}");
    assert!(said.contains("CL-041"), "{said}");
}
