//! Tests of signed notes and key files.

use super::{NoteError, SignerKey, VerifierKey, check_text, sign, verify};

const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn spec_key() -> VerifierKey {
    SPEC_KEY.parse().unwrap()
}

#[test]
fn the_example_of_the_specification_verifies() {
    let verified = verify(SPEC_NOTE, &[spec_key()]).unwrap();
    assert_eq!(verified.text, "This is an example message.\n");
    assert_eq!(verified.by, vec![spec_key()]);
    assert_eq!(spec_key().to_string(), SPEC_KEY);
}

#[test]
fn every_changed_byte_of_a_note_is_refused() {
    for at in 0..SPEC_NOTE.len() {
        let mut bytes = SPEC_NOTE.as_bytes().to_vec();
        bytes[at] ^= 1;
        // The last digit before the padding has unused bits; strict base64 refuses them too.
        if let Ok(text) = String::from_utf8(bytes) {
            assert!(verify(&text, &[spec_key()]).is_err(), "byte {at}");
        }
    }
}

#[test]
fn what_we_sign_verifies_and_a_key_comes_back_from_its_text() {
    let key = SignerKey::generate("lab.internal/storage/st1").unwrap();
    let again = SignerKey::from_text(&key.to_text()).unwrap();
    let other = SignerKey::generate("lab.internal/keeper/kp1").unwrap();
    let note = sign("one\n\ntwo\n", &[&again, &other]);
    let keys = [key.verifier_key(), other.verifier_key()];
    assert_eq!(verify(&note, &keys).unwrap().by.len(), 2);
    assert_eq!(verify(&note, &keys).unwrap().text, "one\n\ntwo\n");
    assert_eq!(verify(&note, &keys[..1]).unwrap().by, keys[..1]);
    assert_eq!(verify(&note, &[]), Err(NoteError::Unsigned));
}

#[test]
fn a_false_signature_of_a_known_key_condemns_the_note() {
    let key = SignerKey::generate("a").unwrap();
    let note = sign("one\n", &[&key]).replace("one", "two");
    let error = verify(&note, &[key.verifier_key()]).unwrap_err();
    assert_eq!(error, NoteError::FalseSignature(key.verifier_key().short()));
    assert_eq!(error.code(), "TR-008");
}

#[test]
fn the_same_trusted_key_twice_is_ambiguous_only_where_it_is_used() {
    let (key, other) = (
        SignerKey::generate("a").unwrap(),
        SignerKey::generate("b").unwrap(),
    );
    let note = sign("one\n", &[&key]);
    let (a, b) = (key.verifier_key(), other.verifier_key());
    assert!(matches!(
        verify(&note, &[a.clone(), a.clone()]),
        Err(NoteError::Ambiguous(_))
    ));
    assert!(verify(&note, &[b.clone(), a, b]).is_ok());
}

#[test]
fn a_note_without_the_form_is_refused() {
    let good = sign("one\n", &[&SignerKey::generate("a").unwrap()]);
    let broken = [
        String::new(),
        "one\n".to_owned(),
        "one\n\n".to_owned(),
        good.trim_end().to_owned(),
        good.replace('\u{2014}', "-"),
        good.replace("\n\n", "\n"),
        good.replace("one", "o\tne"),
        good.replace("one", "o\r\nne"),
        format!("{good}\n"),
        good.replace(" a ", " a+b "),
        good.replace(" a ", " a  "),
        good.replace(" a ", "  "),
    ];
    for note in broken {
        let error = verify(&note, &[]).unwrap_err();
        assert!(
            matches!(error, NoteError::Malformed(_)),
            "{note:?} gives {error}"
        );
        assert_eq!(error.code(), "TR-006");
    }
}

#[test]
fn a_text_that_cannot_be_signed_is_known_before() {
    assert!(check_text("one\n").is_ok());
    for text in ["", "one", "o\0ne\n", "a\rb\n"] {
        assert!(check_text(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_hundred_signatures_are_read_and_one_more_is_refused() {
    let keys: Vec<_> = (0..101)
        .map(|n| SignerKey::generate(&format!("k{n}")).unwrap())
        .collect();
    let signers: Vec<_> = keys.iter().collect();
    let trusted = [keys[0].verifier_key()];
    assert!(verify(&sign("one\n", &signers[..100]), &trusted).is_ok());
    assert!(verify(&sign("one\n", &signers), &trusted).is_err());
}

#[test]
fn a_signer_key_does_not_show_itself() {
    let key = SignerKey::generate("a").unwrap();
    let text = key.to_text();
    // Base64 may hold a plus too: the secret is all that follows the fourth.
    let secret = text.splitn(5, '+').last().unwrap();
    assert!(!format!("{key:?}").contains(secret));
}

#[test]
fn every_cut_or_changed_verifier_key_is_refused() {
    for end in 0..SPEC_KEY.len() {
        let (head, tail) = (
            SPEC_KEY.get(..end).unwrap(),
            SPEC_KEY.get(end + 1..).unwrap(),
        );
        assert!(head.parse::<VerifierKey>().is_err());
        assert!(tail.parse::<VerifierKey>().is_err());
        let mut bytes = SPEC_KEY.as_bytes().to_vec();
        bytes[end] += 1;
        if let Ok(text) = String::from_utf8(bytes) {
            assert!(text.parse::<VerifierKey>().is_err(), "byte {end}");
        }
    }
}
