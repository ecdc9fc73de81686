//! Tests of the matrix of pairs and scopes, of rules that the constitution makes useless, and of
//! the block that a machine is pinned by.

use std::collections::BTreeMap;

use super::rig::{Machine, NODES, lab_policy, node, parse, policy_text};
use crate::policy::{PinBlock, Ruling, SCOPES, Standing};
use crate::{
    Domain, Inventory, NodeVerdict, OnUnproven, PairVerdict, Policy, Scope, judge_node, report_pair,
};

#[test]
fn the_matrix_says_what_the_judge_does_for_every_pair_and_scope() {
    let policy = lab_policy();
    let machines: Vec<_> = NODES
        .map(|(name, _)| (name, Machine::new(name).evidence()))
        .into();
    for pair in policy.matrix() {
        let of_zone = |zone: &crate::ZoneName| {
            let rule = policy.nodes().find(|node| node.zone == *zone).unwrap();
            let known = machines
                .iter()
                .find(|(name, _)| *name == rule.name.as_str());
            (&rule.name, &known.unwrap().1)
        };
        let report = report_pair(&policy, of_zone(&pair.a), of_zone(&pair.b));
        let mut judged: BTreeMap<Scope, String> = BTreeMap::new();
        for finding in &report.findings {
            judged
                .entry(finding.scope)
                .or_insert_with(|| finding.rule.to_string());
        }
        for (scope, ruling) in &pair.rulings {
            let said = match ruling {
                Ruling::Apart(apart) => Some(apart.rule.to_string()),
                Ruling::MayShare => None,
            };
            assert_eq!(
                judged.get(scope).cloned(),
                said,
                "{} {} {scope:?}",
                pair.a,
                pair.b
            );
        }
    }
}

/// What the judge does between two machines that prove nothing: for each scope whose separation is
/// unproven, whether a rule refuses for it.
fn insisted(policy: &Policy, a: &str, b: &str) -> BTreeMap<Scope, OnUnproven> {
    let (one, other) = (Machine::empty("in1"), Machine::empty("an1"));
    let report = report_pair(
        policy,
        (&node(a), &one.evidence()),
        (&node(b), &other.evidence()),
    );
    let mut insisted = BTreeMap::new();
    for finding in &report.findings {
        let PairVerdict::Unproven(refusal) = &finding.verdict else {
            continue;
        };
        let said = if report.warnings.contains(refusal) {
            OnUnproven::Warn
        } else {
            OnUnproven::Refuse
        };
        let known = insisted.entry(finding.scope).or_insert(said);
        *known = (*known).min(said);
    }
    insisted
}

#[test]
fn of_rules_that_overlap_the_matrix_shows_the_one_that_insists_as_the_judge_does() {
    let rule = |domain: &str, on_unproven: &str| {
        format!(
            "[[separate]]\nzones = [\"intake\", \"analytics\"]\ndomain = \"{domain}\"\n\
             on_unproven = \"{on_unproven}\"\nwhy = \"so\"\n"
        )
    };
    let (wide, narrow) = (rule("chassis", "warn"), rule("board", "refuse"));
    for rules in [format!("{wide}{narrow}"), format!("{narrow}{wide}")] {
        let policy =
            parse(&policy_text().replace("[node.kp1]\n", &format!("{rules}\n[node.kp1]\n")));
        let judged = insisted(&policy, "in1", "an1");
        let zone = |name: &str| policy.zone(&name.parse().unwrap()).unwrap();
        let said = |scope: Scope| match policy.ruling(zone("intake"), zone("analytics"), scope) {
            Ruling::Apart(apart) => Some((apart.on_unproven, apart.rule.text)),
            Ruling::MayShare => None,
        };
        for scope in SCOPES {
            let on_unproven = said(scope).map(|(on_unproven, _)| on_unproven);
            if let Some(judged) = judged.get(&scope) {
                assert_eq!(on_unproven, Some(*judged), "{scope:?}");
            }
        }
        let board = Scope::Domain(Domain::Board);
        let chassis = Scope::Domain(Domain::Chassis);
        assert_eq!(judged.get(&board), Some(&OnUnproven::Refuse));
        assert_eq!(judged.get(&chassis), Some(&OnUnproven::Warn));
        let (_, cited) = said(board).unwrap();
        assert!(cited.contains("at chassis"), "the widest is cited: {cited}");
        assert_eq!(said(Scope::Domain(Domain::Rack)), None);
    }
}

