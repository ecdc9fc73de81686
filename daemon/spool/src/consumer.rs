//! The get-only handle of a spool: closed segments, as files, one after the other.
//! Never opens a sealed record, and cannot put.

use crate::owner::{Command, Shared};
use crate::position::SegmentId;
use crate::refusal::ConsumeError;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A closed segment, to be delivered as the file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Which segment; a receiver that remembers it drops repeats.
    pub id: SegmentId,
    /// The file. It stays until [`Consumer::delivered`].
    pub path: PathBuf,
    /// Records in it.
    pub records: u64,
    /// Whether it ends with its final record. One that a crash or a disk error ended does not.
    pub closed: bool,
    /// The length of the file.
    pub bytes: u64,
}

/// What becomes of a segment whose delivery failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It will be offered again, after those that failed less often.
    Retry,
    /// It lies in `dead/` with its reason and will not be offered again.
    DeadLettered,
}

/// The get-only handle. There is one a spool.
///
/// A segment is offered until a verdict on it is given: one that was taken and dropped is offered
/// again by the next [`Consumer::next`].
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
}

impl Consumer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The segment whose turn it is: the oldest of those that failed least often. `None` after
    /// the wait of the settings, which is no error.
    ///
    /// # Errors
    /// [`ConsumeError::Closed`] when the spool was closed and everything in it was delivered.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    pub async fn next(&mut self) -> Result<Option<Segment>, ConsumeError> {
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Next(reply));
        match timeout(self.shared.wait, answer).await {
            Ok(Ok(offer)) => offer.map(Some),
            Ok(Err(_gone)) => Err(ConsumeError::Closed),
            Err(_elapsed) => Ok(None),
        }
    }

    /// The receiver has the segment, durably: its tags are remembered, its file is removed.
    ///
    /// # Errors
    /// [`ConsumeError`]; the segment is then offered again, unless it is `Unknown`.
    pub async fn delivered(&mut self, segment: Segment) -> Result<(), ConsumeError> {
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Delivered(segment.id, reply));
        match timeout(self.shared.wait, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_gone)) => Err(ConsumeError::Closed),
            Err(_elapsed) => Err(ConsumeError::Timeout),
        }
    }

    /// The receiver refused the segment, and may do so again: the attempt is counted, and the
    /// last one makes it a dead letter. A receiver that could not be reached is no refusal: take
    /// the segment again later instead. `why` is kept for an operator, so it names no person.
    ///
    /// A dead letter that the disk would not let move answers `Retry` and is moved next time. A
    /// segment that is not waiting any more answers `DeadLettered`: it will not be offered again.
    pub async fn failed(&mut self, segment: Segment, why: &str) -> Fate {
        let (reply, answer) = oneshot::channel();
        self.shared
            .send(Command::Failed(segment.id, why.to_owned(), reply));
        match timeout(self.shared.wait, answer).await {
            Ok(Ok(fate)) => fate,
            Ok(Err(_)) | Err(_) => Fate::Retry,
        }
    }
}
