//! Tests of the manifest as a whole: the lab's rack in a directory of its own, its operators and
//! keys.

mod following;
mod loading;
mod manual;
mod parties;
mod signatures;
mod signing;

use std::fs;

use tempfile::TempDir;

use super::*;

const LAB: [(&str, &str); 3] = [
    (
        POLICY_FILE,
        include_str!("../../../cofferctl/lab/hwprofile.toml"),
    ),
    (
        elevation::FILE,
        include_str!("../../../cofferctl/lab/elevation.toml"),
    ),
    (
        flows::FILE,
        include_str!("../../../cofferctl/lab/flows.toml"),
    ),
];

/// The pin of a party of the lab: any digest, another for each.
fn pin(party: u8) -> KeyPin {
    KeyPin([party; 32])
}

/// A directory with the lab's three files, their placeholders filled.
fn rack() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in LAB {
        let parties = ["kp1", "st1", "in1", "an1", "app"];
        let filled = parties
            .iter()
            .zip(1..)
            .fold(text.to_owned(), |text, (party, number)| {
                text.replace(&format!("{{{{key:{party}}}}}"), &pin(number).to_string())
            });
        assert!(!filled.contains("\"{{key"), "{name}");
        fs::write(dir.path().join(name), filled).unwrap();
    }
    dir
}

fn key(name: &str) -> SignerKey {
    SignerKey::generate(name).unwrap()
}

fn operators(keys: &[&SignerKey], threshold: u32) -> Operators {
    Operators {
        keys: keys.iter().map(|key| key.verifier_key()).collect(),
        threshold,
    }
}

fn domain() -> RackDomain {
    "lab.internal".parse().unwrap()
}

fn epoch(number: u64) -> Epoch {
    Epoch::new(number).unwrap()
}

fn sign(dir: &TempDir, number: u64, keys: &[&SignerKey]) -> Result<Signed, Faults> {
    Manifest::sign(dir.path(), &domain(), epoch(number), keys)
}

fn note(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join(NOTE_FILE)).unwrap()
}

/// Expects exactly these codes. Gives all that was said.
fn check<T: std::fmt::Debug>(result: Result<T, Faults>, expect: &[Code]) -> String {
    let faults = result.unwrap_err();
    let codes: Vec<&str> = faults
        .refusals()
        .iter()
        .map(|fault| fault.code.as_str())
        .collect();
    let expect: Vec<&str> = expect.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, expect, "{faults}");
    faults.to_string()
}

fn load(dir: &TempDir, operators: &Operators) -> Result<Manifest, Faults> {
    Manifest::load(dir.path(), operators)
}

/// Changes one file of the rack.
fn edit(dir: &TempDir, name: &str, change: impl Fn(String) -> String) {
    let path = dir.path().join(name);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}
