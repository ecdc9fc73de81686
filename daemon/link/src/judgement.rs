//! Who a certificate chain proves, and whether the snapshot admits them. Pure: a snapshot, a chain
//! and the time go in. Must never look for roots of another zone than the one that the certificate
//! names.

use cofferdam_rack::lease::{Revocation, Revocations};
use cofferdam_rack::{PeerId, SpiffeError, SpiffeId, ZoneName};
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error as PathError, KeyUsage, anchor_from_trusted_cert};

use crate::certificate::{Leaf, Permission, UriNames, end_of};
use crate::reason::{Denied, Reason};
use crate::session::SessionKind;
use crate::standing::Snapshot;
use crate::tls::ALGORITHMS;
use crate::witness::EndReason;

/// Certificates between a leaf and a root that we follow.
const INTERMEDIATES_LIMIT: usize = 3;

/// Which side of the handshake the judged peer is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// A peer whose chain was verified; what a later judgement of the same connection needs.
#[derive(Debug, Clone)]
pub(crate) struct Identified {
    pub(crate) peer: PeerId,
    pub(crate) kind: SessionKind,
    pub(crate) leaf: Leaf,
    /// The earliest end of the certificates in the path, root included, in Unix seconds.
    pub(crate) chain_end: u64,
    proof: Proof,
}

/// What vouched for the peer.
#[derive(Debug, Clone)]
enum Proof {
    /// A path to roots of its zone; kept so that it can be walked again when the roots change.
    Path {
        role: Role,
        chain: Vec<CertificateDer<'static>>,
        roots: Vec<Vec<u8>>,
    },
    /// A pin of the manifest.
    Pin,
    /// A key that the caller of this connection named.
    GivenKey,
}

/// Who we are in one handshake.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) id: PeerId,
    pub(crate) key_sha256: [u8; 32],
}

/// Which way a connection goes, in zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Direction {
    pub(crate) from: ZoneName,
    pub(crate) to: ZoneName,
}

