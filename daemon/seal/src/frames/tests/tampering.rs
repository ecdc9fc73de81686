//! Every mutation of a sealed object is refused: bits, cuts, frames moved, taken from elsewhere or
//! made for another time.

use super::*;
use crate::RecordSealer;
use crate::engine::seal::{self, SealingKey};
use crate::position::{self, Place};

#[test]
fn every_bit_of_a_small_object_matters() {
    let fixture = Fixture::new();
    let sealed = fixture.sealed(40);
    for position in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[position] ^= 1 << bit;
            fixture.refuses(&altered, &format!("bit {bit} of byte {position}"));
        }
    }
}

#[test]
fn every_byte_of_an_object_of_several_frames_matters() {
    let fixture = Fixture::new();
    let sealed = fixture.sealed(2 * SMALL + 9);
    for position in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[position] ^= 0x40;
        let code = open_wholly(&altered, &fixture.ring, b"files").unwrap_err();
        if position >= HEADER_LEN {
            assert_eq!(code, "SE-403", "byte {position}");
        }
    }
}

#[test]
fn an_object_cut_anywhere_or_prolonged_is_refused() {
    let fixture = Fixture::new();
    for length in [40, SMALL, SMALL + 1, 2 * SMALL + 100] {
        let sealed = fixture.sealed(length);
        for cut in 0..sealed.len() {
            fixture.refuses(&sealed[..cut], &format!("{length} cut at {cut}"));
        }
        for extra in [1, 15, 16, 32, 73, 89, WHOLE, WHOLE + 73] {
            let mut longer = sealed.clone();
            longer.resize(sealed.len() + extra, 0);
            fixture.refuses(&longer, &format!("{length} with {extra} zero bytes"));
            longer.truncate(sealed.len());
            longer.extend_from_within(HEADER_LEN..sealed.len().min(HEADER_LEN + extra));
            fixture.refuses(&longer, &format!("{length} with {extra} of its own bytes"));
        }
    }
}

#[test]
fn frames_swapped_dropped_repeated_or_moved_are_refused() {
    let fixture = Fixture::new();
    let frame = |i: usize| HEADER_LEN + i * WHOLE..HEADER_LEN + (i + 1) * WHOLE;
    let sealed = fixture.sealed(4 * SMALL + 7);
    for (i, j) in [(0, 1), (1, 2), (0, 3), (2, 3)] {
        let mut swapped = sealed.clone();
        swapped[frame(i)].copy_from_slice(&sealed[frame(j)]);
        fixture.refuses(&swapped, &format!("frame {j} repeated at {i}"));
        swapped[frame(j)].copy_from_slice(&sealed[frame(i)]);
        fixture.refuses(&swapped, &format!("frames {i} and {j} swapped"));
    }
    for i in 0..4 {
        let mut dropped = sealed.clone();
        dropped.drain(frame(i));
        fixture.refuses(&dropped, &format!("frame {i} dropped"));
        let mut inserted = sealed.clone();
        inserted.splice(frame(i).start..frame(i).start, sealed[frame(i)].to_vec());
        fixture.refuses(&inserted, &format!("frame {i} inserted again"));
    }
    // A final frame that is whole cannot be written; an inner one in its place does not verify.
    fixture.refuses(&sealed[..frame(4).start], "ends with an inner frame");
}

#[test]
fn a_shortened_last_frame_is_refused_and_no_length_is_told_before_the_last_frame_verified() {
    let fixture = Fixture::new();
    let sealed = fixture.sealed(2 * SMALL + 100);
    let last = sealed.len() - (HEADER_LEN + 2 * WHOLE);
    // Every length that a last frame can have, its own MAC moved to the new end or not.
    for length in (SHORTEST_TOKEN..last).step_by(16) {
        let mut shortened = sealed[..HEADER_LEN + 2 * WHOLE + length].to_vec();
        fixture.refuses(&shortened, "shortened");
        let mac = shortened.len() - 32;
        shortened[mac..].copy_from_slice(&sealed[sealed.len() - 32..]);
        fixture.refuses(&shortened, "shortened with its MAC");
        // Its length is possible, so only the last frame can tell; without it not even the first
        // frame is read.
        let error = ObjectReader::open(shortened, &fixture.key, b"files").unwrap_err();
        assert_eq!(error.code(), "SE-403");
    }
    let mut dropped = sealed.clone();
    dropped.drain(HEADER_LEN..HEADER_LEN + WHOLE);
    let error = ObjectReader::open(dropped, &fixture.key, b"files").unwrap_err();
    assert!(matches!(error.kind, OpenErrorKind::Frame { index: 1 }));
}

