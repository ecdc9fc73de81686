//! What an open connection loses when its right ends, and what the others keep.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rcgen::KeyPair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::plain::{connect, shows};
use super::rack::{Authority, Leaf, NOW, Rack, flows_without_append, peer, pin, revocation, zone};
use super::stage::{PATIENCE, Setting, Stage, answer, ask, within_a_second};
use crate::{EndReason, Snapshot};

/// An idle connection and one with a running request, both open; then `change`. Both are closed
/// within a second, with this reason in the record, and the request is gone from the service.
async fn loses(change: impl FnOnce(&mut Snapshot), why: EndReason) {
    let stage = Stage::new().await;
    let (_idle_node, mut idle) = stage.intake().await;
    answer(&mut idle, "/who").await;
    let (_busy_node, mut busy) = stage.intake().await;
    let running = tokio::spawn(async move { busy.send(ask("/stuck")).await.map(drop) });
    stage.zone.called(2).await;
    stage.publish(change);
    let outcome = within_a_second(running).await.expect("no panic");
    assert!(outcome.is_err(), "the running request was cut");
    assert_eq!(stage.ledger.ended().await, why);
    assert!(
        within_a_second(idle.send(ask("/who"))).await.is_err(),
        "the idle one is closed"
    );
    assert_eq!(stage.zone.inside.load(Ordering::SeqCst), 0);
    assert_eq!(
        *stage.zone.calls.borrow(),
        2,
        "nothing reached the service afterwards"
    );
    assert_eq!(stage.serving.counts().lost, 2);
}

/// A connection that goes on serving over `change`.
async fn keeps(change: impl FnOnce(&mut Snapshot)) {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    let running = {
        answer(&mut connection, "/who").await;
        tokio::spawn(async move { (answer(&mut connection, "/gate").await, connection) })
    };
    stage.zone.called(2).await;
    stage.publish(change);
    stage.zone.gate.add_permits(1);
    let (text, mut connection) = running.await.expect("no panic");
    assert_eq!(text, "through the gate");
    assert_eq!(answer(&mut connection, "/who").await, "intake/in1 leased");
    assert_eq!(
        stage.serving.counts().accepted,
        1,
        "over the same connection"
    );
    assert_eq!(stage.serving.counts().lost, 0);
}

#[tokio::test]
async fn a_peer_that_is_revoked_is_cut_within_a_second() {
    loses(
        |snapshot| snapshot.revoked.push(revocation("intake/in1", None)),
        EndReason::Revoked,
    )
    .await;
}

#[tokio::test]
async fn a_certificate_that_is_revoked_by_serial_is_cut_within_a_second() {
    let change = |snapshot: &mut Snapshot| {
        snapshot
            .revoked
            .push(revocation("intake/in1", Some("a0b0c")));
    };
    loses(change, EndReason::Revoked).await;
}

#[tokio::test]
async fn a_revocation_leaves_other_peers_and_certificates_alone() {
    keeps(|snapshot| snapshot.revoked.push(revocation("intake/in2", None))).await;
    keeps(|snapshot| {
        snapshot
            .revoked
            .push(revocation("intake/in1", Some("a0b0d")));
    })
    .await;
}

#[tokio::test]
async fn a_new_manifest_without_the_flow_closes() {
    loses(
        |snapshot| snapshot.flows = flows_without_append(),
        EndReason::FlowRemoved,
    )
    .await;
}

#[tokio::test]
async fn a_new_manifest_with_the_flow_closes_nothing() {
    keeps(|snapshot| {
        snapshot.flows = super::rack::flows();
        snapshot.epoch = snapshot.epoch.next().expect("another epoch");
    })
    .await;
}

#[tokio::test]
async fn roots_that_are_taken_away_close() {
    let change = |snapshot: &mut Snapshot| {
        let domain = snapshot.domain.trust_domain(&zone("intake"));
        snapshot
            .trust
            .domains
            .insert(domain, vec![Authority::new("intake").der]);
    };
    loses(change, EndReason::TrustRemoved).await;
}

