//! Vectors that others published. They are run where `COFFERDAM_SHARED` names the folder that
//! holds them, and counted as skipped elsewhere.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::merkle::{
    empty_root, leaf_hash, node_hash, prove_consistency, prove_inclusion, root, verify_consistency,
    verify_inclusion,
};
use crate::note::{self, NoteError};
use crate::tile::{Bundle, FULL_WIDTH, Tile, partial};
use crate::{Checkpoint, Hash, SignerKey, VerifierKey};

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("COFFERDAM_SHARED").filter(|folder| !folder.is_empty());
    let Some(shared) = shared else {
        writeln!(
            std::io::stderr(),
            "skipped: COFFERDAM_SHARED is not set, so published vectors were not run"
        )
        .expect("standard error");
        return None;
    };
    Some(Path::new(&shared).join("audit-vectors"))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let text = text(value);
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap(), 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn hash(value: &Value) -> Hash {
    Hash::from_slice(&hex(value)).unwrap()
}

#[test]
fn notes_are_signed_and_opened_as_the_go_library_does() {
    let Some(folder) = folder() else { return };
    let vectors = json(&folder.join("golang-mod/note_vectors.json"));
    for vkey in list(&vectors["vkey_good"]) {
        let key: VerifierKey = text(vkey).parse().unwrap();
        assert_eq!(key.to_string(), text(vkey));
    }
    for vkey in list(&vectors["vkey_bad"]) {
        assert!(text(vkey).parse::<VerifierKey>().is_err(), "{vkey}");
    }
    let signer = SignerKey::from_text(text(&vectors["skey"])).unwrap();
    assert_eq!(signer.to_text().as_str(), text(&vectors["skey"]));
    let written = note::sign(text(&vectors["sign"]["text"]), &[&signer]);
    assert_eq!(written, text(&vectors["sign"]["signed_note"]));
    for case in list(&vectors["open"]) {
        let name = text(&case["name"]);
        let bytes = STANDARD.decode(text(&case["msg_b64"])).unwrap();
        let keys: Vec<VerifierKey> = list(&case["vkeys"])
            .iter()
            .map(|key| text(key).parse().unwrap())
            .collect();
        // A note that is not even text is refused before it is read.
        let opened = String::from_utf8(bytes).map(|note| note::verify(&note, &keys));
        let Ok(opened) = opened else {
            assert_eq!(case["ok"], false, "{name}");
            continue;
        };
        let expect = match case["error"].as_str() {
            None => "",
            Some(error) => error.split(' ').next().unwrap(),
        };
        match (opened, expect) {
            (Ok(verified), "") => assert_eq!(case["verified"], verified.by.len(), "{name}"),
            (Err(NoteError::Malformed(_)), "malformed")
            | (Err(NoteError::Unsigned), "note")
            | (Err(NoteError::Ambiguous(_)), "ambiguous")
            | (Err(NoteError::FalseSignature(_)), "invalid") => {}
            (other, expect) => panic!("{name}: {other:?} in place of {expect}"),
        }
    }
}

#[test]
fn record_hashes_and_tile_paths_are_those_of_the_go_library() {
    let Some(folder) = folder() else { return };
    let vectors = json(&folder.join("golang-mod/tlog_vectors.json"));
    for case in list(&vectors["record_hash"]) {
        let found = leaf_hash(text(&case["data"]).as_bytes());
        assert_eq!(found.to_base64(), text(&case["hash_b64"]));
    }
    // That library names the height in its paths, ours is fixed; the index is written alike.
    for path in list(&vectors["tile_paths_seed"]).iter().map(text) {
        let Some((_, index)) = path.split_once("/x") else {
            continue;
        };
        if index.starts_with("123") {
            let width = if path.ends_with(".p/2") {
                2
            } else {
                FULL_WIDTH
            };
            let tile = Tile {
                level: 5,
                index: 123_456_078,
                width,
            };
            assert!(path.ends_with(tile.path().to_str().unwrap().split_once("/x").unwrap().1));
        }
    }
}

