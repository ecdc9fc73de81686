//! Connections that are one too many, and a session that nobody could record.

use super::*;

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
