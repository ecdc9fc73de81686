//! Checkpoints: who signed what, leaves left out, lies under the right key, and signatures nobody
//! checked.

use super::*;

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
