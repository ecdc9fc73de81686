//! Tables by hand: what is whole, what broke off, and that no bytes at all lead to a panic.

use proptest::prelude::*;

use super::*;

/// A structure with its texts.
fn structure(kind: u8, handle: u16, fields: &[u8], texts: &[&str]) -> Vec<u8> {
    let length = u8::try_from(fields.len() + 4).unwrap();
    let [low, high] = handle.to_le_bytes();
    let mut bytes = vec![kind, length, low, high];
    bytes.extend_from_slice(fields);
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    if texts.is_empty() {
        bytes.push(0);
    }
    bytes.push(0);
    bytes
}

fn kinds(table: &[u8], count: Option<u16>) -> (Vec<u8>, End) {
    let mut walk = Walk::over(table, count);
    let kinds = walk.by_ref().map(|structure| structure.kind()).collect();
    (kinds, walk.end())
}

fn entry_three() -> Vec<u8> {
    let mut bytes =
        b"_SM3_\x00\x18\x03\x04\x00\x01\x00\x00\x10\x00\x00\x20\x00\x00\x00\x00\x00\x00\x00"
            .to_vec();
    seal(&mut bytes, 5);
    bytes
}

fn entry_two(count: u16) -> Vec<u8> {
    let mut inner = b"_DMI_\x00\x10\x00\x20\x00\x00\x00".to_vec();
    inner.extend_from_slice(&count.to_le_bytes());
    inner.push(0x27);
    seal(&mut inner, 5);
    let mut bytes = b"_SM_\x00\x1f\x02\x08\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    bytes.extend_from_slice(&inner);
    seal(&mut bytes, 4);
    bytes
}

/// Sets the checksum.
fn seal(bytes: &mut [u8], at: usize) {
    bytes[at] = 0;
    bytes[at] = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
}

#[test]
fn structures_come_in_their_order_with_their_texts() {
    let mut table = structure(1, 0x0100, &[1, 2, 0, 3], &["Maker", " Model  "]);
    table.extend(structure(3, 0x0300, &[], &[]));
    table.extend(structure(127, 0xfeff, &[], &[]));
    table.extend(structure(2, 0x0200, &[], &[]));
    let (seen, end) = kinds(&table, None);
    assert_eq!((seen, end), (vec![1, 3], End::Whole));
    let first = Walk::over(&table, None).next().unwrap();
    assert_eq!(first.handle(), 0x0100);
    assert_eq!(first.text(4), Fact::Value("Maker".into()));
    assert_eq!(first.text(5), Fact::Value("Model".into()));
    assert_eq!(first.text(6), Fact::Absent);
    assert!(matches!(first.text(7), Fact::Unsupported(_)));
    assert_eq!(first.text(8), Fact::Absent, "an older specification");
    assert_eq!(first.word(6), Some(0x0300));
    assert_eq!(first.word(7), None, "half a field");
}

#[test]
fn a_number_of_structures_ends_the_walk_and_an_end_mark_does_not() {
    let mut table = structure(127, 1, &[], &[]);
    table.extend(structure(1, 2, &[], &[]));
    table.extend(structure(2, 3, &[], &[]));
    assert_eq!(kinds(&table, Some(2)), (vec![127, 1], End::Whole));
    assert_eq!(kinds(&table, Some(3)), (vec![127, 1, 2], End::Whole));
    let end = End::BrokenOff(table.len());
    assert_eq!(kinds(&table, Some(4)), (vec![127, 1, 2], end));
    assert_eq!(kinds(&table, Some(u16::MAX)), (vec![127, 1, 2], end));
}

#[test]
fn a_number_beyond_the_structures_is_forgiven_where_the_last_is_the_end_mark() {
    let mut table = structure(1, 1, &[], &[]);
    table.extend(structure(127, 2, &[], &[]));
    assert_eq!(kinds(&table, Some(3)), (vec![1, 127], End::Whole));
    for padding in [0, 0xff] {
        let mut padded = table.clone();
        padded.extend([padding; 9]);
        assert_eq!(kinds(&padded, Some(9)), (vec![1, 127], End::Whole));
        padded.push(3);
        assert!(matches!(kinds(&padded, Some(9)).1, End::BrokenOff(_)));
    }
}

#[test]
fn a_table_of_no_bytes_and_one_of_nothing_but_padding_are_not_whole() {
    for table in [&[][..], &[0; 4096], &[0xff; 4096], &[0xff; 300], &[0; 4]] {
        for claimed in [None, Some(1), Some(7), Some(u16::MAX)] {
            let found = kinds(table, claimed);
            assert_eq!(found, (vec![], End::BrokenOff(0)), "{claimed:?}");
        }
    }
}

