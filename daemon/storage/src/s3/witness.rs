//! Owns what the store puts into the trail: which act, on which bucket and object, by whom.
//!
//! It must never record an object key, metadata or a byte of content.

use std::sync::Arc;

use cofferdam_link::Clock;
use cofferdam_seal::ObjectId;
use cofferdam_trail::{Entry, Event, Phase, Status};
use serde_json::Value;

use super::front::Calling;
use crate::catalogue::{BucketName, ObjectMeta, record};
use crate::code::Code;
use crate::fault::Fault;
use crate::seam::Receipts;

/// The store's pen.
#[derive(Debug, Clone)]
pub struct Witness {
    receipts: Arc<dyn Receipts>,
    clock: Clock,
}

/// An act that is about to be recorded.
#[derive(Debug, Clone)]
pub struct Act {
    event: Event,
    fields: Vec<(&'static str, Value)>,
}

impl Act {
    /// An act of a caller.
    #[must_use]
    pub fn new(event: Event, calling: &Calling, bucket: Option<&BucketName>) -> Self {
        let act = Self {
            event,
            fields: Vec::new(),
        }
        .with("peer", calling.0.peer())
        .with("flow", calling.0.flow());
        match bucket {
            Some(bucket) => act.with("bucket", bucket.as_str()),
            None => act,
        }
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, field: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((field, value.into()));
        self
    }

    /// The same on an object known by the identity of its first file.
    #[must_use]
    pub fn on(self, object: ObjectId, size: u64) -> Self {
        self.with("object", record::hex(object)).with("size", size)
    }

    /// The same on a stored object.
    #[must_use]
    pub fn on_stored(self, meta: &ObjectMeta) -> Self {
        match meta.pieces.first() {
            Some(piece) => self.on(piece.file, meta.size),
            None => self.with("size", meta.size),
        }
    }
}

impl Witness {
    /// Writes into `receipts`, dated by `clock`.
    #[must_use]
    pub fn new(receipts: Arc<dyn Receipts>, clock: Clock) -> Self {
        Self { receipts, clock }
    }

    /// Records that `act` is about to happen; returns once that is durable.
    ///
    /// # Errors
    /// [`Code::NoReceipt`]: the act must not happen.
    pub async fn intend(&self, act: Act) -> Result<(), Fault> {
        self.record(act, Phase::Intent, Status::Granted).await
    }

    /// Records an act.
    ///
    /// # Errors
    /// [`Code::NoReceipt`].
    pub async fn record(&self, act: Act, phase: Phase, status: Status) -> Result<(), Fault> {
        let entry = Entry::new(act.event, phase, status).at(self.clock.unix_ms());
        let entry = act
            .fields
            .into_iter()
            .fold(entry, |entry, (field, value)| entry.with(field, value));
        self.receipts
            .record(entry)
            .await
            .map_err(|refusal| Fault::refused(Code::NoReceipt, &refusal))
    }

    /// Records that an intended act did not happen. The intent stands on record already, so a
    /// trail that fails now only loses the explanation.
    pub async fn failed(&self, act: Act, fault: &Fault) {
        let act = act.with("code", fault.code().as_str());
        if let Err(unrecorded) = self.record(act, Phase::Outcome, Status::Failure).await {
            log::error!(code = unrecorded.code().as_str(); "an outcome is not in the trail");
        }
    }

    /// Records that stored data is not as it was written.
    pub async fn damage(
        &self,
        calling: &Calling,
        bucket: &BucketName,
        meta: &ObjectMeta,
        fault: &Fault,
    ) {
        if !matches!(fault.code(), Code::ObjectDamaged | Code::ObjectGone) {
            return;
        }
        log::error!(code = fault.code().as_str(); "a sealed object is not as it was written");
        let act = Act::new(Event::IntegrityFail, calling, Some(bucket))
            .on_stored(meta)
            .with("code", fault.code().as_str())
            .with("seen", fault.seen());
        if let Err(unrecorded) = self.record(act, Phase::Single, Status::Failure).await {
            log::error!(code = unrecorded.code().as_str(); "damage is not in the trail");
        }
    }
}
