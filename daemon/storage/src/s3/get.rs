//! Owns reading an object: conditions, ranges, and a body of which every byte was authenticated.

use bytes::Bytes;
use cofferdam_trail::Event;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, header};
use hyper::body::Frame;
use s3s::dto::{
    ChecksumMode, ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput,
    HeadObjectOutput, Range, StreamingBlob, Timestamp, TimestampFormat,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use time::OffsetDateTime;

use super::front::Calling;
use super::witness::{Act, Witness};
use super::{Gateway, bucket_name, calling, number, object_key, options, timestamp};
use crate::catalogue::{BucketName, ObjectKey, ObjectMeta};
use crate::code::Code;
use crate::fault::Fault;
use crate::read::ObjectRead;

/// How often an object that is replaced while it is being opened is looked up again.
const LOOKUPS: usize = 8;
/// What an object is when its writer did not say.
const DEFAULT_TYPE: &str = "binary/octet-stream";

/// What is asked of an object.
#[derive(Debug, Default)]
struct Asked {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
    range: Option<Range>,
    part: Option<i32>,
    sums: bool,
}

/// What of an object is given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    offset: u64,
    length: u64,
    range: Option<String>,
    parts: Option<i32>,
}

/// An object that is being read, and on whose behalf.
struct Reading {
    read: ObjectRead,
    witness: Witness,
    calling: Calling,
    bucket: BucketName,
    meta: ObjectMeta,
}

impl Gateway {
    pub(super) async fn get(
        &self,
        mut request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let calling = calling(&request)?;
        options::refuse(&request.headers)?;
        options::refuse_version(request.input.version_id.as_deref())?;
        let bucket = bucket_name(&request.input.bucket)?;
        let key = object_key(&request.input.key)?;
        let asked = Asked::of_get(&mut request.input);
        let (reading, given, first) = self.open(&calling, &bucket, &key, &asked).await?;
        let meta = reading.meta.clone();
        let body = reading.stream(first);
        let header = |name: &str| meta.headers.get(name).cloned();
        let sum = |name: &str| asked.sum(&meta, &given, name);
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(body),
            cache_control: header("cache-control"),
            checksum_crc32: sum("crc32"),
            checksum_crc32c: sum("crc32c"),
            checksum_crc64nvme: sum("crc64nvme"),
            checksum_sha1: sum("sha1"),
            checksum_sha256: sum("sha256"),
            content_disposition: header("content-disposition"),
            content_encoding: header("content-encoding"),
            content_language: header("content-language"),
            content_length: Some(number(given.length)),
            content_range: given.range.clone(),
            content_type: Some(header("content-type").unwrap_or_else(|| DEFAULT_TYPE.to_owned())),
            e_tag: Some(ETag::Strong(meta.etag.clone())),
            expires: header("expires").and_then(|text| http_date(&text)),
            last_modified: Some(timestamp(meta.modified_ms)),
            metadata: Some(meta.user.clone().into_iter().collect()),
            parts_count: given.parts,
            ..GetObjectOutput::default()
        }))
    }

    pub(super) async fn head(
        &self,
        mut request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let calling = calling(&request)?;
        options::refuse(&request.headers)?;
        options::refuse_version(request.input.version_id.as_deref())?;
        let bucket = bucket_name(&request.input.bucket)?;
        let key = object_key(&request.input.key)?;
        let asked = Asked::of_head(&mut request.input);
        let meta = self.store().object(&bucket, &key)?;
        asked.judge(&meta)?;
        let given = asked.given(&meta)?;
        let act = Act::new(Event::RecordRead, &calling, Some(&bucket)).on_stored(&meta);
        self.witness().intend(act.with("part", "head")).await?;
        let header = |name: &str| meta.headers.get(name).cloned();
        let sum = |name: &str| asked.sum(&meta, &given, name);
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: header("cache-control"),
            checksum_crc32: sum("crc32"),
            checksum_crc32c: sum("crc32c"),
            checksum_crc64nvme: sum("crc64nvme"),
            checksum_sha1: sum("sha1"),
            checksum_sha256: sum("sha256"),
            content_disposition: header("content-disposition"),
            content_encoding: header("content-encoding"),
            content_language: header("content-language"),
            content_length: Some(number(given.length)),
            content_range: given.range.clone(),
            content_type: Some(header("content-type").unwrap_or_else(|| DEFAULT_TYPE.to_owned())),
            e_tag: Some(ETag::Strong(meta.etag.clone())),
            expires: header("expires").and_then(|text| http_date(&text)),
            last_modified: Some(timestamp(meta.modified_ms)),
            metadata: Some(meta.user.clone().into_iter().collect()),
            parts_count: given.parts,
            ..HeadObjectOutput::default()
        }))
    }

    /// Looks the object up, records the reading, and reads its first bytes, so that damage at the
    /// beginning is an answer and not a broken body.
    async fn open(
        &self,
        calling: &Calling,
        bucket: &BucketName,
        key: &ObjectKey,
        asked: &Asked,
    ) -> Result<(Reading, Given, Option<Bytes>), S3Error> {
        let mut lookups = 0;
        loop {
            let meta = self.store().object(bucket, key)?;
            asked.judge(&meta)?;
            let given = asked.given(&meta)?;
            let act = Act::new(Event::RecordRead, calling, Some(bucket)).on_stored(&meta);
            let act = match &given.range {
                Some(range) => act.with("part", range.as_str()),
                None => act,
            };
            self.witness().intend(act).await?;
            let mut read = self.store().read(bucket, &meta, given.offset, given.length);
            lookups += 1;
            match read.next().await {
                Ok(first) => {
                    let reading = Reading {
                        read,
                        witness: self.witness().clone(),
                        calling: calling.clone(),
                        bucket: bucket.clone(),
                        meta,
                    };
                    return Ok((reading, given, first));
                }
                Err(fault) => {
                    let replaced = fault.code() == Code::ObjectGone
                        && self.store().object(bucket, key).ok().as_ref() != Some(&meta);
                    if !replaced || lookups == LOOKUPS {
                        self.witness().damage(calling, bucket, &meta, &fault).await;
                        return Err(fault.into());
                    }
                }
            }
        }
    }
}

