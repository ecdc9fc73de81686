//! Whether a data key fits a header, and every reason why opening an object is refused.
//!
//! Owns the comparison of the commitment, which comes before any frame is looked at. Must never let a
//! position key out for a header that does not fit.

use std::fmt;
use std::io;

use crate::FernetKey;
use crate::codes::{Code, coded};
use crate::engine::mac;
use crate::header::{Header, HeaderError, Layout, ObjectId};
use crate::position::{self, Binding, PositionKey};
use crate::record::Torn;

/// Derives the position key of an object and compares the commitment.
pub(crate) fn positions(
    header: &Header,
    key: &FernetKey,
    binding: Binding<'_>,
) -> Result<PositionKey, OpenErrorKind> {
    let derived = position::derive(key, &header.birth().to_bytes(), binding);
    if mac::equal(&derived.commitment, header.commitment()) {
        Ok(derived.positions)
    } else {
        Err(OpenErrorKind::Commitment)
    }
}

/// A sealed object that was not opened, or not further. Nothing unauthentic was released.
#[derive(Debug)]
pub struct OpenError {
    /// The object, as soon as its header was read. Not authentic if the header was refused.
    pub object: Option<ObjectId>,
    /// Why.
    pub kind: OpenErrorKind,
}

/// Why an object was refused.
#[derive(Debug, thiserror::Error)]
pub enum OpenErrorKind {
    /// The header was not understood.
    #[error("its header is not one")]
    Header(#[source] HeaderError),
    /// The object has the other layout.
    #[error("its layout is {found:?}, not {wanted:?}")]
    Layout {
        /// The object's layout.
        found: Layout,
        /// The one this operation reads.
        wanted: Layout,
    },
    /// Another key, an edited header, or another context.
    #[error("the data key, the header and the context do not belong together")]
    Commitment,
    /// No object of whole frames has this length.
    #[error("no object has {found} bytes: it was cut short, or something was added")]
    Length {
        /// Its length with the header.
        found: u64,
    },
    /// A frame is damaged or out of place.
    #[error("frame {index} does not verify at its place")]
    Frame {
        /// Its number, from 0.
        index: u64,
    },
    /// A record is damaged or out of place.
    #[error("record {sequence} does not verify at its place")]
    Record {
        /// Its number, from 0.
        sequence: u64,
    },
    /// A record's frame is damaged before any key is asked.
    #[error("record {sequence} is damaged: {why}")]
    Damaged {
        /// Its number, from 0.
        sequence: u64,
        /// What is wrong with the frame.
        why: Torn,
    },
    /// Bytes behind the final record.
    #[error("something follows final record {sequence}")]
    AfterFinal {
        /// The number of the final record.
        sequence: u64,
    },
    /// The log ends within a record.
    #[error("record {sequence} is cut short: {why}")]
    Torn {
        /// Its number, from 0.
        sequence: u64,
        /// Where it ends.
        why: Torn,
    },
    /// The log has no final record.
    #[error("the log has no final record after {records} records")]
    Unclosed {
        /// How many records there are.
        records: u64,
    },
    /// The source failed, or ended before its end.
    #[error("the bytes at {offset} could not be read")]
    Source {
        /// Where the read began.
        offset: u64,
        /// The operating system's reason.
        #[source]
        cause: io::Error,
    },
}

impl OpenErrorKind {
    pub(crate) fn of(self, object: ObjectId) -> OpenError {
        OpenError {
            object: Some(object),
            kind: self,
        }
    }

    pub(crate) fn nameless(self) -> OpenError {
        OpenError {
            object: None,
            kind: self,
        }
    }

    fn reason(&self) -> Code {
        match self {
            Self::Header(error) => error.reason(),
            Self::Layout { .. } => Code::HeaderLayout,
            Self::Commitment => Code::Commitment,
            Self::Length { .. } => Code::ObjectLength,
            Self::Frame { .. } => Code::FrameRefused,
            Self::Record { .. } => Code::RecordRefused,
            Self::Damaged { .. } => Code::RecordDamaged,
            Self::AfterFinal { .. } => Code::RecordAfterFinal,
            Self::Torn { .. } => Code::LogTorn,
            Self::Unclosed { .. } => Code::LogUnclosed,
            Self::Source { .. } => Code::SourceUnreadable,
        }
    }
}

impl OpenError {
    fn reason(&self) -> Code {
        self.kind.reason()
    }
}

coded!(OpenError);

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.object {
            Some(object) => write!(f, "open sealed object {object}: {}", self.kind),
            None => write!(f, "open a sealed object: {}", self.kind),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}
