//! Tests that the picture of a signed rack shows the files that were signed.

use std::fs;
use std::path::Path;

use cofferdam_trail::SignerKey;

use super::*;
use crate::{Epoch, Manifest, Operators};

const LAB: [(&str, &str); 3] = [
    (
        POLICY_FILE,
        include_str!("../../../../cofferctl/lab/hwprofile.toml"),
    ),
    (
        elevation::FILE,
        include_str!("../../../../cofferctl/lab/elevation.toml"),
    ),
    (
        flows::FILE,
        include_str!("../../../../cofferctl/lab/flows.toml"),
    ),
];

/// The lab's three files, signed as epoch 3.
fn signed(dir: &Path) -> Operators {
    for (name, text) in LAB {
        let filled = ["kp1", "st1", "in1", "an1", "app"].iter().zip(1_u8..).fold(
            text.to_owned(),
            |text, (party, number)| {
                let pin = cofferdam_hwprofile::KeyPin([number; 32]).to_string();
                text.replace(&format!("{{{{key:{party}}}}}"), &pin)
            },
        );
        fs::write(dir.join(name), filled).unwrap();
    }
    let key = SignerKey::generate("op1").unwrap();
    let domain = "lab.internal".parse().unwrap();
    Manifest::sign(dir, &domain, Epoch::new(3).unwrap(), &[&key]).unwrap();
    Operators {
        keys: vec![key.verifier_key()],
        threshold: 1,
    }
}

#[test]
fn the_plan_and_the_epoch_come_from_one_reading_of_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let operators = signed(dir.path());
    let (policy, survey, epoch) = Manifest::survey_signed(dir.path(), &operators).unwrap();
    assert_eq!((policy.site(), epoch), ("lab", Epoch::new(3).unwrap()));
    assert_eq!(survey.drawable().places().count(), 4);
}

#[test]
fn a_plan_that_was_changed_is_never_drawn_as_signed_and_not_even_parsed() {
    let dir = tempfile::tempdir().unwrap();
    let operators = signed(dir.path());
    fs::write(dir.path().join(elevation::FILE), "version = 9").unwrap();
    let faults = Manifest::survey_signed(dir.path(), &operators).unwrap_err();
    let codes: Vec<_> = faults
        .refusals()
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(codes, ["RK-203"]);
    let faults = Manifest::survey(dir.path()).unwrap_err();
    assert_ne!(
        faults.refusals()[0].code,
        "RK-203",
        "unsigned, it is parsed"
    );
}
