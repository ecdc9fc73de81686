//! Which manifest may follow which: no rollback, and no second one of the same epoch.

use super::*;

#[test]
fn a_manifest_follows_an_older_one_and_itself() {
    let (dir, operator) = (rack(), key("op1"));
    sign(&dir, 5, &[&operator]).unwrap();
    let manifest = load(&dir, &operators(&[&operator], 1)).unwrap();
    assert_eq!(manifest.follows(epoch(4), &[0; 32]), Ok(()));
    assert_eq!(manifest.follows(epoch(5), &manifest.digest), Ok(()));
}

#[test]
fn a_rollback_and_a_second_manifest_of_one_epoch_have_codes_of_their_own() {
    let (dir, operator) = (rack(), key("op1"));
    sign(&dir, 5, &[&operator]).unwrap();
    let manifest = load(&dir, &operators(&[&operator], 1)).unwrap();
    let code = |refused: Result<(), Refusal>| refused.unwrap_err().code;
    assert_eq!(
        code(manifest.follows(epoch(6), &[0; 32])),
        Code::EpochLower.as_str()
    );
    assert_eq!(
        code(manifest.follows(epoch(6), &manifest.digest)),
        Code::EpochLower.as_str()
    );
    assert_eq!(
        code(manifest.follows(epoch(5), &[0; 32])),
        Code::EpochReused.as_str()
    );
}
