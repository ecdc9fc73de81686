//! Tests of the messages about data keys: their bounds, and that nothing prints a key.

use super::*;
use crate::Code;
use proptest::prelude::*;
use serde_json::json;

const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

fn key(text: &str) -> KeyText {
    KeyText::new(Zeroizing::new(text.to_owned())).unwrap()
}

/// Expects this code of a message that must not be read.
fn check<T: fmt::Debug>(read: Result<T, WireError>, code: Code) {
    let error = read.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.refusal().code, code.as_str());
}

#[test]
fn a_request_for_keys_reads_back() {
    let request = KeyNew {
        owner: "storage".parse().unwrap(),
        count: 16,
    };
    assert_eq!(KeyNew::from_json(&request.to_json()), Ok(request.clone()));
    assert_eq!(
        KeyNew::from_slice(request.to_json().to_string().as_bytes()),
        Ok(request)
    );
}

#[test]
fn a_request_for_no_key_or_for_too_many_is_refused() {
    let ask =
        |count: u64| KeyNew::from_json(&json!({"version": 1, "owner": "storage", "count": count}));
    check(ask(0), Code::WireMalformed);
    check(ask(65), Code::WireBound);
    check(ask(u64::from(u32::MAX) + 1), Code::WireMalformed);
    assert!(ask(64).is_ok());
}

#[test]
fn another_version_is_refused_before_anything_else() {
    for version in [
        json!(2),
        json!(0),
        json!("1"),
        json!(1.0),
        json!(null),
        json!(-1),
    ] {
        let message = json!({"version": version, "surprise": true});
        check(KeyNew::from_json(&message), Code::WireVersion);
        check(KeyNewAnswer::from_json(&message), Code::WireVersion);
        check(KeyOpen::from_json(&message), Code::WireVersion);
        check(KeyOpenAnswer::from_json(&message), Code::WireVersion);
    }
    check(
        KeyNew::from_json(&json!({"owner": "storage", "count": 1})),
        Code::WireMalformed,
    );
}

#[test]
fn an_unknown_part_and_a_missing_part_are_refused() {
    check(
        KeyNew::from_json(&json!({"version": 1, "owner": "storage", "count": 1, "x": 1})),
        Code::WireMalformed,
    );
    check(
        KeyNew::from_json(&json!({"version": 1, "owner": "storage"})),
        Code::WireMalformed,
    );
    check(KeyOpen::from_json(&json!([])), Code::WireMalformed);
    check(KeyOpen::from_slice(b"{"), Code::WireMalformed);
}

#[test]
fn an_answer_reads_back_by_value_and_by_bytes() {
    let pair = KeyPair {
        key: key(KEY),
        wrapped: vec![0x80, 1, 2],
    };
    let answer = KeyNewAnswer(vec![pair]);
    for read in [
        KeyNewAnswer::from_json(&answer.to_json()),
        KeyNewAnswer::from_slice(&answer.to_bytes()),
    ] {
        let pairs = read.unwrap().into_pairs();
        assert_eq!(pairs.len(), 1);
        assert_eq!(pairs[0].key.reveal(), KEY);
        assert_eq!(pairs[0].wrapped, [0x80, 1, 2]);
    }
    let opened = KeyOpenAnswer(key(KEY));
    assert_eq!(
        KeyOpenAnswer::from_json(&opened.to_json())
            .unwrap()
            .into_key()
            .reveal(),
        KEY
    );
    assert_eq!(
        KeyOpenAnswer::from_slice(&opened.to_bytes())
            .unwrap()
            .into_key()
            .reveal(),
        KEY
    );
}

#[test]
fn the_longest_answer_there_can_be_fits_its_bound() {
    let pairs = (0..COUNT_LIMIT)
        .map(|_| KeyPair {
            key: key(KEY),
            wrapped: vec![0xff; WRAPPED_LIMIT_BYTES],
        })
        .collect();
    let bytes = KeyNewAnswer(pairs).to_bytes();
    assert!(bytes.len() <= MESSAGE_LIMIT_BYTES);
    assert!(KeyNewAnswer::from_slice(&bytes).is_ok());
}

#[test]
fn an_answer_beyond_its_bounds_is_refused() {
    let pair = json!({"key": KEY, "wrapped": "AAAA"});
    let many: Vec<_> = (0..=COUNT_LIMIT).map(|_| pair.clone()).collect();
    check(
        KeyNewAnswer::from_json(&json!({"version": 1, "keys": many})),
        Code::WireBound,
    );
    let long = json!({"version": 1, "wrapped": wire::base64(&[0; WRAPPED_LIMIT_BYTES + 1])});
    check(KeyOpen::from_json(&long), Code::WireBound);
    let longer = json!({"version": 1, "wrapped": "A".repeat(10_000)});
    check(KeyOpen::from_json(&longer), Code::WireBound);
    check(
        KeyOpen::from_slice(&vec![b' '; MESSAGE_LIMIT_BYTES + 1]),
        Code::WireBound,
    );
}

#[test]
fn wrong_base64_is_refused() {
    for bad in [
        "",
        "A",
        "AAA",
        "AA==\n",
        "AB==",
        "A-==",
        "====",
        "AAAA AAAA",
    ] {
        check(
            KeyOpen::from_json(&json!({"version": 1, "wrapped": bad})),
            Code::WireMalformed,
        );
    }
}

#[test]
fn what_is_no_key_is_refused_and_not_quoted() {
    let secret = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4";
    for bad in [
        secret,
        "",
        &format!("{secret}+"),
        &format!("{secret}=="),
        &format!("!{secret}"),
    ] {
        let error = KeyOpenAnswer::from_json(&json!({"version": 1, "key": bad})).unwrap_err();
        assert!(
            !format!("{error} {error:?} {}", error.refusal()).contains("0x689R"),
            "{error}"
        );
    }
}

#[test]
fn no_key_is_printed() {
    let answer = KeyNewAnswer(vec![KeyPair {
        key: key(KEY),
        wrapped: vec![1],
    }]);
    assert!(!format!("{answer:?}").contains("0x689R"));
    assert!(!format!("{:?}", KeyOpenAnswer(key(KEY))).contains("0x689R"));
    let open = KeyOpen {
        wrapped: b"0x689R".to_vec(),
    };
    assert_eq!(format!("{open:?}"), "KeyOpen { wrapped: 6 }");
}

#[test]
fn a_wiped_message_holds_no_text() {
    let mut message = KeyNewAnswer(vec![KeyPair {
        key: key(KEY),
        wrapped: vec![1],
    }])
    .to_json();
    wipe(&mut message);
    assert_eq!(
        message,
        json!({"version": 1, "keys": [{"key": "", "wrapped": ""}]})
    );
}

proptest! {
    #[test]
    fn every_wrapped_key_reads_back(wrapped in proptest::collection::vec(0_u8.., 1..=256)) {
        let open = KeyOpen { wrapped };
        prop_assert_eq!(KeyOpen::from_json(&open.to_json()), Ok(open));
    }

    #[test]
    fn every_request_reads_back(owner in "[a-z][a-z0-9-]{0,30}", count in 1_u32..=64) {
        let request = KeyNew { owner: owner.parse().unwrap(), count };
        prop_assert_eq!(KeyNew::from_json(&request.to_json()), Ok(request));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(0_u8.., 0..200)) {
        prop_assert!(KeyNew::from_slice(&bytes).is_err());
        prop_assert!(KeyNewAnswer::from_slice(&bytes).is_err());
        prop_assert!(KeyOpen::from_slice(&bytes).is_err());
        prop_assert!(KeyOpenAnswer::from_slice(&bytes).is_err());
    }
}
