//! The engine, driven step by step on a disk that fails on demand.

use super::rig::{Rig, settings, tag};
use crate::consumer::Fate;
use crate::medium::simulated::{EIO, ENOSPC, Fault, wide};
use crate::position::{FileState, Number};
use crate::producer::Put;
use crate::refusal::{ConsumeError, PutError};
use cofferdam_seal::Tag;
use proptest::prelude::*;
use std::path::PathBuf;

fn tags(range: std::ops::Range<u8>) -> Vec<Tag> {
    range.map(tag).collect()
}

fn codes(answers: &[Result<Put, PutError>]) -> Vec<&'static str> {
    answers
        .iter()
        .map(|answer| answer.as_ref().map_or_else(PutError::code, |_| "ok"))
        .collect()
}

#[test]
fn records_put_together_share_one_write_and_one_sync() {
    let mut rig = Rig::new();
    rig.put(&tags(0..1));
    let before = rig.disk.log().len();
    let answers = rig.put(&tags(1..4));
    assert_eq!(rig.disk.log()[before..], ["append", "sync"]);
    let at = |record| {
        Put::Stored(
            Number {
                epoch: 1000,
                segment: 1,
            }
            .position(record),
        )
    };
    assert_eq!(
        answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        [at(1), at(2), at(3)]
    );
    rig.check();
}

#[test]
fn a_new_segment_is_acknowledged_only_after_its_name_is_on_disk() {
    let mut rig = Rig::new();
    let before = rig.disk.log().len();
    rig.put(&tags(0..1));
    assert_eq!(
        rig.disk.log()[before..],
        ["create", "append", "sync", "sync_dir"]
    );
}

#[test]
fn a_repeat_is_answered_with_the_place_of_the_first_copy() {
    let mut rig = Rig::new();
    let answers = rig.put(&[tag(1), tag(2), tag(1)]);
    let at = |record| {
        Number {
            epoch: 1000,
            segment: 1,
        }
        .position(record)
    };
    assert_eq!(*answers[2].as_ref().unwrap(), Put::Duplicate(at(0)));
    let again = rig.put(&[tag(2)]);
    assert_eq!(*again[0].as_ref().unwrap(), Put::Duplicate(at(1)));
    rig.check();
}

#[test]
fn a_repeat_shares_the_fate_of_a_first_copy_that_the_disk_refused() {
    let mut rig = Rig::new();
    rig.disk.fail(Some(Fault {
        operation: "sync",
        errno: EIO,
        after: 0,
        times: 1,
    }));
    let answers = rig.put(&[tag(1), tag(1)]);
    assert_eq!(codes(&answers), ["SP-013", "SP-013"]);
    rig.check();
}

#[test]
fn a_repeat_of_a_delivered_record_is_known_also_after_a_crash() {
    let mut rig = Rig::new();
    rig.put(&tags(0..3));
    rig.engine().flush().unwrap();
    rig.deliver();
    rig.disk.power_cut(0);
    rig.reopen();
    let answers = rig.put(&tags(0..3));
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(Put::Duplicate(_))))
    );
    assert_eq!(*rig.keys.given.lock().unwrap(), 1, "a repeat needs no key");
    rig.check();
}

#[test]
fn a_segment_closes_at_its_number_of_records_and_a_batch_goes_on_in_the_next() {
    let mut rig = Rig::new();
    let answers = rig.put(&tags(0..15));
    assert_eq!(codes(&answers), ["ok"; 15]);
    assert_eq!(rig.engine().depth().segments, 2);
    assert_eq!(rig.engine().depth().records, 15);
    let first = rig.engine().head().unwrap();
    assert_eq!((first.records, first.closed), (6, true));
    rig.check();
}

#[test]
fn a_segment_closes_at_its_number_of_bytes() {
    let mut rig = Rig::with(crate::SpoolSettings {
        segment_bytes: 800,
        ..settings()
    });
    rig.put(&tags(0..4));
    let head = rig.engine().head().expect("closed by its length");
    assert!(head.bytes >= 800 && head.records < 4, "{head:?}");
    rig.check();
}

#[test]
fn a_segment_closes_at_its_age_and_not_a_moment_before() {
    let mut rig = Rig::new();
    rig.put(&tags(0..1));
    let opened = rig.now_ms;
    rig.engine().tick(opened + 4_999).unwrap();
    assert!(rig.engine().head().is_none());
    rig.engine().tick(opened + 5_000).unwrap();
    assert!(rig.engine().head().expect("aged").closed);
}

