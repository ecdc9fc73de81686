//! `rack show --svg` writes a picture beside a plan, never over it.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, both, ended};

fn show(plan: &Bench, svg: &Path) -> (Option<i32>, String) {
    let mut command = plan.command(&["rack", "show", "--svg"]);
    let run = ended(command.args([svg, plan.path()]));
    (run.status.code(), both(&run))
}

#[test]
fn no_file_of_the_plan_is_drawn_over_whether_it_is_there_or_not() {
    let plan = Bench::with_example("rack-42u");
    fs::create_dir(plan.at("sub")).expect("a directory");
    for name in [
        "hwprofile.toml",
        "elevation.toml",
        "sub/../elevation.toml",
        "flows.toml",
        "services.toml",
        "manifest",
    ] {
        let file = plan.at(name);
        let before = fs::read(&file).ok();
        let (exit, said) = show(&plan, &file);
        assert_eq!(exit, Some(64), "{name}: {said}");
        assert!(said.contains("CL-054"), "{said}");
        assert_eq!(fs::read(&file).ok(), before, "{name}");
    }
}

#[test]
fn a_picture_is_whole_or_not_there_and_a_place_that_takes_none_is_a_failed_file() {
    let plan = Bench::with_example("rack-42u");
    let svg = plan.at("door.svg");
    fs::write(&svg, "old").expect("a file");
    assert_eq!(show(&plan, &svg).0, Some(0));
    let drawn = fs::read_to_string(&svg).expect("a picture");
    assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"));
    let (exit, said) = show(&plan, &plan.at("none/door.svg"));
    assert_eq!(exit, Some(65), "{said}");
    assert!(said.contains("CL-041"), "{said}");
}
