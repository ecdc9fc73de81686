//! What is found on opening: a torn tail is cut and kept aside, everything else is refused and
//! stays.

use super::*;

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
