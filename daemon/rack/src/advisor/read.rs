//! From the text of `services.toml` to descriptions: a closed schema in which every key may be
//! missing, because what is missing is the answer, and none may be unknown.

use std::collections::{BTreeMap, BTreeSet};

use cofferdam_hwprofile::Policy;

use super::{
    Level, Maintenance, Resource, Schedule, Service, Services, SharedKind, SharedThing, Sourced,
    Usage,
};
use crate::document::{self, Cell, Sheet, Table};
use crate::identity::shown;
use crate::spelling::nearest;
use crate::{Code, Faults};

const CONSEQUENCE: &str = "the services are not described soundly, so nothing is advised";
const KEYS: &[&str] = &[
    "zone",
    "shares",
    "resources",
    "schedule",
    "scales_alone",
    "maintenance",
    "crates",
];
/// The longest name of anything, in bytes.
const NAME_LIMIT_BYTES: usize = 64;
/// Other words for a database, which people write.
const DATABASES: &[&str] = &[
    "cassandra",
    "clickhouse",
    "cockroach",
    "couchdb",
    "datastore",
    "db",
    "dbms",
    "dynamodb",
    "elastic",
    "elasticsearch",
    "etcd",
    "influxdb",
    "keyvalue",
    "mariadb",
    "mongo",
    "mongodb",
    "mssql",
    "mysql",
    "neo4j",
    "nosql",
    "opensearch",
    "oracle",
    "pg",
    "postgres",
    "postgresql",
    "rdbms",
    "redis",
    "relation",
    "sql",
    "sqlite",
    "sqlserver",
    "store",
    "table",
    "tables",
    "valkey",
    "view",
    "warehouse",
];
const MINUTES_OF_A_DAY: u16 = 24 * 60;

pub(super) fn read(file: &str, text: &str, policy: &Policy) -> Result<Services, Faults> {
    let (mut sheet, document) = document::parse(file, text, CONSEQUENCE)?;
    let root = Table::root(&document);
    sheet.close(&root, &["version", "service"]);
    sheet.version_one(&root);
    let mut services = BTreeMap::new();
    if let Some(cell) = sheet.required(&root, "service") {
        for (name, table) in sheet.named_tables(&cell) {
            if plain(&mut sheet, name.value, name.line).is_some() {
                let service = service(&mut sheet, name.value, &table, policy);
                services.insert(service.name.clone(), service);
            }
        }
    }
    match sheet.finish() {
        Some(faults) => Err(faults),
        None => Ok(Services {
            file: file.to_owned(),
            services,
        }),
    }
}

fn service(sheet: &mut Sheet<'_>, name: &str, table: &Table<'_>, policy: &Policy) -> Service {
    sheet.close(table, KEYS);
    let scales_alone = sheet.optional(table, "scales_alone").and_then(|cell| {
        let value = sheet.boolean(&cell)?;
        Some(Sourced {
            value,
            line: cell.line,
        })
    });
    Service {
        name: name.to_owned(),
        zone: zone(sheet, table, policy),
        shares: shares(sheet, table),
        usage: usage(sheet, table),
        schedule: schedule(sheet, table),
        scales_alone,
        maintenance: maintenance(sheet, table),
        crates: crates(sheet, table),
        line: table.line,
    }
}

fn zone(sheet: &mut Sheet<'_>, table: &Table<'_>, policy: &Policy) -> Option<Sourced<String>> {
    let cell = sheet.optional(table, "zone")?;
    let text = sheet.text(&cell)?;
    let names: Vec<&str> = policy.zones().map(|zone| zone.name.as_str()).collect();
    if names.contains(&text) {
        return Some(Sourced {
            value: text.to_owned(),
            line: cell.line,
        });
    }
    let seen = format!(
        "{} = {:?}, which {} does not define",
        cell.path,
        shown(text),
        policy.file()
    );
    let fix = nearest(text, names.iter().copied()).map_or_else(
        || format!("name one of {}", names.join(", ")),
        |word| format!("did you mean {word:?}?"),
    );
    sheet.fault(Code::NotAllowed, cell.line, &seen, &fix);
    None
}

/// The texts of a list.
fn texts<'d>(sheet: &mut Sheet<'_>, cell: &Cell<'d>) -> Option<Vec<(&'d str, usize)>> {
    let cells = sheet.array(cell)?;
    cells
        .iter()
        .map(|cell| {
            let text = sheet.text(cell)?;
            plain(sheet, text, cell.line)?;
            Some((text, cell.line))
        })
        .collect()
}