#[tokio::test]
async fn roots_that_are_added_beside_the_old_close_nothing() {
    keeps(|snapshot| {
        let domain = snapshot.domain.trust_domain(&zone("intake"));
        let roots = snapshot
            .trust
            .domains
            .get_mut(&domain)
            .expect("roots of intake");
        roots.insert(0, Authority::new("intake").der);
    })
    .await;
}

#[tokio::test]
async fn roots_of_another_zone_that_are_taken_away_close_nothing() {
    keeps(|snapshot| {
        let domain = snapshot.domain.trust_domain(&zone("analytics"));
        snapshot.trust.domains.remove(&domain);
    })
    .await;
}

#[tokio::test]
async fn a_lost_lease_of_our_own_closes() {
    loses(
        |snapshot| snapshot.credential = None,
        EndReason::CredentialLost,
    )
    .await;
}

#[tokio::test]
async fn becoming_another_peer_closes() {
    let other = Rack::new().credential("storage/st2");
    loses(
        |snapshot| snapshot.credential = Some(Arc::new(other)),
        EndReason::CredentialLost,
    )
    .await;
}

#[tokio::test]
async fn a_renewed_lease_of_our_own_closes_nothing() {
    let mut renewed = Leaf::of(&peer("storage/st1"));
    renewed.not_after = NOW + 1200;
    let renewed = renewed.issued_by(&Authority::new("storage"));
    keeps(|snapshot| snapshot.credential = Some(Arc::new(renewed))).await;
}

#[tokio::test]
async fn a_standing_without_a_publisher_closes_and_admits_nobody() {
    let Stage {
        rack,
        serving,
        ledger,
        zone,
        publisher,
    } = Stage::new().await;
    let client = Arc::new(shows(&rack.credential("intake/in1")));
    let stream = connect(Arc::clone(&client), serving.local_addr()).await;
    let mut stream = stream.expect("a connection");
    ledger.admitted().await;
    drop(publisher);
    let mut rest = Vec::new();
    drop(within_a_second(stream.read_to_end(&mut rest)).await);
    assert_eq!(ledger.ended().await, EndReason::CredentialLost);
    drop(super::plain::talk(shows(&rack.credential("intake/in1")), serving.local_addr()).await);
    assert_eq!(ledger.refused().await.1.code, "LK-304");
    assert_eq!(*zone.calls.borrow(), 0);
}

#[tokio::test]
async fn a_pin_that_is_taken_away_closes_the_boot_connection() {
    let key = KeyPair::generate().expect("a key");
    let pin = pin(&key);
    let rack = Rack::new();
    let setting = Setting::of(&rack).change(move |snapshot| {
        snapshot.pins.insert(pin, peer("intake/in1"));
    });
    let stage = Stage::set(rack, setting).await;
    let boot = Arc::new(shows(&Leaf::of(&peer("intake/in1")).self_signed(&key)));
    let mut stream = connect(boot, stage.address()).await.expect("a connection");
    stage.ledger.admitted().await;
    stage.publish(|snapshot| snapshot.pins.clear());
    let mut rest = Vec::new();
    drop(within_a_second(stream.read_to_end(&mut rest)).await);
    assert_eq!(stage.ledger.ended().await, EndReason::PinRemoved);
}

/// A connection over a certificate that ends a minute from now, after which the clock is set to
/// `then`.
async fn at(then: u64, path: &str) -> (Stage, Vec<u8>) {
    let stage = Stage::new().await;
    let mut leaf = Leaf::of(&peer("intake/in1"));
    leaf.not_after = NOW + 60;
    let client = Arc::new(shows(&leaf.issued_by(stage.rack.authority("intake"))));
    let mut stream = connect(client, stage.address())
        .await
        .expect("a connection");
    stage.ledger.admitted().await;
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("room in the socket");
    stage.zone.called(1).await;
    stage.rack.clock.set(then);
    stage.zone.gate.add_permits(1);
    let mut rest = Vec::new();
    drop(within_a_second(stream.read_to_end(&mut rest)).await);
    (stage, rest)
}

