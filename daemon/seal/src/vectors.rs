//! Runs the files in `vectors/`, which a second writer made from the specification.

use std::fs;
use std::path::{Path, PathBuf};

use ring::digest;
use serde_json::Value;

use crate::header::{FrameSize, Shape};
use crate::record::{self, Framed, HEAD_LEN};
use crate::{
    Binding, FernetKey, HEADER_LEN, Header, Keyring, ObjectReader, Opener, RecordOpener,
    RecordSealer, Sealer, Ttl,
};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn file(name: &str) -> Vec<u8> {
    fs::read(directory().join(name)).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&file(name)).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is text"))
}

fn number(value: &Value, key: &str) -> u64 {
    value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} is a number"))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn ring(keys: &Value) -> Keyring {
    let keys = keys.as_array().unwrap().iter();
    Keyring::from_keys(
        keys.map(|key| FernetKey::from_text(key.as_str().unwrap()).unwrap())
            .collect(),
    )
    .unwrap()
}

/// The plaintext of the vectors: SHA-256 of one counter after the other.
pub(crate) fn plaintext(length: usize) -> Vec<u8> {
    let mut plain = Vec::new();
    for counter in 0_u64.. {
        if plain.len() >= length {
            break;
        }
        plain.extend_from_slice(digest::digest(&digest::SHA256, &counter.to_be_bytes()).as_ref());
    }
    plain.truncate(length);
    plain
}

/// Opens an object the whole way: header, zone ring, every byte, the end.
pub(crate) fn open_wholly(
    sealed: &[u8],
    ring: &Keyring,
    context: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let header = Header::parse(sealed).map_err(|error| error.code())?;
    let key = header.wrapped().open(ring).map_err(|error| error.code())?;
    let mut plain = Vec::new();
    if header.layout() == crate::Layout::Frames {
        let reader = ObjectReader::open(sealed, &key, context).map_err(|error| error.code())?;
        let length = usize::try_from(reader.len()).unwrap();
        let read = reader
            .read_at(0, usize::MAX, &mut plain)
            .map_err(|error| error.code())?;
        assert_eq!((read, plain.len()), (length, length));
        return Ok(plain);
    }
    let mut opener = RecordOpener::new(&header, &key, context).map_err(|error| error.code())?;
    let mut rest = &sealed[HEADER_LEN..];
    while let Some(record) = opener.next(&mut rest).map_err(|error| error.code())? {
        plain.extend_from_slice(&record.plain);
    }
    opener.end_closed(rest).map_err(|error| error.code())?;
    Ok(plain)
}

/// The same through the streaming opener, in small pieces.
pub(crate) fn stream_wholly(
    sealed: &[u8],
    ring: &Keyring,
    context: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let header = Header::parse(sealed).map_err(|error| error.code())?;
    let key = header.wrapped().open(ring).map_err(|error| error.code())?;
    let mut opener = Opener::new(&header, &key, context).map_err(|error| error.code())?;
    let mut plain = Vec::new();
    for piece in sealed[HEADER_LEN..].chunks(1000) {
        opener
            .update(piece, &mut plain)
            .map_err(|error| error.code())?;
    }
    let length = opener.finish(&mut plain).map_err(|error| error.code())?;
    assert_eq!(length, u64::try_from(plain.len()).unwrap());
    Ok(plain)
}

#[test]
fn every_token_vector_is_judged_as_python_judges_it() {
    let cases = json("tokens.json");
    for case in cases.as_array().unwrap() {
        let why = text(case, "why");
        let ring = ring(&case["keys"]);
        let ttl = case["ttl"].as_u64().map(|seconds| Ttl {
            seconds,
            now: number(case, "now"),
        });
        let opened = ring.decrypt(text(case, "token"), ttl).ok();
        let opened = opened.map(|plain| String::from_utf8(plain.to_vec()).unwrap());
        assert_eq!(opened.as_deref(), case["plain"].as_str(), "{why}");
        let time = ring.extract_timestamp(text(case, "token")).ok();
        assert_eq!(time, case["time"].as_u64(), "{why}");
    }
    assert!(cases.as_array().unwrap().len() >= 30);
}

#[test]
fn every_object_vector_is_opened() {
    let vectors = json("objects.json");
    let ring = ring(&vectors["keyring"]);
    for object in vectors["objects"].as_array().unwrap() {
        let name = text(object, "file");
        let context = text(object, "context").as_bytes();
        let sealed = file(name);
        let opened = open_wholly(&sealed, &ring, context);
        if text(object, "layout") == "frames" {
            let plain = plaintext(usize::try_from(number(object, "plain-length")).unwrap());
            assert_eq!(opened.unwrap(), plain, "{name}");
            assert_eq!(
                stream_wholly(&sealed, &ring, context).unwrap(),
                plain,
                "{name}"
            );
            continue;
        }
        let records = object["records"].as_array().unwrap();
        let payloads: String = records
            .iter()
            .map(|record| text(record, "payload"))
            .collect();
        let scan = record::scan(&sealed).unwrap();
        assert_eq!(scan.torn, None);
        assert_eq!(scan.intact_len, number(object, "sealed-length"));
        let tags: Vec<record::Tag> = records
            .iter()
            .map(|record| unhex(text(record, "tag")).try_into().unwrap())
            .collect();
        assert_eq!(scan.tags, tags);
        assert_eq!(scan.closed, object["closed"].as_bool().unwrap());
        if scan.closed {
            assert_eq!(opened.unwrap(), payloads.as_bytes(), "{name}");
        } else {
            assert_eq!(opened.unwrap_err(), "SE-507", "{name}");
        }
    }
}

