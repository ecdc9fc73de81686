//! The one TLS configuration of the house: TLS 1.3, ring, no resumption, no tickets, no early data.
//! Owns how configurations are built; must never read a process-wide default provider.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::{Resumption, danger::ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring as ring_provider};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig, SignatureScheme, version};
use webpki::ring as algorithm;

use crate::certificate::{end_of, key_of};
use crate::clock::Clock;
use crate::judgement::Own;
use crate::reason::Reason;
use crate::standing::Credential;

/// What is spoken once the handshake is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// The name in the handshake.
    pub(crate) const fn name(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }

    /// What the handshake agreed on. A client that names nothing speaks HTTP/1.1.
    pub(crate) fn agreed(name: Option<&[u8]>) -> Self {
        if name == Some(Self::Http2.name()) {
            Self::Http2
        } else {
            Self::Http1
        }
    }
}

/// The signatures we accept, in chains and in handshakes: elliptic curves only, no RSA.
pub(crate) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        algorithm::ECDSA_P256_SHA256,
        algorithm::ECDSA_P256_SHA384,
        algorithm::ECDSA_P384_SHA256,
        algorithm::ECDSA_P384_SHA384,
        algorithm::ED25519,
    ],
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[algorithm::ECDSA_P256_SHA256],
        ),
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[algorithm::ECDSA_P384_SHA384],
        ),
        (SignatureScheme::ED25519, &[algorithm::ED25519]),
    ],
};

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| {
        Arc::new(CryptoProvider {
            signature_verification_algorithms: ALGORITHMS,
            ..ring_provider::default_provider()
        })
    });
    Arc::clone(provider)
}

/// The server side of one connection.
pub(crate) fn server_config(
    verifier: Arc<dyn ClientCertVerifier>,
    identity: Arc<CertifiedKey>,
    clock: &Clock,
) -> Result<ServerConfig, Reason> {
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(clock.clone()))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|fault| Reason::TlsFault(fault.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(Identity(identity)));
    config.alpn_protocols = names(&[Protocol::Http2, Protocol::Http1]);
    // A resumed session would skip the verifier: there is none to resume.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// The client side of one connection.
pub(crate) fn client_config(
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Arc<CertifiedKey>,
    clock: &Clock,
    protocols: &[Protocol],
) -> Result<ClientConfig, Reason> {
    let mut config = ClientConfig::builder_with_details(provider(), Arc::new(clock.clone()))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|fault| Reason::TlsFault(fault.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(Identity(identity)));
    config.alpn_protocols = names(protocols);
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(config)
}

fn names(protocols: &[Protocol]) -> Vec<Vec<u8>> {
    protocols
        .iter()
        .map(|protocol| protocol.name().to_vec())
        .collect()
}

/// A credential made ready to sign.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) own: Own,
    /// The earliest end of our own chain, in Unix seconds.
    pub(crate) chain_end: u64,
}

impl Signer {
    /// Loads the key; refuses one that is not the certificate's.
    pub(crate) fn of(credential: &Credential) -> Result<Self, Reason> {
        let fault = |what: &dyn fmt::Display| Reason::TlsFault(format!("own certificate: {what}"));
        let leaf = credential
            .chain
            .first()
            .ok_or_else(|| fault(&"the chain is empty"))?;
        let key_sha256 = key_of(leaf)?;
        let chain_end = credential
            .chain
            .iter()
            .try_fold(credential.not_after, |end, one| {
                end_of(one).map(|this| end.min(this))
            })?;
        let chain = credential.chain.clone();
        let certified = CertifiedKey::from_der(chain, credential.key.clone_key(), &provider())
            .map_err(|error| fault(&error))?;
        let own = Own {
            id: credential.id.clone(),
            key_sha256,
        };
        Ok(Self {
            certified: Arc::new(certified),
            own,
            chain_end,
        })
    }
}

/// The last credential made ready: loading a key costs more than a look at whether it is still the
/// same.
#[derive(Debug, Default)]
pub(crate) struct Signers(Mutex<Option<(Arc<Credential>, Arc<Signer>)>>);

impl Signers {
    /// Lets go of what was made ready; its key is wiped with the last who uses it.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn of(&self, credential: &Arc<Credential>) -> Result<Arc<Signer>, Reason> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, signer)) = &*kept
            && Arc::ptr_eq(of, credential)
        {
            return Ok(Arc::clone(signer));
        }
        let signer = Arc::new(Signer::of(credential)?);
        *kept = Some((Arc::clone(credential), Arc::clone(&signer)));
        Ok(signer)
    }
}

/// Shows the one certificate we have, whatever the other side hints at.
#[derive(Debug)]
struct Identity(Arc<CertifiedKey>);

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl rustls::client::ResolvesClientCert for Identity {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
