//! The trail as a connection sees it. Owns the [`Witness`] trait and why connections end; must
//! never know how a record is kept.

use std::future::Future;

use cofferdam_hwprofile::Refusal;
use cofferdam_rack::PeerId;

use crate::code::Code;
use crate::session::Session;

/// Who keeps the records of a listener.
pub trait Witness: Send + Sync + 'static {
    /// A peer was admitted. Awaited before the first byte of a request reaches the service; an
    /// error closes the connection unserved.
    fn admitted(&self, session: &Session) -> impl Future<Output = Result<(), WitnessError>> + Send;

    /// A peer was turned away. `peer` is a claim that nobody proved where the refusal came before
    /// the proof.
    fn refused(&self, peer: Option<&PeerId>, refusal: &Refusal) -> impl Future<Output = ()> + Send;

    /// An admitted connection ended.
    fn ended(&self, session: &Session, why: EndReason) -> impl Future<Output = ()> + Send;
}

/// A record could not be made durable. What failed stands in the cause.
#[derive(Debug, thiserror::Error)]
#[error("record the admission")]
pub struct WitnessError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why an admitted connection ended. The same words in the trail, in metrics and in the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// The peer closed it, in its own time.
    PeerClosed,
    /// The connection broke, or the peer broke the protocol.
    Broken,
    /// No request ran for longer than the idle limit.
    Idle,
    /// A request's head took longer than the header limit.
    SlowHead,
    /// The earliest end of the two certificate chains.
    Deadline,
    /// The peer was revoked.
    Revoked,
    /// The flow table no longer connects the two zones.
    FlowRemoved,
    /// The roots that vouched for the peer are no longer trusted.
    TrustRemoved,
    /// The pin that vouched for the peer is no longer in the manifest.
    PinRemoved,
    /// This node lost its own certificate, or has become another peer.
    CredentialLost,
    /// The listener stopped; nothing was running, or it finished in time.
    Drained,
    /// The listener stopped and the request that ran was cut off.
    CutOff,
}

impl EndReason {
    /// All of them, for the tables that must know each.
    pub const ALL: [Self; 12] = [
        Self::PeerClosed,
        Self::Broken,
        Self::Idle,
        Self::SlowHead,
        Self::Deadline,
        Self::Revoked,
        Self::FlowRemoved,
        Self::TrustRemoved,
        Self::PinRemoved,
        Self::CredentialLost,
        Self::Drained,
        Self::CutOff,
    ];

    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PeerClosed => "peer-closed",
            Self::Broken => "broken",
            Self::Idle => "idle",
            Self::SlowHead => "slow-head",
            Self::Deadline => "deadline",
            Self::Revoked => "revoked",
            Self::FlowRemoved => "flow-removed",
            Self::TrustRemoved => "trust-removed",
            Self::PinRemoved => "pin-removed",
            Self::CredentialLost => "credential-lost",
            Self::Drained => "drained",
            Self::CutOff => "cut-off",
        }
    }

    /// The code in refusals and in the manual.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.entry().as_str()
    }

    pub(crate) const fn entry(self) -> Code {
        match self {
            Self::PeerClosed => Code::PeerClosed,
            Self::Broken => Code::Broken,
            Self::Idle => Code::Idle,
            Self::SlowHead => Code::SlowHead,
            Self::Deadline => Code::Deadline,
            Self::Revoked => Code::LostRevoked,
            Self::FlowRemoved => Code::LostFlow,
            Self::TrustRemoved => Code::LostTrust,
            Self::PinRemoved => Code::LostPin,
            Self::CredentialLost => Code::LostLease,
            Self::Drained => Code::Drained,
            Self::CutOff => Code::CutOff,
        }
    }

    /// Whether the connection lost its right, rather than running its course.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        match self {
            Self::Revoked
            | Self::FlowRemoved
            | Self::TrustRemoved
            | Self::PinRemoved
            | Self::CredentialLost
            | Self::Deadline => true,
            Self::PeerClosed
            | Self::Broken
            | Self::Idle
            | Self::SlowHead
            | Self::Drained
            | Self::CutOff => false,
        }
    }
}
