//! The second suite: Python reads what we write and we read what Python writes; every kind of mutation; every range.
//!
//! Where no Python with `cryptography` 50 is (`COFFERDAM_PYTHON` names another than `python3`), a test says so and stops; one message that
//! it made is kept here.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;
use crate::vectors::plaintext;
use crate::{CobblestoneOpener, CobblestoneReader, CobblestoneSealer};

/// Made by Python's `cryptography` 50.0.2: key 00 01 .. 0f, context "files".
const THEIRS: &str = "fe4cf814d0858c9574ab007855eacf91463b9805eca4f1ef2b6adfbde12340ef\
    6a8b17b3965a4cb74ee63b5879ad25df635583159b207cb4805067bb7fde3b7e\
    4bb21250508adea597fc75b5ebb0dfd9be7c6ef983074fc2";
const LENGTHS: [usize; 9] = [
    0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, 50_000, 200_000,
];

fn key() -> CobblestoneKey {
    CobblestoneKey::from_bytes(&std::array::from_fn(|at| u8::try_from(at).unwrap()))
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn seal(plain: &[u8], piece: usize, salt: u8) -> Vec<u8> {
    let (mut sealer, mut sealed) = CobblestoneSealer::salted(&key(), &[salt; SALT_LEN], b"files");
    for piece in plain.chunks(piece) {
        sealer.update(piece, &mut sealed).unwrap();
    }
    let length = sealer.finish(&mut sealed).unwrap();
    assert_eq!(length, u64::try_from(plain.len()).unwrap());
    sealed
}

fn stream(
    sealed: &[u8],
    piece: usize,
    key: &CobblestoneKey,
    context: &[u8],
) -> Result<Vec<u8>, CobblestoneError> {
    let Some((head, body)) = sealed.split_first_chunk() else {
        return Err(CobblestoneError::Length { found: 0 });
    };
    let mut opener = CobblestoneOpener::new(key, head, context)?;
    let mut plain = Vec::new();
    for piece in body.chunks(piece) {
        opener.update(piece, &mut plain)?;
    }
    opener.finish(&mut plain)?;
    Ok(plain)
}

fn read(sealed: &[u8], key: &CobblestoneKey, context: &[u8]) -> Result<Vec<u8>, CobblestoneError> {
    let reader = CobblestoneReader::open(sealed.to_vec(), key, context)?;
    let mut plain = Vec::new();
    reader.read_at(0, usize::MAX, &mut plain)?;
    Ok(plain)
}

fn refuses(sealed: &[u8], why: &str) {
    assert!(read(sealed, &key(), b"files").is_err(), "{why}");
    for piece in [1000, 1 << 20] {
        assert!(stream(sealed, piece, &key(), b"files").is_err(), "{why}");
    }
}

#[test]
fn a_message_that_python_made_is_opened() {
    let theirs = unhex(THEIRS);
    assert_eq!(
        read(&theirs, &key(), b"files").unwrap(),
        b"a secret message"
    );
    assert_eq!(
        stream(&theirs, 7, &key(), b"files").unwrap(),
        b"a secret message"
    );
    // The same salt gives the same message: the writer agrees to the byte.
    let salt = theirs.first_chunk().unwrap();
    let (mut sealer, mut ours) = CobblestoneSealer::salted(&key(), salt, b"files");
    sealer.update(b"a secret message", &mut ours).unwrap();
    sealer.finish(&mut ours).unwrap();
    assert_eq!(ours, theirs);
}

#[test]
fn messages_of_every_interesting_length_come_back_however_they_are_cut() {
    for length in LENGTHS {
        let plain = plaintext(length);
        let sealed = seal(&plain, 1 << 20, 1);
        assert_eq!(sealed.len(), 56 + length + 16 * (length / CHUNK_LEN + 1));
        assert_eq!(read(&sealed, &key(), b"files").unwrap(), plain);
        for piece in [997, CHUNK_LEN, CHUNK_LEN + 1, SEALED_LEN] {
            assert_eq!(seal(&plain, piece, 1), sealed);
            assert_eq!(stream(&sealed, piece, &key(), b"files").unwrap(), plain);
        }
    }
}

#[test]
fn every_bit_of_a_message_matters() {
    let sealed = seal(b"a secret", 8, 1);
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refuses(&changed, "a changed bit");
    }
    let sealed = seal(&plaintext(40_000), 40_000, 1);
    for place in (0..sealed.len()).step_by(911) {
        let mut changed = sealed.clone();
        changed[place] ^= 0x80;
        refuses(&changed, "a changed bit");
    }
}

