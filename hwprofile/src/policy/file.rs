//! The file as a whole: its top-level keys, and what must hold between its parts.
//!
//! Reads every part even when one before it is wrong, so that all faults are told at once.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use crate::code::Code;
use crate::policy::fault::{Faults, Located, Source};
use crate::policy::node::{self, NodeRule};
use crate::policy::platform::Platforms;
use crate::policy::raw::{Table, short, suggest};
use crate::policy::separation;
use crate::policy::spelling::meant;
use crate::policy::zone::{self, ZoneRule};
use crate::policy::{Mode, Policy, PolicyFaults};
use crate::refusal::RuleRef;
use crate::{NodeName, ZoneName};

/// The longest policy that is read, in bytes.
const POLICY_LIMIT: usize = 1024 * 1024;
const KEYS: &[&str] = &[
    "version", "site", "lab", "zone", "platform", "separate", "node",
];
const VERSION: u64 = 1;

pub(super) fn read(file: &str, text: &str) -> Result<Policy, PolicyFaults> {
    let mut faults = Faults::default();
    let source = Source::new(file, text);
    if text.len() > POLICY_LIMIT {
        let rule = RuleRef::new(file, 1, "the file as a whole");
        let consequence = format!("the file is longer than {POLICY_LIMIT} bytes");
        faults.push(
            Code::PolicyTooLarge,
            rule,
            consequence,
            "shorten it".to_owned(),
        );
        return Err(faults.finish(file));
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or_default();
        let rule = source.rule(span.start, source.quote(span.clone()));
        let fix = "mend the line; a TOML text stands in quotes".to_owned();
        faults.push(
            Code::NotToml,
            rule,
            error.message().replace('\n', "; "),
            fix,
        );
    }
    if !faults.is_empty() {
        return Err(faults.finish(file));
    }
    let top = Table::open(
        &source,
        String::new(),
        0,
        document.get_ref(),
        (KEYS, &mut faults),
    );
    match assemble(&source, &top, &mut faults) {
        Some(policy) if faults.is_empty() => Ok(policy),
        Some(_) | None => Err(faults.finish(file)),
    }
}

/// Reads every part. Gives a policy only when nothing that it is made of is missing.
fn assemble(source: &Source<'_>, top: &Table<'_, '_>, faults: &mut Faults) -> Option<Policy> {
    let version = version(top, faults);
    let site = site(top, faults);
    let mode = match top.flag("lab", faults) {
        Some(Located { value: true, .. }) => Mode::Lab,
        Some(Located { value: false, .. }) | None => Mode::Production,
    };
    let platforms = Platforms::read(top, faults);
    let zone_names = names::<ZoneName>(top, "zone");
    let zones = zone::read(top, &platforms, faults);
    let separations = separation::read(top, &zone_names, &zones, faults);
    let nodes = node::read(top, &zone_names, &zones, faults);
    if !top.has("zone") {
        top.missing("zone", "a table [zone.NAME] for each zone", faults);
    }
    if !top.has("node") {
        top.missing("node", "a table [node.NAME] for each node", faults);
    }
    for rule in &platforms.unused(top) {
        let fix = "name it in a zone, or remove it".to_owned();
        faults.push(
            Code::Unused,
            rule.clone(),
            format!("{} is used by no zone", rule.text),
            fix,
        );
    }
    every_zone_has_a_node(top, &zones, faults);
    no_pin_stands_twice(&nodes, faults);
    version?;
    Some(Policy {
        file: source.file().to_owned(),
        site: site?,
        mode,
        zones,
        nodes,
        separations,
    })
}

fn version(top: &Table<'_, '_>, faults: &mut Faults) -> Option<()> {
    if !top.has("version") {
        top.missing("version", "1", faults);
    }
    let version = top.number("version", 0..=u64::MAX, faults)?;
    if version.value == VERSION {
        return Some(());
    }
    let consequence = format!("version {} is not known here", version.value);
    faults.push(
        Code::UnknownVersion,
        version.rule,
        consequence,
        "write version = 1".to_owned(),
    );
    None
}

