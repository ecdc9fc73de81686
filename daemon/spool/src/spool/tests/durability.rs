//! Real disks: what was acknowledged is there after every end, once and in order.

use super::*;
use crate::medium::simulated::wide;

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