#[test]
fn a_message_cut_anywhere_or_prolonged_is_refused() {
    let sealed = seal(&plaintext(40_000), 40_000, 1);
    for length in (0..sealed.len()).step_by(499).chain([
        COBBLESTONE_HEAD_LEN,
        COBBLESTONE_HEAD_LEN + TAG_LEN,
        COBBLESTONE_HEAD_LEN + SEALED_LEN,
        COBBLESTONE_HEAD_LEN + 2 * SEALED_LEN,
        sealed.len() - 1,
    ]) {
        refuses(&sealed[..length], "cut");
    }
    for more in [1, 16, SEALED_LEN] {
        refuses(&[&sealed[..], &vec![0; more]].concat(), "prolonged");
    }
}

#[test]
fn chunks_swapped_dropped_repeated_or_moved_are_refused() {
    let sealed = seal(&plaintext(60_000), 60_000, 1);
    let other = seal(&plaintext(60_000), 60_000, 2);
    let (head, body) = sealed.split_at(COBBLESTONE_HEAD_LEN);
    let chunks: Vec<&[u8]> = body.chunks(SEALED_LEN).collect();
    let [a, b, c, last] = chunks[..] else {
        panic!("four chunks");
    };
    let foreign = &other[COBBLESTONE_HEAD_LEN..COBBLESTONE_HEAD_LEN + SEALED_LEN];
    for (why, parts) in [
        ("swapped", vec![head, b, a, c, last]),
        ("dropped first", vec![head, b, c, last]),
        ("dropped inner", vec![head, a, c, last]),
        ("dropped last", vec![head, a, b, c]),
        ("repeated", vec![head, a, a, b, c, last]),
        ("replaced by its neighbour", vec![head, a, a, c, last]),
        ("repeated last", vec![head, a, b, c, last, last]),
        ("of another message", vec![head, foreign, b, c, last]),
        (
            "under the head of another",
            vec![&other[..COBBLESTONE_HEAD_LEN], a, b, c, last],
        ),
        (
            "last one shortened",
            vec![head, a, b, c, &last[..last.len() - 16]],
        ),
    ] {
        refuses(&parts.concat(), why);
    }
    assert!(read(&[head, a, b, c, last].concat(), &key(), b"files").is_ok());
}

#[test]
fn another_key_or_context_is_refused_before_any_chunk() {
    let sealed = seal(b"x", 1, 1);
    let other = CobblestoneKey::generate().unwrap();
    for error in [
        read(&sealed, &other, b"files").unwrap_err(),
        read(&sealed, &key(), b"file").unwrap_err(),
        stream(&sealed, 100, &other, b"files").unwrap_err(),
        stream(&sealed, 100, &key(), b"").unwrap_err(),
    ] {
        assert_eq!(error.code(), "SE-401");
    }
}

#[test]
fn every_range_reads_what_stands_there_and_a_damaged_chunk_spoils_only_its_own() {
    let plain = plaintext(50_000);
    let mut sealed = seal(&plain, 50_000, 1);
    let check = |sealed: &[u8], offset: usize, max: usize| {
        let reader = CobblestoneReader::open(sealed.to_vec(), &key(), b"files").unwrap();
        let mut out = b"before".to_vec();
        let read = reader.read_at(u64::try_from(offset).unwrap(), max, &mut out);
        let expect = &plain[offset.min(50_000)..(offset + max).min(50_000)];
        match read {
            Ok(read) => assert_eq!((&out[6..], read), (expect, expect.len())),
            Err(_) => assert_eq!(out, b"before"),
        }
        read.is_ok()
    };
    for offset in [0, 1, 16_383, 16_384, 20_000, 49_999, 50_000, 60_000] {
        for max in [0, 1, 2, 16_384, 40_000] {
            assert!(check(&sealed, offset, max), "{offset} {max}");
        }
    }
    sealed[COBBLESTONE_HEAD_LEN + SEALED_LEN + 5] ^= 1;
    assert!(check(&sealed, 0, 16_384) && check(&sealed, 32_768, 50_000));
    assert!(!check(&sealed, 0, 16_385) && !check(&sealed, 32_767, 1));
}

