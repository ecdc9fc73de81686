//! Layout `Frames`, both ways: every length, every range, every mutation.

use std::cell::RefCell;
use std::io;

use proptest::prelude::*;

use super::source::Source;
use super::{Extent, Geometry, wide};
use crate::engine::seal::{self, SealingKey};
use crate::engine::{SHORTEST_TOKEN, token_len};
use crate::header::{FrameSize, HEADER_LEN};
use crate::position::{self, Place};
use crate::vectors::{open_wholly, plaintext, stream_wholly};
use crate::{
    Binding, FernetKey, Keyring, ObjectId, ObjectReader, OpenErrorKind, RecordSealer, Sealer,
    WrappedKey,
};

const SMALL: usize = 4096;
const WHOLE: usize = SMALL + 73;
const CREATED: u64 = 1_700_000_000;

struct Fixture {
    ring: Keyring,
    key: FernetKey,
    wrapped: WrappedKey,
}

impl Fixture {
    fn new() -> Self {
        let [zone, key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&zone, &key, CREATED).unwrap();
        Self {
            ring: Keyring::from_keys(vec![zone]).unwrap(),
            key,
            wrapped,
        }
    }

    /// An object of small frames, so that little plaintext makes many.
    fn seal(&self, plain: &[u8], pieces: &[usize], id: u8, context: &[u8]) -> Vec<u8> {
        let size = FrameSize::of_bits(12).unwrap();
        let birth = (ObjectId([id; 16]), CREATED);
        let (mut writer, mut sealed) =
            Sealer::with_frames(&self.key, &self.wrapped, size, birth, Binding { context });
        let mut rest = plain;
        for &piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            writer.update(now, &mut sealed);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(writer.finish(&mut sealed), wide(plain.len()));
        sealed
    }

    fn sealed(&self, length: usize) -> Vec<u8> {
        self.seal(&plaintext(length), &[length.max(1)], 1, b"files")
    }

    fn refuses(&self, sealed: &[u8], what: &str) {
        let code = open_wholly(sealed, &self.ring, b"files").unwrap_err();
        assert!(code.starts_with("SE-"), "{what}");
        assert!(
            stream_wholly(sealed, &self.ring, b"files").is_err(),
            "{what}"
        );
    }
}

#[test]
fn a_length_counts_only_if_a_writer_gives_it() {
    let geometry = Geometry::of(FrameSize::of_bits(12).unwrap());
    assert_eq!((geometry.plain, geometry.token), (SMALL, WHOLE));
    assert_eq!(Geometry::of(FrameSize::DEFAULT).token, 16_457);
    let mut lengths = Vec::new();
    for plain in 0..3 * SMALL {
        let whole = plain / SMALL;
        let last_token = token_len(plain % SMALL);
        let length = wide(HEADER_LEN + whole * WHOLE + last_token);
        lengths.push(length);
        let expect = Extent {
            whole: wide(whole),
            last_token,
        };
        assert_eq!(geometry.extent(length), Some(expect));
    }
    for length in 0..*lengths.last().unwrap() {
        assert_eq!(
            geometry.extent(length).is_some(),
            lengths.binary_search(&length).is_ok()
        );
    }
    assert_eq!(geometry.offset(2), Some(wide(HEADER_LEN + 2 * WHOLE)));
    assert_eq!(geometry.offset(u64::MAX), None);
}

#[test]
fn objects_of_every_interesting_length_come_back() {
    let fixture = Fixture::new();
    for length in [
        0, 1, 15, 16, 17, 4079, 4080, 4095, 4096, 4097, 8191, 8192, 8193, 80_000,
    ] {
        let plain = plaintext(length);
        let sealed = fixture.sealed(length);
        let whole = length / SMALL;
        let expected = HEADER_LEN + whole * WHOLE + token_len(length - whole * SMALL);
        assert_eq!(sealed.len(), expected);
        assert_eq!(
            open_wholly(&sealed, &fixture.ring, b"files").unwrap(),
            plain
        );
        assert_eq!(
            stream_wholly(&sealed, &fixture.ring, b"files").unwrap(),
            plain
        );
    }
}

