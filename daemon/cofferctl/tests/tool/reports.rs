//! A directory of reports holds reports: anything else in it is named, and nothing in it is waited for.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, example};

#[test]
fn what_is_no_report_is_refused_by_whatever_name_and_of_whatever_kind() {
    let check = |prepare: &dyn Fn(&Path)| {
        let bench = Bench::new();
        prepare(bench.path());
        let rack = example("rack-42u").display().to_string();
        bench.ends(&["rack", "check", "--reports", ".", &rack], 65, "RK-059");
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
    let bench = Bench::with_example("services");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(bench.at("services.toml"))
        .expect("a file");
    file.set_len(1 << 26).expect("a hole");
    let advise = ["rack", "advise", "reporting", "etl", "--rack", "."];
    bench.ends(&advise, 78, "longer than 1 MiB");
}
