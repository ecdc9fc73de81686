//! `cofferctl query`: a question in SQL, asked of analytics.

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

pub(crate) fn run(
    sql: &str,
    rows: Option<RowFormat>,
    rack: &RackArguments,
    format: Format,
) -> Outcome {
    let reach = Reach::open(&rack.directory)?;
    let answer = reach::runtime()?.block_on(ask(&reach, sql))?;
    let chosen = match (rows, format) {
        (Some(rows), _) => rows,
        (None, Format::Json) => RowFormat::Json,
        (None, Format::Text) if on_a_terminal() => RowFormat::Table,
        (None, Format::Text) => RowFormat::Csv,
    };
    let grade = &reach.file().grade;
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
    match chosen {
        RowFormat::Table => Ok(Verdict::yes(line)
            .body(table::lay_out(&answer.headings, &answer.rows))
            .value(answer.whole)),
        RowFormat::Csv => print(&table::csv(&answer.headings, &answer.rows)),
        RowFormat::Json => print(&format!("{}\n", answer.whole)),
    }
}

fn print(text: &str) -> Outcome {
    use std::io::Write as _;
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(|error| {
            super::object::file_failed(std::path::Path::new("standard output"), &error)
        })?;
    Ok(Verdict::silent())
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
