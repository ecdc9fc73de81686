//! `cofferctl hw diff`: every fact that two captures do not share, with both values. Facts are
//! matched by what they are about, never by their place in a list.

use std::collections::BTreeMap;
use std::path::Path;

use cofferdam_hwprofile::refusal::one_line;
use cofferdam_node::Exit;
use serde_json::{Value, json};

use super::source::facts_of;
use crate::verdict::{Outcome, Verdict};

/// What names an entry of a list, the first that it has.
const NAMES: &[&str] = &["name", "address", "handle", "locator", "path"];

pub(super) fn run(a: &Path, b: &Path) -> Outcome {
    let (before, after) = (flat(&facts_of(a)?), flat(&facts_of(b)?));
    let mut changes: Vec<(&String, &str, &str)> = Vec::new();
    for (key, value) in &before {
        let now = after.get(key).map_or("(not listed)", String::as_str);
        if now != value {
            changes.push((key, value, now));
        }
    }
    for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        changes.push((key, "(not listed)", value));
    }
    changes.sort_unstable();
    let body: String = changes
        .iter()
        .map(|(key, before, after)| {
            // What a captured machine says of itself must not write a line of its own.
            let [key, before, after] = [key.as_str(), before, after].map(one_line);
            format!("{key}\n  was  {before}\n  is   {after}\n")
        })
        .collect::<Vec<_>>()
        .concat();
    let told: Vec<Value> = changes
        .iter()
        .map(|(key, before, after)| json!({ "fact": key, "was": before, "is": after }))
        .collect();
    let value = json!({ "compared": before.len(), "changed": told });
    if changes.is_empty() {
        let line = format!("same: {} facts agree", before.len());
        return Ok(Verdict::yes(line).value(value));
    }
    let line = format!("changed: {} facts differ", changes.len());
    Ok(Verdict::no(line, Exit::Hardware).body(body).value(value))
}

/// Every fact by its name, with what was found in one line.
fn flat(value: &Value) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    walk(value, String::new(), &mut facts);
    facts
}

fn walk(value: &Value, at: String, facts: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(object) => match (object.get("state").and_then(Value::as_str), object) {
            (Some("value"), fact) => {
                walk(fact.get("value").unwrap_or(&Value::Null), at, facts);
            }
            (Some(state), fact) => {
                let more = ["raw", "why", "errno"]
                    .iter()
                    .find_map(|key| fact.get(*key));
                let more = more.map_or(String::new(), |more| format!(" {more}"));
                facts.insert(at, format!("({state}{more})"));
            }
            (None, object) => {
                for (key, value) in object {
                    walk(value, joined(&at, key), facts);
                }
            }
        },
        Value::Array(items) => {
            let plain = items.iter().all(|item| !item.is_object());
            if plain {
                facts.insert(at, value.to_string());
                return;
            }
            let mut used: BTreeMap<String, usize> = BTreeMap::new();
            for item in items {
                let name = NAMES.iter().find_map(|key| spoken(item.get(*key)?));
                let name = name.unwrap_or_default();
                let count = used.entry(name.clone()).or_default();
                let place = if *count == 0 {
                    format!("{at}[{name}]")
                } else {
                    format!("{at}[{name}#{count}]")
                };
                *count += 1;
                walk(item, place, facts);
            }
        }
        Value::String(text) => {
            facts.insert(at, text.clone());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            facts.insert(at, value.to_string());
        }
    }
}

/// A name that is written plainly, or as a fact with a value.
fn spoken(value: &Value) -> Option<String> {
    let inner = value.get("value").unwrap_or(value);
    inner
        .as_str()
        .map(str::to_owned)
        .or_else(|| inner.as_u64().map(|number| number.to_string()))
}

fn joined(at: &str, key: &str) -> String {
    if at.is_empty() {
        key.to_owned()
    } else {
        format!("{at}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_matched_by_name_and_not_by_place() {
        let disk = |name: &str, serial: &str| json!({ "name": name, "serial": { "path": "/s", "state": "value", "value": serial } });
        let a = json!({ "disks": { "path": "/d", "state": "value", "value": [disk("sda", "1"), disk("sdb", "2")] } });
        let b = json!({ "disks": { "path": "/d", "state": "value", "value": [disk("sdb", "2"), disk("sda", "9")] } });
        let (a, b) = (flat(&a), flat(&b));
        assert_eq!(a.get("disks[sdb].serial"), b.get("disks[sdb].serial"));
        assert_eq!(a.get("disks[sda].serial").map(String::as_str), Some("1"));
        assert_eq!(b.get("disks[sda].serial").map(String::as_str), Some("9"));
    }

    #[test]
    fn a_state_is_told_where_there_is_no_value() {
        let facts = flat(&json!({ "x": { "path": "/x", "state": "unreadable", "errno": 13 } }));
        assert_eq!(facts.get("x").map(String::as_str), Some("(unreadable 13)"));
    }
}
