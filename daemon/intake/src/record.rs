//! What a request carries, parsed once: JSON, NDJSON, and CloudEvents 1.0 in its three HTTP modes. Everything is bounded; the first
//! fault refuses the whole request, so that nobody has to guess which part was taken.

use http::HeaderMap;
use serde_json::{Map, Value};

use crate::refusal::NotTaken;

/// The most records a request may carry.
pub const RECORDS_MAX: usize = 1000;
/// The longest record, bytes of its JSON.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// The deepest nesting of a record.
pub const DEPTH_MAX: usize = 32;

/// One record as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Who made it and under which name, if it says so; a pair that CloudEvents promises to be unique.
    pub origin: Option<Origin>,
    /// What kind of event it is, if it says so.
    pub kind: Option<String>,
    /// What it is about.
    pub content: Map<String, Value>,
}

/// Source and id of a `CloudEvent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `source`.
    pub source: String,
    /// `id`.
    pub id: String,
}

/// How a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Json,
    Lines,
    Event,
    EventBatch,
}

/// Reads the records of a request.
///
/// # Errors
/// The first thing that is wrong, with the line it stands on.
pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Incoming>, NotTaken> {
    let records = match shape_of(headers)? {
        Shape::Json => match binary_event(headers)? {
            Some((origin, kind)) => {
                let content = object(parse(body, "the body")?, "the body")?;
                vec![Incoming {
                    origin: Some(origin),
                    kind,
                    content,
                }]
            }
            None => plain(body)?,
        },
        Shape::Lines => lines(body)?,
        Shape::Event => vec![event(parse(body, "the body")?, "the body")?],
        Shape::EventBatch => batch(body)?,
    };
    if records.is_empty() {
        return Err(NotTaken::malformed("the request carries no record"));
    }
    if records.len() > RECORDS_MAX {
        let seen = format!("{} records; at most {RECORDS_MAX} a request", records.len());
        return Err(NotTaken::too_large(seen));
    }
    Ok(records)
}

fn shape_of(headers: &HeaderMap) -> Result<Shape, NotTaken> {
    let value = headers.get(http::header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or("application/json");
    let kind = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Ok(Shape::Json),
        "application/x-ndjson" | "application/jsonl" => Ok(Shape::Lines),
        "application/cloudevents+json" => Ok(Shape::Event),
        "application/cloudevents-batch+json" => Ok(Shape::EventBatch),
        _ => Err(NotTaken::wrong_type(&kind)),
    }
}

/// The binary mode of CloudEvents: attributes in headers, data in the body.
fn binary_event(headers: &HeaderMap) -> Result<Option<(Origin, Option<String>)>, NotTaken> {
    let attribute = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    if attribute("ce-specversion").is_none() {
        return Ok(None);
    }
    match (attribute("ce-source"), attribute("ce-id")) {
        (Some(source), Some(id)) => Ok(Some((Origin { source, id }, attribute("ce-type")))),
        (None, _) => Err(NotTaken::malformed(
            "header ce-specversion without ce-source",
        )),
        (_, None) => Err(NotTaken::malformed("header ce-specversion without ce-id")),
    }
}

/// One object, or an array of them.
fn plain(body: &[u8]) -> Result<Vec<Incoming>, NotTaken> {
    match parse(body, "the body")? {
        Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| bare(item, &at(index)))
            .collect(),
        one @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => Ok(vec![bare(one, "the body")?]),
    }
}

fn lines(body: &[u8]) -> Result<Vec<Incoming>, NotTaken> {
    body.split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| {
            let place = format!("line {}", index + 1);
            bare(parse(line, &place)?, &place)
        })
        .collect()
}

fn batch(body: &[u8]) -> Result<Vec<Incoming>, NotTaken> {
    let Value::Array(items) = parse(body, "the body")? else {
        return Err(NotTaken::malformed(
            "the body: a batch of CloudEvents is a JSON array",
        ));
    };
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| event(item, &at(index)))
        .collect()
}

fn at(index: usize) -> String {
    format!("record {}", index + 1)
}

fn bare(value: Value, place: &str) -> Result<Incoming, NotTaken> {
    Ok(Incoming {
        origin: None,
        kind: None,
        content: object(value, place)?,
    })
}

