//! From the text of `elevation.toml` to racks and devices. Must never drop a fault to reach the
//! next.

use std::collections::BTreeMap;

use cofferdam_hwprofile::{NodeName, Policy, ZoneName};

use super::finding::Ledger;
use super::foreign::HINTS;
use super::{
    Airflow, Bay, Device, Elevation, Face, Feed, FeedRole, Inlet, Phase, Rack, Survey, Tenant,
    check, power,
};
use crate::document::{self, Cell, Cited, Sheet, Table};
use crate::identity::shown;
use crate::{Code, Faults};

const CONSEQUENCE: &str = "the elevation is not in force, so the manifest is not either";
/// The longest name of a rack, feed, device or bay, in bytes.
const NAME_LIMIT_BYTES: usize = 64;
/// The longest model, in characters.
const MODEL_LIMIT_CHARS: usize = 64;
/// The most racks of a plan.
const RACKS_LIMIT: usize = 64;
/// The most devices of a rack.
const DEVICES_LIMIT: usize = 256;
/// The most bays of a device.
const BAYS_LIMIT: usize = 64;
/// The most feeds of a rack.
const FEEDS_LIMIT: usize = 16;
/// The most supplies of a device.
const SUPPLIES_LIMIT: usize = 16;
const UNITS_LIMIT: i64 = 100;
const WATTS_LIMIT: i64 = 1_000_000;

/// Reads and checks the whole file.
///
/// # Errors
/// The faults of its shape. What the checks found stands in the survey.
pub(super) fn read(file: &str, text: &str, policy: &Policy) -> Result<Survey, Faults> {
    let (mut sheet, document) = document::parse(file, text, CONSEQUENCE)?;
    let root = Table::root(&document);
    sheet.close_hinted(&root, &["version", "rack"], HINTS);
    sheet.version_one(&root);
    let mut racks = BTreeMap::new();
    if let Some(cell) = sheet.required(&root, "rack") {
        let tables = sheet.named_tables(&cell);
        for (name, table) in bounded(&mut sheet, tables, RACKS_LIMIT, ("racks", &cell)) {
            if let Some(rack) = read_rack(&mut sheet, &name, &table) {
                racks.insert(rack.name.clone(), rack);
            }
        }
    }
    let plan = Elevation {
        file: file.to_owned(),
        racks,
        warnings: Vec::new(),
    };
    // A plan with holes in it would be blamed for what it only failed to say.
    if !sheet.is_sound() {
        return Err(sheet.into_faults());
    }
    let mut ledger = Ledger::new(&sheet);
    check::check(&mut ledger, &plan, policy);
    power::check(&mut ledger, &plan, policy);
    let findings = ledger.finish();
    Ok(Survey { plan, findings })
}

fn read_rack(sheet: &mut Sheet<'_>, name: &Cited<&str>, table: &Table<'_>) -> Option<Rack> {
    sheet.close_hinted(
        table,
        &[
            "u_height",
            "starting_unit",
            "max_weight_kg",
            "airflow",
            "feed",
            "device",
            "bay",
        ],
        HINTS,
    );
    if let Some(cell) = sheet.optional(table, "bay") {
        let seen = format!("{}: a bay of no enclosure", cell.path);
        let fix = "write it as [[rack.NAME.device.bay]] below its enclosure";
        sheet.fault(Code::BayMisplaced, cell.line, &seen, fix);
    }
    let name = name_of(sheet, name);
    let u_height = number(sheet, table, "u_height", 1..=UNITS_LIMIT, Some(42));
    let starting_unit = number(sheet, table, "starting_unit", 0..=UNITS_LIMIT, Some(1));
    let weight = sheet.optional(table, "max_weight_kg");
    let weight = weight.map(|cell| sheet.grams(&cell));
    let airflow = sheet.optional(table, "airflow");
    let airflow = airflow.map(|cell| sheet.word(&cell, Airflow::WORDS));
    let mut feeds = BTreeMap::new();
    if let Some(cell) = sheet.optional(table, "feed") {
        let tables = sheet.named_tables(&cell);
        for (name, table) in bounded(sheet, tables, FEEDS_LIMIT, ("feeds", &cell)) {
            if let Some(feed) = read_feed(sheet, &name, &table) {
                feeds.insert(feed.name.clone(), feed);
            }
        }
    }
    let tables = bounded_tables(sheet, table, "device", DEVICES_LIMIT);
    let devices = tables
        .iter()
        .filter_map(|table| read_device(sheet, table))
        .collect();
    Some(Rack {
        name: name?,
        u_height: u_height?,
        starting_unit: starting_unit?,
        max_weight_g: weight.flatten().map(|grams| grams.0),
        airflow: airflow.flatten(),
        feeds,
        devices,
        line: table.line,
    })
}

