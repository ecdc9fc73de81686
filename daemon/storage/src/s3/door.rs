//! Owns who may do what: the grant behind a signature, the zone of the certificate, the flow table.
//! All of it is decided before a body is read.
//!
//! It must never let an operation through that it has no verb for.

use std::sync::Arc;

use async_trait::async_trait;
use cofferdam_hwprofile::Refusal;
use cofferdam_rack::Verb;
use cofferdam_trail::{Event, Phase, Status};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::front::Calling;
use super::witness::{Act, Witness};
use crate::catalogue::BucketName;
use crate::code::Code;
use crate::fault::Fault;
use crate::grant::Grants;

/// The door of the store.
#[derive(Debug, Clone)]
pub struct Door {
    grants: Arc<Grants>,
    witness: Witness,
}

impl Door {
    /// A door that knows `grants` and records whom it turned away.
    #[must_use]
    pub fn new(grants: Arc<Grants>, witness: Witness) -> Self {
        Self { grants, witness }
    }

    fn judge(&self, asked: &Asked<'_>) -> Result<(), Turned> {
        if let Some(access_key) = asked.access_key {
            let grant = self.grants.find(access_key).ok_or_else(unknown_key)?;
            if grant.zone() != asked.calling.0.zone() {
                let seen = format!(
                    "the grant is for zone {}, the certificate says {}",
                    grant.zone(),
                    asked.calling.0.zone()
                );
                return Err(Fault::new(Code::GrantZone, seen).into());
            }
        }
        let verb = match right_for(asked.operation) {
            Right::Verb(verb) => verb,
            // Each bucket is asked about again when it is shown.
            Right::Each if asked.calling.0.reaches(Verb::List) => return Ok(()),
            Right::Each => Verb::List,
            Right::None => {
                return Err(Fault::new(Code::OperationAbsent, asked.operation.to_owned()).into());
            }
        };
        asked
            .calling
            .0
            .authorize(verb, asked.bucket)
            .map_err(Turned::Flow)
    }
}

/// What is asked.
struct Asked<'a> {
    operation: &'a str,
    bucket: Option<&'a str>,
    access_key: Option<&'a str>,
    calling: &'a Calling,
}

/// Why somebody is turned away.
enum Turned {
    Here(Fault),
    Flow(Box<Refusal>),
}

impl From<Fault> for Turned {
    fn from(fault: Fault) -> Self {
        Turned::Here(fault)
    }
}

impl Turned {
    fn refusal(&self) -> Refusal {
        match self {
            Turned::Here(fault) => fault.refusal(),
            Turned::Flow(refusal) => refusal.as_ref().clone(),
        }
    }

    fn error(&self) -> S3Error {
        match self {
            Turned::Here(fault) => super::answer::error(fault),
            Turned::Flow(refusal) => S3Error::with_message(
                S3ErrorCode::AccessDenied,
                format!("{} {}. {}", refusal.code, refusal.consequence, refusal.fix),
            ),
        }
    }
}

/// The right that an operation needs.
enum Right {
    Verb(Verb),
    /// The right to list, bucket by bucket.
    Each,
    None,
}

fn right_for(operation: &str) -> Right {
    match operation {
        "PutObject"
        | "CreateBucket"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "CompleteMultipartUpload"
        | "AbortMultipartUpload"
        | "ListParts" => Right::Verb(Verb::Append),
        "GetObject" | "HeadObject" => Right::Verb(Verb::Read),
        "HeadBucket"
        | "GetBucketLocation"
        | "GetBucketVersioning"
        | "ListObjects"
        | "ListObjectsV2"
        | "ListObjectVersions" => Right::Verb(Verb::List),
        "DeleteObject" | "DeleteObjects" | "DeleteBucket" => Right::Verb(Verb::Delete),
        "ListBuckets" => Right::Each,
        _ => Right::None,
    }
}

fn unknown_key() -> Fault {
    Fault::new(Code::AccessKeyUnknown, "no grant carries this access key")
}

#[async_trait]
impl S3Auth for Door {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.grants.find(access_key) {
            Some(grant) => Ok(grant.secret().clone()),
            None => Err(unknown_key().into()),
        }
    }
}

#[async_trait]
impl S3Access for Door {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(calling) = cx.extensions_mut().get::<Calling>().cloned() else {
            return Err(Fault::new(Code::NoSession, "no caller").into());
        };
        let asked = Asked {
            operation: cx.s3_op().name(),
            bucket: cx.s3_path().get_bucket_name(),
            access_key: cx.credentials().map(|known| known.access_key.as_str()),
            calling: &calling,
        };
        let Err(turned) = self.judge(&asked) else {
            return Ok(());
        };
        let bucket = asked.bucket.and_then(BucketName::parse);
        let act = Act::new(Event::RecordRefuse, &calling, bucket.as_ref())
            .with("operation", asked.operation)
            .with("code", turned.refusal().code)
            .with("consequence", turned.refusal().consequence);
        let recorded = self
            .witness
            .record(act, Phase::Single, Status::Refused)
            .await;
        if let Err(fault) = recorded {
            // It is refused either way; the answer says the graver of the two.
            return Err(fault.into());
        }
        Err(turned.error())
    }
}
