//! Tests of verification as an auditor does it, case of tampering by case.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Fault, Verified, entries, verify_dir};
use crate::merkle::leaf_hash;
use crate::scene::{ORIGIN, Scene, fill};
use crate::{Checkpoint, SignerKey, VerifierKey, note};

/// What the second verifier, in Python, says of a directory: its exit code and its first line.
fn second_verifier(scene: &Scene, arguments: &[&str]) -> Option<(i32, String)> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify_trail.py");
    let run = Command::new("python3")
        .arg(program)
        .arg(scene.dir())
        .args(arguments)
        .output();
    let Ok(output) = run else {
        println!("skipped: there is no python3, so the second verifier was not asked");
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let first = text.lines().next().unwrap_or_default().to_owned();
    assert!(
        !first.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some((output.status.code().unwrap_or(-1), first))
}

/// Whether Python can check signatures here.
fn python_checks_signatures() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let import = "import cryptography.hazmat.primitives.asymmetric.ed25519";
        let run = Command::new("python3").args(["-c", import]).output();
        let can = run.is_ok_and(|output| output.status.success());
        if !can {
            println!("skipped: python3 with `cryptography` is not here; it was not asked");
        }
        can
    })
}

fn check_with(scene: &Scene, key: &VerifierKey, expect: Result<u64, (&str, Option<u64>)>) {
    let found = verify_dir(&scene.dir(), std::slice::from_ref(key));
    let short = found
        .as_ref()
        .map(|it| it.size)
        .map_err(|fault| (fault.code, fault.leaf));
    assert_eq!(short, expect, "{found:?}");
    if let Err(fault) = &found {
        assert!(!fault.fix.is_empty());
        assert_eq!(fault.refusal().code, fault.code);
    }
    if !python_checks_signatures() {
        return;
    }
    let Some((exit, line)) = second_verifier(scene, &["--key", &key.to_string()]) else {
        return;
    };
    match expect {
        Ok(size) => {
            assert_eq!(exit, 0, "{line}");
            assert!(
                line.starts_with(&format!("WHOLE {ORIGIN}: {size} leaves")),
                "{line}"
            );
        }
        Err((code, leaf)) => {
            let leaf = leaf.map(|leaf| format!(" leaf {leaf}")).unwrap_or_default();
            assert!(
                line.starts_with(&format!("REFUSED {code}{leaf}: ")),
                "{line}"
            );
            assert_eq!(exit, 65);
        }
    }
}

/// Both verifiers must say the same of a directory.
fn check(scene: &Scene, expect: Result<u64, (&str, Option<u64>)>) {
    check_with(scene, &scene.verifier(), expect);
}

/// A log of 600 leaves: two full bundles and a partial one of 88.
fn log() -> Scene {
    Scene::with_leaves(600)
}

/// Where leaf `at` begins in a bundle, after its length.
fn offset(bytes: &[u8], at: usize) -> usize {
    let before = crate::tile::Bundle::new(bytes).take(at);
    before.map(|leaf| leaf.unwrap().len() + 2).sum::<usize>() + 2
}

/// Puts a checkpoint in place that this key signs.
fn sign(scene: &Scene, checkpoint: &Checkpoint, key: &SignerKey) {
    let signed = note::sign(&checkpoint.to_string(), &[key]);
    fs::write(scene.path("checkpoint"), signed).unwrap();
}

#[test]
fn an_untouched_log_is_whole_and_its_events_are_counted() {
    let scene = log();
    check(&scene, Ok(600));
    let Verified {
        origin,
        events,
        bytes,
        signed_by,
        ..
    } = scene.verify().unwrap();
    assert_eq!(origin, ORIGIN);
    assert_eq!(events.values().sum::<u64>(), 600);
    let kinds = u64::try_from(crate::Event::ALL.len()).unwrap();
    assert_eq!(events["heartbeat"], 600 / kinds);
    assert!(bytes > 200_000);
    assert_eq!(signed_by, vec![scene.verifier()]);
}

#[test]
fn an_empty_log_and_one_of_each_size_around_a_bundle_are_whole() {
    for size in [0, 1, 2, 255, 256, 257, 512] {
        check(&Scene::with_leaves(size), Ok(size));
    }
}

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
fn the_newest_leaves_cannot_be_left_out() {
    let scene = log();
    let (short, long) = (Scene::with_leaves(599), scene.path("checkpoint"));
    let smaller = short.verify().unwrap();
    // Whoever has no key can only keep the checkpoint or edit it; both are found.
    let text = fs::read_to_string(&long).unwrap();
    fs::write(&long, text.replacen("\n600\n", "\n599\n", 1)).unwrap();
    check(&scene, Err(("TR-204", None)));
    let head = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 599,
        root: smaller.root,
    };
    sign(&scene, &head, &SignerKey::generate(ORIGIN).unwrap());
    check(&scene, Err(("TR-203", None)));
}

#[test]
fn another_key_another_origin_and_an_edited_signature_are_told_apart() {
    let scene = log();
    let other = SignerKey::generate(ORIGIN).unwrap();
    check_with(&scene, &other.verifier_key(), Err(("TR-203", None)));
    let root = scene.verify().unwrap().root;
    let text = fs::read_to_string(scene.path("checkpoint")).unwrap();
    let head = Checkpoint {
        origin: "lab.internal/keeper/kp1".to_owned(),
        size: 600,
        root,
    };
    sign(&scene, &head, &scene.signer());
    check(&scene, Err(("TR-205", None)));
    fs::write(
        scene.path("checkpoint"),
        text.replacen("\n600\n", "\n601\n", 1),
    )
    .unwrap();
    check(&scene, Err(("TR-204", None)));
    fs::write(scene.path("checkpoint"), text.replace('\u{2014}', "-")).unwrap();
    check(&scene, Err(("TR-202", None)));
    fs::write(scene.path("checkpoint"), [0xff, 0xfe]).unwrap();
    check(&scene, Err(("TR-202", None)));
}