fn read_feed(sheet: &mut Sheet<'_>, name: &Cited<&str>, table: &Table<'_>) -> Option<Feed> {
    sheet.close_hinted(
        table,
        &["type", "voltage", "amperage", "phase", "max_utilization"],
        HINTS,
    );
    let name = name_of(sheet, name);
    let role = sheet.required(table, "type");
    let role = role.and_then(|cell| sheet.word(&cell, FeedRole::WORDS));
    let voltage = number(sheet, table, "voltage", 1..=1000, None);
    let amperage = number(sheet, table, "amperage", 1..=1000, None);
    let phase = sheet.optional(table, "phase");
    let phase = phase.map_or(Some(Phase::Single), |cell| sheet.word(&cell, Phase::WORDS));
    let max_utilization = number(sheet, table, "max_utilization", 1..=100, Some(80));
    Some(Feed {
        name: name?,
        role: role?,
        voltage: voltage?,
        amperage: amperage?,
        phase: phase?,
        max_utilization: max_utilization?,
        line: table.line,
    })
}

fn read_device(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<Device> {
    sheet.close_hinted(
        table,
        &[
            "name",
            "model",
            "position",
            "u_height",
            "face",
            "full_depth",
            "weight_kg",
            "airflow",
            "zone",
            "node",
            "power",
            "bay",
        ],
        HINTS,
    );
    let name = required_name(sheet, table);
    let model = read_model(sheet, table);
    let u_height = number::<u8>(sheet, table, "u_height", 0..=UNITS_LIMIT, Some(1));
    let position = read_position(sheet, table, u_height);
    let face = sheet.optional(table, "face");
    let face = face.map_or(Some(Face::Front), |cell| sheet.word(&cell, Face::WORDS));
    let full_depth = sheet.optional(table, "full_depth");
    let full_depth = full_depth.map_or(Some(true), |cell| sheet.boolean(&cell));
    let weight = sheet.optional(table, "weight_kg");
    let weight = weight.map(|cell| sheet.grams(&cell).map(|grams| grams.0));
    let airflow = sheet.optional(table, "airflow");
    let airflow = airflow.map(|cell| sheet.word(&cell, Airflow::WORDS));
    let tenant = read_tenant(sheet, table);
    let tables = bounded_tables(sheet, table, "bay", BAYS_LIMIT);
    let bays = tables
        .iter()
        .filter_map(|table| read_bay(sheet, table))
        .collect();
    let power = sheet.optional(table, "power");
    let power_line = power.as_ref().map(|cell| cell.line);
    let power = power
        .map(|cell| read_power(sheet, &cell))
        .unwrap_or_default();
    Some(Device {
        name: name?,
        model,
        position: position?,
        u_height: u_height?,
        face: face?,
        full_depth: full_depth?,
        weight_g: weight.flatten(),
        airflow: airflow.flatten(),
        tenant,
        bays,
        power,
        power_line,
        line: table.line,
    })
}

/// The position, which a device with a height must have. `None` when it was at fault.
#[expect(
    clippy::option_option,
    reason = "the outer says whether it was sound, the inner whether it stands on a unit"
)]
fn read_position(
    sheet: &mut Sheet<'_>,
    table: &Table<'_>,
    u_height: Option<u8>,
) -> Option<Option<u8>> {
    let Some(cell) = sheet.optional(table, "position") else {
        if u_height == Some(0) {
            return Some(None);
        }
        sheet.required(table, "position");
        return None;
    };
    let position = sheet
        .integer(&cell, 0, 255)
        .and_then(|number| u8::try_from(number).ok())?;
    Some(Some(position))
}