#[test]
fn a_message_has_no_more_chunks_than_the_counter_counts() {
    let derived = derive(&key(), &[0; SALT_LEN], b"");
    assert!(derived.nonce(CHUNK_LIMIT - 1).is_ok());
    let mut out = Vec::new();
    let error = derived.seal(CHUNK_LIMIT, b"x", &mut out).unwrap_err();
    assert_eq!((error.code(), out.len()), ("SE-405", 0));
    assert!(derived.open(CHUNK_LIMIT, &mut [0; 17]).is_err());
}

#[test]
fn a_fresh_salt_is_drawn_for_every_message_and_nothing_secret_is_shown() {
    let key = CobblestoneKey::generate().unwrap();
    let [a, b] = std::array::from_fn(|_| CobblestoneSealer::new(&key, b"").unwrap());
    assert_ne!(a.1, b.1);
    let shown = format!("{key:?} {:?}", a.0);
    assert!(shown.contains("redacted") && !shown.contains(&hex(&*key.to_bytes())));
}

fn object(suite: &str, key: &crate::FernetKey) -> Vec<u8> {
    let zone = crate::FernetKey::generate().unwrap();
    let wrapped = crate::WrappedKey::seal(&zone, key, 7).unwrap();
    let id = crate::ObjectId([3; 16]);
    let mut sealed;
    if suite == "cobblestone" {
        let (mut sealer, head) = CobblestoneSealer::object(key, &wrapped, id, 7, b"files").unwrap();
        sealed = head;
        sealer.update(&plaintext(40_000), &mut sealed).unwrap();
        sealer.finish(&mut sealed).unwrap();
    } else {
        let (mut sealer, head) = crate::Sealer::new(key, &wrapped, id, 7, b"files");
        sealed = head;
        sealer.update(&plaintext(40_000), &mut sealed);
        sealer.finish(&mut sealed);
    }
    sealed
}

/// The code of what opening an object in the second suite comes to, the same both ways.
fn judge(sealed: &[u8], key: &crate::FernetKey, context: &[u8]) -> Result<Vec<u8>, &'static str> {
    let header = crate::Header::parse_any(sealed).map_err(|error| error.code())?;
    let head = sealed[crate::HEADER_LEN..].first_chunk().unwrap();
    let streamed = CobblestoneOpener::object(&header, key, head, context).and_then(|mut opener| {
        let mut plain = Vec::new();
        opener.update(
            &sealed[crate::HEADER_LEN + COBBLESTONE_HEAD_LEN..],
            &mut plain,
        )?;
        opener.finish(&mut plain).map(|_length| plain)
    });
    let read =
        CobblestoneReader::object(sealed.to_vec(), &header, key, context).and_then(|reader| {
            let mut plain = Vec::new();
            reader
                .read_at(0, usize::MAX, &mut plain)
                .map(|_length| plain)
        });
    assert_eq!(streamed.as_ref().ok(), read.as_ref().ok());
    read.map_err(|error| error.code())
}

