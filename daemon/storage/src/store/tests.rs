//! The store on a real disk: what is acknowledged is there after a restart, what is not is gone.

use std::sync::atomic::Ordering;

use http::StatusCode;

use super::*;
use crate::catalogue::tests::meta;
use crate::rig::{MemoryKeys, NOW, Rig};
use crate::upload::Upload;

fn bucket() -> BucketName {
    BucketName::parse("files").unwrap()
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

/// A sealed, durable file that no catalogue record names, as a crash in front of the record leaves.
async fn settled(rig: &Rig, plain: &[u8]) -> crate::upload::Written {
    let with = rig.store.key().await.unwrap();
    let mut upload = Upload::begin(rig.store.objects(), &bucket(), &with, &[]).unwrap();
    upload.absorb(plain).unwrap();
    upload.finish().unwrap()
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_restart() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    rig.put("/files/b", vec![7_u8; 700_000]).await;
    rig.put("/files/a", "two").await;
    rig.put("/files/gone", "x").await;
    assert_eq!(
        rig.send("DELETE", "/files/gone", &[], "").await.status,
        StatusCode::NO_CONTENT
    );
    let before = rig.store.view(Clone::clone);
    let rig = rig.restart().await;
    assert_eq!(rig.store.view(Clone::clone), before);
    assert_eq!(rig.opened.objects, 2);
    assert_eq!(rig.opened.swept, Swept::default());
    assert_eq!(rig.files().len(), 2);
    assert_eq!(rig.get("/files/a").await.text(), "two");
    assert_eq!(rig.get("/files/b").await.body, vec![7_u8; 700_000]);
}

#[tokio::test]
async fn a_crash_between_the_rename_and_the_catalogue_leaves_no_object_and_no_file() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    settled(&rig, b"never named").await.file.keep();
    std::fs::write(
        rig.path()
            .join("objects")
            .join(format!("{}.part", "0".repeat(32))),
        "",
    )
    .unwrap();
    assert_eq!(rig.files().len(), 3);
    let rig = rig.restart().await;
    assert_eq!(
        rig.opened.swept,
        Swept {
            parts: 1,
            orphans: 1
        }
    );
    assert_eq!(rig.files().len(), 1);
    assert_eq!(rig.get("/files/a").await.text(), "one");
}

/// Cuts the journal at every length that a crash could leave: each start must find a prefix of the
/// history, and each object that it names must be whole.
#[tokio::test]
async fn a_journal_torn_at_any_byte_opens_to_a_prefix_of_the_history() {
    let rig = Rig::new().await;
    for name in ["a", "b", "c"] {
        rig.put(&format!("/files/{name}"), name.to_owned()).await;
    }
    let (state, keys) = (rig.path(), Arc::clone(&rig.keys));
    rig.store.close().await;
    let journal = std::fs::read(state.join("catalogue")).unwrap();
    let mut seen = BTreeSet::new();
    for length in (cofferdam_seal::HEADER_LEN..=journal.len())
        .rev()
        .step_by(37)
    {
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir(copy.path().join("objects")).unwrap();
        for file in rig.files() {
            let to = copy.path().join("objects").join(file.file_name().unwrap());
            std::fs::copy(&file, to).unwrap();
        }
        std::fs::write(copy.path().join("catalogue"), &journal[..length]).unwrap();
        let keys: Arc<dyn DataKeys> = Arc::<MemoryKeys>::clone(&keys);
        let clock = rig.store.clock().clone();
        let (store, opened) = Store::open(copy.path(), keys, clock).await.unwrap();
        let held: Vec<(String, ObjectMeta)> = store.view(|catalogue| {
            let objects = catalogue
                .buckets()
                .values()
                .flat_map(|bucket| bucket.objects().iter());
            objects
                .map(|(key, meta)| (key.as_str().to_owned(), meta.clone()))
                .collect()
        });
        let names: Vec<&str> = held.iter().map(|(name, _)| name.as_str()).collect();
        assert!(["a", "b", "c"].starts_with(names.as_slice()), "{names:?}");
        assert_eq!(opened.swept.orphans, 3 - opened.objects);
        for (name, meta) in &held {
            let bytes = store
                .read(&bucket(), meta, 0, meta.size)
                .next()
                .await
                .unwrap()
                .unwrap();
            assert_eq!(bytes, name.as_bytes());
        }
        seen.insert(held.len());
        store.close().await;
    }
    assert_eq!(seen, BTreeSet::from([0, 1, 2, 3]));
}