#[tokio::test]
async fn at_the_end_of_the_peers_certificate_a_busy_connection_is_cut() {
    let (stage, rest) = at(NOW + 60, "/stuck").await;
    assert_eq!(stage.ledger.ended().await, EndReason::Deadline);
    assert!(rest.is_empty());
    assert_eq!(stage.zone.inside.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn at_the_end_of_the_peers_certificate_an_idle_connection_is_closed() {
    let (stage, rest) = at(NOW + 60, "/who").await;
    assert_eq!(stage.ledger.ended().await, EndReason::Deadline);
    assert!(rest.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn shortly_before_the_end_what_runs_is_finished_and_the_connection_closed() {
    // The drain time is ten seconds, so the last call comes at 50 of 60.
    let (stage, rest) = at(NOW + 51, "/gate").await;
    assert_eq!(stage.ledger.ended().await, EndReason::Deadline);
    let rest = String::from_utf8_lossy(&rest).into_owned();
    assert!(rest.ends_with("through the gate"), "{rest}");
    assert_eq!(stage.serving.counts().requests, 1);
}

#[tokio::test]
async fn before_the_last_call_nothing_closes() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    answer(&mut connection, "/who").await;
    stage.rack.clock.set(NOW + 800);
    assert_eq!(answer(&mut connection, "/who").await, "intake/in1 leased");
    assert!(connection.is_open());
}

/// A dialed connection of intake, then `change` in intake's own standing.
async fn dialed_loses(change: impl FnOnce(&mut Snapshot), code: &str) {
    let stage = Stage::new().await;
    let (node, mut connection) = stage.intake().await;
    answer(&mut connection, "/who").await;
    let mut stuck = node.connect(&stage).await;
    let running = tokio::spawn(async move { stuck.send(ask("/stuck")).await.map(drop) });
    stage.zone.called(2).await;
    node.publish(change);
    let outcome = within_a_second(running).await.expect("no panic");
    assert_eq!(outcome.expect_err("the request was cut").code(), code);
    let outcome = within_a_second(connection.send(ask("/who"))).await;
    assert_eq!(outcome.expect_err("the connection was cut").code(), code);
    assert!(!connection.is_open());
    assert_eq!(*stage.zone.calls.borrow(), 2, "nothing was sent afterwards");
}

#[tokio::test]
async fn a_lost_lease_closes_dialed_connections_as_well() {
    dialed_loses(|snapshot| snapshot.credential = None, "LK-410").await;
}

#[tokio::test]
async fn a_revoked_server_is_left() {
    dialed_loses(
        |snapshot| snapshot.revoked.push(revocation("storage/st1", None)),
        "LK-406",
    )
    .await;
}

#[tokio::test]
async fn a_flow_taken_from_us_closes_dialed_connections() {
    dialed_loses(|snapshot| snapshot.flows = flows_without_append(), "LK-407").await;
}

#[tokio::test]
async fn at_the_end_of_our_own_lease_a_dialed_connection_takes_no_request() {
    let stage = Stage::new().await;
    let mut leaf = Leaf::of(&peer("intake/in1"));
    leaf.not_after = NOW + 60;
    let node = stage.node(Some(leaf.issued_by(stage.rack.authority("intake"))));
    let mut connection = node.connect(&stage).await;
    answer(&mut connection, "/who").await;
    assert!(connection.is_open());
    stage.rack.clock.set(NOW + 41);
    let closed = async {
        while connection.is_open() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, closed)
        .await
        .expect("the last call was heard");
    let fault = connection
        .send(ask("/who"))
        .await
        .expect_err("too late for a request");
    assert_eq!(fault.code(), "LK-405");
    assert_eq!(*stage.zone.calls.borrow(), 1);
}
