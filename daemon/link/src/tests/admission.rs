//! Who is let in, and for each of them the nearest who is not.

use std::sync::Arc;

use rcgen::{ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::plain::{config, connect, raw, shows, talk};
use super::rack::{
    Authority, Leaf, NOW, Rack, flows_capped, flows_without_append, peer, pin, revocation,
};
use super::stage::{PATIENCE, Setting, Stage, Temper, answer};
use crate::{Credential, Session, SessionKind};

/// One client against a storage zone that is in order: refused with this code, named as this,
/// answered by this alert, and nothing reached the service.
async fn refused(
    stage: &Stage,
    client: ClientConfig,
    code: &str,
    claim: Option<&str>,
    alert: &str,
) {
    let seen = talk(client, stage.address()).await.expect_err("no answer");
    assert_eq!(seen, alert, "{code}");
    let (peer, refusal) = stage.ledger.refused().await;
    assert_eq!(refusal.code, code, "{refusal}");
    assert_eq!(peer.map(|peer| peer.to_string()).as_deref(), claim);
    assert!(refusal.read[0].contains("127.0.0.1"), "{refusal}");
    assert!(
        refusal.why.is_some() && !refusal.fix.is_empty(),
        "{refusal}"
    );
    assert_eq!(stage.serving.counts().requests, 0);
    assert_eq!(stage.serving.counts().admitted, 0);
}

/// A leaf of intake's node, spoiled by `spoil`.
async fn spoiled(spoil: impl FnOnce(&mut Leaf), code: &str, claim: Option<&str>, alert: &str) {
    let stage = Stage::new().await;
    let mut leaf = Leaf::of(&peer("intake/in1"));
    spoil(&mut leaf);
    let credential = leaf.issued_by(stage.rack.authority("intake"));
    refused(&stage, shows(&credential), code, claim, alert).await;
}

/// The session of a client that is served.
async fn admitted(stage: &Stage, client: ClientConfig) -> Session {
    let seen = talk(client, stage.address()).await.expect("an answer");
    assert!(seen.starts_with("HTTP/1.1 200 OK"), "{seen}");
    stage.ledger.admitted().await
}

#[tokio::test]
async fn a_valid_peer_reaches_the_service_and_is_recorded_first() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    assert_eq!(answer(&mut connection, "/who").await, "intake/in1 leased");
    let session = stage.ledger.admitted().await;
    assert_eq!(session.peer, peer("intake/in1"));
    assert_eq!(session.local.as_str(), "storage");
    assert_eq!(session.kind, SessionKind::Leased);
    assert_eq!(session.serial, "a0b0c");
    assert_eq!(session.deadline, NOW + 900);
    assert_eq!(session.established_ms, NOW * 1000);
}

#[tokio::test]
async fn the_deadline_is_the_earliest_end_of_either_chain() {
    let rack = Rack::new();
    let mut own = Leaf::of(&peer("storage/st1"));
    own.not_after = NOW + 300;
    let own = own.issued_by(rack.authority("storage"));
    let setting = Setting {
        credential: Some(own),
        ..Setting::of(&rack)
    };
    let stage = Stage::set(rack, setting).await;
    let (_node, mut connection) = stage.intake().await;
    answer(&mut connection, "/who").await;
    assert_eq!(stage.ledger.admitted().await.deadline, NOW + 300);
}

#[tokio::test]
async fn another_zones_authority_cannot_vouch_for_a_zone() {
    let stage = Stage::new().await;
    let forged = Leaf::of(&peer("intake/in1")).issued_by(stage.rack.authority("analytics"));
    refused(
        &stage,
        shows(&forged),
        "LK-206",
        Some("intake/in1"),
        "UnknownCA",
    )
    .await;
}

#[tokio::test]
async fn an_authority_with_the_right_name_and_another_key_is_refused() {
    let stage = Stage::new().await;
    let forged = Leaf::of(&peer("intake/in1")).issued_by(&Authority::new("intake"));
    refused(
        &stage,
        shows(&forged),
        "LK-206",
        Some("intake/in1"),
        "UnknownCA",
    )
    .await;
}

