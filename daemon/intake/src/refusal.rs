//! What intake says when something is not taken. One function a reason; each names the status it travels under.

use cofferdam_hwprofile::Refusal;
use cofferdam_spool::PutError;
use http::StatusCode;

/// A no, with its status and how long to wait before asking again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// The status it travels under.
    pub status: StatusCode,
    /// What a person reads.
    pub refusal: Refusal,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u32>,
}

impl NotTaken {
    fn new(status: StatusCode, refusal: Refusal) -> Self {
        Self {
            status,
            refusal,
            retry_after: None,
        }
    }

    /// The flow table does not allow it.
    #[must_use]
    pub fn forbidden(refusal: Refusal) -> Self {
        Self::new(StatusCode::FORBIDDEN, refusal)
    }

    /// The body could not be read within its bounds.
    #[must_use]
    pub fn body(refusal: Refusal) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, refusal)
    }

    /// There is no such endpoint, stream or survey.
    #[must_use]
    pub fn unknown(seen: &str, known: &[&str]) -> Self {
        let refusal = Refusal::new(
            "IN-001",
            "there is no such stream or survey, so nothing was taken",
            "send to /v1/streams/{stream}/events or /v1/surveys/{survey}/responses",
        )
        .read(seen)
        .also(format!("known here: {}", known.join(", ")));
        Self::new(StatusCode::NOT_FOUND, refusal)
    }

    /// A record is not what it should be.
    #[must_use]
    pub fn malformed(what: impl Into<String>) -> Self {
        let refusal = Refusal::new(
            "IN-010",
            "a record is not well-formed, so none of the request was taken",
            "send one JSON object, NDJSON (application/x-ndjson), or CloudEvents 1.0",
        )
        .read(what);
        Self::new(StatusCode::BAD_REQUEST, refusal)
    }

    /// The body's type is not one that is taken.
    #[must_use]
    pub fn wrong_type(seen: &str) -> Self {
        let refusal = Refusal::new(
            "IN-011",
            "the body's type is not one that intake takes, so nothing was taken",
            "send application/json, application/x-ndjson, application/cloudevents+json or \
             application/cloudevents-batch+json",
        )
        .read(format!("Content-Type: {seen}"));
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, refusal)
    }

    /// Too many records, or one that is too long.
    #[must_use]
    pub fn too_large(what: impl Into<String>) -> Self {
        let refusal = Refusal::new(
            "IN-012",
            "the request carries more than one request may, so nothing was taken",
            "send fewer records a request, and shorter ones",
        )
        .read(what);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, refusal)
    }

    /// An answer does not have the survey's shape. The value is not repeated: it may be about a person.
    #[must_use]
    pub fn wrong_shape(record: usize, pointer: &str, rule: &str) -> Self {
        let pointer = if pointer.is_empty() {
            "(the whole answer)"
        } else {
            pointer
        };
        let refusal = Refusal::new(
            "IN-020",
            "an answer does not have the survey's shape, so none of the request was taken",
            "mend the value at the pointer (RFC 6901); the survey's JSON Schema is the rule",
        )
        .read(format!(
            "record {record}, at {pointer}: breaks the schema's \"{rule}\""
        ));
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, refusal)
    }

    /// The idempotency key is not usable.
    #[must_use]
    pub fn wrong_key() -> Self {
        let refusal = Refusal::new(
            "IN-013",
            "the Idempotency-Key is not usable, so nothing was taken",
            "send 1 to 255 visible ASCII characters, a new one for each request",
        );
        Self::new(StatusCode::BAD_REQUEST, refusal)
    }

    /// The queue did not take it.
    #[must_use]
    pub fn not_durable(error: &PutError) -> Self {
        let (status, consequence, retry_after) = match error {
            PutError::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the queue is full, so the record was not taken",
                Some(20),
            ),
            PutError::Disk(disk) if disk.is_full() => (
                StatusCode::INSUFFICIENT_STORAGE,
                "the disk is full, so the record was not taken; what was acknowledged is safe",
                Some(60),
            ),
            PutError::TooLarge { .. } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "a record is longer than a record may be, so it was not taken",
                None,
            ),
            PutError::Timeout
            | PutError::Disk(_)
            | PutError::NoKey(_)
            | PutError::Unsealed { .. }
            | PutError::Closed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the record could not be made durable, so it was not acknowledged",
                Some(1),
            ),
        };
        let refusal = Refusal::new(
            error.code(),
            consequence,
            "send it again with the same Idempotency-Key; `cofferctl explain` the code",
        )
        .read(cofferdam_node::refusal::chain(error));
        Self {
            status,
            refusal,
            retry_after,
        }
    }

    /// No random number could be had.
    #[must_use]
    pub fn no_randomness() -> Self {
        let refusal = Refusal::new(
            "IN-030",
            "the system gave no randomness, so nothing was taken",
            "send it again with an Idempotency-Key; look at the node's kernel log",
        );
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            refusal,
            retry_after: Some(1),
        }
    }
}
