//! What can only be seen once the flows are read: what the constitution forbids, what nobody
//! answers, what contradicts, and what can never decide.

use std::collections::BTreeMap;

use cofferdam_hwprofile::{NodeName, Refusal, RuleRef, ZoneName};

use super::read::Ground;
use super::{Client, FlowRule};
use crate::document::{Cell, Sheet};
use crate::{Code, Verb, constitution};

/// Judges each verb of one flow.
pub(super) fn verbs(
    sheet: &mut Sheet<'_>,
    (from, to): (&ZoneName, &ZoneName),
    verbs: &[(Verb, Cell<'_>)],
    ground: &Ground,
) {
    let Some(asked) = ground.zones.get(to) else {
        return;
    };
    let asking = ground.zones.get(from).copied();
    for (verb, cell) in verbs {
        let seen = format!("{} = \"{verb}\", from {from} to {to}", cell.path);
        if let Some(code) = constitution::forbids(asking, *asked, *verb) {
            let entry = code.entry();
            let refusal = Refusal::new(
                code.as_str(),
                format!("no manifest can let {from} {verb} at {to}: {}", entry.title),
                entry.mend,
            )
            .read(format!("{}:{}  {seen}", sheet.file(), cell.line))
            .rule(RuleRef::compiled(entry.title))
            .why(entry.meaning);
            sheet.fault_because(cell.line, refusal);
        } else if !verb.is_served_by(asked.kind) {
            let answered: Vec<&str> = Verb::ALL
                .iter()
                .filter(|verb| verb.is_served_by(asked.kind))
                .map(|verb| verb.as_str())
                .collect();
            let fix = format!(
                "a zone of kind {} answers {}",
                asked.kind,
                answered.join(", ")
            );
            sheet.fault(Code::VerbNotServed, cell.line, &seen, &fix);
        }
    }
}

/// Judges the flows and clients together.
pub(super) fn review(
    sheet: &mut Sheet<'_>,
    rules: &[FlowRule],
    clients: &BTreeMap<NodeName, Client>,
    ground: &Ground,
) {
    for (index, rule) in rules.iter().enumerate() {
        let earlier = rules.get(..index).unwrap_or(&[]);
        note_shadowed(sheet, rule, earlier);
        note_contradiction(sheet, rule, earlier);
    }
    for client in clients.values() {
        // A client in a zone of the rack has been told of already.
        let speaks = rules.iter().any(|rule| rule.from == client.zone)
            || ground.zones.contains_key(&client.zone);
        if !speaks && sheet.is_sound() {
            let seen = format!(
                "client.{}: no flow has from = \"{}\"",
                client.name, client.zone
            );
            sheet.fault(
                Code::ClientUnused,
                client.line,
                &seen,
                Code::ClientUnused.entry().mend,
            );
        }
    }
}

fn is_pair(a: &FlowRule, b: &FlowRule) -> bool {
    a.from == b.from && a.to == b.to
}

/// Notes a flow of which every right is granted before.
fn note_shadowed(sheet: &mut Sheet<'_>, rule: &FlowRule, earlier: &[FlowRule]) {
    let granted = |verb: Verb| {
        let mut before = earlier
            .iter()
            .filter(|other| is_pair(rule, other) && other.verbs.contains(verb));
        if !verb.takes_bucket() {
            return before.next().map(|other| other.line);
        }
        let globs: Vec<_> = before
            .flat_map(|other| other.buckets.iter().map(|glob| (other.line, glob)))
            .collect();
        let lines: Option<Vec<usize>> = rule
            .buckets
            .iter()
            .map(|glob| {
                globs
                    .iter()
                    .find(|(_, wide)| wide.covers(glob))
                    .map(|(line, _)| *line)
            })
            .collect();
        lines.and_then(|lines| lines.first().copied())
    };
    let lines: Option<Vec<usize>> = rule.verbs.iter().map(granted).collect();
    if let Some(first) = lines.and_then(|lines| lines.first().copied()) {
        let seen = format!("{rule}, which line {first} already grants");
        sheet.fault(
            Code::Shadowed,
            rule.line,
            &seen,
            Code::Shadowed.entry().mend,
        );
    }
}

/// Notes a second number of connections for one pair of zones.
fn note_contradiction(sheet: &mut Sheet<'_>, rule: &FlowRule, earlier: &[FlowRule]) {
    let Some(limit) = rule.max_connections else {
        return;
    };
    let other = earlier.iter().find_map(|other| {
        let stated = other.max_connections.filter(|stated| *stated != limit)?;
        is_pair(rule, other).then_some((other.line, stated))
    });
    if let Some((line, stated)) = other {
        let seen = format!("max-connections = {limit}, where line {line} says {stated}");
        sheet.fault(
            Code::LimitContradicted,
            rule.line,
            &seen,
            Code::LimitContradicted.entry().mend,
        );
    }
}
