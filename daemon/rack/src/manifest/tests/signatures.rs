//! Whose signatures make a manifest: how many, each operator once, strangers and tampering apart.

use cofferdam_trail::VerifierKey;

use super::*;

#[test]
fn enough_operators_are_enough_and_one_fewer_is_not() {
    let (dir, keys) = (rack(), [key("op1"), key("op2"), key("op3")]);
    let three = [&keys[0], &keys[1], &keys[2]];
    sign(&dir, 1, &[three[0]]).unwrap();
    let said = check(
        load(&dir, &operators(&three, 2)),
        &[Code::SignaturesMissing],
    );
    assert!(
        said.contains("signed by 1 of 3 operators, 2 are needed"),
        "{said}"
    );
    assert!(
        said.contains("not signed by op2+") && said.contains("not signed by op3+"),
        "{said}"
    );
    let signed = sign(&dir, 1, &[three[2]]).unwrap();
    assert_eq!(signed.signers.len(), 2);
    let manifest = load(&dir, &operators(&three, 2)).unwrap();
    assert_eq!(manifest.signed_by.len(), 2);
    check(
        load(&dir, &operators(&three, 3)),
        &[Code::SignaturesMissing],
    );
}

#[test]
fn one_operator_who_signs_twice_is_one_operator() {
    let (dir, first, second) = (rack(), key("op1"), key("op2"));
    sign(&dir, 1, &[&first]).unwrap();
    sign(&dir, 1, &[&first]).unwrap();
    assert_eq!(note(&dir).matches("op1 ").count(), 1);
    // By hand, too: the same line twice.
    let line = note(&dir).lines().last().unwrap().to_owned();
    edit(&dir, NOTE_FILE, |text| format!("{text}{line}\n"));
    check(
        load(&dir, &operators(&[&first, &second], 2)),
        &[Code::SignaturesMissing],
    );
}

#[test]
fn an_unknown_operator_counts_for_nothing_and_is_named() {
    let (dir, known, stranger) = (rack(), key("op1"), key("eve"));
    sign(&dir, 1, &[&stranger]).unwrap();
    let said = check(
        load(&dir, &operators(&[&known], 1)),
        &[Code::OperatorUnknown],
    );
    assert!(said.contains("eve+"), "{said}");
    sign(&dir, 1, &[&known]).unwrap();
    let manifest = load(&dir, &operators(&[&known], 1)).unwrap();
    assert_eq!(manifest.signed_by, ["op1"]);
}

#[test]
fn another_key_under_an_operators_name_is_a_stranger() {
    let (dir, known, impostor) = (rack(), key("op1"), key("op1"));
    sign(&dir, 1, &[&impostor]).unwrap();
    let said = check(
        load(&dir, &operators(&[&known], 1)),
        &[Code::OperatorUnknown],
    );
    assert!(said.contains(&impostor.verifier_key().short()), "{said}");
}

#[test]
fn a_note_whose_text_was_changed_is_tampering() {
    let (dir, operator) = (rack(), key("op1"));
    sign(&dir, 1, &[&operator]).unwrap();
    edit(&dir, NOTE_FILE, |text| text.replace("epoch 1", "epoch 2"));
    let said = check(
        load(&dir, &operators(&[&operator], 1)),
        &[Code::SignatureFalse],
    );
    assert!(said.contains("op1"), "{said}");
}

#[test]
fn what_is_no_note_or_a_note_of_something_else_is_refused() {
    let (dir, operator) = (rack(), key("op1"));
    for bad in ["", "manifest", "a\n\nb\n", "a\n\n\u{2014} op1 AAAA"] {
        fs::write(dir.path().join(NOTE_FILE), bad).unwrap();
        check(
            load(&dir, &operators(&[&operator], 1)),
            &[Code::NoteMalformed],
        );
    }
    let other = cofferdam_trail::note::sign("lab.internal/keeper\n1\nAAAA\n", &[&operator]);
    fs::write(dir.path().join(NOTE_FILE), other).unwrap();
    check(
        load(&dir, &operators(&[&operator], 1)),
        &[Code::NoteMalformed],
    );
}

#[test]
fn operators_who_cannot_decide_are_refused() {
    let (dir, operator) = (rack(), key("op1"));
    sign(&dir, 1, &[&operator]).unwrap();
    check(
        load(&dir, &operators(&[&operator], 0)),
        &[Code::OperatorsUnfit],
    );
    check(
        load(&dir, &operators(&[&operator], 2)),
        &[Code::OperatorsUnfit],
    );
    check(load(&dir, &operators(&[], 1)), &[Code::OperatorsUnfit]);
    check(
        load(&dir, &operators(&[&operator, &operator], 2)),
        &[Code::OperatorsUnfit],
    );
}

#[test]
fn one_key_under_two_names_is_one_operator() {
    let operator = key("op1");
    // The hash belongs to the name, so the second name's key is made as any tool would make it.
    let renamed = renamed(&operator.verifier_key(), "op2");
    let both = Operators {
        keys: vec![operator.verifier_key(), renamed],
        threshold: 2,
    };
    let dir = rack();
    sign(&dir, 1, &[&operator]).unwrap();
    check(load(&dir, &both), &[Code::OperatorsUnfit]);
}

/// The same public key under another name: `<name>+<first four bytes of SHA-256(name, newline,
/// key)>+<key>`.
fn renamed(key: &VerifierKey, name: &str) -> VerifierKey {
    use base64::Engine as _;
    let text = key.to_string();
    let material = text.splitn(3, '+').nth(2).unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(material)
        .unwrap();
    let hash = statement::sha256(&[name.as_bytes(), b"\n", &bytes].concat());
    let hash = u32::from_be_bytes(*hash.first_chunk().unwrap());
    format!("{name}+{hash:08x}+{material}").parse().unwrap()
}
