//! The certificate authorities of the rack, one for each zone, and the leaves they issue. A zone's authority can mint only its own
//! zone; verifiers choose the roots by the trust domain that a leaf claims. Keys are made here once and never leave.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_rack::{PeerId, RackDomain, TrustDomain, ZoneName};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
    SanType, SerialNumber,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// How long an authority is valid.
const AUTHORITY_DAYS: i64 = 365;
/// How far clocks of a rack may differ before a fresh lease looks as if it began in the future.
const CLOCK_ALLOWANCE: Duration = Duration::seconds(60);
/// The largest key or certificate file that is read.
const FILE_LIMIT_BYTES: u64 = 64 * 1024;

/// All the zones' authorities.
pub struct Authorities {
    domain: RackDomain,
    by_zone: BTreeMap<ZoneName, ZoneAuthority>,
}

struct ZoneAuthority {
    certificate_der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorities")
            .field("zones", &self.by_zone.keys())
            .finish_non_exhaustive()
    }
}

/// What a leaf is issued for.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Who.
    pub peer: &'a PeerId,
    /// Whether it serves, or only calls.
    pub role: Role,
    /// The digest its public key must have, from the manifest.
    pub pin: [u8; 32],
}

/// What a leaf may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A node: it listens and calls.
    Node,
    /// A node of a lab: it also answers to `localhost` and 127.0.0.1.
    LabNode,
    /// A client: it calls.
    Client,
}

/// A leaf.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
    /// Its end, seconds since 1970.
    pub not_after: u64,
}

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file of an authority could not be read or written.
    #[error("failed to use {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// An authority's key may be read by others.
    #[error("{}: mode {mode:04o} lets others than its owner read it", .path.display())]
    Readable {
        /// The file.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
    },
    /// A file of an authority does not hold what it should.
    #[error("failed to understand {}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: rcgen::Error,
    },
    /// The signing request is wrong.
    #[error("the signing request is not one, or is not signed by its own key")]
    Request(#[source] rcgen::Error),
    /// The request is for another key than the manifest pins.
    #[error("the request is for another key than the manifest pins for {0}")]
    OtherKey(PeerId),
    /// No authority for the zone.
    #[error("no authority for zone {0}")]
    NoAuthority(ZoneName),
    /// Signing failed.
    #[error("failed to sign a certificate")]
    Sign(#[source] rcgen::Error),
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Random,
}

impl CertificateError {
    /// What a person reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let seen = cofferdam_node::refusal::chain(self);
        match self {
            Self::Request(_) | Self::OtherKey(_) => Refusal::new(
                "KP-013",
                "the key that asks is not the one the manifest pins, so no lease is given",
                "find out who holds the other key; if the node was rebuilt, pin its new key and sign",
            )
            .read(seen),
            Self::File { .. }
            | Self::Readable { .. }
            | Self::Damaged { .. }
            | Self::NoAuthority(_)
            | Self::Sign(_)
            | Self::Random => Refusal::new(
                "KP-001",
                "the keeper cannot issue certificates, so nobody gets a lease",
                "look at the files below ca/ in the keeper's state: present, whole, mode 0600",
            )
            .read(seen),
        }
    }
}

impl Authorities {
    /// Opens the authorities of `zones` below `directory`; one that does not exist yet is made.
    ///
    /// # Errors
    /// A file is damaged, readable by others, or cannot be made.
    pub fn open(
        directory: &Path,
        domain: &RackDomain,
        zones: impl Iterator<Item = ZoneName>,
        now: u64,
    ) -> Result<Self, CertificateError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| CertificateError::File {
                path: directory.to_owned(),
                error,
            })?;
        let mut by_zone = BTreeMap::new();
        for zone in zones {
            let authority = ZoneAuthority::open(directory, &domain.trust_domain(&zone), now)?;
            by_zone.insert(zone, authority);
        }
        Ok(Self {
            domain: domain.clone(),
            by_zone,
        })
    }

    /// The roots of every trust domain, DER.
    #[must_use]
    pub fn roots(&self) -> BTreeMap<TrustDomain, Vec<Vec<u8>>> {
        self.by_zone
            .iter()
            .map(|(zone, authority)| {
                (
                    self.domain.trust_domain(zone),
                    vec![authority.certificate_der.clone()],
                )
            })
            .collect()
    }

    /// Issues a leaf for the key of a signing request. Nothing but the key is taken from the request.
    ///
    /// # Errors
    /// The request is not signed by its key, the key is not the pinned one, or signing failed.
    pub fn issue(
        &self,
        subject: &Subject<'_>,
        csr_der: &[u8],
        now: u64,
        lifetime: u64,
    ) -> Result<Leaf, CertificateError> {
        let authority = self
            .by_zone
            .get(&subject.peer.zone)
            .ok_or_else(|| CertificateError::NoAuthority(subject.peer.zone.clone()))?;
        let mut request = CertificateSigningRequestParams::from_der(&csr_der.into())
            .map_err(CertificateError::Request)?;
        if sha256(&request.public_key.subject_public_key_info()) != subject.pin {
            return Err(CertificateError::OtherKey(subject.peer.clone()));
        }
        let (serial, text) = random_serial()?;
        request.params = leaf_params(subject, &self.domain).map_err(CertificateError::Sign)?;
        request.params.serial_number = Some(serial);
        request.params.not_before = at(now) - CLOCK_ALLOWANCE;
        request.params.not_after = at(now.saturating_add(lifetime));
        let leaf = request
            .signed_by(&authority.issuer)
            .map_err(CertificateError::Sign)?;
        Ok(Leaf {
            der: leaf.der().to_vec(),
            serial: text,
            not_after: now.saturating_add(lifetime),
        })
    }
}

