//! What travels when a node asks the keeper for a lease, and what the keeper tells of others.
//!
//! Owns the messages and their bounds. It judges no evidence, issues no certificate and holds no
//! private key.

mod standing;
mod trust;

use std::fmt;

use cofferdam_hwprofile::{Evidence, NodeName};
use serde_json::Value;

pub use standing::{REVOCATIONS_LIMIT, Revocation, Revocations, Standing};
pub use trust::TrustBundle;

use crate::wire::{self, Object};
use crate::{Epoch, WireError, WireErrorKind};

/// The largest certificate or signing request, in bytes.
pub const CERTIFICATE_LIMIT_BYTES: usize = 8 * 1024;
/// The most certificates of a chain.
pub const CHAIN_LIMIT: usize = 4;
/// The longest request for a lease, in bytes.
pub const REQUEST_LIMIT_BYTES: usize = 256 * 1024;
/// The longest answer of the keeper about leases and standing, in bytes.
pub const ANSWER_LIMIT_BYTES: usize = 1 << 20;

const REQUEST: &str = "lease request";
const GRANT: &str = "lease grant";

/// A node asks for a certificate.
#[derive(Clone)]
pub struct LeaseRequest {
    /// Who asks.
    pub node: NodeName,
    /// The manifest it holds.
    pub epoch: Epoch,
    /// The signing request, in DER: it proves the key and names the identity.
    pub csr_der: Vec<u8>,
    /// What was measured. Only a client, which has no hardware in the rack, sends none.
    pub evidence: Option<Evidence>,
}

/// The keeper gives one.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseGrant {
    /// The leaf first, then what leads to the zone's root, in DER.
    pub chain_der: Vec<Vec<u8>>,
    /// When the lease ends, in Unix seconds.
    pub not_after: u64,
    /// When to ask again, in seconds from now.
    pub renew_after: u32,
    /// The roots of every zone.
    pub trust: TrustBundle,
    /// Who lost what.
    pub standing: Standing,
}

impl LeaseRequest {
    /// The message.
    #[must_use]
    pub fn to_json(&self) -> Value {
        wire::message([
            ("node", Value::from(self.node.as_str())),
            ("epoch", Value::from(self.epoch.number())),
            ("csr", wire::base64(&self.csr_der)),
            (
                "evidence",
                self.evidence
                    .as_ref()
                    .map_or(Value::Null, Evidence::to_json),
            ),
        ])
    }

    /// Reads the message.
    ///
    /// # Errors
    /// If it is of another version, not well formed, or beyond its bounds.
    pub fn from_json(value: &Value) -> Result<Self, WireError> {
        let object = Object::versioned(REQUEST, value, &["node", "epoch", "csr", "evidence"])?;
        let evidence = object.nullable("evidence")?.map(|value| {
            let read = Evidence::from_json(value).ok();
            read.ok_or_else(|| object.error(WireErrorKind::Malformed("evidence", "evidence")))
        });
        Ok(Self {
            node: object.parsed("node", "the name of a node")?,
            epoch: object.epoch("epoch")?,
            csr_der: object.bytes("csr", CERTIFICATE_LIMIT_BYTES)?,
            evidence: evidence.transpose()?,
        })
    }

    /// Reads the message from bytes, no more than [`REQUEST_LIMIT_BYTES`].
    ///
    /// # Errors
    /// As [`LeaseRequest::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WireError> {
        Self::from_json(&wire::from_slice(REQUEST, bytes, REQUEST_LIMIT_BYTES)?)
    }
}

impl fmt::Debug for LeaseRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseRequest")
            .field("node", &self.node)
            .field("epoch", &self.epoch)
            .field("csr_der", &self.csr_der.len())
            .field("evidence", &self.evidence.as_ref().map(Evidence::grade))
            .finish()
    }
}

impl LeaseGrant {
    /// The message.
    #[must_use]
    pub fn to_json(&self) -> Value {
        wire::message([
            ("chain", wire::base64_list(&self.chain_der)),
            ("not-after", Value::from(self.not_after)),
            ("renew-after", Value::from(self.renew_after)),
            ("trust", self.trust.to_json()),
            ("standing", self.standing.to_json()),
        ])
    }

    /// Reads the message.
    ///
    /// # Errors
    /// If it is of another version, not well formed, or beyond its bounds.
    pub fn from_json(value: &Value) -> Result<Self, WireError> {
        let keys = ["chain", "not-after", "renew-after", "trust", "standing"];
        let object = Object::versioned(GRANT, value, &keys)?;
        let chain_der = object.byte_lists("chain", CHAIN_LIMIT, CERTIFICATE_LIMIT_BYTES)?;
        if chain_der.is_empty() {
            return Err(object.error(WireErrorKind::Malformed("chain", "a chain with a leaf")));
        }
        Ok(Self {
            chain_der,
            not_after: object.number("not-after")?,
            renew_after: object.small("renew-after")?,
            trust: TrustBundle::from_json(object.value("trust")?)?,
            standing: Standing::from_json(object.value("standing")?)?,
        })
    }

    /// Reads the message from bytes, no more than [`ANSWER_LIMIT_BYTES`].
    ///
    /// # Errors
    /// As [`LeaseGrant::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WireError> {
        Self::from_json(&wire::from_slice(GRANT, bytes, ANSWER_LIMIT_BYTES)?)
    }
}

#[cfg(test)]
mod tests;
