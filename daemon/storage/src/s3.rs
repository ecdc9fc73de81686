//! Owns the S3 protocol over the store: which operations there are, and the service that serves
//! them. Each operation is authorised before its body is read ([`door`]) and on record before it
//! takes effect ([`witness`]).
//!
//! It must never answer an operation that is not listed here with anything but `NotImplemented`.

pub mod answer;
mod bucket;
pub mod check;
pub mod chunked;
mod delete;
mod described;
pub mod door;
pub mod front;
mod get;
mod list;
mod multipart;
pub mod options;
mod put;
pub mod witness;

use std::sync::Arc;

use async_trait::async_trait;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto::{self, Timestamp};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result};
use time::OffsetDateTime;

use crate::catalogue::{BucketName, ObjectKey};
use crate::code::Code;
use crate::fault::Fault;
use crate::grant::Grants;
use crate::seam::Receipts;
use crate::store::Store;
use door::Door;
use front::{Calling, Front};
use multipart::Uploads;
use witness::Witness;

/// The region of every bucket. Any name that is not one of Amazon's makes clients sign with
/// version 4.
pub const REGION: &str = "cofferdam";

/// The largest XML body that is read: a list of 1,000 keys to delete, each escaped in full.
const XML_LIMIT_BYTES: usize = 8 << 20;

/// The operations of the store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    witness: Witness,
    object_limit_bytes: u64,
    uploads: Uploads,
}

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// The store.
    pub store: Store,
    /// The trail.
    pub receipts: Arc<dyn Receipts>,
    /// Access keys.
    pub grants: Arc<Grants>,
    /// The most bytes of one body.
    pub object_limit_bytes: u64,
}

/// Builds the service.
#[must_use]
pub fn service(parts: Parts) -> Front {
    let witness = Witness::new(parts.receipts, parts.store.clock().clone());
    let door = Door::new(parts.grants, witness.clone());
    let gateway = Gateway(Arc::new(Inner {
        store: parts.store,
        witness,
        object_limit_bytes: parts.object_limit_bytes,
        uploads: Uploads::default(),
    }));
    let mut config = S3Config::default();
    config.xml_max_body_size = XML_LIMIT_BYTES;
    let mut builder = S3ServiceBuilder::new(gateway);
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    // s3s asks the access check only when there is somebody who knows secrets.
    builder.set_auth(door.clone());
    builder.set_access(door);
    Front::new(builder.build())
}

impl Gateway {
    fn store(&self) -> &Store {
        &self.0.store
    }

    fn witness(&self) -> &Witness {
        &self.0.witness
    }

    fn object_limit_bytes(&self) -> u64 {
        self.0.object_limit_bytes
    }

    fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }
}

fn calling<T>(request: &S3Request<T>) -> Result<Calling, Fault> {
    let calling = request.extensions.get::<Calling>().cloned();
    calling.ok_or_else(|| Fault::new(Code::NoSession, "no caller"))
}

fn bucket_name(text: &str) -> Result<BucketName, Fault> {
    BucketName::parse(text).ok_or_else(|| Fault::new(Code::ArgumentInvalid, "no bucket name"))
}

fn object_key(text: &str) -> Result<ObjectKey, Fault> {
    ObjectKey::parse(text)
        .ok_or_else(|| Fault::new(Code::ArgumentInvalid, "a key has 1 to 1,024 bytes"))
}

fn timestamp(unix_ms: u64) -> Timestamp {
    let nanoseconds = i128::from(unix_ms) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds);
    Timestamp::from(time.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

/// A size in the signed numbers of the protocol.
fn number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Hands each operation of the protocol to the method that does it.
macro_rules! operations {
    ($($operation:ident($input:ident) -> $output:ident = $method:ident;)+) => {
        #[async_trait]
        impl S3 for Gateway {
            $(
                async fn $operation(
                    &self,
                    request: S3Request<dto::$input>,
                ) -> S3Result<S3Response<dto::$output>> {
                    Box::pin(self.$method(request)).await
                }
            )+
        }
    };
}

operations! {
    list_buckets(ListBucketsInput) -> ListBucketsOutput = buckets;
    create_bucket(CreateBucketInput) -> CreateBucketOutput = make_bucket;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = drop_bucket;
    head_bucket(HeadBucketInput) -> HeadBucketOutput = look_at_bucket;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = location;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = versioning;
    list_objects(ListObjectsInput) -> ListObjectsOutput = objects_v1;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = objects_v2;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput = versions;
    put_object(PutObjectInput) -> PutObjectOutput = put;
    get_object(GetObjectInput) -> GetObjectOutput = get;
    head_object(HeadObjectInput) -> HeadObjectOutput = head;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = delete;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = delete_many;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = begin;
    upload_part(UploadPartInput) -> UploadPartOutput = part;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput
        = complete;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = abort;
    list_parts(ListPartsInput) -> ListPartsOutput = parts;
}

#[cfg(test)]
mod tests;
