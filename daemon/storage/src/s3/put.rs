//! Owns the way of a body into the store: gathered in bounded pieces, sealed as it comes, compared
//! with what was announced, put on record, and only then named by the catalogue.

use std::time::Duration;

use cofferdam_rack::Verb;
use cofferdam_seal::HEADER_LEN;
use cofferdam_trail::Event;
use futures::StreamExt as _;
use http::HeaderMap;
use s3s::dto::{ETag, PutObjectInput, PutObjectOutput, StreamingBlob};
use s3s::{S3Request, S3Response, S3Result, TrailingHeaders};

use super::check::Announced;
use super::chunked::Trailers;
use super::described::{Described, condition};
use super::front::Calling;
use super::witness::Act;
use super::{Gateway, bucket_name, calling, object_key, options};
use crate::catalogue::{BucketName, Change, Condition, ObjectKey, ObjectMeta};
use crate::code::Code;
use crate::fault::Fault;
use crate::read::blocking;
use crate::segment::{self, SegmentUpload};
use crate::upload::{Upload, Written};

/// How much of a body is gathered before it is sealed and written.
const GATHER_BYTES: usize = 256 << 10;
/// How long the next byte of a body may take.
const BODY_IDLE: Duration = Duration::from_secs(30);

/// What a body is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Plaintext, to be sealed here.
    Object,
    /// A segment that intake sealed.
    Segment,
}

/// A body with what was announced of it.
#[derive(Debug)]
pub(super) struct Incoming {
    body: Option<StreamingBlob>,
    announced: Announced,
    trailing: Option<TrailingHeaders>,
    trailers: Option<Trailers>,
}

impl Incoming {
    /// Takes the body's side of a request.
    ///
    /// # Errors
    /// What was announced cannot be understood.
    pub(super) fn of<T>(
        request: &mut S3Request<T>,
        body: Option<StreamingBlob>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            body,
            announced: Announced::read(&request.headers)?,
            trailing: request.trailing_headers.take(),
            trailers: request.extensions.get::<Trailers>().cloned(),
        })
    }

    fn trailers(&self) -> Option<HeaderMap> {
        match (&self.trailing, &self.trailers) {
            (Some(signed), _) => signed.take(),
            (None, Some(unsigned)) => unsigned.read(),
            (None, None) => None,
        }
    }
}

/// Narrows the condition of a write to what the writer may do: to replace an object is to delete it.
///
/// # Errors
/// [`Code::NotReplaceable`] when nothing but a replacement was asked for.
pub(super) fn within_rights(
    calling: &Calling,
    bucket: &BucketName,
    condition: Condition,
) -> Result<Condition, Fault> {
    if calling
        .0
        .authorize(Verb::Delete, Some(bucket.as_str()))
        .is_ok()
    {
        return Ok(condition);
    }
    match condition {
        Condition::Absent => Ok(Condition::Absent),
        Condition::Always | Condition::Unclaimed => Ok(Condition::Unclaimed),
        Condition::Present | Condition::Etag(_) => Err(Fault::new(
            Code::NotReplaceable,
            "If-Match asks to replace an object",
        )),
    }
}

impl Gateway {
    pub(super) async fn put(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let calling = calling(&request)?;
        options::refuse(&request.headers)?;
        let bucket = bucket_name(&request.input.bucket)?;
        let key = object_key(&request.input.key)?;
        let input = &request.input;
        let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let condition = within_rights(&calling, &bucket, condition)?;
        let described = Described::read(&request.headers, request.input.metadata.take())?;
        self.precheck(&bucket, &key, &condition)?;

        let body = request.input.body.take();
        let incoming = Incoming::of(&mut request, body)?;
        let kind = described.kind();
        let written = self.receive(&bucket, incoming, kind).await?;

        let meta = described.into_meta(&written, self.store().clock().unix_ms());
        let answer = answer(&meta);
        let act = match written.segment {
            None => Act::new(Event::RecordCreate, &calling, Some(&bucket)),
            Some(seen) => Act::new(Event::BatchReceive, &calling, Some(&bucket))
                .with("records", seen.records)
                .with("closed", seen.closed),
        };
        let act = act.on(written.piece.file, meta.size);
        self.witness().intend(act.clone()).await?;
        let change = Change::Put {
            bucket,
            key,
            meta: Box::new(meta),
        };
        match self
            .store()
            .commit(change, condition, vec![written.file])
            .await
        {
            Ok(()) => Ok(S3Response::new(answer)),
            Err(fault) => {
                self.witness().failed(act, &fault).await;
                Err(fault.into())
            }
        }
    }

    /// Refuses before the body what would be refused behind it.
    pub(super) fn precheck(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        condition: &Condition,
    ) -> Result<(), Fault> {
        let probe = Change::Delete {
            bucket: bucket.clone(),
            key: key.clone(),
        };
        Ok(self
            .store()
            .view(|catalogue| catalogue.decide(&probe, condition))?)
    }

