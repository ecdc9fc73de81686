//! Calling another zone: whom we find, and what we are told when we are not let in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use rcgen::KeyPair;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::rack::{Authority, Leaf, NOW, Rack, peer, pin, revocation, zone};
use super::stage::{PATIENCE, Setting, Stage, answer, ask, text};
use crate::{DialLimits, Dialer, SessionKind, full};

/// The code by which intake's node fails to connect to `zone` at the stage.
async fn fails(stage: &Stage, dialer: &Dialer, called: &str) -> String {
    let fault = dialer
        .connect(stage.address(), &zone(called))
        .await
        .expect_err("no connection");
    assert_eq!(fault.address, stage.address());
    assert!(!fault.refusal.fix.is_empty());
    fault.code().to_owned()
}

#[tokio::test]
async fn requests_share_one_connection() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    for _ in 0..5 {
        assert_eq!(answer(&mut connection, "/who").await, "intake/in1 leased");
        assert!(connection.is_open());
    }
    assert_eq!(*connection.peer(), peer("storage/st1"));
    assert_eq!(connection.kind(), SessionKind::Leased);
    assert_eq!(stage.serving.counts().accepted, 1);
    assert_eq!(stage.serving.counts().requests, 5);
}

#[tokio::test]
async fn http_2_carries_the_same_where_it_is_asked_for() {
    let stage = Stage::new().await;
    let node = stage.node(Some(stage.rack.credential("intake/in1")));
    let limits = DialLimits {
        http2: true,
        ..DialLimits::default()
    };
    let dialer = node.dialer.clone().with_limits(limits);
    let mut connection = connecting_with(&dialer, &stage).await;
    let answered = connection.send(ask("/who")).await.expect("an answer");
    assert_eq!(answered.version(), http::Version::HTTP_2);
    assert_eq!(text(answered).await, "intake/in1 leased");
    let request = Request::put("https://elsewhere/read")
        .body(full("sent"))
        .expect("a request");
    assert_eq!(
        text(connection.send(request).await.expect("an answer")).await,
        "sent"
    );
    let mut stuck = connecting_with(&dialer, &stage).await;
    let running = tokio::spawn(async move { stuck.send(ask("/stuck")).await.map(drop) });
    stage.zone.called(3).await;
    stage.publish(|snapshot| snapshot.revoked.push(revocation("intake/in1", None)));
    let outcome = timeout(PATIENCE, running)
        .await
        .expect("cut in time")
        .expect("no panic");
    assert!(outcome.is_err());
}

async fn connecting_with(dialer: &Dialer, stage: &Stage) -> crate::Connection {
    dialer
        .connect(stage.address(), &zone("storage"))
        .await
        .expect("a connection")
}

