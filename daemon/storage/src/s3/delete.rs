//! Owns the deletion of objects, one or many. Deleting what is not there is a success, as S3 has
//! it.

use cofferdam_trail::Event;
use futures::StreamExt as _;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETag, Error as ErrorDto,
};
use s3s::{S3Request, S3Response, S3Result};

use super::front::Calling;
use super::witness::Act;
use super::{Gateway, answer, bucket_name, calling, described, object_key, options};
use crate::catalogue::{BucketName, Change, Condition, Conflict};
use crate::code::Code;
use crate::fault::Fault;

/// The most keys in one request.
const KEYS_LIMIT: usize = 1000;
/// How many of them are deleted at once, so that they share syncs.
const AT_ONCE: usize = 32;

impl Gateway {
    pub(super) async fn delete(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let calling = calling(&request)?;
        let input = &request.input;
        options::refuse_version(input.version_id.as_deref())?;
        let bucket = bucket_name(&input.bucket)?;
        let condition = described::condition(input.if_match.as_ref(), None)?;
        self.delete_one(&calling, &bucket, &input.key, condition)
            .await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    pub(super) async fn delete_many(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let calling = calling(&request)?;
        let input = request.input;
        let bucket = bucket_name(&input.bucket)?;
        self.store()
            .view(|catalogue| catalogue.bucket(&bucket).map(|_| ()))
            .map_err(Fault::from)?;
        let count = input.delete.objects.len();
        if count > KEYS_LIMIT {
            let seen = format!("{count} keys, {KEYS_LIMIT} are allowed");
            return Err(Fault::new(Code::ArgumentInvalid, seen).into());
        }
        let quiet = input.delete.quiet.unwrap_or(false);
        let (calling, bucket) = (&calling, &bucket);
        let results: Vec<(String, Result<(), Fault>)> = futures::stream::iter(input.delete.objects)
            .map(|object| async move {
                let condition = condition(object.e_tag.as_ref());
                let result = match options::refuse_version(object.version_id.as_deref()) {
                    Ok(()) => {
                        self.delete_one(calling, bucket, &object.key, condition)
                            .await
                    }
                    Err(fault) => Err(fault),
                };
                (object.key, result)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut output = DeleteObjectsOutput::default();
        for (key, result) in results {
            match result {
                Ok(()) if quiet => {}
                Ok(()) => output.deleted.get_or_insert_default().push(DeletedObject {
                    key: Some(key),
                    ..DeletedObject::default()
                }),
                Err(fault) => output
                    .errors
                    .get_or_insert_default()
                    .push(line(key, &fault)),
            }
        }
        Ok(S3Response::new(output))
    }

    async fn delete_one(
        &self,
        calling: &Calling,
        bucket: &BucketName,
        key: &str,
        condition: Condition,
    ) -> Result<(), Fault> {
        let key = object_key(key)?;
        let meta = match self
            .store()
            .view(|catalogue| catalogue.object(bucket, &key).cloned())
        {
            Ok(meta) => meta,
            Err(Conflict::KeyAbsent) if condition == Condition::Always => return Ok(()),
            Err(conflict) => return Err(conflict.into()),
        };
        let act = Act::new(Event::RecordDelete, calling, Some(bucket)).on_stored(&meta);
        self.change(
            Change::Delete {
                bucket: bucket.clone(),
                key,
            },
            condition,
            act,
        )
        .await
    }
}

fn condition(etag: Option<&ETag>) -> Condition {
    etag.map_or(Condition::Always, |etag| {
        Condition::Etag(etag.value().to_owned())
    })
}

fn line(key: String, fault: &Fault) -> ErrorDto {
    let error = answer::error(fault);
    ErrorDto {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id: None,
    }
}
