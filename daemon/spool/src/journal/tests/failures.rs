//! A disk that is full, fails or loses its power, at every operation and in random histories.

use super::*;
use crate::medium::simulated::{EIO, ENOSPC, Fault};
use proptest::prelude::*;

#[test]
fn a_full_disk_refuses_cuts_and_goes_on_when_space_returns() {
    let rig = written(2);
    let (journal, _) = rig.open().unwrap();
    for free in (0..300).step_by(7) {
        rig.disk.set_free(Some(free));
        let refused = journal.append_blocking(vec![1; 400]).unwrap_err();
        assert_eq!(refused.code(), "SP-012");
    }
    rig.disk.set_free(None);
    assert_eq!(journal.append_blocking(record(2)).unwrap(), 2);
    rig.close(journal);
    assert_eq!(rig.open().unwrap().1, records(3));
}

#[test]
fn a_disk_that_fails_otherwise_poisons_the_journal_until_it_is_opened_again() {
    for operation in ["append", "sync"] {
        let rig = written(2);
        let (journal, _) = rig.open().unwrap();
        rig.disk.fail(Some(Fault {
            operation,
            errno: EIO,
            after: 0,
            times: 1,
        }));
        assert_eq!(
            journal.append_blocking(record(2)).unwrap_err().code(),
            "SP-013"
        );
        assert_eq!(
            journal.append_blocking(record(2)).unwrap_err().code(),
            "SP-046"
        );
        rig.close(journal);
        let (journal, replayed) = rig.open().unwrap();
        assert_eq!(replayed, records(2), "what was refused is not there");
        assert_eq!(journal.append_blocking(record(2)).unwrap(), 2);
    }
}

#[test]
fn a_power_cut_at_every_single_operation_loses_nothing_that_was_acknowledged() {
    for share in [0, 100, 255] {
        for nth in 0.. {
            let rig = Rig::new();
            rig.disk.crash_after(nth, share);
            let mut acknowledged = 0;
            let mut tried = 0;
            if let Ok(journal) = rig.create() {
                for number in 0..6 {
                    tried = number + 1;
                    if journal.append_blocking(record(number)).is_err() {
                        break;
                    }
                    acknowledged = number + 1;
                }
                rig.close(journal);
            }
            let crashed = rig.disk.is_dead();
            rig.disk.power_cut(share);
            match rig.open() {
                Ok((journal, replayed)) => {
                    assert!((acknowledged..=tried).contains(&replayed.len()));
                    assert_eq!(replayed, records(replayed.len()));
                    let next = journal.append_blocking(record(replayed.len())).unwrap();
                    assert_eq!(next, wide(replayed.len()));
                    rig.close(journal);
                    assert_eq!(rig.open().unwrap().1, records(replayed.len() + 1));
                }
                Err(_) => assert_eq!(tried, 0, "a journal that was created opens"),
            }
            if !crashed {
                break;
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Reopen,
    PowerCut(u8),
    CrashAfter(u64, u8),
    Full(usize),
    Fail(u64, i32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..5_usize).prop_map(Step::Append),
        1 => Just(Step::Reopen),
        1 => any::<u8>().prop_map(Step::PowerCut),
        1 => (0..8_u64, any::<u8>()).prop_map(|(nth, share)| Step::CrashAfter(nth, share)),
        1 => (0..400_usize).prop_map(Step::Full),
        1 => (0..4_u64, prop_oneof![Just(EIO), Just(ENOSPC)])
            .prop_map(|(after, errno)| Step::Fail(after, errno)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_journal_replays_what_it_acknowledged_in_order(
        steps in proptest::collection::vec(step(), 1..30),
    ) {
        let rig = Rig::new();
        let mut journal = Some(rig.create().unwrap());
        // What must be there, and what may be there behind it.
        let mut acknowledged: Vec<Vec<u8>> = Vec::new();
        let mut uncertain: Vec<Vec<u8>> = Vec::new();
        let mut made = 0;
        for step in steps {
            let reopen = match step {
                Step::Append(count) => {
                    for _ in 0..count {
                        made += 1;
                        let current = journal.as_ref().unwrap();
                        match current.append_blocking(record(made)) {
                            Ok(number) => {
                                prop_assert_eq!(number, wide(acknowledged.len()));
                                acknowledged.push(record(made));
                            }
                            Err(_) => uncertain.push(record(made)),
                        }
                    }
                    rig.disk.is_dead()
                }
                Step::Reopen => true,
                Step::PowerCut(share) => {
                    rig.close(journal.take().unwrap());
                    rig.disk.power_cut(share);
                    true
                }
                Step::CrashAfter(nth, share) => {
                    rig.disk.crash_after(nth, share);
                    false
                }
                Step::Full(free) => {
                    rig.disk.set_free(Some(free));
                    false
                }
                Step::Fail(after, errno) => {
                    rig.disk.fail(Some(Fault { operation: "any", errno, after, times: 2 }));
                    false
                }
            };
            if !reopen {
                continue;
            }
            if let Some(journal) = journal.take() {
                rig.close(journal);
            }
            rig.disk.power_cut(99);
            rig.disk.fail(None);
            rig.disk.set_free(None);
            let (opened, replayed) = rig.open().unwrap();
            prop_assert!(replayed.starts_with(&acknowledged));
            let extra = &replayed[acknowledged.len()..];
            prop_assert!(extra.iter().all(|record| uncertain.contains(record)));
            acknowledged = replayed;
            uncertain.clear();
            journal = Some(opened);
        }
    }
}
