//! Whole conversations with a TPM made of tables.

use super::rig::{
    ENDORSES, FakeTpm, MANUFACTURER, NV_BUFFER_MAX, READABLE, certificate, done, ecc, refused, rsa,
};
use crate::fact::Fact;
use crate::tpm::key::name;
use crate::tpm::{AnswerError, Endorsement, TpmError, ask};

const RSA_PLACE: u32 = 0x01c0_0002;
const ECC_PLACE: u32 = 0x01c0_000a;
const HIGH_PLACE: u32 = 0x01c0_0016;
const PERMANENT: u32 = 0x8101_0001;

const GET_CAPABILITY: u32 = 0x17a;
const NV_READ: u32 = 0x14e;
const NV_READ_PUBLIC: u32 = 0x169;
const READ_PUBLIC: u32 = 0x173;

fn told(tpm: &mut FakeTpm) -> Endorsement {
    ask(tpm).unwrap()
}

/// Where each key was read, with its name.
fn keys(told: &Endorsement) -> Vec<(String, String)> {
    let keys = told.keys.value().unwrap_or_else(|| panic!("{told:?}"));
    keys.iter()
        .map(|key| (key.origin.clone(), key.key.reveal().to_owned()))
        .collect()
}

fn unsupported(told: &Endorsement) -> &str {
    match &told.keys {
        Fact::Unsupported(why) => why,
        other @ (Fact::Value(_) | Fact::Absent | Fact::Placeholder(_) | Fact::Unreadable(_)) => {
            panic!("{other:?}")
        }
    }
}

fn named(bits: &[u8]) -> String {
    name(bits).unwrap().reveal().to_owned()
}

#[test]
fn every_certificate_names_its_key_in_the_order_of_the_places() {
    let mut tpm = FakeTpm::new()
        .certified(HIGH_PLACE, 3)
        .certified(RSA_PLACE, 1)
        .certified(ECC_PLACE, 2);
    // A nonce and a template lie beside the certificates.
    tpm.indexes.insert(0x01c0_0003, (READABLE, vec![0; 16]));
    let told = told(&mut tpm);
    let expected = [(RSA_PLACE, 1), (ECC_PLACE, 2), (HIGH_PLACE, 3)]
        .map(|(place, byte)| (format!("certificate {place:#010x}"), named(&[byte; 65])));
    assert_eq!(keys(&told), expected);
    assert_eq!(told.manufacturer, Fact::Value("STM".to_owned()));
}

#[test]
fn without_a_certificate_a_permanent_key_has_the_name_that_a_certificate_would_give_it() {
    let area = ecc(ENDORSES, 3, (&[7; 32], &[9; 32]));
    let point = [&[4][..], &[7; 32], &[9; 32]].concat();
    let mut tpm = FakeTpm::new();
    tpm.keys.insert(PERMANENT, area);
    let permanent = told(&mut tpm);
    let expected = ("key 0x81010001".to_owned(), named(&point));
    assert_eq!(keys(&permanent), std::slice::from_ref(&expected));
    tpm.indexes
        .insert(ECC_PLACE, (READABLE, certificate(&point)));
    let certified = told(&mut tpm);
    assert_eq!(keys(&certified)[0].1, expected.1);
}

#[test]
fn permanent_keys_are_not_asked_for_where_a_certificate_is() {
    let mut tpm = FakeTpm::new().certified(RSA_PLACE, 1);
    tpm.keys.insert(PERMANENT, rsa(ENDORSES, &[0xc1; 256], 0));
    assert_eq!(keys(&told(&mut tpm)).len(), 1);
}

#[test]
fn a_tpm_without_certificate_and_permanent_key_has_none() {
    let mut tpm = FakeTpm::new();
    // The storage key of the owner is no endorsement key.
    tpm.keys.insert(0x8100_0001, rsa(ENDORSES, &[0xc1; 256], 0));
    let told = told(&mut tpm);
    assert_eq!(told.keys, Fact::Absent);
    assert!(told.manufacturer.value().is_some());
}

#[test]
fn one_key_with_two_certificates_is_one_key() {
    let mut tpm = FakeTpm::new()
        .certified(RSA_PLACE, 1)
        .certified(0x01c0_0012, 1);
    assert_eq!(keys(&told(&mut tpm)).len(), 1);
}