#[tokio::test]
async fn a_body_travels_and_one_beyond_the_limit_is_refused_with_413() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    let put = |length: usize| {
        Request::builder()
            .method(Method::PUT)
            .uri("/read")
            .body(full("x".repeat(length)))
    };
    let whole = connection
        .send(put(1000).expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(text(whole).await.len(), 1000);
    let beyond = connection
        .send(put(1001).expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(beyond.status(), http::StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(text(beyond).await, "LK-601");
}

#[tokio::test]
async fn without_a_lease_nothing_is_called() {
    let stage = Stage::new().await;
    let node = stage.node(None);
    assert_eq!(fails(&stage, &node.dialer, "storage").await, "LK-304");
    assert_eq!(stage.serving.counts().accepted, 0);
}

#[tokio::test]
async fn with_an_expired_lease_nothing_is_called() {
    let stage = Stage::new().await;
    let node = stage.node(Some(stage.rack.credential("intake/in1")));
    stage.rack.clock.set(NOW + 901);
    assert_eq!(fails(&stage, &node.dialer, "storage").await, "LK-304");
}

#[tokio::test]
async fn without_a_flow_nothing_is_called() {
    let stage = Stage::new().await;
    let node = stage.node(Some(stage.rack.credential("analytics/an1")));
    assert_eq!(fails(&stage, &node.dialer, "storage").await, "LK-302");
    assert_eq!(stage.serving.counts().accepted, 0);
}

#[tokio::test]
async fn another_zone_than_the_one_called_is_left() {
    let stage = Stage::new().await;
    let node = stage.node(Some(stage.rack.credential("intake/in1")));
    assert_eq!(fails(&stage, &node.dialer, "keeper").await, "LK-308");
}

#[tokio::test]
async fn a_server_of_another_authority_is_left() {
    let rack = Rack::new();
    let forged = Leaf::of(&peer("storage/st1")).issued_by(&Authority::new("storage"));
    let setting = Setting {
        credential: Some(forged),
        ..Setting::of(&rack)
    };
    let stage = Stage::set(rack, setting).await;
    let node = stage.node(Some(stage.rack.credential("intake/in1")));
    assert_eq!(fails(&stage, &node.dialer, "storage").await, "LK-206");
    assert_eq!(
        stage.ledger.refused().await.1.code,
        "LK-108",
        "the server learns that we left"
    );
}

#[tokio::test]
async fn a_revoked_server_is_not_called() {
    let stage = Stage::new().await;
    let node = stage.node(Some(stage.rack.credential("intake/in1")));
    node.publish(|snapshot| snapshot.revoked.push(revocation("storage/st1", None)));
    assert_eq!(fails(&stage, &node.dialer, "storage").await, "LK-301");
}

#[tokio::test]
async fn a_server_with_our_own_key_is_left() {
    let rack = Rack::new();
    let key = KeyPair::generate().expect("a key");
    let theirs = Leaf::of(&peer("storage/st1")).issued_for(rack.authority("storage"), &key);
    let ours = Leaf::of(&peer("intake/in1")).issued_for(rack.authority("intake"), &key);
    let setting = Setting {
        credential: Some(theirs),
        ..Setting::of(&rack)
    };
    let stage = Stage::set(rack, setting).await;
    let node = stage.node(Some(ours));
    assert_eq!(fails(&stage, &node.dialer, "storage").await, "LK-303");
}

#[tokio::test]
async fn a_refusal_by_the_other_side_is_told_with_its_alert() {
    let rack = Rack::new();
    let setting =
        Setting::of(&rack).change(|snapshot| snapshot.revoked.push(revocation("intake/in1", None)));
    let stage = Stage::set(rack, setting).await;
    let (_node, mut connection) = stage.intake().await;
    let fault = connection.send(ask("/who")).await.expect_err("refused");
    assert_eq!(fault.code(), "LK-108");
    assert!(
        fault.refusal.to_string().contains("CertificateRevoked"),
        "{}",
        fault.refusal
    );
    assert!(!connection.is_open());
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let stage = Stage::new().await;
    let node = stage.node(Some(stage.rack.credential("intake/in1")));
    let gone = {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        socket.local_addr().expect("bound")
    };
    let fault = node
        .dialer
        .connect(gone, &zone("storage"))
        .await
        .expect_err("nobody there");
    assert_eq!(fault.code(), "LK-501");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_at_the_handshake_deadline() {
    let stage = Stage::new().await;
    let node = stage.node(Some(stage.rack.credential("intake/in1")));
    let limits = DialLimits {
        handshake: Duration::from_millis(50),
        ..DialLimits::default()
    };
    let dialer = node.dialer.clone().with_limits(limits);
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address: SocketAddr = silent.local_addr().expect("bound");
    let storage = zone("storage");
    let connecting = timeout(PATIENCE, dialer.connect(address, &storage));
    let fault = connecting
        .await
        .expect("an end in time")
        .expect_err("nobody speaks");
    assert_eq!(fault.code(), "LK-103");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    let within = Duration::from_millis(50);
    let fault = connection
        .send_within(ask("/stuck"), within)
        .await
        .expect_err("no answer");
    assert_eq!(fault.code(), "LK-503");
    assert!(!connection.is_open());
}

#[tokio::test]
async fn a_request_without_a_path_is_not_sent() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    let request = Request::builder()
        .uri("storage:1")
        .body(crate::empty())
        .expect("a request");
    let fault = connection.send(request).await.expect_err("no path");
    assert_eq!(fault.code(), "LK-504");
    assert_eq!(answer(&mut connection, "/who").await, "intake/in1 leased");
}

#[tokio::test]
async fn a_cut_answer_ends_in_an_error_and_never_short() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    let answered = connection.send(ask("/half")).await.expect("a head");
    let reading = tokio::spawn(async move {
        use http_body_util::BodyExt;
        answered.into_body().collect().await.map(drop)
    });
    stage.publish(|snapshot| snapshot.credential = None);
    let outcome = timeout(PATIENCE, reading)
        .await
        .expect("an end in time")
        .expect("no panic");
    assert!(outcome.is_err());
}

/// A keeper whose certificate has the key `key`, and a node that boots with a pinned key of its
/// own.
async fn keeper(key: &KeyPair, boot: &KeyPair) -> Stage {
    let rack = Rack::new();
    let credential = Leaf::of(&peer("keeper/kp1")).issued_for(rack.authority("keeper"), key);
    let pin = pin(boot);
    let setting = Setting {
        credential: Some(credential),
        ..Setting::of(&rack)
    };
    let setting = setting.change(move |snapshot| {
        snapshot.pins.insert(pin, peer("intake/in1"));
    });
    Stage::set(rack, setting).await
}

#[tokio::test]
async fn a_node_without_a_lease_reaches_the_keeper_by_its_pinned_key() {
    let (key, boot) = (
        KeyPair::generate().expect("a key"),
        KeyPair::generate().expect("a key"),
    );
    let stage = keeper(&key, &boot).await;
    let node = stage.node(None);
    let own = Leaf::of(&peer("intake/in1")).self_signed(&boot);
    let connecting = node.dialer.connect_boot(stage.address(), pin(&key), &own);
    let mut connection = connecting.await.expect("a connection");
    assert_eq!(*connection.peer(), peer("keeper/kp1"));
    assert_eq!(connection.kind(), SessionKind::Boot);
    assert_eq!(answer(&mut connection, "/who").await, "intake/in1 boot");
    // The lease that it comes for does not end the connection.
    let lease = stage.rack.credential("intake/in1");
    node.publish(|snapshot| snapshot.credential = Some(Arc::new(lease)));
    assert_eq!(answer(&mut connection, "/who").await, "intake/in1 boot");
}

#[tokio::test]
async fn a_keeper_with_another_key_is_left_even_if_its_certificate_is_good() {
    let (key, boot) = (
        KeyPair::generate().expect("a key"),
        KeyPair::generate().expect("a key"),
    );
    let stage = keeper(&key, &boot).await;
    let node = stage.node(None);
    let own = Leaf::of(&peer("intake/in1")).self_signed(&boot);
    let connecting = node.dialer.connect_boot(stage.address(), [7; 32], &own);
    let fault = connecting.await.expect_err("not the pinned key");
    assert_eq!(fault.code(), "LK-309");
}
