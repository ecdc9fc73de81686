//! A rack for tests: an authority for each zone, certificates with any fault one likes, snapshots,
//! a clock to set.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cofferdam_rack::lease::{Revocation, TrustBundle};
use cofferdam_rack::{Epoch, FlowTable, PeerId, Policy, RackDomain, Refusal, ZoneName};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use crate::certificate::sha256;
use crate::{Clock, Credential, Snapshot};

/// The time at which every test begins, in Unix seconds.
pub(super) const NOW: u64 = 1_800_000_000;

const POLICY: &str = r#"
version = 1
site = "lab"
lab = true

[zone.keeper]
kind = "keeper"
exposure = "internal"
data = "none"
because = "security"

[zone.storage]
kind = "storage"
exposure = "internal"
data = "identifying"
because = "security"

[zone.intake]
kind = "intake"
exposure = "public"
data = "pseudonymous"
because = "vulnerable"

[zone.analytics]
kind = "analytics"
exposure = "internal"
data = "pseudonymous"
because = "resource-cost"

[node.kp1]
zone = "keeper"
quorum = 2
pin.product_serial = "NX1-4821-70311"
pin.nic = ["00:00:5e:00:53:11"]
pin.disk = ["eui.7a35100000c41e01"]

[node.st1]
zone = "storage"
quorum = 2
pin.product_serial = "NX2-4821-70312"
pin.nic = ["00:00:5e:00:53:21"]
pin.disk = ["eui.7a35100000c41e02"]

[node.in1]
zone = "intake"
quorum = 2
pin.product_serial = "NX3-4821-70313"
pin.nic = ["00:00:5e:00:53:31"]
pin.disk = ["eui.7a35100000c41e03"]

[node.an1]
zone = "analytics"
quorum = 2
pin.product_serial = "NX4-4821-70314"
pin.nic = ["00:00:5e:00:53:41"]
pin.disk = ["eui.7a35100000c41e04"]
"#;

/// Intake appends to storage, everybody asks the keeper for leases. Analytics has no flow to
/// storage.
const FLOWS: &str = r#"
version = 1

[[flow]]
from = "intake"
to = "storage"
verbs = ["append"]
buckets = ["intake-*"]
why = "intake writes what it received"

[[flow]]
from = "storage"
to = "keeper"
verbs = ["lease", "key-open"]
why = "storage opens what it may"

[[flow]]
from = "intake"
to = "keeper"
verbs = ["lease", "key-new"]
why = "intake seals what it receives"
"#;

/// The flows of these tests.
pub(super) fn flows() -> Arc<FlowTable> {
    flows_of(FLOWS)
}

/// The same, with at most `limit` connections from intake to storage.
pub(super) fn flows_capped(limit: u32) -> Arc<FlowTable> {
    flows_of(&FLOWS.replacen("why", &format!("max-connections = {limit}\nwhy"), 1))
}

/// The same without intake's way to storage.
pub(super) fn flows_without_append() -> Arc<FlowTable> {
    flows_of(&FLOWS.replacen(
        "to = \"storage\"\nverbs = [\"append\"]\nbuckets = [\"intake-*\"]",
        "to = \"keeper\"\nverbs = [\"cosign\"]",
        1,
    ))
}

fn flows_of(text: &str) -> Arc<FlowTable> {
    let policy = Policy::parse("hwprofile.toml", POLICY).expect("a policy without faults");
    Arc::new(FlowTable::parse("flows.toml", text, &policy).expect("flows without faults"))
}

/// A clock that stands until it is set.
#[derive(Debug, Clone)]
pub(super) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW * 1000)))
    }

    pub(super) fn set(&self, unix_seconds: u64) {
        self.0.store(unix_seconds * 1000, Ordering::SeqCst);
    }

    pub(super) fn clock(&self) -> Clock {
        let milliseconds = Arc::clone(&self.0);
        Clock::from_source(move || {
            UNIX_EPOCH + Duration::from_millis(milliseconds.load(Ordering::SeqCst))
        })
    }
}

/// An authority of one zone.
pub(super) struct Authority {
    pub(super) der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        Self::until(name, NOW + 10 * 365 * 86_400)
    }

    pub(super) fn until(name: &str, not_after: u64) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.not_before = date(NOW - 86_400);
        params.not_after = date(not_after);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{name} authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let der = params.self_signed(&key).expect("a root").der().to_vec();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }
}

/// What stands in a leaf. [`Leaf::of`] is a good one; tests spoil one field each.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) id: PeerId,
    pub(super) uris: Vec<String>,
    pub(super) not_before: u64,
    pub(super) not_after: u64,
    pub(super) serial: u64,
    pub(super) is_ca: bool,
    pub(super) usages: Vec<KeyUsagePurpose>,
    pub(super) purposes: Vec<ExtendedKeyUsagePurpose>,
}