#[test]
fn a_clock_that_was_set_back_keeps_a_segment_open_for_one_age_at_most() {
    let mut rig = Rig::new();
    rig.put(&tags(0..1));
    rig.engine().tick(10).unwrap();
    rig.engine().tick(10 + 4_999).unwrap();
    assert!(rig.engine().head().is_none());
    rig.engine().tick(10 + 5_000).unwrap();
    assert!(rig.engine().head().is_some());
}

#[test]
fn a_full_disk_refuses_the_batch_keeps_what_was_acknowledged_and_recovers() {
    let mut rig = Rig::new();
    rig.put(&tags(0..2));
    rig.disk.set_free(Some(100));
    let answers = rig.put(&tags(2..4));
    assert_eq!(codes(&answers), ["SP-012", "SP-012"]);
    rig.check();
    // What was acknowledged can be delivered, which is what makes room.
    let head = rig
        .engine()
        .head()
        .expect("the segment was closed as it stood");
    assert_eq!((head.records, head.closed), (2, false));
    let keys = *rig.keys.given.lock().unwrap();
    assert_eq!(codes(&rig.put(&tags(2..4))), ["SP-012", "SP-012"]);
    assert_eq!(
        *rig.keys.given.lock().unwrap(),
        keys,
        "no key is spent on a full disk"
    );
    rig.disk.set_free(None);
    assert_eq!(codes(&rig.put(&tags(2..4))), ["ok", "ok"]);
    rig.check();
}

#[test]
fn a_full_disk_at_every_single_write_loses_nothing_and_ends_when_space_returns() {
    for free in (0..3000).step_by(37) {
        let mut rig = Rig::new();
        rig.put(&tags(0..2));
        rig.disk.set_free(Some(free));
        for number in 2..14 {
            rig.put(&[tag(number)]);
            rig.check();
        }
        rig.disk.set_free(None);
        assert_eq!(codes(&rig.put(&tags(0..14))), ["ok"; 14]);
        rig.check();
    }
}

#[test]
fn a_full_disk_while_the_final_record_is_written_hands_the_segment_over_unclosed() {
    let mut rig = Rig::new();
    rig.put(&tags(0..2));
    rig.disk.set_free(Some(5));
    rig.engine().flush().unwrap();
    let head = rig.engine().head().unwrap();
    assert_eq!((head.records, head.closed), (2, false));
    rig.deliver();
    rig.check();
}

#[test]
fn a_disk_without_a_byte_left_can_still_be_delivered_from() {
    let mut rig = Rig::new();
    rig.put(&tags(0..12));
    rig.disk.set_free(Some(0));
    assert_eq!(codes(&rig.put(&tags(12..13))), ["SP-012"]);
    assert_eq!(rig.deliver().expect("the first").segment, 1);
    assert_eq!(rig.deliver().expect("the second").segment, 2);
    assert!(
        rig.engine().head().is_none(),
        "both were recorded and removed"
    );
    rig.check();
}

#[test]
fn a_disk_without_a_byte_left_can_still_be_opened_and_delivered_from() {
    let mut rig = Rig::new();
    rig.put(&tags(0..12));
    rig.disk.set_free(Some(0));
    rig.reopen();
    assert_eq!(rig.engine().depth().segments, 2);
    // The puts eat what the reserve had to leave.
    for number in 12..100 {
        rig.put(&[tag(number)]);
    }
    rig.disk.set_free(Some(0));
    let waiting = rig.engine().depth().segments;
    for _ in 0..waiting {
        rig.deliver().expect("a segment");
    }
    assert!(
        rig.engine().head().is_none(),
        "all were recorded and removed"
    );
    rig.check();
}

#[test]
fn a_sync_that_fails_ends_the_segment_and_a_new_one_is_begun() {
    let mut rig = Rig::new();
    rig.put(&tags(0..2));
    rig.disk.fail(Some(Fault {
        operation: "sync",
        errno: EIO,
        after: 0,
        times: 1,
    }));
    assert_eq!(codes(&rig.put(&tags(2..3))), ["SP-013"]);
    rig.check();
    let answer = rig.put(&tags(2..3)).remove(0).unwrap();
    assert_eq!(
        answer,
        Put::Stored(
            Number {
                epoch: 1000,
                segment: 2
            }
            .position(0)
        )
    );
    assert_eq!(rig.engine().head().unwrap().records, 2);
    rig.check();
}

