//! Good certificates that are not let in: revoked, our own, or on a zone without a lease.

use super::*;

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
