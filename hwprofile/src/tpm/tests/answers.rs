//! Answers as bytes: what is read of them, and what cannot be.

use proptest::prelude::*;

use super::rig::{
    ENDORSES, READABLE, capability, done, done_in_session, ecc, index_public, refused, rsa, sized,
};
use crate::tpm::answer::{
    AnswerError, Header, Held, body, content, handles, index, properties, public,
};
use crate::tpm::command;

const PLACE: u32 = 0x01c0_0002;

fn plain() -> Vec<u8> {
    command::read_public(0x8101_0001)
}

fn in_session() -> Vec<u8> {
    command::nv_read(PLACE, PLACE, (0, 4))
}

/// Every beginning of a body is refused, the whole of it is not, and one byte more is too much.
fn check<T: std::fmt::Debug>(whole: &[u8], read: impl Fn(&[u8]) -> Result<T, AnswerError>) {
    assert!(read(whole).is_ok(), "{:?}", read(whole));
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length}");
    }
    assert!(read(&[whole, &[0]].concat()).is_err());
}

#[test]
fn the_commands_are_the_bytes_of_the_standard() {
    assert_eq!(
        plain(),
        [0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x73, 0x81, 1, 0, 1]
    );
    let read = command::nv_read(0x4000_0001, PLACE, (512, 700));
    let expected = [
        &[0x80, 2, 0, 0, 0, 35, 0, 0, 1, 0x4e][..],
        &[0x40, 0, 0, 1, 1, 0xc0, 0, 2],
        // The empty password: 9 bytes, its handle, no nonce, its attributes, nothing.
        &[0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 1, 0, 0],
        &[2, 0xbc, 2, 0],
    ];
    assert_eq!(read, expected.concat());
}

#[test]
fn an_answer_is_cut_from_its_header_and_its_sessions() {
    assert_eq!(body(&plain(), &done(&[1, 2])), Ok(&[1, 2][..]));
    assert_eq!(
        body(&in_session(), &done_in_session(&[1, 2])),
        Ok(&[1, 2][..])
    );
}

#[test]
fn an_answer_shorter_or_longer_than_it_says_is_refused() {
    let whole = done(&[1, 2, 3]);
    for length in 0..whole.len() {
        assert!(body(&plain(), &whole[..length]).is_err(), "{length}");
    }
    assert!(body(&plain(), &[&whole[..], &[0]].concat()).is_err());
}

#[test]
fn a_length_that_cannot_be_is_refused_before_anything_is_read() {
    for length in [0, 9, 4097, 0x7fff_ffff, u32::MAX] {
        let mut header = done(&[]);
        header[2..6].copy_from_slice(&length.to_be_bytes());
        assert_eq!(
            Header::read(&header),
            Some(Err(AnswerError::Malformed("length"))),
            "{length}"
        );
    }
    assert_eq!(Header::read(&done(&[])[..9]), None);
}

#[test]
fn a_tag_that_was_not_asked_for_is_refused() {
    let wrong = Err(AnswerError::Malformed("tag"));
    assert_eq!(body(&in_session(), &done(&[1])), wrong);
    assert_eq!(body(&plain(), &done_in_session(&[1])), wrong);
    // The tag of a TPM 1.2, and none at all.
    for tag in [[0, 0xc4], [0, 0], [0x80, 3]] {
        let mut answer = done(&[]);
        answer[..2].copy_from_slice(&tag);
        assert_eq!(body(&plain(), &answer), wrong);
    }
}

#[test]
fn a_refusal_tells_its_code_and_has_no_other_part() {
    for code in [0x101, 0x922, 0x18b, u32::MAX] {
        assert_eq!(
            body(&in_session(), &refused(code)),
            Err(AnswerError::Refused(code))
        );
    }
    let mut long = done(&[1]);
    long[9] = 1;
    assert_eq!(body(&plain(), &long), Err(AnswerError::Malformed("tag")));
}

#[test]
fn sessions_that_reach_out_of_the_answer_are_refused() {
    let mut answer = done_in_session(&[1, 2]);
    answer[10..14].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(body(&in_session(), &answer).is_err());
}

#[test]
fn lists_are_read_whole_or_not_at_all() {
    check(&capability(1, 1, &[[7], [8]]), handles);
    check(&capability(6, 0, &[[7, 70], [8, 80]]), properties);
    let listed = handles(&capability(1, 1, &[[7], [8]])).unwrap();
    assert_eq!((listed.entries, listed.more), (vec![7, 8], true));
}

