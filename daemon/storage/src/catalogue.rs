//! Owns what the store holds: buckets, keys and what is known of each object, as a pure value.
//!
//! It decides conditional writes and applies decided changes; it must never touch a disk, a clock
//! or a key. [`page`] lists it, [`record`] is its form in the sealed journal.

pub mod page;
pub mod record;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use cofferdam_seal::ObjectId;

/// A bucket's name by the rules of S3: 3 to 63 of a-z, 0-9, dot and hyphen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketName(String);

impl BucketName {
    /// Parses a name; [`None`] when it breaks the rules.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        s3s::path::check_bucket_name(text).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for BucketName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// An object's key: 1 to 1,024 bytes of UTF-8, ordered by its bytes.
///
/// It may name a person, so it has no `Display` and its `Debug` tells the length alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey(String);

/// The most bytes an [`ObjectKey`] holds.
pub const KEY_LIMIT_BYTES: usize = 1024;

impl ObjectKey {
    /// Parses a key; [`None`] when it is empty or too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (1..=KEY_LIMIT_BYTES)
            .contains(&text.len())
            .then(|| Self(text.to_owned()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({} bytes)", self.0.len())
    }
}

impl Borrow<[u8]> for ObjectKey {
    fn borrow(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// How a piece is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Sealed here, frame by frame; any range is read alone.
    Frames,
    /// A segment as a spool sealed it, kept as it came.
    Records,
}

/// One sealed file of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The name of the file: random, ours.
    pub file: ObjectId,
    /// The identity inside the sealed header; for a segment it is the producer's.
    pub sealed: ObjectId,
    /// How it is sealed.
    pub layout: Layout,
    /// Bytes of plaintext.
    pub size: u64,
    /// Bytes on disk.
    pub stored: u64,
}

/// What the catalogue knows of an object.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The sealed files whose plaintexts, one behind the other, are the object.
    pub pieces: Vec<Piece>,
    /// Bytes of plaintext, the sum over the pieces.
    pub size: u64,
    /// The `ETag` without its quotes.
    pub etag: String,
    /// Unix milliseconds of the acknowledged write.
    pub modified_ms: u64,
    /// Standard headers given back on GET, by their lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The client's own metadata.
    pub user: BTreeMap<String, String>,
    /// Whole-object checksums in base64, by algorithm.
    pub checksums: BTreeMap<String, String>,
}

impl fmt::Debug for ObjectMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectMeta")
            .field("pieces", &self.pieces)
            .field("size", &self.size)
            .field("modified_ms", &self.modified_ms)
            .finish_non_exhaustive()
    }
}

/// What must hold of the key's present state for a write or a deletion to take effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// The key must be free (`If-None-Match: *`).
    Absent,
    /// The key must be free, because who writes may not remove what is there.
    Unclaimed,
    /// The key must hold an object (`If-Match: *`).
    Present,
    /// The key must hold an object with this `ETag`.
    Etag(String),
}

/// One change of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new, empty bucket.
    CreateBucket {
        /// Its name.
        bucket: BucketName,
        /// Unix milliseconds.
        at_ms: u64,
    },
    /// The end of an empty bucket.
    DeleteBucket {
        /// Its name.
        bucket: BucketName,
    },
    /// An object under a key, in place of whatever was there.
    Put {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
        /// The object.
        meta: Box<ObjectMeta>,
    },
    /// No object under a key.
    Delete {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
    },
}

impl Change {
    /// The bucket and, unless the bucket itself changes, the key.
    #[must_use]
    pub fn place(&self) -> (&BucketName, Option<&ObjectKey>) {
        match self {
            Change::CreateBucket { bucket, .. } | Change::DeleteBucket { bucket } => (bucket, None),
            Change::Put { bucket, key, .. } | Change::Delete { bucket, key } => (bucket, Some(key)),
        }
    }
}