#[test]
fn an_object_of_one_suite_is_never_taken_for_one_of_the_other() {
    let key = crate::FernetKey::generate().unwrap();
    let [second, first] = ["cobblestone", "fernet"].map(|suite| object(suite, &key));
    assert_eq!(judge(&second, &key, b"files").unwrap(), plaintext(40_000));
    // Whoever reads Fernet objects does not meet the other suite unawares.
    assert_eq!(crate::Header::parse(&second).unwrap_err().code(), "SE-304");
    let code = crate::ObjectReader::open(second.clone(), &key, b"files")
        .unwrap_err()
        .code();
    assert_eq!(code, "SE-304");
    let header = crate::Header::parse_any(&second).unwrap();
    assert_eq!(
        crate::Opener::new(&header, &key, b"files")
            .unwrap_err()
            .code(),
        "SE-305"
    );
    assert_eq!(judge(&first, &key, b"files").unwrap_err(), "SE-304");
    // The suite is bound into the keys: a changed byte does not fit any more.
    for (sealed, suite) in [(&second, 1), (&first, 2)] {
        let mut changed = sealed.clone();
        changed[9] = suite;
        let header = crate::Header::parse_any(&changed).unwrap();
        let code = match header.suite() {
            crate::Suite::Fernet => crate::ObjectReader::open(changed, &key, b"files")
                .unwrap_err()
                .code(),
            crate::Suite::Cobblestone128 => judge(&changed, &key, b"files").unwrap_err(),
        };
        assert_eq!(code, "SE-401");
    }
}

#[test]
fn an_object_of_the_second_suite_is_bound_to_its_key_header_and_bucket() {
    let key = crate::FernetKey::generate().unwrap();
    let sealed = object("cobblestone", &key);
    let other = crate::FernetKey::generate().unwrap();
    assert_eq!(judge(&sealed, &other, b"files").unwrap_err(), "SE-401");
    assert_eq!(judge(&sealed, &key, b"filed").unwrap_err(), "SE-401");
    for place in [
        16,
        24,
        39,
        40,
        71,
        crate::HEADER_LEN,
        crate::HEADER_LEN + 24,
    ] {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert_eq!(
            judge(&changed, &key, b"files").unwrap_err(),
            "SE-401",
            "{place}"
        );
    }
    // A message under the header of another object of the same key.
    let mut moved = object("cobblestone", &key);
    moved[16..72].copy_from_slice(&sealed[16..72]);
    moved.truncate(crate::HEADER_LEN);
    moved.extend_from_slice(&sealed[crate::HEADER_LEN..]);
    assert!(
        judge(&moved, &key, b"files").is_ok(),
        "only the wrap differs"
    );
    moved[24] ^= 1;
    assert_eq!(judge(&moved, &key, b"files").unwrap_err(), "SE-401");
}

const THEIR_SIDE: &str = "import sys
from cryptography.cobblestone import Cobblestone128Decryptor as D, Cobblestone128Encryptor as E
key = bytes(range(16))
for line in sys.stdin:
    ours, plain = line.strip().split(':')
    d = D(key, context=b'files'); opened = d.update(bytes.fromhex(ours)) + d.finalize()
    assert opened == bytes.fromhex(plain)
    e = E(key, context=b'files'); print((e.update(opened) + e.finalize()).hex())
";

#[test]
fn python_and_we_read_each_others_messages() {
    let named = std::env::var_os("COFFERDAM_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| "python3".into());
    let ready = Command::new(&python)
        .args(["-c", "import cryptography.cobblestone"])
        .stderr(Stdio::null())
        .status();
    if !ready.is_ok_and(|status| status.success()) {
        println!("skipped: no python3 with cryptography 50 (COFFERDAM_PYTHON names another)");
        return;
    }
    let lines: String = LENGTHS
        .map(|length| (plaintext(length), length))
        .map(|(plain, length)| {
            format!("{}:{}\n", hex(&seal(&plain, length.max(1), 9)), hex(&plain))
        })
        .concat();
    let mut child = Command::new(&python)
        .args(["-B", "-c", THEIR_SIDE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || pipe.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let theirs: Vec<Vec<u8>> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(unhex)
        .collect();
    assert_eq!(theirs.len(), LENGTHS.len());
    for (sealed, length) in theirs.iter().zip(LENGTHS) {
        assert_eq!(read(sealed, &key(), b"files").unwrap(), plaintext(length));
        assert_eq!(
            stream(sealed, 4096, &key(), b"files").unwrap(),
            plaintext(length)
        );
    }
}
