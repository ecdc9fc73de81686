//! One admitted connection as the services see it. Owns [`Session`]; must never hold a key or a
//! socket.

use std::fmt;
use std::net::SocketAddr;

use cofferdam_rack::{Epoch, PeerId, ZoneName};
use ring::rand::{SecureRandom, SystemRandom};

/// One admitted connection.
///
/// Whoever is handed a session by a [`crate::Listener`] may rely on this: the peer proved
/// possession of the key of a certificate that named `peer` and nothing else, that chained to the
/// roots of `peer.zone` and of no other zone (or, for [`SessionKind::Boot`], whose key the manifest
/// pins); it was inside its validity; it was not revoked; it is not ourselves; the flow table
/// connects its zone to ours; and the receipt of its admission is durable. A change in any of this
/// closes the connection within a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who is at the other end.
    pub peer: PeerId,
    /// The zone that this end is.
    pub local: ZoneName,
    /// Whether the peer holds a lease.
    pub kind: SessionKind,
    /// A random name for this connection, the same in every record about it.
    pub id: FlowId,
    /// When the receipt of the admission was durable, in Unix milliseconds.
    pub established_ms: u64,
    /// SHA-256 over the peer's leaf certificate.
    pub certificate_sha256: [u8; 32],
    /// SHA-256 over the peer's public key (SPKI).
    pub key_sha256: [u8; 32],
    /// The serial number of the peer's leaf, in lowercase hexadecimal without leading zeros.
    pub serial: String,
    /// The last Unix second at which this connection may carry a byte.
    pub deadline: u64,
    /// The epoch of the manifest that admitted it.
    pub epoch: Epoch,
    /// Where the peer called from.
    pub remote: SocketAddr,
}

/// What stood behind the peer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionKind {
    /// A certificate of its zone's authority.
    Leased,
    /// Only the key pinned in the manifest: good for asking for a lease, for nothing else.
    Boot,
}

impl SessionKind {
    /// The word in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Boot => "boot",
        }
    }
}

/// The random name of a connection. Prints as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowId([u8; 16]);

impl FlowId {
    /// A new one, or `None` when the system has no randomness.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut bytes = [0_u8; 16];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The one with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_id_prints_its_bytes_in_order() {
        let id = FlowId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
    }

    #[test]
    fn two_random_flow_ids_differ() {
        assert_ne!(FlowId::random(), FlowId::random());
    }
}