fn shares(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<Sourced<BTreeSet<SharedThing>>> {
    let cell = sheet.optional(table, "shares")?;
    let mut things = BTreeSet::new();
    for (text, line) in texts(sheet, &cell)? {
        let Some((kind, name)) = text
            .split_once(':')
            .filter(|(a, b)| !a.is_empty() && !b.is_empty())
        else {
            let seen = format!("{}: {:?}", cell.path, shown(text));
            let fix = "write kind:name, such as \"database:records\" or \"queue:imports\"";
            sheet.fault(Code::NotAllowed, line, &seen, fix);
            return None;
        };
        let Ok(word) = kind.parse::<SharedKind>() else {
            let seen = format!("{}: {:?}", cell.path, shown(text));
            sheet.fault(Code::NotAllowed, line, &seen, &meant(kind, name));
            return None;
        };
        things.insert(SharedThing {
            kind: word,
            name: name.to_owned(),
        });
    }
    Some(Sourced {
        value: things,
        line: cell.line,
    })
}

/// What to write instead of a kind that is not of the list.
fn meant(kind: &str, name: &str) -> String {
    let lower = kind.to_ascii_lowercase();
    let is_database = DATABASES.contains(&lower.as_str())
        || nearest(&lower, [SharedKind::Database.as_str()]).is_some();
    if is_database {
        let word = SharedKind::Database;
        return format!("write {word}:{name}; a database has one word, so that it never counts");
    }
    nearest(&lower, SharedKind::WORDS.iter().copied()).map_or_else(
        || {
            format!(
                "write one of {} before the colon",
                SharedKind::WORDS.join(", ")
            )
        },
        |word| format!("did you mean {word}:{name}?"),
    )
}

fn crates(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<Sourced<BTreeSet<String>>> {
    let cell = sheet.optional(table, "crates")?;
    let names = texts(sheet, &cell)?;
    Some(Sourced {
        value: names.into_iter().map(|(name, _)| name.to_owned()).collect(),
        line: cell.line,
    })
}

fn usage(sheet: &mut Sheet<'_>, table: &Table<'_>) -> BTreeMap<Resource, Sourced<Usage>> {
    let mut usage = BTreeMap::new();
    let Some(cell) = sheet.optional(table, "resources") else {
        return usage;
    };
    let Some(resources) = sheet.table(&cell) else {
        return usage;
    };
    sheet.close(&resources, Resource::WORDS);
    for resource in Resource::ALL {
        let Some(cell) = sheet.optional(&resources, resource.as_str()) else {
            continue;
        };
        let Some(table) = sheet.table(&cell) else {
            continue;
        };
        sheet.close(&table, &["level", "peak_percent"]);
        let level = sheet.required(&table, "level");
        let level = level.and_then(|cell| sheet.word::<Level>(&cell, Level::WORDS));
        let peak = sheet.required(&table, "peak_percent");
        let peak = peak
            .and_then(|cell| sheet.integer(&cell, 0, 100))
            .and_then(|peak| u16::try_from(peak).ok());
        if let (Some(level), Some(peak_percent)) = (level, peak) {
            let value = Usage {
                level,
                peak_percent,
            };
            let line = cell.line;
            usage.insert(*resource, Sourced { value, line });
        }
    }
    usage
}

fn schedule(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<Sourced<Schedule>> {
    let cell = sheet.optional(table, "schedule")?;
    let text = sheet.text(&cell)?;
    let value = if text == "always" {
        Some(Schedule::Always)
    } else {
        text.split_once('-').and_then(|(from, to)| {
            let (from, to) = (minute(from)?, minute(to)?);
            (from != to).then_some(Schedule::Daily(from, to))
        })
    };
    if value.is_none() {
        let seen = format!("{} = {:?}", cell.path, shown(text));
        let fix = "write \"always\", or from and to such as \"22:00-04:30\"";
        sheet.fault(Code::NotAllowed, cell.line, &seen, fix);
    }
    Some(Sourced {
        value: value?,
        line: cell.line,
    })
}

/// The minute of the day of `HH:MM`.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let sound = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        sound.then(|| digits.parse::<u16>().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && minute < MINUTES_OF_A_DAY).then_some(minute)
}

fn maintenance(sheet: &mut Sheet<'_>, table: &Table<'_>) -> Option<Sourced<Maintenance>> {
    let cell = sheet.optional(table, "maintenance")?;
    let table = sheet.table(&cell)?;
    sheet.close(&table, &["owner", "train", "window", "patches"]);
    let mut text = |key: &str| {
        let cell = sheet.required(&table, key)?;
        let text = sheet.text(&cell)?;
        plain(sheet, text, cell.line)?;
        Some(text.to_owned())
    };
    let (owner, train) = (text("owner"), text("train"));
    let (window, patches) = (text("window"), text("patches"));
    Some(Sourced {
        value: Maintenance {
            owner: owner?,
            train: train?,
            window: window?,
            patches: patches?,
        },
        line: cell.line,
    })
}

/// A name that prints on one line.
fn plain(sheet: &mut Sheet<'_>, text: &str, line: usize) -> Option<()> {
    let sound = (1..=NAME_LIMIT_BYTES).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    if !sound {
        let seen = format!("{:?}", shown(text));
        let fix = "write a name on one line, 64 bytes at most";
        sheet.fault(Code::NotAllowed, line, &seen, fix);
    }
    sound.then_some(())
}

#[cfg(test)]
mod tests;
