//! `cofferctl rack advise A B`: the five criteria over two services, each with its inputs and where
//! they stand. It reads two files of the rack directory and decides nothing itself.

use std::path::Path;

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_rack::advisor::{self, Advice, Answer, Change, Services, Verdict as Advised, advise};
use cofferdam_rack::{Code, Policy};
use serde_json::{Value, json};

use super::super::document::{self, Behind, WRITTEN_LIMIT_BYTES};
use crate::verdict::{Failure, Outcome, Verdict};

pub(super) fn run(directory: &Path, (a, b): (&str, &str)) -> Outcome {
    let text = |name: &str| {
        let path = directory.join(name);
        document::read(&path, Behind::File, WRITTEN_LIMIT_BYTES).map_err(|error| {
            let entry = Code::Unreadable.entry();
            let consequence = "a file cannot be read, so nothing is advised";
            let refusal = Refusal::new(entry.code, consequence, entry.mend);
            Failure::new(
                Exit::Config,
                refusal.read(format!("{}: {error}", path.display())),
            )
        })
    };
    let policy = Policy::parse("hwprofile.toml", &text("hwprofile.toml")?)
        .map_err(|faults| Failure::all(Exit::Config, faults.into_faults()))?;
    let services = Services::parse(advisor::FILE, &text(advisor::FILE)?, &policy)
        .map_err(|faults| Failure::all(Exit::Config, faults.into_refusals()))?;
    let named = |name: &str| {
        let known = services.service(name);
        known.map_err(|refusal| Failure::new(Exit::Usage, refusal))
    };
    let (a, b) = (named(a)?, named(b)?);
    if a.name == b.name {
        let refusal = Refusal::new(
            "CL-046",
            "a service is not weighed against itself, so nothing is advised",
            "name two services",
        );
        return Err(Failure::new(Exit::Usage, refusal.read(a.name.clone())));
    }
    let advice = advise(&policy, &services, a, b);
    let line = format!("{}: {} and {}", advice.verdict, a.name, b.name);
    let verdict = match advice.verdict {
        Advised::Combine => Verdict::yes(line),
        Advised::Separate => Verdict::no(line, Exit::Policy),
        Advised::Undecided => Verdict::no(line, Exit::TryAgain),
    };
    let refusal = advice.refusal(a, b);
    let mut body = body(&advice);
    if let Some(refusal) = &refusal {
        body.push_str(&[&refusal.to_string(), "\n"].concat());
    }
    Ok(verdict.body(body).value(json!({
        "advice": advice.verdict.as_str(),
        "services": [a.name, b.name],
        "criteria": criteria(&advice),
        "possible": advice.possible(),
        "refusal": refusal.as_ref().map(Refusal::to_json),
    })))
}

fn body(advice: &Advice) -> String {
    let mut lines = Vec::new();
    for finding in &advice.findings {
        let word = finding.answer.word();
        lines.push(format!(
            "{} {word:<8} {}",
            finding.criterion,
            finding.criterion.question()
        ));
        lines.extend(finding.inputs.iter().map(|input| format!("     {input}")));
        if let Some(rule) = &finding.rule {
            lines.push(format!("     rule {rule}"));
        }
        match &finding.answer {
            Answer::Holds => {}
            Answer::Fails(Change::Final) => lines.push("     this is final".to_owned()),
            Answer::Fails(Change::Possible(change)) => {
                lines.push(format!("     would hold if {change}"));
            }
            Answer::Missing(inputs) => {
                lines.push(format!("     not written: {}", inputs.join(", ")));
            }
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn criteria(advice: &Advice) -> Vec<Value> {
    let criteria = advice.findings.iter().map(|finding| {
        json!({
            "criterion": finding.criterion.as_str(),
            "question": finding.criterion.question(),
            "answer": finding.answer.word(),
            "inputs": finding.inputs,
            "rule": finding.rule.as_ref().map(ToString::to_string),
            "why": finding.why,
        })
    });
    criteria.collect()
}
