//! The wait for hardware that arrives after the start, in a time of its own.

use std::time::Duration;

use super::super::{QUIET, Settled, Settling};
use crate::code::Code;
use crate::refusal::Refusal;
use crate::{Grade, Mode, NodeVerdict};

const LIMIT: Duration = Duration::from_secs(30);

fn refused(codes: &[Code]) -> NodeVerdict {
    let refusal = |code: &Code| Refusal::new(code.as_str(), "refused", "mend it");
    NodeVerdict::Refuse(codes.iter().map(refusal).collect())
}

fn matched() -> NodeVerdict {
    NodeVerdict::Match(crate::Met {
        node: "st1".parse().unwrap(),
        zone: "storage".parse().unwrap(),
        mode: Mode::Production,
        grade: Grade::E1Asserted,
        families: Vec::new(),
        evidence: [0; 32],
    })
}

fn unasked() -> NodeVerdict {
    panic!("a machine that still changes is not judged")
}

#[test]
fn a_machine_is_judged_once_the_kernel_was_silent_long_enough() {
    let mut settling = Settling::new(LIMIT, 0);
    assert_eq!(settling.look(Some(7), unasked, 0), Settled::NotYet);
    assert_eq!(settling.look(Some(7), unasked, 1_999), Settled::NotYet);
    assert_eq!(settling.look(Some(8), unasked, 2_000), Settled::NotYet);
    assert_eq!(settling.look(Some(8), unasked, 3_999), Settled::NotYet);
    assert_eq!(settling.look(Some(8), matched, 4_000), Settled::Complete);
    assert_eq!(QUIET, Duration::from_secs(2));
}

#[test]
fn a_kernel_that_does_not_count_its_events_is_not_waited_for() {
    let mut settling = Settling::new(LIMIT, 0);
    assert_eq!(settling.look(None, matched, 0), Settled::Complete);
}

#[test]
fn what_only_misses_a_device_is_waited_for_until_the_time_is_over() {
    let missing = [
        Code::Tpm,
        Code::TpmUnknown,
        Code::Need,
        Code::NeedUnknown,
        Code::WrongMachine,
        Code::PinUnread,
    ];
    for code in missing {
        let mut settling = Settling::new(LIMIT, 0);
        let verdict = || refused(&[code]);
        assert_eq!(settling.look(None, verdict, 0), Settled::NotYet);
        assert_eq!(settling.look(None, verdict, 29_999), Settled::NotYet);
        assert_eq!(settling.look(None, verdict, 30_000), Settled::Overdue);
    }
}

#[test]
fn every_other_reason_is_told_at_once() {
    for code in Code::ALL {
        let mut settling = Settling::new(LIMIT, 0);
        let both = || refused(&[Code::Need, *code]);
        let waits = settling.look(None, both, 0) == Settled::NotYet;
        let mut alone = Settling::new(LIMIT, 0);
        let waits_alone = alone.look(None, || refused(&[*code]), 0) == Settled::NotYet;
        assert_eq!(waits, waits_alone, "{code:?}");
        let about_a_device = matches!(
            code.as_str(),
            "HW-150" | "HW-151" | "HW-180" | "HW-181" | "HW-301" | "HW-302"
        );
        assert_eq!(waits, about_a_device, "{code:?}");
    }
}

#[test]
fn a_kernel_that_never_falls_silent_holds_nobody_up_for_longer_than_the_limit() {
    let mut settling = Settling::new(LIMIT, 1_000);
    let mut at = 1_000;
    let mut sequence = 0;
    while settling.look(Some(sequence), unasked, at) == Settled::NotYet {
        at += 250;
        sequence += 1;
    }
    assert_eq!(at, 31_000);
}

#[test]
fn without_a_limit_nothing_is_waited_for() {
    let mut settling = Settling::new(Duration::ZERO, 5);
    assert_eq!(settling.look(Some(1), unasked, 5), Settled::Overdue);
    let mut settling = Settling::new(Duration::ZERO, 5);
    let verdict = || refused(&[Code::Need]);
    assert_eq!(settling.look(None, verdict, 5), Settled::Overdue);
}
