//! A client that is not ours: any certificate, any server accepted, any protocol. It shows what a
//! peer sees.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::ring as provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::stage::PATIENCE;
use crate::Credential;
use crate::reason::tls_error;
use crate::tls::ALGORITHMS;

#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ALGORITHMS.supported_schemes()
    }
}

/// Shows a chain with a key, whether or not they belong together.
#[derive(Debug)]
struct Shows(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// A client configuration that shows `chain` and signs with `key`.
pub(super) fn config(
    shown: Option<(Vec<CertificateDer<'static>>, &PrivateKeyDer<'_>)>,
) -> ClientConfig {
    let shown = shown.map(|(chain, key)| {
        let key = provider::sign::any_supported_type(key).expect("a key");
        Arc::new(CertifiedKey::new(chain, key))
    });
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_client_cert_resolver(Arc::new(Shows(shown)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // What a browser or a cloud SDK would do: keep every ticket it is given.
    config.resumption = Resumption::in_memory_sessions(16);
    config.enable_early_data = true;
    config
}

pub(super) fn shows(credential: &Credential) -> ClientConfig {
    config(Some((credential.chain.clone(), &credential.key)))
}

pub(super) async fn connect(
    config: Arc<ClientConfig>,
    address: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from("storage.lab.internal").expect("a name");
    TlsConnector::from(config).connect(name, socket).await
}

/// Sends one request over TLS. Gives the whole answer, or the alert by which the connection ended.
pub(super) async fn talk(config: ClientConfig, address: SocketAddr) -> Result<String, String> {
    let talking = async {
        let mut stream = connect(Arc::new(config), address).await?;
        stream
            .write_all(b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<String, std::io::Error>(answer)
    };
    let outcome = timeout(PATIENCE, talking)
        .await
        .expect("an outcome in time");
    outcome.map_err(|fault| match tls_error(&fault) {
        Some(rustls::Error::AlertReceived(alert)) => format!("{alert:?}"),
        Some(other) => other.to_string(),
        None => fault.kind().to_string(),
    })
}

/// Sends bytes without TLS and reads until the other side closes.
pub(super) async fn raw(bytes: &[u8], address: SocketAddr) -> Vec<u8> {
    let talking = async {
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        socket.write_all(bytes).await.expect("room in the socket");
        let mut answer = Vec::new();
        // A reset is an end like any other.
        drop(socket.read_to_end(&mut answer).await);
        answer
    };
    timeout(PATIENCE, talking).await.expect("an end in time")
}
