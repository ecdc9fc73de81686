//! The journal, on a disk that fails on demand and on a real one.

use super::*;
use crate::medium::simulated::{EIO, ENOSPC, Fault, SimulatedDisk, wide};
use cofferdam_seal::Keyring;
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::Barrier;

const CONTEXT: &[u8] = b"catalogue";

struct Rig {
    disk: SimulatedDisk,
    path: PathBuf,
    key: FernetKey,
    wrapped: WrappedKey,
    master: FernetKey,
    runtime: tokio::runtime::Runtime,
}

impl Rig {
    fn new() -> Self {
        let master = FernetKey::generate().unwrap();
        let key = FernetKey::generate().unwrap();
        let wrapped = WrappedKey::seal(&master, &key, 7).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let disk = SimulatedDisk::default();
        Self {
            disk,
            path: PathBuf::from("/catalogue/journal"),
            key,
            wrapped,
            master,
            runtime,
        }
    }

    fn create(&self) -> Result<Journal, JournalError> {
        let disk = Arc::new(self.disk.clone());
        Journal::create_on(disk, &self.path, (&self.key, &self.wrapped), CONTEXT, 7)
    }

    fn open(&self) -> Result<(Journal, Vec<Vec<u8>>), JournalError> {
        let disk = Arc::new(self.disk.clone());
        let mut records = Vec::new();
        let journal = Journal::open_on(disk, &self.path, &self.key, CONTEXT, &mut |record| {
            records.push(record.to_vec());
        })?;
        Ok((journal, records))
    }

    fn close(&self, journal: Journal) {
        self.runtime.block_on(journal.close()).unwrap();
    }

    fn bytes(&self) -> Vec<u8> {
        self.disk.files()[&self.path].clone()
    }
}

fn record(number: usize) -> Vec<u8> {
    format!("record {number} ")
        .repeat(number % 7 + 1)
        .into_bytes()
}

fn records(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(record).collect()
}

/// A journal of so many commits of one record each, closed.
fn written(count: usize) -> Rig {
    let rig = Rig::new();
    let journal = rig.create().unwrap();
    for number in 0..count {
        assert_eq!(
            journal.append_blocking(record(number)).unwrap(),
            wide(number)
        );
    }
    rig.close(journal);
    rig
}

/// The offsets at which the records of a journal begin, and its length.
fn offsets(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![HEADER_LEN];
    let mut at = HEADER_LEN;
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        at += cofferdam_seal::record::HEAD_LEN + usize::try_from(length).unwrap();
        offsets.push(at);
    }
    offsets
}

#[test]
fn what_was_appended_is_replayed_in_order_and_continued() {
    let rig = written(5);
    let (journal, replayed) = rig.open().unwrap();
    assert_eq!(replayed, records(5));
    assert_eq!(
        *journal.recovery(),
        JournalRecovery {
            records: 5,
            torn: None
        }
    );
    assert_eq!(journal.append_blocking(record(5)).unwrap(), 5);
    rig.close(journal);
    assert_eq!(rig.open().unwrap().1, records(6));
}

#[test]
fn a_journal_on_a_real_disk_holds_what_it_acknowledged_and_tells_its_wrapped_key() {
    let rig = Rig::new();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let journal = Journal::create(&path, &rig.key, &rig.wrapped, CONTEXT, 7).unwrap();
    for number in 0..20 {
        assert_eq!(
            rig.runtime
                .block_on(journal.append(record(number)))
                .unwrap(),
            wide(number)
        );
    }
    assert_eq!(journal.path(), &path);
    rig.close(journal);
    let keepers = Keyring::from_keys(vec![rig.master.duplicate()]).unwrap();
    let key = Journal::header(&path)
        .unwrap()
        .wrapped()
        .open(&keepers)
        .unwrap();
    let mut replayed = Vec::new();
    let journal = Journal::open(&path, &key, CONTEXT, &mut |record| {
        replayed.push(record.to_vec());
    })
    .unwrap();
    assert_eq!(replayed, records(20));
    assert_eq!(
        rig.runtime.block_on(journal.append(record(20))).unwrap(),
        20
    );
}

