//! What this node may do at this instant: its certificate, whom it trusts, who was revoked. Owns
//! the immutable [`Snapshot`]; must never be changed in place. Whoever learns something new
//! publishes a whole new snapshot.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cofferdam_rack::lease::{Revocation, TrustBundle};
use cofferdam_rack::{Epoch, FlowTable, PeerId, RackDomain};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use zeroize::Zeroize as _;

/// This node's certificate chain and the key that belongs to it.
pub struct Credential {
    /// Who the certificate says we are.
    pub id: PeerId,
    /// The leaf first, then what leads to the zone's root (the root itself left out).
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the leaf.
    pub key: PrivateKeyDer<'static>,
    /// The end of the leaf, in Unix seconds.
    pub not_after: u64,
}

impl Credential {
    /// A second copy of the credential, key included: for the one snapshot that replaces another.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            id: self.id.clone(),
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            not_after: self.not_after,
        }
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("chain", &self.chain.len())
            .field("key", &"redacted")
            .field("not_after", &self.not_after)
            .finish()
    }
}

/// Everything a handshake is judged by. Swapped whole, so that no judgement mixes two states.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The rack both sides must belong to.
    pub domain: RackDomain,
    /// Our certificate; `None` means no lease, and nothing opens.
    pub credential: Option<Arc<Credential>>,
    /// The roots of each zone.
    pub trust: TrustBundle,
    /// SHA-256 of the public keys (SPKI) that may come without a lease, to ask for one.
    pub pins: BTreeMap<[u8; 32], PeerId>,
    /// Who may speak to whom.
    pub flows: Arc<FlowTable>,
    /// The manifest's epoch.
    pub epoch: Epoch,
    /// Peers whose certificates no longer count.
    pub revoked: Vec<Revocation>,
}

/// The current [`Snapshot`], and word of each new one.
pub type Standing = watch::Receiver<Arc<Snapshot>>;
