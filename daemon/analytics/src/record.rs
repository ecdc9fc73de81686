//! The records of one object: lines of JSON become typed columns.
//!
//! Owns the record's shape as intake writes it. Must never drop a line without counting it, and
//! never name a value in a fault.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
    new_null_array,
};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::schema::{FieldPath, Hiding, Kind};

/// Fields of one object's records that become columns; more are counted as left out.
pub const FIELDS_PER_OBJECT: usize = 512;

/// Years in which a record can have been received. Within them every precision of time can hold
/// every moment, so that no comparison in a query can fail for one record.
const YEARS: RangeInclusive<i32> = 1970..=2200;

/// What to keep of a record.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The fields that no query may see.
    pub hiding: Hiding,
    /// The field that names the person.
    pub subject: Option<String>,
}

/// The columns of one object.
#[derive(Debug, Clone)]
pub struct Part {
    /// Records that were read.
    pub rows: usize,
    /// Lines that are not a record; they are in no answer, and every answer says so.
    pub unreadable: u64,
    /// Values whose field is no column, because there are too many or the name cannot be said.
    pub left_out: u64,
    /// `id`, `received`, `source`, `type`, in the order of the envelope.
    pub envelope: [ArrayRef; 4],
    /// Who each record is about, if the table names a subject.
    pub subject: Option<ArrayRef>,
    /// The fields of `data`, in the order of their first appearance.
    pub columns: Vec<PartColumn>,
}

/// One field over all records of an object.
#[derive(Debug, Clone)]
pub struct PartColumn {
    /// Where the field stands.
    pub path: FieldPath,
    /// What it holds in this object.
    pub kind: Kind,
    /// Records that have a value.
    pub given: u64,
    /// The values, one a record.
    pub values: ArrayRef,
}

#[derive(Deserialize)]
struct RawRecord {
    id: String,
    received: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    data: Value,
}

/// Reads the lines of one object.
#[must_use]
pub fn read_part(lines: &[u8], reading: &Reading) -> Part {
    let mut draft = Draft::default();
    for line in lines.split(|byte| *byte == b'\n') {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match read_record(line) {
            Some((record, received)) => draft.add(record, received, reading),
            None => draft.unreadable += 1,
        }
    }
    draft.finish(reading)
}

