//! Who is let in, and for each of them the nearest who is not.

mod boot;
mod caps;
mod certificates;
mod handshake;
mod rights;

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
