//! Doubles for tests: a store of objects in memory, and a trail that remembers.
//!
//! Must never be part of the program.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::objects::{ObjectEntry, Objects, ObjectsFault, ObjectsFaultKind};
use crate::query::Engine;
use crate::receipts::{QueryIntent, QueryOutcome, ReceiptFault, ReceiptMark, Receipts};
use crate::settings::{RawSettings, Settings};

/// Objects in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Held>>);

/// How the store behaves.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mood {
    #[default]
    Healthy,
    Broken,
    Stuck,
    LyingAboutLength,
}

#[derive(Debug, Default)]
struct Held {
    objects: BTreeMap<(String, String), (String, Bytes)>,
    reads: Vec<String>,
    mood: Mood,
}

impl Store {
    pub(crate) fn put(&self, bucket: &str, key: &str, body: &str) {
        let mut held = self.0.lock().unwrap();
        let etag = format!("\"{}-{}\"", body.len(), held.objects.len());
        held.objects.insert(
            (bucket.into(), key.into()),
            (etag, Bytes::from(body.to_owned())),
        );
    }

    pub(crate) fn put_records(&self, key: &str, records: &[Value]) {
        let lines: Vec<_> = (0..)
            .zip(records)
            .map(|(number, fields)| line(&format!("{key}-{number}"), fields))
            .collect();
        self.put("intake-climate", key, &lines.join("\n"));
    }

    pub(crate) fn delete(&self, bucket: &str, key: &str) {
        self.0
            .lock()
            .unwrap()
            .objects
            .remove(&(bucket.to_owned(), key.to_owned()));
    }

    pub(crate) fn break_down(&self) {
        self.0.lock().unwrap().mood = Mood::Broken;
    }

    pub(crate) fn get_stuck(&self) {
        self.0.lock().unwrap().mood = Mood::Stuck;
    }

    pub(crate) fn lie_about_length(&self) {
        self.0.lock().unwrap().mood = Mood::LyingAboutLength;
    }

    /// The keys that were read since this was last asked.
    pub(crate) fn take_reads(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().reads)
    }
}

pub(crate) fn line(id: &str, fields: &Value) -> String {
    json!({"id": id, "received": "2026-03-01T10:00:00Z", "source": "climate", "type": "response",
           "data": fields})
    .to_string()
}

impl Objects for Store {
    async fn list(&self, bucket: &str) -> Result<Vec<ObjectEntry>, ObjectsFault> {
        let mood = self.0.lock().unwrap().mood;
        if mood == Mood::Stuck {
            std::future::pending::<()>().await;
        }
        if mood == Mood::Broken {
            let kind = ObjectsFaultKind::Unreachable("LK-000".to_owned());
            return Err(ObjectsFault {
                bucket: bucket.to_owned(),
                kind,
            });
        }
        let held = self.0.lock().unwrap();
        let extra = u64::from(mood == Mood::LyingAboutLength);
        let inside = held.objects.iter().filter(|((of, _), _)| of == bucket);
        Ok(inside
            .map(|((_, key), (etag, body))| ObjectEntry {
                key: key.clone(),
                etag: etag.clone(),
                size: u64::try_from(body.len()).unwrap() + extra,
            })
            .collect())
    }

    async fn read(&self, bucket: &str, key: &str, _limit: u64) -> Result<Bytes, ObjectsFault> {
        let mut held = self.0.lock().unwrap();
        held.reads.push(key.to_owned());
        let found = held.objects.get(&(bucket.to_owned(), key.to_owned()));
        found
            .map(|(_, body)| body.clone())
            .ok_or_else(|| ObjectsFault {
                bucket: bucket.to_owned(),
                kind: ObjectsFaultKind::Gone,
            })
    }
}

/// A trail that remembers what was recorded, and can be made to fail.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    leaves: Mutex<Vec<Leaf>>,
    full_at: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    Intent(QueryIntent),
    Outcome(QueryOutcome),
    Listed(u64),
}

impl Ledger {
    /// A trail whose disk is full after this many leaves.
    pub(crate) fn full_after(leaves: usize) -> Ledger {
        Ledger {
            full_at: Some(leaves),
            ..Ledger::default()
        }
    }

    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        self.leaves.lock().unwrap().clone()
    }

    fn add(&self, leaf: Leaf) -> Result<ReceiptMark, ReceiptFault> {
        let mut leaves = self.leaves.lock().unwrap();
        if self.full_at == Some(leaves.len()) {
            return Err(ReceiptFault("the disk is full".to_owned()));
        }
        leaves.push(leaf);
        let index = u64::try_from(leaves.len()).unwrap() - 1;
        Ok(ReceiptMark {
            origin: "lab.internal/analytics/an1".to_owned(),
            index,
        })
    }
}

impl Receipts for Ledger {
    fn salt(&self) -> Result<[u8; 16], ReceiptFault> {
        Ok([7; 16])
    }

    async fn intent(&self, intent: QueryIntent) -> Result<ReceiptMark, ReceiptFault> {
        self.add(Leaf::Intent(intent))
    }

    async fn outcome(
        &self,
        _intent: &ReceiptMark,
        outcome: QueryOutcome,
    ) -> Result<(), ReceiptFault> {
        self.add(Leaf::Outcome(outcome)).map(|_mark| ())
    }

    async fn listed(&self, tables: u64) -> Result<(), ReceiptFault> {
        self.add(Leaf::Listed(tables)).map(|_mark| ())
    }
}

/// An engine over one table `climate`, with these settings on top of a minimum group of five.
pub(crate) fn engine(store: &Store, settings: &Value) -> Engine<Store> {
    let mut all = json!({"min-group": 5, "table": {"climate": {"bucket": "intake-climate",
        "hidden": ["respondent"]}}});
    let fields = all.as_object_mut().unwrap();
    fields.extend(settings.as_object().unwrap().clone());
    let raw: RawSettings = serde_json::from_value(all).unwrap();
    Engine::new(Settings::check(raw).unwrap(), store.clone()).unwrap()
}
