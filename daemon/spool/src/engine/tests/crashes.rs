//! Power cuts and kills at any moment, torn tails and damage: nothing acknowledged is lost and
//! nothing comes twice.

use super::*;
use crate::medium::simulated::wide;

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