fn read_record(line: &[u8]) -> Option<(RawRecord, i64)> {
    let record: RawRecord = serde_json::from_slice(line).ok()?;
    let received = OffsetDateTime::parse(&record.received, &Rfc3339).ok()?;
    if !YEARS.contains(&received.year()) {
        return None;
    }
    let milliseconds = i64::try_from(received.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some((record, milliseconds))
}

#[derive(Default)]
struct Draft {
    rows: usize,
    unreadable: u64,
    left_out: u64,
    id: Vec<String>,
    received: Vec<i64>,
    source: Vec<Option<String>>,
    kind: Vec<Option<String>>,
    subject: Vec<Option<String>>,
    places: BTreeMap<FieldPath, usize>,
    columns: Vec<DraftColumn>,
}

struct DraftColumn {
    path: FieldPath,
    kind: Kind,
    cells: Vec<(usize, Value)>,
}

impl Draft {
    fn add(&mut self, record: RawRecord, received: i64, reading: &Reading) {
        let subject_is_id = reading.subject.as_deref() == Some("id");
        self.subject.push(subject_is_id.then(|| record.id.clone()));
        self.id.push(record.id);
        self.received.push(received);
        self.source.push(record.source);
        self.kind.push(record.kind);
        match record.data {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.add_outer(&name, value, reading);
                }
            }
            Value::Null => {}
            value @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                self.add_value(FieldPath::outer("data"), value, reading);
            }
        }
        self.rows += 1;
    }

    fn add_outer(&mut self, name: &str, value: Value, reading: &Reading) {
        if let Value::Object(fields) = value {
            for (inner, value) in fields {
                self.add_value(FieldPath::inner(name, &inner), value, reading);
            }
        } else {
            self.add_value(FieldPath::outer(name), value, reading);
        }
    }

    fn add_value(&mut self, path: FieldPath, mut value: Value, reading: &Reading) {
        if value.is_null() {
            return;
        }
        if let Some(name) = &reading.subject
            && path.is_named(name)
            && let Some(subject) = self.subject.last_mut()
        {
            *subject = Some(text_of(&value));
        }
        if reading.hiding.hides(&path) {
            return;
        }
        reading.hiding.redact(&mut value);
        let row = self.rows;
        let place = self.places.get(&path).copied();
        if place.is_none() && (self.columns.len() >= FIELDS_PER_OBJECT || !path.is_sayable()) {
            self.left_out += 1;
            return;
        }
        let place = place.unwrap_or_else(|| {
            self.places.insert(path.clone(), self.columns.len());
            self.columns.push(DraftColumn {
                path,
                kind: Kind::Empty,
                cells: Vec::new(),
            });
            self.columns.len() - 1
        });
        if let Some(column) = self.columns.get_mut(place) {
            // Two spellings of one path in one record: the later one holds, as in JSON itself.
            if column.cells.last().is_some_and(|(last, _)| *last == row) {
                column.cells.pop();
            }
            column.kind = column.kind.join(Kind::of(&value));
            column.cells.push((row, value));
        }
    }

    fn finish(self, reading: &Reading) -> Part {
        let rows = self.rows;
        let text =
            |values: Vec<Option<String>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let subject = reading.subject.is_some().then(|| text(self.subject));
        Part {
            rows,
            unreadable: self.unreadable,
            left_out: self.left_out,
            envelope: [
                Arc::new(StringArray::from(self.id)),
                Arc::new(TimestampMillisecondArray::from(self.received)),
                text(self.source),
                text(self.kind),
            ],
            subject,
            columns: self
                .columns
                .into_iter()
                .map(|column| column.finish(rows))
                .collect(),
        }
    }
}

impl DraftColumn {
    fn finish(self, rows: usize) -> PartColumn {
        let given = u64::try_from(self.cells.len()).unwrap_or(u64::MAX);
        let values: ArrayRef = match self.kind {
            Kind::Empty => new_null_array(&self.kind.arrow(), rows),
            Kind::Truth => Arc::new(BooleanArray::from(self.dense(rows, Value::as_bool))),
            Kind::Whole => Arc::new(Int64Array::from(self.dense(rows, Value::as_i64))),
            Kind::Real => Arc::new(Float64Array::from(self.dense(rows, Value::as_f64))),
            Kind::Text => Arc::new(StringArray::from(
                self.dense(rows, |value| Some(text_of(value))),
            )),
        };
        PartColumn {
            path: self.path,
            kind: self.kind,
            given,
            values,
        }
    }

    fn dense<T: Clone>(&self, rows: usize, read: impl Fn(&Value) -> Option<T>) -> Vec<Option<T>> {
        let mut values = vec![None; rows];
        for (row, value) in &self.cells {
            if let Some(place) = values.get_mut(*row) {
                *place = read(value);
            }
        }
        values
    }
}

