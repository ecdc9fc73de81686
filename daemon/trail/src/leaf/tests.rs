//! Tests of the line of a leaf: its fields, its limits, what it must not hold.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{LeafError, Reader, Shape, write_line};
use crate::{Entry, Event, LEAF_LIMIT_BYTES, Phase, Status};

fn shape() -> Shape {
    Shape::new("lab.internal/storage/st1", "storage", "st1", "0.1.0")
}

fn line(sequence: u64, entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    write_line(
        sequence,
        &shape().render(entry.clone(), entry.time_ms).unwrap(),
        &mut out,
    );
    out
}

#[test]
fn a_leaf_is_an_ocsf_event_with_our_object() {
    let entry = Entry::new(Event::RecordRead, Phase::Intent, Status::Granted)
        .at(1_795_464_169_123)
        .with("resource", "obj:7f3a91")
        .with("basis", json!(["ferpa:99.31(a)(3)"]));
    let value: Value = serde_json::from_slice(&line(1_048_577, &entry)).unwrap();
    let expect = json!({
        "metadata": {
            "sequence": 1_048_577,
            "log_name": "lab.internal/storage/st1",
            "product": {"name": "cofferdam", "version": "0.1.0"},
            "profiles": ["datetime"],
            "version": "1.8.0"
        },
        "cofferdam": {
            "event": "record.read", "phase": "intent", "zone": "storage", "node": "st1",
            "basis": ["ferpa:99.31(a)(3)"], "resource": "obj:7f3a91"
        },
        "class_uid": 6005, "activity_id": 1, "category_uid": 6, "type_uid": 600_501,
        "severity_id": 1, "status": "Granted", "status_id": 99,
        "time": 1_795_464_169_123_u64, "time_dt": "2026-11-23T20:02:49.123Z"
    });
    assert_eq!(value, expect);
}

#[test]
fn the_first_and_the_last_possible_sequence_are_written_whole() {
    let entry = Entry::new(Event::Heartbeat, Phase::Single, Status::Success);
    for sequence in [0, 9, 10, u64::MAX] {
        let leaf = line(sequence, &entry);
        let value: Value = serde_json::from_slice(&leaf).unwrap();
        assert_eq!(value["metadata"]["sequence"], json!(sequence));
        let reader = Reader::new("lab.internal/storage/st1");
        assert_eq!(reader.front(&leaf).unwrap().sequence, sequence);
    }
}

#[test]
fn a_leaf_of_exactly_the_limit_is_taken_and_one_byte_more_refused() {
    let empty = Entry::new(Event::Heartbeat, Phase::Single, Status::Success).with("x", "");
    let overhead = shape().render(empty.clone(), 0).unwrap().len();
    let room = LEAF_LIMIT_BYTES - overhead - super::HEAD.len() - super::SEQUENCE_DIGITS;
    let full = empty.clone().with("x", "y".repeat(room));
    assert_eq!(line(u64::MAX, &full).len(), LEAF_LIMIT_BYTES);
    let error = shape()
        .render(empty.with("x", "y".repeat(room + 1)), 0)
        .unwrap_err();
    assert_eq!(
        error,
        LeafError::TooLong {
            found: LEAF_LIMIT_BYTES + 1
        }
    );
    assert_eq!(error.code(), "TR-301");
}

#[test]
fn a_field_that_is_taken_or_misshapen_is_refused() {
    for name in [
        "event",
        "phase",
        "zone",
        "node",
        "",
        "a b",
        "a\"b",
        "ä",
        &"x".repeat(65),
    ] {
        let entry = Entry::new(Event::Heartbeat, Phase::Single, Status::Success).with(name, 1);
        let error = shape().render(entry, 0).unwrap_err();
        assert_eq!(error.code(), "TR-302", "{name:?}");
    }
    let entry = Entry::new(Event::Heartbeat, Phase::Single, Status::Success);
    assert!(
        shape()
            .render(entry.with(&"x".repeat(64), 1).with("not-after", 2), 0)
            .is_ok()
    );
}

#[test]
fn a_field_that_names_a_person_is_refused_without_its_value() {
    for name in super::PERSONAL {
        let entry =
            Entry::new(Event::RecordRead, Phase::Intent, Status::Granted).with(name, "Ada Muster");
        let error = shape().render(entry, 0).unwrap_err();
        assert_eq!(error.code(), "TR-303");
        assert!(!format!("{error} {error:?}").contains("Ada"));
    }
}

#[test]
fn a_time_beyond_the_calendar_is_refused() {
    let entry = Entry::new(Event::Heartbeat, Phase::Single, Status::Success);
    for time in [253_402_300_800_000, u64::MAX] {
        assert_eq!(shape().render(entry.clone(), time), Err(LeafError::Time));
    }
    assert!(shape().render(entry, 253_402_300_799_999).is_ok());
}

#[test]
fn the_leaf_of_another_log_or_no_leaf_at_all_has_no_front() {
    let leaf = line(
        7,
        &Entry::new(Event::Heartbeat, Phase::Single, Status::Success),
    );
    assert!(
        Reader::new("lab.internal/storage/st1")
            .front(&leaf)
            .is_some()
    );
    assert_eq!(Reader::new("lab.internal/storage/st2").front(&leaf), None);
    for end in 0..leaf.iter().position(|byte| *byte == b'h').unwrap() {
        assert_eq!(
            Reader::new("lab.internal/storage/st1").front(&leaf[..end]),
            None
        );
    }
    assert_eq!(Reader::new("x").front(b"{}"), None);
}

fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..40).prop_map(|text| text.into_iter().collect())
}

proptest! {
    #[test]
    fn whatever_a_value_holds_the_leaf_is_one_line_and_its_front_is_true(
        sequence: u64,
        text in any_text(),
        at in 0..Event::ALL.len(),
    ) {
        let trap = format!("{text}\",\"cofferdam\":{{\"event\":\"x");
        let shape = Shape::new(&trap, "storage", &text, &trap);
        let entry = Entry::new(Event::ALL[at], Phase::Single, Status::Success)
            .with("a", trap.clone())
            .with("b", json!({ "sequence": 1, trap.clone(): [text.clone()] }));
        let mut leaf = Vec::new();
        write_line(sequence, &shape.render(entry, 0).unwrap(), &mut leaf);
        prop_assert!(!leaf.contains(&b'\n'));
        let value: Value = serde_json::from_slice(&leaf).unwrap();
        let reader = Reader::new(&trap);
        let front = reader.front(&leaf).unwrap();
        prop_assert_eq!(&value["metadata"]["sequence"], &json!(front.sequence));
        prop_assert_eq!(&value["cofferdam"]["event"], &json!(front.event));
        prop_assert_eq!(front.sequence, sequence);
        prop_assert_eq!(&value["cofferdam"]["a"], &json!(trap));
        prop_assert_eq!(&value["metadata"]["log_name"], &json!(trap));
    }
}
