//! Reading one leaf certificate. Owns the facts that a judgement needs; must never decide whether
//! to trust it.

use std::fmt;

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::FromDer;

use crate::reason::Reason;
use crate::tls::ALGORITHMS;

/// Longest certificate we read, in bytes. Ours are under 1 KiB.
const CERTIFICATE_LIMIT: usize = 8 * 1024;

/// What the certificate says of itself. Nothing here is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) names: UriNames,
    pub(crate) certificate_sha256: [u8; 32],
    pub(crate) key_sha256: [u8; 32],
    pub(crate) serial: String,
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    /// Issuer and subject are the same and its own key made the signature.
    pub(crate) self_signed: bool,
    /// A reason why it is no leaf for signatures, if there is one.
    pub(crate) unfit: Option<&'static str>,
    pub(crate) for_clients: Permission,
    pub(crate) for_servers: Permission,
}

/// The URI names in the subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UriNames {
    None,
    One(String),
    Many(usize),
}

/// What the extended key usage says of one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// The extension names the role.
    Named,
    /// There is no such extension.
    Unspoken,
    /// The extension is there and does not name the role.
    Withheld,
}

impl Leaf {
    pub(crate) fn read(der: &CertificateDer<'_>) -> Result<Self, Reason> {
        let certificate = parse(der)?;
        let (not_before, not_after) = validity(&certificate);
        let usage = certificate
            .extended_key_usage()
            .map_err(|fault| unreadable(&fault))?;
        let permission = |named: bool| {
            if named {
                Permission::Named
            } else {
                Permission::Withheld
            }
        };
        let (for_clients, for_servers) =
            usage.map_or((Permission::Unspoken, Permission::Unspoken), |usage| {
                (
                    permission(usage.value.client_auth),
                    permission(usage.value.server_auth),
                )
            });
        Ok(Self {
            names: uri_names(&certificate)?,
            certificate_sha256: sha256(der),
            key_sha256: sha256(certificate.public_key().raw),
            serial: hexadecimal(certificate.raw_serial()),
            not_before,
            not_after,
            self_signed: is_self_signed(der, &certificate),
            unfit: unfit(&certificate)?,
            for_clients,
            for_servers,
        })
    }
}

/// The end of a certificate's validity, in Unix seconds.
pub(crate) fn end_of(der: &[u8]) -> Result<u64, Reason> {
    Ok(validity(&parse(der)?).1)
}

