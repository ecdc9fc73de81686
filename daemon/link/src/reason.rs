//! Why a peer is refused: one vocabulary for the alert it sees, the record in the trail and the
//! words for people. Owns [`Reason`]; must never carry a key or more of a certificate than its name
//! and dates.

use std::fmt;
use std::io;
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_rack::{PeerId, ZoneName};
use rustls::{CertificateError, Error as TlsError};

use crate::code::Code;

/// Why a peer is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    NotTls,
    OldTls(String),
    Silent(Duration),
    HungUp,
    NoCertificate,
    NoProtocol,
    FalseProof(String),
    PeerRefused(String),
    TlsFault(String),
    Unreadable(String),
    NoName,
    ManyNames(usize),
    MalformedName(String),
    UnknownZone(ZoneName),
    WrongIssuer(ZoneName),
    Expired { not_after: u64, now: u64 },
    NotYetValid { not_before: u64, now: u64 },
    UnfitLeaf(&'static str),
    Unpinned,
    Revoked(Box<Refusal>),
    NoFlow { from: ZoneName, to: ZoneName },
    NotMe,
    NoLease,
    PeerFull(usize),
    FlowFull(u32),
    NoReceipt(String),
    WrongZone { expected: ZoneName, found: ZoneName },
    WrongKey,
    Unreachable(String),
    ConnectTimeout(Duration),
    DiallerGone(String),
    NotCalled,
}

