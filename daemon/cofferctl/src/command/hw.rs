//! `cofferctl hw`: this machine, or a captured one, as the product sees it.

mod diff;
mod gaps;
mod matrix;
pub(super) mod source;

use std::path::Path;

use cofferdam_hwprofile::policy::{PinBlock, Standing};
use cofferdam_hwprofile::refusal::one_line;
use cofferdam_hwprofile::{
    Inventory, NodeName, NodeVerdict, PairReport, PairVerdict, Policy, Refusal, ZoneName,
    judge_node, report_pair,
};
use cofferdam_node::Exit;
use serde_json::{Value, json};

use super::document::{self, Behind, WRITTEN_LIMIT_BYTES};
use crate::cli::{HwCommand, PinArguments};
use crate::verdict::{Failure, Format, Outcome, Verdict, warning, with_warnings};
use source::{evidence_of, grade_of, machine};

pub(crate) fn run(command: HwCommand, format: Format) -> Outcome {
    match command {
        HwCommand::Facts { sysroot, evidence } => {
            Ok(facts(machine(&sysroot)?, evidence.as_deref(), format))
        }
        HwCommand::Check {
            policy,
            node,
            sysroot,
        } => check(&policy, &node, &sysroot),
        HwCommand::Watch(arguments) => super::watch::run(&arguments, format),
        HwCommand::Compare { policy, a, b } => compare(&policy, &a, &b),
        HwCommand::Policy { file, matrix } => {
            let shown = if matrix {
                matrix::Shown::Matrix
            } else {
                matrix::Shown::Verdict
            };
            matrix::run(&file, shown)
        }
        HwCommand::Pin(arguments) => pin(&arguments),
        HwCommand::Diff { a, b } => diff::run(&a, &b),
    }
}

fn facts(sysroot: &Path, site: Option<&str>, format: Format) -> Verdict {
    let inventory = Inventory::read(sysroot);
    let whole = inventory.to_json();
    let unread = gaps::told(&whole);
    let (what, value) = match site {
        Some(site) => {
            let evidence = cofferdam_hwprofile::Evidence::of(&inventory, site, grade_of(sysroot));
            ("evidence", evidence.to_json())
        }
        None => ("facts", whole),
    };
    let body = match format {
        // A large machine has megabytes of facts, and a program reads none of this.
        Format::Json => String::new(),
        Format::Text => {
            // JSON lets some of what moves a cursor stand.
            let text = serde_json::to_string_pretty(&value).unwrap_or_default();
            let lines = text.lines().map(|line| one_line(line) + "\n");
            lines.chain([unread.text()]).collect()
        }
    };
    Verdict::yes(format!(
        "{what} read below {} ({}){}",
        sysroot.display(),
        grade_of(sysroot),
        unread.count()
    ))
    .body(body)
    .value(value)
}

fn check(policy: &Path, node: &str, sysroot: &Path) -> Outcome {
    let policy = read_policy(policy)?;
    let node = node_of(&policy, node)?;
    let (evidence, unread) = evidence_of(&policy, sysroot)?;
    match judge_node(&policy, &node, &evidence) {
        NodeVerdict::Match(met) => {
            let families: Vec<&str> = met.families.iter().map(|family| family.as_str()).collect();
            let line = format!(
                "match: node {node} may serve zone {} ({})",
                met.zone,
                evidence.grade()
            );
            let body = format!(
                "families that match: {}\n{}",
                families.join(", "),
                unread.text()
            );
            Ok(Verdict::yes(line).body(body).value(json!({
                "node": node.to_string(),
                "zone": met.zone.to_string(),
                "grade": evidence.grade().to_string(),
                "families": families,
                "unreadable": unread.value(),
            })))
        }
        NodeVerdict::Refuse(mut refusals) => {
            // What could not be read is the likeliest cause, so the first refusal carries it.
            if let Some(first) = refusals.first_mut() {
                first.also.extend(unread.lines());
            }
            Err(Failure::all(Exit::Hardware, refusals))
        }
    }
}

fn compare(policy: &Path, a: &str, b: &str) -> Outcome {
    let policy = read_policy(policy)?;
    let (a_node, a_root) = side(&policy, a)?;
    let (b_node, b_root) = side(&policy, b)?;
    let (a_evidence, a_unread) = evidence_of(&policy, Path::new(a_root))?;
    let (b_evidence, b_unread) = evidence_of(&policy, Path::new(b_root))?;
    let report = report_pair(&policy, (&a_node, &a_evidence), (&b_node, &b_evidence));
    let unread: Vec<String> = a_unread.lines().chain(b_unread.lines()).collect();
    match &report.verdict {
        PairVerdict::Separate => {
            let grade = a_evidence.grade().min(b_evidence.grade());
            let line = format!(
                "separate: {a_node} and {b_node} share nothing they must not share ({grade}){}",
                with_warnings(report.warnings.len())
            );
            let said: Vec<Value> = report.warnings.iter().map(Refusal::to_json).collect();
            let warnings = report.warnings.iter().map(warning).map(|text| text + "\n");
            let body = format!("{}{}", per_scope(&report), warnings.collect::<String>());
            Ok(Verdict::yes(line).body(body).value(json!({
                "verdict": "separate",
                "grade": grade.to_string(),
                "scopes": scopes(&report),
                "warnings": said,
                "unreadable": unread,
            })))
        }
        PairVerdict::Shared(refusal) | PairVerdict::Unproven(refusal) => {
            let mut refusal = refusal.clone();
            for (scope, word) in words(&report) {
                refusal = refusal.also(format!("{scope}: {word}"));
            }
            refusal.also.extend(unread);
            Err(Failure::new(Exit::Hardware, refusal))
        }
    }
}

