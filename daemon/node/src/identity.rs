//! The key that is this node. It is made on the node, once, and never leaves it; the manifest pins its digest. From it come the
//! boot certificate, which proves the key and nothing else, and the request for a lease.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cofferdam_hwprofile::Refusal;
use cofferdam_link::Credential;
use cofferdam_rack::{PeerId, RackDomain};
use cofferdam_trail::note::{KeyFileError, KeyFileErrorKind, SignerKey};
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

/// How long a boot certificate is valid on either side of the moment it is made. It is used for seconds.
const BOOT_CERTIFICATE_HOURS: i64 = 24;
/// The largest key file that is read.
const KEY_FILE_LIMIT_BYTES: u64 = 4096;

/// The key pair of a node or of a client.
pub struct IdentityKey {
    pair: KeyPair,
}

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdentityKey({})", self.pin())
    }
}

/// Why there is no identity key.
#[derive(Debug, thiserror::Error)]
#[error("failed to use the identity key {}", .path.display())]
pub struct IdentityError {
    /// The key file.
    pub path: PathBuf,
    /// What was wrong with it.
    #[source]
    pub kind: IdentityErrorKind,
}

/// What was wrong with an identity key.
#[derive(Debug, thiserror::Error)]
pub enum IdentityErrorKind {
    /// The file could not be read or written.
    #[error("the file could not be read or written")]
    File(#[source] io::Error),
    /// Others may read it.
    #[error("mode {mode:04o} lets others than its owner read it")]
    Readable {
        /// The permission bits found.
        mode: u32,
    },
    /// It is no PKCS #8 key of a kind we use.
    #[error("it does not hold an ECDSA P-256 key in PEM form")]
    NotAKey,
    /// The key could not be used to sign.
    #[error("the key could not sign")]
    Sign(#[source] rcgen::Error),
}

impl IdentityError {
    /// The refusal an operator reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let fix = match &self.kind {
            IdentityErrorKind::Readable { .. } => {
                format!(
                    "chmod 0600 {}; if others read it, claim the node again",
                    self.path.display()
                )
            }
            IdentityErrorKind::NotAKey => "restore the key, or claim the node again".to_owned(),
            IdentityErrorKind::File(_) | IdentityErrorKind::Sign(_) => {
                "check the file, its directory and their owner".to_owned()
            }
        };
        Refusal::new(
            "ND-010",
            "the node cannot prove who it is, so it does not start",
            fix,
        )
        .read(format!("{}: {}", self.path.display(), self.kind))
    }
}

impl IdentityKey {
    /// Makes a new key in memory.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate() -> Result<Self, rcgen::Error> {
        Ok(Self {
            pair: KeyPair::generate()?,
        })
    }

    /// Reads the key at `path`, or makes it there: created once, mode 0600, never overwritten.
    ///
    /// # Errors
    /// The file is readable by others, holds no key, or cannot be made.
    pub fn read_or_create(path: &Path) -> Result<Self, IdentityError> {
        match Self::create(path) {
            Ok(key) => Ok(key),
            Err(IdentityErrorKind::File(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(path)
            }
            Err(kind) => Err(IdentityError {
                path: path.to_owned(),
                kind,
            }),
        }
    }

    /// Reads the key at `path`.
    ///
    /// # Errors
    /// The file is missing, readable by others, or holds no key.
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        read_pem(path).map_err(|kind| IdentityError {
            path: path.to_owned(),
            kind,
        })
    }

    fn create(path: &Path) -> Result<Self, IdentityErrorKind> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(IdentityErrorKind::File)?;
        let key = Self::generate().map_err(IdentityErrorKind::Sign)?;
        let pem = Zeroizing::new(key.pair.serialize_pem());
        file.write_all(pem.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(IdentityErrorKind::File)?;
        Ok(key)
    }

    /// SHA-256 of the public key (its `SubjectPublicKeyInfo`): what the manifest pins.
    ///
    /// # Panics
    /// Never: SHA-256 has 32 bytes.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let digest =
            ring::digest::digest(&ring::digest::SHA256, &self.pair.subject_public_key_info());
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// The pin as the manifest writes it: `sha256:` and base64.
    #[must_use]
    pub fn pin(&self) -> String {
        format!("sha256:{}", STANDARD.encode(self.digest()))
    }

    /// The private key in PKCS #8, for the TLS stack.
    #[must_use]
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pair.serialize_der()))
    }

    /// A self-signed certificate that proves possession of the key to who has its pin; good for asking a lease only.
    ///
    /// # Errors
    /// The key could not sign.
    pub fn boot_credential(
        &self,
        id: &PeerId,
        domain: &RackDomain,
        now: u64,
    ) -> Result<Credential, rcgen::Error> {
        let mut params = request_params(id, domain)?;
        let now = seconds(now);
        params.not_before = now - time::Duration::hours(BOOT_CERTIFICATE_HOURS);
        params.not_after = now + time::Duration::hours(BOOT_CERTIFICATE_HOURS);
        let certificate = params.self_signed(&self.pair)?;
        Ok(Credential {
            id: id.clone(),
            chain: vec![CertificateDer::from(certificate.der().to_vec())],
            key: self.private_key(),
            not_after: u64::try_from(params.not_after.unix_timestamp()).unwrap_or(0),
        })
    }

    /// The signing request (PKCS #10, DER) that goes with a request for a lease.
    ///
    /// # Errors
    /// The key could not sign.
    pub fn signing_request(
        &self,
        id: &PeerId,
        domain: &RackDomain,
    ) -> Result<Vec<u8>, rcgen::Error> {
        Ok(request_params(id, domain)?
            .serialize_request(&self.pair)?
            .der()
            .to_vec())
    }
}

