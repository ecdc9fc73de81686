//! A disk that fills up under a running intake: it says so, loses nothing that it acknowledged, and goes on when there is room.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::stage::{Lab, Running, kill_hard, program, said, skipped, within};

/// The size of the queue's disk at first: it holds some hundred records of [`LONG`] bytes.
const SMALL: &str = "1m";
/// And when an operator has given it room.
const LARGE: &str = "64m";
/// The length of a record.
const LONG: usize = 10_000;
/// Records that are submitted, one by one.
const RECORDS: usize = 200;

/// Whether this machine lets a test have a file system of its own.
fn may_mount() -> bool {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Intake, with its queues on a small disk that grows when a line is written to its input.
fn intake_on_a_small_disk(lab: &Lab) -> Running {
    let script = "set -e
        mount -t tmpfs -o size=$1,mode=0700 queue \"$2\"
        \"$3\" --config \"$4\" &
        trap 'kill $!' EXIT
        read -r line
        mount -o remount,size=$5 queue \"$2\"
        read -r line";
    let state = lab.path().join("intake");
    let log = lab.log("intake");
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .args(["sh", "-c", script, "sh", SMALL])
        .arg(state.join("spool"))
        .arg(program("cofferd-intake"))
        .arg(state.join("node.toml"))
        .arg(LARGE)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("a shell");
    Running::new(child)
}

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_keeps_what_it_acknowledged() {
    if !may_mount() {
        skipped("this machine gives no user namespace, so no disk was filled");
        return;
    }
    let lab = Lab::start();
    // Nothing is delivered meanwhile, so nothing makes room.
    kill_hard(lab.pid("storage"));
    kill_hard(lab.pid("intake"));
    let mut intake = intake_on_a_small_disk(&lab);
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("record").display().to_string();
    let mut acknowledged = 0;
    let mut refusal = None;
    let up = within(Duration::from_secs(60), || {
        said(&lab.run(&["status"])).starts_with("3 of 4")
    });
    assert!(up, "{}", said(&lab.run(&["status"])));
    for index in 0..RECORDS {
        let text = format!("{{\"n\":{index},\"text\":\"{}\"}}", "x".repeat(LONG));
        std::fs::write(&file, text).expect("written");
        let output = lab.run(&[
            "submit",
            "--patience-seconds",
            "0",
            "stream",
            "events",
            &file,
        ]);
        if output.status.success() {
            acknowledged += 1;
        } else {
            refusal = Some(output);
            break;
        }
    }
    let refused = refusal.expect("the disk was full in the end");
    let text = said(&refused);
    assert_eq!(refused.status.code(), Some(75), "{text}");
    assert!(
        text.contains("the disk is full") && text.contains("SP-"),
        "{text}"
    );
    assert!(acknowledged > 10, "{acknowledged} were acknowledged before");
    intake.tell("room");
    let _storage = lab.restart("storage");
    let output = lab.run(&[
        "submit",
        "--patience-seconds",
        "60",
        "stream",
        "events",
        &file,
    ]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(lab.counts(acknowledged + 1), Ok(()));
    intake.tell("done");
    assert!(intake.end_within(Duration::from_secs(15)).is_some());
}
