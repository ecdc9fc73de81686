//! Tests of the authorities: what a leaf says, for whom none is made, what outlives a restart.

use std::os::unix::fs::PermissionsExt as _;

use cofferdam_node::identity::IdentityKey;
use x509_parser::extensions::GeneralName;

use super::*;

const NOW: u64 = 1_795_000_000;

fn domain() -> RackDomain {
    "lab.internal".parse().expect("a domain")
}

fn peer() -> PeerId {
    PeerId {
        zone: "storage".parse().expect("a zone"),
        node: "st1".parse().expect("a node"),
    }
}

fn open(directory: &Path) -> Result<Authorities, CertificateError> {
    let zones = ["storage", "intake"].map(|zone| zone.parse().expect("a zone"));
    Authorities::open(directory, &domain(), zones.into_iter(), NOW)
}

fn issue(
    authorities: &Authorities,
    role: Role,
    key: &IdentityKey,
    pin: [u8; 32],
) -> Result<Leaf, CertificateError> {
    let peer = peer();
    let subject = Subject {
        peer: &peer,
        role,
        pin,
    };
    let csr = key.signing_request(&peer, &domain()).expect("signed");
    authorities.issue(&subject, &csr, NOW, 900)
}

fn names(der: &[u8]) -> (Vec<String>, Vec<String>) {
    let (_, leaf) = x509_parser::parse_x509_certificate(der).expect("a certificate");
    let names = leaf
        .subject_alternative_name()
        .expect("names")
        .expect("some");
    let mut uris = Vec::new();
    let mut hosts = Vec::new();
    for name in &names.value.general_names {
        if let GeneralName::URI(uri) = name {
            uris.push((*uri).to_owned());
        } else if let GeneralName::DNSName(host) = name {
            hosts.push((*host).to_owned());
        }
    }
    (uris, hosts)
}

#[test]
fn a_leaf_names_its_node_once_and_ends_when_the_lease_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let authorities = open(dir.path()).expect("opened");
    let key = IdentityKey::generate().expect("a key");
    let leaf = issue(&authorities, Role::Node, &key, key.digest()).expect("a leaf");
    let (uris, hosts) = names(&leaf.der);
    assert_eq!(uris, ["spiffe://storage.lab.internal/node/st1"]);
    assert_eq!(hosts, ["storage.lab.internal"]);
    assert_eq!(leaf.not_after, NOW + 900);
    let (_, parsed) = x509_parser::parse_x509_certificate(&leaf.der).expect("parsed");
    assert_eq!(parsed.validity().not_after.timestamp(), 1_795_000_900);
    assert!(!parsed.is_ca());
}

#[test]
fn only_a_lab_node_answers_to_localhost_and_a_client_serves_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    let authorities = open(dir.path()).expect("opened");
    let key = IdentityKey::generate().expect("a key");
    let lab = issue(&authorities, Role::LabNode, &key, key.digest()).expect("a leaf");
    assert!(names(&lab.der).1.contains(&"localhost".to_owned()));
    let client = issue(&authorities, Role::Client, &key, key.digest()).expect("a leaf");
    assert!(names(&client.der).1.is_empty());
    let (_, parsed) = x509_parser::parse_x509_certificate(&client.der).expect("parsed");
    let usage = parsed.extended_key_usage().expect("usage").expect("some");
    assert!(usage.value.client_auth && !usage.value.server_auth);
}

#[test]
fn a_key_that_the_manifest_does_not_pin_gets_no_leaf() {
    let dir = tempfile::tempdir().expect("a directory");
    let authorities = open(dir.path()).expect("opened");
    let (mine, other) = (
        IdentityKey::generate().expect("a key"),
        IdentityKey::generate().expect("another"),
    );
    let refused = issue(&authorities, Role::Node, &other, mine.digest()).expect_err("refused");
    assert_eq!(refused.refusal().code, "KP-013");
}

#[test]
fn a_request_that_was_altered_gets_no_leaf_for_another_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let authorities = open(dir.path()).expect("opened");
    let key = IdentityKey::generate().expect("a key");
    let peer = peer();
    let subject = Subject {
        peer: &peer,
        role: Role::Node,
        pin: key.digest(),
    };
    let csr = key.signing_request(&peer, &domain()).expect("signed");
    let mut refused = 0;
    for position in 0..csr.len() {
        let mut altered = csr.clone();
        altered[position] ^= 1;
        // What is not signed over says nothing that is believed: a leaf is only ever for the pinned key.
        let Ok(leaf) = authorities.issue(&subject, &altered, NOW, 900) else {
            refused += 1;
            continue;
        };
        let (_, parsed) = x509_parser::parse_x509_certificate(&leaf.der).expect("parsed");
        assert_eq!(
            sha256(parsed.public_key().raw),
            key.digest(),
            "byte {position}"
        );
        assert_eq!(
            names(&leaf.der).0,
            ["spiffe://storage.lab.internal/node/st1"]
        );
    }
    assert!(refused > csr.len() / 2, "{refused} of {}", csr.len());
}

#[test]
fn each_zone_has_an_authority_of_its_own_that_outlives_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = open(dir.path()).expect("made").roots();
    let again = open(dir.path()).expect("read").roots();
    assert_eq!(first, again);
    let ders: Vec<_> = first.values().collect();
    assert_eq!(ders.len(), 2);
    assert_ne!(ders[0], ders[1]);
}

#[test]
fn an_authority_whose_key_others_may_read_is_not_used() {
    let dir = tempfile::tempdir().expect("a directory");
    open(dir.path()).expect("made");
    let key = dir.path().join("storage.lab.internal.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let refused = open(dir.path()).expect_err("refused");
    assert!(refused.refusal().to_string().contains("0644"));
}
