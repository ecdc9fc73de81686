//! A table: the records of one bucket, kept in memory and brought up to date before each query.
//!
//! Owns the incremental cache, keyed by bucket, key and entity tag, and the union of the objects'
//! columns. Must never serve a table that misses an object of the listing: a query over part of
//! the records would be a wrong answer.
//!
//! A field becomes a column once at least min-group records carry it. A field's *name* comes from
//! outside, and a name that one record alone carries may itself be about one person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Mutex;

use crate::code::Code;
use crate::objects::{ObjectEntry, Objects, ObjectsFault, ObjectsFaultKind};
use crate::record::{Part, PartColumn, Reading, read_part};
use crate::schema::{ENVELOPE, FieldPath, Hiding, Kind, received_type};
use crate::settings::TableSettings;

/// The name of the column that counts people; no field can have it, for control characters.
pub const SUBJECT_COLUMN: &str = "\u{1}subject";

/// Objects that are read at the same time.
const READS_AT_ONCE: usize = 4;

/// A table as it was at one listing; immutable.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The table's SQL name.
    pub name: String,
    /// The columns SQL may name.
    pub visible: SchemaRef,
    /// The visible columns and, last, the subject, if the table has one.
    pub full: SchemaRef,
    /// The records, one batch an object.
    pub batches: Vec<RecordBatch>,
    /// Records in the batches.
    pub rows: u64,
    /// Lines that are not a record.
    pub unreadable: u64,
    /// Values whose field is no column.
    pub left_out: u64,
}

impl Snapshot {
    /// Whether groups are counted in people.
    #[must_use]
    pub fn counts_people(&self) -> bool {
        self.full.fields().len() > self.visible.fields().len()
    }
}

/// Why a table could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[error("failed to bring table {table} up to date")]
pub struct TableFault {
    /// The table.
    pub table: String,
    /// What went wrong.
    #[source]
    pub kind: TableFaultKind,
}

/// What went wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableFaultKind {
    /// Its objects could not be read.
    #[error(transparent)]
    Objects(ObjectsFault),
    /// Its columns could not be put together.
    #[error("the columns could not be put together")]
    Columns(#[source] ArrowError),
}

impl TableFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> Code {
        match &self.kind {
            TableFaultKind::Objects(fault) => fault.code(),
            TableFaultKind::Columns(_) => Code::Compute,
        }
    }
}

/// The rule by which a table is read.
#[derive(Debug, Clone, Copy)]
pub struct TableRule {
    /// Records that must carry a field before it becomes a column.
    pub min_group: u64,
    /// Bytes of records the table may have.
    pub input_bytes: u64,
}

/// One table and what is known of its objects.
#[derive(Debug)]
pub struct Table {
    name: String,
    bucket: String,
    reading: Reading,
    rule: TableRule,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    parts: BTreeMap<(String, String), Arc<Part>>,
    listing: Vec<ObjectEntry>,
    snapshot: Option<Arc<Snapshot>>,
}

impl Table {
    /// A table with an empty cache.
    #[must_use]
    pub fn new(name: &str, settings: &TableSettings, rule: TableRule) -> Table {
        let reading = Reading {
            hiding: Hiding::of(&settings.hidden),
            subject: settings.subject.clone(),
        };
        let cache = Mutex::new(Cache::default());
        Table {
            name: name.to_owned(),
            bucket: settings.bucket.clone(),
            reading,
            rule,
            cache,
        }
    }

    /// Lists the bucket, reads what is new, forgets what is gone, and answers the whole.
    ///
    /// # Errors
    /// If the bucket cannot be listed, any object cannot be read, or the table is beyond its bound.
    pub async fn refresh<O: Objects>(&self, objects: &O) -> Result<Arc<Snapshot>, TableFault> {
        let mut cache = self.cache.lock().await;
        self.bring_up(&mut cache, objects)
            .await
            .map_err(|kind| TableFault {
                table: self.name.clone(),
                kind,
            })
    }