fn site(top: &Table<'_, '_>, faults: &mut Faults) -> Option<String> {
    if !top.has("site") {
        top.missing(
            "site",
            "\"the name of the place, which salts every token\"",
            faults,
        );
    }
    let site = top.text("site", faults)?;
    if site.value.parse::<ZoneName>().is_ok() {
        return Some(site.value);
    }
    let consequence = format!("the site {} is not a name", short(&site.value));
    let fix = "use letters a-z, digits and hyphens, a letter first, 31 at most".to_owned();
    faults.push(Code::BadName, site.rule, consequence, fix);
    None
}

/// The names under a key that are well formed, even where their tables are not: so that one fault
/// does not cause others.
fn names<T: std::str::FromStr + Ord>(top: &Table<'_, '_>, key: &str) -> BTreeSet<T> {
    top.names(key)
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// A name that begins a table. Reports what is not one.
pub(super) fn name<T: std::str::FromStr>(name: &Located<String>, faults: &mut Faults) -> Option<T> {
    if let Ok(parsed) = name.value.parse() {
        return Some(parsed);
    }
    let consequence = format!("{} is not a name", short(&name.value));
    let fix = "use letters a-z, digits and hyphens, a letter first, 31 at most".to_owned();
    faults.push(Code::BadName, name.rule.clone(), consequence, fix);
    None
}

/// A zone that a rule or a node names. Reports what is not defined.
pub(super) fn known_zone(
    name: &Located<String>,
    known: &BTreeSet<ZoneName>,
    faults: &mut Faults,
) -> Option<ZoneName> {
    let parsed = name
        .value
        .parse::<ZoneName>()
        .ok()
        .filter(|zone| known.contains(zone));
    if parsed.is_none() {
        let all: Vec<&str> = known.iter().map(ZoneName::as_str).collect();
        let otherwise = format!(
            "define [zone.{}]; the zones are {}",
            short(&name.value),
            all.join(", ")
        );
        let fix = suggest(&name.value, all.iter().copied(), otherwise);
        let consequence = format!("there is no zone {}", short(&name.value));
        faults.push(Code::UnknownZone, name.rule.clone(), consequence, fix);
    }
    parsed
}

fn every_zone_has_a_node(
    top: &Table<'_, '_>,
    zones: &BTreeMap<ZoneName, ZoneRule>,
    faults: &mut Faults,
) {
    let known = zones.keys().map(ZoneName::as_str);
    let named = top.texts_below("node", "zone").into_iter();
    let used: BTreeSet<&str> = named
        .filter_map(|name| meant(name, known.clone()))
        .collect();
    for zone in zones
        .values()
        .filter(|zone| !used.contains(zone.name.as_str()))
    {
        let consequence = format!("the zone {} runs on no node", zone.name);
        let fix = format!(
            "add a [node.NAME] with zone = \"{}\", or remove the zone",
            zone.name
        );
        faults.push(Code::Unused, zone.rule.clone(), consequence, fix);
    }
}

/// One value for two nodes would let one machine be both.
fn no_pin_stands_twice(nodes: &BTreeMap<NodeName, NodeRule>, faults: &mut Faults) {
    let mut pins = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for node in nodes.values() {
        for pin in node.pins.iter() {
            let key = (pin.kind, pin.value.normalised().to_owned());
            if let Some(earlier) = pins
                .insert(key, &node.name)
                .filter(|name| **name != node.name)
            {
                let consequence = format!(
                    "{} and {} are pinned to the same {}",
                    earlier, node.name, pin.kind
                );
                let fix = "pin each node to what its own machine shows".to_owned();
                faults.push(Code::PinTwice, pin.rule.clone(), consequence, fix);
            }
        }
        if let Some(key) = node.key
            && let Some(earlier) = keys.insert(key, &node.name)
        {
            let consequence = format!("{} and {} are pinned to the same key", earlier, node.name);
            let fix = "make a key for each node".to_owned();
            faults.push(Code::PinTwice, node.rule.clone(), consequence, fix);
        }
    }
}