#[test]
fn records_that_wait_together_share_one_commit() {
    let rig = Rig::new();
    let journal = rig.create().unwrap();
    let barrier = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|number| {
            let (journal, barrier) = (journal.clone(), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                journal.append_blocking(record(number)).unwrap()
            })
        })
        .collect();
    let mut numbers: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..16).collect::<Vec<_>>());
    let log = rig.disk.log();
    let count = |name: &str| log.iter().filter(|operation| *operation == name).count();
    assert_eq!(count("append"), count("sync"), "one write, one sync");
    rig.close(journal);
    assert_eq!(rig.open().unwrap().1.len(), 16);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_reported_and_kept_aside() {
    let rig = written(3);
    let whole = rig.bytes();
    let last = offsets(&whole)[2];
    for length in last..whole.len() {
        rig.disk.put_file(&rig.path, &whole[..length]);
        let (journal, replayed) = rig.open().unwrap();
        assert_eq!(replayed, records(2), "length {length}");
        let torn = journal.recovery().torn.clone();
        assert_eq!(torn.is_some(), length > last);
        if let Some(torn) = torn {
            assert_eq!((torn.offset, torn.bytes), (wide(last), wide(length - last)));
            assert_eq!(rig.disk.files()[&torn.kept.unwrap()], whole[last..length]);
        }
        assert_eq!(journal.append_blocking(record(2)).unwrap(), 2);
        rig.close(journal);
        let (journal, replayed) = rig.open().unwrap();
        assert_eq!(replayed, records(3));
        rig.close(journal);
    }
}

#[test]
fn a_tail_of_zeros_is_cut() {
    let rig = written(2);
    let intact = rig.bytes().len();
    rig.disk
        .tamper(&rig.path, |bytes| bytes.extend_from_slice(&[0; 4096]));
    let (journal, replayed) = rig.open().unwrap();
    assert_eq!(replayed, records(2));
    let torn = journal.recovery().torn.clone().unwrap();
    assert_eq!((torn.offset, torn.bytes), (wide(intact), 4096));
}

#[test]
fn any_byte_changed_before_a_later_commit_is_refused_with_its_place_and_nothing_is_cut() {
    let rig = written(4);
    let whole = rig.bytes();
    let offsets = offsets(&whole);
    for at in (HEADER_LEN..offsets[3]).step_by(3) {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        rig.disk.put_file(&rig.path, &changed);
        let refused = rig.open().unwrap_err();
        let begin = offsets.iter().rfind(|begin| **begin <= at).unwrap();
        let JournalErrorKind::Damaged { offset, what } = &refused.kind else {
            panic!("byte {at}: {refused:?}");
        };
        assert_eq!(*offset, wide(*begin), "byte {at}: {what}");
        assert_eq!(rig.bytes(), changed);
    }
}

#[test]
fn bytes_missing_in_the_middle_are_refused() {
    let rig = written(4);
    let offsets = offsets(&rig.bytes());
    rig.disk.tamper(&rig.path, |bytes| {
        drop(bytes.drain(offsets[1] + 5..offsets[1] + 25));
    });
    assert_eq!(rig.open().unwrap_err().code(), "SP-043");
}

#[test]
fn a_tail_longer_than_any_commit_is_not_taken_for_a_torn_one() {
    let rig = written(2);
    rig.disk.tamper(&rig.path, |bytes| {
        bytes.resize(bytes.len() + (13 << 20), 0xff);
    });
    assert_eq!(rig.open().unwrap_err().code(), "SP-043");
}

#[test]
fn a_hole_in_the_last_commit_is_a_torn_tail_though_records_of_it_follow() {
    let rig = Rig::new();
    // One commit of three records, as the writer makes it when three wait together.
    let journal = rig.create().unwrap();
    rig.close(journal);
    let header = Header::parse(&rig.bytes()).unwrap();
    let mut sealer = RecordSealer::resume(&rig.key, &header, 0, CONTEXT).unwrap();
    let mut commit = Vec::new();
    for number in 0..3 {
        sealer.seal(&[0; 16], &record(number), &mut commit).unwrap();
    }
    rig.disk
        .tamper(&rig.path, |bytes| bytes.extend_from_slice(&commit));
    let second = offsets(&rig.bytes())[1];
    rig.disk.tamper(&rig.path, |bytes| bytes[second + 40] ^= 1);
    let (journal, replayed) = rig.open().unwrap();
    assert_eq!(replayed, records(1));
    assert_eq!(
        journal.recovery().torn.as_ref().unwrap().offset,
        wide(second)
    );
}

