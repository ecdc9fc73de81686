//! What `lab break` breaks, and what must hold then. Each attack is real; each returns what was seen, so that the demo, the command
//! and the tests say the same.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_link::{Dialer, Snapshot};
use cofferdam_node::Exit;
use cofferdam_node::identity::IdentityKey;
use cofferdam_rack::{Manifest, PeerId, ZoneName};
use cofferdam_trail::note::VerifierKey;
use cofferdam_trail::verify;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use super::layout::{LabNode, Layout};
use crate::verdict::Failure;

/// How long an attacked listener may take to refuse.
const REFUSE_LIMIT: Duration = Duration::from_secs(8);
/// The facts by which a chassis and a board are known; the lab's intake gets storage's.
const CHASSIS_FACTS: [&str; 3] = [
    "sys/class/dmi/id/chassis_serial",
    "sys/class/dmi/id/board_serial",
    "sys/class/dmi/id/chassis_asset_tag",
];

/// Puts one machine on another's chassis: its next look at its hardware finds the other's serials.
///
/// # Errors
/// The simulated machine could not be changed.
pub fn colocate(layout: &Layout, moved: &LabNode, onto: &LabNode) -> Result<Vec<String>, Failure> {
    let mut changed = Vec::new();
    for fact in CHASSIS_FACTS {
        let from = layout.sysroot(onto).join(fact);
        let to = layout.sysroot(moved).join(fact);
        if from.exists() {
            replace_file(&from, &to).map_err(|error| not_broken(&to, &error))?;
            changed.push(fact.to_owned());
        }
    }
    Ok(changed)
}

fn replace_file(from: &Path, to: &Path) -> io::Result<()> {
    let fresh = to.with_extension("new");
    std::fs::copy(from, &fresh)?;
    std::fs::rename(&fresh, to)
}

/// Copies a trail, changes one byte of one leaf, and returns what the verifier says of the copy.
///
/// # Errors
/// The trail could not be copied, or its key is not one.
pub fn tamper(
    trail: &Path,
    copy: &Path,
    key: &str,
    leaf: u64,
) -> Result<Result<verify::Verified, verify::Fault>, Failure> {
    copy_tree(trail, copy).map_err(|error| not_broken(copy, &error))?;
    let target = leaf_text(copy, leaf)?;
    let bundles = find_bundles(copy, &target).map_err(|error| not_broken(copy, &error))?;
    if bundles.is_empty() {
        return Err(not_broken(
            copy,
            &io::Error::other("the leaf was not found in a bundle"),
        ));
    }
    for (path, offset) in bundles {
        flip(&path, offset + target.len() / 2).map_err(|error| not_broken(&path, &error))?;
    }
    let key: VerifierKey = key
        .parse()
        .map_err(|error| not_broken(copy, &io::Error::other(format!("{error}"))))?;
    Ok(verify::verify_dir(copy, &[key]))
}

fn leaf_text(trail: &Path, leaf: u64) -> Result<String, Failure> {
    let entries = verify::entries(trail)
        .map_err(|fault| not_broken(trail, &io::Error::other(fault.refusal().to_string())))?;
    for entry in entries {
        let (index, text) = entry
            .map_err(|fault| not_broken(trail, &io::Error::other(fault.refusal().to_string())))?;
        if index == leaf {
            return Ok(text);
        }
    }
    Err(not_broken(
        trail,
        &io::Error::other(format!("there is no leaf {leaf}")),
    ))
}

fn flip(path: &Path, offset: usize) -> io::Result<()> {
    let mut bytes = std::fs::read(path)?;
    if let Some(byte) = bytes.get_mut(offset) {
        *byte ^= 1;
    }
    std::fs::remove_file(path)?;
    std::fs::write(path, bytes)
}