#[test]
fn every_object_vector_is_written_to_the_byte() {
    let vectors = json("objects.json");
    for object in vectors["objects"].as_array().unwrap() {
        let name = text(object, "file");
        let expected = file(name);
        let given = Header::parse(&expected).unwrap();
        let key = FernetKey::from_text(text(object, "data-key")).unwrap();
        let context = text(object, "context").as_bytes();
        let birth = (given.object_id(), number(object, "created"));
        assert_eq!(birth.0.to_string(), text(object, "object-id"));
        let mut sealed;
        if text(object, "layout") == "frames" {
            let bits = u8::try_from(number(object, "frame-bits")).unwrap();
            let size = FrameSize::of_bits(bits).unwrap();
            let binding = Binding { context };
            let (mut writer, header) =
                Sealer::with_frames(&key, given.wrapped(), size, birth, binding);
            sealed = header;
            let length = number(object, "plain-length");
            writer.update(&plaintext(usize::try_from(length).unwrap()), &mut sealed);
            assert_eq!(writer.finish(&mut sealed), length);
        } else {
            let (mut writer, header) =
                RecordSealer::new(&key, given.wrapped(), birth.0, birth.1, context);
            sealed = header;
            for record in object["records"].as_array().unwrap() {
                let tag = unhex(text(record, "tag")).try_into().unwrap();
                writer
                    .seal(&tag, text(record, "payload").as_bytes(), &mut sealed)
                    .unwrap();
            }
            if object["closed"].as_bool().unwrap() {
                writer.finish(&mut sealed);
            }
        }
        assert!(sealed == expected, "{name} differs");
    }
}

#[test]
fn every_edit_of_the_vectors_is_refused_with_its_code() {
    let vectors = json("objects.json");
    let ring = ring(&vectors["keyring"]);
    let mut count = 0;
    for refusal in vectors["refused"].as_array().unwrap() {
        let name = text(refusal, "name");
        let original = file(text(refusal, "file"));
        let mut sealed = original.clone();
        for edit in refusal["edits"].as_array().unwrap() {
            apply(edit, &original, &mut sealed);
        }
        let objects = vectors["objects"].as_array().unwrap();
        let object = objects
            .iter()
            .find(|object| object["file"] == refusal["file"])
            .unwrap();
        let context = refusal["context"]
            .as_str()
            .unwrap_or(text(object, "context"));
        let verdict = open_wholly(&sealed, &ring, context.as_bytes());
        assert_eq!(verdict.unwrap_err(), text(refusal, "code"), "{name}");
        if text(object, "layout") == "frames" {
            assert!(
                stream_wholly(&sealed, &ring, context.as_bytes()).is_err(),
                "{name}"
            );
        }
        count += 1;
    }
    assert!(count >= 38);
}

fn apply(edit: &Value, original: &[u8], sealed: &mut Vec<u8>) {
    let pair = |key: &str| {
        let [a, b] = [0, 1].map(|i| usize::try_from(edit[key][i].as_u64().unwrap()).unwrap());
        (a, b)
    };
    if edit["xor"].is_array() {
        let (offset, mask) = pair("xor");
        sealed[offset] ^= u8::try_from(mask).unwrap();
    } else if edit["cut"].is_array() {
        let (start, length) = pair("cut");
        sealed.drain(start..start + length);
    } else if edit["copy"].is_array() {
        let (start, length) = pair("copy");
        let other = edit["of"].as_str().map(file);
        let to = usize::try_from(number(edit, "to")).unwrap();
        let end = (to + length).max(sealed.len());
        sealed.resize(end, 0);
        let from = other.as_deref().unwrap_or(original);
        sealed[to..to + length].copy_from_slice(&from[start..start + length]);
    } else if edit["recheck"].is_array() {
        let (start, sequence) = pair("recheck");
        recheck(sealed, start, u64::try_from(sequence).unwrap());
    } else if let Some(length) = edit["truncate"].as_u64() {
        sealed.truncate(usize::try_from(length).unwrap());
    } else {
        sealed.extend(unhex(text(edit, "append")));
    }
}

/// Makes the check of a record fit whatever now stands there, as an attacker would.
pub(crate) fn recheck(log: &mut [u8], start: usize, sequence: u64) {
    let head: [u8; 20] = log[start..start + 20].try_into().unwrap();
    let word = u32::from_be_bytes(head[..4].try_into().unwrap());
    let length = usize::try_from(word & 0x7fff_ffff).unwrap();
    let mut message = sequence.to_be_bytes().to_vec();
    message.extend_from_slice(&head);
    message.extend_from_slice(&log[start + HEAD_LEN..start + HEAD_LEN + length]);
    let check = digest::digest(&digest::SHA256, &message);
    log[start + 20..start + HEAD_LEN].copy_from_slice(&check.as_ref()[..8]);
    assert!(Framed::split(sequence, &log[start..]).is_ok());
}

#[test]
fn the_vectors_hold_the_shapes_they_name() {
    for (name, shape) in [
        (
            "frames-small.sealed",
            Shape::Frames(FrameSize::of_bits(12).unwrap()),
        ),
        ("frames-empty.sealed", Shape::Frames(FrameSize::DEFAULT)),
        ("records-closed.sealed", Shape::Records),
    ] {
        assert_eq!(
            Header::parse(&file(name)).unwrap().birth().shape,
            shape,
            "{name}"
        );
    }
}
