//! Verdicts on segments: delivered, tried again, set aside as a dead letter.

use super::*;
use crate::position::FileState;
use crate::refusal::ConsumeError;

#[test]
fn a_segment_that_fails_steps_back_and_then_aside_without_blocking_the_rest() {
    let mut rig = Rig::new();
    rig.put(&tags(0..12));
    assert_eq!(rig.refuse_head(), Some(Fate::Retry));
    assert_eq!(rig.deliver().expect("the next one").segment, 2);
    assert_eq!(rig.refuse_head(), Some(Fate::DeadLettered));
    assert!(rig.engine().head().is_none());
    let files = rig.disk.files();
    let reason = &files[&PathBuf::from("/spool/dead/0000001000-0000000001.reason")];
    let reason = String::from_utf8(reason.clone()).unwrap();
    assert_eq!(
        reason,
        "attempt 1 at 1000000 ms: refused by the test\n\
         attempt 2 at 1000000 ms: refused by the test\n"
    );
    rig.check();
    let again = rig.put(&tags(0..12));
    assert!(
        again
            .iter()
            .all(|answer| matches!(answer, Ok(Put::Duplicate(_))))
    );
    rig.reopen();
    assert_eq!((rig.recovery.dead, rig.engine().depth().dead), (1, 1));
}

#[test]
fn failed_attempts_are_counted_across_a_crash() {
    let mut rig = Rig::new();
    rig.put(&tags(0..6));
    assert_eq!(rig.refuse_head(), Some(Fate::Retry));
    rig.disk.power_cut(0);
    rig.reopen();
    assert_eq!(rig.refuse_head(), Some(Fate::DeadLettered));
    rig.check();
}

#[test]
fn a_dead_letter_whose_reason_was_taken_away_is_offered_again() {
    let mut rig = Rig::new();
    rig.put(&tags(0..6));
    rig.refuse_head();
    assert_eq!(rig.refuse_head(), Some(Fate::DeadLettered));
    rig.stop();
    let number = Number {
        epoch: 1000,
        segment: 1,
    };
    let place = crate::place::Place::new(&rig.settings.dir);
    let disk = rig.disk.clone();
    let dead = place.dead(number, FileState::Ready);
    let ready = place.segment(number, FileState::Ready);
    crate::medium::Medium::rename(&disk, &dead, &ready).unwrap();
    crate::medium::Medium::remove(&disk, &place.dead(number, FileState::Reason)).unwrap();
    rig.reopen();
    assert_eq!(rig.deliver().expect("sent round again").segment, 1);
    rig.check();
}

#[test]
fn a_verdict_on_a_segment_that_is_not_waiting_is_refused() {
    let mut rig = Rig::new();
    rig.put(&tags(0..6));
    let id = rig.deliver().unwrap();
    assert!(matches!(
        rig.engine().delivered(&id),
        Err(ConsumeError::Unknown)
    ));
    let other = crate::SegmentId {
        producer: "in2".to_owned(),
        ..id
    };
    assert!(matches!(
        rig.engine().delivered(&other),
        Err(ConsumeError::Unknown)
    ));
}
