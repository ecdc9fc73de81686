//! The layout itself: lengths, the default frame, an object however it was handed over, a header
//! that was wrapped anew.

use super::*;
use crate::engine::token_len;
use crate::frames::{Extent, Geometry};

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

#[test]
fn an_empty_object_is_a_header_and_the_shortest_token() {
    let fixture = Fixture::new();
    assert_eq!(fixture.sealed(0).len(), HEADER_LEN + SHORTEST_TOKEN);
    let reader = ObjectReader::open(fixture.sealed(0), &fixture.key, b"files").unwrap();
    assert!(reader.is_empty());
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
}
