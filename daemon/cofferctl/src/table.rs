//! Rows for a terminal: aligned columns, numbers to the right. It knows nothing of what they mean.

use cofferdam_hwprofile::refusal::one_line;
use serde_json::Value;

/// Lays out rows under their headings, two blanks between columns. A cell stays on its line, whoever wrote it.
#[must_use]
pub fn lay_out(headings: &[String], rows: &[Vec<Value>]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|value| one_line(&cell(value))).collect())
        .collect();
    let headings: Vec<String> = headings.iter().map(|text| one_line(text)).collect();
    let width = |column: usize| {
        let heading = headings.get(column).map_or(0, |text| text.chars().count());
        let widest = cells
            .iter()
            .filter_map(|row| row.get(column))
            .map(|text| text.chars().count());
        widest.fold(heading, usize::max)
    };
    let right = |column: usize| {
        !rows.is_empty()
            && rows
                .iter()
                .filter_map(|row| row.get(column))
                .all(|value| matches!(value, Value::Number(_) | Value::Null))
    };
    let line = |texts: &[String]| {
        let padded: Vec<String> = texts
            .iter()
            .enumerate()
            .map(|(column, text)| {
                let width = width(column);
                if right(column) {
                    format!("{text:>width$}")
                } else {
                    format!("{text:<width$}")
                }
            })
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(&headings);
    for row in &cells {
        text.push_str(&line(row));
    }
    text
}

/// RFC 4180: quotes where they are needed, doubled inside.
#[must_use]
pub fn csv(headings: &[String], rows: &[Vec<Value>]) -> String {
    let quoted = |text: &str| {
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let line = |texts: Vec<String>| {
        format!(
            "{}\r\n",
            texts
                .iter()
                .map(|text| quoted(text))
                .collect::<Vec<_>>()
                .join(",")
        )
    };
    let mut text = line(headings.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(cell).collect()));
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_f64()
            .filter(|_| number.is_f64())
            .map_or_else(|| number.to_string(), |float| format!("{float:.3}")),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> (Vec<String>, Vec<Vec<Value>>) {
        (
            vec!["school".to_owned(), "count".to_owned()],
            vec![
                vec![json!("Oak, \"old\""), json!(411)],
                vec![json!("Elm"), json!(7)],
            ],
        )
    }

    #[test]
    fn numbers_stand_to_the_right_and_text_to_the_left() {
        let (headings, rows) = sample();
        assert_eq!(
            lay_out(&headings, &rows),
            "school      count\nOak, \"old\"    411\nElm             7\n"
        );
    }

    #[test]
    fn what_strangers_submitted_neither_moves_the_cursor_nor_begins_a_row() {
        let rows = [
            vec![json!("a\n9  forged\u{1b}[2K")],
            vec![json!("\u{202e}b")],
        ];
        let text = lay_out(&["x\ry".to_owned()], &rows);
        assert_eq!(text, "x\\u{d}y\na\\u{a}9  forged\\u{1b}[2K\n\\u{202e}b\n");
        // A program gets the bytes as they are.
        assert!(csv(&["x".to_owned()], &rows).contains("a\n9  forged\u{1b}[2K"));
    }

    #[test]
    fn csv_doubles_quotes_and_ends_lines_as_the_rfc_says() {
        let (headings, rows) = sample();
        assert_eq!(
            csv(&headings, &rows),
            "school,count\r\n\"Oak, \"\"old\"\"\",411\r\nElm,7\r\n"
        );
    }
}
