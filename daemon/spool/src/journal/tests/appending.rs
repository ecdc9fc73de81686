//! What is appended: acknowledged with its number, committed together, replayed in order.

use super::*;
use cofferdam_seal::Keyring;
use std::sync::Barrier;

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
