//! Layout `Records`: sealing, scanning without a key, opening, and every mutation.

use proptest::prelude::*;

use super::{HEAD_LEN, PLAIN_LIMIT, Scan, Torn, TornAt, random_tag, scan, write_head};
use crate::engine::seal::{self, SealingKey};
use crate::frames::wide;
use crate::position::{self, Binding, Place};
use crate::vectors::recheck;
use crate::{
    Ending, FernetKey, HEADER_LEN, Header, HeaderError, ObjectId, OpenErrorKind, RecordError,
    RecordOpener, RecordSealer, Sealer, Tag, WrappedKey,
};

const CREATED: u64 = 1_700_000_000;

struct Fixture {
    key: FernetKey,
    wrapped: WrappedKey,
}

impl Fixture {
    fn new() -> Self {
        let [zone, key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&zone, &key, CREATED).unwrap();
        Self { key, wrapped }
    }

    fn begin(&self, id: u8, context: &[u8]) -> (RecordSealer, Vec<u8>) {
        RecordSealer::new(
            &self.key,
            &self.wrapped,
            ObjectId([id; 16]),
            CREATED,
            context,
        )
    }

    /// A closed log, and where each of its frames begins and the log ends.
    fn log(&self, payloads: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
        let (mut sealer, mut log) = self.begin(1, b"events");
        let mut starts = Vec::new();
        for (number, payload) in (0..).zip(payloads) {
            starts.push(log.len());
            assert_eq!(
                sealer.seal(&[number; 16], payload, &mut log).unwrap(),
                u64::from(number)
            );
        }
        starts.push(log.len());
        sealer.finish(&mut log);
        starts.push(log.len());
        (log, starts)
    }

    fn open(&self, log: &[u8]) -> Result<(Vec<Vec<u8>>, Ending), OpenErrorKind> {
        let header = Header::parse(log).map_err(OpenErrorKind::Header)?;
        let mut opener =
            RecordOpener::new(&header, &self.key, b"events").map_err(|error| error.kind)?;
        let mut rest = &log[HEADER_LEN..];
        let mut plains = Vec::new();
        while let Some(record) = opener.next(&mut rest).map_err(|error| error.kind)? {
            assert_eq!(record.sequence, wide(plains.len()));
            plains.push(record.plain.to_vec());
        }
        let ending = opener.end(rest).map_err(|error| error.kind)?;
        Ok((plains, ending))
    }

    /// Refused by the opener, or at most an honest beginning of the log that is not called closed.
    fn refuses(&self, log: &[u8], what: &str) {
        if let Ok((_, ending)) = self.open(log) {
            panic!("{what} was read as {ending:?}");
        }
    }
}

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
fn a_scan_needs_no_key_and_finds_tags_and_end() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", b"two"]);
    let tags: Vec<Tag> = vec![[0; 16], [1; 16]];
    let expect = Scan {
        intact_len: wide(log.len()),
        tags,
        closed: true,
        torn: None,
    };
    assert_eq!(scan(&log).unwrap(), expect);
    assert_eq!(
        scan(&log[..starts[2]]).unwrap(),
        Scan {
            intact_len: wide(starts[2]),
            closed: false,
            ..expect.clone()
        }
    );
    let mut longer = log.clone();
    longer.push(0);
    let torn = TornAt {
        offset: wide(log.len()),
        sequence: 3,
        why: Torn::AfterFinal,
    };
    assert_eq!(
        scan(&longer).unwrap(),
        Scan {
            torn: Some(torn),
            ..expect
        }
    );
}

#[test]
fn a_scan_cuts_a_torn_tail_at_every_byte() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", &[7; 100], b"three"]);
    for cut in HEADER_LEN..=log.len() {
        let found = scan(&log[..cut]).unwrap();
        let whole = starts[1..].iter().filter(|&&end| end <= cut).count();
        assert_eq!(found.intact_len, wide(starts[whole]), "cut at {cut}");
        assert_eq!(found.tags.len(), whole.min(3));
        assert_eq!(found.closed, cut == log.len());
        assert_eq!(found.torn.is_some(), cut != starts[whole]);
        if let Some(torn) = found.torn {
            assert_eq!(
                (torn.offset, torn.sequence),
                (found.intact_len, wide(whole))
            );
            let short = [Torn::ShortHead, Torn::ShortToken];
            assert!(short.contains(&torn.why), "{torn:?}");
        }
    }
    for cut in 0..HEADER_LEN {
        assert_eq!(
            scan(&log[..cut]).unwrap_err(),
            HeaderError::Short { found: cut }
        );
    }
}

#[test]
fn a_scan_finds_any_damaged_byte() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", b"two"]);
    for position in HEADER_LEN..log.len() {
        let mut damaged = log.clone();
        damaged[position] ^= 0x04;
        let found = scan(&damaged).unwrap();
        let hit = starts.iter().filter(|&&start| start <= position).count() - 1;
        assert_eq!(found.intact_len, wide(starts[hit]), "byte {position}");
        assert!(!found.closed);
    }
    // The zeros of a file that was prolonged but not written.
    let mut zeros = log[..starts[1]].to_vec();
    zeros.resize(starts[1] + 4096, 0);
    let torn = scan(&zeros).unwrap().torn.unwrap();
    assert_eq!(
        (torn.offset, torn.why),
        (wide(starts[1]), Torn::LengthOutOfRange)
    );
}

