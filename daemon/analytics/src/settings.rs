//! The `[analytics]` table of node.toml: what may be asked, of which buckets, within which bounds.
//!
//! Owns the parse from text to [`Settings`]. Must never let a bound be infinite or a minimum group
//! fall below [`FLOOR`].

use std::collections::BTreeMap;
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use serde::Deserialize;

use crate::code::Code;

/// The smallest group that any configuration may publish.
pub const FLOOR: u64 = 3;

/// The table as it stands in the file; closed, so that a typing error is a fault with its line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawSettings {
    min_group: u64,
    storage: String,
    memory_bytes: u64,
    input_bytes: u64,
    result_rows: u64,
    result_bytes: u64,
    query_seconds: u64,
    queries_at_once: u64,
    table: BTreeMap<String, RawTable>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTable {
    bucket: String,
    #[serde(default)]
    hidden: Vec<String>,
    #[serde(default)]
    subject: Option<String>,
}

impl Default for RawSettings {
    fn default() -> Self {
        RawSettings {
            min_group: 10,
            storage: "storage".to_owned(),
            memory_bytes: 256 << 20,
            input_bytes: 512 << 20,
            result_rows: 10_000,
            result_bytes: 8 << 20,
            query_seconds: 20,
            queries_at_once: 4,
            table: BTreeMap::new(),
        }
    }
}

/// Settings that were checked as a whole; only [`Settings::check`] makes one.
#[derive(Debug, Clone)]
pub struct Settings {
    min_group: u64,
    storage: String,
    bounds: Bounds,
    tables: BTreeMap<String, TableSettings>,
}

/// The bounds of one query and of the zone's memory.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes `DataFusion` may hold for all running queries together.
    pub memory_bytes: usize,
    /// Bytes of records one table may have.
    pub input_bytes: u64,
    /// Rows one answer may have.
    pub result_rows: usize,
    /// Bytes one answer may have.
    pub result_bytes: usize,
    /// The time from a query's arrival to its answer.
    pub deadline: Duration,
    /// Queries that run at the same time; others wait within their deadline.
    pub at_once: usize,
}

/// One table: where its records lie and what of them SQL must never see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSettings {
    /// The bucket of the storage zone.
    pub bucket: String,
    /// Fields that no query can name, at whatever depth they stand.
    pub hidden: Vec<String>,
    /// The field that names the person; with it, groups are counted in people and not in records.
    pub subject: Option<String>,
}

impl Settings {
    /// Checks a raw table and reports every fault, not just the first.
    ///
    /// # Errors
    /// One refusal for each fault found, codes AN-001 to AN-005.
    pub fn check(raw: RawSettings) -> Result<Settings, Vec<Refusal>> {
        let mut faults = Vec::new();
        if raw.min_group < FLOOR {
            let read = format!("min-group = {}", raw.min_group);
            faults.push(fault(Code::MinGroup, read));
        }
        let mut bound = |key: &str, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                return usize::try_from(value).unwrap_or(usize::MAX);
            }
            let read = format!("{key} = {value}; allowed are {low} to {high}");
            faults.push(fault(Code::Bound, read));
            0
        };
        let bounds = Bounds {
            memory_bytes: bound("memory-bytes", raw.memory_bytes, 1 << 20, 1 << 40),
            input_bytes: u64::try_from(bound("input-bytes", raw.input_bytes, 1, 1 << 40))
                .unwrap_or(u64::MAX),
            result_rows: bound("result-rows", raw.result_rows, 1, 1_000_000),
            result_bytes: bound("result-bytes", raw.result_bytes, 1024, 1 << 30),
            deadline: Duration::from_secs(
                u64::try_from(bound("query-seconds", raw.query_seconds, 1, 3600)).unwrap_or(1),
            ),
            at_once: bound("queries-at-once", raw.queries_at_once, 1, 256),
        };
        bound("min-group", raw.min_group, 0, 1_000_000);
        let mut tables = BTreeMap::new();
        for (name, table) in raw.table {
            faults.extend(table_faults(&name, &table));
            let RawTable {
                bucket,
                hidden,
                subject,
            } = table;
            tables.insert(
                name,
                TableSettings {
                    bucket,
                    hidden,
                    subject,
                },
            );
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Settings {
            min_group: raw.min_group,
            storage: raw.storage,
            bounds,
            tables,
        })
    }

    /// The fewest records, or people, a published cell may stand on.
    #[must_use]
    pub fn min_group(&self) -> u64 {
        self.min_group
    }

    /// The name of the zone whose objects are read.
    #[must_use]
    pub fn storage(&self) -> &str {
        &self.storage
    }

    /// The bounds of a query.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The tables by their SQL names.
    #[must_use]
    pub fn tables(&self) -> &BTreeMap<String, TableSettings> {
        &self.tables
    }
}