#[test]
fn while_the_disk_will_not_let_a_refused_tail_be_cut_nothing_is_stored() {
    let mut rig = Rig::new();
    rig.put(&tags(0..2));
    rig.disk.fail(Some(Fault {
        operation: "any",
        errno: EIO,
        after: 1,
        times: 1000,
    }));
    assert_eq!(codes(&rig.put(&tags(2..3))), ["SP-013"]);
    assert_eq!(codes(&rig.put(&tags(3..4))), ["SP-013"]);
    assert!(
        rig.engine().head().is_none(),
        "a tail of unknown length is not handed over"
    );
    rig.disk.fail(None);
    assert_eq!(codes(&rig.put(&tags(2..4))), ["ok", "ok"]);
    assert_eq!(rig.engine().head().unwrap().records, 2);
    rig.check();
}

#[test]
fn every_operation_that_fails_once_loses_nothing_and_is_got_over() {
    for errno in [EIO, ENOSPC] {
        for after in 0.. {
            let mut rig = Rig::new();
            let operations = rig.disk.operations();
            rig.disk.fail(Some(Fault {
                operation: "any",
                errno,
                after,
                times: 1,
            }));
            script(&mut rig, Rig::check);
            let done = rig.disk.operations() - operations < after;
            rig.disk.fail(None);
            // All of it again: what failed is stored now, what did not is known.
            assert_eq!(
                codes(&rig.put(&tags(0..20))),
                ["ok"; 20],
                "operation {after}"
            );
            rig.check();
            drain(&mut rig);
            rig.check();
            if done {
                break;
            }
        }
    }
}

#[test]
fn a_power_cut_at_every_single_operation_loses_nothing_and_repeats_nothing() {
    for share in [0, 100, 200, 255] {
        for nth in 0.. {
            let mut rig = Rig::new();
            rig.disk.crash_after(nth, share);
            script(&mut rig, |rig| {
                if !rig.disk.is_dead() {
                    rig.check();
                }
            });
            let crashed = rig.disk.is_dead();
            rig.stop();
            rig.disk.power_cut(share);
            rig.reopen();
            rig.check();
            assert_eq!(codes(&rig.put(&tags(0..20))), ["ok"; 20], "operation {nth}");
            rig.check();
            drain(&mut rig);
            rig.check();
            if !crashed {
                break;
            }
        }
    }
}

#[test]
fn a_kill_at_every_single_operation_and_again_while_recovering_loses_nothing() {
    for nth in 0.. {
        let mut rig = Rig::new();
        rig.disk.crash_after(nth, 128);
        script(&mut rig, |_| {});
        let crashed = rig.disk.is_dead();
        rig.stop();
        for during in 0..8 {
            rig.disk.kill();
            rig.disk.crash_after(during, 77);
            rig.reopen();
        }
        rig.stop();
        rig.disk.kill();
        rig.reopen();
        rig.check();
        assert_eq!(codes(&rig.put(&tags(0..20))), ["ok"; 20], "operation {nth}");
        rig.check();
        if !crashed {
            break;
        }
    }
}

/// A life of a spool, with everything in it; goes on as far as the disk lets it.
fn script(rig: &mut Rig, mut after_each: impl FnMut(&mut Rig)) {
    let steps: [fn(&mut Rig); 10] = [
        |rig| drop(rig.put(&tags(0..3))),
        |rig| drop(rig.put(&tags(2..9))),
        |rig| drop(rig.deliver()),
        |rig| drop(rig.engine().flush()),
        |rig| drop(rig.put(&tags(8..12))),
        refuse,
        refuse,
        |rig| drop(rig.engine().flush()),
        refuse,
        |rig| drop(rig.put(&tags(12..16))),
    ];
    for step in steps {
        if rig.disk.is_dead() {
            return;
        }
        step(rig);
        after_each(rig);
    }
}

fn refuse(rig: &mut Rig) {
    let before = rig.engine().depth().segments;
    let buried = rig.refuse_head() == Some(Fate::DeadLettered);
    assert_eq!(rig.engine().depth().segments, before - u64::from(buried));
}

fn drain(rig: &mut Rig) {
    rig.engine().flush().unwrap();
    while rig.deliver().is_some() {}
    assert_eq!(rig.engine().depth().segments, 0);
}