#[tokio::test]
async fn a_refused_commit_removes_its_file_and_a_good_one_removes_what_it_displaced() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    let (old, written) = (rig.files(), settled(&rig, b"two").await);
    let change = |piece: &crate::catalogue::Piece| Change::Put {
        bucket: bucket(),
        key: key("a"),
        meta: Box::new(ObjectMeta {
            pieces: vec![piece.clone()],
            ..meta("2")
        }),
    };
    let refused = rig
        .store
        .commit(
            change(&written.piece),
            Condition::Absent,
            vec![written.file],
        )
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::KeyExists);
    assert_eq!(rig.files(), old);
    let written = settled(&rig, b"two").await;
    let change = change(&written.piece);
    rig.store
        .commit(change, Condition::Present, vec![written.file])
        .await
        .unwrap();
    assert_eq!(rig.files().len(), 1);
    assert_ne!(rig.files(), old);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_writers_of_a_free_key_exactly_one_wins() {
    let rig = Arc::new(Rig::new().await);
    let writers = (0..100).map(|number| {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move {
            let body = format!("writer {number}");
            let answer = rig
                .send("PUT", "/files/one", &[("if-none-match", "*")], body.clone())
                .await;
            (answer.status, body)
        })
    });
    let answers = futures::future::join_all(writers.collect::<Vec<_>>()).await;
    let mut winners = Vec::new();
    for answer in answers {
        match answer.unwrap() {
            (StatusCode::OK, body) => winners.push(body),
            (status, _) => assert_eq!(status, StatusCode::PRECONDITION_FAILED),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(rig.get("/files/one").await.text(), winners[0]);
    assert_eq!(rig.files().len(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_answer_leaves_a_whole_object_or_none() {
    let rig = Rig::new().await;
    for polls in 0..24 {
        let uri = format!("/files/{polls}");
        let mut sending = Box::pin(rig.send("PUT", &uri, &[], vec![1_u8; 300_000]));
        for _ in 0..polls {
            if futures::poll!(sending.as_mut()).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(sending);
    }
    let rig = rig.restart().await;
    let named = rig
        .store
        .view(|catalogue| catalogue.bucket(&bucket()).unwrap().objects().len());
    assert_eq!(rig.files().len(), named);
    for at in rig.store.view(|catalogue| {
        catalogue
            .bucket(&bucket())
            .unwrap()
            .objects()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    }) {
        assert_eq!(
            rig.get(&format!("/files/{}", at.as_str())).await.body.len(),
            300_000
        );
    }
}

#[tokio::test]
async fn a_closed_store_takes_no_change_and_says_so() {
    let rig = Rig::new().await;
    rig.store.close().await;
    rig.store.close().await;
    let answer = rig.send("PUT", "/files/a", &[], "x").await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "ST-405")
    );
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn a_store_whose_catalogue_is_gone_does_not_sweep_its_objects_away() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    rig.store.close().await;
    std::fs::remove_file(rig.path().join("catalogue")).unwrap();
    let keys: Arc<dyn DataKeys> = Arc::<MemoryKeys>::clone(&rig.keys);
    let fault = Store::open(&rig.path(), keys, rig.store.clock().clone())
        .await
        .unwrap_err();
    assert_eq!(fault.code(), Code::CatalogueUnreadable);
    assert!(fault.seen().contains("1 sealed files"), "{fault}");
    assert_eq!(rig.files().len(), 1);
}

#[tokio::test]
async fn a_store_that_gets_no_key_does_not_open() {
    let home = tempfile::tempdir().unwrap();
    let keys = MemoryKeys::new();
    let clock = || Clock::fixed(std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW));
    let open = |keys: &Arc<MemoryKeys>| {
        let keys: Arc<dyn DataKeys> = Arc::<MemoryKeys>::clone(keys);
        Store::open(home.path(), keys, clock())
    };
    keys.shut.store(true, Ordering::SeqCst);
    assert_eq!(open(&keys).await.unwrap_err().code(), Code::NoDataKey);
    keys.shut.store(false, Ordering::SeqCst);
    open(&keys).await.unwrap().0.close().await;
    // Another keeper's keys do not open this catalogue.
    let fault = open(&MemoryKeys::new()).await.unwrap_err();
    assert_eq!(fault.code(), Code::CatalogueUnreadable);
}

#[tokio::test]
async fn nothing_plain_is_on_the_disk() {
    let rig = Rig::new().await;
    let headers = [
        ("x-amz-meta-pupil", "Maria-Lopez-meta"),
        ("content-type", "text/x-lopez"),
    ];
    let answer = rig
        .send(
            "PUT",
            "/files/maria-lopez-key",
            &headers,
            "Maria Lopez content",
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    rig.store.close().await;
    let mut files = rig.files();
    files.push(rig.path().join("catalogue"));
    for file in files {
        let bytes = std::fs::read(&file).unwrap().to_ascii_lowercase();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(!bytes.windows(5).any(|window| window == b"lopez"), "{name}");
        assert!(!bytes.windows(5).any(|window| window == b"maria"), "{name}");
        assert!(!name.contains("maria"));
    }
}
