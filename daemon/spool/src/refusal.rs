//! Why a handle of the spool said no, each reason with its code.
//! Never carries a payload, a tag or a key: what it holds may be printed anywhere.

use crate::key_source::KeySourceError;
use crate::settings::RECORD_BYTES_MAX;
use std::io;
use std::path::{Path, PathBuf};

/// What the disk said, in a form that can be given to every record of a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} {}: {} (os error {})", path.display(), kind, number(*errno))]
pub struct DiskError {
    /// The file operation that failed, as a verb.
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The kind of failure.
    pub kind: io::ErrorKind,
    /// The number the kernel gave, if it was the kernel.
    pub errno: Option<i32>,
}

fn number(errno: Option<i32>) -> String {
    errno.map_or_else(|| "none".to_owned(), |errno| errno.to_string())
}

impl DiskError {
    pub(crate) fn new(operation: &'static str, path: &Path, error: &io::Error) -> Self {
        let (kind, errno) = (error.kind(), error.raw_os_error());
        Self {
            operation,
            path: path.to_path_buf(),
            kind,
            errno,
        }
    }

    /// Whether the disk, or the quota on it, is full: it mends itself when space returns.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(
            self.kind,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
    }

    /// The code of `cofferctl explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if self.is_full() { "SP-012" } else { "SP-013" }
    }
}

/// Why a record was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PutError {
    /// The spool stayed at its high-water mark for the whole wait. Nothing was written.
    #[error("the spool is full and stayed full for the whole wait")]
    Full,
    /// The disk did not answer in time. The record may be stored: put it again, same tag.
    #[error("the disk did not confirm the record in time; put it again with the same tag")]
    Timeout,
    /// The disk refused. Nothing of the record is kept, unless the disk also would not let it be
    /// cut; then the tag is known, and a repeat is a duplicate, after the next opening.
    #[error("the disk refused the record")]
    Disk(#[source] DiskError),
    /// No key for a new segment. Nothing was written.
    #[error("no key for a new segment")]
    NoKey(#[source] KeySourceError),
    /// The sealer refused the record. Nothing was written.
    #[error("the record could not be sealed: {what}")]
    Unsealed {
        /// What the sealer said.
        what: String,
    },
    /// The payload is longer than any record may be.
    #[error("a payload of {bytes} bytes is above the limit of {RECORD_BYTES_MAX} or of the spool")]
    TooLarge {
        /// The length of the payload that was refused.
        bytes: usize,
    },
    /// The spool was closed.
    #[error("the spool is closed")]
    Closed,
}

impl PutError {
    /// The code of `cofferctl explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full => "SP-010",
            Self::Timeout => "SP-011",
            Self::Disk(error) => error.code(),
            Self::NoKey(_) => "SP-014",
            Self::Closed => "SP-015",
            Self::TooLarge { .. } => "SP-016",
            Self::Unsealed { .. } => "SP-017",
        }
    }
}

/// Why a consumer got no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConsumeError {
    /// The spool was closed by its producer and everything in it was delivered.
    #[error("the spool is closed and everything in it was delivered")]
    Closed,
    /// The spool's owner thread did not answer in time. Ask again.
    #[error("the spool did not answer in time")]
    Timeout,
    /// The segment is not waiting: it was delivered, or it is a dead letter.
    #[error("the segment is not waiting for delivery")]
    Unknown,
    /// The disk refused to record the delivery; the segment will be offered again.
    #[error("the disk refused to record the delivery")]
    Disk(#[source] DiskError),
}

impl ConsumeError {
    /// The code of `cofferctl explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timeout => "SP-011",
            Self::Disk(error) => error.code(),
            Self::Closed => "SP-015",
            Self::Unknown => "SP-020",
        }
    }
}