/// The text of a value: strings as they are, everything else as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};

    use super::*;

    fn part(lines: &[&str], reading: &Reading) -> Part {
        read_part(lines.join("\n").as_bytes(), reading)
    }

    fn line(id: &str, data: &str) -> String {
        format!(
            r#"{{"id":"{id}","received":"2026-03-01T10:00:00Z","source":"climate","type":"r","data":{data}}}"#
        )
    }

    fn kinds(part: &Part) -> Vec<(String, Kind)> {
        let mut taken = crate::schema::ENVELOPE.map(str::to_owned).into();
        part.columns
            .iter()
            .map(|c| (c.path.column_name(&mut taken), c.kind))
            .collect()
    }

    #[test]
    fn fields_of_data_become_columns_in_the_order_they_appear() {
        let lines = [
            line("a", r#"{"school":"N","score":4,"ok":true}"#),
            line("b", r#"{"mean":1.5}"#),
        ];
        let part = part(&[&lines[0], &lines[1]], &Reading::default());
        assert_eq!(part.rows, 2);
        let expected = [
            ("school", Kind::Text),
            ("score", Kind::Whole),
            ("ok", Kind::Truth),
            ("mean", Kind::Real),
        ];
        assert_eq!(kinds(&part), expected.map(|(n, k)| (n.to_owned(), k)));
        assert_eq!(part.columns[3].given, 1);
        assert!(part.columns[3].values.is_null(0));
    }

    #[test]
    fn mixed_values_become_text_as_they_were_written() {
        let lines = [
            line("a", r#"{"x":1}"#),
            line("b", r#"{"x":"one"}"#),
            line("c", r#"{"x":[1,2]}"#),
        ];
        let part = part(&[&lines[0], &lines[1], &lines[2]], &Reading::default());
        let values: Vec<_> = part.columns[0]
            .values
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect();
        assert_eq!(values, ["1", "one", "[1,2]"]);
    }

    #[test]
    fn inner_objects_are_flattened_one_level_and_deeper_ones_are_text() {
        let lines = [line("a", r#"{"address":{"city":"K","geo":{"lat":1}}}"#)];
        let part = part(&[&lines[0]], &Reading::default());
        let expected = [("address_city", Kind::Text), ("address_geo", Kind::Text)];
        assert_eq!(kinds(&part), expected.map(|(n, k)| (n.to_owned(), k)));
    }

    #[test]
    fn lines_that_are_no_record_are_counted() {
        let good = line("a", "{}");
        let lines = [
            &good,
            "not json",
            "[1]",
            r#"{"id":"b","data":{}}"#,
            r#"{"id":"c","received":"yesterday","data":{}}"#,
            r#"{"id":"d","received":"2201-01-01T00:00:00Z","data":{}}"#,
            r#"{"id":7,"received":"2026-03-01T10:00:00Z","data":{}}"#,
            "",
            "   ",
        ];
        let part = part(&lines, &Reading::default());
        assert_eq!((part.rows, part.unreadable), (1, 6));
    }

    #[test]
    fn a_hidden_field_is_no_column_and_leaves_deep_text_too() {
        let reading = Reading {
            hiding: Hiding::of(&["respondent".to_owned()]),
            subject: None,
        };
        let lines = [line(
            "a",
            r#"{"respondent":"Jane","x":[{"respondent":"Jane","y":1}]}"#,
        )];
        let part = part(&[&lines[0]], &reading);
        assert_eq!(kinds(&part), [("x".to_owned(), Kind::Text)]);
        assert_eq!(
            part.columns[0].values.as_string::<i32>().value(0),
            r#"[{"y":1}]"#
        );
    }

    #[test]
    fn the_subject_is_kept_apart_even_where_it_is_hidden() {
        let reading = Reading {
            hiding: Hiding::of(&["respondent".to_owned()]),
            subject: Some("respondent".to_owned()),
        };
        let lines = [line("a", r#"{"respondent":"Jane"}"#), line("b", "{}")];
        let part = part(&[&lines[0], &lines[1]], &reading);
        assert!(part.columns.is_empty());
        let subject = part.subject.unwrap();
        assert_eq!(subject.as_string::<i32>().value(0), "Jane");
        assert!(subject.is_null(1));
    }

    #[test]
    fn more_fields_than_the_bound_are_counted_and_left_out() {
        let fields: Vec<_> = (0..600).map(|n| format!(r#""f{n}":1"#)).collect();
        let lines = [line("a", &format!("{{{}}}", fields.join(",")))];
        let part = part(&[&lines[0]], &Reading::default());
        assert_eq!(part.columns.len(), FIELDS_PER_OBJECT);
        assert_eq!(part.left_out, 88);
    }

    #[test]
    fn data_that_is_no_object_is_a_column_of_its_own() {
        let lines = [line("a", "5"), line("b", "null")];
        let part = part(&[&lines[0], &lines[1]], &Reading::default());
        assert_eq!(kinds(&part), [("data".to_owned(), Kind::Whole)]);
        assert_eq!(part.rows, 2);
    }
}