    async fn bring_up<O: Objects>(
        &self,
        cache: &mut Cache,
        objects: &O,
    ) -> Result<Arc<Snapshot>, TableFaultKind> {
        let listing = objects
            .list(&self.bucket)
            .await
            .map_err(TableFaultKind::Objects)?;
        if let Some(snapshot) = &cache.snapshot
            && cache.listing == listing
        {
            return Ok(Arc::clone(snapshot));
        }
        let total = listing
            .iter()
            .fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        if total > self.rule.input_bytes {
            let kind = ObjectsFaultKind::TooLarge {
                limit: self.rule.input_bytes,
            };
            return Err(TableFaultKind::Objects(self.fault(kind)));
        }
        let identity = |entry: &ObjectEntry| (entry.key.clone(), entry.etag.clone());
        let listed: BTreeSet<_> = listing.iter().map(identity).collect();
        cache.parts.retain(|known, _| listed.contains(known));
        let new: Vec<_> = listing
            .iter()
            .filter(|entry| !cache.parts.contains_key(&identity(entry)))
            .cloned()
            .collect();
        let mut reads = futures::stream::iter(new)
            .map(|entry| self.read_object(objects, entry))
            .buffer_unordered(READS_AT_ONCE);
        while let Some((entry, part)) = reads.try_next().await? {
            cache.parts.insert(identity(&entry), Arc::new(part));
        }
        let parts: Vec<_> = listing
            .iter()
            .filter_map(|entry| cache.parts.get(&identity(entry)))
            .collect();
        let snapshot = Arc::new(self.unite(&parts).map_err(TableFaultKind::Columns)?);
        cache.snapshot = Some(Arc::clone(&snapshot));
        cache.listing = listing;
        Ok(snapshot)
    }

    async fn read_object<O: Objects>(
        &self,
        objects: &O,
        entry: ObjectEntry,
    ) -> Result<(ObjectEntry, Part), TableFaultKind> {
        let read = objects.read(&self.bucket, &entry.key, entry.size);
        let lines = read.await.map_err(TableFaultKind::Objects)?;
        if u64::try_from(lines.len()) != Ok(entry.size) {
            let said = format!("listed with {} bytes, read {}", entry.size, lines.len());
            return Err(TableFaultKind::Objects(
                self.fault(ObjectsFaultKind::Unusable(said)),
            ));
        }
        let reading = self.reading.clone();
        let parsed = tokio::task::spawn_blocking(move || read_part(&lines, &reading)).await;
        let part = parsed.map_err(|_cancelled| {
            let said = "the reading was cut short by the shutdown".to_owned();
            TableFaultKind::Objects(self.fault(ObjectsFaultKind::Unreachable(said)))
        })?;
        Ok((entry, part))
    }

    fn fault(&self, kind: ObjectsFaultKind) -> ObjectsFault {
        ObjectsFault {
            bucket: self.bucket.clone(),
            kind,
        }
    }

