//! Logs that are whole: what is counted and read of them, from anywhere, and what is not looked at.

use super::*;
use crate::verify::{Fault, Verified};

#[test]
fn an_untouched_log_is_whole_and_its_events_are_counted() {
    let scene = log();
    check(&scene, Ok(600));
    let Verified {
        origin,
        events,
        bytes,
        signed_by,
        ..
    } = scene.verify().unwrap();
    assert_eq!(origin, ORIGIN);
    assert_eq!(events.values().sum::<u64>(), 600);
    let kinds = u64::try_from(crate::Event::ALL.len()).unwrap();
    assert_eq!(events["heartbeat"], 600 / kinds);
    assert!(bytes > 200_000);
    assert_eq!(signed_by, vec![scene.verifier()]);
}

#[test]
fn an_empty_log_and_one_of_each_size_around_a_bundle_are_whole() {
    for size in [0, 1, 2, 255, 256, 257, 512] {
        check(&Scene::with_leaves(size), Ok(size));
    }
}

#[test]
fn what_lies_beyond_the_checkpoint_is_not_looked_at() {
    let scene = Scene::with_leaves(40);
    fs::write(scene.path("tile/0/000.p/41"), b"ahead").unwrap();
    fs::write(scene.path("tile/entries/000.p/notes"), b"no number").unwrap();
    fs::write(scene.path("tile/entries/001"), b"ahead").unwrap();
    check(&scene, Ok(40));
}

#[test]
fn a_partial_tile_that_is_gone_is_taken_from_the_full_one() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..200);
    trail.publish().unwrap();
    let checkpoint = fs::read(scene.path("checkpoint")).unwrap();
    fill(&trail, 200..300);
    trail.close().unwrap();
    fs::write(scene.path("checkpoint"), checkpoint).unwrap();
    check(&scene, Ok(200));
    assert_eq!(entries(&scene.dir()).unwrap().count(), 200);
}

#[test]
fn leaves_are_read_in_order_from_anywhere() {
    let scene = log();
    let all: Vec<_> = entries(&scene.dir()).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), 600);
    for (at, (index, line)) in all.iter().enumerate() {
        assert_eq!(usize::try_from(*index).unwrap(), at);
        assert!(line.contains(&format!("\"sequence\":{at},")));
    }
    for from in [0, 1, 255, 256, 511, 599, 600, 9999] {
        let tail = entries(&scene.dir()).unwrap().skip_to(from).unwrap();
        let indices: Vec<_> = tail.map(|entry| entry.unwrap().0).collect();
        assert_eq!(indices, (from..600).collect::<Vec<_>>());
    }
}

#[test]
fn reading_leaves_stops_at_the_first_that_is_missing() {
    let scene = log();
    fs::remove_file(scene.path("tile/entries/001")).unwrap();
    let read: Vec<_> = entries(&scene.dir()).unwrap().collect();
    assert_eq!(read.len(), 257);
    assert_eq!(read[256].as_ref().unwrap_err().code, "TR-206");
    let none = entries(&scene.path("nowhere")).unwrap_err();
    assert_eq!(none.code, "TR-201");
}

#[test]
fn a_fault_reads_as_a_sentence_with_its_leaf() {
    let fault = Fault::new("TR-208", "x holds a changed leaf".to_owned()).at(7);
    assert_eq!(fault.to_string(), "x holds a changed leaf (leaf 7)");
    assert!(fault.fix.contains("edited"));
}