/// The structured mode of CloudEvents 1.0.
fn event(value: Value, place: &str) -> Result<Incoming, NotTaken> {
    let mut fields = object(value, place)?;
    if fields.get("specversion").and_then(Value::as_str) != Some("1.0") {
        return Err(NotTaken::malformed(format!(
            "{place}: specversion is not \"1.0\""
        )));
    }
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(NotTaken::malformed(format!(
            "{place}: attribute {name} is not a text"
        ))),
    };
    let origin = Origin {
        source: text("source")?,
        id: text("id")?,
    };
    let kind = text("type")?;
    let Some(Value::Object(content)) = fields.remove("data") else {
        let seen = format!("{place}: data is not a JSON object");
        return Err(NotTaken::malformed(seen));
    };
    Ok(Incoming {
        origin: Some(origin),
        kind: Some(kind),
        content,
    })
}

fn object(value: Value, place: &str) -> Result<Map<String, Value>, NotTaken> {
    match value {
        Value::Object(fields) => Ok(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(NotTaken::malformed(format!("{place}: not a JSON object")))
        }
    }
}

fn parse(text: &[u8], place: &str) -> Result<Value, NotTaken> {
    let value: Value = serde_json::from_slice(text).map_err(|error| {
        // The parser's own words would repeat a part of the input in some cases; the place is enough.
        let (line, column) = (error.line(), error.column());
        NotTaken::malformed(format!(
            "{place}: not JSON, at line {line}, column {column} of it"
        ))
    })?;
    if depth(&value) > DEPTH_MAX {
        return Err(NotTaken::too_large(format!(
            "{place}: nested deeper than {DEPTH_MAX}"
        )));
    }
    Ok(value)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn read_as(kind: &'static str, body: &str) -> Result<Vec<Incoming>, NotTaken> {
        read(&headers(&[("content-type", kind)]), body.as_bytes())
    }

    #[test]
    fn an_object_an_array_and_lines_are_taken() {
        assert_eq!(
            read_as("application/json", r#"{"a":1}"#)
                .expect("one")
                .len(),
            1
        );
        assert_eq!(
            read_as("application/json", r#"[{"a":1},{"a":2}]"#)
                .expect("two")
                .len(),
            2
        );
        let lines = read_as(
            "application/x-ndjson; charset=utf-8",
            "{\"a\":1}\n\n{\"a\":2}\r\n",
        );
        assert_eq!(lines.expect("two").len(), 2);
    }

    #[test]
    fn cloud_events_are_taken_in_all_three_modes() {
        let one =
            r#"{"specversion":"1.0","source":"/door","id":"7","type":"enter","data":{"a":1}}"#;
        let structured = read_as("application/cloudevents+json", one).expect("structured");
        let batch = read_as("application/cloudevents-batch+json", &format!("[{one}]"));
        let binary = read(
            &headers(&[
                ("content-type", "application/json"),
                ("ce-specversion", "1.0"),
                ("ce-source", "/door"),
                ("ce-id", "7"),
                ("ce-type", "enter"),
            ]),
            br#"{"a":1}"#,
        );
        assert_eq!(structured, batch.expect("batch"));
        assert_eq!(structured, binary.expect("binary"));
        let origin = structured[0].origin.as_ref().expect("an origin");
        assert_eq!((origin.source.as_str(), origin.id.as_str()), ("/door", "7"));
    }

    #[test]
    fn a_malformed_line_is_named_and_its_content_is_not_repeated() {
        let refused = read_as("application/x-ndjson", "{\"a\":1}\nAna Quillfeather\n");
        let text = refused.expect_err("refused").refusal.to_string();
        assert!(
            text.contains("line 2") && !text.contains("Quillfeather"),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["7", "null", "\"a\"", "[1]", "[]", "", "{\"a\":1}{\"b\":2}"] {
            assert!(read_as("application/json", body).is_err(), "{body}");
        }
        for body in [
            "{}",
            r#"{"specversion":"1.0"}"#,
            r#"{"specversion":"0.3","data":{}}"#,
        ] {
            assert!(
                read_as("application/cloudevents+json", body).is_err(),
                "{body}"
            );
        }
    }

    #[test]
    fn bounds_hold_for_count_depth_and_type() {
        let many = format!("[{}]", vec!["{}"; RECORDS_MAX + 1].join(","));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
        let status = |result: Result<Vec<Incoming>, NotTaken>| result.expect_err("refused").status;
        assert_eq!(status(read_as("application/json", &many)), 413);
        assert_eq!(status(read_as("application/json", &deep)), 413);
        assert_eq!(status(read_as("text/csv", "a,b")), 415);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            for kind in ["application/json", "application/x-ndjson", "application/cloudevents+json"] {
                drop(read(&headers(&[("content-type", kind)]), &body));
            }
        }
    }
}
