//! Tests of the handle: appending, publishing, closing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc;
use std::time::Duration;

use proptest::prelude::*;

use crate::scene::{ORIGIN, Scene, entry, fill, quiet};
use crate::verify::{Archive, entries};
use crate::{AppendErrorKind, Entry, Event, Hash, Phase, SignerKey, Status, Trail, merkle};

#[test]
fn a_new_log_is_empty_signed_and_whole_before_the_first_leaf() {
    let scene = Scene::new();
    let (trail, recovery) = scene.open();
    assert!(recovery.created);
    let verified = scene.verify().unwrap();
    assert_eq!((verified.size, verified.root), (0, merkle::empty_root()));
    assert_eq!(trail.close().unwrap().size, 0);
}

#[test]
fn a_receipt_names_the_place_and_the_hash_of_the_durable_leaf() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    for at in 0..3 {
        let receipt = trail.append(entry(at)).unwrap();
        assert_eq!((receipt.index, receipt.origin.as_str()), (at, ORIGIN));
        // Durable before it is acknowledged: the leaf lies in the wal of a copy made now.
        let (copy, recovery) = scene.copy().open();
        assert_eq!(recovery.size, at + 1);
        drop(copy);
        trail.publish().unwrap();
        let (_, line) = entries(&scene.dir()).unwrap().last().unwrap().unwrap();
        assert_eq!(merkle::leaf_hash(line.as_bytes()), receipt.leaf_hash);
    }
}

#[test]
fn a_checkpoint_is_published_on_request_and_at_close() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..10);
    assert_eq!(scene.verify().unwrap().size, 0);
    assert_eq!(trail.publish().unwrap().size, 10);
    assert_eq!(scene.verify().unwrap().size, 10);
    assert_eq!(trail.publish().unwrap().size, 10);
    fill(&trail, 10..12);
    assert_eq!(trail.close().unwrap().size, 12);
    assert_eq!(scene.verify().unwrap().size, 12);
}

#[test]
fn a_checkpoint_is_published_by_itself_while_there_are_new_leaves() {
    let scene = Scene::new();
    let mut settings = quiet();
    settings.publish_every = Duration::ZERO;
    let (trail, _) = scene.open_with(settings).unwrap();
    fill(&trail, 0..5);
    // Bounded by the work of reading; the publisher needs a few milliseconds.
    let published = (0..1_000_000).any(|_| scene.verify().is_ok_and(|it| it.size == 5));
    assert!(published);
}

#[test]
fn the_log_is_closed_when_the_last_handle_is_gone() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    let other = trail.clone();
    drop(trail);
    fill(&other, 0..3);
    drop(other);
    assert_eq!(scene.verify().unwrap().size, 3);
    assert_eq!(scene.open().1.size, 3);
}

#[test]
fn a_closed_log_refuses_every_handle_and_says_so_to_who_waits() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    let other = trail.clone();
    trail.close().unwrap();
    let error = other.append(entry(0)).unwrap_err();
    assert_eq!(error.kind, AppendErrorKind::Closed);
    assert_eq!(error.code(), "TR-305");
    assert_eq!(other.publish().unwrap_err().code(), "TR-305");
    let (sender, receiver) = mpsc::channel();
    other.submit(entry(0), move |result| sender.send(result).unwrap());
    assert_eq!(receiver.recv().unwrap().unwrap_err().code(), "TR-305");
}

#[test]
fn a_leaf_that_cannot_be_is_refused_and_the_log_goes_on() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    let bad = Entry::new(Event::RecordRead, Phase::Intent, Status::Granted).with("event", 1);
    assert_eq!(trail.append(bad.clone()).unwrap_err().code(), "TR-302");
    let (sender, receiver) = mpsc::channel();
    trail.submit(bad, move |result| sender.send(result).unwrap());
    assert_eq!(receiver.recv().unwrap().unwrap_err().code(), "TR-302");
    assert_eq!(trail.append(entry(0)).unwrap().index, 0);
}

