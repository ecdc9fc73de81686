//! Who shows a certificate, and what is wrong with it.

use super::*;

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
