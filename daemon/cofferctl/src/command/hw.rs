//! `cofferctl hw`: this machine, or a captured one, as the product sees it.

use std::path::{Path, PathBuf};

use cofferdam_hwprofile::inventory::shortfalls;
use cofferdam_hwprofile::{
    Evidence, Grade, Inventory, NodeName, NodeVerdict, PairVerdict, Policy, Refusal, judge_node,
    judge_pair,
};
use cofferdam_node::Exit;
use serde_json::{Value, json};

use crate::cli::HwCommand;
use crate::verdict::{Failure, Outcome, Verdict};

pub(crate) fn run(command: HwCommand) -> Outcome {
    match command {
        HwCommand::Facts { sysroot } => Ok(facts(&sysroot)),
        HwCommand::Check {
            policy,
            node,
            sysroot,
        } => check(&policy, &node, &sysroot),
        HwCommand::Compare { policy, a, b } => compare(&policy, &a, &b),
    }
}

fn facts(sysroot: &Path) -> Verdict {
    let value = Inventory::read(sysroot).to_json();
    let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
    let lost = shortfalls(&value).into_iter();
    let lost = lost.map(|lost| format!("\nnot read: {}: {}", lost.path, lost.remedy));
    let text: String = std::iter::once(pretty).chain(lost).collect();
    Verdict::yes(format!(
        "facts read below {} ({})",
        sysroot.display(),
        grade_of(sysroot)
    ))
    .body(text)
    .value(value)
}

fn check(policy: &Path, node: &str, sysroot: &Path) -> Outcome {
    let policy = read_policy(policy)?;
    let node = node_of(&policy, node)?;
    let evidence = evidence_of(&policy, sysroot);
    match judge_node(&policy, &node, &evidence) {
        NodeVerdict::Match(_met) => Ok(Verdict::yes(format!(
            "match: node {node} may serve its zone ({})",
            evidence.grade()
        ))
        .value(json!({ "node": node.to_string(), "grade": evidence.grade().to_string() }))),
        NodeVerdict::Refuse(refusals) => Err(Failure::all(Exit::Hardware, refusals)),
    }
}

fn compare(policy: &Path, a: &str, b: &str) -> Outcome {
    let policy = read_policy(policy)?;
    let (a_node, a_root) = side(&policy, a)?;
    let (b_node, b_root) = side(&policy, b)?;
    let a_evidence = evidence_of(&policy, &a_root);
    let b_evidence = evidence_of(&policy, &b_root);
    match judge_pair(&policy, (&a_node, &a_evidence), (&b_node, &b_evidence)) {
        PairVerdict::Separate => Ok(Verdict::yes(format!(
            "separate: {a_node} and {b_node} share nothing they must not share ({})",
            a_evidence.grade()
        ))
        .value(Value::from("separate"))),
        PairVerdict::Shared(refusal) | PairVerdict::Unproven(refusal) => {
            Err(Failure::new(Exit::Hardware, refusal))
        }
    }
}

fn side(policy: &Policy, text: &str) -> Result<(NodeName, PathBuf), Failure> {
    let (node, root) = text.split_once('=').ok_or_else(|| {
        let refusal = Refusal::new(
            "CL-030",
            "two nodes are compared by name and sysroot, and one is missing",
            "write NODE=SYSROOT twice: hw compare --policy F st1=/captures/st1 in1=/captures/in1",
        )
        .read(text);
        Failure::new(Exit::Usage, refusal)
    })?;
    Ok((node_of(policy, node)?, PathBuf::from(root)))
}

fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
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

fn node_of(policy: &Policy, text: &str) -> Result<NodeName, Failure> {
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

fn evidence_of(policy: &Policy, sysroot: &Path) -> Evidence {
    Evidence::of(&Inventory::read(sysroot), policy.site(), grade_of(sysroot))
}

/// What is read elsewhere than at the root is a capture, and proves nothing about this machine.
fn grade_of(sysroot: &Path) -> Grade {
    if sysroot == Path::new("/") {
        Grade::E1Asserted
    } else {
        Grade::E0Simulated
    }
}
