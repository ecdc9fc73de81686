//! `hwprofile.toml`: zones, platforms, separation rules and nodes, closed and checked whole.
//!
//! Owns the typed policy. It must never read a file: the text comes in, with the name under which
//! to speak of it.

mod block;
mod fault;
mod file;
mod matrix;
mod node;
mod platform;
mod raw;
mod separation;
mod spelling;
mod zone;

use std::collections::BTreeMap;
use std::fmt;

pub use block::{PinBlock, Standing};
pub use matrix::{Apart, PairRuling, Ruling, SCOPES};
pub use node::{KeyPin, KeyPinError, NodeRule, Pin, Pins};
pub use platform::{
    ContainerDemand, Demand, IommuDemand, Platform, RemovableDemand, SecureBootDemand, TpmDemand,
    VirtualizationDemand, VulnerabilityDemand,
};
pub use separation::{OnUnproven, Other, Separation};
pub use zone::{GpuSharingDemand, Needs, ZoneRule};

use crate::{NodeName, Refusal, ZoneName};

/// The policy of a rack's hardware.
#[derive(Debug, Clone)]
pub struct Policy {
    file: String,
    site: String,
    mode: Mode,
    zones: BTreeMap<ZoneName, ZoneRule>,
    nodes: BTreeMap<NodeName, NodeRule>,
    separations: Vec<Separation>,
}

/// Whether simulated evidence is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only evidence of real hardware counts.
    Production,
    /// Simulated evidence counts too; said on everything.
    Lab,
}

/// Every fault of a policy file, in the order of its lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFaults {
    faults: Vec<Refusal>,
}

impl PolicyFaults {
    /// The faults, in the order of their lines.
    #[must_use]
    pub fn faults(&self) -> &[Refusal] {
        &self.faults
    }

    /// The faults, given away.
    #[must_use]
    pub fn into_faults(self) -> Vec<Refusal> {
        self.faults
    }
}

impl fmt::Display for PolicyFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyFaults {}

impl Policy {
    /// Reads a policy; `file_name` is the name under which its lines are cited.
    ///
    /// # Errors
    /// All faults of the text at once, each with its line and, for a misspelling, a suggestion.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, PolicyFaults> {
        file::read(file_name, text)
    }

    /// The name under which the file is cited.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The site, which salts every token.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// Whether this is a lab's policy.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether simulated evidence is admitted.
    #[must_use]
    pub fn is_lab(&self) -> bool {
        self.mode == Mode::Lab
    }

    /// The zones, by name.
    pub fn zones(&self) -> impl Iterator<Item = &ZoneRule> {
        self.zones.values()
    }

    /// One zone.
    #[must_use]
    pub fn zone(&self, name: &ZoneName) -> Option<&ZoneRule> {
        self.zones.get(name)
    }

    /// The nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeRule> {
        self.nodes.values()
    }

    /// One node.
    #[must_use]
    pub fn node(&self, name: &NodeName) -> Option<&NodeRule> {
        self.nodes.get(name)
    }

    /// The separation rules that the file writes, in its order. The constitution is not among them:
    /// it is always judged.
    #[must_use]
    pub fn separations(&self) -> &[Separation] {
        &self.separations
    }
}