    fn unite(&self, parts: &[&Arc<Part>]) -> Result<Snapshot, ArrowError> {
        let columns = self.united_columns(parts);
        let shown: Vec<_> = ENVELOPE
            .iter()
            .map(|name| !self.reading.hiding.hides_name(name))
            .collect();
        let mut fields = Vec::new();
        for (name, shown) in ENVELOPE.iter().zip(&shown) {
            if *shown {
                let kind = if *name == "received" {
                    received_type()
                } else {
                    DataType::Utf8
                };
                fields.push(Field::new(*name, kind, true));
            }
        }
        fields.extend(
            columns
                .iter()
                .map(|c| Field::new(&c.name, c.kind.arrow(), true)),
        );
        let visible = Arc::new(Schema::new(fields.clone()));
        if self.reading.subject.is_some() {
            fields.push(Field::new(SUBJECT_COLUMN, DataType::Utf8, true));
        }
        let full: SchemaRef = Arc::new(Schema::new(fields));
        let mut batches = Vec::new();
        for part in parts.iter().filter(|part| part.rows > 0) {
            let places: BTreeMap<_, _> = part.columns.iter().map(|c| (&c.path, c)).collect();
            let envelope = part
                .envelope
                .iter()
                .zip(&shown)
                .filter(|(_, shown)| **shown);
            let mut arrays: Vec<ArrayRef> = envelope.map(|(array, _)| Arc::clone(array)).collect();
            for column in &columns {
                arrays.push(widen(
                    places.get(&column.path).copied(),
                    column.kind,
                    part.rows,
                ));
            }
            arrays.extend(part.subject.iter().map(Arc::clone));
            batches.push(RecordBatch::try_new(Arc::clone(&full), arrays)?);
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Ok(Snapshot {
            name: self.name.clone(),
            visible,
            full,
            batches,
            rows: parts.iter().map(|part| count(part.rows)).sum(),
            unreadable: parts.iter().map(|part| part.unreadable).sum(),
            left_out: parts.iter().map(|part| part.left_out).sum(),
        })
    }

    /// The columns of all parts together, in the order in which the objects' keys show them first.
    fn united_columns(&self, parts: &[&Arc<Part>]) -> Vec<UnitedColumn> {
        let mut places: BTreeMap<FieldPath, usize> = BTreeMap::new();
        let mut drafts: Vec<(FieldPath, Kind, u64)> = Vec::new();
        for column in parts.iter().flat_map(|part| &part.columns) {
            let place = *places.entry(column.path.clone()).or_insert(drafts.len());
            match drafts.get_mut(place) {
                Some((_, kind, given)) => {
                    *kind = kind.join(column.kind);
                    *given = given.saturating_add(column.given);
                }
                None => drafts.push((column.path.clone(), column.kind, column.given)),
            }
        }
        let mut taken: BTreeSet<String> = ENVELOPE.map(str::to_owned).into();
        drafts
            .into_iter()
            .filter(|(_, _, given)| *given >= self.rule.min_group)
            .map(|(path, kind, _)| UnitedColumn {
                name: path.column_name(&mut taken),
                path,
                kind,
            })
            .collect()
    }
}

struct UnitedColumn {
    path: FieldPath,
    name: String,
    kind: Kind,
}

fn widen(column: Option<&PartColumn>, kind: Kind, rows: usize) -> ArrayRef {
    let Some(column) = column else {
        return new_null_array(&kind.arrow(), rows);
    };
    match (column.kind, kind) {
        (same, wanted) if same.arrow() == wanted.arrow() => Arc::clone(&column.values),
        (Kind::Whole, Kind::Real) => {
            let whole = column.values.as_primitive::<Int64Type>();
            // Through text: the nearest real number, without a lossy conversion of our own.
            let real = whole
                .iter()
                .map(|v| v.and_then(|v| v.to_string().parse::<f64>().ok()));
            Arc::new(real.collect::<Float64Array>())
        }
        (Kind::Whole, Kind::Text) => {
            let whole = column.values.as_primitive::<Int64Type>();
            texts(whole.iter().map(|v| v.map(|v| v.to_string())))
        }
        (Kind::Real, Kind::Text) => {
            let real = column.values.as_primitive::<Float64Type>();
            let json = |v| serde_json::Number::from_f64(v).map(|number| number.to_string());
            texts(real.iter().map(|v| v.and_then(json)))
        }
        (Kind::Truth, Kind::Text) => {
            let truth = column.values.as_boolean();
            texts(truth.iter().map(|v| v.map(|v| v.to_string())))
        }
        // The union only widens; nothing else can be asked for.
        (
            Kind::Empty | Kind::Truth | Kind::Whole | Kind::Real | Kind::Text,
            Kind::Empty | Kind::Truth | Kind::Whole | Kind::Real | Kind::Text,
        ) => new_null_array(&kind.arrow(), column.values.len()),
    }
}

fn texts(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

#[cfg(test)]
mod tests;