#[test]
fn an_entry_without_a_time_gets_that_of_the_logs_clock() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    trail
        .append(Entry::new(Event::Heartbeat, Phase::Single, Status::Success))
        .unwrap();
    trail.publish().unwrap();
    let (_, line) = entries(&scene.dir()).unwrap().next().unwrap().unwrap();
    assert!(line.contains("\"time\":1795464169123,"), "{line}");
}

#[test]
fn a_full_queue_refuses_at_once_and_everybody_is_answered() {
    let scene = Scene::new();
    let mut settings = quiet();
    settings.queue_limit = 1;
    let (trail, _) = scene.open_with(settings).unwrap();
    let (gate, blocked) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    // The writer's thread waits in the first answer until the gate opens.
    let (entered, inside) = mpsc::channel();
    trail.submit(entry(0), move |_| {
        entered.send(()).unwrap();
        blocked.recv().unwrap();
    });
    inside.recv().unwrap();
    for at in 1..50 {
        let sender = sender.clone();
        trail.submit(entry(at), move |result| sender.send(result).unwrap());
    }
    gate.send(()).unwrap();
    let results: Vec<_> = (1..50).map(|_| receiver.recv().unwrap()).collect();
    let full = AppendErrorKind::Full { limit: 1 };
    let refused = |it: &&Result<_, crate::AppendError>| it.as_ref().is_err_and(|e| e.kind == full);
    assert!(results.iter().filter(refused).count() >= 47);
    assert!(results.iter().filter(|it| !refused(it)).all(Result::is_ok));
    assert_eq!(trail.health(), Ok(()));
}

#[test]
fn many_threads_get_each_their_own_place() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    let mut places: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u64)
            .map(|thread| {
                let trail = trail.clone();
                let places = move |at| trail.append(entry(thread * 100 + at)).unwrap().index;
                scope.spawn(move || (0..20).map(places).collect::<Vec<_>>())
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    places.sort_unstable();
    assert_eq!(places, (0..160).collect::<Vec<_>>());
    trail.close().unwrap();
    assert_eq!(scene.verify().unwrap().size, 160);
}

#[test]
fn the_last_handle_may_be_dropped_by_an_answer() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    let (sender, receiver) = mpsc::channel();
    let last = trail.clone();
    trail.submit(entry(0), move |result| {
        drop(last);
        sender.send(result).unwrap();
    });
    drop(trail);
    assert_eq!(receiver.recv().unwrap().unwrap().index, 0);
}

#[test]
fn published_files_are_read_only_and_partial_ones_go_when_the_full_one_is_there() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..100);
    trail.publish().unwrap();
    fill(&trail, 100..250);
    trail.publish().unwrap();
    assert!(scene.path("tile/0/000.p/100").exists());
    assert!(scene.path("tile/entries/000.p/250").exists());
    assert!(!scene.path("tile/0/000").exists());
    fill(&trail, 250..300);
    trail.publish().unwrap();
    for name in [
        "tile/0/000",
        "tile/entries/000",
        "tile/1/000.p/1",
        "tile/0/001.p/44",
    ] {
        let mode = fs::metadata(scene.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o444, "{name}");
    }
    assert!(!scene.path("tile/0/000.p").exists());
    assert!(!scene.path("tile/entries/000.p").exists());
    assert_eq!(scene.verify().unwrap().size, 300);
}

#[test]
fn a_long_wal_is_begun_anew_and_nothing_is_lost() {
    let scene = Scene::new();
    let mut settings = quiet();
    settings.wal_limit_bytes = 10_000;
    let (trail, _) = scene.open_with(settings).unwrap();
    for round in 0..6 {
        fill(&trail, round * 150..(round + 1) * 150);
        trail.publish().unwrap();
        fill(&trail, 0..0);
    }
    trail.append(entry(900)).unwrap();
    trail.append(entry(901)).unwrap();
    let length = fs::metadata(scene.path("wal")).unwrap().len();
    assert!(length < 300_000, "{length}");
    let copy = scene.copy();
    let (again, recovery) = copy.open();
    assert_eq!((recovery.size, recovery.unpublished), (902, 2));
    assert!(recovery.replayed < 902);
    assert_eq!(again.append(entry(902)).unwrap().index, 902);
    drop(again);
    assert_eq!(copy.verify().unwrap().size, 903);
}