#[test]
fn a_list_of_something_else_or_of_too_many_is_refused() {
    assert_eq!(
        handles(&capability(6, 0, &[[7, 70]])),
        Err(AnswerError::Malformed("capability"))
    );
    assert_eq!(
        handles(&capability(1, 0, &[[7]; 65])),
        Err(AnswerError::Malformed("count"))
    );
    let mut endless = capability(1, 0, &[[7]]);
    endless[5..9].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(handles(&endless), Err(AnswerError::Malformed("count")));
}

#[test]
fn an_index_is_the_one_that_was_asked_for() {
    let whole = index_public(PLACE, READABLE, 1234);
    check(&whole, |bytes| index(bytes, PLACE));
    let found = index(&whole, PLACE).unwrap();
    assert_eq!((found.attributes, found.length), (READABLE, 1234));
    assert_eq!(
        index(&whole, PLACE + 8),
        Err(AnswerError::Malformed("index"))
    );
}

#[test]
fn content_is_as_long_as_was_asked_for() {
    check(&sized(&[1, 2, 3]), |bytes| {
        content(bytes, 3).map(<[u8]>::len)
    });
    assert!(content(&sized(&[1, 2, 3]), 4).is_err());
    assert!(content(&sized(&[1, 2, 3]), 2).is_err());
}

fn area(area: &[u8]) -> Vec<u8> {
    [sized(area), sized(&[0; 34]), sized(&[0; 34])].concat()
}

#[test]
fn both_kinds_of_keys_are_read() {
    check(&area(&rsa(ENDORSES, &[0xc1; 256], 0)), public);
    check(&area(&ecc(ENDORSES, 3, (&[7; 32], &[9; 32]))), public);
}

#[test]
fn a_length_inside_an_area_that_reaches_out_of_it_is_refused() {
    let mut key = rsa(ENDORSES, &[0xc1; 256], 0);
    let at = key.len() - 258;
    key[at..at + 2].copy_from_slice(&[0xff, 0xff]);
    assert!(public(&area(&key)).is_err());
}

#[test]
fn a_key_that_is_not_made_like_an_endorsement_key_is_none() {
    let sign = 1 << 18;
    for attributes in [
        ENDORSES | sign,
        ENDORSES & !(1 << 1),
        ENDORSES & !(1 << 4),
        ENDORSES & !(1 << 5),
        ENDORSES & !(1 << 16),
        ENDORSES & !(1 << 17),
        0,
    ] {
        let held = public(&area(&rsa(attributes, &[0xc1; 256], 0)));
        assert!(matches!(held, Ok(Held::Other(_))), "{attributes:#x}");
    }
}

#[test]
fn what_is_no_key_of_a_known_kind_is_told_as_such() {
    // A keyed hash, an unknown curve, a scheme for signatures.
    let mut hash = rsa(ENDORSES, &[1; 32], 0);
    hash[1] = 8;
    let curve = ecc(ENDORSES, 0x10, (&[7; 32], &[9; 32]));
    let mut scheme = rsa(ENDORSES, &[0xc1; 256], 0);
    let at = scheme.windows(2).position(|w| w == [0, 0x10]).unwrap();
    scheme[at + 1] = 0x14;
    for other in [hash, curve, scheme] {
        assert!(matches!(public(&area(&other)), Ok(Held::Other(_))));
    }
}

proptest! {
    #[test]
    fn random_bytes_are_read_or_refused_and_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        asked in any::<u16>(),
    ) {
        let _all = (
            Header::read(&bytes),
            body(&plain(), &bytes).map(<[u8]>::len),
            handles(&bytes),
            properties(&bytes),
            index(&bytes, PLACE),
            content(&bytes, asked).map(<[u8]>::len),
            public(&bytes).map(|held| match held {
                Held::Key(key) => key.bits(),
                Held::Other(_) => None,
            }),
            crate::tpm::public_key(&bytes).map(<[u8]>::len),
        );
    }

    #[test]
    fn one_changed_byte_of_a_certificate_never_panics(at in 0..500_usize, byte in any::<u8>()) {
        let mut whole = super::rig::certificate(&[4; 65]);
        let at = at % whole.len();
        whole[at] = byte;
        let key = crate::tpm::public_key(&whole);
        prop_assert!(key.is_none_or(|key| key.len() <= whole.len()));
    }
}
