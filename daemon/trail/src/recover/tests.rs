//! Tests of opening a log: what is believed, cut or refused.

use std::fs;
use std::path::Path;

use crate::scene::{Scene, entry, fill};
use crate::verify::entries;
use crate::{SignerKey, Torn, Trail, scene};

fn lines(scene: &Scene) -> Vec<String> {
    entries(&scene.dir())
        .unwrap()
        .map(|entry| entry.unwrap().1)
        .collect()
}

/// A log with 300 published leaves and three more that only the wal has, abandoned as by a crash.
fn abandoned() -> Scene {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..300);
    trail.publish().unwrap();
    trail.append(entry(300)).unwrap();
    trail.append(entry(301)).unwrap();
    trail.append(entry(302)).unwrap();
    scene.copy()
}

#[test]
fn after_a_crash_every_acknowledged_leaf_is_there_and_published() {
    let scene = abandoned();
    assert_eq!(scene.verify().unwrap().size, 300);
    let (trail, recovery) = scene.open();
    assert_eq!(
        (recovery.size, recovery.unpublished, recovery.torn),
        (303, 3, None)
    );
    assert!(!recovery.created);
    assert_eq!(scene.verify().unwrap().size, 303);
    assert_eq!(trail.append(entry(303)).unwrap().index, 303);
}

#[test]
fn a_last_frame_cut_at_any_byte_is_cut_off_reported_and_the_log_goes_on() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..2);
    trail.publish().unwrap();
    trail.append(entry(2)).unwrap();
    let before_last = fs::read(scene.path("wal")).unwrap().len();
    trail.append(entry(3)).unwrap();
    let crashed = scene.copy();
    let wal = fs::read(crashed.path("wal")).unwrap();
    for end in before_last..wal.len() {
        fs::write(crashed.path("wal"), &wal[..end]).unwrap();
        let bytes = u64::try_from(end - before_last).unwrap();
        let offset = u64::try_from(before_last).unwrap();
        let torn = (bytes > 0).then_some(Torn { offset, bytes });
        let (trail, recovery) = crashed.open();
        assert_eq!((recovery.size, recovery.torn), (3, torn), "cut at {end}");
        if end % 50 == 0 {
            let copy = crashed.copy();
            let (again, recovery) = copy.open();
            assert_eq!((recovery.size, recovery.torn), (3, None));
            assert_eq!(again.append(entry(3)).unwrap().index, 3);
            drop(again);
            assert_eq!(copy.verify().unwrap().size, 4);
        }
        drop(trail);
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_wal_is_refused() {
    let scene = abandoned();
    let wal = fs::read(scene.path("wal")).unwrap();
    for at in (0..wal.len()).step_by(97).chain(wal.len() - 400..wal.len()) {
        let mut changed = wal.clone();
        changed[at] ^= 0x04;
        fs::write(scene.path("wal"), &changed).unwrap();
        let code = scene.refusal();
        assert!(
            ["TR-104", "TR-105"].contains(&code),
            "byte {at} gives {code}"
        );
    }
    fs::write(scene.path("wal"), &wal).unwrap();
    assert_eq!(scene.open().1.size, 303);
}

#[test]
fn a_wal_cut_below_what_was_signed_is_refused() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    trail.append(entry(0)).unwrap();
    let one_leaf = fs::read(scene.path("wal")).unwrap();
    trail.append(entry(1)).unwrap();
    trail.publish().unwrap();
    let copy = scene.copy();
    fs::write(copy.path("wal"), one_leaf).unwrap();
    assert_eq!(copy.refusal(), "TR-109");
}

#[test]
fn an_older_checkpoint_put_back_is_refused_once_the_wal_has_moved_on() {
    let scene = Scene::with_leaves(100);
    let old = fs::read(scene.path("checkpoint")).unwrap();
    let (trail, _) = scene.open();
    fill(&trail, 100..600);
    trail.close().unwrap();
    drop(scene.open());
    fs::write(scene.path("checkpoint"), old).unwrap();
    assert_eq!(scene.refusal(), "TR-111");
}

#[test]
fn a_log_that_was_written_anew_is_refused() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..10);
    trail.close().unwrap();
    let signed = fs::read(scene.path("checkpoint")).unwrap();
    fs::remove_dir_all(scene.dir()).unwrap();
    let (trail, _) = scene.open();
    fill(&trail, 1..11);
    trail.close().unwrap();
    fs::write(scene.path("checkpoint"), signed).unwrap();
    assert_eq!(scene.refusal(), "TR-110");
}

#[test]
fn a_missing_wal_or_checkpoint_is_refused() {
    let scene = Scene::with_leaves(3);
    let copy = scene.copy();
    fs::remove_file(copy.path("wal")).unwrap();
    assert_eq!(copy.refusal(), "TR-103");
    fs::remove_file(copy.path("checkpoint")).unwrap();
    assert_eq!(copy.refusal(), "TR-103");
    fs::remove_file(scene.path("checkpoint")).unwrap();
    assert_eq!(scene.refusal(), "TR-107");
}

#[test]
fn a_crash_while_the_log_was_made_leaves_nothing_in_the_way() {
    let scene = Scene::with_leaves(0);
    fs::remove_file(scene.path("checkpoint")).unwrap();
    fs::write(scene.path("checkpoint.new"), b"half").unwrap();
    fs::write(scene.path("wal.new"), b"half").unwrap();
    let (trail, recovery) = scene.open();
    assert!(recovery.created);
    trail.append(entry(0)).unwrap();
    drop(trail);
    assert_eq!(scene.verify().unwrap().size, 1);
}

