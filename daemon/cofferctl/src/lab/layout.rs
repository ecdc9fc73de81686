//! Where everything of a lab lies and listens. It names paths and ports and touches neither.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::ZoneKind;

/// The rack domain of every lab; names below `.internal` are resolved by nobody.
pub const DOMAIN: &str = "lab.internal";
/// The client's zone and name.
pub const CLIENT: &str = "app";
/// The bucket for files.
pub const FILES_BUCKET: &str = "files";
/// The stream of events.
pub const STREAM: &str = "events";
/// The survey.
pub const SURVEY: &str = "climate";
/// The region that clients of the S3 protocol must sign for.
pub const REGION: &str = "cofferdam";

/// One node of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabNode {
    /// The zone's kind; in the lab a zone is named by its kind.
    pub kind: ZoneKind,
    /// The node's name.
    pub node: &'static str,
    /// Its port, counted from the base.
    pub offset: u16,
    /// The machine it pretends to be.
    pub tree: &'static str,
}

/// The four nodes, the keeper first.
pub const NODES: [LabNode; 4] = [
    LabNode {
        kind: ZoneKind::Keeper,
        node: "kp1",
        offset: 0,
        tree: include_str!("../../lab/sysroots/kp1.tree"),
    },
    LabNode {
        kind: ZoneKind::Intake,
        node: "in1",
        offset: 1,
        tree: include_str!("../../lab/sysroots/in1.tree"),
    },
    LabNode {
        kind: ZoneKind::Storage,
        node: "st1",
        offset: 2,
        tree: include_str!("../../lab/sysroots/st1.tree"),
    },
    LabNode {
        kind: ZoneKind::Analytics,
        node: "an1",
        offset: 3,
        tree: include_str!("../../lab/sysroots/an1.tree"),
    },
];

impl LabNode {
    /// The zone's name.
    #[must_use]
    pub fn zone(&self) -> &'static str {
        self.kind.as_str()
    }
}

/// A lab's directory and first port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    directory: PathBuf,
    base_port: u16,
}

impl Layout {
    /// A lab in `directory` with four ports from `base_port`.
    #[must_use]
    pub fn new(directory: &Path, base_port: u16) -> Self {
        Self {
            directory: directory.to_owned(),
            base_port,
        }
    }

    /// The lab's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a node listens.
    #[must_use]
    pub fn address(&self, node: &LabNode) -> SocketAddr {
        let port = self.base_port.saturating_add(node.offset);
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    }

    /// The rack directory.
    #[must_use]
    pub fn rack(&self) -> PathBuf {
        self.directory.join("rack")
    }

    /// The root of the machine a node pretends to be.
    #[must_use]
    pub fn sysroot(&self, node: &LabNode) -> PathBuf {
        self.directory.join("sysroot").join(node.node)
    }

    /// A zone's state.
    #[must_use]
    pub fn state(&self, node: &LabNode) -> PathBuf {
        self.directory.join(node.zone())
    }

    /// The origin of a node's trail.
    #[must_use]
    pub fn origin(&self, node: &LabNode) -> String {
        format!("{DOMAIN}/{}/{}", node.zone(), node.node)
    }

    /// What a zone's program said.
    #[must_use]
    pub fn log(&self, node: &LabNode) -> PathBuf {
        self.directory
            .join("log")
            .join(format!("{}.log", node.zone()))
    }

    /// The client's key and certificates.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.directory.join("client")
    }

    /// The operator's private key.
    #[must_use]
    pub fn operator_key(&self) -> PathBuf {
        self.directory.join("operator.key")
    }

    /// The operator's verifier key.
    #[must_use]
    pub fn operator_public(&self) -> PathBuf {
        self.directory.join("operator.pub")
    }

    /// The contract with tools and tests.
    #[must_use]
    pub fn lab_file(&self) -> PathBuf {
        self.directory.join("lab.json")
    }

    /// The process that holds the lab up.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.directory.join("lab.pid")
    }
}
