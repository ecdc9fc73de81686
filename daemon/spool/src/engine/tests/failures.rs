//! A disk that is full or fails: what is refused, what stays, and how storing goes on.

use super::*;

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