/// The key that signs a node's trail, read from `path` or made there, once.
///
/// # Errors
/// The file is readable by others, holds no key, or cannot be made.
pub fn trail_key(path: &Path, origin: &str) -> Result<SignerKey, Refusal> {
    let made = match SignerKey::create(path, origin) {
        Err(KeyFileError {
            kind: KeyFileErrorKind::Exists,
            ..
        }) => SignerKey::read(path),
        other => other,
    };
    made.map_err(|error| {
        Refusal::new(
            error.code(),
            "the node cannot sign its trail, so it does not start",
            "restore the key with mode 0600; a new key begins a new log",
        )
        .read(crate::refusal::chain(&error))
    })
}

fn seconds(unix: u64) -> time::OffsetDateTime {
    i64::try_from(unix)
        .ok()
        .and_then(|unix| time::OffsetDateTime::from_unix_timestamp(unix).ok())
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

fn request_params(id: &PeerId, domain: &RackDomain) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, id.node.as_ref());
    params
        .subject_alt_names
        .push(SanType::URI(id.spiffe(domain).to_string().try_into()?));
    Ok(params)
}

fn read_pem(path: &Path) -> Result<IdentityKey, IdentityErrorKind> {
    let file = File::open(path).map_err(IdentityErrorKind::File)?;
    let mode = file.metadata().map_err(IdentityErrorKind::File)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(IdentityErrorKind::Readable { mode });
    }
    let mut pem = Zeroizing::new(String::new());
    file.take(KEY_FILE_LIMIT_BYTES)
        .read_to_string(&mut pem)
        .map_err(IdentityErrorKind::File)?;
    let pair = KeyPair::from_pem(&pem).map_err(|_not_a_key| IdentityErrorKind::NotAKey)?;
    Ok(IdentityKey { pair })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_with_mode_0600_and_read_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("node.key");
        let made = IdentityKey::read_or_create(&path).expect("made");
        let mode = std::fs::metadata(&path).expect("there").mode() & 0o777;
        assert_eq!(mode, 0o600);
        let read = IdentityKey::read_or_create(&path).expect("read");
        assert_eq!(made.pin(), read.pin());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_and_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("node.key");
        IdentityKey::read_or_create(&path).expect("made");
        let before = std::fs::read(&path).expect("bytes");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("chmod");
        let refusal = IdentityKey::read_or_create(&path)
            .expect_err("refused")
            .refusal();
        assert!(refusal.to_string().contains("0640"), "{refusal}");
        assert_eq!(std::fs::read(&path).expect("bytes"), before);
    }

    #[test]
    fn a_file_without_a_key_is_refused_and_not_echoed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("node.key");
        std::fs::write(&path, "not a key at all").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        let refusal = IdentityKey::read_or_create(&path)
            .expect_err("refused")
            .refusal();
        assert!(!refusal.to_string().contains("at all"), "{refusal}");
    }

    #[test]
    fn debug_shows_the_pin_and_no_key() {
        let key = IdentityKey::generate().expect("made");
        assert_eq!(format!("{key:?}"), format!("IdentityKey({})", key.pin()));
    }
}
