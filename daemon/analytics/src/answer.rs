//! An answer on its way out: columns, rows, what was withheld and by which rule; as JSON or CSV.
//!
//! Owns the shape of the answer. Must never be made of anything but published cells.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, Schema, UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Value, json};

use crate::receipts::ReceiptMark;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON object, with everything there is to say. A table is drawn from it by the asker.
    #[default]
    Json,
    /// Comma-separated values (RFC 4180); the rest is said in header fields.
    Csv,
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Name and type of each column.
    pub columns: Vec<AnswerColumn>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// Groups that were withheld; `None` where even that number may not be told.
    pub withheld: Option<u64>,
    /// The fewest records or people a cell may stand on.
    pub min_group: u64,
    /// Whether groups were counted in people.
    pub counts_people: bool,
    /// What was not part of the answer.
    pub table: TableNote,
    /// Where the question stands in the trail.
    pub receipt: ReceiptNote,
}

/// One column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerColumn {
    /// Its name.
    pub name: String,
    /// Its type in words: text, integer, number, boolean, time or day.
    pub kind: &'static str,
}

/// The table an answer is about, and what could not be part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableNote {
    /// The table's name.
    pub name: String,
    /// Lines that are not a record.
    pub unreadable: u64,
    /// Values whose field is no column.
    pub left_out: u64,
}

/// Where a question stands in the trail, and what proves that it was this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptNote {
    /// The leaf of the intent.
    pub mark: ReceiptMark,
    /// The salt of the digest in that leaf, in hexadecimal. Only the asker gets it.
    pub salt: String,
}

impl Answer {
    /// The rule in one sentence.
    #[must_use]
    pub fn rule(&self) -> String {
        let whom = if self.counts_people {
            "people"
        } else {
            "records"
        };
        format!(
            "a cell stands on at least {} {whom}, answers and blanks counted apart; smaller \
             groups are withheld, and beside them what would give them away by subtraction",
            self.min_group
        )
    }

    /// The answer as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let columns = self.columns.iter();
        json!({
            "columns": columns.map(|c| json!({"name": c.name, "type": c.kind})).collect::<Vec<_>>(),
            "rows": self.rows,
            "suppressed": {"groups": self.withheld, "min-group": self.min_group, "rule": self.rule()},
            "table": {
                "name": self.table.name,
                "unreadable-records": self.table.unreadable,
                "values-left-out": self.table.left_out,
            },
            "receipt": {
                "origin": self.receipt.mark.origin,
                "index": self.receipt.mark.index,
                "salt": self.receipt.salt,
            },
        })
    }

    /// The rows as CSV, with a header line; lines end with CR LF.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let header = self
            .columns
            .iter()
            .map(|column| csv_field(&column.name))
            .collect::<Vec<_>>();
        let lines = self.rows.iter().map(|row| {
            let fields = row.iter().map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) => csv_field(text),
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    csv_field(&value.to_string())
                }
            });
            fields.collect::<Vec<_>>()
        });
        let all = [header].into_iter().chain(lines);
        all.map(|fields| fields.join(",") + "\r\n").collect()
    }
}

fn csv_field(text: &str) -> String {
    if text.contains(['"', ',', '\r', '\n']) || text.is_empty() {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// The columns of a schema in an asker's words.
#[must_use]
pub fn columns_of(schema: &Schema) -> Vec<AnswerColumn> {
    let fields = schema.fields().iter();
    fields
        .map(|f| AnswerColumn {
            name: f.name().clone(),
            kind: kind_of(f.data_type()),
        })
        .collect()
}

/// A type in an asker's words.
#[must_use]
pub fn kind_of(kind: &DataType) -> &'static str {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum; the rest is shown as text"
    )]
    match kind {
        DataType::Boolean => "boolean",
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => "integer",
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "number",
        DataType::Timestamp(..) => "time",
        DataType::Date32 | DataType::Date64 => "day",
        _ => "text",
    }
}