/// Every bundle that holds the leaf: partial ones of earlier checkpoints lie beside the one that counts.
fn find_bundles(root: &Path, text: &str) -> io::Result<Vec<(PathBuf, usize)>> {
    let mut found = Vec::new();
    let mut waiting = vec![root.join("tile").join("entries")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let bytes = std::fs::read(&path)?;
            let at = bytes
                .windows(text.len())
                .position(|window| window == text.as_bytes());
            if let Some(offset) = at {
                found.push((path, offset));
            }
        }
    }
    Ok(found)
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Speaks plain HTTP to a zone; true if not one byte of an answer in HTTP came back.
///
/// # Errors
/// Nobody listens there.
pub async fn plain_http(address: SocketAddr) -> Result<bool, Failure> {
    let attempt = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            .await?;
        Ok::<bool, io::Error>(!answered_in_http(&mut stream).await)
    };
    limited(attempt).await
}

/// Speaks TLS without a client certificate; true if no request was answered.
///
/// # Errors
/// Nobody listens there.
pub async fn without_certificate(address: SocketAddr) -> Result<bool, Failure> {
    let attempt = async {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(believe::Anybody))
            .with_no_client_auth();
        let stream = tokio::net::TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let Ok(mut stream) = connector.connect(name, stream).await else {
            return Ok(true);
        };
        let sent = stream
            .write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        Ok::<bool, io::Error>(sent.is_err() || !answered_in_http(&mut stream).await)
    };
    limited(attempt).await
}

/// Comes with a certificate that claims to be a node of another zone, signed by its own key; true if the zone did not let it in.
///
/// # Errors
/// The certificate could not be made.
pub async fn forged_zone(
    manifest: &Manifest,
    snapshot: &Snapshot,
    address: SocketAddr,
    claims: &PeerId,
    target: &ZoneName,
) -> Result<bool, Failure> {
    let made = IdentityKey::generate().and_then(|key| {
        key.boot_credential(
            claims,
            &manifest.domain,
            crate::clock::system().unix_seconds(),
        )
    });
    let forged =
        made.map_err(|error| not_broken(manifest_path(), &io::Error::other(error.to_string())))?;
    let forged = Snapshot {
        credential: Some(Arc::new(forged)),
        ..snapshot.clone()
    };
    let (_sender, receiver) = watch::channel(Arc::new(forged));
    let dialer = Dialer::new(receiver, crate::clock::system());
    let attempt = async {
        let Ok(mut connection) = dialer.connect(address, target).await else {
            return Ok(true);
        };
        let request = http::Request::get("/v1/health")
            .body(cofferdam_link::empty())
            .map_err(io::Error::other)?;
        Ok::<bool, io::Error>(connection.send(request).await.is_err())
    };
    limited(attempt).await
}

fn manifest_path() -> &'static Path {
    Path::new("rack/manifest")
}

async fn answered_in_http(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> bool {
    let mut answer = Vec::new();
    // An error ends the reading as an end does; what came before it counts.
    drop(stream.take(4096).read_to_end(&mut answer).await);
    answer.starts_with(b"HTTP/")
}

async fn limited(attempt: impl Future<Output = io::Result<bool>>) -> Result<bool, Failure> {
    match tokio::time::timeout(REFUSE_LIMIT, attempt).await {
        Ok(Ok(refused)) => Ok(refused),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => Ok(true),
        Ok(Err(error)) => Err(not_broken(Path::new("the listener"), &error)),
        Err(_elapsed) => Err(not_broken(
            Path::new("the listener"),
            &io::Error::other(format!("neither answered nor refused in {REFUSE_LIMIT:?}")),
        )),
    }
}

fn not_broken(what: &Path, error: &io::Error) -> Failure {
    let refusal = Refusal::new(
        "LAB-040",
        "the attack could not be made, so it proves nothing",
        "see that the lab runs and its directory is whole",
    )
    .read(format!("{}: {error}", what.display()));
    Failure::new(Exit::TryAgain, refusal)
}

/// An attacker believes anybody; it is the zone that must refuse.
mod believe {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct Anybody;

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _end_entity: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _server_name: &ServerName<'_>,
            _ocsp_response: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _certificate: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
        }

        fn verify_tls13_signature(
            &self,
            _message: &[u8],
            _certificate: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![
                SignatureScheme::ECDSA_NISTP256_SHA256,
                SignatureScheme::ED25519,
            ]
        }
    }
}
