//! What a listener did, in numbers. Owns the counters; must never be read back to decide anything.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::witness::EndReason;

/// What a listener did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections accepted from the kernel.
    pub accepted: u64,
    /// Of these, admitted as sessions.
    pub admitted: u64,
    /// Of these, refused.
    pub refused: u64,
    /// Sessions closed because they lost their right or came to their deadline.
    pub lost: u64,
    /// Sessions open now.
    pub live: u64,
    /// Requests handed to the service.
    pub requests: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: Counter,
    pub(crate) admitted: Counter,
    pub(crate) refused: Counter,
    pub(crate) lost: Counter,
    pub(crate) ended: Counter,
    pub(crate) requests: Counter,
    pub(crate) drained: Counter,
    pub(crate) cut_off: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    /// Counts the end of a session.
    pub(crate) fn end(&self, why: EndReason) {
        self.ended.add_one();
        if why.is_loss() {
            self.lost.add_one();
        }
        if why == EndReason::Drained {
            self.drained.add_one();
        }
        if why == EndReason::CutOff {
            self.cut_off.add_one();
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            accepted: self.accepted.value(),
            admitted: self.admitted.value(),
            refused: self.refused.value(),
            lost: self.lost.value(),
            live: self.admitted.value().saturating_sub(self.ended.value()),
            requests: self.requests.value(),
        }
    }
}