/// Why a change does not take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// No such bucket.
    #[error("the bucket does not exist")]
    BucketAbsent,
    /// The bucket is there already.
    #[error("the bucket exists already")]
    BucketExists,
    /// The bucket still holds objects.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// `If-None-Match: *` on a taken key.
    #[error("the object exists already")]
    KeyExists,
    /// A condition on an object that is not there.
    #[error("the object does not exist")]
    KeyAbsent,
    /// A write over what the writer may not remove.
    #[error("the object exists already, and who may not delete it may not replace it")]
    NotReplaceable,
    /// `If-Match` with another `ETag`.
    #[error("the object is not the expected one")]
    EtagDiffers,
}

/// A bucket: when it was made and what it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    created_ms: u64,
    objects: BTreeMap<ObjectKey, ObjectMeta>,
}

impl Bucket {
    /// Unix milliseconds of its creation.
    #[must_use]
    pub fn created_ms(&self) -> u64 {
        self.created_ms
    }

    /// The objects, by key in byte order.
    #[must_use]
    pub fn objects(&self) -> &BTreeMap<ObjectKey, ObjectMeta> {
        &self.objects
    }
}

/// Everything the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    buckets: BTreeMap<BucketName, Bucket>,
}

impl Catalogue {
    /// The buckets, by name.
    #[must_use]
    pub fn buckets(&self) -> &BTreeMap<BucketName, Bucket> {
        &self.buckets
    }

    /// One bucket.
    ///
    /// # Errors
    /// [`Conflict::BucketAbsent`].
    pub fn bucket(&self, bucket: &BucketName) -> Result<&Bucket, Conflict> {
        self.buckets.get(bucket).ok_or(Conflict::BucketAbsent)
    }

    /// One object.
    ///
    /// # Errors
    /// [`Conflict::BucketAbsent`] or [`Conflict::KeyAbsent`].
    pub fn object(&self, bucket: &BucketName, key: &ObjectKey) -> Result<&ObjectMeta, Conflict> {
        self.bucket(bucket)?
            .objects
            .get(key)
            .ok_or(Conflict::KeyAbsent)
    }

    /// Decides whether `change` may take effect now. Changes nothing.
    ///
    /// # Errors
    /// The reason why not.
    pub fn decide(&self, change: &Change, condition: &Condition) -> Result<(), Conflict> {
        match change {
            Change::CreateBucket { bucket, .. } => {
                if self.buckets.contains_key(bucket) {
                    return Err(Conflict::BucketExists);
                }
                Ok(())
            }
            Change::DeleteBucket { bucket } => {
                if self.bucket(bucket)?.objects.is_empty() {
                    Ok(())
                } else {
                    Err(Conflict::BucketNotEmpty)
                }
            }
            Change::Put { bucket, key, .. } | Change::Delete { bucket, key } => {
                condition.holds(self.bucket(bucket)?.objects.get(key))
            }
        }
    }

    /// Applies a decided (or replayed) change and returns the object that it displaced.
    ///
    /// A change that names a bucket which is not there has no effect.
    pub fn apply(&mut self, change: Change) -> Option<ObjectMeta> {
        match change {
            Change::CreateBucket { bucket, at_ms } => {
                self.buckets.entry(bucket).or_insert(Bucket {
                    created_ms: at_ms,
                    objects: BTreeMap::new(),
                });
                None
            }
            Change::DeleteBucket { bucket } => {
                self.buckets.remove(&bucket);
                None
            }
            Change::Put { bucket, key, meta } => {
                self.buckets.get_mut(&bucket)?.objects.insert(key, *meta)
            }
            Change::Delete { bucket, key } => self.buckets.get_mut(&bucket)?.objects.remove(&key),
        }
    }
}

impl Condition {
    fn holds(&self, present: Option<&ObjectMeta>) -> Result<(), Conflict> {
        match (self, present) {
            (Condition::Always, _)
            | (Condition::Absent | Condition::Unclaimed, None)
            | (Condition::Present, Some(_)) => Ok(()),
            (Condition::Absent, Some(_)) => Err(Conflict::KeyExists),
            (Condition::Unclaimed, Some(_)) => Err(Conflict::NotReplaceable),
            (Condition::Present | Condition::Etag(_), None) => Err(Conflict::KeyAbsent),
            (Condition::Etag(etag), Some(meta)) if *etag == meta.etag => Ok(()),
            (Condition::Etag(_), Some(_)) => Err(Conflict::EtagDiffers),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