/// What was found in each scope: the worst that any rule found, each scope once.
fn words(report: &PairReport) -> Vec<(&'static str, &'static str)> {
    let mut words: Vec<(&'static str, &'static str)> = Vec::new();
    for finding in &report.findings {
        let word = match finding.verdict {
            PairVerdict::Separate => "separate",
            PairVerdict::Unproven(_) => "unproven",
            PairVerdict::Shared(_) => "shared",
        };
        let scope = finding.scope.as_str();
        match words.iter_mut().find(|(known, _)| *known == scope) {
            // Any two findings in one scope rest on the same evidence, so they agree.
            Some((_, known)) if *known == "separate" => *known = word,
            Some(_) => {}
            None => words.push((scope, word)),
        }
    }
    words
}

fn per_scope(report: &PairReport) -> String {
    let words = words(report);
    if words.is_empty() {
        return "no rule speaks about the two zones\n".to_owned();
    }
    let lines = words
        .iter()
        .map(|(scope, word)| format!("{scope:<8} {word}\n"));
    lines.collect()
}

fn scopes(report: &PairReport) -> Value {
    let words = words(report).into_iter();
    Value::Object(
        words
            .map(|(scope, word)| (scope.to_owned(), word.into()))
            .collect(),
    )
}

fn pin(arguments: &PinArguments) -> Outcome {
    let node: NodeName = name(&arguments.node)?;
    let zone: ZoneName = name(&arguments.zone)?;
    let inventory = Inventory::read(machine(&arguments.sysroot)?);
    let standing = Standing {
        rack: arguments.rack.as_deref(),
        position: arguments.position,
    };
    let block = PinBlock::of(&inventory, (&node, &zone), standing);
    let families: Vec<&str> = block
        .families
        .iter()
        .map(|family| family.as_str())
        .collect();
    let unread = gaps::told(&inventory.to_json());
    if families.len() < 2 {
        let mut refusal = Refusal::new(
            "CL-038",
            "too few independent families name this machine, so it cannot be pinned",
            "run as root or with CAP_DAC_READ_SEARCH; set serial numbers in the firmware",
        )
        .read(format!(
            "families: {}",
            if families.is_empty() {
                "none".to_owned()
            } else {
                families.join(", ")
            }
        ));
        for line in block.left_out.iter().cloned().chain(unread.lines()) {
            refusal = refusal.also(line);
        }
        return Err(Failure::new(Exit::Hardware, refusal));
    }
    let comment = |line: &String| format!("# not pinned: {}\n", line.replace('\n', " "));
    let left_out: String = block.left_out.iter().map(comment).collect();
    let line = format!(
        "# pinned: {node} by {} families: {}",
        families.len(),
        families.join(", ")
    );
    Ok(Verdict::yes(line)
        .body(format!("{}{left_out}", block.text))
        .value(json!({
            "block": block.text,
            "families": families,
            "left-out": block.left_out,
            "unreadable": unread.value(),
        })))
}

fn name<T>(text: &str) -> Result<T, Failure>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error: T::Err| {
        let refusal = Refusal::new(
            "CL-039",
            "a name of the command cannot be one, so nothing is printed",
            "use a letter a-z first, then letters a-z, digits and hyphens, 31 at most",
        );
        Failure::new(Exit::Usage, refusal.read(format!("{text}: {error}")))
    })
}

fn side<'a>(policy: &Policy, text: &'a str) -> Result<(NodeName, &'a str), Failure> {
    let (node, root) = text.split_once('=').ok_or_else(|| {
        let refusal = Refusal::new(
            "CL-030",
            "two nodes are compared by name and evidence, and one is missing",
            "write NODE=SYSROOT or NODE=EVIDENCE.json twice: \
             hw compare --policy F st1=/captures/st1 in1=in1.json",
        )
        .read(text);
        Failure::new(Exit::Usage, refusal)
    })?;
    Ok((node_of(policy, node)?, root))
}

pub(super) fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let text = document::read(path, Behind::FileOrPipe, WRITTEN_LIMIT_BYTES).map_err(|error| {
        let refusal = Refusal::new(
            "CL-031",
            "the policy cannot be read, so nothing is judged",
            "name a readable hwprofile.toml with --policy",
        )
        .read(format!("{}: {error}", path.display()));
        Failure::new(Exit::Config, refusal)
    })?;
    Policy::parse(&path.display().to_string(), &text)
        .map_err(|faults| Failure::all(Exit::Config, faults.into_faults()))
}

pub(super) fn node_of(policy: &Policy, text: &str) -> Result<NodeName, Failure> {
    let known = policy.nodes().find(|node| node.name.as_ref() == text);
    known.map(|node| node.name.clone()).ok_or_else(|| {
        let names: Vec<String> = policy.nodes().map(|node| node.name.to_string()).collect();
        let refusal = Refusal::new(
            "CL-032",
            "the policy has no such node, so nothing is judged",
            format!("name one of: {}", names.join(", ")),
        )
        .read(text);
        Failure::new(Exit::Usage, refusal)
    })
}