fn fault(code: Code, read: String) -> Refusal {
    Refusal::new(code.as_str(), "analytics does not start", code.mend())
        .read(read)
        .why(code.meaning())
}

fn table_faults(name: &str, table: &RawTable) -> Vec<Refusal> {
    let mut faults = Vec::new();
    if !names_a_table(name) {
        faults.push(fault(
            Code::TableName,
            format!("[analytics.table.{name:?}]"),
        ));
    }
    if !names_a_bucket(&table.bucket) {
        let read = format!("[analytics.table.{name}] bucket = {:?}", table.bucket);
        faults.push(fault(Code::Bucket, read));
    }
    let named = table.hidden.iter().map(|field| ("hidden", field));
    for (key, field) in named.chain(table.subject.iter().map(|field| ("subject", field))) {
        if field.trim().is_empty() || field.trim() != field {
            let read = format!("[analytics.table.{name}] {key} has the name {field:?}");
            faults.push(fault(Code::HiddenName, read));
        }
    }
    faults
}

fn names_a_table(name: &str) -> bool {
    let mut letters = name.bytes();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 63
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn names_a_bucket(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().next().is_some_and(plain)
        && name.bytes().last().is_some_and(plain)
        && name.bytes().all(|b| plain(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &serde_json::Value) -> Result<Settings, Vec<String>> {
        let raw: RawSettings =
            serde_json::from_value(json.clone()).map_err(|e| vec![e.to_string()])?;
        Settings::check(raw).map_err(|faults| faults.into_iter().map(|f| f.code).collect())
    }

    #[test]
    fn an_empty_table_takes_the_defaults() {
        let settings = check(&serde_json::json!({})).unwrap();
        assert_eq!(settings.min_group(), 10);
        assert_eq!(settings.storage(), "storage");
        assert_eq!(settings.bounds().deadline, Duration::from_secs(20));
        assert!(settings.tables().is_empty());
    }

    #[test]
    fn a_table_names_its_bucket_hidden_fields_and_subject() {
        let settings = check(&serde_json::json!({"min-group": 3, "table": {"climate": {
            "bucket": "intake-climate", "hidden": ["respondent"], "subject": "respondent"}}}))
        .unwrap();
        let climate = &settings.tables()["climate"];
        assert_eq!(climate.bucket, "intake-climate");
        assert_eq!(climate.hidden, ["respondent"]);
        assert_eq!(climate.subject.as_deref(), Some("respondent"));
    }

    #[test]
    fn a_minimum_group_of_two_is_refused() {
        let faults = check(&serde_json::json!({"min-group": 2})).unwrap_err();
        assert_eq!(faults, ["AN-001"]);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let faults = check(&serde_json::json!({"min-groups": 12})).unwrap_err();
        assert!(faults[0].contains("min-groups"), "{faults:?}");
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let faults = check(
            &serde_json::json!({"min-group": 0, "query-seconds": 0, "table": {
            "Climate": {"bucket": "x", "hidden": [""]}}}),
        )
        .unwrap_err();
        assert_eq!(faults, ["AN-001", "AN-004", "AN-002", "AN-003", "AN-005"]);
    }

    #[test]
    fn an_endless_bound_is_refused() {
        for key in [
            "memory-bytes",
            "input-bytes",
            "result-rows",
            "result-bytes",
            "query-seconds",
        ] {
            let faults = check(&serde_json::json!({key: u64::MAX})).unwrap_err();
            assert_eq!(faults, ["AN-004"], "{key}");
            let faults = check(&serde_json::json!({key: 0})).unwrap_err();
            assert_eq!(faults, ["AN-004"], "{key}");
        }
    }
}
