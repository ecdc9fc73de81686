//! What the keeper must not forget over a restart: who holds which certificate on which evidence, and who lost one. One JSON file,
//! replaced whole; a keeper that cannot read its own file does not start, for it might let a revoked peer in again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cofferdam_hwprofile::{Evidence, Refusal};
use cofferdam_rack::lease::Revocation;
use cofferdam_rack::{Manifest, PeerId};
use serde::{Deserialize, Serialize};

use crate::court::{Court, Issued, Lost, Tenure};

/// The file below the keeper's state.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
}

/// Why the ledger could not be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to use the ledger {}", .path.display())]
pub struct LedgerError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub kind: LedgerErrorKind,
}

/// Why the ledger could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerErrorKind {
    /// It could not be read or written.
    #[error("the file could not be read or written")]
    File(#[source] io::Error),
    /// It is damaged.
    #[error("the file is damaged")]
    Damaged(#[source] serde_json::Error),
    /// A part of it has lost its meaning.
    #[error("the file is damaged: {0}")]
    Meaning(String),
}

impl LedgerError {
    /// What a person reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            "KP-002",
            "the keeper does not know who lost a lease, so it gives none",
            "restore leases.json; if it is lost, remove it only after every lease has ended (15 min)",
        )
        .read(cofferdam_node::refusal::chain(self))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LedgerFile {
    version: u32,
    sequence: u64,
    tenures: Vec<TenureRow>,
    revoked: Vec<LostRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TenureRow {
    zone: String,
    node: String,
    evidence: Option<serde_json::Value>,
    certificates: Vec<IssuedRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct IssuedRow {
    serial: String,
    not_after: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LostRow {
    zone: String,
    node: String,
    serial: Option<String>,
    at: u64,
    not_after: u64,
    why: serde_json::Value,
}

impl Ledger {
    /// The ledger at `path`, whether it exists or not.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The court as it was written last; a fresh one where nothing was written yet.
    ///
    /// # Errors
    /// The file exists and cannot be read or understood.
    pub fn read(&self, manifest: Arc<Manifest>) -> Result<Court, LedgerError> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Court::new(manifest));
            }
            Err(error) => return Err(self.failed(LedgerErrorKind::File(error))),
        };
        let file: LedgerFile = serde_json::from_slice(&text)
            .map_err(|error| self.failed(LedgerErrorKind::Damaged(error)))?;
        file.into_court(manifest)
            .map_err(|what| self.failed(LedgerErrorKind::Meaning(what)))
    }

    /// Writes the court down; it is on disk when this returns.
    ///
    /// # Errors
    /// The file could not be replaced; the former one still stands.
    pub fn write(&self, court: &Court) -> Result<(), LedgerError> {
        let text = serde_json::to_vec(&LedgerFile::of(court))
            .map_err(|error| self.failed(LedgerErrorKind::Damaged(error)))?;
        self.replace(&text)
            .map_err(|error| self.failed(LedgerErrorKind::File(error)))
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    fn failed(&self, kind: LedgerErrorKind) -> LedgerError {
        LedgerError {
            path: self.path.clone(),
            kind,
        }
    }
}

impl LedgerFile {
    fn of(court: &Court) -> Self {
        let tenures = court
            .tenures()
            .map(|tenure| TenureRow {
                zone: tenure.peer.zone.to_string(),
                node: tenure.peer.node.to_string(),
                evidence: tenure.evidence.as_ref().map(Evidence::to_json),
                certificates: tenure
                    .certificates
                    .iter()
                    .map(|issued| IssuedRow {
                        serial: issued.serial.clone(),
                        not_after: issued.not_after,
                    })
                    .collect(),
            })
            .collect();
        let revoked = court.revoked().iter().map(LostRow::of).collect();
        Self {
            version: 1,
            sequence: court.standing().sequence,
            tenures,
            revoked,
        }
    }

    fn into_court(self, manifest: Arc<Manifest>) -> Result<Court, String> {
        if self.version != 1 {
            return Err(format!("version {} is not 1", self.version));
        }
        let tenures = self
            .tenures
            .into_iter()
            .map(TenureRow::into_tenure)
            .collect::<Result<_, _>>()?;
        let revoked = self
            .revoked
            .into_iter()
            .map(LostRow::into_lost)
            .collect::<Result<_, _>>()?;
        Ok(Court::restore(manifest, tenures, self.sequence, revoked))
    }
}

impl TenureRow {
    fn into_tenure(self) -> Result<Tenure, String> {
        let evidence = self
            .evidence
            .map(|value| Evidence::from_json(&value).map_err(|error| error.to_string()))
            .transpose()?;
        Ok(Tenure {
            peer: peer_of(&self.zone, &self.node)?,
            evidence,
            certificates: self
                .certificates
                .into_iter()
                .map(|row| Issued {
                    serial: row.serial,
                    not_after: row.not_after,
                })
                .collect(),
        })
    }
}

impl LostRow {
    fn of(lost: &Lost) -> Self {
        let revocation = &lost.revocation;
        Self {
            zone: revocation.peer.zone.to_string(),
            node: revocation.peer.node.to_string(),
            serial: revocation.serial.clone(),
            at: revocation.at,
            not_after: lost.not_after,
            why: revocation.why.to_json(),
        }
    }

    fn into_lost(self) -> Result<Lost, String> {
        let why = Refusal::from_json(&self.why).ok_or("a revocation without its reason")?;
        Ok(Lost {
            revocation: Revocation {
                peer: peer_of(&self.zone, &self.node)?,
                serial: self.serial,
                why,
                at: self.at,
            },
            not_after: self.not_after,
        })
    }
}

fn peer_of(zone: &str, node: &str) -> Result<PeerId, String> {
    Ok(PeerId {
        zone: zone.parse().map_err(|error| format!("{error}"))?,
        node: node.parse().map_err(|error| format!("{error}"))?,
    })
}
