//! Why a log could not be opened, each reason with its code.

use std::io;
use std::path::PathBuf;

use cofferdam_hwprofile::Refusal;

use crate::codes;
use crate::verify::Fault;

/// A log could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("failed to open the log in {}: {kind}", dir.display())]
pub struct OpenError {
    /// Which directory.
    pub dir: PathBuf,
    /// Why.
    #[source]
    pub kind: OpenErrorKind,
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenErrorKind {
    /// Something cannot be read or written.
    #[error("{} cannot be read or written", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Another process, or this one, has the log open.
    #[error("it is open already")]
    Locked,
    /// The key is not named for this zone and node.
    #[error("the key is named {key}; expected <rack-domain>/{zone}/{node}")]
    KeyName {
        /// How the key is named.
        key: String,
        /// The zone that was configured.
        zone: String,
        /// The node that was configured.
        node: String,
    },
    /// There are published leaves and no wal.
    #[error("there are published files but no wal")]
    WalMissing,
    /// The wal does not begin as this version writes it.
    #[error("the wal has no header that this version knows")]
    WalHeader,
    /// The wal is of another log.
    #[error("the wal is of another log")]
    WalOrigin,
    /// The wal is not what was written.
    #[error("the wal is not what was written, from byte {offset} on")]
    WalDamaged {
        /// Where the first frame begins that does not agree.
        offset: u64,
    },
    /// A leaf of the wal does not carry its place.
    #[error("leaf {index} of the wal does not carry its place or is of another log")]
    LeafPlace {
        /// Its place.
        index: u64,
    },
    /// There are leaves and no checkpoint.
    #[error("there are leaves but no checkpoint")]
    CheckpointMissing,
    /// The checkpoint is not believed.
    #[error("the checkpoint is not one of this log's key: {0}")]
    Checkpoint(#[source] Fault),
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log {origin}")]
    CheckpointOrigin {
        /// Which.
        origin: String,
    },
    /// The checkpoint covers more leaves than there are.
    #[error("the checkpoint covers {signed} leaves and there are {found}")]
    LeavesMissing {
        /// How many are signed for.
        signed: u64,
        /// How many are there.
        found: u64,
    },
    /// The leaves are not those that were signed.
    #[error("the first {signed} leaves do not lead to the signed root")]
    Rewritten {
        /// How many are signed for.
        signed: u64,
    },
    /// The checkpoint is older than the wal allows.
    #[error(
        "the checkpoint covers {signed} leaves; the wal begins at {start}, which was published"
    )]
    CheckpointOld {
        /// How many are signed for.
        signed: u64,
        /// Where the wal begins.
        start: u64,
    },
    /// A published file is missing or has the wrong length.
    #[error("a published file is missing or has the wrong length: {0}")]
    Published(String),
    /// A published file has other content than the wal.
    #[error("the published file {} has other content than the wal", .0.display())]
    Differs(PathBuf),
}

impl OpenError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            OpenErrorKind::Io { .. } => "TR-101",
            OpenErrorKind::Locked => "TR-102",
            OpenErrorKind::WalMissing => "TR-103",
            OpenErrorKind::WalHeader => "TR-104",
            OpenErrorKind::WalDamaged { .. } => "TR-105",
            OpenErrorKind::WalOrigin => "TR-106",
            OpenErrorKind::CheckpointMissing => "TR-107",
            OpenErrorKind::Checkpoint(_) => "TR-108",
            OpenErrorKind::LeavesMissing { .. } => "TR-109",
            OpenErrorKind::Rewritten { .. } => "TR-110",
            OpenErrorKind::CheckpointOld { .. } => "TR-111",
            OpenErrorKind::Published(_) => "TR-112",
            OpenErrorKind::KeyName { .. } => "TR-113",
            OpenErrorKind::Differs(_) => "TR-114",
            OpenErrorKind::CheckpointOrigin { .. } => "TR-115",
            OpenErrorKind::LeafPlace { .. } => "TR-116",
        }
    }

    /// The same in the form that every refusal of the house has.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        codes::refusal(self.code(), self)
    }
}
