//! Why a journal said no, each reason with its code.
//! Never carries a payload or a key.

use crate::refusal::DiskError;
use crate::settings::RECORD_BYTES_MAX;
use std::path::{Path, PathBuf};

/// A journal that could not be used, or a record that was not stored.
#[derive(Debug, Clone, thiserror::Error)]
#[error("failed to use the journal {}", path.display())]
pub struct JournalError {
    /// The file of the journal.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub kind: JournalErrorKind,
}

/// Why a journal said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalErrorKind {
    /// A file is there already.
    #[error("a file is there already")]
    Exists,
    /// The disk refused. Nothing of the record is kept.
    #[error("the disk refused")]
    Disk(#[source] DiskError),
    /// The file does not begin as a journal does.
    #[error("it does not begin with the header of a journal: {what}")]
    Header {
        /// What was seen.
        what: String,
    },
    /// The key, or the context, is not the one the journal was sealed with.
    #[error("the key or the context does not open it: {what}")]
    Key {
        /// What was seen.
        what: String,
    },
    /// Bytes changed that a later commit proves to have been on disk.
    #[error("damaged at byte {offset}: {what}")]
    Damaged {
        /// The first byte that does not fit.
        offset: u64,
        /// What was seen there and after it.
        what: String,
    },
    /// The journal ends with a final record, as only a closed segment does.
    #[error("it ends with a final record and cannot be continued")]
    Finished,
    /// Another process has the journal.
    #[error("another process owns it")]
    Owned,
    /// No thread could be started.
    #[error("its thread could not be started: {what}")]
    Thread {
        /// What the system said.
        what: String,
    },
    /// The payload is longer than any record may be.
    #[error("a payload of {bytes} bytes is above the limit of {RECORD_BYTES_MAX}")]
    TooLarge {
        /// The length of the payload that was refused.
        bytes: usize,
    },
    /// The sealer refused.
    #[error("the record could not be sealed: {what}")]
    Unsealed {
        /// What the sealer said.
        what: String,
    },
    /// The disk did not answer in time. The record may be stored.
    #[error("the disk did not confirm the record in time")]
    Timeout,
    /// The disk failed earlier in a way that only reading everything again can clear.
    #[error("the disk failed earlier; open the journal again")]
    Poisoned(#[source] DiskError),
    /// The journal was closed.
    #[error("it is closed")]
    Closed,
}

impl JournalError {
    pub(crate) fn new(path: &Path, kind: JournalErrorKind) -> Self {
        Self {
            path: path.to_path_buf(),
            kind,
        }
    }

    /// The code of `cofferctl explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            JournalErrorKind::Exists => "SP-040",
            JournalErrorKind::Disk(error) => error.code(),
            JournalErrorKind::Header { .. } => "SP-041",
            JournalErrorKind::Key { .. } => "SP-042",
            JournalErrorKind::Damaged { .. } => "SP-043",
            JournalErrorKind::Finished => "SP-044",
            JournalErrorKind::Owned => "SP-045",
            JournalErrorKind::Poisoned(_) => "SP-046",
            JournalErrorKind::Thread { .. } => "SP-005",
            JournalErrorKind::TooLarge { .. } => "SP-016",
            JournalErrorKind::Unsealed { .. } => "SP-017",
            JournalErrorKind::Timeout => "SP-011",
            JournalErrorKind::Closed => "SP-015",
        }
    }
}
