//! `cofferctl query`: a question in SQL, asked of analytics.

use std::io::Write;

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use http::Method;
use serde_json::{Value, json};

use crate::cli::{RackArguments, RowFormat};
use crate::reach::{self, Reach};
use crate::table;
use crate::verdict::{Failure, Format, Outcome, Verdict, on_a_terminal};

/// The answer to a question.
#[expect(clippy::struct_field_names, reason = "rows have rows")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// Column names.
    pub(crate) headings: Vec<String>,
    /// Rows, as wide as the headings.
    pub(crate) rows: Vec<Vec<Value>>,
    /// How many groups were too small to be shown; analytics does not tell where the number itself would tell too much.
    pub(crate) suppressed: Option<u64>,
    /// The smallest group that is shown.
    pub(crate) min_group: u64,
    /// The answer as it came.
    whole: Value,
}

/// How the rows are shown: as asked, else as whoever reads them needs it.
pub(crate) fn shown(rows: Option<RowFormat>, format: Format) -> RowFormat {
    match (rows, format) {
        (Some(rows), _) => rows,
        (None, Format::Json) => RowFormat::Json,
        (None, Format::Text) if on_a_terminal() => RowFormat::Table,
        (None, Format::Text) => RowFormat::Csv,
    }
}

pub(crate) fn run(
    sql: &str,
    rows: Option<RowFormat>,
    rack: &RackArguments,
    format: Format,
) -> Outcome {
    let reach = Reach::open(&rack.directory)?;
    let answer = reach::runtime()?.block_on(ask(&reach, sql))?;
    let grade = &reach.file().grade;
    let mut out = std::io::stdout().lock();
    show(answer, grade, (shown(rows, format), format), &mut out)
}

/// Rows as data are written, and nothing else with them; otherwise they are a part of the verdict.
fn show(
    answer: Rows,
    grade: &str,
    (rows, format): (RowFormat, Format),
    out: &mut dyn Write,
) -> Outcome {
    let suppressed = answer
        .suppressed
        .map_or("an untold number of".to_owned(), |groups| {
            groups.to_string()
        });
    let line = format!(
        "{} rows, {suppressed} groups below {} suppressed ({grade})",
        answer.rows.len(),
        answer.min_group
    );
    let text = match (rows, format) {
        (RowFormat::Table, _) => {
            let table = table::lay_out(&answer.headings, &answer.rows);
            return Ok(Verdict::yes(line).body(table).value(answer.whole));
        }
        (RowFormat::Json, Format::Json) => return Ok(Verdict::yes(line).value(answer.whole)),
        (RowFormat::Json, Format::Text) => format!("{}\n", answer.whole),
        (RowFormat::Csv, _) => table::csv(&answer.headings, &answer.rows),
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| super::stream::output_failed(&error))?;
    Ok(Verdict::silent(line).value(json!({ "rows": answer.rows.len() })))
}

/// Asks one question.
pub(crate) async fn ask(reach: &Reach, sql: &str) -> Result<Rows, Failure> {
    let question = json!({ "sql": sql, "format": "json" }).to_string();
    let mut request = reach::request(Method::POST, "/v1/query", question)?;
    request.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    let answer = reach.ask("analytics", request).await?;
    if !answer.status.is_success() {
        return Err(answer.failure());
    }
    serde_json::from_slice(&answer.bytes)
        .ok()
        .and_then(read)
        .ok_or_else(|| {
            let refusal = Refusal::new(
                "CL-042",
                "analytics answered what this tool does not understand",
                "both should be of one release",
            )
            .read(
                String::from_utf8_lossy(&answer.bytes)
                    .chars()
                    .take(300)
                    .collect::<String>(),
            );
            Failure::new(Exit::Data, refusal)
        })
}

fn read(whole: Value) -> Option<Rows> {
    let headings = whole
        .get("columns")?
        .as_array()?
        .iter()
        .map(|column| {
            let name = column.get("name").unwrap_or(column);
            name.as_str().map(str::to_owned)
        })
        .collect::<Option<Vec<_>>>()?;
    let rows = whole
        .get("rows")?
        .as_array()?
        .iter()
        .map(|row| match row {
            Value::Array(cells) => Some(cells.clone()),
            Value::Object(cells) => Some(
                headings
                    .iter()
                    .map(|name| cells.get(name).cloned().unwrap_or_default())
                    .collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
        .collect::<Option<Vec<_>>>()?;
    let suppressed = whole.pointer("/suppressed/groups").and_then(Value::as_u64);
    let min_group = whole.pointer("/suppressed/min-group")?.as_u64()?;
    Some(Rows {
        headings,
        rows,
        suppressed,
        min_group,
        whole,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_as(rows: RowFormat, format: Format) -> (String, String) {
        let whole = json!({
            "columns": ["school", "n"],
            "rows": [["Elm", 7]],
            "suppressed": { "groups": 1, "min-group": 5 },
        });
        let answer = read(whole).expect("rows");
        let mut out = Vec::new();
        let verdict = show(answer, "E0", (rows, format), &mut out).expect("shown");
        let out = String::from_utf8(out).expect("text");
        (out, format!("{verdict:?}"))
    }

    #[test]
    fn for_a_program_the_rows_are_the_result_of_one_document() {
        let (out, verdict) = shown_as(RowFormat::Json, Format::Json);
        assert_eq!(out, "");
        assert!(verdict.contains("Aloud"), "{verdict}");
        assert!(verdict.contains("Elm"), "{verdict}");
    }

    #[test]
    fn rows_as_data_are_written_alone() {
        for format in [Format::Text, Format::Json] {
            let (out, verdict) = shown_as(RowFormat::Csv, format);
            assert_eq!(out, "school,n\r\nElm,7\r\n");
            assert!(verdict.contains("Silent"), "{verdict}");
        }
        let (out, _) = shown_as(RowFormat::Json, Format::Text);
        let value: Value = serde_json::from_str(&out).expect("one document");
        assert_eq!(value["rows"][0][0], "Elm");
    }
}