#[test]
fn a_certificate_is_read_in_pieces_and_no_further_than_it_goes() {
    let mut content = certificate(&[0x21; 270]);
    let length = content.len();
    content.resize(2000, 0xff);
    for (most, reads) in [
        (Some(1024), 1),
        (Some(u32::MAX), 1),
        (Some(512), length.div_ceil(512)),
        (Some(100), length.div_ceil(100)),
        (Some(0), length.div_ceil(512)),
        (None, length.div_ceil(512)),
    ] {
        let mut tpm = FakeTpm::new();
        tpm.properties.remove(&NV_BUFFER_MAX);
        if let Some(most) = most {
            tpm.properties.insert(NV_BUFFER_MAX, most);
        }
        tpm.indexes.insert(RSA_PLACE, (READABLE, content.clone()));
        assert_eq!(keys(&told(&mut tpm))[0].1, named(&[0x21; 270]));
        assert_eq!(tpm.reads(), reads, "{most:?}");
    }
}

#[test]
fn an_index_is_read_only_where_a_wrong_password_is_not_counted() {
    let (owner, own, uncounted, written) = (1 << 17, 1 << 18, 1 << 25, 1 << 29);
    let by_owner = Some([0x40, 0, 0, 1]);
    let by_itself = Some([1, 0xc0, 0, 2]);
    for (attributes, authority) in [
        (written | own | uncounted, by_itself),
        (written | owner | own | uncounted, by_itself),
        (written | owner | own, by_owner),
        (written | owner, by_owner),
        (written | own, None),
        (written | uncounted, None),
        (owner | own | uncounted, None),
    ] {
        let mut tpm = FakeTpm::new();
        let content = certificate(&[1; 65]);
        tpm.indexes.insert(RSA_PLACE, (attributes, content));
        let told = told(&mut tpm);
        let read = tpm.asked.iter().find(|command| command[9] == 0x4e);
        let shown = read.map(|command| <[u8; 4]>::try_from(&command[10..14]).unwrap());
        assert_eq!(shown, authority, "{attributes:#x}");
        assert_eq!(told.keys.value().is_some(), authority.is_some());
    }
}

#[test]
fn a_place_that_gives_no_key_is_told_with_its_reason() {
    for (content, reason) in [
        (vec![0xff; 1200], "no certificate"),
        (vec![], "no certificate"),
        (vec![0x30, 0x82, 4, 0, 1, 2, 3, 4], "no certificate"),
        (vec![0; 4097], "longer than"),
    ] {
        let mut tpm = FakeTpm::new();
        tpm.indexes.insert(RSA_PLACE, (READABLE, content));
        let told = told(&mut tpm);
        let why = unsupported(&told);
        assert!(
            why.starts_with("certificate 0x01c00002") && why.contains(reason),
            "{why}"
        );
    }
}

#[test]
fn a_place_that_cannot_be_used_does_not_hide_the_next() {
    let mut tpm = FakeTpm::new().certified(ECC_PLACE, 2);
    tpm.indexes.insert(RSA_PLACE, (READABLE, vec![0xff; 1200]));
    assert_eq!(keys(&told(&mut tpm))[0].1, named(&[2; 65]));
    let mut tpm = FakeTpm::new();
    tpm.indexes.insert(RSA_PLACE, (READABLE, vec![0xff; 1200]));
    let area = rsa(ENDORSES, &[0xc1; 256], 0);
    tpm.keys.insert(PERMANENT, area);
    assert_eq!(keys(&told(&mut tpm))[0].0, "key 0x81010001");
}

#[test]
fn a_permanent_key_that_endorses_nothing_is_not_taken() {
    let mut tpm = FakeTpm::new();
    tpm.keys
        .insert(PERMANENT, rsa(ENDORSES | 1 << 18, &[0xc1; 256], 0));
    assert!(unsupported(&told(&mut tpm)).contains("not made like"));
}

#[test]
fn a_refusal_about_one_place_is_told_and_about_the_whole_ends_the_conversation() {
    // Locked, a wrong password of the owner, no such index.
    for (command, refusal) in [(NV_READ, 0x148), (NV_READ, 0x9a2), (NV_READ_PUBLIC, 0x18b)] {
        let mut tpm = FakeTpm::new().certified(RSA_PLACE, 1);
        tpm.refuses.insert(command, refusal);
        let told = told(&mut tpm);
        assert!(unsupported(&told).contains(&format!("{refusal:#x}")));
    }
    let mut tpm = FakeTpm::new();
    tpm.keys.insert(PERMANENT, rsa(ENDORSES, &[0xc1; 256], 0));
    tpm.refuses.insert(READ_PUBLIC, 0x18b);
    assert!(unsupported(&told(&mut tpm)).contains("0x18b"));
    // The TPM failed its own test.
    let mut tpm = FakeTpm::new().certified(RSA_PLACE, 1);
    tpm.refuses.insert(GET_CAPABILITY, 0x101);
    let error = ask(&mut tpm).unwrap_err();
    assert!(matches!(
        error,
        TpmError::Answer(AnswerError::Refused(0x101))
    ));
}

