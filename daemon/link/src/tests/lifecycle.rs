//! Start, ready, draining, stopped; the cap; patience with slow and idle peers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::plain::{connect, shows};
use super::rack::Rack;
use super::stage::{PATIENCE, Setting, Stage, answer, ask, within_a_second};
use crate::{EndReason, ListenerState};

#[tokio::test]
async fn a_listener_goes_from_start_over_ready_and_draining_to_stopped() {
    let stage = Stage::new().await;
    let mut states = stage.serving.watch();
    let mut seen = vec![*states.borrow_and_update()];
    let follow = tokio::spawn(async move {
        while states.changed().await.is_ok() {
            seen.push(*states.borrow_and_update());
        }
        seen
    });
    let (_node, mut connection) = stage.intake().await;
    let running = tokio::spawn(async move { answer(&mut connection, "/gate").await });
    stage.zone.called(1).await;
    assert_eq!(stage.serving.state(), ListenerState::Ready);
    let mut states = stage.serving.watch();
    let stop = tokio::spawn(stage.serving.stop());
    let draining = states.wait_for(|state| *state == ListenerState::Draining);
    timeout(PATIENCE, draining)
        .await
        .expect("draining in time")
        .expect("a listener");
    stage.zone.gate.add_permits(1);
    running.await.expect("no panic");
    stop.await.expect("no panic");
    let seen = follow.await.expect("no panic");
    assert!(
        seen.ends_with(&[ListenerState::Draining, ListenerState::Stopped]),
        "{seen:?}"
    );
    assert!(seen.is_sorted(), "{seen:?}");
}

#[tokio::test]
async fn at_the_cap_the_next_client_waits_and_is_served_later() {
    let rack = Rack::new();
    let setting = Setting::of(&rack).limits(|limits| limits.max_connections = 1);
    let stage = Stage::set(rack, setting).await;
    let (_first_node, mut first) = stage.intake().await;
    answer(&mut first, "/who").await;
    let second = stage.node(Some(stage.rack.credential("intake/in2")));
    let address = stage.address();
    let waiting = tokio::spawn(async move {
        let storage = super::rack::zone("storage");
        let mut connection = second
            .dialer
            .connect(address, &storage)
            .await
            .expect("served");
        answer(&mut connection, "/who").await
    });
    // The second one's bytes wait in the kernel; the first is served all the while.
    for _ in 0..20 {
        answer(&mut first, "/who").await;
    }
    assert_eq!(stage.serving.counts().accepted, 1);
    assert!(!waiting.is_finished());
    first.close().await;
    let text = timeout(PATIENCE, waiting)
        .await
        .expect("served in time")
        .expect("no panic");
    assert_eq!(text, "intake/in2 leased");
    assert_eq!(stage.serving.counts().refused, 0);
}

#[tokio::test]
async fn a_stop_lets_a_running_request_finish() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    let running = tokio::spawn(async move { answer(&mut connection, "/gate").await });
    stage.zone.called(1).await;
    let mut states = stage.serving.watch();
    let stop = tokio::spawn(stage.serving.stop());
    let draining = states.wait_for(|state| *state == ListenerState::Draining);
    timeout(PATIENCE, draining)
        .await
        .expect("draining in time")
        .expect("a listener");
    stage.zone.gate.add_permits(1);
    assert_eq!(running.await.expect("no panic"), "through the gate");
    let report = timeout(PATIENCE, stop)
        .await
        .expect("stopped in time")
        .expect("no panic");
    assert_eq!((report.drained, report.cut_off), (1, 0));
    assert_eq!(stage.ledger.ended().await, EndReason::Drained);
}

