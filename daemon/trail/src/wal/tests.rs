//! Tests of the write-ahead log: frames, torn tails, damage.

use proptest::prelude::*;

use super::{Damage, FRAME_LEN, Frame, HEADER_LEN, SECTOR, header, read};

const ORIGIN: &str = "lab.internal/storage/st1";

/// A log whose frames have these numbers of leaves; gives also where each frame begins.
fn log(start: u64, frames: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut chain) = header(ORIGIN, start);
    let (mut begins, mut first) = (Vec::new(), start);
    for count in frames {
        let mut frame = Frame::begin(first, Vec::new(), Vec::new());
        for at in 0..*count {
            let text = format!(
                "leaf {} of a frame, long enough to matter: {at}",
                frame.next()
            );
            frame.leaf(|out| out.extend_from_slice(text.as_bytes()));
        }
        first = frame.next();
        chain = frame.finish(&chain);
        begins.push(bytes.len());
        bytes.extend_from_slice(&frame.bytes);
    }
    (bytes, begins)
}

#[test]
fn what_was_written_is_read_back() {
    let (bytes, _) = log(512, &[1, 3, 40]);
    let contents = read(&bytes, ORIGIN).unwrap();
    assert_eq!(contents.start, 512);
    let counts: Vec<_> = contents
        .frames
        .iter()
        .map(|(_, hashes)| hashes.len())
        .collect();
    assert_eq!(counts, [1, 3, 40]);
    assert_eq!(contents.torn_at, None);
    assert!(read(&log(0, &[]).0, ORIGIN).unwrap().frames.is_empty());
}

#[test]
fn a_last_frame_cut_at_any_byte_is_torn_and_those_before_it_stand() {
    let (bytes, begins) = log(0, &[2, 3, 30]);
    for end in begins[2] + 1..bytes.len() {
        let contents = read(&bytes[..end], ORIGIN).unwrap();
        assert_eq!(contents.torn_at, Some(begins[2]), "cut at {end}");
        assert_eq!(contents.frames.len(), 2);
    }
    assert_eq!(read(&bytes[..begins[2]], ORIGIN).unwrap().torn_at, None);
}

#[test]
fn a_last_frame_with_an_unwritten_sector_is_torn() {
    let (mut bytes, begins) = log(0, &[2, 40]);
    let from = (begins[1] / SECTOR + 1) * SECTOR;
    bytes[from..from + SECTOR].fill(0);
    let contents = read(&bytes, ORIGIN).unwrap();
    assert_eq!(
        (contents.frames.len(), contents.torn_at),
        (1, Some(begins[1]))
    );
    let (mut bytes, begins) = log(0, &[2, 40]);
    bytes[begins[1]..from].fill(0);
    assert_eq!(read(&bytes, ORIGIN).unwrap().torn_at, Some(begins[1]));
}

#[test]
fn an_unwritten_sector_before_the_last_frame_is_damage() {
    let (mut bytes, begins) = log(0, &[40, 2]);
    let from = (begins[0] / SECTOR + 1) * SECTOR;
    bytes[from..from + SECTOR].fill(0);
    assert_eq!(read(&bytes, ORIGIN).unwrap_err(), Damage::At(begins[0]));
}

#[test]
fn every_changed_byte_is_damage_and_never_a_tear() {
    let (bytes, begins) = log(256, &[2, 1, 20]);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        let damage = read(&changed, ORIGIN).unwrap_err();
        if at < HEADER_LEN {
            assert_eq!(damage, Damage::Header, "byte {at}");
        } else {
            let frame = begins.iter().rev().find(|begin| **begin <= at).unwrap();
            assert_eq!(damage, Damage::At(*frame), "byte {at}");
        }
    }
}

#[test]
fn a_frame_left_out_repeated_or_swapped_is_damage() {
    let (bytes, begins) = log(0, &[1, 1, 1]);
    let frame = |at: usize| {
        let end = begins.get(at + 1).copied().unwrap_or(bytes.len());
        bytes[begins[at]..end].to_vec()
    };
    let with = |order: &[usize]| {
        let mut log = bytes[..HEADER_LEN].to_vec();
        for at in order {
            log.extend(frame(*at));
        }
        log
    };
    assert!(read(&with(&[0, 1, 2]), ORIGIN).is_ok());
    for order in [
        &[0, 2][..],
        &[1, 2],
        &[0, 0, 1, 2],
        &[0, 2, 1],
        &[0, 1, 1, 2],
        &[0, 1, 2, 2],
    ] {
        assert!(
            matches!(read(&with(order), ORIGIN), Err(Damage::At(_))),
            "{order:?}"
        );
    }
}

#[test]
fn the_frames_of_another_log_or_another_start_do_not_fit() {
    let (ours, begins) = log(0, &[1, 1]);
    assert_eq!(
        read(&ours, "lab.internal/storage/st2").unwrap_err(),
        Damage::Origin
    );
    let (later, _) = log(256, &[1, 1]);
    let mixed = [&later[..HEADER_LEN], &ours[begins[0]..]].concat();
    assert_eq!(read(&mixed, ORIGIN).unwrap_err(), Damage::At(HEADER_LEN));
}

#[test]
fn junk_after_the_last_frame_is_damage() {
    let (mut bytes, _) = log(0, &[1]);
    let end = bytes.len();
    bytes.extend_from_slice(b"junk");
    assert_eq!(read(&bytes, ORIGIN).unwrap_err(), Damage::At(end));
    bytes.extend_from_slice(&[b'j'; FRAME_LEN]);
    assert_eq!(read(&bytes, ORIGIN).unwrap_err(), Damage::At(end));
}

#[test]
fn a_header_that_is_short_or_of_another_version_is_refused() {
    let (bytes, _) = log(0, &[]);
    for end in 0..HEADER_LEN {
        assert_eq!(read(&bytes[..end], ORIGIN).unwrap_err(), Damage::Header);
    }
}

proptest! {
    #[test]
    fn no_bytes_whatsoever_make_the_reader_fail(
        junk in proptest::collection::vec(any::<u8>(), 0..400),
        at in 0..400_usize,
    ) {
        let (mut bytes, _) = log(0, &[1, 2]);
        let at = at.min(bytes.len());
        bytes.splice(at.., junk);
        if let Ok(contents) = read(&bytes, ORIGIN) {
            prop_assert!(contents.frames.len() <= 2);
        }
    }
}
