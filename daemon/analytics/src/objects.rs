//! Where records come from, as the core sees it: buckets that can be listed, objects that can be
//! read.
//!
//! Owns the trait and its fault. Must never know HTTP, TLS or the name of a zone.

use std::future::Future;

use bytes::Bytes;

use crate::code::Code;

/// One object of a listing. Key and tag together stand for content that never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    /// The object's key in its bucket.
    pub key: String,
    /// The entity tag; a changed tag means changed content.
    pub etag: String,
    /// Plain length in bytes.
    pub size: u64,
}

/// A source of objects: the storage zone, or a double in a test.
pub trait Objects: Send + Sync + 'static {
    /// Every object of the bucket, all pages, in the order of the keys.
    fn list(
        &self,
        bucket: &str,
    ) -> impl Future<Output = Result<Vec<ObjectEntry>, ObjectsFault>> + Send;

    /// The whole content of one object, at most `limit` bytes.
    fn read(
        &self,
        bucket: &str,
        key: &str,
        limit: u64,
    ) -> impl Future<Output = Result<Bytes, ObjectsFault>> + Send;
}

/// Why a listing or an object could not be had.
#[derive(Debug, thiserror::Error)]
#[error("failed to read bucket {bucket}: {kind}")]
pub struct ObjectsFault {
    /// The bucket that was read.
    pub bucket: String,
    /// What went wrong.
    pub kind: ObjectsFaultKind,
}

/// What went wrong with a listing or an object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsFaultKind {
    /// No connection, or it broke.
    #[error("storage cannot be reached: {0}")]
    Unreachable(String),
    /// Storage answered with a refusal.
    #[error("storage answered {status}: {said}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Storage's own code, if it gave one.
        said: String,
    },
    /// The object was listed and is gone.
    #[error("a listed object is gone")]
    Gone,
    /// The answer is not what the protocol says.
    #[error("the answer cannot be used: {0}")]
    Unusable(String),
    /// More bytes than the bound of the table.
    #[error("the records exceed {limit} bytes")]
    TooLarge {
        /// The bound that was met.
        limit: u64,
    },
}

impl ObjectsFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.kind {
            ObjectsFaultKind::Unreachable(_) => Code::StorageUnreachable,
            ObjectsFaultKind::Refused { .. } => Code::StorageRefused,
            ObjectsFaultKind::Gone | ObjectsFaultKind::Unusable(_) => Code::StorageAnswer,
            ObjectsFaultKind::TooLarge { .. } => Code::InputBytes,
        }
    }
}
