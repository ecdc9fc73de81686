//! A log from its first record to its end: what comes back, in pieces too, how it is resumed, what
//! is too much for it.

use super::*;
use crate::RecordError;
use crate::record::{PLAIN_LIMIT, random_tag};

#[test]
fn a_log_comes_back_record_by_record_with_its_tags() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", b"", b"three"]);
    let header = Header::parse(&log).unwrap();
    let mut opener = RecordOpener::new(&header, &fixture.key, b"events").unwrap();
    let mut rest = &log[HEADER_LEN..];
    for (number, payload) in [(0_u8, &b"one"[..]), (1, b""), (2, b"three")] {
        assert!(!opener.closed());
        let record = opener.next(&mut rest).unwrap().unwrap();
        assert_eq!(
            (record.sequence, record.tag),
            (u64::from(number), [number; 16])
        );
        assert_eq!(&record.plain[..], payload);
        assert!(!format!("{record:?}").contains("plain"));
    }
    assert!(opener.next(&mut rest).unwrap().is_none());
    assert!(opener.closed() && rest.is_empty());
    assert_eq!(opener.next_sequence(), 3);
    assert_eq!(opener.end(rest).unwrap(), Ending::Closed { records: 3 });
    assert_eq!(opener.end_closed(rest).unwrap(), 3);
    assert_eq!(starts[1] - starts[0], HEAD_LEN + 73);
}

#[test]
fn a_log_without_its_end_is_never_called_closed() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", b"two", b"six"]);
    for cut in HEADER_LEN..log.len() {
        let whole = starts[1..].iter().filter(|&&end| end <= cut).count();
        match fixture.open(&log[..cut]) {
            Ok((plains, ending)) => {
                assert_eq!(cut, starts[whole]);
                assert_eq!(plains.len(), whole);
                assert_eq!(
                    ending,
                    Ending::Unclosed {
                        records: wide(whole)
                    }
                );
            }
            Err(OpenErrorKind::Torn { sequence, .. }) => assert_eq!(sequence, wide(whole)),
            Err(other) => panic!("{other}"),
        }
    }
    let header = Header::parse(&log).unwrap();
    let opener = RecordOpener::new(&header, &fixture.key, b"events").unwrap();
    assert_eq!(opener.end_closed(&[]).unwrap_err().code(), "SE-507");
}

#[test]
fn a_log_is_resumed_where_its_verified_part_ends() {
    let fixture = Fixture::new();
    let (mut sealer, mut log) = fixture.begin(1, b"events");
    sealer
        .seal(&random_tag().unwrap(), b"one", &mut log)
        .unwrap();
    sealer
        .seal(&random_tag().unwrap(), b"two", &mut log)
        .unwrap();
    let torn = log[..log.len() - 5].to_vec();
    let intact = usize::try_from(scan(&torn).unwrap().intact_len).unwrap();
    let mut log = torn[..intact].to_vec();
    let (plains, ending) = fixture.open(&log).unwrap();
    assert_eq!(plains, [b"one"]);
    let Ending::Unclosed { records } = ending else {
        panic!("{ending:?}")
    };
    let header = Header::parse(&log).unwrap();
    let mut sealer = RecordSealer::resume(&fixture.key, &header, records, b"events").unwrap();
    assert_eq!(sealer.next_sequence(), 1);
    sealer
        .seal(&random_tag().unwrap(), b"two again", &mut log)
        .unwrap();
    sealer.finish(&mut log);
    let (plains, ending) = fixture.open(&log).unwrap();
    assert_eq!(plains, [&b"one"[..], b"two again"]);
    assert_eq!(ending, Ending::Closed { records: 2 });
}

#[test]
fn one_number_under_two_tags_gives_two_vectors() {
    let fixture = Fixture::new();
    let seal = |tag: Tag| {
        let (mut sealer, mut log) = fixture.begin(1, b"events");
        sealer.seal(&tag, b"the same plaintext", &mut log).unwrap();
        log[HEADER_LEN + HEAD_LEN + 9..HEADER_LEN + HEAD_LEN + 41].to_vec()
    };
    let [a, b] = [seal([1; 16]), seal([2; 16])];
    assert_eq!(a, seal([1; 16]));
    assert_ne!(a[..16], b[..16]);
    assert_ne!(a[16..], b[16..]);
    assert_ne!(random_tag().unwrap(), random_tag().unwrap());
}

#[test]
fn a_record_beyond_the_limit_or_the_last_number_is_refused() {
    let fixture = Fixture::new();
    let (mut sealer, mut log) = fixture.begin(1, b"events");
    let before = log.clone();
    let large = vec![5; PLAIN_LIMIT + 1];
    let error = sealer.seal(&[0; 16], &large, &mut log).unwrap_err();
    assert_eq!(
        error,
        RecordError::TooLong {
            found: PLAIN_LIMIT + 1
        }
    );
    assert_eq!((error.code(), &log), ("SE-501", &before));
    assert_eq!(sealer.seal(&[0; 16], &large[1..], &mut log).unwrap(), 0);
    sealer.finish(&mut log);
    assert_eq!(fixture.open(&log).unwrap().0, [&large[1..]]);

    let header = Header::parse(&log).unwrap();
    let mut last = RecordSealer::resume(&fixture.key, &header, u64::MAX - 1, b"events").unwrap();
    assert_eq!(last.seal(&[0; 16], b"", &mut Vec::new()), Ok(u64::MAX - 1));
    let error = last.seal(&[0; 16], b"", &mut Vec::new()).unwrap_err();
    assert_eq!((error, error.code()), (RecordError::Exhausted, "SE-506"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_log_offered_in_pieces_reads_the_same(
        payloads in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..300), 0..12),
        pieces in proptest::collection::vec(1_usize..400, 1..6),
    ) {
        let fixture = Fixture::new();
        let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let (log, _) = fixture.log(&slices);
        let header = Header::parse(&log).unwrap();
        let mut opener = RecordOpener::new(&header, &fixture.key, b"events").unwrap();
        let mut arrived = Vec::new();
        let mut coming = &log[HEADER_LEN..];
        let mut plains = Vec::new();
        for &piece in pieces.iter().cycle() {
            let (now, later) = coming.split_at(piece.min(coming.len()));
            arrived.extend_from_slice(now);
            coming = later;
            let mut input = &arrived[..];
            while let Some(record) = opener.next(&mut input).unwrap() {
                plains.push(record.plain.to_vec());
            }
            arrived = input.to_vec();
            if coming.is_empty() {
                break;
            }
        }
        prop_assert_eq!(plains, payloads);
        prop_assert!(opener.end_closed(&arrived).is_ok());
    }
}