#[tokio::test]
async fn a_good_certificate_of_a_zone_without_a_flow_is_refused() {
    let stage = Stage::new().await;
    let stranger = stage.rack.credential("analytics/an1");
    refused(
        &stage,
        shows(&stranger),
        "LK-302",
        Some("analytics/an1"),
        "AccessDenied",
    )
    .await;
}

#[tokio::test]
async fn a_zone_without_roots_is_refused() {
    let stage = Stage::new().await;
    let forged = Leaf::of(&peer("ledger/le1")).issued_by(stage.rack.authority("intake"));
    refused(
        &stage,
        shows(&forged),
        "LK-205",
        Some("ledger/le1"),
        "UnknownCA",
    )
    .await;
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let stage = Stage::new().await;
    refused(&stage, config(None), "LK-105", None, "CertificateRequired").await;
}

#[tokio::test]
async fn a_certificate_without_a_uri_name_is_refused() {
    spoiled(|leaf| leaf.uris.clear(), "LK-202", None, "BadCertificate").await;
}

#[tokio::test]
async fn a_certificate_with_two_uri_names_is_refused_even_if_both_are_good() {
    let second = "spiffe://intake.lab.internal/node/in2".to_owned();
    spoiled(
        |leaf| leaf.uris.push(second),
        "LK-203",
        None,
        "BadCertificate",
    )
    .await;
}

#[tokio::test]
async fn a_certificate_with_the_same_uri_name_twice_is_refused() {
    spoiled(
        |leaf| leaf.uris.push(leaf.uris[0].clone()),
        "LK-203",
        None,
        "BadCertificate",
    )
    .await;
}

