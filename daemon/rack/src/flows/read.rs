//! From the text of `flows.toml` to flows and clients. Must never drop a fault to reach the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cofferdam_hwprofile::{KeyPin, NodeName, ZoneName};

use super::{Client, FlowRule, FlowTable, FlowText, review};
use crate::constitution::ZoneFacts;
use crate::document::{self, Cell, Cited, Sheet, Table};
use crate::identity::shown;
use crate::spelling::nearest;
use crate::{BucketGlob, Code, Faults, GlobError, Verb, VerbSet};

const CONSEQUENCE: &str = "the flows are not in force, so nobody may speak to anybody";
/// The most connections that one flow may ask for.
const CONNECTIONS_LIMIT: i64 = 1_000_000;

/// What the flows are read against.
#[derive(Debug)]
pub(super) struct Ground {
    /// The zones of the rack.
    pub(super) zones: BTreeMap<ZoneName, ZoneFacts>,
    /// The keys that nodes are pinned to, with the node's name.
    pub(super) pins: BTreeMap<KeyPin, String>,
}

/// Reads the whole file.
///
/// # Errors
/// All its faults.
pub(super) fn read(file: &str, text: &str, ground: &Ground) -> Result<FlowTable, Faults> {
    let (mut sheet, document) = document::parse(file, text, CONSEQUENCE)?;
    let root = Table::root(&document);
    sheet.close(&root, &["version", "client", "flow"]);
    sheet.version_one(&root);
    let clients = read_clients(&mut sheet, &root, ground);
    let names = Names::new(ground, &clients);
    let mut rules = Vec::new();
    for table in sheet.tables(&root, "flow") {
        rules.extend(read_flow(&mut sheet, &table, &names, ground));
    }
    review::review(&mut sheet, &rules, &clients, ground);
    match sheet.finish() {
        Some(faults) => Err(faults),
        None => Ok(FlowTable::compile(
            file,
            rules,
            clients,
            ground.zones.clone(),
        )),
    }
}

/// The zones that may stand in a flow.
struct Names {
    rack: Vec<String>,
    clients: BTreeSet<String>,
}

impl Names {
    fn new(ground: &Ground, clients: &BTreeMap<NodeName, Client>) -> Self {
        Self {
            rack: ground.zones.keys().map(ToString::to_string).collect(),
            clients: clients
                .values()
                .map(|client| client.zone.to_string())
                .collect(),
        }
    }

    fn near(&self, seen: &str) -> Option<String> {
        let all = self.rack.iter().chain(&self.clients).map(String::as_str);
        nearest(seen, all).map(str::to_owned)
    }

    fn contains(&self, zone: &ZoneName) -> bool {
        self.rack
            .iter()
            .chain(&self.clients)
            .any(|name| name == zone.as_str())
    }
}

fn read_clients(
    sheet: &mut Sheet<'_>,
    root: &Table<'_>,
    ground: &Ground,
) -> BTreeMap<NodeName, Client> {
    let mut clients = BTreeMap::new();
    let Some(cell) = sheet.optional(root, "client") else {
        return clients;
    };
    let mut pins = ground.pins.clone();
    for (name, table) in sheet.named_tables(&cell) {
        if let Some(client) = read_client(sheet, &name, &table, ground, &mut pins) {
            clients.insert(client.name.clone(), client);
        }
    }
    clients
}

fn read_client(
    sheet: &mut Sheet<'_>,
    name: &Cited<&str>,
    table: &Table<'_>,
    ground: &Ground,
    pins: &mut BTreeMap<KeyPin, String>,
) -> Option<Client> {
    sheet.close(table, &["zone", "key", "why"]);
    let parsed = name.value.parse::<NodeName>();
    if let Err(error) = &parsed {
        sheet.fault(
            Code::NotAllowed,
            name.line,
            &error.to_string(),
            Code::NotAllowed.entry().mend,
        );
    }
    let zone = sheet.required(table, "zone");
    let zone = zone.and_then(|cell| sheet.parsed::<ZoneName>(&cell, Code::NotAllowed, |_| None));
    let key = sheet.required(table, "key");
    let key = key.and_then(|cell| sheet.parsed::<KeyPin>(&cell, Code::KeyPinRepeated, |_| None));
    let why = sheet.reason(table);
    if let Some(zone) = zone
        .as_ref()
        .filter(|zone| ground.zones.contains_key(&zone.value))
    {
        let seen = format!(
            "{}.zone = \"{}\", a zone of the rack",
            table.path, zone.value
        );
        sheet.fault(
            Code::ClientIsZone,
            zone.line,
            &seen,
            Code::ClientIsZone.entry().mend,
        );
    }
    if let Some(key) = &key
        && let Some(owner) = pins.insert(key.value, shown(name.value))
    {
        let seen = format!("{}.key is already the key of {owner}", table.path);
        sheet.fault(
            Code::KeyPinRepeated,
            key.line,
            &seen,
            Code::KeyPinRepeated.entry().mend,
        );
    }
    let (zone, key) = (zone?.value, key?.value);
    Some(Client {
        name: parsed.ok()?,
        zone,
        key,
        why: why?,
        line: table.line,
    })
}