#[test]
fn a_scan_of_something_else_is_refused() {
    let fixture = Fixture::new();
    let (sealer, mut object) = Sealer::new(
        &fixture.key,
        &fixture.wrapped,
        ObjectId([1; 16]),
        CREATED,
        b"events",
    );
    sealer.finish(&mut object);
    assert_eq!(scan(&object).unwrap_err(), HeaderError::NotRecords);
    assert_eq!(scan(&[0; 600]).unwrap_err(), HeaderError::Magic);
    let header = Header::parse(&object).unwrap();
    let error = RecordOpener::new(&header, &fixture.key, b"events").unwrap_err();
    assert_eq!(error.code(), "SE-305");
    let error = RecordSealer::resume(&fixture.key, &header, 0, b"events").unwrap_err();
    assert_eq!(error.code(), "SE-305");
}

#[test]
fn every_bit_of_a_log_matters_even_with_the_check_made_right() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", b"two"]);
    for position in HEADER_LEN..log.len() {
        let number = starts.iter().filter(|&&start| start <= position).count() - 1;
        let within = position - starts[number];
        for bit in 0..8 {
            let mut altered = log.clone();
            altered[position] ^= 1 << bit;
            fixture.refuses(&altered, &format!("bit {bit} of byte {position}"));
            // Lengths that reach past the end cannot be made right.
            if within >= 4 {
                recheck(&mut altered, starts[number], wide(number));
                if (20..HEAD_LEN).contains(&within) {
                    assert_eq!(altered, log);
                } else {
                    fixture.refuses(&altered, &format!("forged bit {bit} of byte {position}"));
                }
            }
        }
    }
}

#[test]
fn records_swapped_dropped_repeated_or_retagged_are_refused_whatever_their_checks_say() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", b"two", b"six"]);
    let frame = |i: usize| starts[i]..starts[i + 1];
    let mut swapped = log.clone();
    swapped[frame(0)].copy_from_slice(&log[frame(1)]);
    swapped[frame(1)].copy_from_slice(&log[frame(0)]);
    fixture.refuses(&swapped, "swapped");
    recheck(&mut swapped, starts[0], 0);
    recheck(&mut swapped, starts[1], 1);
    assert_eq!(scan(&swapped).unwrap().torn, None);
    fixture.refuses(&swapped, "swapped, checks made right");

    let mut repeated = log.clone();
    repeated[frame(1)].copy_from_slice(&log[frame(0)]);
    recheck(&mut repeated, starts[1], 1);
    fixture.refuses(&repeated, "repeated");

    for victim in 0..3 {
        let mut dropped = log.clone();
        dropped.drain(frame(victim));
        for (number, &start) in starts.iter().enumerate().take(3).skip(victim) {
            recheck(&mut dropped, start, wide(number));
        }
        assert!(scan(&dropped).unwrap().closed);
        fixture.refuses(&dropped, &format!("record {victim} dropped"));
    }

    let mut retagged = log.clone();
    retagged[starts[0] + 4..starts[0] + 20].copy_from_slice(&[9; 16]);
    recheck(&mut retagged, starts[0], 0);
    assert_eq!(scan(&retagged).unwrap().tags[0], [9; 16]);
    fixture.refuses(&retagged, "another tag");
}

#[test]
fn only_the_writer_says_which_record_is_final() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", b"", b"six"]);
    // An empty inner record marked as final, so that the log seems to end there.
    let mut forged = log[..starts[2]].to_vec();
    forged[starts[1]] |= 0x80;
    recheck(&mut forged, starts[1], 1);
    assert!(scan(&forged).unwrap().closed);
    fixture.refuses(&forged, "an inner record marked as final");
    // The same with the tag of a final record, which this record was not sealed under.
    forged[starts[1] + 4..starts[1] + 20].copy_from_slice(&[0; 16]);
    recheck(&mut forged, starts[1], 1);
    fixture.refuses(&forged, "an inner record marked as final, tag zero");
    // The final record taken for an inner one, so that more could be appended.
    let mut reopened = log.clone();
    reopened[starts[3]] &= 0x7f;
    recheck(&mut reopened, starts[3], 3);
    fixture.refuses(&reopened, "the final record marked as inner");
    // Moved forward.
    let mut early = log[..starts[1]].to_vec();
    early.extend_from_slice(&log[starts[3]..]);
    recheck(&mut early, starts[1], 1);
    fixture.refuses(&early, "the final record moved forward");
}