#[tokio::test]
async fn a_malformed_or_foreign_name_is_refused() {
    for name in [
        "https://intake.lab.internal/node/in1",
        "spiffe://intake.lab.internal/node/in1/",
        "spiffe://intake.lab.internal/node/in1?x",
        "spiffe://intake.lab.internal/svc/in1",
        "spiffe://intake.other.internal/node/in1",
        "spiffe://lab.internal/node/in1",
        "SPIFFE://intake.lab.internal/node/in1",
    ] {
        spoiled(
            |leaf| leaf.uris = vec![name.to_owned()],
            "LK-204",
            None,
            "BadCertificate",
        )
        .await;
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_and_the_second_before_it_is_not() {
    spoiled(
        |leaf| leaf.not_after = NOW - 1,
        "LK-207",
        Some("intake/in1"),
        "CertificateExpired",
    )
    .await;
    let stage = Stage::new().await;
    let mut leaf = Leaf::of(&peer("intake/in1"));
    leaf.not_after = NOW + 60;
    let session = admitted(
        &stage,
        shows(&leaf.issued_by(stage.rack.authority("intake"))),
    )
    .await;
    assert_eq!(session.deadline, NOW + 60);
}

#[tokio::test]
async fn a_certificate_that_is_not_yet_valid_is_refused_and_the_second_after_it_is_not() {
    let begin = |leaf: &mut Leaf| leaf.not_before = NOW + 1;
    spoiled(begin, "LK-208", Some("intake/in1"), "CertificateExpired").await;
    let stage = Stage::new().await;
    let mut leaf = Leaf::of(&peer("intake/in1"));
    leaf.not_before = NOW;
    admitted(
        &stage,
        shows(&leaf.issued_by(stage.rack.authority("intake"))),
    )
    .await;
}

#[tokio::test]
async fn a_leaf_of_an_expired_root_is_refused() {
    let mut rack = Rack::new();
    rack.authorities
        .insert("intake", Authority::until("intake", NOW - 1));
    let setting = Setting::of(&rack);
    let stage = Stage::set(rack, setting).await;
    let credential = stage.rack.credential("intake/in1");
    refused(
        &stage,
        shows(&credential),
        "LK-207",
        Some("intake/in1"),
        "CertificateExpired",
    )
    .await;
}

#[tokio::test]
async fn an_authoritys_certificate_is_no_peer() {
    let authority = |leaf: &mut Leaf| leaf.is_ca = true;
    spoiled(
        authority,
        "LK-209",
        Some("intake/in1"),
        "UnsupportedCertificate",
    )
    .await;
    let signer = |leaf: &mut Leaf| leaf.usages.push(KeyUsagePurpose::KeyCertSign);
    spoiled(
        signer,
        "LK-209",
        Some("intake/in1"),
        "UnsupportedCertificate",
    )
    .await;
}

#[tokio::test]
async fn a_certificate_for_another_use_is_refused() {
    let check = async |spoil: fn(&mut Leaf)| {
        spoiled(
            spoil,
            "LK-209",
            Some("intake/in1"),
            "UnsupportedCertificate",
        )
        .await;
    };
    check(|leaf| leaf.purposes.clear()).await;
    check(|leaf| leaf.purposes = vec![ExtendedKeyUsagePurpose::ServerAuth]).await;
    check(|leaf| leaf.purposes = vec![ExtendedKeyUsagePurpose::CodeSigning]).await;
    check(|leaf| leaf.usages = vec![KeyUsagePurpose::KeyEncipherment]).await;
}

#[tokio::test]
async fn a_chain_that_is_too_long_is_refused() {
    let stage = Stage::new().await;
    let mut credential = stage.rack.credential("intake/in1");
    let root = stage.rack.authority("intake").der.clone();
    credential.chain.extend(std::iter::repeat_n(root.into(), 4));
    refused(&stage, shows(&credential), "LK-201", None, "BadCertificate").await;
}

#[tokio::test]
async fn a_certificate_shown_without_its_key_is_refused() {
    let stage = Stage::new().await;
    let (copied, thief) = (
        stage.rack.credential("intake/in1"),
        stage.rack.credential("intake/in2"),
    );
    let client = config(Some((copied.chain.clone(), &thief.key)));
    refused(&stage, client, "LK-107", Some("intake/in1"), "DecryptError").await;
}

#[tokio::test]
async fn a_revoked_peer_is_refused_by_name_and_by_serial() {
    for serial in [None, Some("a0b0c")] {
        let rack = Rack::new();
        let setting = Setting::of(&rack)
            .change(move |snapshot| snapshot.revoked.push(revocation("intake/in1", serial)));
        let stage = Stage::set(rack, setting).await;
        let credential = stage.rack.credential("intake/in1");
        let claim = Some("intake/in1");
        refused(
            &stage,
            shows(&credential),
            "LK-301",
            claim,
            "CertificateRevoked",
        )
        .await;
        let (_, refusal) = stage.ledger.refused().await;
        assert!(
            refusal.to_string().contains("HW-211"),
            "the keeper's reason: {refusal}"
        );
    }
}

#[tokio::test]
async fn the_revocation_of_another_peer_or_certificate_refuses_nobody_else() {
    for (name, serial) in [("intake/in2", None), ("intake/in1", Some("a0b0d"))] {
        let rack = Rack::new();
        let setting = Setting::of(&rack)
            .change(move |snapshot| snapshot.revoked.push(revocation(name, serial)));
        let stage = Stage::set(rack, setting).await;
        let credential = stage.rack.credential("intake/in1");
        admitted(&stage, shows(&credential)).await;
    }
}

#[tokio::test]
async fn a_peer_with_our_own_name_is_refused() {
    let stage = Stage::new().await;
    let twin = stage.rack.credential("storage/st1");
    refused(
        &stage,
        shows(&twin),
        "LK-303",
        Some("storage/st1"),
        "AccessDenied",
    )
    .await;
}

#[tokio::test]
async fn a_peer_with_our_own_key_is_refused_under_any_name() {
    let rack = Rack::new();
    let key = KeyPair::generate().expect("a key");
    let own = Leaf::of(&peer("storage/st1")).issued_for(rack.authority("storage"), &key);
    let setting = Setting {
        credential: Some(own),
        ..Setting::of(&rack)
    };
    let stage = Stage::set(rack, setting).await;
    let clone = Leaf::of(&peer("intake/in1")).issued_for(stage.rack.authority("intake"), &key);
    refused(
        &stage,
        shows(&clone),
        "LK-303",
        Some("intake/in1"),
        "AccessDenied",
    )
    .await;
}

#[tokio::test]
async fn a_zone_without_a_lease_admits_nobody() {
    let rack = Rack::new();
    let setting = Setting {
        credential: None,
        ..Setting::of(&rack)
    };
    let stage = Stage::set(rack, setting).await;
    let credential = stage.rack.credential("intake/in1");
    assert!(talk(shows(&credential), stage.address()).await.is_err());
    assert_eq!(stage.ledger.refused().await.1.code, "LK-304");
}

#[tokio::test]
async fn a_zone_whose_own_certificate_ended_admits_nobody() {
    let stage = Stage::new().await;
    let mut late = Leaf::of(&peer("intake/in1"));
    late.not_after = NOW + 5000;
    let credential = late.issued_by(stage.rack.authority("intake"));
    stage.rack.clock.set(NOW + 901);
    assert!(talk(shows(&credential), stage.address()).await.is_err());
    assert_eq!(stage.ledger.refused().await.1.code, "LK-304");
}

/// The boot certificate of intake's node, and a storage zone that pins its key to `pinned`.
async fn boot(leaf: &Leaf, pinned: Option<&str>) -> (Stage, Credential, KeyPair) {
    let key = KeyPair::generate().expect("a key");
    let (pin, pinned) = (pin(&key), pinned.map(peer));
    let rack = Rack::new();
    let setting = Setting::of(&rack).change(move |snapshot| {
        snapshot
            .pins
            .extend(pinned.clone().map(|pinned| (pin, pinned)));
    });
    (Stage::set(rack, setting).await, leaf.self_signed(&key), key)
}

#[tokio::test]
async fn a_pinned_boot_certificate_gets_a_boot_session() {
    let (stage, credential, _) = boot(&Leaf::of(&peer("intake/in1")), Some("intake/in1")).await;
    let session = admitted(&stage, shows(&credential)).await;
    assert_eq!(session.kind, SessionKind::Boot);
    assert_eq!(session.peer, peer("intake/in1"));
}

#[tokio::test]
async fn a_pinned_boot_certificate_needs_no_name_of_its_own() {
    let mut leaf = Leaf::of(&peer("intake/in1"));
    leaf.uris.clear();
    leaf.purposes.clear();
    leaf.usages.clear();
    let (stage, credential, _) = boot(&leaf, Some("intake/in1")).await;
    assert_eq!(
        admitted(&stage, shows(&credential)).await.peer,
        peer("intake/in1")
    );
}

#[tokio::test]
async fn an_unpinned_self_signed_certificate_is_refused() {
    let (stage, credential, _) = boot(&Leaf::of(&peer("intake/in1")), None).await;
    refused(&stage, shows(&credential), "LK-210", None, "UnknownCA").await;
}

#[tokio::test]
async fn a_pinned_key_under_another_name_than_its_pins_is_refused() {
    let (stage, credential, _) = boot(&Leaf::of(&peer("intake/in1")), Some("intake/in2")).await;
    refused(
        &stage,
        shows(&credential),
        "LK-204",
        Some("intake/in2"),
        "BadCertificate",
    )
    .await;
}

#[tokio::test]
async fn a_copied_boot_certificate_without_its_key_is_refused() {
    let (stage, credential, _) = boot(&Leaf::of(&peer("intake/in1")), Some("intake/in1")).await;
    let thief = stage.rack.credential("intake/in2");
    let client = config(Some((credential.chain.clone(), &thief.key)));
    refused(&stage, client, "LK-107", Some("intake/in1"), "DecryptError").await;
}

#[tokio::test]
async fn a_pinned_key_with_a_lease_gets_a_leased_session() {
    let (stage, _, key) = boot(&Leaf::of(&peer("intake/in1")), Some("intake/in1")).await;
    let leased = Leaf::of(&peer("intake/in1")).issued_for(stage.rack.authority("intake"), &key);
    assert_eq!(
        admitted(&stage, shows(&leased)).await.kind,
        SessionKind::Leased
    );
}

#[tokio::test]
async fn a_pinned_key_needs_a_flow_like_everybody() {
    let key = KeyPair::generate().expect("a key");
    let pin = pin(&key);
    let rack = Rack::new();
    let setting = Setting::of(&rack).change(move |snapshot| {
        snapshot.pins.insert(pin, peer("intake/in1"));
        snapshot.flows = flows_without_append();
    });
    let stage = Stage::set(rack, setting).await;
    let credential = Leaf::of(&peer("intake/in1")).self_signed(&key);
    refused(
        &stage,
        shows(&credential),
        "LK-302",
        Some("intake/in1"),
        "AccessDenied",
    )
    .await;
}

#[tokio::test]
async fn an_expired_boot_certificate_is_refused() {
    let mut leaf = Leaf::of(&peer("intake/in1"));
    leaf.not_after = NOW - 1;
    let (stage, credential, _) = boot(&leaf, Some("intake/in1")).await;
    refused(
        &stage,
        shows(&credential),
        "LK-207",
        Some("intake/in1"),
        "CertificateExpired",
    )
    .await;
}

#[tokio::test]
async fn plain_http_is_refused_in_the_handshake() {
    let stage = Stage::new().await;
    let seen = raw(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", stage.address()).await;
    assert!(!seen.starts_with(b"HTTP"), "{seen:?}");
    assert_eq!(stage.ledger.refused().await.1.code, "LK-101");
    assert_eq!(stage.serving.counts().requests, 0);
}

/// A hello as a library of 2014 sends it: TLS 1.2 at most, an ECDSA suite, P-256, no
/// `supported_versions`.
const HELLO_TLS12: &[u8] = &[
    0x16, 0x03, 0x01, 0x00, 0x51, // handshake record of 81 bytes
    0x01, 0x00, 0x00, 0x4d, // client hello of 77 bytes
    0x03, 0x03, // TLS 1.2
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 32,   // random
    0x00, // no session
    0x00, 0x04, 0xc0, 0x2b, 0xc0, 0x2c, // ECDHE-ECDSA with AES-GCM
    0x01, 0x00, // no compression
    0x00, 0x20, // extensions of 32 bytes
    0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17, // groups: P-256
    0x00, 0x0b, 0x00, 0x02, 0x01, 0x00, // points: uncompressed
    0x00, 0x0d, 0x00, 0x06, 0x00, 0x04, 0x04, 0x03, 0x05, 0x03, // signatures: ECDSA
    0x00, 0x17, 0x00, 0x00, // extended master secret
    0x00, 0x15, 0x00, 0x00, // padding
];

#[tokio::test]
async fn a_tls_1_2_client_is_refused_in_the_handshake() {
    let stage = Stage::new().await;
    let seen = raw(HELLO_TLS12, stage.address()).await;
    assert_eq!(seen, [0x15, 3, 3, 0, 2, 2, 70], "a protocol_version alert");
    let (_, refusal) = stage.ledger.refused().await;
    assert_eq!(refusal.code, "LK-102");
    assert_eq!(refusal.read[1], "SupportedVersionsExtensionRequired");
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_handshake_is_recorded() {
    let stage = Stage::new().await;
    drop(
        TcpStream::connect(stage.address())
            .await
            .expect("a connection"),
    );
    assert_eq!(stage.ledger.refused().await.1.code, "LK-104");
}

#[tokio::test]
async fn a_client_of_another_protocol_is_refused() {
    let stage = Stage::new().await;
    let mut client = shows(&stage.rack.credential("intake/in1"));
    client.alpn_protocols = vec![b"smtp".to_vec()];
    refused(&stage, client, "LK-106", None, "NoApplicationProtocol").await;
}

#[tokio::test]
async fn a_client_that_names_no_protocol_speaks_http_1() {
    let stage = Stage::new().await;
    let mut client = shows(&stage.rack.credential("intake/in1"));
    client.alpn_protocols.clear();
    admitted(&stage, client).await;
}

#[tokio::test]
async fn a_silent_client_is_dropped_at_the_handshake_deadline() {
    let rack = Rack::new();
    let limit = std::time::Duration::from_millis(50);
    let setting = Setting::of(&rack).limits(|limits| limits.handshake = limit);
    let stage = Stage::set(rack, setting).await;
    let mut silent = TcpStream::connect(stage.address())
        .await
        .expect("a connection");
    let mut answer = Vec::new();
    let end = timeout(PATIENCE, silent.read_to_end(&mut answer))
        .await
        .expect("an end in time");
    assert!(end.is_err() || answer.is_empty());
    assert_eq!(stage.ledger.refused().await.1.code, "LK-103");
}

#[tokio::test]
async fn a_client_that_trickles_is_dropped_at_the_handshake_deadline() {
    let rack = Rack::new();
    let limit = std::time::Duration::from_millis(100);
    let setting = Setting::of(&rack).limits(|limits| limits.handshake = limit);
    let stage = Stage::set(rack, setting).await;
    let mut slow = TcpStream::connect(stage.address())
        .await
        .expect("a connection");
    slow.write_all(&HELLO_TLS12[..20])
        .await
        .expect("room in the socket");
    assert_eq!(stage.ledger.refused().await.1.code, "LK-103");
}

#[tokio::test]
async fn resumption_that_is_offered_is_not_taken() {
    let stage = Stage::new().await;
    let client = Arc::new(shows(&stage.rack.credential("intake/in1")));
    for _ in 0..2 {
        let talking = async {
            let mut stream = connect(Arc::clone(&client), stage.address()).await?;
            stream
                .write_all(b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>((stream, answer))
        };
        let talked = timeout(PATIENCE, talking).await.expect("an answer in time");
        let (stream, answer) = talked.expect("an answer");
        assert!(answer.ends_with("intake/in1 leased"), "{answer}");
        let tls = stream.get_ref().1;
        assert_eq!(tls.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(tls.tls13_tickets_received(), 0);
        assert!(!tls.is_early_data_accepted());
    }
    assert_eq!(stage.serving.counts().admitted, 2);
}

#[tokio::test]
async fn a_witness_that_fails_lets_no_byte_through() {
    for temper in [Temper::Fails, Temper::Hangs] {
        let rack = Rack::new();
        let limit = std::time::Duration::from_millis(50);
        let setting = Setting::of(&rack).limits(|limits| limits.receipt = limit);
        let stage = Stage::set(rack, Setting { temper, ..setting }).await;
        let client = shows(&stage.rack.credential("intake/in1"));
        assert_eq!(
            talk(client, stage.address()).await,
            Ok(String::new()),
            "closed, no answer"
        );
        let (claim, refusal) = stage.ledger.refused().await;
        assert_eq!(
            (claim, refusal.code.as_str()),
            (Some(peer("intake/in1")), "LK-307")
        );
        assert_eq!(stage.serving.counts().requests, 0);
        assert_eq!(*stage.zone.calls.borrow(), 0);
    }
}

#[tokio::test]
async fn a_peer_at_its_cap_is_refused_until_one_of_its_connections_ends() {
    let rack = Rack::new();
    let setting = Setting::of(&rack).limits(|limits| limits.max_per_peer = 1);
    let stage = Stage::set(rack, setting).await;
    let (_node, mut first) = stage.intake().await;
    answer(&mut first, "/who").await;
    let second = shows(&stage.rack.credential("intake/in1"));
    assert_eq!(
        talk(second, stage.address()).await,
        Ok(String::new()),
        "closed, no answer"
    );
    assert_eq!(stage.ledger.refused().await.1.code, "LK-305");
    let other = shows(&stage.rack.credential("intake/in2"));
    assert!(
        talk(other, stage.address())
            .await
            .is_ok_and(|answer| answer.contains("in2"))
    );
    first.close().await;
    stage.ledger.ended().await;
    let third = shows(&stage.rack.credential("intake/in1"));
    assert!(
        talk(third, stage.address())
            .await
            .is_ok_and(|answer| answer.contains("in1"))
    );
}

#[tokio::test]
async fn a_flow_at_its_cap_is_refused_for_all_nodes_of_the_zone() {
    let rack = Rack::new();
    let setting = Setting::of(&rack).change(|snapshot| snapshot.flows = flows_capped(1));
    let stage = Stage::set(rack, setting).await;
    let (_node, mut first) = stage.intake().await;
    answer(&mut first, "/who").await;
    let second = shows(&stage.rack.credential("intake/in2"));
    assert_eq!(
        talk(second, stage.address()).await,
        Ok(String::new()),
        "closed, no answer"
    );
    assert_eq!(stage.ledger.refused().await.1.code, "LK-306");
}