/// A model, which is compared with what the firmware says and so may hold what a name may not.
fn read_model(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<String> {
    let cell = sheet.optional(table, "model")?;
    let text = sheet.text(&cell)?.trim();
    let sound = (1..=MODEL_LIMIT_CHARS).contains(&text.chars().count())
        && !text.chars().any(char::is_control);
    if sound {
        return Some(text.to_owned());
    }
    let seen = format!("{} = {:?}", cell.path, shown(text));
    let fix = "write the model as `cofferctl hw facts` shows product_name, 64 characters at most";
    sheet.fault(Code::NotAllowed, cell.line, &seen, fix);
    None
}

fn read_tenant(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<Tenant> {
    let node = sheet.optional(table, "node");
    let zone = sheet.optional(table, "zone");
    let alone = match (&node, &zone) {
        (Some(cell), None) => Some((cell, "a node without its zone")),
        (None, Some(cell)) => Some((cell, "a place of a zone without a node")),
        (Some(_), Some(_)) | (None, None) => None,
    };
    if let Some((cell, what)) = alone {
        let seen = format!("{}: {what}", cell.path);
        sheet.fault(
            Code::PlaceMismatch,
            cell.line,
            &seen,
            "write both node and zone, or neither",
        );
    }
    let node = sheet.parsed::<NodeName>(&node?, Code::NotAllowed, |_| None);
    let zone = sheet.parsed::<ZoneName>(&zone?, Code::NotAllowed, |_| None);
    Some(Tenant {
        node: node?.value,
        zone: zone?.value,
    })
}

fn read_bay(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<Bay> {
    sheet.close_hinted(table, &["name", "model", "node", "zone"], HINTS);
    let name = required_name(sheet, table);
    let model = read_model(sheet, table);
    let tenant = read_tenant(sheet, table);
    Some(Bay {
        name: name?,
        model,
        tenant,
        line: table.line,
    })
}

fn read_power(sheet: &mut Sheet<'_>, cell: &Cell<'_>) -> Vec<Inlet> {
    let cells = sheet.array(cell).unwrap_or_default();
    bounded(sheet, cells, SUPPLIES_LIMIT, ("supplies", cell))
        .iter()
        .filter_map(|cell| read_inlet(sheet, cell))
        .collect()
}

fn read_inlet(sheet: &mut Sheet<'_>, cell: &Cell<'_>) -> Option<Inlet> {
    let table = sheet.table(cell)?;
    sheet.close_hinted(&table, &["feed", "allocated_w", "maximum_w"], HINTS);
    let feed = sheet.required(&table, "feed");
    let feed = feed.and_then(|cell| sheet.text(&cell).map(str::to_owned));
    let allocated = number(sheet, &table, "allocated_w", 0..=WATTS_LIMIT, None);
    let maximum = number(sheet, &table, "maximum_w", 0..=WATTS_LIMIT, None);
    let inlet = Inlet {
        feed: feed?,
        allocated_w: allocated?,
        maximum_w: maximum?,
        line: cell.line,
    };
    if inlet.allocated_w > inlet.maximum_w {
        let seen = format!(
            "{}: allocated_w = {} above maximum_w = {}",
            cell.path, inlet.allocated_w, inlet.maximum_w
        );
        sheet.fault(
            Code::NotAllowed,
            cell.line,
            &seen,
            "allocate at most the maximum",
        );
    }
    Some(inlet)
}

/// The tables below a key, no more than `limit` of them.
fn bounded_tables<'d>(
    sheet: &mut Sheet<'_>,
    table: &Table<'d>,
    key: &str,
    limit: usize,
) -> Vec<Table<'d>> {
    let tables = sheet.tables(table, key);
    match sheet.optional(table, key) {
        Some(cell) => bounded(sheet, tables, limit, (&format!("{key}s"), &cell)),
        None => tables,
    }
}

/// The items, no more than `limit` of them: the checks hold each against each other, so what is
/// told of them grows with the square of their number.
fn bounded<T>(
    sheet: &mut Sheet<'_>,
    mut items: Vec<T>,
    limit: usize,
    (what, cell): (&str, &Cell<'_>),
) -> Vec<T> {
    if items.len() > limit {
        let seen = format!("{}: {} {what}, {limit} at most", cell.path, items.len());
        let fix = Code::TooMany.entry().mend;
        sheet.fault(Code::TooMany, cell.line, &seen, fix);
        items.truncate(limit);
    }
    items
}

/// A whole number that fits its type; `otherwise` when the key may be missing.
fn number<T: TryFrom<i64>>(
    sheet: &mut Sheet<'_>,
    table: &Table<'_>,
    key: &str,
    bounds: std::ops::RangeInclusive<i64>,
    otherwise: Option<i64>,
) -> Option<T> {
    let cell = match otherwise {
        Some(value) => match sheet.optional(table, key) {
            Some(cell) => cell,
            None => return T::try_from(value).ok(),
        },
        None => sheet.required(table, key)?,
    };
    sheet
        .integer(&cell, *bounds.start(), *bounds.end())
        .and_then(|value| T::try_from(value).ok())
}

fn required_name(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<String> {
    let cell = sheet.required(table, "name")?;
    let value = sheet.text(&cell)?;
    name_of(
        sheet,
        &Cited {
            value,
            line: cell.line,
        },
    )
}

/// A name that prints on one line of a door sign.
fn name_of(sheet: &mut Sheet<'_>, name: &Cited<&str>) -> Option<String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_. ".contains(letter);
    let sound = (1..=NAME_LIMIT_BYTES).contains(&name.value.len())
        && name.value.chars().all(plain)
        && name.value.trim() == name.value;
    if sound {
        return Some(name.value.to_owned());
    }
    let seen = format!("the name {:?}", shown(name.value));
    let fix = "write letters, digits, spaces and - _ . only, 64 at most";
    sheet.fault(Code::NotAllowed, name.line, &seen, fix);
    None
}