impl Identified {
    /// Names the peer of a chain, or says why nobody is named by it.
    pub(crate) fn of(
        snapshot: &Snapshot,
        role: Role,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Self, Denied> {
        let (end_entity, intermediates) = chain.split_first().ok_or(Reason::NoCertificate)?;
        if intermediates.len() > INTERMEDIATES_LIMIT {
            let count = intermediates.len();
            return Err(Reason::Unreadable(format!("intermediates in the chain: {count}")).into());
        }
        let leaf = Leaf::read(end_entity)?;
        if leaf.self_signed {
            return Self::pinned(snapshot, role, leaf, now);
        }
        let peer = named(snapshot, &leaf)?;
        match Self::leased(snapshot, role, &peer, leaf, (chain, now)) {
            Ok(identified) => Ok(identified),
            Err(reason) => Err(Denied {
                claim: Some(peer),
                reason,
            }),
        }
    }

    fn pinned(snapshot: &Snapshot, role: Role, leaf: Leaf, now: UnixTime) -> Result<Self, Denied> {
        let peer = snapshot
            .pins
            .get(&leaf.key_sha256)
            .cloned()
            .ok_or(Reason::Unpinned)?;
        let deny = |reason| Denied {
            claim: Some(peer.clone()),
            reason,
        };
        // It need not name itself, but if it does, the name is the pin's.
        if leaf.names != UriNames::None && named(snapshot, &leaf)? != peer {
            return Err(deny(Reason::MalformedName(
                "not the one its pin gives it".to_owned(),
            )));
        }
        fit(&leaf, role, SessionKind::Boot).map_err(deny)?;
        in_time(&leaf, now.as_secs()).map_err(deny)?;
        Ok(Self {
            chain_end: leaf.not_after,
            peer,
            kind: SessionKind::Boot,
            leaf,
            proof: Proof::Pin,
        })
    }

    /// Names the holder of the key `pin`: how a node without a lease knows its keeper.
    pub(crate) fn by_key(
        snapshot: &Snapshot,
        pin: &[u8; 32],
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Self, Denied> {
        let end_entity = chain.first().ok_or(Reason::NoCertificate)?;
        let leaf = Leaf::read(end_entity)?;
        if leaf.key_sha256 != *pin {
            return Err(Reason::WrongKey.into());
        }
        let peer = match (snapshot.pins.get(pin), &leaf.names) {
            (Some(peer), UriNames::None) => peer.clone(),
            (None, _) => named(snapshot, &leaf)?,
            (Some(peer), _) if named(snapshot, &leaf)? == *peer => peer.clone(),
            (Some(_), _) => return Err(Reason::WrongKey.into()),
        };
        let deny = |reason| Denied {
            claim: Some(peer.clone()),
            reason,
        };
        fit(&leaf, Role::Server, SessionKind::Boot).map_err(deny)?;
        in_time(&leaf, now.as_secs()).map_err(deny)?;
        let chain_end = leaf.not_after;
        let proof = Proof::GivenKey;
        Ok(Self {
            peer,
            kind: SessionKind::Boot,
            leaf,
            chain_end,
            proof,
        })
    }

    fn leased(
        snapshot: &Snapshot,
        role: Role,
        peer: &PeerId,
        leaf: Leaf,
        (chain, now): (&[CertificateDer<'_>], UnixTime),
    ) -> Result<Self, Reason> {
        fit(&leaf, role, SessionKind::Leased)?;
        in_time(&leaf, now.as_secs())?;
        let roots = roots(snapshot, &peer.zone);
        if roots.is_empty() {
            return Err(Reason::UnknownZone(peer.zone.clone()));
        }
        let path_end = verify_path(roots, role, chain, &peer.zone, now)?;
        Ok(Self {
            chain_end: leaf.not_after.min(path_end),
            peer: peer.clone(),
            kind: SessionKind::Leased,
            leaf,
            proof: Proof::Path {
                role,
                chain: chain.iter().map(|one| one.clone().into_owned()).collect(),
                roots: roots.to_vec(),
            },
        })
    }

    /// Whether the snapshot lets this peer speak with us, this way. The first question of a
    /// connection.
    pub(crate) fn admit(
        &self,
        snapshot: &Snapshot,
        direction: &Direction,
        own: &Own,
    ) -> Result<(), Reason> {
        if own.id == self.peer || own.key_sha256 == self.leaf.key_sha256 {
            return Err(Reason::NotMe);
        }
        if let Some(revocation) = self.revocation(snapshot) {
            return Err(Reason::Revoked(Box::new(revocation.why.clone())));
        }
        if !snapshot.flows.connects(&direction.from, &direction.to) {
            let Direction { from, to } = direction.clone();
            return Err(Reason::NoFlow { from, to });
        }
        Ok(())
    }

    /// Whether a new snapshot takes away what admitted this peer. The later question, asked at each
    /// change.
    pub(crate) fn lost(
        &self,
        snapshot: &Snapshot,
        direction: &Direction,
        now: UnixTime,
    ) -> Option<EndReason> {
        if self.revocation(snapshot).is_some() {
            return Some(EndReason::Revoked);
        }
        if !snapshot.flows.connects(&direction.from, &direction.to) {
            return Some(EndReason::FlowRemoved);
        }
        match &self.proof {
            Proof::GivenKey => None,
            Proof::Pin => {
                let pinned = snapshot.pins.get(&self.leaf.key_sha256) == Some(&self.peer);
                (!pinned).then_some(EndReason::PinRemoved)
            }
            Proof::Path {
                role,
                chain,
                roots: admitted_by,
            } => {
                let roots = roots(snapshot, &self.peer.zone);
                // The same roots need no second signature check: ten thousand connections ask at
                // once.
                let trusted = roots == admitted_by.as_slice()
                    || verify_path(roots, *role, chain, &self.peer.zone, now).is_ok();
                (!trusted).then_some(EndReason::TrustRemoved)
            }
        }
    }

    /// The revocation that speaks of the lease behind this peer. A pinned key has no lease to lose:
    /// what it may ask for, the keeper judges anew, and that is how a node whose fault was mended
    /// comes back.
    fn revocation<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Revocation> {
        match self.kind {
            SessionKind::Boot => None,
            SessionKind::Leased => Revocations(&snapshot.revoked).covering(
                &self.peer,
                &self.leaf.serial,
                self.leaf.not_before,
            ),
        }
    }
}

/// The one name in a leaf.
fn named(snapshot: &Snapshot, leaf: &Leaf) -> Result<PeerId, Reason> {
    let uri = match &leaf.names {
        UriNames::None => return Err(Reason::NoName),
        UriNames::Many(count) => return Err(Reason::ManyNames(*count)),
        UriNames::One(uri) => uri,
    };
    let malformed = |fault: SpiffeError| Reason::MalformedName(fault.to_string());
    let id: SpiffeId = uri.parse().map_err(malformed)?;
    id.peer(&snapshot.domain).map_err(malformed)
}

fn fit(leaf: &Leaf, role: Role, kind: SessionKind) -> Result<(), Reason> {
    if let Some(what) = leaf.unfit {
        return Err(Reason::UnfitLeaf(what));
    }
    let permission = match role {
        Role::Client => leaf.for_clients,
        Role::Server => leaf.for_servers,
    };
    match (permission, kind) {
        (Permission::Named, _) | (Permission::Unspoken, SessionKind::Boot) => Ok(()),
        (Permission::Unspoken, SessionKind::Leased) => {
            Err(Reason::UnfitLeaf("it has no extended key usage"))
        }
        (Permission::Withheld, _) => Err(Reason::UnfitLeaf(match role {
            Role::Client => "its extended key usage has no clientAuth",
            Role::Server => "its extended key usage has no serverAuth",
        })),
    }
}

fn in_time(leaf: &Leaf, now: u64) -> Result<(), Reason> {
    if now < leaf.not_before {
        return Err(Reason::NotYetValid {
            not_before: leaf.not_before,
            now,
        });
    }
    if now > leaf.not_after {
        return Err(Reason::Expired {
            not_after: leaf.not_after,
            now,
        });
    }
    Ok(())
}

fn roots<'a>(snapshot: &'a Snapshot, zone: &ZoneName) -> &'a [Vec<u8>] {
    snapshot.trust.roots(&snapshot.domain.trust_domain(zone))
}

/// Builds the path to one of the zone's roots. Gives the earliest end of its authorities, in Unix
/// seconds.
fn verify_path(
    roots: &[Vec<u8>],
    role: Role,
    chain: &[CertificateDer<'_>],
    zone: &ZoneName,
    now: UnixTime,
) -> Result<u64, Reason> {
    let (end_entity, intermediates) = chain.split_first().ok_or(Reason::NoCertificate)?;
    let entity = EndEntityCert::try_from(end_entity).map_err(|fault| path_reason(fault, zone))?;
    let usage = match role {
        Role::Client => KeyUsage::client_auth(),
        Role::Server => KeyUsage::server_auth(),
    };
    let mut nearest = Reason::WrongIssuer(zone.clone());
    for root in roots {
        let der = CertificateDer::from(root.as_slice());
        let Ok(anchor) = anchor_from_trusted_cert(&der) else {
            continue;
        };
        let anchors = [anchor];
        let path = entity.verify_for_usage(
            ALGORITHMS.all,
            &anchors,
            intermediates,
            now,
            usage,
            None,
            None,
        );
        match path {
            Err(PathError::UnknownIssuer) => {}
            Err(fault) => nearest = path_reason(fault, zone),
            Ok(path) => {
                let mut end = end_of(root)?;
                for one in path.intermediate_certificates() {
                    end = end.min(end_of(&one.der())?);
                }
                // The path builder takes roots as they are; ours have an end as well.
                if now.as_secs() <= end {
                    return Ok(end);
                }
                nearest = Reason::Expired {
                    not_after: end,
                    now: now.as_secs(),
                };
            }
        }
    }
    Err(nearest)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's list of faults is open"
)]
fn path_reason(fault: PathError, zone: &ZoneName) -> Reason {
    match fault {
        PathError::CertExpired { time, not_after } => Reason::Expired {
            not_after: not_after.as_secs(),
            now: time.as_secs(),
        },
        PathError::CertNotValidYet { time, not_before } => Reason::NotYetValid {
            not_before: not_before.as_secs(),
            now: time.as_secs(),
        },
        PathError::CaUsedAsEndEntity => Reason::UnfitLeaf("it is an authority's (cA is true)"),
        PathError::RequiredEkuNotFoundContext(_) => {
            Reason::UnfitLeaf("the path's extended key usage does not allow the role")
        }
        PathError::UnknownIssuer
        | PathError::InvalidSignatureForPublicKey
        | PathError::EndEntityUsedAsCa
        | PathError::PathLenConstraintViolated
        | PathError::MaximumPathDepthExceeded
        | PathError::NameConstraintViolation => Reason::WrongIssuer(zone.clone()),
        // Whatever else it finds is a certificate that we cannot follow.
        fault => Reason::Unreadable(fault.to_string()),
    }
}
