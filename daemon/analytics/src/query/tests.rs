//! Questions from text to answer, over small made records of a school. Each file asks them for one
//! reason.

mod disclosure;
mod expressions;
mod limits;
mod receipts;
mod shapes;
mod tables;

use serde_json::{Value, json};

use super::*;
use crate::double::{Leaf, Ledger, Store, engine, line};

/// North 20, south 12, west 6, east 2. Scores are 1 to 5; in the south three left theirs blank.
fn school() -> Vec<Value> {
    let groups = [("north", 20), ("south", 12), ("west", 6), ("east", 2)];
    let mut records = Vec::new();
    for (school, size) in groups {
        for number in 0..size {
            let score = if school == "south" && number < 3 {
                Value::Null
            } else {
                json!(number % 5 + 1)
            };
            records.push(
                json!({"school": school, "grade": number % 2 + 7, "score": score,
                "weight": 0.5, "full": number % 2 == 0, "respondent": format!("{school} {number}"),
                "note": format!("note {number}")}),
            );
        }
    }
    records
}

fn lab() -> Engine<Store> {
    lab_with(&json!({}))
}

fn lab_with(settings: &Value) -> Engine<Store> {
    let store = Store::default();
    store.put_records("a", &school());
    engine(&store, settings)
}

async fn ask(engine: &Engine<Store>, sql: &str) -> Answer {
    engine
        .answer(sql, &Ledger::default())
        .await
        .unwrap_or_else(|fault| panic!("{sql}: {fault:?}"))
}

async fn refused(engine: &Engine<Store>, sql: &str) -> (Code, String) {
    let fault = match engine.answer(sql, &Ledger::default()).await {
        Ok(answer) => panic!("{sql} was answered: {:?}", answer.rows),
        Err(fault) => fault,
    };
    (fault.code(), fault.refusal().read.join("; "))
}

/// A question that must be refused with one code.
async fn check(sql: &str, code: &str) {
    let (seen, read) = refused(&lab(), sql).await;
    assert_eq!(seen.as_str(), code, "{sql}: {read}");
}

async fn rows(sql: &str) -> Vec<Vec<Value>> {
    ask(&lab(), sql).await.rows
}
