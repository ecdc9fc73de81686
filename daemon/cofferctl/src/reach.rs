//! A connection to a rack with a client's certificate, as `lab.json` describes it. The server is verified by its SPIFFE id with the
//! roots of its own zone, like any zone verifies another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cofferdam_hwprofile::Refusal;
use cofferdam_link::{Body, Connection, Credential, Dialer, Snapshot, read_body};
use cofferdam_node::Exit;
use cofferdam_rack::lease::TrustBundle;
use cofferdam_rack::{Manifest, Operators, RackDomain, SpiffeId, TrustDomain, ZoneName};
use cofferdam_trail::note::VerifierKey;
use http::{HeaderMap, Method, Request, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use x509_parser::extensions::GeneralName;

use crate::lab::file::{LabFile, LabZone};
use crate::verdict::Failure;

/// The largest answer that is read whole.
const ANSWER_LIMIT_BYTES: u64 = 1 << 30;
/// How long an answer may take.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// A rack within reach.
#[derive(Debug)]
pub struct Reach {
    file: LabFile,
    dialer: Dialer,
    /// The dialer follows this; dropping it would end every connection.
    snapshot: watch::Sender<Arc<Snapshot>>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub bytes: Bytes,
}

impl Answer {
    /// The refusal it carries, or one made of what it says.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        serde_json::from_slice(&self.bytes)
            .ok()
            .and_then(|value| Refusal::from_json(&value))
            .unwrap_or_else(|| {
                let text = String::from_utf8_lossy(&self.bytes);
                let text: String = text.chars().take(600).collect();
                Refusal::new(
                    "CL-010",
                    "the zone did not do what was asked",
                    "read what it says; its log and trail say more",
                )
                .read(format!("status {}: {text}", self.status))
            })
    }

    /// The failure it stands for.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let exit = if self.status.is_server_error() {
            Exit::TryAgain
        } else if self.status == StatusCode::FORBIDDEN || self.status == StatusCode::UNAUTHORIZED {
            Exit::Policy
        } else {
            Exit::Data
        };
        Failure::new(exit, self.refusal())
    }
}

impl Reach {
    /// Opens the rack of a lab directory.
    ///
    /// # Errors
    /// There is no `lab.json`, or its certificates cannot be used.
    pub fn open(directory: &Path) -> Result<Self, Failure> {
        let file = LabFile::read(directory)?;
        let snapshot = snapshot_of(&file)?;
        let (sender, receiver) = watch::channel(Arc::new(snapshot));
        let dialer = Dialer::new(receiver, crate::clock::system());
        Ok(Self {
            file,
            dialer,
            snapshot: sender,
        })
    }

    /// What `lab.json` says.
    #[must_use]
    pub fn file(&self) -> &LabFile {
        &self.file
    }

    /// What this client trusts and holds.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::clone(&self.snapshot.borrow())
    }

    /// A zone by kind.
    ///
    /// # Errors
    /// The rack has none of that kind.
    pub fn zone(&self, kind: &str) -> Result<&LabZone, Failure> {
        self.file.zone(kind).ok_or_else(|| {
            let refusal = Refusal::new(
                "CL-011",
                "the rack has no such zone, so nothing was asked",
                "look at the zones of lab.json",
            )
            .read(format!("kind {kind}"));
            Failure::new(Exit::Config, refusal)
        })
    }

    /// Connects to a zone.
    ///
    /// # Errors
    /// It cannot be reached or is not who it must be.
    pub async fn connect(&self, kind: &str) -> Result<Connection, Failure> {
        let zone = self.zone(kind)?;
        let name: ZoneName = zone
            .name
            .parse()
            .map_err(|error| unusable(&format!("zone {}: {error}", zone.name)))?;
        self.dialer
            .connect(zone.address, &name)
            .await
            .map_err(|error| {
                let refusal = Refusal::new(
                    "CL-012",
                    "the zone cannot be reached, so nothing was asked",
                    "see `cofferctl status`; a lab's certificates end 15 minutes after it stopped",
                )
                .read(format!(
                    "{} at {}: {}",
                    zone.name,
                    zone.address,
                    chain(&error)
                ));
                Failure::new(Exit::TryAgain, refusal)
            })
    }

    /// Asks once, over a connection of its own.
    ///
    /// # Errors
    /// There was no answer. A refusal is an answer.
    pub async fn ask(&self, kind: &str, request: Request<Body>) -> Result<Answer, Failure> {
        let mut connection = self.connect(kind).await?;
        ask_over(&mut connection, request).await
    }
}