#[test]
fn frames_of_another_object_context_or_key_are_refused() {
    let fixture = Fixture::new();
    let plain = plaintext(SMALL + 50);
    let sealed = fixture.seal(&plain, &[SMALL], 1, b"files");
    let stranger = Fixture::new();
    for other in [
        fixture.seal(&plain, &[SMALL], 2, b"files"),
        fixture.seal(&plain, &[SMALL], 1, b"filed"),
        stranger.seal(&plain, &[SMALL], 1, b"files"),
    ] {
        assert_eq!(other.len(), sealed.len());
        for range in [
            HEADER_LEN..HEADER_LEN + WHOLE,
            HEADER_LEN + WHOLE..sealed.len(),
            HEADER_LEN..sealed.len(),
        ] {
            let mut spliced = sealed.clone();
            spliced[range.clone()].copy_from_slice(&other[range.clone()]);
            fixture.refuses(&spliced, &format!("bytes {range:?} of another object"));
        }
        let mut spliced = other.clone();
        spliced[HEADER_LEN..].copy_from_slice(&sealed[HEADER_LEN..]);
        assert!(open_wholly(&spliced, &fixture.ring, b"files").is_err());
    }
}

#[test]
fn another_key_or_context_is_refused_before_any_frame() {
    let fixture = Fixture::new();
    let sealed = fixture.sealed(100);
    let other = FernetKey::generate().unwrap();
    for (key, context) in [
        (&other, &b"files"[..]),
        (&fixture.key, b"file"),
        (&fixture.key, b""),
    ] {
        let error = ObjectReader::open(sealed.clone(), key, context).unwrap_err();
        assert!(matches!(error.kind, OpenErrorKind::Commitment));
        assert_eq!(error.object, Some(ObjectId([1; 16])));
    }
}

#[test]
fn a_log_of_records_is_not_read_as_frames() {
    let fixture = Fixture::new();
    let (writer, mut log) = RecordSealer::new(
        &fixture.key,
        &fixture.wrapped,
        ObjectId([1; 16]),
        CREATED,
        b"files",
    );
    writer.finish(&mut log);
    assert_eq!(
        ObjectReader::open(log, &fixture.key, b"files")
            .unwrap_err()
            .code(),
        "SE-305"
    );
}

#[test]
fn a_frame_at_its_place_but_of_another_time_is_refused() {
    let fixture = Fixture::new();
    let sealed = fixture.sealed(100);
    let header = crate::Header::parse(&sealed).unwrap();
    let fixed = header.birth().to_bytes();
    let derived = position::derive(&fixture.key, &fixed, Binding { context: b"files" });
    let iv = derived.positions.frame(0, Place::Final);
    for (created, expect) in [(CREATED, Ok(plaintext(100))), (CREATED + 1, Err("SE-403"))] {
        let mut made = sealed[..HEADER_LEN].to_vec();
        seal::token(
            &SealingKey::of(&fixture.key),
            &iv,
            created,
            &plaintext(100),
            &mut made,
        );
        assert_eq!(open_wholly(&made, &fixture.ring, b"files"), expect);
        assert_eq!(stream_wholly(&made, &fixture.ring, b"files"), expect);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_damage_is_refused(
        length in 0_usize..9000,
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 1_u8..), 1..4),
    ) {
        let fixture = Fixture::new();
        let sealed = fixture.sealed(length);
        let mut altered = sealed.clone();
        for (index, mask) in edits {
            altered[index.index(sealed.len())] ^= mask;
        }
        if altered != sealed {
            prop_assert!(open_wholly(&altered, &fixture.ring, b"files").is_err());
        }
    }
}
