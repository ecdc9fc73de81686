//! A scan without a key: tags, the end, and where a torn or damaged log stops being intact.

use super::*;
use crate::record::{Scan, TornAt};
use crate::{HeaderError, Sealer};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

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
