//! One thing that happened, before it becomes a leaf. Carries no direct identifier: who a
//! reference stands for is kept elsewhere, sealed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Event;

/// One thing that happened, as the zone that saw it tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// Whether it is about to happen, has happened, or is told in one leaf.
    pub phase: Phase,
    /// When, in Unix milliseconds; zero lets the trail's own clock fill it in.
    pub time_ms: u64,
    /// How it came out.
    pub status: Status,
    /// What else belongs into the `cofferdam` object: references, never names of persons.
    pub fields: BTreeMap<String, Value>,
}

impl Entry {
    /// An entry without fields, stamped by the trail's own clock.
    #[must_use]
    pub fn new(event: Event, phase: Phase, status: Status) -> Self {
        Self {
            event,
            phase,
            time_ms: 0,
            status,
            fields: BTreeMap::new(),
        }
    }

    /// The same entry at a given time, in Unix milliseconds.
    #[must_use]
    pub fn at(mut self, time_ms: u64) -> Self {
        self.time_ms = time_ms;
        self
    }

    /// The same entry with one more field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }
}

/// Where a leaf stands in the life of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Durable before the act takes effect.
    Intent,
    /// What came of an intent.
    Outcome,
    /// An act that one leaf tells.
    Single,
}

impl Phase {
    /// The word in the leaf.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Single => "single",
        }
    }
}

/// How an act came out, in OCSF's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It was done.
    Success,
    /// It was tried and not done.
    Failure,
    /// It was allowed.
    Granted,
    /// It was not allowed.
    Refused,
    /// Nobody knows: the intent was found without an outcome.
    Unknown,
}

impl Status {
    /// The word in the leaf.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Failure => "Failure",
            Self::Granted => "Granted",
            Self::Refused => "Refused",
            Self::Unknown => "Unknown",
        }
    }

    /// OCSF's `status_id`; what OCSF has no number for is 99, "Other".
    #[must_use]
    pub fn ocsf_id(self) -> u8 {
        match self {
            Self::Success => 1,
            Self::Failure => 2,
            Self::Granted | Self::Refused => 99,
            Self::Unknown => 0,
        }
    }
}
