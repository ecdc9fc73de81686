//! The node's trail, awaited: nothing that must be recorded takes effect before its leaf is on disk. It also is the witness of the
//! link: an admitted session's first byte waits for its receipt.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_link::{Clock, EndReason, Session, Witness, WitnessError};
use cofferdam_rack::PeerId;
use cofferdam_trail::{AppendError, Entry, Event, Phase, Receipt, Status, Trail};
use serde_json::Value;
use tokio::sync::oneshot;

/// Why something could not be recorded; what it was about must not happen.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The trail refused it.
    #[error("failed to record in the trail")]
    Trail(#[source] AppendError),
    /// The trail's writer ended.
    #[error("the trail is closed")]
    Closed,
}

impl RecordError {
    /// What a caller is told: the act did not happen.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            "ND-020",
            "the act could not be recorded, so it did not happen",
            "look at the trail's disk and file on the node that says this; see its journal",
        )
        .read(crate::refusal::chain(self))
    }
}

/// How long what has already happened waits to be written down.
const NOTE_WITHIN: Duration = Duration::from_millis(500);

/// The trail with the clock that dates its leaves.
#[derive(Debug, Clone)]
pub struct Recorder {
    trail: Trail,
    clock: Clock,
}

impl Recorder {
    /// Records into `trail`, dated by `clock`.
    #[must_use]
    pub fn new(trail: Trail, clock: Clock) -> Self {
        Self { trail, clock }
    }

    /// The trail itself.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// An entry dated now.
    #[must_use]
    pub fn entry(&self, event: Event, phase: Phase, status: Status) -> Entry {
        Entry {
            event,
            phase,
            time_ms: self.clock.unix_ms(),
            status,
            fields: BTreeMap::new(),
        }
    }

    /// Records, and returns once the leaf is durable.
    ///
    /// # Errors
    /// The leaf is not on disk; the act it speaks of must not happen.
    pub async fn record(&self, entry: Entry) -> Result<Receipt, RecordError> {
        let (done, answer) = oneshot::channel();
        self.trail.submit(entry, move |result| {
            // A caller that went away needs no answer.
            drop(done.send(result));
        });
        match answer.await {
            Ok(result) => result.map_err(RecordError::Trail),
            Err(_closed) => Err(RecordError::Closed),
        }
    }

    /// Records what has already happened: a refusal stands and an end has come, whether or not they can be written down. The leaf is
    /// on its way when this begins; a disk that does not answer is not waited for, so that it cannot keep a node from ending.
    pub(crate) async fn note(&self, entry: Entry) {
        let event = entry.event.as_str();
        match tokio::time::timeout(NOTE_WITHIN, self.record(entry)).await {
            Ok(Ok(_receipt)) => {}
            Ok(Err(error)) => {
                log::error!(event, error = crate::refusal::chain(&error); "could not record");
            }
            Err(_elapsed) => {
                log::error!(event; "the trail's disk does not answer; a leaf is not known to be on it");
            }
        }
    }

    async fn witness(&self, entry: Entry) -> Result<(), WitnessError> {
        match self.record(entry).await {
            Ok(_receipt) => Ok(()),
            Err(error) => Err(WitnessError(Box::new(error))),
        }
    }
}

/// Puts a refusal's code and consequence into an entry.
#[must_use]
pub fn with_refusal(mut entry: Entry, refusal: &Refusal) -> Entry {
    entry
        .fields
        .insert("code".into(), refusal.code.clone().into());
    entry
        .fields
        .insert("consequence".into(), refusal.consequence.clone().into());
    if !refusal.read.is_empty() {
        entry
            .fields
            .insert("read".into(), refusal.read.clone().into());
    }
    if let Some(rule) = &refusal.rule {
        let text = format!("{}:{} {}", rule.file, rule.line, rule.text);
        entry.fields.insert("rule".into(), text.into());
    }
    entry
}

fn session_fields(entry: &mut Entry, session: &Session) {
    let fields = [
        ("peer", Value::from(session.peer.to_string())),
        ("flow", session.id.to_string().into()),
        (
            "certificate",
            crate::hex(&session.certificate_sha256).into(),
        ),
    ];
    entry
        .fields
        .extend(fields.map(|(key, value)| (key.to_owned(), value)));
}

impl Witness for Recorder {
    fn admitted(&self, session: &Session) -> impl Future<Output = Result<(), WitnessError>> + Send {
        let mut entry = self.entry(Event::FlowIngress, Phase::Intent, Status::Granted);
        session_fields(&mut entry, session);
        async move { self.witness(entry).await }
    }

    fn refused(&self, peer: Option<&PeerId>, refusal: &Refusal) -> impl Future<Output = ()> + Send {
        let entry = self.entry(Event::FlowRefuse, Phase::Single, Status::Refused);
        let mut entry = with_refusal(entry, refusal);
        if let Some(peer) = peer {
            entry.fields.insert("peer".into(), peer.to_string().into());
        }
        self.note(entry)
    }

    fn ended(&self, session: &Session, why: EndReason) -> impl Future<Output = ()> + Send {
        let mut entry = self.entry(Event::FlowEnd, Phase::Outcome, Status::Success);
        session_fields(&mut entry, session);
        entry.fields.insert("reason".into(), why.as_str().into());
        self.note(entry)
    }
}
