//! The consumer's handle: woken by a flush or by age, offered again, and a dead letter at last.

use super::*;
use crate::consumer::Fate;
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test]
async fn a_consumer_that_waits_in_vain_gets_nothing_and_no_error() {
    let disk = Arc::new(SimulatedDisk::default());
    let keys = Arc::new(TestKeys::new());
    let (_producer, mut consumer, _) = open_on(disk, brief(), keys, noon()).unwrap();
    assert_eq!(consumer.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_waiting_consumer_is_woken_by_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, mut consumer, _) = open_after(&settings(dir.path()), &Arc::new(TestKeys::new()));
    producer.put(tag(1), payload(tag(1))).await.unwrap();
    let waiting = tokio::spawn(async move { consumer.next().await });
    let id = producer
        .flush()
        .await
        .unwrap()
        .expect("there was an open segment");
    let segment = waiting.await.unwrap().unwrap().expect("woken");
    assert_eq!(segment.id, id);
    assert_eq!(producer.flush().await.unwrap(), None);
}

#[tokio::test]
async fn a_waiting_consumer_is_woken_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicU64::new(1_000_000));
    let clock: Clock = {
        let now = Arc::clone(&now);
        Arc::new(move || now.load(Ordering::Relaxed))
    };
    let aging = SpoolSettings {
        segment_age: Duration::from_millis(20),
        ..settings(dir.path())
    };
    let (producer, mut consumer, _) = open(aging, Arc::new(TestKeys::new()), clock).unwrap();
    producer.put(tag(1), payload(tag(1))).await.unwrap();
    now.fetch_add(20, Ordering::Relaxed);
    let segment = consumer.next().await.unwrap().expect("woken by age");
    assert!(segment.closed);
}

#[tokio::test]
async fn a_segment_that_was_taken_and_dropped_is_offered_again() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, mut consumer, _) = open_after(&settings(dir.path()), &Arc::new(TestKeys::new()));
    producer.put(tag(1), payload(tag(1))).await.unwrap();
    producer.flush().await.unwrap();
    let first = consumer.next().await.unwrap().unwrap();
    let again = consumer.next().await.unwrap().unwrap();
    assert_eq!(first, again);
    consumer.delivered(first).await.unwrap();
    assert!(matches!(
        consumer.delivered(again).await,
        Err(ConsumeError::Unknown)
    ));
}

#[tokio::test]
async fn a_segment_refused_to_its_last_attempt_is_a_dead_letter_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let twice = SpoolSettings {
        attempts: 2,
        ..settings(dir.path())
    };
    let (producer, mut consumer, _) = open_after(&twice, &Arc::new(TestKeys::new()));
    producer.put(tag(1), payload(tag(1))).await.unwrap();
    producer.flush().await.unwrap();
    let segment = consumer.next().await.unwrap().unwrap();
    assert_eq!(
        consumer.failed(segment, "ST-311 key refused").await,
        Fate::Retry
    );
    let segment = consumer.next().await.unwrap().unwrap();
    assert_eq!(
        consumer.failed(segment, "ST-311 key refused").await,
        Fate::DeadLettered
    );
    let reason = dir.path().join("dead").join("1764000000-0000000001.reason");
    assert!(
        std::fs::read_to_string(reason)
            .unwrap()
            .contains("ST-311 key refused")
    );
}