#[test]
fn a_refusal_that_would_be_none_at_another_time_ends_the_conversation() {
    // Its memory is worn by too many writes, or busy.
    for warning in [0x920, 0x923] {
        let mut tpm = FakeTpm::new().certified(RSA_PLACE, 1);
        tpm.keys.insert(PERMANENT, rsa(ENDORSES, &[0xc1; 256], 0));
        tpm.refuses.insert(NV_READ, warning);
        let error = ask(&mut tpm).unwrap_err();
        assert!(
            matches!(error, TpmError::Answer(AnswerError::Refused(code)) if code == warning),
            "no other key is taken for the whole truth: {error}"
        );
    }
}

#[test]
fn a_busy_tpm_is_asked_again_and_not_for_ever() {
    for code in [0x922, 0x908, 0x90a] {
        let mut tpm = FakeTpm::new().certified(RSA_PLACE, 1);
        tpm.first = vec![refused(code); 2];
        assert_eq!(keys(&told(&mut tpm)).len(), 1);
        let mut tpm = FakeTpm::new();
        tpm.first = vec![refused(code); 100];
        let error = ask(&mut tpm).unwrap_err();
        assert!(matches!(error, TpmError::Answer(AnswerError::Refused(_))));
        assert_eq!(tpm.asked.len(), 3);
    }
}

#[test]
fn any_other_refusal_is_not_asked_again() {
    let mut tpm = FakeTpm::new();
    tpm.first = vec![refused(0x100); 100];
    assert!(ask(&mut tpm).is_err());
    assert_eq!(tpm.asked.len(), 1);
}

#[test]
fn an_answer_in_single_bytes_is_read_like_one_in_one_piece() {
    let mut tpm = FakeTpm::new().certified(RSA_PLACE, 1);
    let whole = told(&mut tpm);
    tpm.portion = 1;
    assert_eq!(told(&mut tpm), whole);
}

#[test]
fn an_answer_that_ends_early_is_a_failure_of_the_device() {
    let mut tpm = FakeTpm::new();
    let mut cut = done(&[1, 2, 3]);
    cut.pop();
    tpm.first = vec![cut];
    assert!(matches!(ask(&mut tpm), Err(TpmError::Io(_))));
    let mut tpm = FakeTpm::new();
    tpm.first = vec![vec![]];
    assert!(matches!(ask(&mut tpm), Err(TpmError::Io(_))));
}

#[test]
fn more_bytes_than_an_answer_has_are_refused() {
    let mut tpm = FakeTpm::new();
    tpm.first = vec![[done(&[]), done(&[])].concat()];
    assert!(matches!(
        ask(&mut tpm),
        Err(TpmError::Answer(AnswerError::Malformed("length")))
    ));
}

#[test]
fn a_list_in_pages_is_read_to_its_end() {
    let mut tpm = FakeTpm::new().certified(0x01c0_001e, 1);
    for index in 0x01c0_0003..0x01c0_0007 {
        tpm.indexes.insert(index, (READABLE, vec![0; 8]));
    }
    tpm.page = 2;
    assert_eq!(keys(&told(&mut tpm)).len(), 1);
}

#[test]
fn pages_without_an_end_are_not_read_for_ever() {
    let mut tpm = FakeTpm::new();
    for index in 0x01c0_0003..0x01c0_001e {
        tpm.indexes.insert(index, (READABLE, vec![0; 8]));
    }
    tpm.page = 1;
    assert_eq!(told(&mut tpm).keys, Fact::Absent);
    assert!(tpm.asked.len() < 10, "{}", tpm.asked.len());
}

#[test]
fn a_tpm_that_gives_a_certificate_byte_by_byte_is_left() {
    let mut tpm = FakeTpm::new().certified(RSA_PLACE, 1);
    tpm.properties.insert(NV_BUFFER_MAX, 1);
    assert!(matches!(ask(&mut tpm), Err(TpmError::Endless)));
}

#[test]
fn letters_of_a_maker_are_told_without_what_fills_them_up() {
    for (word, letters) in [
        (*b"IFX\0", Some("IFX")),
        (*b"INTC", Some("INTC")),
        (*b"IBM ", Some("IBM")),
        ([0, 0, 0, 0], None),
        ([0x1b, 0xff, 7, 10], None),
    ] {
        let mut tpm = FakeTpm::new();
        tpm.properties
            .insert(MANUFACTURER, u32::from_be_bytes(word));
        let told = told(&mut tpm);
        assert_eq!(told.manufacturer.value().map(String::as_str), letters);
    }
    let mut tpm = FakeTpm::new();
    tpm.properties.remove(&MANUFACTURER);
    assert_eq!(told(&mut tpm).manufacturer, Fact::Absent);
}