impl Reading {
    /// The body. Should a later piece turn out damaged, the message breaks off before it, which a
    /// client notices by its length, and the damage is on record.
    fn stream(self, first: Option<Bytes>) -> StreamingBlob {
        let state = Some((self, first));
        let stream = futures::stream::unfold(state, |state| async {
            let (mut reading, first) = state?;
            if let Some(bytes) = first {
                return Some((Ok(bytes), Some((reading, None))));
            }
            match reading.read.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some((reading, None)))),
                Ok(None) => None,
                Err(fault) => {
                    let Reading {
                        witness,
                        calling,
                        bucket,
                        meta,
                        ..
                    } = &reading;
                    witness.damage(calling, bucket, meta, &fault).await;
                    Some((Err(fault), None))
                }
            }
        });
        let body = http_body_util::StreamBody::new(stream.map(|piece| piece.map(Frame::data)));
        StreamingBlob::from(s3s::Body::http_body_unsync(body))
    }
}

impl Asked {
    fn of_get(input: &mut GetObjectInput) -> Self {
        Self {
            if_match: input.if_match.take(),
            if_none_match: input.if_none_match.take(),
            if_modified_since: input.if_modified_since.take(),
            if_unmodified_since: input.if_unmodified_since.take(),
            range: input.range,
            part: input.part_number,
            sums: wants_sums(input.checksum_mode.as_ref()),
        }
    }

    fn of_head(input: &mut HeadObjectInput) -> Self {
        Self {
            if_match: input.if_match.take(),
            if_none_match: input.if_none_match.take(),
            if_modified_since: input.if_modified_since.take(),
            if_unmodified_since: input.if_unmodified_since.take(),
            range: input.range,
            part: input.part_number,
            sums: wants_sums(input.checksum_mode.as_ref()),
        }
    }

    /// Judges the conditions in the order of RFC 9110 §13.2.2.
    fn judge(&self, meta: &ObjectMeta) -> Result<(), S3Error> {
        let modified = i64::try_from(meta.modified_ms / 1000).unwrap_or(i64::MAX);
        let later =
            |since: &Timestamp| modified > OffsetDateTime::from(since.clone()).unix_timestamp();
        let same = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(etag) => etag.value() == meta.etag,
        };
        let holds = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => same(condition),
            (None, Some(since)) => !later(since),
            (None, None) => true,
        };
        if !holds {
            return Err(Fault::new(Code::EtagDiffers, "a condition does not hold").into());
        }
        let fresh = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => !same(condition),
            (None, Some(since)) => later(since),
            (None, None) => true,
        };
        if fresh {
            Ok(())
        } else {
            Err(not_modified(meta))
        }
    }

    fn given(&self, meta: &ObjectMeta) -> Result<Given, Fault> {
        let outside = || Fault::new(Code::RangeInvalid, format!("{} bytes in all", meta.size));
        let (offset, length) = match (self.range, self.part) {
            (Some(_), Some(_)) => {
                return Err(Fault::new(
                    Code::ArgumentInvalid,
                    "a range and a part together",
                ));
            }
            (None, None) => {
                return Ok(Given {
                    offset: 0,
                    length: meta.size,
                    range: None,
                    parts: None,
                });
            }
            (Some(range), None) => {
                let range = range.check(meta.size).map_err(|_outside| outside())?;
                if range.is_empty() {
                    return Err(outside());
                }
                (range.start, range.end - range.start)
            }
            (None, Some(part)) => stretch_of_part(meta, part)?,
        };
        let last = offset.saturating_add(length).saturating_sub(1);
        let partial = length > 0 && length < meta.size || self.range.is_some();
        Ok(Given {
            offset,
            length,
            range: partial.then(|| format!("bytes {offset}-{last}/{}", meta.size)),
            parts: self
                .part
                .and_then(|_| i32::try_from(meta.pieces.len()).ok()),
        })
    }

    /// A checksum speaks of the whole object, so it is given with the whole object only.
    fn sum(&self, meta: &ObjectMeta, given: &Given, name: &str) -> Option<String> {
        if self.sums && given.range.is_none() {
            meta.checksums.get(name).cloned()
        } else {
            None
        }
    }
}

fn stretch_of_part(meta: &ObjectMeta, part: i32) -> Result<(u64, u64), Fault> {
    let absent = || {
        Fault::new(
            Code::PartInvalid,
            format!("part {part} of {}", meta.pieces.len()),
        )
    };
    let index = usize::try_from(part)
        .ok()
        .and_then(|part| part.checked_sub(1));
    let (before, from) = meta
        .pieces
        .split_at_checked(index.ok_or_else(absent)?)
        .ok_or_else(absent)?;
    let piece = from.first().ok_or_else(absent)?;
    Ok((before.iter().map(|piece| piece.size).sum(), piece.size))
}

fn wants_sums(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn http_date(text: &str) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::HttpDate, text).ok()
}

fn not_modified(meta: &ObjectMeta) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = HeaderMap::new();
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", meta.etag)) {
        headers.insert(header::ETAG, etag);
    }
    error.set_headers(headers);
    error
}