#[test]
fn the_default_frame_is_sixteen_kibibytes() {
    let fixture = Fixture::new();
    for length in [0, 1, 16_383, 16_384, 16_385, 300_000] {
        let plain = plaintext(length);
        let id = ObjectId::random().unwrap();
        let (mut writer, mut sealed) =
            Sealer::new(&fixture.key, &fixture.wrapped, id, CREATED, b"");
        writer.update(&plain, &mut sealed);
        writer.finish(&mut sealed);
        assert!(sealed.len() <= 512 + plain.len() + (length / 16_384 + 1) * 73);
        let reader = ObjectReader::open(sealed, &fixture.key, b"").unwrap();
        assert_eq!(reader.len(), wide(length));
        assert_eq!(reader.header().object_id(), id);
        assert_eq!(reader.header().created(), CREATED);
        let mut out = Vec::new();
        reader.read_at(0, length + 5, &mut out).unwrap();
        assert_eq!(out, plain);
    }
}

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
        // Its length is possible, so only the last frame can tell; without it not even the first frame is read.
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
fn rewrapping_the_header_leaves_the_object_readable_under_the_new_ring_only() {
    let fixture = Fixture::new();
    let sealed = fixture.sealed(SMALL + 3);
    let new = FernetKey::generate().unwrap();
    let old = fixture.ring.primary().duplicate();
    let both = Keyring::from_keys(vec![new.duplicate(), old]).unwrap();
    let header = crate::Header::parse(&sealed).unwrap();
    let wrapped = header.wrapped().rewrap(&both).unwrap();
    let mut rotated = sealed.clone();
    rotated[..HEADER_LEN].copy_from_slice(&header.with_wrapped(wrapped).to_bytes());
    let only_new = Keyring::from_keys(vec![new]).unwrap();
    assert_eq!(
        open_wholly(&rotated, &only_new, b"files").unwrap(),
        plaintext(SMALL + 3)
    );
    assert_eq!(
        open_wholly(&rotated, &fixture.ring, b"files").unwrap_err(),
        "SE-211"
    );
    assert_eq!(
        open_wholly(&sealed, &only_new, b"files").unwrap_err(),
        "SE-211"
    );
}

/// A source that notes what is read, and can fail or change under the reader.
struct Watched {
    bytes: RefCell<Vec<u8>>,
    read: RefCell<Vec<(u64, usize)>>,
    most: usize,
}

impl Source for Watched {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read.borrow_mut().push((offset, buffer.len()));
        let most = buffer.len().min(self.most);
        Source::read_at(&*self.bytes.borrow(), &mut buffer[..most], offset)
    }

    fn len(&self) -> io::Result<u64> {
        Source::len(&*self.bytes.borrow())
    }
}

fn watched(bytes: Vec<u8>, most: usize) -> Watched {
    Watched {
        bytes: RefCell::new(bytes),
        read: RefCell::default(),
        most,
    }
}

#[test]
fn a_range_opens_only_the_frames_it_touches() {
    let fixture = Fixture::new();
    let source = watched(fixture.sealed(40 * SMALL + 5), usize::MAX);
    let reader = ObjectReader::open(source, &fixture.key, b"files").unwrap();
    let at = |frame: usize| wide(HEADER_LEN + frame * WHOLE);
    let mut out = Vec::new();
    for (offset, max, expect) in [
        (0, 1, vec![(at(0), WHOLE)]),
        (wide(SMALL) - 1, 2, vec![(at(0), 2 * WHOLE)]),
        (wide(3 * SMALL), SMALL, vec![(at(3), WHOLE)]),
        (wide(40 * SMALL), 100, vec![(at(40), 73)]),
        (
            wide(10 * SMALL),
            20 * SMALL,
            vec![(at(10), 16 * WHOLE), (at(26), 4 * WHOLE)],
        ),
        (wide(40 * SMALL + 5), 1, vec![]),
        (u64::MAX, usize::MAX, vec![]),
        (0, 0, vec![]),
    ] {
        reader.source().read.borrow_mut().clear();
        reader.read_at(offset, max, &mut out).unwrap();
        assert_eq!(*reader.source().read.borrow(), expect, "{offset}+{max}");
    }
}

#[test]
fn a_damaged_frame_spoils_only_the_ranges_that_touch_it() {
    let fixture = Fixture::new();
    let mut sealed = fixture.sealed(3 * SMALL + 5);
    sealed[HEADER_LEN + WHOLE + 30] ^= 1;
    let reader = ObjectReader::open(sealed, &fixture.key, b"files").unwrap();
    let plain = plaintext(3 * SMALL + 5);
    let mut out = b"kept".to_vec();
    assert_eq!(reader.read_at(0, SMALL, &mut out).unwrap(), SMALL);
    assert_eq!(out[4..], plain[..SMALL]);
    out.truncate(4);
    for (offset, max) in [
        (0, SMALL + 1),
        (wide(SMALL), 1),
        (wide(2 * SMALL) - 1, 5),
        (0, 99_999),
    ] {
        let error = reader.read_at(offset, max, &mut out).unwrap_err();
        assert!(
            matches!(error.kind, OpenErrorKind::Frame { index: 1 }),
            "{error}"
        );
        assert_eq!(out, b"kept");
    }
    assert_eq!(
        reader.read_at(wide(2 * SMALL), 99_999, &mut out).unwrap(),
        SMALL + 5
    );
}