#[test]
fn the_key_must_be_named_for_the_zone_and_node() {
    let scene = Scene::new();
    for name in [
        "storage/st1",
        "/storage/st1",
        "lab.internal/storage/st2",
        "a/b/storage/st1",
        "x",
    ] {
        let key = SignerKey::generate(name).unwrap();
        let error = Trail::open(&scene.dir(), key, quiet(), || 0)
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.code(), "TR-113", "{name}");
    }
}

#[test]
fn two_writers_of_one_log_are_refused() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    assert_eq!(scene.refusal(), "TR-102");
    drop(trail);
    assert!(scene.try_open().is_ok());
}

#[test]
fn a_handle_shows_its_origin_and_nothing_secret() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    assert_eq!(
        format!("{trail:?}"),
        format!("Trail {{ origin: {ORIGIN:?}, .. }}")
    );
    assert_eq!(trail.verifier_key(), scene.verifier());
}

/// Checks that every leaf has a proof in the last checkpoint, and each earlier head is its beginning.
fn check_proofs(scene: &Scene, heads: &[(u64, Hash)], hashes: &[Hash]) {
    let (size, root) = *heads.last().unwrap();
    let archive = Archive::new(&scene.dir());
    for (index, hash) in (0..).zip(hashes) {
        let proof = archive.inclusion(index, size).unwrap();
        assert_eq!(
            merkle::verify_inclusion(hash, index, size, &proof, &root),
            Ok(())
        );
    }
    for (old, old_root) in heads {
        let proof = archive.consistency(*old, size).unwrap();
        let checked = merkle::verify_consistency((*old, old_root), (size, &root), &proof);
        assert_eq!(checked, Ok(()));
    }
    assert_eq!(archive.inclusion(size, size).unwrap_err().code, "TR-401");
    assert_eq!(
        archive.consistency(size + 1, size).unwrap_err().code,
        "TR-401"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_published_verifies_all_its_proofs_hold_and_no_changed_byte_passes(
        steps in proptest::collection::vec((1..=150_u64, any::<bool>()), 1..=4),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_u8), 24),
    ) {
        let scene = Scene::new();
        let (mut trail, _) = scene.open();
        let (mut heads, mut hashes, mut size) = (Vec::new(), Vec::new(), 0);
        for (count, reopen) in steps {
            let receipts = fill(&trail, size..size + count);
            hashes.extend(receipts.iter().map(|receipt| receipt.leaf_hash));
            size += count;
            let head = trail.publish().unwrap();
            heads.push((head.size, head.root));
            if reopen {
                drop(trail);
                let (again, recovery) = scene.open();
                prop_assert_eq!(recovery.size, size);
                prop_assert_eq!(recovery.torn, None);
                trail = again;
            }
        }
        drop(trail);
        let verified = scene.verify().unwrap();
        prop_assert_eq!((verified.size, verified.root), *heads.last().unwrap());
        prop_assert_eq!(verified.events.values().sum::<u64>(), size);
        prop_assert_eq!(verified.root, merkle::root(&hashes));
        check_proofs(&scene, &heads, &hashes);
        let files = scene.published();
        for (file, byte, bit) in places {
            let path = file.get(&files);
            let name = path.strip_prefix(scene.dir()).unwrap();
            let length = usize::try_from(fs::metadata(path).unwrap().len()).unwrap();
            let at = byte.index(length);
            scene.rewrite(name, |bytes| bytes[at] ^= 1 << bit);
            prop_assert!(scene.verify().is_err(), "{} byte {at} bit {bit}", name.display());
            scene.rewrite(name, |bytes| bytes[at] ^= 1 << bit);
        }
        prop_assert!(scene.verify().is_ok());
    }
}