#[test]
fn every_pair_of_zones_has_a_ruling_in_every_scope_once() {
    let policy = lab_policy();
    let zones = policy.zones().count();
    let matrix = policy.matrix();
    assert_eq!(matrix.len(), zones * (zones - 1) / 2);
    for pair in &matrix {
        let scopes: Vec<Scope> = pair.rulings.iter().map(|(scope, _)| *scope).collect();
        assert_eq!(scopes, SCOPES);
    }
}

fn faults(rule: &str) -> Vec<String> {
    let text = policy_text().replace("[node.kp1]\n", &format!("{rule}\n[node.kp1]\n"));
    match Policy::parse("hwprofile.toml", &text) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.faults().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_rule_below_the_constitution_never_decides_and_one_as_wide_is_welcome() {
    let rule = |zones: &str, domain: &str| {
        format!("[[separate]]\nzones = [{zones}]\ndomain = \"{domain}\"\nwhy = \"so\"\n")
    };
    // The shipped rule between the two stands at chassis already.
    let alone = policy_text().replace(
        "zones  = [\"storage\", \"intake\"]\ndomain = \"chassis\"",
        "zones  = [\"storage\", \"intake\"]\ndomain = \"board\"",
    );
    let faults_alone = Policy::parse("hwprofile.toml", &alone)
        .unwrap_err()
        .to_string();
    assert!(faults_alone.contains("HW-011"), "{faults_alone}");
    assert!(
        faults_alone.contains("the constitution does at chassis"),
        "{faults_alone}"
    );
    assert!(faults_alone.contains("hwprofile.toml:"), "{faults_alone}");
    let wider = faults(&rule("\"storage\", \"intake\"", "rack"));
    assert!(
        wider.iter().all(|fault| !fault.contains("constitution")),
        "{wider:?}"
    );
    assert!(faults(&rule("\"intake\", \"analytics\"", "host")).is_empty());
}

#[test]
fn a_wider_rule_reaches_every_narrower_domain_and_every_device() {
    let policy = lab_policy();
    let zone = |name: &str| policy.zone(&name.parse().unwrap()).unwrap();
    let apart = |a, b, scope| matches!(policy.ruling(zone(a), zone(b), scope), Ruling::Apart(_));
    assert!(apart("storage", "analytics", Scope::Domain(Domain::Host)));
    assert!(apart("storage", "analytics", Scope::Domain(Domain::Board)));
    assert!(!apart(
        "storage",
        "analytics",
        Scope::Domain(Domain::Chassis)
    ));
    assert!(
        apart("analytics", "storage", SCOPES[4]),
        "drives always, in either order"
    );
    assert!(
        SCOPES
            .iter()
            .all(|scope| !apart("intake", "analytics", *scope))
    );
}

/// The policy with the block of one node exchanged for another text.
fn replaced(policy: &str, name: &str, block: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in policy.lines() {
        if line.starts_with('[') {
            inside = line.starts_with(&format!("[node.{name}]"))
                || line.starts_with(&format!("[node.{name}.pin]"));
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    format!("{kept}\n{block}")
}

#[test]
fn a_pin_block_is_read_back_and_the_machine_meets_it() {
    let policy = lab_policy();
    for (name, _) in NODES {
        let machine = Machine::new(name);
        let inventory = Inventory::read(machine.root());
        let rule = policy.node(&node(name)).unwrap();
        let standing = Standing {
            rack: rule.rack.as_deref(),
            position: rule.position,
        };
        let block = PinBlock::of(&inventory, (&rule.name, &rule.zone), standing);
        assert!(block.families.len() >= 2, "{}", block.text);
        let policy = parse(&replaced(&policy_text(), name, &block.text));
        assert_eq!(policy.node(&rule.name).unwrap().rack, rule.rack);
        let evidence = machine.evidence();
        let verdict = judge_node(&policy, &rule.name, &evidence);
        assert!(
            matches!(verdict, NodeVerdict::Match(_)),
            "{name}: {verdict:?}"
        );
    }
}

#[test]
fn a_machine_that_shows_nothing_is_pinned_by_nothing_and_says_why() {
    let empty = tempfile::tempdir().unwrap();
    let inventory = Inventory::read(empty.path());
    let names = (&node("st1"), &"storage".parse().unwrap());
    let block = PinBlock::of(&inventory, names, Standing::default());
    assert!(block.families.is_empty(), "{}", block.text);
    assert!(!block.left_out.is_empty());
}
