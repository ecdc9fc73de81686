//! Signing a rack: what is not signed, the epoch that only rises, and the one file that is written.

use super::*;

#[test]
fn a_rack_with_a_fault_is_not_signed() {
    let (dir, operator) = (rack(), key("op1"));
    edit(&dir, flows::FILE, |text| {
        text.replace("\"lease\"", "\"laese\"")
    });
    assert!(sign(&dir, 1, &[&operator]).is_err());
    assert!(!dir.path().join(NOTE_FILE).exists());
}

#[test]
fn no_key_signs_nothing() {
    let dir = rack();
    check(sign(&dir, 1, &[]), &[Code::SignaturesMissing]);
    assert!(!dir.path().join(NOTE_FILE).exists());
}

#[test]
fn the_epoch_only_rises_and_the_former_note_stands() {
    let (dir, operator) = (rack(), key("op1"));
    sign(&dir, 5, &[&operator]).unwrap();
    let before = note(&dir);
    check(sign(&dir, 4, &[&operator]), &[Code::EpochLower]);
    edit(&dir, flows::FILE, |text| format!("{text}# changed\n"));
    check(sign(&dir, 5, &[&operator]), &[Code::EpochReused]);
    assert_eq!(note(&dir), before);
    sign(&dir, 6, &[&operator]).unwrap();
    assert_eq!(
        load(&dir, &operators(&[&operator], 1)).unwrap().epoch,
        epoch(6)
    );
}

#[test]
fn a_new_epoch_keeps_no_signature_of_the_former() {
    let (dir, first, second) = (rack(), key("op1"), key("op2"));
    sign(&dir, 1, &[&first, &second]).unwrap();
    let signed = sign(&dir, 2, &[&first]).unwrap();
    assert_eq!(signed.signers, [first.verifier_key().short()]);
    check(
        load(&dir, &operators(&[&first, &second], 2)),
        &[Code::SignaturesMissing],
    );
}

#[test]
fn a_file_that_is_no_note_is_not_overwritten() {
    let (dir, operator) = (rack(), key("op1"));
    fs::write(dir.path().join(NOTE_FILE), "my shopping list\n").unwrap();
    check(sign(&dir, 1, &[&operator]), &[Code::NoteMalformed]);
    assert_eq!(note(&dir), "my shopping list\n");
}

#[test]
fn nothing_but_the_note_is_left_behind() {
    let (dir, operator) = (rack(), key("op1"));
    sign(&dir, 1, &[&operator]).unwrap();
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["elevation.toml", "flows.toml", "hwprofile.toml", "manifest"]
    );
}

#[test]
fn a_note_that_cannot_be_written_is_told() {
    let (dir, operator) = (rack(), key("op1"));
    // A directory in the place of the draft stops every user, the superuser too.
    fs::create_dir(dir.path().join(".manifest.new")).unwrap();
    check(sign(&dir, 1, &[&operator]), &[Code::NoteUnwritten]);
    assert!(!dir.path().join(NOTE_FILE).exists());
}