#[test]
fn a_signed_text_that_is_no_checkpoint_is_refused() {
    let scene = log();
    for text in ["one\n", "one\n2\n", "one\n02\nAAAA\n", "one\n2\nAAAA\n"] {
        let signed = note::sign(text, &[&scene.signer()]);
        fs::write(scene.path("checkpoint"), signed).unwrap();
        check(&scene, Err(("TR-202", None)));
    }
}

/// A log of one leaf with this text, signed with the right key: only its writer could make it.
fn forged(leaf: &str) -> Scene {
    let scene = Scene::with_leaves(1);
    let root = leaf_hash(leaf.as_bytes());
    scene.rewrite(Path::new("tile/0/000.p/1"), |bytes| {
        bytes.copy_from_slice(&root.0);
    });
    scene.rewrite(Path::new("tile/entries/000.p/1"), |bytes| {
        *bytes = u16::try_from(leaf.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(leaf.as_bytes());
    });
    sign(
        &scene,
        &Checkpoint {
            origin: ORIGIN.to_owned(),
            size: 1,
            root,
        },
        &scene.signer(),
    );
    scene
}

#[test]
fn a_leaf_that_lies_about_its_place_or_its_log_is_refused_even_when_signed() {
    let leaf = |sequence: u64, origin: &str| {
        format!(
            "{{\"metadata\":{{\"sequence\":{sequence},\"log_name\":\"{origin}\"}},\
             \"cofferdam\":{{\"event\":\"heartbeat\"}}}}"
        )
    };
    check(&forged(&leaf(0, ORIGIN)), Ok(1));
    check(&forged(&leaf(1, ORIGIN)), Err(("TR-213", Some(0))));
    check(
        &forged(&leaf(0, "lab.internal/storage/st2")),
        Err(("TR-214", Some(0))),
    );
    check(&forged("not JSON"), Err(("TR-214", Some(0))));
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
fn what_lies_beyond_the_checkpoint_is_not_looked_at() {
    let scene = Scene::with_leaves(40);
    fs::write(scene.path("tile/0/000.p/41"), b"ahead").unwrap();
    fs::write(scene.path("tile/entries/000.p/notes"), b"no number").unwrap();
    fs::write(scene.path("tile/entries/001"), b"ahead").unwrap();
    check(&scene, Ok(40));
}

#[test]
fn a_partial_tile_that_is_gone_is_taken_from_the_full_one() {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..200);
    trail.publish().unwrap();
    let checkpoint = fs::read(scene.path("checkpoint")).unwrap();
    fill(&trail, 200..300);
    trail.close().unwrap();
    fs::write(scene.path("checkpoint"), checkpoint).unwrap();
    check(&scene, Ok(200));
    assert_eq!(entries(&scene.dir()).unwrap().count(), 200);
}

#[test]
fn leaves_are_read_in_order_from_anywhere() {
    let scene = log();
    let all: Vec<_> = entries(&scene.dir()).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), 600);
    for (at, (index, line)) in all.iter().enumerate() {
        assert_eq!(usize::try_from(*index).unwrap(), at);
        assert!(line.contains(&format!("\"sequence\":{at},")));
    }
    for from in [0, 1, 255, 256, 511, 599, 600, 9999] {
        let tail = entries(&scene.dir()).unwrap().skip_to(from).unwrap();
        let indices: Vec<_> = tail.map(|entry| entry.unwrap().0).collect();
        assert_eq!(indices, (from..600).collect::<Vec<_>>());
    }
}

#[test]
fn reading_leaves_stops_at_the_first_that_is_missing() {
    let scene = log();
    fs::remove_file(scene.path("tile/entries/001")).unwrap();
    let read: Vec<_> = entries(&scene.dir()).unwrap().collect();
    assert_eq!(read.len(), 257);
    assert_eq!(read[256].as_ref().unwrap_err().code, "TR-206");
    let none = entries(&scene.path("nowhere")).unwrap_err();
    assert_eq!(none.code, "TR-201");
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

#[test]
fn the_second_verifier_asks_for_a_key_and_says_when_no_signature_was_checked() {
    let scene = Scene::with_leaves(3);
    let Some((exit, line)) = second_verifier(&scene, &["--unsigned"]) else {
        return;
    };
    assert_eq!(exit, 0, "{line}");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify_trail.py");
    let run = |arguments: &[&str], hide: bool| {
        let mut command = Command::new("python3");
        // `-I -S` leaves site-packages out, as on a machine without `cryptography`.
        command.args(if hide { &["-I", "-S"][..] } else { &[] });
        let output = command
            .arg(&program)
            .arg(scene.dir())
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), text)
    };
    assert_eq!(run(&[], false).0, 64);
    assert_eq!(run(&["--key", "nonsense"], false).0, 64);
    let key = scene.verifier().to_string();
    let (exit, text) = run(&["--key", &key], true);
    assert_eq!(exit, 75, "{text}");
    assert!(text.contains("NOT checked"), "{text}");
    let (exit, text) = run(&["--key", &key, "--unsigned"], true);
    assert_eq!(exit, 0, "{text}");
    assert!(text.contains("NOT checked"), "{text}");
}

#[test]
fn a_fault_reads_as_a_sentence_with_its_leaf() {
    let fault = Fault::new("TR-208", "x holds a changed leaf".to_owned()).at(7);
    assert_eq!(fault.to_string(), "x holds a changed leaf (leaf 7)");
    assert!(fault.fix.contains("edited"));
}
