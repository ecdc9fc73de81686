//! What the handle and the threads of a log share: whether it is shut, how far it is published, and
//! the promise that whoever asks is answered. Never waits for anything.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, OnceLock};

use crate::{AppendError, AppendErrorKind, Receipt};

/// What the handle and both threads know together.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) origin: String,
    /// The first error; from then on nothing is accepted.
    poison: OnceLock<AppendErrorKind>,
    /// How many leaves the checkpoint on disk covers.
    pub(super) published: AtomicU64,
    /// How many publications are under way or waiting.
    pub(super) in_flight: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(origin: &str, published: u64) -> Self {
        Self {
            origin: origin.to_owned(),
            poison: OnceLock::new(),
            published: AtomicU64::new(published),
            in_flight: AtomicUsize::new(0),
        }
    }

    pub(crate) fn error(&self, kind: AppendErrorKind) -> AppendError {
        AppendError {
            origin: self.origin.clone(),
            kind,
        }
    }

    /// The error that shut the log, if one did.
    pub(crate) fn shut(&self) -> Result<(), AppendError> {
        self.poison
            .get()
            .map_or(Ok(()), |kind| Err(self.error(kind.clone())))
    }

    /// The writer ended without having said why.
    pub(crate) fn lost(&self) {
        self.poison(AppendErrorKind::Wal("the writer panicked".to_owned()));
    }

    /// Shuts the log, unless it is shut already; gives the first error.
    pub(super) fn poison(&self, kind: AppendErrorKind) -> AppendError {
        self.error(self.poison.get_or_init(|| kind).clone())
    }
}

/// What is called once it is known whether an entry is in the log.
pub(crate) type Done = Box<dyn FnOnce(Result<Receipt, AppendError>) + Send>;

/// Somebody who waits for an answer, and gets one whatever happens: an answer that is dropped
/// unasked says that the log is closed.
pub(crate) struct Answer {
    done: Option<Done>,
    shared: Arc<Shared>,
}

impl Answer {
    pub(crate) fn new(shared: &Arc<Shared>, done: Done) -> Self {
        Self {
            done: Some(done),
            shared: Arc::clone(shared),
        }
    }

    pub(crate) fn give(mut self, result: Result<Receipt, AppendError>) {
        if let Some(done) = self.done.take() {
            done(result);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(Err(self.shared.error(AppendErrorKind::Closed)));
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}
