//! `cofferctl hw watch` as a person runs it, over a captured machine that changes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::{Bench, Watching, out};

/// Storage's machine and the lab's policy.
fn machine(bench: &Bench) -> (String, String) {
    let (root, policy) = (bench.machine("st1"), bench.policy());
    (root.display().to_string(), policy.display().to_string())
}

fn drive(root: &str) -> PathBuf {
    Path::new(root).join("sys/devices/pci0000:00/usb1/1-1/host9/block/sdz")
}

#[test]
fn a_device_that_comes_and_goes_is_two_changes_of_the_verdict() {
    let bench = Bench::new();
    let (root, policy) = machine(&bench);
    let arguments = ["--policy", &policy, "--node", "st1", "--sysroot", &root];
    let mut watching = Watching::start(&bench, &arguments);
    let first = watching.next("verdict");
    assert_eq!(
        (&first["verdict"], &first["grade"]),
        (&"match".into(), &"E0 simulated".into())
    );
    fs::create_dir_all(drive(&root)).expect("made");
    fs::write(drive(&root).join("removable"), "1\n").expect("written");
    let link = Path::new(&root).join("sys/block/sdz");
    std::os::unix::fs::symlink("../devices/pci0000:00/usb1/1-1/host9/block/sdz", &link)
        .expect("linked");
    let second = watching.next("verdict");
    assert_eq!(second["verdict"], "refused", "{second}");
    assert_eq!(second["refusals"][0]["code"], "HW-170", "{second}");
    fs::remove_file(&link).expect("taken out");
    assert_eq!(watching.next("verdict")["verdict"], "match");
    let (code, last) = watching.interrupt();
    assert_eq!(code, Some(0), "{last}");
    assert_eq!(last["result"]["verdict"], "match", "{last}");
}

#[test]
fn without_a_policy_nothing_is_judged_and_changes_are_told() {
    let bench = Bench::new();
    let (root, _policy) = machine(&bench);
    let mut watching = Watching::start(&bench, &["--sysroot", &root]);
    assert_eq!(watching.next("verdict")["verdict"], "not judged");
    let nic = fs::read_dir(Path::new(&root).join("sys/class/net")).expect("adapters");
    let nic = nic
        .flatten()
        .find(|entry| entry.file_name() != "lo")
        .expect("an adapter");
    fs::remove_file(nic.path()).expect("taken out");
    let changed = watching.next("changed");
    assert!(
        changed["changes"][0]
            .as_str()
            .is_some_and(|text| text.contains("network adapter")),
        "{changed}"
    );
    assert_eq!(watching.interrupt().0, Some(0));
}

#[test]
fn the_watch_ends_by_itself_when_its_time_is_over_and_says_so_in_text() {
    let bench = Bench::new();
    let (root, policy) = machine(&bench);
    let places = ["--policy", &policy, "--sysroot", &root];
    let rest = ["--node", "an1", "--for", "1"];
    let run = bench.run(&[&["hw", "watch"], &places[..], &rest].concat());
    let text = out(&run);
    assert_eq!(run.status.code(), Some(69), "{text}");
    assert!(
        text.contains("verdict  refused") && text.contains("HW-301"),
        "{text}"
    );
    assert!(
        text.lines()
            .last()
            .is_some_and(|line| line.starts_with("refused at the end")),
        "{text}"
    );
}