#[test]
fn roots_and_proofs_are_those_of_the_first_transparency_log() {
    let Some(folder) = folder() else { return };
    let vectors = json(&folder.join("google-certificate-transparency/rfc6962_known_answers.json"));
    assert_eq!(empty_root(), hash(&vectors["empty_root"]));
    for case in list(&vectors["leaf_hash"]) {
        assert_eq!(leaf_hash(&hex(&case["input_hex"])), hash(&case["hash"]));
    }
    for case in list(&vectors["node_hash"]) {
        let found = node_hash(&hash(&case["left"]), &hash(&case["right"]));
        assert_eq!(found, hash(&case["hash"]));
    }
    let leaves: Vec<Hash> = list(&vectors["leaf_inputs_hex"])
        .iter()
        .map(|input| leaf_hash(&hex(input)))
        .collect();
    let roots: Vec<Hash> = list(&vectors["roots_by_size_1_to_8"])
        .iter()
        .map(hash)
        .collect();
    for (size, expect) in (1..).zip(&roots) {
        assert_eq!(root(&leaves[..size]), *expect);
    }
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    for case in list(&vectors["inclusion"]) {
        let (leaf, size) = (number(&case["leaf_1based"]), number(&case["tree_size"]));
        let Some(at) = leaf.checked_sub(1) else {
            continue;
        };
        let expect: Vec<Hash> = list(&case["path"]).iter().map(hash).collect();
        let (index, tree) = (u64::try_from(at).unwrap(), u64::try_from(size).unwrap());
        let proof = prove_inclusion(&mut leaves.as_slice(), index, tree)
            .unwrap()
            .unwrap();
        assert_eq!(proof, expect);
        let checked = verify_inclusion(&leaves[at], index, tree, &proof, &roots[size - 1]);
        assert_eq!(checked, Ok(()));
    }
    for case in list(&vectors["consistency"]) {
        let (old, new) = (number(&case["size1"]), number(&case["size2"]));
        let expect: Vec<Hash> = list(&case["proof"]).iter().map(hash).collect();
        let sizes = (u64::try_from(old).unwrap(), u64::try_from(new).unwrap());
        let proof = prove_consistency(&mut leaves.as_slice(), sizes.0, sizes.1)
            .unwrap()
            .unwrap();
        assert_eq!(proof, expect);
        let (old, new) = ((sizes.0, &roots[old - 1]), (sizes.1, &roots[new - 1]));
        assert_eq!(verify_consistency(old, new, &proof), Ok(()));
    }
}

/// A hash that may have the wrong length, as the negative cases do.
fn loose(value: &Value) -> Option<Hash> {
    Hash::from_slice(&STANDARD.decode(value.as_str()?).ok()?)
}

fn proof(value: &Value) -> Option<Vec<Hash>> {
    value.as_array().map_or(Some(Vec::new()), |hashes| {
        hashes.iter().map(loose).collect()
    })
}

/// Whether our verifier accepts a case; one with a hash of the wrong length never gets to it.
fn accepts(case: &Value) -> bool {
    let decide = || {
        let proof = proof(&case["proof"])?;
        if case.get("leafIdx").is_some() {
            let (leaf, head) = (loose(&case["leafHash"])?, loose(&case["root"])?);
            let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
            return Some(verify_inclusion(&leaf, index, size, &proof, &head).is_ok());
        }
        let (old, new) = (loose(&case["root1"])?, loose(&case["root2"])?);
        let sizes = (case["size1"].as_u64()?, case["size2"].as_u64()?);
        Some(verify_consistency((sizes.0, &old), (sizes.1, &new), &proof).is_ok())
    };
    decide().unwrap_or(false)
}

#[test]
fn every_published_case_of_a_right_or_wrong_proof_is_judged_as_published() {
    let Some(folder) = folder() else { return };
    let base = folder.join("transparency-dev-merkle/testdata");
    let mut folders = vec![base.join("inclusion"), base.join("consistency")];
    let (mut cases, mut size_zero) = (0, 0);
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let case = json(&path);
            let agrees = accepts(&case) != case["wantErr"].as_bool().unwrap();
            // The one rule on which the witness specification and that library differ.
            let from_nothing = case["size1"].as_u64() == Some(0);
            assert!(agrees || from_nothing, "{}", path.display());
            size_zero += usize::from(!agrees);
            cases += 1;
        }
    }
    assert!(cases > 90, "{cases}");
    assert!(size_zero <= 3, "{size_zero}");
}

#[test]
fn a_log_that_another_program_wrote_verifies_at_each_of_its_sizes() {
    let Some(folder) = folder() else { return };
    let log = folder.join("transparency-dev-tessera/testdata/log");
    let key = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
    let keys = [key.parse::<VerifierKey>().unwrap()];
    for size in 0..=15_u64 {
        let signed = fs::read_to_string(log.join(format!("checkpoint.{size}"))).unwrap();
        let verified = note::verify(&signed, &keys).unwrap();
        let checkpoint = Checkpoint::parse(&verified.text).unwrap();
        assert_eq!(
            (checkpoint.size, checkpoint.to_string()),
            (size, verified.text)
        );
        let Some(tile) = partial(0, size) else {
            assert_eq!(checkpoint.root, empty_root());
            continue;
        };
        let hashes = fs::read(log.join(tile.path())).unwrap();
        let hashes: Vec<_> = hashes
            .chunks(32)
            .map(|it| Hash::from_slice(it).unwrap())
            .collect();
        assert_eq!(root(&hashes), checkpoint.root);
        let bundle = fs::read(log.join(tile.bundle_path())).unwrap();
        let leaves: Vec<_> = Bundle::new(&bundle)
            .map(|leaf| leaf_hash(leaf.unwrap()))
            .collect();
        assert_eq!(leaves, hashes);
    }
}