#[test]
fn a_checkpoint_by_another_key_or_with_an_edit_is_refused() {
    let scene = Scene::with_leaves(3);
    let text = fs::read_to_string(scene.path("checkpoint")).unwrap();
    fs::write(scene.path("checkpoint"), text.replacen("\n3\n", "\n2\n", 1)).unwrap();
    assert_eq!(scene.refusal(), "TR-108");
    fs::write(scene.path("checkpoint"), "nonsense").unwrap();
    assert_eq!(scene.refusal(), "TR-108");
    fs::write(scene.path("checkpoint"), text).unwrap();
    let stranger = SignerKey::generate(scene::ORIGIN).unwrap();
    let opened = Trail::open(&scene.dir(), stranger, scene::quiet(), || 0);
    assert_eq!(opened.map(|_| ()).unwrap_err().code(), "TR-108");
}

#[test]
fn the_directory_of_another_log_is_refused() {
    let scene = Scene::with_leaves(3);
    let key = SignerKey::generate("other.internal/storage/st1").unwrap();
    let opened = Trail::open(&scene.dir(), key, scene::quiet(), || 0);
    assert_eq!(opened.map(|_| ()).unwrap_err().code(), "TR-115");
}

#[test]
fn the_wal_of_another_log_is_refused() {
    let scene = Scene::with_leaves(3);
    let key = SignerKey::generate("other.internal/storage/st1").unwrap();
    let other = tempfile::tempdir().unwrap();
    drop(Trail::open(other.path(), key, scene::quiet(), || 0).unwrap());
    fs::copy(other.path().join("wal"), scene.path("wal")).unwrap();
    assert_eq!(scene.refusal(), "TR-106");
}

#[test]
fn a_published_file_that_is_missing_or_different_is_refused() {
    for name in ["tile/0/000.p/3", "tile/entries/000.p/3"] {
        let scene = Scene::with_leaves(3);
        fs::remove_file(scene.path(name)).unwrap();
        assert_eq!(scene.refusal(), "TR-112", "{name}");
        let scene = Scene::with_leaves(3);
        scene.rewrite(Path::new(name), |bytes| bytes[5] ^= 1);
        assert_eq!(scene.refusal(), "TR-114", "{name}");
    }
    let scene = Scene::with_leaves(600);
    fs::remove_file(scene.path("tile/0/000")).unwrap();
    assert_eq!(scene.refusal(), "TR-112");
    let scene = Scene::with_leaves(600);
    drop(scene.open());
    scene.rewrite(Path::new("tile/0/001"), |bytes| bytes[5] ^= 1);
    assert_eq!(scene.refusal(), "TR-110");
}

#[test]
fn a_crash_between_tiles_and_checkpoint_is_mended() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..200);
    trail.publish().unwrap();
    let checkpoint = fs::read(scene.path("checkpoint")).unwrap();
    fill(&trail, 200..300);
    trail.publish().unwrap();
    let copy = scene.copy();
    // The tiles of 300 leaves are there, the checkpoint is still that of 200, as is its partial.
    fs::write(copy.path("checkpoint"), checkpoint).unwrap();
    for kind in ["0", "entries"] {
        let folder = copy.path(&format!("tile/{kind}/000.p"));
        fs::create_dir(&folder).unwrap();
        let full = fs::read(copy.path(&format!("tile/{kind}/000"))).unwrap();
        let length = if kind == "0" {
            200 * 32
        } else {
            bundle_length(&full, 200)
        };
        fs::write(folder.join("200"), &full[..length]).unwrap();
    }
    assert_eq!(copy.verify().unwrap().size, 200);
    let (trail, recovery) = copy.open();
    assert_eq!((recovery.size, recovery.unpublished), (300, 100));
    drop(trail);
    assert_eq!(copy.verify().unwrap().size, 300);
    assert!(!copy.path("tile/0/000.p").exists());
}

fn bundle_length(bytes: &[u8], leaves: usize) -> usize {
    crate::tile::Bundle::new(bytes)
        .take(leaves)
        .map(|leaf| leaf.unwrap().len() + 2)
        .sum()
}

#[test]
fn a_log_of_several_levels_is_opened_again_from_its_tiles() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    for round in 0..7 {
        fill(&trail, round * 10_000..(round + 1) * 10_000);
    }
    let head = trail.close().unwrap();
    assert_eq!(head.size, 70_000);
    let (trail, recovery) = scene.open();
    assert_eq!(recovery.size, 70_000);
    drop(trail);
    let (trail, recovery) = scene.open();
    assert_eq!(recovery.replayed, 70_000 % 256);
    assert_eq!(trail.publish().unwrap().root, head.root);
    fill(&trail, 70_000..70_100);
    drop(trail);
    let verified = scene.verify().unwrap();
    assert_eq!(verified.size, 70_100);
    assert_eq!(lines(&scene).len(), 70_100);
}

#[test]
fn a_directory_that_cannot_be_made_says_which() {
    let scene = Scene::new();
    fs::write(scene.dir(), b"a file").unwrap();
    let error = scene.try_open().map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "TR-101");
    assert!(error.to_string().contains("trail"), "{error}");
    let refusal = error.refusal();
    assert_eq!(refusal.code, "TR-101");
    assert!(!refusal.fix.is_empty());
}
