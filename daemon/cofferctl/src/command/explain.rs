//! `cofferctl explain CODE`.

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use serde_json::json;

use crate::cli::CodesFormat;
use crate::verdict::{Failure, Outcome, Verdict};
use crate::{code, codes};

pub(crate) fn run(asked: &str) -> Outcome {
    let wanted = asked.trim().to_ascii_uppercase();
    let Some(entry) = code::all().find(|entry| entry.code == wanted) else {
        let near: Vec<&str> = code::all()
            .map(|entry| entry.code)
            .filter(|code| {
                wanted
                    .split('-')
                    .next()
                    .is_some_and(|family| code.starts_with(family))
            })
            .collect();
        let refusal = Refusal::new(
            "CL-020",
            "there is no such code, so nothing is explained",
            "give a code as a refusal prints it: cofferctl explain HW-211",
        )
        .read(asked)
        .also(format!("codes of that family: {}", near.join(" ")));
        return Err(Failure::new(Exit::Usage, refusal));
    };
    Ok(Verdict::yes(format!("{} {}", entry.code, entry.title))
        .body(format!("{}\n  fix  {}\n", entry.meaning, entry.mend))
        .value(json!({
            "code": entry.code,
            "title": entry.title,
            "meaning": entry.meaning,
            "mend": entry.mend,
            "message-id": entry.message_id(),
            "metric-label": entry.metric_label(),
        })))
}

/// Every code: a line each, or one of the two files that are made from the tables. A file is
/// printed alone, so that it can be written where it belongs.
pub(crate) fn all(format: Option<CodesFormat>) -> Verdict {
    let rows: Vec<_> = code::all()
        .map(|entry| {
            json!({
                "code": entry.code,
                "title": entry.title,
                "meaning": entry.meaning,
                "mend": entry.mend,
                "message-id": entry.message_id(),
                "metric-label": entry.metric_label(),
            })
        })
        .collect();
    let file = match format {
        Some(CodesFormat::Markdown) => codes::manual(),
        Some(CodesFormat::Catalog) => codes::catalogue(),
        None => {
            let lines = code::all().map(|entry| [entry.code, "  ", entry.title, "\n"].concat());
            let line = format!("{} codes", rows.len());
            return Verdict::yes(line)
                .body(lines.collect::<String>())
                .value(json!(rows));
        }
    };
    let (first, rest) = file.split_once('\n').unwrap_or((&file, ""));
    Verdict::yes(first).body(rest).value(json!(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_product_is_explained_however_it_is_typed() {
        for entry in code::all() {
            let verdict = run(&entry.code.to_lowercase()).expect("explained");
            assert_eq!(verdict.exit(), Exit::Ok);
        }
    }

    #[test]
    fn an_unknown_code_names_its_family() {
        let failure = run("HW-999").expect_err("unknown");
        assert!(failure.refusals[0].to_string().contains("HW-211"));
    }
}
