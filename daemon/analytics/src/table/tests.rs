//! Tables over objects in memory: what is read again, how columns unite, what is told.

use datafusion::arrow::util::display::array_value_to_string;
use serde_json::{Value, json};

use super::*;
use crate::double::Store;

fn table() -> Table {
    let settings = TableSettings {
        bucket: "intake-climate".to_owned(),
        hidden: vec!["respondent".to_owned()],
        subject: None,
    };
    Table::new(
        "climate",
        &settings,
        TableRule {
            min_group: 1,
            input_bytes: 1 << 20,
        },
    )
}

fn columns(snapshot: &Snapshot) -> Vec<(String, DataType)> {
    let fields = snapshot.visible.fields().iter();
    fields
        .map(|field| (field.name().clone(), field.data_type().clone()))
        .skip(4)
        .collect()
}

fn values(snapshot: &Snapshot, column: &str) -> Vec<String> {
    let place = snapshot.full.index_of(column).unwrap();
    let batches = snapshot.batches.iter();
    batches
        .flat_map(|batch| {
            let column = batch.column(place);
            (0..column.len())
                .map(|at| array_value_to_string(column, at).unwrap())
                .collect::<Vec<_>>()
        })
        .collect()
}

async fn fault(table: &Table, store: &Store) -> Code {
    table.refresh(store).await.unwrap_err().code()
}

#[tokio::test]
async fn a_second_refresh_reads_only_what_is_new() {
    let (store, table) = (Store::default(), table());
    store.put_records("a", &[json!({"x": 1})]);
    store.put_records("b", &[json!({"x": 2})]);
    assert_eq!(table.refresh(&store).await.unwrap().rows, 2);
    assert_eq!(store.take_reads().len(), 2);
    table.refresh(&store).await.unwrap();
    assert!(store.take_reads().is_empty());
    store.put_records("c", &[json!({"x": 3})]);
    assert_eq!(table.refresh(&store).await.unwrap().rows, 3);
    assert_eq!(store.take_reads(), ["c"]);
}

#[tokio::test]
async fn a_changed_object_is_read_again_and_a_deleted_one_forgotten() {
    let (store, table) = (Store::default(), table());
    store.put_records("a", &[json!({"x": 1})]);
    store.put_records("b", &[json!({"x": 2})]);
    table.refresh(&store).await.unwrap();
    store.put_records("a", &[json!({"x": 10}), json!({"x": 11})]);
    store.delete("intake-climate", "b");
    store.take_reads();
    let snapshot = table.refresh(&store).await.unwrap();
    assert_eq!(values(&snapshot, "x"), ["10", "11"]);
    assert_eq!(store.take_reads(), ["a"]);
}

#[tokio::test]
async fn columns_keep_their_place_when_objects_are_added() {
    let (store, table) = (Store::default(), table());
    store.put_records("a", &[json!({"z": 1, "y": "t"})]);
    let before = columns(&table.refresh(&store).await.unwrap());
    store.put_records("b", &[json!({"a": true, "y": "u", "z": 2})]);
    let after = columns(&table.refresh(&store).await.unwrap());
    assert_eq!(after[..2], before[..]);
    assert_eq!(after[2], ("a".to_owned(), DataType::Boolean));
}

#[tokio::test]
async fn kinds_of_different_objects_are_joined_without_losing_a_value() {
    let (store, table) = (Store::default(), table());
    store.put_records("a", &[json!({"n": 1, "m": 1, "b": true, "r": 1.5})]);
    store.put_records("b", &[json!({"n": 2.5, "m": "x", "b": 0, "r": "y"})]);
    let snapshot = table.refresh(&store).await.unwrap();
    let text = |name: &str| (name.to_owned(), DataType::Utf8);
    let number = ("n".to_owned(), DataType::Float64);
    assert_eq!(
        columns(&snapshot),
        [number, text("m"), text("b"), text("r")]
    );
    assert_eq!(values(&snapshot, "n"), ["1.0", "2.5"]);
    assert_eq!(values(&snapshot, "m"), ["1", "x"]);
    assert_eq!(values(&snapshot, "b"), ["true", "0"]);
    assert_eq!(values(&snapshot, "r"), ["1.5", "y"]);
}

#[tokio::test]
async fn fields_that_are_missing_are_null() {
    let (store, table) = (Store::default(), table());
    store.put_records("a", &[json!({"x": 1})]);
    store.put_records("b", &[json!({"y": 2})]);
    let snapshot = table.refresh(&store).await.unwrap();
    assert_eq!(values(&snapshot, "x"), ["1", ""]);
    assert_eq!(values(&snapshot, "y"), ["", "2"]);
}

#[tokio::test]
async fn a_hidden_envelope_field_is_no_column() {
    let store = Store::default();
    let settings = TableSettings {
        bucket: "intake-climate".to_owned(),
        hidden: vec!["id".to_owned(), "Source".to_owned()],
        subject: Some("id".to_owned()),
    };
    let table = Table::new(
        "climate",
        &settings,
        TableRule {
            min_group: 1,
            input_bytes: 1 << 20,
        },
    );
    store.put_records("a", &[json!({"id": "inner", "x": 1})]);
    let snapshot = table.refresh(&store).await.unwrap();
    let names: Vec<_> = snapshot
        .visible
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["received", "type", "x"]);
    assert!(snapshot.counts_people());
}

#[tokio::test]
async fn an_empty_bucket_is_a_table_without_records() {
    let snapshot = table().refresh(&Store::default()).await.unwrap();
    assert_eq!((snapshot.rows, snapshot.batches.len()), (0, 0));
    assert_eq!(snapshot.visible.fields().len(), 4);
}

#[tokio::test]
async fn an_object_of_another_length_than_listed_is_refused() {
    let (store, table) = (Store::default(), table());
    store.put_records("a", &[json!({"x": 1})]);
    store.lie_about_length();
    assert_eq!(fault(&table, &store).await, Code::StorageAnswer);
}

#[tokio::test]
async fn after_a_failed_refresh_the_next_one_heals() {
    let (store, table) = (Store::default(), table());
    store.put_records("a", &[json!({"x": 1})]);
    let broken = store.clone();
    broken.break_down();
    assert_eq!(fault(&table, &broken).await, Code::StorageUnreachable);
    let healthy = Store::default();
    healthy.put_records("a", &[json!({"x": Value::from(1)})]);
    assert_eq!(table.refresh(&healthy).await.unwrap().rows, 1);
}
