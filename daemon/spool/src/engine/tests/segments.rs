//! Records in their segments: shared commits, repeats, when a segment closes, and epochs.

use super::*;
use crate::engine::rig::payload;

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
            let plain = &payload(tag(number))[16..];
            let plain = if plain.len() < 8 { continue } else { plain };
            let found = bytes.windows(plain.len()).any(|window| window == plain);
            assert!(!found, "record {number} is plain in {}", path.display());
        }
    }
}
