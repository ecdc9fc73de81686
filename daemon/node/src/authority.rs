//! Whoever gives leases, as a node sees it: the keeper over the link, or, on the keeper's own node, the keeper itself in the same
//! process. The answer is the same either way; the keeper's own hardware is judged like any other.

use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_link::Body;
use cofferdam_link::{Connection, Credential, DialError, Dialer, read_body};
use cofferdam_rack::PeerId;
use cofferdam_rack::lease::{LeaseGrant, LeaseRequest, Standing};
use http::{Method, Request, StatusCode};
use std::net::SocketAddr;
use tokio::sync::watch;

use crate::refusal;

/// The longest answer of a keeper that is read: certificates of a rack's zones and its standing.
const ANSWER_LIMIT_BYTES: u64 = 1 << 20;
/// How long a request for a lease may take.
const LEASE_DEADLINE: Duration = Duration::from_secs(5);
/// How long the keeper holds a question for news; the caller waits a little longer.
pub const STANDING_HOLD: Duration = Duration::from_secs(20);

/// The keeper's side of a lease, for the node it runs on.
pub trait Authority: Send + Sync + 'static {
    /// Judges the request of `asker` and grants or refuses it.
    ///
    /// # Errors
    /// The refusal, with everything a stranger needs.
    fn lease(&self, asker: &PeerId, request: LeaseRequest) -> Result<LeaseGrant, Refusal>;

    /// Who lost what, as it changes.
    fn standing(&self) -> watch::Receiver<Standing>;
}

/// Where leases come from.
#[derive(Clone)]
pub enum Bench {
    /// In this process.
    Here(Arc<dyn Authority>),
    /// Over the link.
    There {
        /// Where the keeper listens.
        address: SocketAddr,
        /// The digest of its public key, from the signed manifest.
        pin: [u8; 32],
    },
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(_) => f.write_str("Bench::Here"),
            Self::There { address, .. } => write!(f, "Bench::There({address})"),
        }
    }
}

/// What came back from the keeper instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// It said no.
    #[error("the keeper refused: {0}")]
    Refused(Refusal),
    /// It could not be reached.
    #[error("the keeper could not be reached")]
    Unreachable(#[source] DialError),
    /// It was reached and gave no usable answer.
    #[error("the keeper gave no usable answer: {0}")]
    Unanswered(String),
}

impl Bench {
    /// Asks for a lease with the boot certificate.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn lease(
        &self,
        dialer: &Dialer,
        boot: &Credential,
        request: LeaseRequest,
    ) -> Result<LeaseGrant, BenchError> {
        match self {
            Self::Here(authority) => {
                let (authority, asker) = (Arc::clone(authority), boot.id.clone());
                tokio::task::spawn_blocking(move || authority.lease(&asker, request))
                    .await
                    .map_err(|error| BenchError::Unanswered(error.to_string()))?
                    .map_err(BenchError::Refused)
            }
            Self::There { address, pin } => {
                let asking = ask_over_link(dialer, *address, *pin, boot, &request);
                tokio::time::timeout(LEASE_DEADLINE, asking)
                    .await
                    .unwrap_or_else(|_elapsed| {
                        Err(BenchError::Unanswered(format!(
                            "no answer in {LEASE_DEADLINE:?}"
                        )))
                    })
            }
        }
    }
}

async fn ask_over_link(
    dialer: &Dialer,
    address: SocketAddr,
    pin: [u8; 32],
    boot: &Credential,
    request: &LeaseRequest,
) -> Result<LeaseGrant, BenchError> {
    let mut connection = dialer
        .connect_boot(address, pin, boot)
        .await
        .map_err(BenchError::Unreachable)?;
    let answer = post_json(&mut connection, "/v1/lease", &request.to_json()).await?;
    LeaseGrant::from_json(&answer).map_err(|error| BenchError::Unanswered(error.to_string()))
}

/// Asks the keeper what changed after `after`; it holds the question until something does, or [`STANDING_HOLD`] has passed.
///
/// # Errors
/// Refused, or no answer.
pub async fn ask_standing(connection: &mut Connection, after: u64) -> Result<Standing, BenchError> {
    let request = Request::builder()
        .method(Method::GET)
        .uri(format!("/v1/standing?after={after}"))
        .body(cofferdam_link::empty())
        .map_err(|error| BenchError::Unanswered(error.to_string()))?;
    let wait = STANDING_HOLD.saturating_add(LEASE_DEADLINE);
    let answer = tokio::time::timeout(wait, exchange(connection, request))
        .await
        .map_err(|_elapsed| BenchError::Unanswered(format!("no answer in {wait:?}")))??;
    Standing::from_json(&answer).map_err(|error| BenchError::Unanswered(error.to_string()))
}

/// Sends JSON and reads JSON back; a refusal comes back as one.
///
/// # Errors
/// Refused, or no answer.
pub async fn post_json(
    connection: &mut Connection,
    path: &str,
    value: &serde_json::Value,
) -> Result<serde_json::Value, BenchError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(cofferdam_link::full(value.to_string()))
        .map_err(|error| BenchError::Unanswered(error.to_string()))?;
    exchange(connection, request).await
}

async fn exchange(
    connection: &mut Connection,
    request: Request<Body>,
) -> Result<serde_json::Value, BenchError> {
    let response = connection
        .send(request)
        .await
        .map_err(|error| BenchError::Unanswered(refusal::chain(&error)))?;
    let status = response.status();
    let bytes = read_body(response.into_body(), ANSWER_LIMIT_BYTES, LEASE_DEADLINE)
        .await
        .map_err(|error| BenchError::Unanswered(refusal::chain(&error)))?;
    let value: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| BenchError::Unanswered(format!("status {status}: {error}")))?;
    if status == StatusCode::OK {
        return Ok(value);
    }
    match Refusal::from_json(&value) {
        Some(refusal) if status.is_client_error() => Err(BenchError::Refused(refusal)),
        _ => Err(BenchError::Unanswered(format!("status {status}"))),
    }
}
