//! Leaves, bundles and tiles that were changed, cut, swapped or taken away, each named at its
//! place.

use std::path::PathBuf;

use super::*;

#[test]
fn a_changed_leaf_is_named_at_its_place() {
    for (bundle, inside, leaf) in [
        ("000", 0, 0),
        ("000", 17, 17),
        ("000", 255, 255),
        ("001", 3, 259),
        ("002.p/88", 87, 599),
    ] {
        let scene = log();
        let name = PathBuf::from(format!("tile/entries/{bundle}"));
        scene.rewrite(&name, |bytes| {
            let at = offset(bytes, inside) + 30;
            bytes[at] ^= 1;
        });
        check(&scene, Err(("TR-208", Some(leaf))));
    }
}

#[test]
fn a_leaf_taken_out_is_named_at_its_place() {
    let scene = log();
    scene.rewrite(Path::new("tile/entries/001"), |bytes| {
        let (from, to) = (offset(bytes, 10) - 2, offset(bytes, 11) - 2);
        bytes.drain(from..to);
    });
    check(&scene, Err(("TR-208", Some(266))));
}

#[test]
fn two_swapped_leaves_are_named_at_the_first() {
    let scene = log();
    scene.rewrite(Path::new("tile/entries/000"), |bytes| {
        let (one, two, three) = (
            offset(bytes, 40) - 2,
            offset(bytes, 41) - 2,
            offset(bytes, 42) - 2,
        );
        bytes[one..three].rotate_left(two - one);
    });
    check(&scene, Err(("TR-208", Some(40))));
}

#[test]
fn a_truncated_bundle_is_named_where_it_ends() {
    for (inside, leaf) in [(0, 256), (1, 257), (255, 511)] {
        let scene = log();
        scene.rewrite(Path::new("tile/entries/001"), |bytes| {
            let end = offset(bytes, inside) + 5;
            bytes.truncate(end);
        });
        check(&scene, Err(("TR-207", Some(leaf))));
    }
    let scene = log();
    scene.rewrite(Path::new("tile/entries/001"), Vec::clear);
    check(&scene, Err(("TR-207", Some(256))));
}

#[test]
fn a_lengthened_bundle_is_named_where_it_should_end() {
    for junk in [&b"\0"[..], b"\0\0", b"\0\x05extra", b"junk"] {
        let scene = log();
        scene.rewrite(Path::new("tile/entries/000"), |bytes| {
            bytes.extend_from_slice(junk);
        });
        check(&scene, Err(("TR-207", Some(256))));
    }
}

#[test]
fn missing_bundles_and_tiles_are_named() {
    for (name, code, leaf) in [
        ("tile/entries/000", "TR-206", Some(0)),
        ("tile/entries/002.p/88", "TR-206", Some(512)),
        ("tile/0/001", "TR-209", Some(256)),
        ("tile/0/002.p/88", "TR-209", None),
        ("tile/1/000.p/2", "TR-209", None),
        ("checkpoint", "TR-201", None),
    ] {
        let scene = log();
        fs::remove_file(scene.path(name)).unwrap();
        check(&scene, Err((code, leaf)));
    }
}

#[test]
fn a_changed_tile_is_named_and_not_its_leaves() {
    for (name, leaf) in [
        ("tile/0/000", 0),
        ("tile/0/001", 256),
        ("tile/0/002.p/88", 512),
        ("tile/1/000.p/2", 0),
    ] {
        let scene = log();
        scene.rewrite(Path::new(name), |bytes| bytes[33] ^= 0x80);
        check(&scene, Err(("TR-211", Some(leaf))));
        let what = scene.verify().unwrap_err().what;
        assert!(what.contains(name), "{what}");
    }
}

#[test]
fn a_tile_of_the_wrong_length_is_named() {
    for (name, leaf) in [("tile/0/001", Some(256)), ("tile/0/002.p/88", None)] {
        let scene = log();
        scene.rewrite(Path::new(name), |bytes| bytes.truncate(2000));
        check(&scene, Err(("TR-210", leaf)));
        let scene = log();
        scene.rewrite(Path::new(name), |bytes| bytes.push(0));
        check(&scene, Err(("TR-210", leaf)));
    }
}

#[test]
fn a_leaf_changed_in_bundle_and_tile_alike_is_found_by_the_tile_above() {
    let scene = log();
    let mut changed = None;
    scene.rewrite(Path::new("tile/entries/000"), |bytes| {
        let at = offset(bytes, 9) + 30;
        bytes[at] ^= 1;
        changed = crate::tile::Bundle::new(bytes)
            .nth(9)
            .map(|leaf| leaf_hash(leaf.unwrap()));
    });
    scene.rewrite(Path::new("tile/0/000"), |bytes| {
        bytes[9 * 32..10 * 32].copy_from_slice(&changed.unwrap().0);
    });
    check(&scene, Err(("TR-211", Some(0))));
}

#[test]
fn the_newest_leaf_changed_in_bundle_and_tile_alike_is_found_by_the_root() {
    let scene = log();
    let mut changed = None;
    scene.rewrite(Path::new("tile/entries/002.p/88"), |bytes| {
        let at = offset(bytes, 87) + 30;
        bytes[at] ^= 1;
        changed = crate::tile::Bundle::new(bytes)
            .nth(87)
            .map(|leaf| leaf_hash(leaf.unwrap()));
    });
    scene.rewrite(Path::new("tile/0/002.p/88"), |bytes| {
        bytes[87 * 32..].copy_from_slice(&changed.unwrap().0);
    });
    check(&scene, Err(("TR-212", None)));
}

#[test]
fn an_older_partial_file_that_was_changed_is_named() {
    for kind in ["0", "entries"] {
        let scene = Scene::new();
        let (trail, _) = scene.open();
        fill(&trail, 0..40);
        trail.publish().unwrap();
        fill(&trail, 40..60);
        trail.close().unwrap();
        check(&scene, Ok(60));
        let name = format!("tile/{kind}/000.p/40");
        scene.rewrite(Path::new(&name), |bytes| bytes[100] ^= 1);
        check(&scene, Err(("TR-215", Some(0))));
        scene.rewrite(Path::new(&name), |bytes| {
            bytes[100] ^= 1;
            bytes.truncate(64);
        });
        check(&scene, Err(("TR-215", Some(0))));
    }
}

#[test]
fn an_unreadable_file_is_told_from_a_missing_one() {
    let scene = log();
    fs::remove_file(scene.path("tile/0/001")).unwrap();
    fs::create_dir(scene.path("tile/0/001")).unwrap();
    check(&scene, Err(("TR-216", Some(256))));
}

#[test]
fn every_byte_of_the_checkpoint_and_of_each_tile_counts() {
    let scene = Scene::with_leaves(300);
    for path in scene.published() {
        let name = path.strip_prefix(scene.dir()).unwrap().to_owned();
        let length = fs::metadata(&path).unwrap().len();
        let step = if name.starts_with("tile/entries") {
            101
        } else {
            7
        };
        for at in (0..usize::try_from(length).unwrap()).step_by(step) {
            scene.rewrite(&name, |bytes| bytes[at] ^= 0x20);
            assert!(scene.verify().is_err(), "{} byte {at}", name.display());
            scene.rewrite(&name, |bytes| bytes[at] ^= 0x20);
        }
    }
    assert!(scene.verify().is_ok());
}
