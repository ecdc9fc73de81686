//! `hw watch` where one required thing after the other goes missing.

use std::fs;

use crate::bench::{Bench, Watching};

#[test]
fn the_second_thing_that_goes_missing_is_told_as_the_first_was() {
    let bench = Bench::new();
    let (root, policy) = (bench.machine("st1"), bench.policy());
    let places = [policy, root.clone()].map(|path| path.display().to_string());
    let mut watching = Watching::start(
        &bench,
        &[
            "--node",
            "st1",
            "--for",
            "25",
            "--policy",
            &places[0],
            "--sysroot",
            &places[1],
        ],
    );
    let mut next = || watching.next("verdict");
    assert_eq!(next()["verdict"], "match");
    for (drive, gone) in [("sda", 1), ("sdb", 2)] {
        fs::remove_file(root.join("sys/block").join(drive)).expect("taken out");
        let said = next();
        assert_eq!(said["verdict"], "missing", "{said}");
        assert_eq!(
            said["missing"].as_array().map(Vec::len),
            Some(gone),
            "{said}"
        );
    }
}