#[test]
fn the_segment_of_a_former_epoch_is_cut_at_its_intact_length_and_handed_over_unclosed() {
    let mut rig = Rig::new();
    rig.put(&tags(0..3));
    let path = PathBuf::from("/spool/segments/0000001000-0000000001.open");
    let intact = rig.disk.files()[&path].len();
    rig.disk
        .tamper(&path, |bytes| bytes.extend_from_slice(&[7; 33]));
    rig.disk.kill();
    rig.reopen();
    let torn = &rig.recovery.torn[0];
    assert_eq!(
        (torn.file.clone(), torn.offset, torn.bytes),
        (path, wide(intact), 33)
    );
    let kept = torn.kept.clone().expect("the cut bytes are kept");
    assert_eq!(rig.disk.files()[&kept], [7; 33]);
    assert_eq!((rig.recovery.segments, rig.recovery.records), (1, 3));
    let head = rig.engine().head().unwrap();
    assert_eq!(
        (head.id.epoch, head.closed, head.bytes),
        (1000, false, wide(intact))
    );
    // It is never continued.
    let next = rig.put(&[tag(3)]).remove(0).unwrap();
    assert_eq!(
        next,
        Put::Stored(
            Number {
                epoch: 1001,
                segment: 1
            }
            .position(0)
        )
    );
    rig.check();
}

#[test]
fn what_a_killed_process_wrote_and_did_not_sync_is_synced_before_it_counts() {
    let mut rig = Rig::new();
    rig.put(&tags(0..2));
    // Neither the sync of the batch nor the cut after it: the batch is in the file, unsynced.
    rig.disk.fail(Some(Fault {
        operation: "any",
        errno: EIO,
        after: 1,
        times: 2,
    }));
    assert_eq!(codes(&rig.put(&tags(2..3))), ["SP-013"]);
    rig.stop();
    rig.disk.kill();
    rig.reopen();
    assert!(matches!(rig.put(&tags(2..3))[..], [Ok(Put::Duplicate(_))]));
    rig.stop();
    rig.disk.power_cut(0);
    rig.reopen();
    rig.check();
    assert_eq!(rig.engine().head().unwrap().records, 3);
}

#[test]
fn a_tail_torn_at_any_byte_leaves_exactly_the_records_before_it() {
    let mut rig = Rig::new();
    rig.put(&tags(0..2));
    let path = PathBuf::from("/spool/segments/0000001000-0000000001.open");
    let acknowledged = rig.disk.files()[&path].len();
    rig.put(&tags(2..3));
    let whole = rig.disk.files()[&path].clone();
    rig.stop();
    for length in acknowledged..whole.len() {
        rig.disk.put_file(&path, &whole[..length]);
        rig.reopen();
        let head = rig.engine().head().unwrap();
        assert_eq!((head.records, head.bytes), (2, wide(acknowledged)));
        assert_eq!(rig.recovery.torn.len(), usize::from(length > acknowledged));
        let ready = head.path.clone();
        rig.stop();
        crate::medium::Medium::remove(&rig.disk, &ready).unwrap();
    }
}

#[test]
fn a_half_written_first_batch_leaves_no_segment_behind() {
    let mut rig = Rig::new();
    rig.put(&tags(0..1));
    let path = PathBuf::from("/spool/segments/0000001000-0000000001.open");
    rig.disk.tamper(&path, |bytes| bytes.truncate(300));
    rig.disk.kill();
    rig.reopen();
    assert_eq!((rig.recovery.segments, rig.recovery.torn[0].offset), (0, 0));
    assert!(!rig.disk.files().contains_key(&path));
}

#[test]
fn a_segment_damaged_after_it_was_closed_is_a_dead_letter_and_the_rest_goes_on() {
    let mut rig = Rig::new();
    rig.put(&tags(0..12));
    let first = rig.engine().head().unwrap();
    rig.disk.tamper(&first.path, |bytes| bytes[700] ^= 1);
    rig.disk.kill();
    rig.reopen();
    let damaged = &rig.recovery.damaged[0];
    assert_eq!(
        damaged.file,
        PathBuf::from("/spool/dead/0000001000-0000000001.ready")
    );
    assert!(
        rig.disk.files().contains_key(&damaged.file),
        "not a byte is thrown away"
    );
    assert!((512..=700).contains(&damaged.offset), "{damaged:?}");
    assert_eq!(rig.engine().head().unwrap().id.segment, 2);
    assert_eq!(rig.recovery.dead, 1);
}

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

#[test]
fn a_delivery_that_crashed_before_its_file_was_removed_is_finished_and_not_repeated() {
    let mut rig = Rig::new();
    rig.put(&tags(0..6));
    rig.disk.fail(Some(Fault {
        operation: "remove",
        errno: EIO,
        after: 0,
        times: 100,
    }));
    rig.deliver();
    rig.disk.fail(None);
    assert!(rig.engine().head().is_some(), "the file is still there");
    rig.reopen();
    assert!(rig.engine().head().is_none());
    assert_eq!(rig.recovery.segments, 0);
    rig.check();
}

