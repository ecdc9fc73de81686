//! Owns the table of unfinished uploads: what each holds, whether it can be completed as a client
//! asks, and the object that then comes of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use s3s::dto::{CompletedPart, ETag, Part as PartDto};

use super::super::described::Described;
use super::super::{bucket_name, number, object_key, timestamp};
use crate::catalogue::{BucketName, ObjectKey, ObjectMeta};
use crate::code::Code;
use crate::digest::{etag_of_parts, hex};
use crate::fault::Fault;
use crate::upload::Written;

/// The most unfinished uploads.
const UPLOADS_LIMIT: usize = 1000;
/// The least bytes of every part but the last.
const PART_MIN_BYTES: u64 = 5 << 20;
/// How long an upload that nobody touches is kept.
const IDLE_LIMIT_MS: u64 = 7 * 24 * 3_600_000;

/// The unfinished uploads.
#[derive(Debug, Default)]
pub(in crate::s3) struct Uploads(Mutex<BTreeMap<String, Unfinished>>);

#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) bucket: BucketName,
    pub(super) key: ObjectKey,
    pub(super) described: Described,
    pub(super) touched_ms: u64,
    pub(super) parts: BTreeMap<i32, Held>,
}

/// A part that is on disk.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) written: Written,
    pub(super) at_ms: u64,
}

impl Uploads {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Unfinished>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, id: String, upload: Unfinished) -> Result<(), Fault> {
        let mut uploads = self.lock();
        let now = upload.touched_ms;
        uploads.retain(|_, known| now.saturating_sub(known.touched_ms) < IDLE_LIMIT_MS);
        if uploads.len() >= UPLOADS_LIMIT {
            return Err(Fault::new(
                Code::UploadsFull,
                format!("{UPLOADS_LIMIT} are unfinished"),
            ));
        }
        uploads.insert(id, upload);
        Ok(())
    }

    /// Looks at the upload `id` of this very key.
    pub(super) fn with<T>(
        &self,
        place: &Place,
        look: impl FnOnce(&mut Unfinished) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut uploads = self.lock();
        match uploads.get_mut(&place.id) {
            Some(upload) if upload.bucket == place.bucket && upload.key == place.key => {
                look(upload)
            }
            Some(_) | None => Err(absent()),
        }
    }

    pub(super) fn take(&self, place: &Place) -> Result<Unfinished, Fault> {
        self.with(place, |_| Ok(()))?;
        self.lock().remove(&place.id).ok_or_else(absent)
    }
}

/// Which upload is meant.
pub(super) struct Place {
    pub(super) bucket: BucketName,
    pub(super) key: ObjectKey,
    pub(super) id: String,
}

impl Place {
    pub(super) fn read(bucket: &str, key: &str, id: &str) -> Result<Self, Fault> {
        Ok(Self {
            bucket: bucket_name(bucket)?,
            key: object_key(key)?,
            id: id.to_owned(),
        })
    }
}

impl Held {
    pub(super) fn line(&self, part: i32) -> PartDto {
        PartDto {
            part_number: Some(part),
            e_tag: Some(ETag::Strong(hex(&self.written.md5))),
            last_modified: Some(timestamp(self.at_ms)),
            size: Some(number(self.written.piece.size)),
            ..PartDto::default()
        }
    }
}

impl Unfinished {
    /// Whether the upload can be completed with the parts that the client lists.
    pub(super) fn check(&self, listed: &[CompletedPart], size: Option<i64>) -> Result<(), Fault> {
        let invalid = |seen: String| Fault::new(Code::PartInvalid, seen);
        if listed.is_empty() {
            return Err(invalid("no parts".to_owned()));
        }
        let mut before = 0;
        let mut total = 0_u64;
        for (index, part) in listed.iter().enumerate() {
            let number = part.part_number.unwrap_or(0);
            if number <= before {
                return Err(invalid(format!("part {number} behind part {before}")));
            }
            before = number;
            let held = self
                .parts
                .get(&number)
                .ok_or_else(|| invalid(format!("part {number} was not uploaded")))?;
            if !held.is(part) {
                return Err(invalid(format!(
                    "part {number} has another ETag or checksum"
                )));
            }
            let last = index + 1 == listed.len();
            if !last && held.written.piece.size < PART_MIN_BYTES {
                let seen = format!("part {number} has {} bytes", held.written.piece.size);
                return Err(invalid(seen));
            }
            total = total.saturating_add(held.written.piece.size);
        }
        if size.is_some_and(|size| size != number(total)) {
            return Err(invalid(format!("the parts have {total} bytes together")));
        }
        Ok(())
    }

    /// The object that the listed parts make up; what is not listed goes.
    pub(super) fn whole(
        mut self,
        listed: &[CompletedPart],
        now_ms: u64,
    ) -> (ObjectMeta, Vec<Written>) {
        let used: Vec<Written> = listed
            .iter()
            .filter_map(|part| self.parts.remove(&part.part_number?))
            .map(|held| held.written)
            .collect();
        let digests: Vec<[u8; 16]> = used.iter().map(|written| written.md5).collect();
        let pieces = used.iter().map(|written| written.piece.clone()).collect();
        let meta = self
            .described
            .into_whole(pieces, etag_of_parts(&digests), now_ms);
        (meta, used)
    }
}

impl Held {
    /// Whether the client means this very part.
    fn is(&self, part: &CompletedPart) -> bool {
        let sums = [
            ("crc32", &part.checksum_crc32),
            ("crc32c", &part.checksum_crc32c),
            ("crc64nvme", &part.checksum_crc64nvme),
            ("sha1", &part.checksum_sha1),
            ("sha256", &part.checksum_sha256),
        ];
        let same_etag = part
            .e_tag
            .as_ref()
            .is_none_or(|etag| etag.value() == hex(&self.written.md5));
        let known = &self.written.sent.sums;
        same_etag
            && sums
                .into_iter()
                .all(|(name, said)| match (said, known.get(name)) {
                    (Some(said), Some(known)) => said == known,
                    (Some(_) | None, None) | (None, Some(_)) => true,
                })
    }
}

fn absent() -> Fault {
    Fault::new(Code::UploadAbsent, "no such upload of this key")
}