/// SHA-256 over a certificate's public key (SPKI).
pub(crate) fn key_of(der: &[u8]) -> Result<[u8; 32], Reason> {
    Ok(sha256(parse(der)?.public_key().raw))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0_u8; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

/// A serial number as records and revocations write it: lowercase hexadecimal without leading
/// zeros.
fn hexadecimal(serial: &[u8]) -> String {
    let digits = serial
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    digits.trim_start_matches('0').to_owned()
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Reason> {
    if der.len() > CERTIFICATE_LIMIT {
        return Err(Reason::Unreadable(format!(
            "longer than {CERTIFICATE_LIMIT} bytes"
        )));
    }
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|fault| unreadable(&fault))?;
    if !rest.is_empty() {
        return Err(Reason::Unreadable("bytes after the certificate".to_owned()));
    }
    Ok(certificate)
}

fn unreadable(fault: &impl fmt::Display) -> Reason {
    Reason::Unreadable(fault.to_string())
}

fn validity(certificate: &X509Certificate<'_>) -> (u64, u64) {
    let validity = certificate.validity();
    // Before 1970 is zero: such an end is always past, such a beginning too.
    let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
    (
        seconds(validity.not_before.timestamp()),
        seconds(validity.not_after.timestamp()),
    )
}

fn uri_names(certificate: &X509Certificate<'_>) -> Result<UriNames, Reason> {
    let malformed = |fault: &dyn fmt::Display| Reason::MalformedName(fault.to_string());
    let extension = certificate
        .get_extension_unique(&OID_X509_EXT_SUBJECT_ALT_NAME)
        .map_err(|fault| malformed(&fault))?;
    let Some(extension) = extension else {
        return Ok(UriNames::None);
    };
    // Read here and not taken from the parsed certificate: that one tolerates bytes after the
    // list, which another reader might take for names.
    let (rest, names) =
        SubjectAlternativeName::from_der(extension.value).map_err(|fault| malformed(&fault))?;
    if !rest.is_empty() {
        return Err(malformed(&"bytes after the list of names"));
    }
    let mut found = UriNames::None;
    let mut count = 0_usize;
    for name in &names.general_names {
        match name {
            GeneralName::URI(uri) => {
                count += 1;
                found = if count == 1 {
                    UriNames::One((*uri).to_owned())
                } else {
                    UriNames::Many(count)
                };
            }
            GeneralName::Invalid(tag, _) => {
                return Err(Reason::MalformedName(format!(
                    "an entry with tag {} is invalid",
                    tag.0
                )));
            }
            // Host names and addresses are for clients that verify hosts (curl, boto3); here they
            // mean nothing.
            GeneralName::DNSName(_)
            | GeneralName::IPAddress(_)
            | GeneralName::OtherName(..)
            | GeneralName::RFC822Name(_)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::RegisteredID(_) => {}
        }
    }
    Ok(found)
}

fn unfit(certificate: &X509Certificate<'_>) -> Result<Option<&'static str>, Reason> {
    let constraints = certificate
        .basic_constraints()
        .map_err(|fault| unreadable(&fault))?;
    if constraints.is_some_and(|constraints| constraints.value.ca) {
        return Ok(Some("it is an authority's (cA is true)"));
    }
    let usage = certificate
        .key_usage()
        .map_err(|fault| unreadable(&fault))?;
    let Some(usage) = usage else { return Ok(None) };
    Ok(if usage.value.key_cert_sign() || usage.value.crl_sign() {
        Some("its key usage lets it sign certificates or revocation lists")
    } else if usage.value.digital_signature() {
        None
    } else {
        Some("its key usage has no digitalSignature")
    })
}

fn is_self_signed(der: &CertificateDer<'_>, certificate: &X509Certificate<'_>) -> bool {
    if certificate.issuer().as_raw() != certificate.subject().as_raw() {
        return false;
    }
    let Ok(entity) = webpki::EndEntityCert::try_from(der) else {
        return false;
    };
    let tbs: &[u8] = certificate.tbs_certificate.as_ref();
    ALGORITHMS.all.iter().any(|algorithm| {
        entity
            .verify_signature(*algorithm, tbs, &certificate.signature_value.data)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        change(&mut params);
        params
            .self_signed(&key)
            .expect("a certificate")
            .der()
            .clone()
    }

    fn uri(text: &str) -> SanType {
        SanType::URI(text.try_into().expect("ASCII"))
    }

    #[test]
    fn a_serial_is_written_in_lowercase_without_leading_zeros() {
        assert_eq!(hexadecimal(&[0x00, 0x0a, 0xbc]), "abc");
        assert_eq!(hexadecimal(&[0xff, 0x00]), "ff00");
        assert_eq!(hexadecimal(&[0x00]), "");
    }

    #[test]
    fn host_names_and_addresses_are_no_names() {
        let der = certificate(|params| {
            let address = std::net::Ipv4Addr::LOCALHOST.into();
            let host = SanType::DnsName("localhost".try_into().expect("ASCII"));
            params.subject_alt_names = vec![host, SanType::IpAddress(address)];
        });
        assert_eq!(Leaf::read(&der).expect("readable").names, UriNames::None);
    }

    #[test]
    fn one_uri_among_others_is_the_name_and_two_are_none() {
        let one = certificate(|params| params.subject_alt_names.push(uri("spiffe://a/b")));
        let names = Leaf::read(&one).expect("readable").names;
        assert_eq!(names, UriNames::One("spiffe://a/b".to_owned()));
        let two = certificate(|params| params.subject_alt_names.extend([uri("a:b"), uri("c:d")]));
        assert_eq!(Leaf::read(&two).expect("readable").names, UriNames::Many(2));
    }

    /// A certificate whose alternative name is exactly these bytes.
    fn with_san(value: &[u8]) -> Result<UriNames, Reason> {
        let der = certificate(|params| {
            let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], value.to_vec());
            params.custom_extensions.push(extension);
        });
        Leaf::read(&der).map(|leaf| leaf.names)
    }

    #[test]
    fn a_malformed_alternative_name_is_refused() {
        assert_eq!(
            with_san(b"\x30\x05\x86\x03a:b"),
            Ok(UriNames::One("a:b".to_owned()))
        );
        for bad in [
            &b"\x30\x05\x86\x03\xff\xfe\xfd"[..], // a URI that is no text
            b"\x30\x05\x86\x09a:b",               // a length beyond its end
            b"\x30\x05\x86\x03a:bxx",             // bytes after the list
            b"\x04\x05\x86\x03a:b",               // no list at all
            b"",
        ] {
            let read = with_san(bad);
            let refused = matches!(read, Err(Reason::MalformedName(_) | Reason::Unreadable(_)));
            assert!(refused, "{bad:?}: {read:?}");
        }
    }

    #[test]
    fn two_alternative_names_in_one_certificate_are_refused() {
        let der = certificate(|params| {
            params.subject_alt_names.push(uri("spiffe://a/b"));
            let second = b"\x30\x05\x86\x03a:b".to_vec();
            let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], second);
            params.custom_extensions.push(extension);
        });
        assert!(matches!(
            Leaf::read(&der),
            Err(Reason::MalformedName(_) | Reason::Unreadable(_))
        ));
    }

    #[test]
    fn bytes_after_the_certificate_are_refused() {
        let mut der = certificate(|_| {}).to_vec();
        der.push(0);
        assert!(matches!(
            Leaf::read(&der.into()),
            Err(Reason::Unreadable(_))
        ));
    }

    #[test]
    fn a_certificate_beyond_the_limit_is_refused_unread() {
        let der = CertificateDer::from(vec![0x30; CERTIFICATE_LIMIT + 1]);
        let expect = Reason::Unreadable("longer than 8192 bytes".to_owned());
        assert_eq!(Leaf::read(&der), Err(expect));
    }

    #[test]
    fn a_self_signed_certificate_is_known_by_its_signature_and_not_by_its_names_alone() {
        let own = certificate(|_| {});
        assert!(Leaf::read(&own).expect("readable").self_signed);
        let mut spoiled = own.to_vec();
        *spoiled.last_mut().expect("bytes") ^= 1;
        let spoiled = Leaf::read(&spoiled.into());
        assert!(spoiled.is_err() || spoiled.is_ok_and(|leaf| !leaf.self_signed));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            drop(Leaf::read(&bytes.into()));
        }

        #[test]
        fn a_certificate_with_one_byte_changed_never_panics(at in 0_usize..400, to in any::<u8>()) {
            let mut der =
                certificate(|params| params.subject_alt_names.push(uri("spiffe://a/b"))).to_vec();
            let at = at % der.len();
            der[at] = to;
            drop(Leaf::read(&der.into()));
        }
    }
}
