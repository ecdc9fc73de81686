//! What the tables of a question are: names, columns that are visible and that are not yet, and
//! what is told of records nobody can read.

use super::*;

#[tokio::test]
async fn names_are_those_of_the_records_letter_by_letter() {
    let store = Store::default();
    store.put_records("a", &vec![json!({"schoolName": "n", "mit Wert": 1}); 6]);
    let engine = engine(&store, &json!({}));
    let sql = "SELECT schoolName, Sum(\"mit Wert\") FROM climate GROUP BY schoolName";
    assert_eq!(ask(&engine, sql).await.rows, [[json!("n"), json!(6)]]);
    assert_eq!(
        refused(&engine, "SELECT schoolname FROM climate GROUP BY 1")
            .await
            .0,
        Code::SqlUnreadable
    );
}

#[tokio::test]
async fn a_hidden_column_cannot_be_named_anywhere() {
    for sql in [
        "SELECT respondent, count(*) FROM climate GROUP BY respondent",
        "SELECT count(*) FROM climate WHERE respondent = 'east 1'",
        "SELECT count(DISTINCT respondent) FROM climate",
        "SELECT count(*) FROM climate GROUP BY climate.respondent",
    ] {
        let (code, read) = refused(&lab(), sql).await;
        assert_eq!(code, Code::SqlUnreadable, "{sql}");
        assert!(
            !read.contains("east 1"),
            "a refusal repeats no value: {read}"
        );
    }
}

#[tokio::test]
async fn a_field_that_few_records_carry_is_no_column_yet() {
    let store = Store::default();
    let mut records = school();
    records.extend(vec![json!({"school": "north", "Jane Doe was here": 1}); 4]);
    store.put_records("a", &records);
    let engine = engine(&store, &json!({}));
    let sql = "SELECT count(\"Jane Doe was here\") FROM climate";
    assert_eq!(refused(&engine, sql).await.0, Code::SqlUnreadable);
    store.put_records("b", &[json!({"Jane Doe was here": 1})]);
    assert_eq!(ask(&engine, sql).await.rows, [[json!(5)]]);
}

#[tokio::test]
async fn tables_are_listed_with_visible_columns_and_rounded_rows() {
    let store = Store::default();
    store.put_records("a", &school());
    store.put(
        "intake-climate",
        "b",
        &format!("{}\nbroken", line("x", &json!({}))),
    );
    let ledger = Ledger::default();
    let tables = engine(&store, &json!({})).list(&ledger).await.unwrap();
    assert_eq!(tables[0].rows, 40, "41 records in steps of 5");
    assert_eq!(tables[0].note.unreadable, 1);
    let names: Vec<_> = tables[0]
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "id", "received", "source", "type", "school", "grade", "score", "weight", "full",
            "note"
        ]
    );
    assert_eq!(ledger.leaves(), [Leaf::Listed(1)]);
}

#[tokio::test]
async fn unreadable_records_are_told_in_every_answer() {
    let store = Store::default();
    store.put_records("a", &school());
    store.put("intake-climate", "b", "{}\nbroken\n");
    let answer = ask(&engine(&store, &json!({})), "SELECT count(*) FROM climate").await;
    assert_eq!(answer.table.unreadable, 2);
}

#[tokio::test]
async fn storage_that_cannot_be_reached_refuses_the_query() {
    let store = Store::default();
    store.break_down();
    assert_eq!(
        refused(&engine(&store, &json!({})), "SELECT count(*) FROM climate")
            .await
            .0,
        Code::StorageUnreachable
    );
}
