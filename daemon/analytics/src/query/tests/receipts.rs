//! What stands in the trail about a question, and that without it nothing is read and nothing
//! leaves.

use super::*;

#[tokio::test]
async fn the_intent_and_the_outcome_are_recorded_without_the_text() {
    let ledger = Ledger::default();
    let sql = "SELECT school, count(*) FROM climate WHERE note <> 'Jane' GROUP BY school";
    let answer = lab().answer(sql, &ledger).await.unwrap();
    let leaves = ledger.leaves();
    assert!(!format!("{leaves:?}").contains("Jane"));
    let Leaf::Intent(intent) = &leaves[0] else {
        panic!("{leaves:?}")
    };
    assert_eq!(intent.tables, ["climate"]);
    assert_eq!(intent.sql_sha256, salted_digest(&[7; 16], sql));
    assert_eq!(answer.receipt.salt, "07".repeat(16));
    let outcome = QueryOutcome::Answered {
        rows: 2,
        suppressed_groups: Some(2),
        unreadable_records: 0,
    };
    assert_eq!(leaves[1], Leaf::Outcome(outcome));
    assert_eq!(leaves.len(), 2);
}

#[tokio::test]
async fn a_refusal_is_recorded_with_its_code() {
    let ledger = Ledger::default();
    lab()
        .answer("SELECT * FROM climate", &ledger)
        .await
        .unwrap_err();
    let refused = QueryOutcome::Refused {
        code: "AN-301".to_owned(),
    };
    assert_eq!(ledger.leaves()[1], Leaf::Outcome(refused));
}

#[tokio::test]
async fn without_a_durable_intent_nothing_is_read() {
    let store = Store::default();
    store.put_records("a", &school());
    let ledger = Ledger::full_after(0);
    let fault = engine(&store, &json!({}))
        .answer("SELECT count(*) FROM climate", &ledger)
        .await
        .unwrap_err();
    assert_eq!(fault.code(), Code::Receipt);
    assert!(store.take_reads().is_empty());
}

#[tokio::test]
async fn without_a_durable_outcome_nothing_leaves() {
    let ledger = Ledger::full_after(1);
    let fault = lab()
        .answer("SELECT count(*) FROM climate", &ledger)
        .await
        .unwrap_err();
    assert_eq!(fault.code(), Code::Receipt);
}
