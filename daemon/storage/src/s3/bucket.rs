//! Owns the operations on buckets themselves.

use cofferdam_trail::Event;
use s3s::dto::{
    BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput,
    DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::witness::Act;
use super::{Gateway, REGION, bucket_name, calling};
use crate::catalogue::{BucketName, Change, Condition};
use crate::fault::Fault;

impl Gateway {
    pub(super) async fn make_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let calling = calling(&request)?;
        super::options::refuse(&request.headers)?;
        let bucket = bucket_name(&request.input.bucket)?;
        let at_ms = self.store().clock().unix_ms();
        let change = Change::CreateBucket {
            bucket: bucket.clone(),
            at_ms,
        };
        let act = Act::new(Event::RecordCreate, &calling, Some(&bucket));
        self.change(change, Condition::Always, act).await?;
        Ok(S3Response::new(CreateBucketOutput {
            location: Some(format!("/{bucket}")),
        }))
    }

    pub(super) async fn drop_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let calling = calling(&request)?;
        let bucket = bucket_name(&request.input.bucket)?;
        let change = Change::DeleteBucket {
            bucket: bucket.clone(),
        };
        let act = Act::new(Event::RecordDelete, &calling, Some(&bucket));
        self.change(change, Condition::Always, act).await?;
        Ok(S3Response::new(DeleteBucketOutput {}))
    }

    pub(super) async fn look_at_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.shown(&request, &request.input.bucket).await?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(REGION.to_owned()),
            ..HeadBucketOutput::default()
        }))
    }

    pub(super) async fn location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.shown(&request, &request.input.bucket).await?;
        Ok(S3Response::new(GetBucketLocationOutput {
            location_constraint: Some(BucketLocationConstraint::from_static(REGION)),
        }))
    }

    /// A bucket without versions answers with neither `Enabled` nor `Suspended`.
    pub(super) async fn versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.shown(&request, &request.input.bucket).await?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn shown<T>(&self, request: &S3Request<T>, bucket: &str) -> Result<BucketName, Fault> {
        let calling = calling(request)?;
        let bucket = bucket_name(bucket)?;
        self.witness()
            .intend(Act::new(Event::RecordList, &calling, Some(&bucket)))
            .await?;
        self.store()
            .view(|catalogue| catalogue.bucket(&bucket).map(|_| ()))?;
        Ok(bucket)
    }

    /// Announces and makes a change that names no new file.
    pub(super) async fn change(
        &self,
        change: Change,
        condition: Condition,
        act: Act,
    ) -> Result<(), Fault> {
        self.store()
            .view(|catalogue| catalogue.decide(&change, &condition))?;
        self.witness().intend(act.clone()).await?;
        match self.store().commit(change, condition, Vec::new()).await {
            Ok(()) => Ok(()),
            Err(fault) => {
                self.witness().failed(act, &fault).await;
                Err(fault)
            }
        }
    }
}