#[test]
fn a_table_that_breaks_off_says_where() {
    let mut table = structure(1, 1, &[0; 4], &["text"]);
    let whole = table.len();
    table.extend(structure(3, 2, &[0; 9], &["serial"]));
    let counted = table.clone();
    table.extend(structure(127, 3, &[], &[]));
    for cut in 0..table.len() {
        let (_, end) = kinds(&table[..cut], None);
        assert!(matches!(end, End::BrokenOff(at) if at <= cut), "{cut}");
    }
    for cut in whole..counted.len() {
        for claimed in [None, Some(2)] {
            let (seen, end) = kinds(&table[..cut], claimed);
            assert_eq!(seen, [1], "{cut}");
            assert_eq!(end, End::BrokenOff(whole), "{cut}");
        }
    }
    assert_eq!(kinds(&table, None), (vec![1, 3], End::Whole));
    assert_eq!(kinds(&counted, Some(2)), (vec![1, 3], End::Whole));
    assert_eq!(kinds(&counted, None).1, End::BrokenOff(counted.len()));
    let short = [1, 3, 0, 0, 0, 0];
    assert_eq!(kinds(&short, None), (vec![], End::BrokenOff(0)));
}

#[test]
fn padding_behind_a_table_is_no_structure() {
    for padding in [0, 0xff] {
        let mut table = structure(1, 1, &[], &[]);
        let broken = table.len();
        let mut cut = table.clone();
        cut.extend([padding; 64]);
        assert_eq!(kinds(&cut, None), (vec![1], End::BrokenOff(broken)));
        assert_eq!(kinds(&cut, Some(2)), (vec![1], End::BrokenOff(broken)));
        assert_eq!(kinds(&cut, Some(1)), (vec![1], End::Whole));
        table.extend(structure(127, 2, &[], &[]));
        table.extend([padding; 64]);
        assert_eq!(kinds(&table, None), (vec![1], End::Whole));
        assert_eq!(kinds(&table, Some(2)), (vec![1, 127], End::Whole));
    }
}

#[test]
fn more_structures_than_are_taken_are_told() {
    let one = structure(221, 1, &[], &[]);
    let table = one.repeat(STRUCTURE_LIMIT + 1);
    let (seen, end) = kinds(&table, None);
    assert_eq!((seen.len(), end), (STRUCTURE_LIMIT, End::TooMany));
    let (seen, end) = kinds(&table, Some(u16::MAX));
    assert_eq!((seen.len(), end), (STRUCTURE_LIMIT, End::TooMany));
    let limit = u16::try_from(STRUCTURE_LIMIT).unwrap();
    assert_eq!(kinds(&table, Some(limit)).1, End::Whole);
}

#[test]
fn every_form_of_the_entry_point_tells_its_version() {
    let three = EntryPoint::read(&entry_three()).unwrap();
    assert_eq!(
        (three.version.to_string(), three.structures),
        ("3.4".into(), None)
    );
    let two = EntryPoint::read(&entry_two(77)).unwrap();
    assert_eq!(
        (two.version.to_string(), two.structures),
        ("2.8".into(), Some(77))
    );
    let oldest = EntryPoint::read(&entry_two(5)[0x10..]).unwrap();
    assert_eq!(
        (oldest.version.to_string(), oldest.structures),
        ("2.7".into(), Some(5))
    );
}

#[test]
fn an_entry_point_with_one_wrong_bit_gives_no_version() {
    for good in [entry_three(), entry_two(3)] {
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 0x20;
            assert!(EntryPoint::read(&bad).is_err(), "{place}");
            assert!(EntryPoint::read(&good[..place]).is_err(), "{place}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_lead_to_a_panic(bytes: Vec<u8>, count: Option<u16>, at in 0_usize..300) {
        let _entry = EntryPoint::read(&bytes);
        for structure in Walk::over(&bytes, count) {
            let _fields = (structure.text(at), structure.word(at), structure.bytes::<16>(at));
        }
    }

    #[test]
    fn what_was_written_is_read(texts in proptest::collection::vec("[a-zA-Z0-9]{1,20}", 1..8)) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let numbers: Vec<u8> = (1..=u8::try_from(texts.len()).unwrap()).collect();
        let table = structure(17, 9, &numbers, &texts);
        let read = Walk::over(&table, None).next().unwrap();
        for (place, text) in texts.iter().enumerate() {
            prop_assert_eq!(read.text(4 + place), Fact::Value((*text).to_owned()));
        }
    }
}