/// The rows of a batch as JSON values.
///
/// # Errors
/// If a value cannot be shown, which no type of a published cell does.
pub fn rows_of(batch: &RecordBatch) -> Result<Vec<Vec<Value>>, ArrowError> {
    let columns = batch
        .columns()
        .iter()
        .map(values_of)
        .collect::<Result<Vec<_>, _>>()?;
    let row = |at: usize| {
        columns
            .iter()
            .map(|column| column.get(at).cloned().unwrap_or(Value::Null))
            .collect()
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

fn values_of(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum; the rest is shown as text"
    )]
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().iter().map(Value::from).collect(),
        DataType::Int32 => array
            .as_primitive::<Int32Type>()
            .iter()
            .map(Value::from)
            .collect(),
        DataType::Int64 => array
            .as_primitive::<Int64Type>()
            .iter()
            .map(Value::from)
            .collect(),
        DataType::UInt64 => array
            .as_primitive::<UInt64Type>()
            .iter()
            .map(Value::from)
            .collect(),
        DataType::Float64 => array
            .as_primitive::<Float64Type>()
            .iter()
            .map(Value::from)
            .collect(),
        kind => {
            let format = FormatOptions::default();
            let shown = ArrayFormatter::try_new(array.as_ref(), &format)?;
            let kind = kind_of(kind);
            (0..array.len())
                .map(|at| {
                    if array.is_null(at) {
                        return Ok(Value::Null);
                    }
                    let text = shown.value(at).try_to_string()?;
                    Ok(typed(text, kind))
                })
                .collect::<Result<Vec<_>, ArrowError>>()?
        }
    })
}

/// A value that Arrow wrote as text, in the JSON type of its kind; times are UTC and say so.
fn typed(text: String, kind: &str) -> Value {
    match kind {
        "integer" | "number" => text
            .parse::<serde_json::Number>()
            .map_or(Value::String(text), Value::Number),
        "time" if !text.ends_with('Z') => Value::String(text + "Z"),
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rows: Vec<Vec<Value>>) -> Answer {
        let column = |name: &str, kind| AnswerColumn {
            name: name.to_owned(),
            kind,
        };
        Answer {
            columns: vec![column("school", "text"), column("count(*)", "integer")],
            rows,
            withheld: Some(2),
            min_group: 10,
            counts_people: false,
            table: TableNote {
                name: "climate".to_owned(),
                unreadable: 1,
                left_out: 0,
            },
            receipt: ReceiptNote {
                mark: ReceiptMark {
                    origin: "lab.internal/analytics/an1".to_owned(),
                    index: 7,
                },
                salt: "00".to_owned(),
            },
        }
    }

    #[test]
    fn csv_quotes_what_rfc_4180_says_and_keeps_null_apart_from_empty_text() {
        let rows = vec![
            vec![json!("a, \"b\""), json!(12)],
            vec![Value::Null, json!(13)],
            vec![json!(""), json!(14)],
        ];
        let csv = answer(rows).to_csv();
        assert_eq!(
            csv,
            "school,count(*)\r\n\"a, \"\"b\"\"\",12\r\n,13\r\n\"\",14\r\n"
        );
    }

    #[test]
    fn json_says_what_was_withheld_by_which_rule_and_what_was_unreadable() {
        let json = answer(vec![]).to_json();
        assert_eq!(json["suppressed"]["groups"], 2);
        assert_eq!(json["suppressed"]["min-group"], 10);
        assert!(
            json["suppressed"]["rule"]
                .as_str()
                .unwrap()
                .contains("at least 10 records")
        );
        assert_eq!(json["table"]["unreadable-records"], 1);
        assert_eq!(json["receipt"]["index"], 7);
    }

    #[test]
    fn a_number_that_may_not_be_told_is_null_and_not_zero() {
        let json = Answer {
            withheld: None,
            ..answer(vec![])
        }
        .to_json();
        assert!(json["suppressed"]["groups"].is_null());
    }
}
