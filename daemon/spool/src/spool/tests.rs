//! The spool as its users meet it: handles, deadlines, and the real disk.

use super::*;
use crate::consumer::Fate;
use crate::engine::rig::{CONTEXT, TestKeys, payload, tag};
use crate::key_source::KeySourceError;
use crate::medium::simulated::{SimulatedDisk, wide};
use crate::producer::Put;
use crate::refusal::{ConsumeError, PutError};
use cofferdam_seal::{FernetKey, WrappedKey};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

fn settings(dir: &Path) -> SpoolSettings {
    SpoolSettings {
        wait: Duration::from_secs(20),
        segment_age: Duration::from_hours(1),
        ..SpoolSettings::new(dir.to_path_buf(), "in1", CONTEXT)
    }
}

/// On a simulated disk, with a deadline a test can wait for.
fn brief() -> SpoolSettings {
    SpoolSettings {
        wait: Duration::from_millis(700),
        ..settings(Path::new("/spool"))
    }
}

fn noon() -> Clock {
    Arc::new(|| 1_764_000_000_000)
}

/// Opens again and again until the last owner's thread let go of the directory.
fn open_after(settings: &SpoolSettings, keys: &Arc<TestKeys>) -> (Producer, Consumer, Recovery) {
    loop {
        match open(settings.clone(), Arc::<TestKeys>::clone(keys), noon()) {
            Err(OpenError {
                kind: OpenErrorKind::Owned,
                ..
            }) => std::thread::yield_now(),
            other => return other.expect("the spool opens"),
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_handles_dropped_without_close_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(TestKeys::new());
    let (producer, consumer, recovery) = open_after(&settings(dir.path()), &keys);
    assert_eq!((recovery.epoch, recovery.segments), (1_764_000_000, 0));
    for number in 0..5 {
        let put = producer
            .put(tag(number), payload(tag(number)))
            .await
            .unwrap();
        assert!(matches!(put, Put::Stored(at) if at.record == u64::from(number)));
    }
    drop((producer, consumer));
    let (producer, mut consumer, recovery) = open_after(&settings(dir.path()), &keys);
    assert_eq!((recovery.segments, recovery.records), (1, 5));
    let again = producer.put(tag(3), payload(tag(3))).await.unwrap();
    assert!(matches!(again, Put::Duplicate(at) if at.record == 3 && at.epoch == 1_764_000_000));
    let segment = consumer
        .next()
        .await
        .unwrap()
        .expect("the segment of the former epoch");
    assert_eq!((segment.records, segment.closed), (5, false));
    let bytes = std::fs::read(&segment.path).unwrap();
    assert_eq!(wide(bytes.len()), segment.bytes);
    let (records, _) = keys.open(&bytes);
    assert_eq!(records.len(), 5);
    assert!(records.iter().all(|(tag, plain)| *plain == payload(*tag)));
    let path = segment.path.clone();
    consumer.delivered(segment).await.unwrap();
    assert!(!path.exists());
    producer.close().await.unwrap();
    assert!(matches!(consumer.next().await, Err(ConsumeError::Closed)));
}

#[tokio::test]
async fn a_torn_tail_on_a_real_disk_is_cut_at_every_length() {
    let keys = Arc::new(TestKeys::new());
    for garbage in [1, 27, 28, 300, 5000] {
        let dir = tempfile::tempdir().unwrap();
        let (producer, consumer, _) = open_after(&settings(dir.path()), &keys);
        producer.put(tag(1), payload(tag(1))).await.unwrap();
        drop((producer, consumer));
        let (producer, consumer, recovery) = open_after(&settings(dir.path()), &keys);
        assert_eq!(recovery.segments, 1);
        producer.put(tag(2), payload(tag(2))).await.unwrap();
        let open = dir
            .path()
            .join("segments")
            .join("1764000001-0000000001.open");
        let intact = std::fs::metadata(&open).unwrap().len();
        let mut file = std::fs::File::options().append(true).open(&open).unwrap();
        io::Write::write_all(&mut file, &vec![0xa5; garbage]).unwrap();
        drop((producer, consumer));
        let (_producer, _consumer, recovery) = open_after(&settings(dir.path()), &keys);
        let torn = &recovery.torn[0];
        assert_eq!((torn.offset, torn.bytes), (intact, wide(garbage)));
        assert_eq!((recovery.segments, recovery.records), (2, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_producers_share_commits_and_every_record_is_there_once_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(TestKeys::new());
    let small = SpoolSettings {
        segment_records: 50,
        ..settings(dir.path())
    };
    let (producer, mut consumer, _) = open_after(&small, &keys);
    let tasks: Vec<_> = (0..8_u8)
        .map(|task| {
            let producer = producer.clone();
            tokio::spawn(async move {
                let mut places = Vec::new();
                for number in 0..40_u8 {
                    let mut name = tag(task);
                    name[1] = number;
                    match producer.put(name, payload(name)).await.unwrap() {
                        Put::Stored(place) => places.push(place),
                        Put::Duplicate(place) => panic!("{place:?} was never put"),
                    }
                }
                assert!(places.is_sorted());
                places
            })
        })
        .collect();
    let mut places = Vec::new();
    for task in tasks {
        places.extend(task.await.unwrap());
    }
    places.sort();
    places.dedup();
    assert_eq!(places.len(), 320);
    producer.close().await.unwrap();
    let mut received = Vec::new();
    loop {
        match consumer.next().await {
            Ok(Some(segment)) => {
                assert!(segment.closed);
                received.extend(keys.open(&std::fs::read(&segment.path).unwrap()).0);
                consumer.delivered(segment).await.unwrap();
            }
            Ok(None) => panic!("the deadline passed with segments waiting"),
            Err(ConsumeError::Closed) => break,
            Err(error) => panic!("{error}"),
        }
    }
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 320);
}

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

#[test]
fn a_second_owner_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(TestKeys::new());
    let _first = open_after(&settings(dir.path()), &keys);
    let refused = open(settings(dir.path()), keys, noon()).unwrap_err();
    assert_eq!(refused.code(), "SP-003");
}

#[test]
fn a_directory_of_another_producer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(TestKeys::new());
    drop(open_after(&settings(dir.path()), &keys));
    let other = SpoolSettings {
        producer: "in2".to_owned(),
        ..settings(dir.path())
    };
    let refused = loop {
        let refused = open(other.clone(), Arc::<TestKeys>::clone(&keys), noon()).unwrap_err();
        if refused.code() != "SP-003" {
            break refused;
        }
    };
    assert_eq!(refused.code(), "SP-004");
    let told = std::error::Error::source(&refused).unwrap().to_string();
    assert!(
        told.contains("\"in1\"") && told.contains("\"in2\""),
        "{told}"
    );
}

#[test]
fn a_damaged_epoch_file_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    for text in [
        "",
        "cofferdam spool 1\n",
        "cofferdam spool 1\nproducer in1\nepoch +7\n",
    ] {
        std::fs::write(dir.path().join("epoch"), text).unwrap();
        let refused = open(settings(dir.path()), Arc::new(TestKeys::new()), noon()).unwrap_err();
        assert_eq!(refused.code(), "SP-004", "{text:?}");
        assert_eq!(
            std::fs::read_to_string(dir.path().join("epoch")).unwrap(),
            text
        );
    }
}

#[test]
fn a_clock_beyond_ten_digits_of_seconds_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Clock = Arc::new(|| 10_000_000_000_000);
    let refused = open(settings(dir.path()), Arc::new(TestKeys::new()), clock).unwrap_err();
    assert_eq!(refused.code(), "SP-004");
}

