//! Reading a part: only the frames it touches, from sources that are damaged, change, or give
//! little at a time.

use std::cell::RefCell;
use std::io;

use super::*;
use crate::frames::source::Source;

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

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
}
