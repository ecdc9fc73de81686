//! The self-signed certificate of a node that asks for its first lease.

use super::*;

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
