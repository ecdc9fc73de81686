//! Verification as an auditor does it: both verifiers asked about one directory, which must say the
//! same.

mod checkpoints;
mod reading;
mod tampering;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::{entries, verify_dir};
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
        writeln!(
            std::io::stderr(),
            "skipped: there is no python3, so the second verifier was not asked"
        )
        .expect("standard error");
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
            writeln!(
                std::io::stderr(),
                "skipped: python3 with `cryptography` is not here; it was not asked"
            )
            .expect("standard error");
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
