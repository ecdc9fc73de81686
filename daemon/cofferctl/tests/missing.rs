//! `hw watch` where one required thing after the other goes missing.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cofferdam_cofferctl::lab::layout::{Layout, NODES};
use cofferdam_cofferctl::lab::tree;
use serde_json::Value;

/// A watch that a failed test takes with it.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_second_thing_that_goes_missing_is_told_as_the_first_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = Layout::new(directory.path(), 1).sysroot(&NODES[2]);
    tree::unpack(NODES[2].tree, &root).expect("unpacked");
    let mut policy = include_str!("../lab/hwprofile.toml").to_owned();
    for (node, number) in [("kp1", 0), ("st1", 1), ("in1", 2), ("an1", 3)] {
        let pin = cofferdam_hwprofile::KeyPin([number; 32]).to_string();
        policy = policy.replace(&format!("{{{{key:{node}}}}}"), &pin);
    }
    let file = directory.path().join("hwprofile.toml");
    std::fs::write(&file, policy).expect("written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_cofferctl"))
        .args(["--json", "hw", "watch", "--node", "st1", "--for", "25"])
        .args([Path::new("--policy"), &file, Path::new("--sysroot"), &root])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program");
    let out = child.stdout.take().expect("piped");
    let _ends_with_the_test = Watch(child);
    let mut verdicts = BufReader::new(out)
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("JSON"))
        .filter(|value| value["event"] == "verdict");
    let mut next = || verdicts.next().expect("a verdict before the end");
    assert_eq!(next()["verdict"], "match");
    for (drive, gone) in [("sda", 1), ("sdb", 2)] {
        std::fs::remove_file(root.join("sys/block").join(drive)).expect("taken out");
        let said = next();
        assert_eq!(said["verdict"], "missing", "{said}");
        assert_eq!(
            said["missing"].as_array().map(Vec::len),
            Some(gone),
            "{said}"
        );
    }
}