/// Asks over a connection.
///
/// # Errors
/// There was no answer. A refusal is an answer.
pub async fn ask_over(
    connection: &mut Connection,
    request: Request<Body>,
) -> Result<Answer, Failure> {
    let no_answer = |seen: String| {
        let refusal = Refusal::new(
            "CL-013",
            "the zone gave no answer; what was asked may or may not have happened",
            "ask again; records with an idempotency key and conditional writes are safe to repeat",
        )
        .read(seen);
        Failure::new(Exit::TryAgain, refusal)
    };
    let response = connection
        .send(request)
        .await
        .map_err(|error| no_answer(chain(&error)))?;
    let (head, incoming) = response.into_parts();
    let bytes = read_body(incoming, ANSWER_LIMIT_BYTES, ANSWER_DEADLINE)
        .await
        .map_err(|error| no_answer(chain(&error)))?;
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        bytes,
    })
}

/// A request with a body.
///
/// # Errors
/// The path is not one.
pub fn request(
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> Result<Request<Body>, Failure> {
    Request::builder()
        .method(method)
        .uri(path)
        .body(cofferdam_link::full(body.into()))
        .map_err(|error| unusable(&format!("{path}: {error}")))
}

/// A runtime for one command.
///
/// # Errors
/// The operating system gave no resources for it.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| {
            let refusal = Refusal::new(
                "CL-014",
                "the operating system gave no threads, so nothing was asked",
                "raise the limits of this shell",
            )
            .read(error.to_string());
            Failure::new(Exit::TryAgain, refusal)
        })
}

fn snapshot_of(file: &LabFile) -> Result<Snapshot, Failure> {
    let operator = std::fs::read_to_string(&file.operator_key)
        .map_err(|error| unusable(&format!("{}: {error}", file.operator_key.display())))?;
    let operator: VerifierKey = operator
        .trim()
        .parse()
        .map_err(|error| unusable(&format!("{}: {error}", file.operator_key.display())))?;
    let operators = Operators {
        keys: vec![operator],
        threshold: 1,
    };
    let manifest = Manifest::load(&file.rack, &operators)
        .map_err(|faults| Failure::all(Exit::Config, faults.into_refusals()))?;
    let id: SpiffeId = file
        .client
        .id
        .parse()
        .map_err(|error| unusable(&format!("{error}")))?;
    let peer = id
        .peer(&manifest.domain)
        .map_err(|error| unusable(&error.to_string()))?;
    let chain = read_certificates(&file.client.cert)?;
    let key = PrivateKeyDer::from_pem_file(&file.client.key)
        .map_err(|error| unusable(&format!("{}: {error}", file.client.key.display())))?;
    let credential = Credential {
        id: peer,
        chain,
        key,
        not_after: u64::MAX,
    };
    Ok(Snapshot {
        domain: manifest.domain.clone(),
        credential: Some(Arc::new(credential)),
        trust: trust_of(&file.client.ca, &manifest.domain)?,
        pins: manifest.pins(),
        flows: Arc::clone(&manifest.flows),
        epoch: manifest.epoch,
        revoked: Vec::new(),
    })
}

/// The roots by the trust domain that each authority's own certificate names.
fn trust_of(path: &Path, rack: &RackDomain) -> Result<TrustBundle, Failure> {
    let mut trust = TrustBundle::default();
    for certificate in read_certificates(path)? {
        let domain = authority_domain(&certificate, rack).ok_or_else(|| {
            unusable(&format!(
                "{}: an authority names no zone of {rack}",
                path.display()
            ))
        })?;
        trust
            .domains
            .entry(domain)
            .or_default()
            .push(certificate.to_vec());
    }
    Ok(trust)
}

/// An authority's certificate names its trust domain in one URI without a path (SPIFFE X.509-SVID, section 3.2).
fn authority_domain(der: &[u8], rack: &RackDomain) -> Option<TrustDomain> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let uri = names.value.general_names.iter().find_map(|name| {
        let GeneralName::URI(uri) = name else {
            return None;
        };
        uri.strip_prefix("spiffe://")
    })?;
    let (zone, domain) = uri.split_once('.')?;
    (domain == rack.as_str()).then(|| zone.parse().ok().map(|zone| rack.trust_domain(&zone)))?
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(&format!("{}: {error}", path.display())))
}

fn unusable(seen: &str) -> Failure {
    let refusal = Refusal::new(
        "CL-015",
        "what lab.json points to cannot be used, so nothing was asked",
        "start the lab again: `cofferctl lab up --dir DIR`",
    )
    .read(seen);
    Failure::new(Exit::Config, refusal)
}

fn chain(error: &dyn std::error::Error) -> String {
    cofferdam_node::refusal::chain(error)
}
