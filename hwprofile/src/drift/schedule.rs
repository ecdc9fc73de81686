//! When to look at the machine, and at what of it.
//!
//! Events are gathered for a moment, so that a storm of them costs a bounded number of looks. It
//! must never put a look off because more events came, and never let one be forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use super::uevent::{Class, Wake};

/// How long events are gathered before a look, counted from the first of them.
pub const COALESCE: Duration = Duration::from_millis(250);
/// How long a look may take before the machine counts as unreadable.
pub const SCAN_LIMIT: Duration = Duration::from_secs(10);

/// What a look must cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// What these classes speak of. A reader that reads only whole machines reads more.
    Classes(BTreeSet<Class>),
    /// Everything.
    All,
}

#[derive(Debug, Clone)]
pub(super) struct Schedule {
    period_ms: u64,
    waiting: Option<Waiting>,
    /// When the look that runs began.
    running: Option<u64>,
    /// No look before this: at most half of the time is spent on looking.
    rest_until: u64,
    /// When everything is due to be looked at, whatever happened.
    whole_at: u64,
    last_sequence: Option<u64>,
}

#[derive(Debug, Clone)]
struct Waiting {
    scope: Scope,
    due: u64,
}

impl Schedule {
    pub(super) fn new(period: Duration, now: u64) -> Self {
        Self {
            period_ms: millis(period).max(1),
            waiting: None,
            running: None,
            rest_until: now,
            whole_at: now,
            last_sequence: None,
        }
    }

    pub(super) fn woken(&mut self, wake: Wake, now: u64) {
        let next = self.last_sequence.and_then(|last| last.checked_add(1));
        let unbroken = self.last_sequence.is_none() || next == wake.sequence;
        let scope = if unbroken && wake.sequence.is_some() {
            Scope::Classes(BTreeSet::from([wake.class]))
        } else {
            Scope::All
        };
        // Two processors may send in the wrong order: the highest number counts.
        self.last_sequence = self.last_sequence.max(wake.sequence);
        self.want(scope, now.saturating_add(millis(COALESCE)));
    }

    /// Something was missed, or must be seen twice: everything, after a moment.
    pub(super) fn lost(&mut self, now: u64) {
        self.want(Scope::All, now.saturating_add(millis(COALESCE)));
    }

    /// Everything, at this time at the latest.
    pub(super) fn look_at(&mut self, at: u64) {
        self.whole_at = self.whole_at.min(at);
    }

    pub(super) fn looked(&mut self, now: u64) {
        if let Some(began) = self.running.take() {
            self.rest_until = now.saturating_add(now.saturating_sub(began));
        }
    }

    /// Begins a look if one is due; the caller must carry it out.
    pub(super) fn begin(&mut self, now: u64) -> Option<Scope> {
        if self.running.is_some() || now < self.rest_until {
            return None;
        }
        let due = self
            .waiting
            .as_ref()
            .is_some_and(|waiting| now >= waiting.due);
        let whole = now >= self.whole_at;
        if !due && !whole {
            return None;
        }
        let wanted = self.waiting.take().map(|waiting| waiting.scope);
        let scope = wanted.filter(|_| !whole).unwrap_or(Scope::All);
        if scope == Scope::All {
            self.whole_at = now.saturating_add(self.period_ms);
        }
        self.running = Some(now);
        Some(scope)
    }

    pub(super) fn is_stuck(&self, now: u64) -> bool {
        self.running
            .is_some_and(|began| now >= began.saturating_add(millis(SCAN_LIMIT)))
    }

    /// When to ask again.
    pub(super) fn next_ms(&self) -> u64 {
        if let Some(began) = self.running {
            return began.saturating_add(millis(SCAN_LIMIT));
        }
        let due = self
            .waiting
            .as_ref()
            .map_or(u64::MAX, |waiting| waiting.due);
        due.min(self.whole_at).max(self.rest_until)
    }

    fn want(&mut self, scope: Scope, due: u64) {
        self.waiting = Some(match self.waiting.take() {
            None => Waiting { scope, due },
            // The first event sets the time: one that comes later must not put it off.
            Some(waiting) => Waiting {
                scope: waiting.scope.and(scope),
                due: waiting.due.min(due),
            },
        });
    }
}

impl Scope {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Classes(mut one), Self::Classes(two)) => {
                one.extend(two);
                Self::Classes(one)
            }
            (Self::All, _) | (_, Self::All) => Self::All,
        }
    }

    /// The classes in words, for records.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::All => "everything".to_owned(),
            Self::Classes(classes) => {
                let words: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
                words.join(", ")
            }
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
