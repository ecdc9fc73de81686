//! The judgement inside the handshake. Owns the bridge to rustls; must never let a handshake pass
//! without leaving the identified peer, and must never accept TLS 1.2 signatures.

use std::sync::{Arc, OnceLock};

use rustls::PeerIncompatible;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error as TlsError, SignatureScheme};

use cofferdam_rack::ZoneName;

use crate::judgement::{Direction, Identified, Own, Role};
use crate::reason::{Denied, Reason};
use crate::standing::Snapshot;
use crate::tls::ALGORITHMS;

/// What the handshake must find at the other end.
#[derive(Debug, Clone)]
pub(crate) enum Expect {
    /// Any peer with a flow to our zone.
    Caller,
    /// A node of the zone that we called.
    Zone(ZoneName),
    /// The holder of this key, whatever its chain.
    Key([u8; 32]),
}

/// Judges one handshake and keeps the outcome.
#[derive(Debug)]
pub(crate) struct Verifier {
    snapshot: Arc<Snapshot>,
    own: Own,
    expect: Expect,
    outcome: OnceLock<Result<Identified, Denied>>,
}

impl Verifier {
    pub(crate) const fn new(snapshot: Arc<Snapshot>, own: Own, expect: Expect) -> Self {
        Self {
            snapshot,
            own,
            expect,
            outcome: OnceLock::new(),
        }
    }

    /// The outcome, once the handshake came that far.
    pub(crate) fn outcome(&self) -> Option<&Result<Identified, Denied>> {
        self.outcome.get()
    }

    /// Which way the connection goes when a node of `peer` is at the other end.
    pub(crate) fn direction(&self, peer: &ZoneName) -> Direction {
        let (own, peer) = (self.own.id.zone.clone(), peer.clone());
        match &self.expect {
            Expect::Caller => Direction {
                from: peer,
                to: own,
            },
            Expect::Zone(_) | Expect::Key(_) => Direction {
                from: own,
                to: peer,
            },
        }
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), TlsError> {
        let mut chain = Vec::with_capacity(intermediates.len().saturating_add(1));
        chain.push(end_entity.clone());
        chain.extend_from_slice(intermediates);
        let outcome = self.outcome.get_or_init(|| self.identify(&chain, now));
        match outcome {
            Ok(_) => Ok(()),
            Err(denied) => Err(denied.reason.alert()),
        }
    }

    fn identify(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<Identified, Denied> {
        let identified = match &self.expect {
            Expect::Caller => Identified::of(&self.snapshot, Role::Client, chain, now)?,
            Expect::Zone(_) => Identified::of(&self.snapshot, Role::Server, chain, now)?,
            Expect::Key(pin) => Identified::by_key(&self.snapshot, pin, chain, now)?,
        };
        let deny = |reason| Denied {
            claim: Some(identified.peer.clone()),
            reason,
        };
        if let Expect::Zone(called) = &self.expect
            && *called != identified.peer.zone
        {
            let found = identified.peer.zone.clone();
            return Err(deny(Reason::WrongZone {
                expected: called.clone(),
                found,
            }));
        }
        let direction = self.direction(&identified.peer.zone);
        identified
            .admit(&self.snapshot, &direction, &self.own)
            .map_err(deny)?;
        Ok(identified)
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hints: they would tell a stranger which zones there are.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        self.judge(end_entity, intermediates, now)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ALGORITHMS.supported_schemes()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        // The host name is not asked: a zone is known by its SPIFFE id, wherever it answers.
        self.judge(end_entity, intermediates, now)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ALGORITHMS.supported_schemes()
    }
}