    /// Takes a body in; what comes back is sealed, durable and as announced.
    pub(super) async fn receive(
        &self,
        bucket: &BucketName,
        mut incoming: Incoming,
        kind: Kind,
    ) -> Result<Written, Fault> {
        let limit = self.object_limit_bytes();
        if let Some(length) = incoming.announced.length().filter(|length| *length > limit) {
            return Err(too_large(length, limit));
        }
        let mut pieces = Pieces {
            body: incoming.body.take(),
            total: 0,
            limit,
        };
        let mut first = pieces.next().await?.unwrap_or_default();
        let mut inbound = self
            .begin_inbound(bucket, &incoming.announced, kind, &mut first)
            .await?;
        let mut piece = Some(first);
        while let Some(bytes) = piece {
            inbound = blocking(move || inbound.absorb(&bytes)).await?;
            piece = pieces.next().await?;
        }
        let written = blocking(move || inbound.finish()).await?;
        let trailers = incoming.trailers();
        incoming
            .announced
            .verify(pieces.total, &written.sent, trailers.as_ref())?;
        Ok(written)
    }

    async fn begin_inbound(
        &self,
        bucket: &BucketName,
        announced: &Announced,
        kind: Kind,
        first: &mut Vec<u8>,
    ) -> Result<Inbound, Fault> {
        let (objects, bucket) = (self.store().objects().clone(), bucket.clone());
        let wanted = announced.wanted();
        match kind {
            Kind::Object => {
                let key = self.store().key().await?;
                let upload = blocking(move || Upload::begin(&objects, &bucket, &key, &wanted));
                Ok(Inbound::Object(Box::new(upload.await?)))
            }
            Kind::Segment => {
                let Some((head, rest)) = first.split_at_checked(HEADER_LEN) else {
                    let seen = format!("{} bytes, its header has {HEADER_LEN}", first.len());
                    return Err(Fault::new(Code::SegmentMalformed, seen));
                };
                let (head, rest) = (head.to_vec(), rest.to_vec());
                *first = rest;
                let header = segment::header(&head)?;
                let key = self.store().open_key(header.wrapped()).await?;
                blocking(move || {
                    let mut segment =
                        SegmentUpload::begin(&objects, &bucket, &header, &key, &wanted)?;
                    segment.absorb_header(&head)?;
                    Ok(Inbound::Segment(Box::new(segment)))
                })
                .await
            }
        }
    }
}

/// What a body becomes.
enum Inbound {
    Object(Box<Upload>),
    Segment(Box<SegmentUpload>),
}

impl Inbound {
    fn absorb(mut self, bytes: &[u8]) -> Result<Self, Fault> {
        match &mut self {
            Inbound::Object(upload) => upload.absorb(bytes)?,
            Inbound::Segment(segment) => segment.absorb(bytes)?,
        }
        Ok(self)
    }

    fn finish(self) -> Result<Written, Fault> {
        match self {
            Inbound::Object(upload) => upload.finish(),
            Inbound::Segment(segment) => segment.finish(),
        }
    }
}

/// A body in pieces of a size worth sealing.
struct Pieces {
    body: Option<StreamingBlob>,
    total: u64,
    limit: u64,
}

impl Pieces {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(body) = &mut self.body else {
            return Ok(None);
        };
        let mut gathered = Vec::new();
        while gathered.len() < GATHER_BYTES {
            let next = tokio::time::timeout(BODY_IDLE, body.next())
                .await
                .map_err(|_elapsed| Fault::new(Code::BodySlow, format!("{BODY_IDLE:?}")))?;
            let Some(bytes) = next.transpose().map_err(|error| broken(&*error))? else {
                self.body = None;
                break;
            };
            self.total = self
                .total
                .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if self.total > self.limit {
                return Err(too_large(self.total, self.limit));
            }
            gathered.extend_from_slice(&bytes);
        }
        Ok((!gathered.is_empty()).then_some(gathered))
    }
}

fn too_large(length: u64, limit: u64) -> Fault {
    Fault::new(
        Code::BodyTooLarge,
        format!("{length} bytes, {limit} are allowed"),
    )
}

/// A body that ended in an error. The errors of s3s are told apart by their text: it exports none
/// of their types, and its version is pinned.
fn broken(error: &(dyn std::error::Error + Send + Sync)) -> Fault {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") || text.contains("SignatureMismatch") {
        return Fault::new(Code::PayloadSignature, text);
    }
    if text.contains("LengthMismatch") || text.ends_with("Incomplete") {
        return Fault::new(Code::BodyLength, text);
    }
    Fault::new(Code::BodyBroken, text)
}

fn answer(meta: &ObjectMeta) -> PutObjectOutput {
    let sum = |name: &str| meta.checksums.get(name).cloned();
    PutObjectOutput {
        e_tag: Some(ETag::Strong(meta.etag.clone())),
        checksum_crc32: sum("crc32"),
        checksum_crc32c: sum("crc32c"),
        checksum_crc64nvme: sum("crc64nvme"),
        checksum_sha1: sum("sha1"),
        checksum_sha256: sum("sha256"),
        ..PutObjectOutput::default()
    }
}