type Spoil = fn(&mut SpoolSettings);

#[test]
fn settings_no_spool_can_honour_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let good = settings(dir.path());
    let cases: [(Spoil, &str); 12] = [
        (|s| s.producer = String::new(), "producer"),
        (|s| s.producer = "In1".to_owned(), "producer"),
        (|s| s.producer = "a/b".to_owned(), "producer"),
        (|s| s.producer = "a".repeat(65), "producer"),
        (|s| s.segment_bytes = 0, "segment-bytes"),
        (|s| s.segment_bytes = 2 << 30, "segment-bytes"),
        (|s| s.segment_records = 0, "segment-records"),
        (|s| s.segment_records = 2 << 20, "segment-records"),
        (|s| s.segment_age = Duration::ZERO, "segment-age"),
        (|s| s.wait = Duration::ZERO, "wait"),
        (|s| s.attempts = 0, "attempts"),
        (|s| s.capacity_bytes = 5, "capacity-bytes"),
    ];
    for (spoil, name) in cases {
        let mut broken = good.clone();
        spoil(&mut broken);
        let refused = open(broken, Arc::new(TestKeys::new()), noon()).unwrap_err();
        assert_eq!(refused.code(), "SP-001");
        let told = std::error::Error::source(&refused).unwrap().to_string();
        assert!(told.contains(name), "{told}");
    }
    assert!(!dir.path().join("epoch").exists());
}

#[test]
fn a_file_that_is_not_ours_is_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("segments").join("notes.txt");
    std::fs::create_dir_all(dir.path().join("segments")).unwrap();
    std::fs::write(&foreign, "not ours").unwrap();
    let (_, _, recovery) = open_after(&settings(dir.path()), &Arc::new(TestKeys::new()));
    assert_eq!(recovery.foreign, std::slice::from_ref(&foreign));
    assert!(foreign.exists());
}

#[test]
fn files_of_a_spool_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool");
    let _handles = open_after(&settings(&spool), &Arc::new(TestKeys::new()));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&spool), 0o700);
    for name in ["epoch", "seen", "lock"] {
        assert_eq!(mode(&spool.join(name)), 0o600, "{name}");
    }
}

#[test]
fn handles_show_no_secret_when_they_are_debugged() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, consumer, _) = open_after(&settings(dir.path()), &Arc::new(TestKeys::new()));
    let shown = format!("{producer:?} {consumer:?}");
    assert!(
        shown.contains("capacity_bytes") && !shown.to_lowercase().contains("key"),
        "{shown}"
    );
}