#[test]
fn what_follows_the_final_record_is_refused() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one"]);
    for extra in [&[0][..], &log[starts[0]..starts[1]], &log[starts[1]..]] {
        let mut longer = log.clone();
        longer.extend_from_slice(extra);
        let error = fixture.open(&longer).unwrap_err();
        assert!(
            matches!(error, OpenErrorKind::AfterFinal { sequence: 1 }),
            "{error}"
        );
    }
    // The same when it arrives later.
    let header = Header::parse(&log).unwrap();
    let mut opener = RecordOpener::new(&header, &fixture.key, b"events").unwrap();
    let mut rest = &log[HEADER_LEN..];
    while opener.next(&mut rest).unwrap().is_some() {}
    let mut late = &[0_u8][..];
    assert_eq!(opener.next(&mut late).unwrap_err().code(), "SE-504");
    assert_eq!(opener.end(late).unwrap_err().code(), "SE-504");
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
fn records_of_another_log_context_or_key_are_refused() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one", b"two"]);
    let stranger = Fixture::new();
    let make = |fixture: &Fixture, id, context: &[u8]| {
        let (mut sealer, mut other) = fixture.begin(id, context);
        sealer.seal(&[0; 16], b"one", &mut other).unwrap();
        other
    };
    for other in [
        make(&fixture, 2, b"events"),
        make(&fixture, 1, b"event"),
        make(&stranger, 1, b"events"),
    ] {
        let mut spliced = log.clone();
        spliced[starts[0]..starts[1]].copy_from_slice(&other[starts[0]..starts[1]]);
        assert_eq!(scan(&spliced).unwrap().torn, None);
        let error = fixture.open(&spliced).unwrap_err();
        assert!(
            matches!(error, OpenErrorKind::Record { sequence: 0 }),
            "{error}"
        );
        let mut headed = log.clone();
        headed[..HEADER_LEN].copy_from_slice(&other[..HEADER_LEN]);
        fixture.refuses(&headed, "another header");
    }
    let header = Header::parse(&log).unwrap();
    for (key, context) in [(&stranger.key, &b"events"[..]), (&fixture.key, b"event")] {
        assert_eq!(
            RecordOpener::new(&header, key, context).unwrap_err().code(),
            "SE-401"
        );
        assert_eq!(
            RecordSealer::resume(key, &header, 2, context)
                .unwrap_err()
                .code(),
            "SE-401"
        );
    }
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

#[test]
fn a_length_out_of_range_is_refused_at_once() {
    let fixture = Fixture::new();
    let (log, starts) = fixture.log(&[b"one"]);
    for word in [
        0_u32,
        72,
        74,
        90,
        4_194_304 + 74,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
    ] {
        let mut altered = log[..starts[1]].to_vec();
        altered[starts[0]..starts[0] + 4].copy_from_slice(&word.to_be_bytes());
        let error = fixture.open(&altered).unwrap_err();
        let why = Torn::LengthOutOfRange;
        assert!(matches!(error, OpenErrorKind::Damaged { sequence: 0, why: w } if w == why));
    }
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

    #[test]
    fn a_scan_never_panics_and_never_exceeds_its_input(
        noise in proptest::collection::vec(any::<u8>(), 0..600),
        cut in 0_usize..700,
    ) {
        let fixture = Fixture::new();
        let (log, _) = fixture.log(&[b"one", b"two"]);
        let mut altered = log[..HEADER_LEN + cut.min(log.len() - HEADER_LEN)].to_vec();
        altered.extend_from_slice(&noise);
        let found = scan(&altered).unwrap();
        prop_assert!(found.intact_len <= wide(altered.len()));
        prop_assert_eq!(found.torn.is_none(), found.intact_len == wide(altered.len()));
    }
}

#[test]
fn a_record_of_our_key_that_no_writer_makes_is_refused() {
    let fixture = Fixture::new();
    let (log, _) = fixture.log(&[]);
    let header = Header::parse(&log).unwrap();
    let fixed = header.birth().to_bytes();
    let derived = position::derive(&fixture.key, &fixed, Binding { context: b"events" });
    let refused = Err("SE-502");
    for (place, tag, plain, created, expect) in [
        (Place::Inner, [3; 16], &b"x"[..], CREATED, Ok(1)),
        (Place::Inner, [3; 16], b"x", CREATED + 1, refused),
        (Place::Final, [0; 16], b"", CREATED, Ok(0)),
        (Place::Final, [0; 16], b"", CREATED - 1, refused),
        (Place::Final, [0; 16], b"x", CREATED, refused),
        (Place::Final, [3; 16], b"", CREATED, refused),
    ] {
        let iv = derived.positions.record(0, place, &tag);
        let mut token = Vec::new();
        seal::token(
            &SealingKey::of(&fixture.key),
            &iv,
            created,
            plain,
            &mut token,
        );
        let mut made = log[..HEADER_LEN].to_vec();
        made.resize(HEADER_LEN + HEAD_LEN, 0);
        write_head(&mut made[HEADER_LEN..], 0, place, &tag, &token);
        made.extend_from_slice(&token);
        assert_eq!(scan(&made).unwrap().torn, None);
        let verdict = fixture.open(&made).map(|(plains, _)| plains.len());
        assert_eq!(verdict.map_err(|kind| kind.nameless().code()), expect);
    }
}
