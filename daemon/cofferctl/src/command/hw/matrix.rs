//! `cofferctl hw policy`: a policy alone, and the verdict that it holds for every pair of zones.

use std::collections::BTreeMap;
use std::path::Path;

use cofferdam_hwprofile::Policy;
use cofferdam_hwprofile::policy::{PairRuling, Ruling, SCOPES};
use serde_json::{Value, json};

use crate::table;
use crate::verdict::{Outcome, Verdict};

/// What is printed below the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing.
    Verdict,
    /// The matrix.
    Matrix,
}

pub(super) fn run(file: &Path, shown: Shown) -> Outcome {
    let policy = super::read_policy(file)?;
    let line = format!(
        "ok: {} zones, {} nodes, {} separation rules beside the constitution; none is dead",
        policy.zones().count(),
        policy.nodes().count(),
        policy.separations().len()
    );
    let matrix = policy.matrix();
    let verdict = Verdict::yes(line).value(json!({
        "policy": file,
        "site": policy.site(),
        "matrix": matrix.iter().map(pair).collect::<Vec<_>>(),
    }));
    Ok(match shown {
        Shown::Matrix => verdict.body(text(&policy, &matrix)),
        Shown::Verdict => verdict,
    })
}

fn text(policy: &Policy, matrix: &[PairRuling]) -> String {
    let mut headings = vec!["zones".to_owned()];
    headings.extend(SCOPES.iter().map(|scope| scope.as_str().to_owned()));
    let rows: Vec<Vec<Value>> = matrix
        .iter()
        .map(|pair| {
            let name = Value::from(format!("{} · {}", pair.a, pair.b));
            let cells = pair
                .rulings
                .iter()
                .map(|(_, ruling)| Value::from(cell(ruling)));
            std::iter::once(name).chain(cells).collect()
        })
        .collect();
    let mut rules: BTreeMap<(usize, String), String> = BTreeMap::new();
    for (_, ruling) in matrix.iter().flat_map(|pair| &pair.rulings) {
        if let Ruling::Apart(apart) = ruling {
            let told = format!("{}\n    why  {}\n", apart.rule, apart.why);
            rules.insert((apart.rule.line, apart.rule.text.clone()), told);
        }
    }
    let rules: String = rules.into_values().collect();
    format!(
        "{}\n{rules}Zones of which no rule speaks may share; nodes of one zone always may. Site {}.\n",
        table::lay_out(&headings, &rows),
        policy.site()
    )
}

fn cell(ruling: &Ruling) -> String {
    match ruling {
        Ruling::MayShare => "may share".to_owned(),
        Ruling::Apart(apart) if apart.rule.line == 0 => "constitution".to_owned(),
        Ruling::Apart(apart) => format!("line {}", apart.rule.line),
    }
}

fn pair(pair: &PairRuling) -> Value {
    let scopes = pair.rulings.iter().map(|(scope, ruling)| {
        let value = match ruling {
            Ruling::MayShare => json!({ "may-share": true }),
            Ruling::Apart(apart) => json!({
                "may-share": false,
                "rule": { "file": apart.rule.file, "line": apart.rule.line, "text": apart.rule.text },
                "why": apart.why,
                "on-unproven": apart.on_unproven.as_str(),
            }),
        };
        (scope.as_str().to_owned(), value)
    });
    json!({ "zones": [pair.a.as_str(), pair.b.as_str()], "scopes": Value::Object(scopes.collect()) })
}
