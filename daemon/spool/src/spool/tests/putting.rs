//! The producer's handle: no room, no key, no answer, no spool any more, and what a put says then.

use super::*;
use crate::key_source::KeySourceError;
use crate::refusal::PutError;
use cofferdam_seal::{FernetKey, WrappedKey};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

#[tokio::test]
async fn at_high_water_a_producer_waits_and_then_gets_a_clear_full() {
    let keys = Arc::new(TestKeys::new());
    let disk = Arc::new(SimulatedDisk::default());
    let tight = SpoolSettings {
        segment_bytes: 2_000,
        capacity_bytes: 2_000,
        ..brief()
    };
    let (producer, _consumer, _) = open_on(disk, tight, keys, noon()).unwrap();
    let mut stored = 0;
    let refused = loop {
        match producer.put(tag(stored), vec![7; 300]).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, PutError::Full), "{refused}");
    assert!((1..6).contains(&stored), "{stored} records in 2,000 bytes");
    // A repeat needs no room.
    let repeat = producer.put(tag(0), vec![7; 300]).await.unwrap();
    assert!(matches!(repeat, Put::Duplicate(_)));
}

#[tokio::test]
async fn a_producer_that_waits_for_room_closes_the_open_segment_and_goes_on_when_it_left() {
    let dir = tempfile::tempdir().unwrap();
    let tight = SpoolSettings {
        segment_bytes: 4_000,
        capacity_bytes: 4_000,
        ..settings(dir.path())
    };
    let (producer, mut consumer, _) = open_after(&tight, &Arc::new(TestKeys::new()));
    let putting = tokio::spawn(async move {
        for number in 0..40 {
            producer.put(tag(number), vec![7; 300]).await.unwrap();
        }
        producer.close().await.unwrap();
    });
    let mut records = 0;
    while let Ok(Some(segment)) = consumer.next().await {
        records += segment.records;
        consumer.delivered(segment).await.unwrap();
    }
    putting.await.unwrap();
    assert_eq!(records, 40);
}

#[tokio::test]
async fn a_payload_above_the_limits_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let small = SpoolSettings {
        segment_bytes: 1_000,
        capacity_bytes: 10_000,
        ..settings(dir.path())
    };
    let (producer, _consumer, _) = open_after(&small, &Arc::new(TestKeys::new()));
    for bytes in [10_000, crate::RECORD_BYTES_MAX + 1] {
        let refused = producer.put(tag(1), vec![0; bytes]).await.unwrap_err();
        assert!(matches!(refused, PutError::TooLarge { .. }));
    }
}

#[tokio::test]
async fn a_closed_spool_refuses_puts_of_every_clone() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, mut consumer, _) = open_after(&settings(dir.path()), &Arc::new(TestKeys::new()));
    let clone = producer.clone();
    producer.put(tag(1), payload(tag(1))).await.unwrap();
    producer.close().await.unwrap();
    let refused = clone.put(tag(2), payload(tag(2))).await.unwrap_err();
    assert!(matches!(refused, PutError::Closed));
    let segment = consumer.next().await.unwrap().expect("what was left");
    assert!(segment.closed);
    consumer.delivered(segment).await.unwrap();
    assert!(matches!(consumer.next().await, Err(ConsumeError::Closed)));
}

/// Gives a key, or none, each time the test says so.
struct SlowKeys {
    inner: TestKeys,
    turn: Mutex<Receiver<bool>>,
}

impl SlowKeys {
    fn new() -> (Arc<Self>, Sender<bool>) {
        let (give, turn) = channel();
        (
            Arc::new(Self {
                inner: TestKeys::new(),
                turn: Mutex::new(turn),
            }),
            give,
        )
    }
}

impl KeySource for SlowKeys {
    fn next(&self) -> Result<(FernetKey, WrappedKey), KeySourceError> {
        match self
            .turn
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv()
        {
            Ok(true) => self.inner.next(),
            Ok(false) | Err(_) => Err(KeySourceError::new("the keeper gives no key")),
        }
    }
}

#[tokio::test]
async fn without_a_key_a_record_is_refused_and_nothing_of_it_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, give) = SlowKeys::new();
    let (producer, _consumer, _) = open(settings(dir.path()), keys, noon()).unwrap();
    give.send(false).unwrap();
    let refused = producer.put(tag(1), payload(tag(1))).await.unwrap_err();
    assert!(matches!(&refused, PutError::NoKey(why) if why.what() == "the keeper gives no key"));
    assert_eq!(
        std::fs::read_dir(dir.path().join("segments"))
            .unwrap()
            .count(),
        0
    );
    give.send(true).unwrap();
    assert!(matches!(
        producer.put(tag(1), payload(tag(1))).await,
        Ok(Put::Stored(_))
    ));
}

#[tokio::test]
async fn while_a_key_is_awaited_the_consumer_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, give) = SlowKeys::new();
    let (producer, mut consumer, _) = open(settings(dir.path()), keys, noon()).unwrap();
    give.send(true).unwrap();
    producer.put(tag(1), payload(tag(1))).await.unwrap();
    producer.flush().await.unwrap();
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.put(tag(2), payload(tag(2))).await }
    });
    let segment = consumer.next().await.unwrap().expect("offered");
    consumer.delivered(segment).await.unwrap();
    assert!(!waiting.is_finished());
    give.send(true).unwrap();
    assert!(matches!(waiting.await.unwrap(), Ok(Put::Stored(_))));
}

#[tokio::test]
async fn a_disk_that_does_not_answer_is_a_timeout_and_the_same_tag_may_be_put_again() {
    let disk = Arc::new(SimulatedDisk::default());
    let (keys, give) = SlowKeys::new();
    let (producer, _consumer, _) = open_on(disk, brief(), keys, noon()).unwrap();
    let refused = producer.put(tag(1), payload(tag(1))).await.unwrap_err();
    assert!(matches!(refused, PutError::Timeout), "{refused}");
    give.send(true).unwrap();
    let stored = producer.put(tag(1), payload(tag(1))).await.unwrap();
    assert!(
        matches!(stored, Put::Duplicate(_)),
        "the first was stored when the key came"
    );
}
