//! Owns uploads in parts: each part is a sealed file of its own, and completing an upload names
//! them together in one catalogue record, without writing a byte of them again.
//!
//! Unfinished uploads live in memory alone: a restart forgets them and sweeps their files. They are
//! bounded in number, and dropped when nobody touched them for a week.

mod unfinished;

use std::collections::BTreeMap;

use cofferdam_seal::ObjectId;
use cofferdam_trail::Event;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag,
    ListPartsInput, ListPartsOutput, Part as PartDto, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::check::Announced;
use super::described::{Described, condition};
use super::put::{Incoming, Kind, within_rights};
use super::witness::Act;
use super::{Gateway, bucket_name, calling, object_key, options};
use crate::catalogue::{BucketName, Change, Condition, ObjectMeta, record};
use crate::code::Code;
use crate::digest::{Digests, hex};
use crate::fault::Fault;
pub(super) use unfinished::Uploads;
use unfinished::{Held, Place, Unfinished};

/// The highest number of a part.
const PARTS_LIMIT: i32 = 10_000;

impl Gateway {
    pub(super) async fn begin(
        &self,
        mut request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let calling = calling(&request)?;
        options::refuse(&request.headers)?;
        let metadata = request.input.metadata.take();
        let described = Described::read(&request.headers, metadata)?;
        if described.kind() == Kind::Segment {
            return Err(Fault::new(Code::OptionAbsent, "a segment in parts").into());
        }
        let input = request.input;
        let (bucket, key) = (bucket_name(&input.bucket)?, object_key(&input.key)?);
        // Refused before its parts are sent, what would be refused once they are.
        let condition = within_rights(&calling, &bucket, Condition::Always)?;
        self.precheck(&bucket, &key, &condition)?;
        let id = ObjectId::random()
            .map(record::hex)
            .map_err(|error| Fault::new(Code::DiskFault, error.to_string()))?;
        let act =
            Act::new(Event::RecordCreate, &calling, Some(&bucket)).with("upload", id.as_str());
        self.witness().intend(act.with("part", "begin")).await?;
        let touched_ms = self.store().clock().unix_ms();
        let upload = Unfinished {
            bucket,
            key,
            described,
            touched_ms,
            parts: BTreeMap::new(),
        };
        self.uploads().add(id.clone(), upload)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn part(
        &self,
        mut request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        options::refuse(&request.headers)?;
        let input = &mut request.input;
        let place = Place::read(&input.bucket, &input.key, &input.upload_id)?;
        let number = input.part_number;
        if !(1..=PARTS_LIMIT).contains(&number) {
            let seen = format!("part {number}, 1 to {PARTS_LIMIT} are possible");
            return Err(Fault::new(Code::ArgumentInvalid, seen).into());
        }
        self.uploads().with(&place, |_| Ok(()))?;
        let body = input.body.take();
        let incoming = Incoming::of(&mut request, body)?;
        let written = self.receive(&place.bucket, incoming, Kind::Object).await?;
        let sum = |name: &str| written.sent.sums.get(name).cloned();
        let output = UploadPartOutput {
            e_tag: Some(ETag::Strong(hex(&written.md5))),
            checksum_crc32: sum("crc32"),
            checksum_crc32c: sum("crc32c"),
            checksum_crc64nvme: sum("crc64nvme"),
            checksum_sha1: sum("sha1"),
            checksum_sha256: sum("sha256"),
            ..UploadPartOutput::default()
        };
        let at_ms = self.store().clock().unix_ms();
        let replaced = self.uploads().with(&place, |upload| {
            upload.touched_ms = at_ms;
            Ok(upload.parts.insert(number, Held { written, at_ms }))
        })?;
        drop(replaced);
        Ok(S3Response::new(output))
    }

    pub(super) async fn parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let calling = calling(&request)?;
        let input = request.input;
        let place = Place::read(&input.bucket, &input.key, &input.upload_id)?;
        let after = input.part_number_marker.unwrap_or(0);
        let most = input.max_parts.unwrap_or(1000).clamp(0, 1000);
        let act = Act::new(Event::RecordList, &calling, Some(&place.bucket));
        self.witness()
            .intend(act.with("upload", place.id.as_str()))
            .await?;
        let wanted = usize::try_from(most).unwrap_or(0);
        let (parts, more) = self.uploads().with(&place, |upload| {
            let from = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
            let mut behind = upload.parts.range(from);
            let parts: Vec<PartDto> = behind
                .by_ref()
                .take(wanted)
                .map(|(number, held)| held.line(*number))
                .collect();
            Ok((parts, behind.next().is_some()))
        })?;
        let last = parts.last().and_then(|part| part.part_number);
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(more),
            max_parts: Some(most),
            next_part_number_marker: if more { last } else { None },
            part_number_marker: Some(after),
            parts: Some(parts),
            ..ListPartsOutput::default()
        }))
    }

    pub(super) async fn abort(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let calling = calling(&request)?;
        let input = request.input;
        let place = Place::read(&input.bucket, &input.key, &input.upload_id)?;
        self.uploads().with(&place, |_| Ok(()))?;
        let act = Act::new(Event::RecordDelete, &calling, Some(&place.bucket));
        self.witness()
            .intend(act.with("upload", place.id.as_str()))
            .await?;
        let upload = self.uploads().take(&place)?;
        crate::read::blocking(move || {
            drop(upload);
            Ok(())
        })
        .await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    pub(super) async fn complete(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let calling = calling(&request)?;
        let announced = Announced::of_whole(&request.headers)?;
        let input = request.input;
        let place = Place::read(&input.bucket, &input.key, &input.upload_id)?;
        let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let condition = within_rights(&calling, &place.bucket, condition)?;
        self.precheck(&place.bucket, &place.key, &condition)?;
        let listed = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        // An upload that cannot be completed as asked stays, so that the client can mend it.
        self.uploads().with(&place, |upload| {
            upload.check(&listed, input.mpu_object_size)
        })?;
        let upload = self.uploads().take(&place)?;
        let (mut meta, files) = upload.whole(&listed, self.store().clock().unix_ms());
        let written = files.into_iter().map(|written| written.file).collect();
        meta.checksums = self.sums_of_whole(&place.bucket, &meta, &announced).await?;

        let act = Act::new(Event::RecordCreate, &calling, Some(&place.bucket)).on_stored(&meta);
        let act = act.with("upload", place.id.as_str());
        self.witness().intend(act.clone()).await?;
        let etag = meta.etag.clone();
        let Place { bucket, key, .. } = place;
        let change = Change::Put {
            bucket,
            key,
            meta: Box::new(meta),
        };
        if let Err(fault) = self.store().commit(change, condition, written).await {
            self.witness().failed(act, &fault).await;
            return Err(fault.into());
        }
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(etag)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    /// Compares a checksum over the whole object, where one was announced, by reading it back.
    async fn sums_of_whole(
        &self,
        bucket: &BucketName,
        meta: &ObjectMeta,
        announced: &Announced,
    ) -> Result<BTreeMap<String, String>, Fault> {
        let wanted = announced.wanted();
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut digests = Digests::new(&wanted);
        let mut read = self.store().read(bucket, meta, 0, meta.size);
        while let Some(bytes) = read.next().await? {
            digests.update(&bytes);
        }
        let computed = digests.finish();
        announced.verify(meta.size, &computed, None)?;
        Ok(computed.sums)
    }
}
