//! `kill -9` in the middle of a submission: what was acknowledged is stored, exactly once.

use std::process::{Command, Stdio};

use crate::stage::{Lab, kill_hard, program, said};

/// How many times a program is killed.
const KILLS: usize = 20;
/// Records a round.
const RECORDS: usize = 50;

fn records(round: usize) -> String {
    let line = |index| format!("{{\"reader\":\"r{round}\",\"n\":{index}}}");
    (0..RECORDS).map(line).collect::<Vec<_>>().join("\n")
}

fn kill_while_submitting(kind: &str) {
    let lab = Lab::start();
    let dir = tempfile::tempdir().expect("a directory");
    let first = lab.zone(kind)["pid"].as_u64().expect("a pid");
    let mut pid = u32::try_from(first).expect("a pid");
    let mut running = None;
    let mut acknowledged = 0;
    for round in 0..KILLS {
        let file = dir.path().join("records");
        std::fs::write(&file, records(round)).expect("written");
        let mut child = Command::new(program("cofferctl"))
            .args(["submit", "stream", "events"])
            .arg(&file)
            .args(["--patience-seconds", "60", "--json", "--lab"])
            .arg(lab.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a submission");
        // A different moment each time, without a clock: the busy wait is longer in each round.
        let spin = (0..(u64::try_from(round).expect("small") * 400_000))
            .fold(0_u64, |sum, n| sum.wrapping_add(n * n));
        assert!(spin < u64::MAX);
        kill_hard(pid);
        let again = lab.restart(kind);
        pid = again.id();
        drop(running.replace(again));
        let ended = child.wait().expect("it ends");
        let output = child.wait_with_output().expect("its words");
        assert!(ended.success(), "round {round}: {}", said(&output));
        acknowledged += RECORDS;
    }
    let mut counted = String::new();
    for _ in 0..5000 {
        let sql = "select count(*) as n, count(distinct id) as ids from events";
        let asked = lab.run(&["query", sql, "--format", "csv"]);
        counted = String::from_utf8_lossy(&asked.stdout).into_owned();
        if counted.contains(&format!("\r\n{acknowledged},{acknowledged}\r\n")) {
            return;
        }
    }
    panic!("{acknowledged} were acknowledged; analytics counts: {counted}");
}

#[test]
fn intake_killed_twenty_times_stores_exactly_what_it_acknowledged() {
    kill_while_submitting("intake");
}

#[test]
fn storage_killed_twenty_times_keeps_exactly_what_was_acknowledged() {
    kill_while_submitting("storage");
}
