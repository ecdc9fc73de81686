//! Owns how a fault becomes an answer of the S3 protocol: its error code, its status, and our own
//! code in the message and in a header, so that a HEAD tells it too.

use http::{HeaderMap, HeaderValue, StatusCode};
use s3s::{S3Error, S3ErrorCode};

use crate::code::{CODES, Code};
use crate::fault::Fault;

/// The header that carries our code.
pub const CODE_HEADER: &str = "x-cofferdam-code";

/// The S3 error of a fault.
#[must_use]
pub fn error(fault: &Fault) -> S3Error {
    let (code, status) = protocol(fault.code());
    let mut error = S3Error::with_message(code, message(fault));
    if let Some(status) = status {
        error.set_status_code(status);
    }
    let mut headers = HeaderMap::new();
    // Headers of an error replace those that s3s would have set, the content type among them.
    headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml"),
    );
    headers.insert(CODE_HEADER, HeaderValue::from_static(fault.code().as_str()));
    error.set_headers(headers);
    error
}

impl From<Fault> for S3Error {
    fn from(fault: Fault) -> Self {
        error(&fault)
    }
}

fn message(fault: &Fault) -> String {
    let entry = CODES
        .iter()
        .find(|entry| entry.code == fault.code().as_str());
    let (title, mend) = entry.map_or(("", ""), |entry| (entry.title, entry.mend));
    format!("{} {title}: {}. {mend}", fault.code(), fault.seen())
}

fn protocol(code: Code) -> (S3ErrorCode, Option<StatusCode>) {
    use S3ErrorCode as S3;
    let plain = |code| (code, None);
    match code {
        Code::SignatureVersion | Code::SignatureScope => plain(S3::AuthorizationHeaderMalformed),
        Code::AccessKeyUnknown => plain(S3::InvalidAccessKeyId),
        Code::GrantZone | Code::NoSession | Code::NotReplaceable => plain(S3::AccessDenied),
        Code::OperationAbsent | Code::OptionAbsent => plain(S3::NotImplemented),
        Code::ContentMd5 | Code::Checksum => plain(S3::BadDigest),
        Code::ChecksumAbsent | Code::ArgumentInvalid => plain(S3::InvalidArgument),
        Code::BodyLength | Code::BodyBroken => plain(S3::IncompleteBody),
        Code::BodyTooLarge => plain(S3::EntityTooLarge),
        Code::PayloadSignature => (
            S3::Custom("XAmzContentSHA256Mismatch".into()),
            Some(StatusCode::BAD_REQUEST),
        ),
        Code::BodySlow => plain(S3::RequestTimeout),
        Code::KeyExists | Code::EtagDiffers => plain(S3::PreconditionFailed),
        Code::BucketAbsent => plain(S3::NoSuchBucket),
        Code::KeyAbsent => plain(S3::NoSuchKey),
        Code::BucketNotEmpty => plain(S3::BucketNotEmpty),
        Code::BucketExists => plain(S3::BucketAlreadyOwnedByYou),
        Code::RangeInvalid => plain(S3::InvalidRange),
        Code::UploadAbsent => plain(S3::NoSuchUpload),
        Code::PartInvalid => plain(S3::InvalidPart),
        Code::DiskFull => (
            S3::Custom("InsufficientStorage".into()),
            Some(StatusCode::INSUFFICIENT_STORAGE),
        ),
        Code::NoDataKey
        | Code::NoReceipt
        | Code::CatalogueClosed
        | Code::KeyRefused
        | Code::UploadsFull => plain(S3::ServiceUnavailable),
        Code::SegmentMalformed | Code::SegmentTruncated | Code::SegmentAltered => {
            plain(S3::InvalidRequest)
        }
        Code::DiskFault
        | Code::ObjectDamaged
        | Code::ObjectGone
        | Code::GrantsUnreadable
        | Code::GrantsExposed
        | Code::GrantsMalformed
        | Code::CatalogueUnreadable
        | Code::DirectoryUnusable
        | Code::SettingUnusable => plain(S3::InternalError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_and_stands_in_message_and_header() {
        for code in Code::ALL {
            let error = error(&Fault::new(*code, "what was seen"));
            assert!(
                error
                    .status_code()
                    .is_some_and(|status| status.as_u16() >= 400),
                "{code}"
            );
            let message = error.message().unwrap();
            assert!(message.starts_with(code.as_str()) && message.contains("what was seen"));
            assert_eq!(error.headers().unwrap()[CODE_HEADER], code.as_str());
        }
    }

    #[test]
    fn a_full_disk_is_507() {
        let error = error(&Fault::new(Code::DiskFull, "write"));
        assert_eq!(error.status_code(), Some(StatusCode::INSUFFICIENT_STORAGE));
    }
}