#[tokio::test]
async fn a_stop_cuts_a_stuck_request_after_the_drain_time() {
    let rack = Rack::new();
    let drain = Duration::from_millis(100);
    let setting = Setting::of(&rack).limits(|limits| limits.drain = drain);
    let stage = Stage::set(rack, setting).await;
    let (_node, mut connection) = stage.intake().await;
    let running = tokio::spawn(async move { connection.send(ask("/stuck")).await.map(drop) });
    stage.zone.called(1).await;
    let report = timeout(PATIENCE, stage.serving.stop())
        .await
        .expect("stopped in time");
    assert_eq!((report.drained, report.cut_off), (0, 1));
    assert!(report.took >= drain, "{report:?}");
    assert!(running.await.expect("no panic").is_err());
    assert_eq!(stage.ledger.ended().await, EndReason::CutOff);
    assert_eq!(stage.zone.inside.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_idle_connections_and_unfinished_handshakes() {
    let stage = Stage::new().await;
    let (_node, mut idle) = stage.intake().await;
    answer(&mut idle, "/who").await;
    let _silent = TcpStream::connect(stage.address())
        .await
        .expect("a connection");
    let report = within_a_second(stage.serving.stop()).await;
    assert_eq!((report.drained, report.cut_off), (1, 0));
}

#[tokio::test]
async fn after_a_stop_nobody_connects_and_no_task_is_left() {
    let before = Handle::current().metrics().num_alive_tasks();
    let stage = Stage::new().await;
    let address = stage.address();
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let mut client = shows(&stage.rack.credential("intake/in1"));
        client.alpn_protocols = vec![protocol.to_vec()];
        let stream = connect(Arc::new(client), address)
            .await
            .expect("a connection");
        stage.ledger.admitted().await;
        drop(stream);
    }
    assert!(Handle::current().metrics().num_alive_tasks() > before);
    timeout(PATIENCE, stage.serving.stop())
        .await
        .expect("stopped in time");
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}

#[tokio::test]
async fn a_dropped_listener_cuts_everything_at_once() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    let running = tokio::spawn(async move { connection.send(ask("/stuck")).await.map(drop) });
    stage.zone.called(1).await;
    drop(stage.serving);
    assert!(within_a_second(running).await.expect("no panic").is_err());
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let rack = Rack::new();
    let setting = Setting::of(&rack).limits(|limits| limits.idle = Duration::from_millis(50));
    let stage = Stage::set(rack, setting).await;
    let (_node, mut connection) = stage.intake().await;
    answer(&mut connection, "/who").await;
    assert_eq!(stage.ledger.ended().await, EndReason::Idle);
}

#[tokio::test]
async fn a_running_request_is_not_idle() {
    let rack = Rack::new();
    let setting = Setting::of(&rack).limits(|limits| {
        limits.idle = Duration::from_millis(20);
        limits.header = Duration::from_millis(20);
    });
    let stage = Stage::set(rack, setting).await;
    let (_busy_node, mut busy) = stage.intake().await;
    let running = tokio::spawn(async move { answer(&mut busy, "/gate").await });
    stage.zone.called(1).await;
    // Another connection lives through its whole idle time meanwhile.
    let (_idle_node, mut idle) = stage.intake().await;
    answer(&mut idle, "/who").await;
    assert_eq!(stage.ledger.ended().await, EndReason::Idle);
    stage.zone.gate.add_permits(1);
    assert_eq!(running.await.expect("no panic"), "through the gate");
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_after_the_header_limit() {
    let rack = Rack::new();
    let setting = Setting::of(&rack).limits(|limits| limits.header = Duration::from_millis(50));
    let stage = Stage::set(rack, setting).await;
    let client = Arc::new(shows(&stage.rack.credential("intake/in1")));
    let mut stream = connect(client, stage.address())
        .await
        .expect("a connection");
    stream
        .write_all(b"GET /who HTTP/1.1\r\nx-slow: ")
        .await
        .expect("room in the socket");
    assert_eq!(stage.ledger.ended().await, EndReason::SlowHead);
    assert_eq!(*stage.zone.calls.borrow(), 0);
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_answered_with_431() {
    let rack = Rack::new();
    let setting = Setting::of(&rack).limits(|limits| limits.max_head_bytes = 1000);
    let stage = Stage::set(rack, setting).await;
    let client = Arc::new(shows(&stage.rack.credential("intake/in1")));
    let mut stream = connect(client, stage.address())
        .await
        .expect("a connection");
    let head = format!(
        "GET /who HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n",
        "a".repeat(1000)
    );
    stream
        .write_all(head.as_bytes())
        .await
        .expect("room in the socket");
    stream.flush().await.expect("room in the socket");
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    drop(timeout(PATIENCE, reading).await.expect("an end in time"));
    assert!(
        answer.starts_with(b"HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(*stage.zone.calls.borrow(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_is_recorded_as_such() {
    let stage = Stage::new().await;
    let (_node, mut connection) = stage.intake().await;
    answer(&mut connection, "/who").await;
    connection.close().await;
    assert_eq!(stage.ledger.ended().await, EndReason::PeerClosed);
    assert_eq!(stage.serving.counts().live, 0);
}