#[test]
fn a_source_that_shrinks_or_changes_under_the_reader_is_refused() {
    let fixture = Fixture::new();
    let sealed = fixture.sealed(2 * SMALL + 5);
    let reader =
        ObjectReader::open(watched(sealed.clone(), usize::MAX), &fixture.key, b"files").unwrap();
    reader
        .source()
        .bytes
        .borrow_mut()
        .truncate(HEADER_LEN + WHOLE + 9);
    let mut out = Vec::new();
    assert_eq!(reader.read_at(0, SMALL, &mut out).unwrap(), SMALL);
    assert_eq!(
        reader.read_at(0, SMALL + 1, &mut out).unwrap_err().code(),
        "SE-404"
    );
    assert_eq!(out.len(), SMALL);
    // Exchanged for a shorter object of the same key whose last frame has the same length.
    let shorter = fixture.sealed(2 * SMALL + 1);
    assert_eq!(shorter.len(), sealed.len());
    *reader.source().bytes.borrow_mut() = shorter;
    let error = reader.read_at(wide(2 * SMALL), 5, &mut out).unwrap_err();
    assert_eq!(error.code(), "SE-403");
}

#[test]
fn short_reads_of_the_source_do_not_matter() {
    let fixture = Fixture::new();
    let source = watched(fixture.sealed(SMALL + 50), 7);
    let reader = ObjectReader::open(source, &fixture.key, b"files").unwrap();
    let mut out = Vec::new();
    reader.read_at(10, SMALL, &mut out).unwrap();
    assert_eq!(out, plaintext(SMALL + 50)[10..SMALL + 10]);
}

#[test]
fn a_file_is_read_where_it_lies() {
    let fixture = Fixture::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("object");
    std::fs::write(&path, fixture.sealed(SMALL + 50)).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    let reader = ObjectReader::open(file, &fixture.key, b"files").unwrap();
    let mut out = Vec::new();
    assert_eq!(reader.read_at(wide(SMALL) - 3, 10, &mut out).unwrap(), 10);
    assert_eq!(out, plaintext(SMALL + 50)[SMALL - 3..SMALL + 7]);
    assert!(!Source::is_empty(reader.source()).unwrap());
}

#[test]
fn nothing_secret_is_shown() {
    let fixture = Fixture::new();
    let (writer, _) = Sealer::new(
        &fixture.key,
        &fixture.wrapped,
        ObjectId([9; 16]),
        CREATED,
        b"files",
    );
    assert_eq!(format!("{writer:?}"), "Sealer { frames: 0, .. }");
    let reader = ObjectReader::open(fixture.sealed(3), &fixture.key, b"files").unwrap();
    let shown = format!("{reader:?}");
    assert!(shown.contains("length: 3") && !shown.contains("mac"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn how_a_stream_is_split_does_not_show(
        length in 0_usize..20_000,
        pieces in proptest::collection::vec(1_usize..9000, 1..8),
        opened in proptest::collection::vec(1_usize..9000, 1..8),
    ) {
        let fixture = Fixture::new();
        let plain = plaintext(length);
        let sealed = fixture.seal(&plain, &pieces, 1, b"files");
        prop_assert!(sealed == fixture.seal(&plain, &[length.max(1)], 1, b"files"));
        let header = crate::Header::parse(&sealed).unwrap();
        let mut opener = crate::Opener::new(&header, &fixture.key, b"files").unwrap();
        let mut rest = &sealed[HEADER_LEN..];
        let mut out = Vec::new();
        for &piece in opened.iter().cycle() {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            opener.update(now, &mut out).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        opener.finish(&mut out).unwrap();
        prop_assert!(out == plain);
    }

    #[test]
    fn every_range_reads_what_stands_there(
        length in 0_usize..90_000,
        ranges in proptest::collection::vec((0_usize..100_000, 0_usize..100_000), 1..12),
    ) {
        let fixture = Fixture::new();
        let plain = plaintext(length);
        let reader = ObjectReader::open(fixture.sealed(length), &fixture.key, b"files").unwrap();
        prop_assert_eq!(reader.len(), wide(length));
        for (offset, max) in ranges {
            let mut out = b"kept".to_vec();
            let read = reader.read_at(wide(offset), max, &mut out).unwrap();
            let start = offset.min(length);
            let end = offset.saturating_add(max).min(length).max(start);
            prop_assert_eq!(read, end - start);
            prop_assert!(out[4..] == plain[start..end]);
        }
    }

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

#[test]
fn an_empty_object_is_a_header_and_the_shortest_token() {
    let fixture = Fixture::new();
    assert_eq!(fixture.sealed(0).len(), HEADER_LEN + SHORTEST_TOKEN);
    let reader = ObjectReader::open(fixture.sealed(0), &fixture.key, b"files").unwrap();
    assert!(reader.is_empty());
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