impl Reason {
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::NotTls => Code::NotTls,
            Self::OldTls(_) => Code::OldTls,
            Self::Silent(_) => Code::Silent,
            Self::HungUp => Code::HungUp,
            Self::NoCertificate => Code::NoCertificate,
            Self::NoProtocol => Code::NoProtocol,
            Self::FalseProof(_) => Code::FalseProof,
            Self::PeerRefused(_) => Code::PeerRefused,
            Self::TlsFault(_) => Code::TlsFault,
            Self::Unreadable(_) => Code::Unreadable,
            Self::NoName => Code::NoName,
            Self::ManyNames(_) => Code::ManyNames,
            Self::MalformedName(_) => Code::MalformedName,
            Self::UnknownZone(_) => Code::UnknownZone,
            Self::WrongIssuer(_) => Code::WrongIssuer,
            Self::Expired { .. } => Code::Expired,
            Self::NotYetValid { .. } => Code::NotYetValid,
            Self::UnfitLeaf(_) => Code::UnfitLeaf,
            Self::Unpinned => Code::Unpinned,
            Self::Revoked(_) => Code::Revoked,
            Self::NoFlow { .. } => Code::NoFlow,
            Self::NotMe => Code::NotMe,
            Self::NoLease => Code::NoLease,
            Self::PeerFull(_) => Code::PeerFull,
            Self::FlowFull(_) => Code::FlowFull,
            Self::NoReceipt(_) => Code::NoReceipt,
            Self::WrongZone { .. } => Code::WrongZone,
            Self::WrongKey => Code::WrongKey,
            Self::Unreachable(_) => Code::Unreachable,
            Self::ConnectTimeout(_) => Code::ConnectTimeout,
            Self::DiallerGone(_) => Code::DiallerGone,
            Self::NotCalled => Code::NotCalled,
        }
    }

    /// What was seen, in one line.
    fn seen(&self) -> Option<String> {
        Some(match self {
            Self::OldTls(what)
            | Self::FalseProof(what)
            | Self::TlsFault(what)
            | Self::Unreadable(what)
            | Self::NoReceipt(what)
            | Self::Unreachable(what)
            | Self::DiallerGone(what) => what.clone(),
            Self::PeerRefused(alert) => format!("alert: {alert}"),
            Self::Silent(within) | Self::ConnectTimeout(within) => format!("limit: {within:?}"),
            Self::ManyNames(count) => format!("URI names in the certificate: {count}"),
            Self::MalformedName(why) => format!("name in the certificate: {why}"),
            Self::UnknownZone(zone) | Self::WrongIssuer(zone) => {
                format!("zone in the certificate: {zone}")
            }
            Self::Expired { not_after, now } => {
                format!("not after: {not_after}; our clock: {now} (Unix seconds)")
            }
            Self::NotYetValid { not_before, now } => {
                format!("not before: {not_before}; our clock: {now} (Unix seconds)")
            }
            Self::UnfitLeaf(what) => format!("certificate: {what}"),
            Self::Revoked(why) => format!("revoked because: {} {}", why.code, why.consequence),
            Self::NoFlow { from, to } => format!("flow: {from} -> {to}"),
            Self::PeerFull(limit) => format!("connections that one peer may hold: {limit}"),
            Self::FlowFull(limit) => format!("max-connections of the flow: {limit}"),
            Self::WrongZone { expected, found } => {
                format!("zone called: {expected}; zone that answered: {found}")
            }
            Self::NotTls
            | Self::HungUp
            | Self::NoCertificate
            | Self::NoProtocol
            | Self::NoName
            | Self::Unpinned
            | Self::NotMe
            | Self::NoLease
            | Self::WrongKey
            | Self::NotCalled => return None,
        })
    }

    /// The refusal for people and for the trail. `consequence` says what did not happen.
    pub(crate) fn refusal(&self, consequence: &str, at: impl fmt::Display) -> Refusal {
        let code = self.code();
        let refusal = Refusal::new(code.as_str(), consequence, code.mend()).why(code.meaning());
        let refusal = refusal.read(format!("peer address: {at}"));
        match self.seen() {
            Some(seen) => refusal.read(seen),
            None => refusal,
        }
    }

    /// The error that makes rustls end the handshake with the fitting alert. The details stay on
    /// our side.
    pub(crate) fn alert(&self) -> TlsError {
        let kind = match self {
            Self::Expired { .. } => CertificateError::Expired,
            Self::NotYetValid { .. } => CertificateError::NotValidYet,
            Self::Revoked(_) => CertificateError::Revoked,
            Self::UnknownZone(_) | Self::WrongIssuer(_) | Self::Unpinned => {
                CertificateError::UnknownIssuer
            }
            Self::UnfitLeaf(_) => CertificateError::InvalidPurpose,
            Self::Unreadable(_) | Self::NoName | Self::ManyNames(_) | Self::MalformedName(_) => {
                CertificateError::BadEncoding
            }
            // The rest is either a refusal by policy or never reaches this place.
            Self::NoFlow { .. }
            | Self::NotMe
            | Self::NoLease
            | Self::WrongZone { .. }
            | Self::WrongKey
            | Self::NotTls
            | Self::OldTls(_)
            | Self::Silent(_)
            | Self::HungUp
            | Self::NoCertificate
            | Self::NoProtocol
            | Self::FalseProof(_)
            | Self::PeerRefused(_)
            | Self::TlsFault(_)
            | Self::PeerFull(_)
            | Self::FlowFull(_)
            | Self::NoReceipt(_)
            | Self::Unreachable(_)
            | Self::ConnectTimeout(_)
            | Self::DiallerGone(_)
            | Self::NotCalled => CertificateError::ApplicationVerificationFailure,
        };
        TlsError::InvalidCertificate(kind)
    }

    /// What a handshake that failed for a reason of its own failed for.
    pub(crate) fn of_handshake(fault: &io::Error) -> Self {
        match tls_error(fault) {
            Some(TlsError::InvalidMessage(_)) => Self::NotTls,
            Some(TlsError::PeerIncompatible(what)) => Self::OldTls(format!("{what:?}")),
            Some(TlsError::NoCertificatesPresented) => Self::NoCertificate,
            Some(TlsError::NoApplicationProtocol) => Self::NoProtocol,
            Some(TlsError::AlertReceived(alert)) => Self::PeerRefused(format!("{alert:?}")),
            Some(what @ (TlsError::InvalidCertificate(_) | TlsError::PeerMisbehaved(_))) => {
                Self::FalseProof(what.to_string())
            }
            Some(
                what @ (TlsError::InappropriateMessage { .. }
                | TlsError::InappropriateHandshakeMessage { .. }
                | TlsError::DecryptError
                | TlsError::PeerSentOversizedRecord),
            ) => Self::FalseProof(what.to_string()),
            Some(what) => Self::TlsFault(what.to_string()),
            None => Self::HungUp,
        }
    }
}

/// The TLS error inside an IO error, if it is one.
pub(crate) fn tls_error(fault: &io::Error) -> Option<&TlsError> {
    fault.get_ref()?.downcast_ref::<TlsError>()
}

/// Who a refused peer said it was, and why it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) claim: Option<PeerId>,
    pub(crate) reason: Reason,
}

impl From<Reason> for Denied {
    fn from(reason: Reason) -> Self {
        Self {
            claim: None,
            reason,
        }
    }
}