impl ZoneAuthority {
    fn open(directory: &Path, domain: &TrustDomain, now: u64) -> Result<Self, CertificateError> {
        let key_path = directory.join(format!("{domain}.key"));
        let certificate_path = directory.join(format!("{domain}.crt"));
        if !key_path.exists() {
            Self::create(&key_path, &certificate_path, domain, now)?;
        }
        let key_text = read_private(&key_path)?;
        let key = KeyPair::from_pem(&key_text).map_err(|error| CertificateError::Damaged {
            path: key_path,
            error,
        })?;
        let certificate_der =
            std::fs::read(&certificate_path).map_err(|error| CertificateError::File {
                path: certificate_path.clone(),
                error,
            })?;
        let issuer =
            Issuer::from_ca_cert_der(&certificate_der.as_slice().into(), key).map_err(|error| {
                CertificateError::Damaged {
                    path: certificate_path,
                    error,
                }
            })?;
        Ok(Self {
            certificate_der,
            issuer,
        })
    }

    /// The certificate is written before the key: a key without its certificate is never found.
    fn create(
        key_path: &Path,
        certificate_path: &Path,
        domain: &TrustDomain,
        now: u64,
    ) -> Result<(), CertificateError> {
        let key = KeyPair::generate().map_err(CertificateError::Sign)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("{domain} authority"));
        params.subject_alt_names.push(SanType::URI(
            format!("spiffe://{domain}")
                .try_into()
                .map_err(CertificateError::Sign)?,
        ));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = at(now) - CLOCK_ALLOWANCE;
        params.not_after = at(now) + Duration::days(AUTHORITY_DAYS);
        let certificate = params.self_signed(&key).map_err(CertificateError::Sign)?;
        write_new(certificate_path, certificate.der(), 0o644)?;
        write_new(
            key_path,
            Zeroizing::new(key.serialize_pem()).as_bytes(),
            0o600,
        )
    }
}

fn leaf_params(
    subject: &Subject<'_>,
    domain: &RackDomain,
) -> Result<CertificateParams, rcgen::Error> {
    let peer = subject.peer;
    let mut params = CertificateParams::default();
    params.distinguished_name = named(peer.node.as_ref());
    params
        .subject_alt_names
        .push(SanType::URI(peer.spiffe(domain).to_string().try_into()?));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if subject.role != Role::Client {
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
        let name = domain.trust_domain(&peer.zone).to_string();
        params
            .subject_alt_names
            .push(SanType::DnsName(name.try_into()?));
    }
    if subject.role == Role::LabNode {
        params
            .subject_alt_names
            .push(SanType::DnsName("localhost".to_owned().try_into()?));
        params
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
    Ok(params)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Sixteen random bytes, positive and never starting with zero, so that every tool prints them alike.
fn random_serial() -> Result<(SerialNumber, String), CertificateError> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_unspecified| CertificateError::Random)?;
    bytes[0] = (bytes[0] & 0x3f) | 0x40;
    Ok((
        SerialNumber::from_slice(&bytes),
        cofferdam_node::hex(&bytes),
    ))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn at(unix: u64) -> OffsetDateTime {
    i64::try_from(unix)
        .ok()
        .and_then(|unix| OffsetDateTime::from_unix_timestamp(unix).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CertificateError> {
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| CertificateError::File {
        path: path.to_owned(),
        error,
    })
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, CertificateError> {
    let failed = |error| CertificateError::File {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(CertificateError::Readable {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_LIMIT_BYTES)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