#[test]
fn a_record_sealed_with_another_key_is_refused_and_not_cut() {
    let rig = written(1);
    let header = Header::parse(&rig.bytes()).unwrap();
    let other = FernetKey::generate().unwrap();
    let (mut sealer, _) = RecordSealer::new(&other, &rig.wrapped, header.object_id(), 7, CONTEXT);
    sealer.seal(&[1; 16], b"first", &mut Vec::new()).unwrap();
    let mut forged = Vec::new();
    sealer.seal(&[2; 16], b"forged", &mut forged).unwrap();
    let offset = wide(rig.bytes().len());
    rig.disk
        .tamper(&rig.path, |bytes| bytes.extend_from_slice(&forged));
    let refused = rig.open().unwrap_err();
    assert!(
        matches!(refused.kind, JournalErrorKind::Damaged { offset: at, .. } if at == offset),
        "{refused:?}"
    );
}

#[test]
fn another_key_another_context_and_another_file_are_refused_by_name() {
    let rig = written(1);
    let disk: Arc<dyn Medium> = Arc::new(rig.disk.clone());
    let open = |key: &FernetKey, context| {
        Journal::open_on(Arc::clone(&disk), &rig.path, key, context, &mut |_| {}).unwrap_err()
    };
    let other = FernetKey::generate().unwrap();
    assert_eq!(open(&other, CONTEXT).code(), "SP-042");
    assert_eq!(open(&rig.key, b"another").code(), "SP-042");
    rig.disk.put_file(&rig.path, b"not a journal");
    assert_eq!(open(&rig.key, CONTEXT).code(), "SP-041");
    rig.disk.remove(&rig.path).unwrap();
    assert_eq!(open(&rig.key, CONTEXT).code(), "SP-013");
}

#[test]
fn a_closed_segment_is_not_a_journal() {
    let rig = Rig::new();
    let id = ObjectId::random().unwrap();
    let (sealer, mut bytes) = RecordSealer::new(&rig.key, &rig.wrapped, id, 7, CONTEXT);
    sealer.finish(&mut bytes);
    rig.disk.put_file(&rig.path, &bytes);
    assert_eq!(rig.open().unwrap_err().code(), "SP-044");
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let rig = written(1);
    let before = rig.bytes();
    assert_eq!(rig.create().unwrap_err().code(), "SP-040");
    assert_eq!(rig.bytes(), before);
}

#[test]
fn a_second_owner_is_refused() {
    let rig = written(1);
    let first = rig.open().unwrap();
    assert_eq!(rig.open().unwrap_err().code(), "SP-045");
    rig.close(first.0);
    assert!(rig.open().is_ok());
}

#[test]
fn a_closed_journal_refuses_and_a_payload_above_the_limit_too() {
    let rig = Rig::new();
    let journal = rig.create().unwrap();
    let refused = journal
        .append_blocking(vec![0; RECORD_BYTES_MAX + 1])
        .unwrap_err();
    assert_eq!(refused.code(), "SP-016");
    let clone = journal.clone();
    rig.close(journal);
    assert_eq!(
        clone.append_blocking(record(0)).unwrap_err().code(),
        "SP-015"
    );
}

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
fn a_place_that_is_sealed_again_after_a_cut_is_never_sealed_alike() {
    let rig = written(1);
    let at = rig.bytes().len();
    let (journal, _) = rig.open().unwrap();
    let mut sealings = Vec::new();
    journal.append_blocking(record(1)).unwrap();
    sealings.push(rig.bytes()[at..].to_vec());
    rig.disk.tamper(&rig.path, |bytes| bytes.truncate(at));
    rig.close(journal);
    let (journal, _) = rig.open().unwrap();
    journal.append_blocking(record(1)).unwrap();
    sealings.push(rig.bytes()[at..].to_vec());
    assert_eq!(sealings[0].len(), sealings[1].len());
    assert_ne!(
        sealings[0][28 + 9..28 + 25],
        sealings[1][28 + 9..28 + 25],
        "the same vector"
    );
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
