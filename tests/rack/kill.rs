//! `kill -9` at random moments of a running submission: what was acknowledged is stored, exactly once.

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::stage::{Lab, kill_hard, pass, program, said};

/// How many times a program is killed while records are submitted.
const KILLS: usize = 20;
/// Records a submission. Enough that it runs for a good part of [`MOMENTS`].
const RECORDS: usize = 1000;
/// A program is killed at a random moment below this, in microseconds after the submission's start.
const MOMENTS: u64 = 150_000;
/// Submissions that are tried for [`KILLS`] kills: some have ended before their moment comes, and do not count.
const ROUNDS: usize = 8 * KILLS;

fn submit(lab: &Lab, directory: &Path, round: usize) -> Child {
    let line = |index| format!("{{\"reader\":\"r{round}\",\"n\":{index}}}");
    let lines: Vec<_> = (0..RECORDS).map(line).collect();
    let file = directory.join("records");
    std::fs::write(&file, lines.join("\n")).expect("written");
    Command::new(program("cofferctl"))
        .args(["submit", "stream", "events"])
        .arg(&file)
        .args(["--patience-seconds", "60", "--json", "--lab"])
        .arg(lab.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a submission")
}

fn kill_while_submitting(kind: &str) {
    let lab = Lab::start();
    let dir = tempfile::tempdir().expect("a directory");
    let chance = RandomState::new();
    let mut pid = lab.pid(kind);
    let mut running = None;
    let (mut acknowledged, mut kills) = (0, 0);
    for round in 0..ROUNDS {
        let mut child = submit(&lab, dir.path(), round);
        let moment = Duration::from_micros(chance.hash_one(round) % MOMENTS);
        pass(moment);
        if child.try_wait().expect("a child of ours").is_none() {
            kills += 1;
            kill_hard(pid);
            let again = lab.restart(kind);
            pid = again.id();
            drop(running.replace(again));
        }
        let output = child.wait_with_output().expect("its words");
        assert!(
            output.status.success(),
            "round {round}, killed after {moment:?}: {}",
            said(&output)
        );
        acknowledged += RECORDS;
        if kills == KILLS {
            break;
        }
    }
    assert_eq!(kills, KILLS, "too few submissions ran at their moment");
    assert!(lab.serves(), "{}", said(&lab.run(&["status"])));
    if let Err(counted) = lab.counts(acknowledged) {
        panic!("{acknowledged} were acknowledged; analytics counts: {counted}");
    }
}

#[test]
fn intake_killed_at_twenty_random_moments_stores_exactly_what_it_acknowledged() {
    kill_while_submitting("intake");
}

#[test]
fn storage_killed_at_twenty_random_moments_keeps_exactly_what_was_acknowledged() {
    kill_while_submitting("storage");
}

#[test]
fn a_keeper_killed_at_twenty_random_moments_costs_no_record_and_doubles_none() {
    kill_while_submitting("keeper");
}

#[test]
fn analytics_killed_at_twenty_random_moments_costs_no_record_and_doubles_none() {
    kill_while_submitting("analytics");
}