impl Leaf {
    pub(super) fn of(peer: &PeerId) -> Self {
        Self {
            id: peer.clone(),
            uris: vec![format!(
                "spiffe://{}.lab.internal/node/{}",
                peer.zone, peer.node
            )],
            not_before: NOW - 60,
            not_after: NOW + 900,
            serial: 0x0a_0b_0c,
            is_ca: false,
            usages: vec![KeyUsagePurpose::DigitalSignature],
            purposes: vec![
                ExtendedKeyUsagePurpose::ClientAuth,
                ExtendedKeyUsagePurpose::ServerAuth,
            ],
        }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("node {}", self.id));
        params.not_before = date(self.not_before);
        params.not_after = date(self.not_after);
        params.serial_number = Some(SerialNumber::from(self.serial));
        params.subject_alt_names = self
            .uris
            .iter()
            .map(|uri| SanType::URI(uri.as_str().try_into().expect("a URI in ASCII")))
            .collect();
        params
            .subject_alt_names
            .push(SanType::DnsName("localhost".try_into().expect("a name")));
        if self.is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        } else {
            params.is_ca = IsCa::ExplicitNoCa;
        }
        params.key_usages.clone_from(&self.usages);
        params.extended_key_usages.clone_from(&self.purposes);
        params
    }

    pub(super) fn issued_by(&self, authority: &Authority) -> Credential {
        self.issued_for(authority, &KeyPair::generate().expect("a key"))
    }

    pub(super) fn issued_for(&self, authority: &Authority, key: &KeyPair) -> Credential {
        let leaf = self
            .params()
            .signed_by(key, &authority.issuer)
            .expect("a leaf");
        self.credential(leaf.der().clone(), key)
    }

    pub(super) fn self_signed(&self, key: &KeyPair) -> Credential {
        self.credential(
            self.params()
                .self_signed(key)
                .expect("a leaf")
                .der()
                .clone(),
            key,
        )
    }

    fn credential(&self, der: CertificateDer<'static>, key: &KeyPair) -> Credential {
        Credential {
            id: self.id.clone(),
            chain: vec![der],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            not_after: self.not_after,
        }
    }
}

/// The pin of a key.
pub(super) fn pin(key: &KeyPair) -> [u8; 32] {
    use rcgen::PublicKeyData;
    sha256(&key.subject_public_key_info())
}

/// A name such as `intake/in1`.
pub(super) fn peer(text: &str) -> PeerId {
    let (zone, node) = text.split_once('/').expect("zone/node");
    PeerId {
        zone: zone.parse().expect("a zone"),
        node: node.parse().expect("a node"),
    }
}

pub(super) fn zone(text: &str) -> ZoneName {
    text.parse().expect("a zone")
}

/// The whole rack.
pub(super) struct Rack {
    pub(super) domain: RackDomain,
    pub(super) authorities: BTreeMap<&'static str, Authority>,
    pub(super) clock: TestClock,
}

impl Rack {
    pub(super) fn new() -> Self {
        let zones = ["keeper", "storage", "intake", "analytics"];
        Self {
            domain: "lab.internal".parse().expect("a domain"),
            authorities: zones
                .into_iter()
                .map(|zone| (zone, Authority::new(zone)))
                .collect(),
            clock: TestClock::new(),
        }
    }

    pub(super) fn authority(&self, zone: &str) -> &Authority {
        &self.authorities[zone]
    }

    /// A good credential.
    pub(super) fn credential(&self, name: &str) -> Credential {
        let peer = peer(name);
        Leaf::of(&peer).issued_by(self.authority(peer.zone.as_str()))
    }

    pub(super) fn trust(&self) -> TrustBundle {
        let domains = self
            .authorities
            .iter()
            .map(|(name, authority)| {
                (
                    self.domain.trust_domain(&zone(name)),
                    vec![authority.der.clone()],
                )
            })
            .collect();
        TrustBundle { domains }
    }

    /// What a node with this credential knows.
    pub(super) fn snapshot(&self, credential: Option<Credential>) -> Snapshot {
        Snapshot {
            domain: self.domain.clone(),
            credential: credential.map(Arc::new),
            trust: self.trust(),
            pins: BTreeMap::new(),
            flows: flows(),
            epoch: Epoch::FIRST,
            revoked: Vec::new(),
        }
    }
}

/// The revocation of a peer, whole or of one serial.
pub(super) fn revocation(name: &str, serial: Option<&str>) -> Revocation {
    Revocation {
        peer: peer(name),
        serial: serial.map(str::to_owned),
        why: Refusal::new(
            "HW-211",
            "the two nodes share a chassis",
            "move one of them",
        ),
        at: NOW,
    }
}

fn date(unix_seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from(SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds))
}