#[test]
fn a_closed_engine_refuses_records_and_is_drained_when_the_last_segment_left() {
    let mut rig = Rig::new();
    rig.put(&tags(0..1));
    rig.engine().close().unwrap();
    assert_eq!(codes(&rig.put(&tags(1..2))), ["SP-015"]);
    assert!(!rig.engine().is_drained());
    rig.deliver();
    assert!(rig.engine().is_drained());
}

#[test]
fn every_opening_begins_an_epoch_above_all_before_and_not_below_the_clock() {
    let mut rig = Rig::new();
    assert_eq!(rig.recovery.epoch, 1000);
    rig.reopen();
    assert_eq!(rig.recovery.epoch, 1001);
    rig.now_ms = 5_000_000;
    rig.reopen();
    assert_eq!(rig.recovery.epoch, 5000);
    rig.now_ms = 1;
    rig.reopen();
    assert_eq!(rig.recovery.epoch, 5001);
}

#[test]
fn nothing_plain_is_ever_on_disk() {
    let mut rig = Rig::new();
    rig.put(&tags(1..14));
    rig.engine().flush().unwrap();
    for (path, bytes) in rig.disk.files() {
        for number in 1..14 {
            let plain = &super::rig::payload(tag(number))[16..];
            let plain = if plain.len() < 8 { continue } else { plain };
            let found = bytes.windows(plain.len()).any(|window| window == plain);
            assert!(!found, "record {number} is plain in {}", path.display());
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u8>),
    Flush,
    Pass(u64),
    Deliver,
    Receive,
    Refuse,
    Kill,
    PowerCut(u8),
    CrashAfter(u64, u8),
    Free(Option<usize>),
    FailSync(u64),
    FailAny(u64, i32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::collection::vec(0..60_u8, 1..9).prop_map(Step::Put),
        2 => Just(Step::Flush),
        2 => (0..7_000_u64).prop_map(Step::Pass),
        2 => Just(Step::Deliver),
        2 => Just(Step::Receive),
        2 => Just(Step::Refuse),
        1 => Just(Step::Kill),
        1 => any::<u8>().prop_map(Step::PowerCut),
        2 => (0..12_u64, any::<u8>()).prop_map(|(nth, share)| Step::CrashAfter(nth, share)),
        1 => proptest::option::of(0..2_000_usize).prop_map(Step::Free),
        1 => (0..3_u64).prop_map(Step::FailSync),
        1 => (0..6_u64, prop_oneof![Just(EIO), Just(ENOSPC)])
            .prop_map(|(after, errno)| Step::FailAny(after, errno)),
    ]
}

fn take(rig: &mut Rig, step: &Step) {
    match step {
        Step::Put(numbers) => {
            let batch: Vec<_> = numbers.iter().copied().map(tag).collect();
            drop(rig.put(&batch));
        }
        Step::Flush => drop(rig.engine().flush()),
        Step::Pass(ms) => {
            rig.now_ms += ms;
            let now_ms = rig.now_ms;
            drop(rig.engine().tick(now_ms));
        }
        Step::Deliver => drop(rig.deliver()),
        Step::Receive => drop(rig.receive()),
        Step::Refuse => refuse(rig),
        Step::Kill => {
            rig.stop();
            rig.disk.kill();
        }
        Step::PowerCut(share) => {
            rig.stop();
            rig.disk.power_cut(*share);
        }
        Step::CrashAfter(nth, share) => rig.disk.crash_after(*nth, *share),
        Step::Free(free) => rig.disk.set_free(*free),
        Step::FailSync(after) => rig.disk.fail(Some(Fault {
            operation: "sync",
            errno: EIO,
            after: *after,
            times: 1,
        })),
        Step::FailAny(after, errno) => rig.disk.fail(Some(Fault {
            operation: "any",
            errno: *errno,
            after: *after,
            times: 2,
        })),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_acknowledged_is_delivered_or_present_exactly_once(
        steps in proptest::collection::vec(step(), 1..60),
        share in any::<u8>(),
    ) {
        let mut rig = Rig::new();
        for step in &steps {
            take(&mut rig, step);
            if rig.disk.is_dead() {
                rig.stop();
                rig.disk.power_cut(share);
            }
            if rig.engine.is_none() {
                // An opening needs a disk that lets it.
                rig.disk.fail(None);
                rig.disk.set_free(None);
                rig.reopen();
            }
            rig.check();
        }
        rig.disk.kill();
        rig.disk.fail(None);
        rig.disk.set_free(None);
        let everything = tags(0..60);
        prop_assert_eq!(codes(&rig.put(&everything)), vec!["ok"; 60]);
        drain(&mut rig);
        rig.check();
        prop_assert_eq!(rig.acknowledged.len(), 60);
    }
}