fn read_flow(
    sheet: &mut Sheet<'_>,
    table: &Table<'_>,
    names: &Names,
    ground: &Ground,
) -> Option<FlowRule> {
    sheet.close(
        table,
        &["from", "to", "verbs", "buckets", "max-connections", "why"],
    );
    let from = read_zone(sheet, table, "from", names);
    let to = read_zone(sheet, table, "to", names);
    let to = to.filter(|to| leads_to_rack(sheet, table, to, names, ground));
    let verbs = read_verbs(sheet, table);
    let buckets = read_buckets(sheet, table, verbs.as_ref().map(|(set, _)| *set));
    let limit = sheet.optional(table, "max-connections");
    let limit = limit.and_then(|cell| sheet.integer(&cell, 1, CONNECTIONS_LIMIT));
    let why = sheet.reason(table);
    let (from, to, (verbs, cells)) = (from?, to?, verbs?);
    review::verbs(sheet, (&from, &to), &cells, ground);
    Some(FlowRule(Arc::new(FlowText {
        file: sheet.file().to_owned(),
        line: table.line,
        from,
        to,
        verbs,
        buckets: buckets?,
        max_connections: limit.and_then(|limit| u32::try_from(limit).ok()),
        why: why?,
    })))
}

fn read_zone(
    sheet: &mut Sheet<'_>,
    table: &Table<'_>,
    key: &str,
    names: &Names,
) -> Option<ZoneName> {
    let cell = sheet.required(table, key)?;
    let zone = sheet
        .parsed::<ZoneName>(&cell, Code::UnknownZone, |seen| names.near(seen))?
        .value;
    if names.contains(&zone) {
        return Some(zone);
    }
    let seen = format!("{} = \"{zone}\"", cell.path);
    let fix = match names.near(zone.as_str()) {
        Some(word) => format!("did you mean \"{word}\"? or declare the zone in hwprofile.toml"),
        None => "declare the zone in hwprofile.toml, or as the zone of a client".to_owned(),
    };
    sheet.fault(Code::UnknownZone, cell.line, &seen, &fix);
    None
}

/// Notes a flow towards a client.
fn leads_to_rack(
    sheet: &mut Sheet<'_>,
    table: &Table<'_>,
    to: &ZoneName,
    names: &Names,
    ground: &Ground,
) -> bool {
    if ground.zones.contains_key(to) || !names.contains(to) {
        return true;
    }
    let line = sheet
        .optional(table, "to")
        .map_or(table.line, |cell| cell.line);
    let seen = format!("{}.to = \"{to}\", the zone of a client", table.path);
    sheet.fault(
        Code::ClientAsked,
        line,
        &seen,
        Code::ClientAsked.entry().mend,
    );
    false
}

/// The verbs, and each with its cell for the faults that follow.
fn read_verbs<'d>(
    sheet: &mut Sheet<'_>,
    table: &Table<'d>,
) -> Option<(VerbSet, Vec<(Verb, Cell<'d>)>)> {
    let cell = sheet.required(table, "verbs")?;
    let items = sheet.array(&cell)?;
    let near = |seen: &str| nearest(seen, Verb::WORDS.iter().copied()).map(str::to_owned);
    let mut verbs: Vec<(Verb, Cell<'d>)> = Vec::new();
    let mut sound = true;
    for item in &items {
        let Some(verb) = sheet.parsed::<Verb>(item, Code::UnknownVerb, near) else {
            sound = false;
            continue;
        };
        if verbs.iter().any(|(other, _)| *other == verb.value) {
            let seen = format!("{} = \"{}\", a second time", item.path, verb.value);
            sheet.fault(Code::VerbsEmpty, item.line, &seen, "remove it");
        }
        verbs.push((verb.value, item.clone()));
    }
    if items.is_empty() {
        let seen = format!("{} is empty", cell.path);
        sheet.fault(
            Code::VerbsEmpty,
            cell.line,
            &seen,
            Code::VerbsEmpty.entry().mend,
        );
    }
    (sound && !verbs.is_empty()).then(|| (verbs.iter().map(|(verb, _)| *verb).collect(), verbs))
}

/// The buckets, which must be there exactly where the verbs are rights over buckets.
fn read_buckets(
    sheet: &mut Sheet<'_>,
    table: &Table<'_>,
    verbs: Option<VerbSet>,
) -> Option<Vec<BucketGlob>> {
    let cell = sheet.optional(table, "buckets");
    let globs = match &cell {
        Some(cell) => read_globs(sheet, cell)?,
        None => Vec::new(),
    };
    let verbs = verbs?;
    let with: VerbSet = verbs.iter().filter(|verb| verb.takes_bucket()).collect();
    let without: VerbSet = verbs.iter().filter(|verb| !verb.takes_bucket()).collect();
    let line = cell.as_ref().map_or(table.line, |cell| cell.line);
    if !with.is_empty() && !without.is_empty() {
        let seen = format!("{}: {with} with {without} in one flow", table.path);
        sheet.fault(Code::BucketsUseless, line, &seen, "split the flow in two");
    } else if with.is_empty() && cell.is_some() {
        let seen = format!("{}.buckets beside {without}", table.path);
        sheet.fault(Code::BucketsUseless, line, &seen, "remove the buckets");
    } else if !with.is_empty() && globs.is_empty() {
        let seen = format!("{}: {with} on no buckets", table.path);
        sheet.fault(
            Code::BucketsMissing,
            line,
            &seen,
            Code::BucketsMissing.entry().mend,
        );
    }
    Some(globs)
}

fn read_globs(sheet: &mut Sheet<'_>, cell: &Cell<'_>) -> Option<Vec<BucketGlob>> {
    let items = sheet.array(cell)?;
    let near = |seen: &str| {
        let error: GlobError = seen.parse::<BucketGlob>().err()?;
        error.suggestion().map(str::to_owned)
    };
    let read: Vec<_> = items
        .iter()
        .map(|item| sheet.parsed::<BucketGlob>(item, Code::BadGlob, near))
        .collect();
    let globs: Option<Vec<BucketGlob>> = read
        .into_iter()
        .map(|glob| glob.map(|cited| cited.value))
        .collect();
    globs
}
