//! Every mutation of a log is refused, also when its checks are made right, and so is what only our
//! key could make.

use super::*;
use crate::engine::seal::{self, SealingKey};
use crate::position::{self, Binding, Place};
use crate::record::write_head;
use crate::vectors::recheck;

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
