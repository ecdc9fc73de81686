//! `lab.json`: the contract that tools and tests are pointed at. Its shape is DESIGN.md §12's; nothing in it is made here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use serde::{Deserialize, Serialize};

use crate::verdict::Failure;

/// The file's name.
pub const FILE_NAME: &str = "lab.json";

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabFile {
    /// 1.
    pub version: u32,
    /// `E0`: everything about hardware here is simulated.
    pub grade: String,
    /// The rack directory.
    pub rack: PathBuf,
    /// The operator's verifier key, a file.
    pub operator_key: PathBuf,
    /// The zones.
    pub zones: Vec<LabZone>,
    /// The client that an application would be.
    pub client: LabClient,
    /// What a client of the S3 protocol needs.
    pub s3: LabS3,
    /// Where records go in.
    pub intake: LabIntake,
}

/// One zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabZone {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its node.
    pub node: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The name its certificate carries.
    pub server_name: String,
    /// Its process.
    pub pid: u32,
    /// Its state directory.
    pub state: PathBuf,
    /// Its trail.
    pub trail: PathBuf,
    /// The trail's verifier key.
    pub trail_key: String,
}

/// A client's certificate and what it trusts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabClient {
    /// Its certificate chain, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The authorities of all zones, PEM.
    pub ca: PathBuf,
    /// Its identity.
    pub id: String,
}

/// The S3 side.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabS3 {
    /// The endpoint.
    pub endpoint: String,
    /// The access key of the grant.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// The region to sign for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
}

/// The intake side.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabIntake {
    /// The endpoint.
    pub endpoint: String,
    /// The stream.
    pub stream: String,
    /// The survey.
    pub survey: String,
}

impl LabFile {
    /// Reads the `lab.json` of `directory`.
    ///
    /// # Errors
    /// There is none, or it is not one.
    pub fn read(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join(FILE_NAME);
        let failed = |seen: String| {
            let refusal = Refusal::new(
                "CL-001",
                "there is no rack to talk to",
                "start one with `cofferctl lab up --dir DIR`, and name it with --lab DIR",
            )
            .read(format!("{}: {seen}", path.display()));
            Failure::new(Exit::Config, refusal)
        };
        let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        let file: Self = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        if file.version != 1 {
            return Err(failed(format!("version {} is not 1", file.version)));
        }
        Ok(file)
    }

    /// A zone by its kind.
    #[must_use]
    pub fn zone(&self, kind: &str) -> Option<&LabZone> {
        self.zones.iter().find(|zone| zone.kind == kind)
    }

    /// Where each zone listens.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        self.zones
            .iter()
            .map(|zone| (zone.name.clone(), zone.address))
            .collect()
    }
}
