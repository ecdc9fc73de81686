//! Base64 as Fernet meets it: key text in constant time, token text as tolerantly as Python reads it.
//!
//! Owns both directions of both. Must never branch on, or index by, a byte of key material, and must
//! never accept a token text that Python's `cryptography` would refuse, nor refuse one it accepts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use zeroize::{Zeroize as _, Zeroizing};

use crate::engine::lanes::{self, Engine};

/// Length of a key as text: 32 bytes in base64, one padding character.
pub(crate) const KEY_TEXT_LEN: usize = 44;

/// Why a text is not a key. Says nothing about which character it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyTextFault {
    Length(usize),
    Alphabet,
}

/// Reads 44 characters of base64 (either alphabet, padded) into 32 bytes without a table or a branch
/// on what they are. The two unused bits of the last character are ignored, as Python ignores them.
pub(crate) fn decode_key(text: &str, key: &mut Zeroizing<[u8; 32]>) -> Result<(), KeyTextFault> {
    let text: &[u8; KEY_TEXT_LEN] = text
        .as_bytes()
        .try_into()
        .map_err(|_wrong_length| KeyTextFault::Length(text.len()))?;
    let (body, padding) = text.split_at(KEY_TEXT_LEN - 1);
    let mut wrong = i16::from(padding != b"=");
    let mut place = key.iter_mut();
    for quad in body.chunks(4) {
        let mut group: Zeroizing<u32> = Zeroizing::new(0);
        for &character in quad {
            let value = value_of(character);
            wrong |= value >> 8;
            let [low, _] = value.to_le_bytes();
            *group = (*group << 6) | u32::from(low & 63);
        }
        // The last group has three characters: 18 bits, of which 16 are key.
        *group <<= 6 * (4 - u32::try_from(quad.len()).unwrap_or(4));
        let mut bytes = group.to_be_bytes();
        for (target, &byte) in place
            .by_ref()
            .take(quad.len() - 1)
            .zip(bytes.iter().skip(1))
        {
            *target = byte;
        }
        bytes.zeroize();
    }
    if wrong == 0 {
        return Ok(());
    }
    key.zeroize();
    Err(KeyTextFault::Alphabet)
}

/// Writes 32 bytes as the 44 characters every Fernet library reads.
pub(crate) fn encode_key(key: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(KEY_TEXT_LEN));
    for triple in key.chunks(3) {
        let mut group = Zeroizing::new(0_u32);
        for position in 0..3 {
            *group = (*group << 8) | u32::from(triple.get(position).copied().unwrap_or(0));
        }
        for shift in [18_u32, 12, 6, 0].into_iter().take(triple.len() + 1) {
            let [.., low] = (*group >> shift).to_be_bytes();
            text.push(char::from(character_of(low & 63)));
        }
    }
    text.push('=');
    text
}

/// The value of a base64 character of either alphabet, or a negative number.
fn value_of(character: u8) -> i16 {
    let c = i16::from(character);
    let within = |low: u8, high: u8| ((i16::from(low) - 1 - c) & (c - i16::from(high) - 1)) >> 8;
    let mut value = -1;
    value += within(b'A', b'Z') & (c - 64);
    value += within(b'a', b'z') & (c - 70);
    value += within(b'0', b'9') & (c + 5);
    value += within(b'-', b'-') & 63;
    value += within(b'+', b'+') & 63;
    value += within(b'_', b'_') & 64;
    value += within(b'/', b'/') & 64;
    value
}

/// The URL-safe character of a value below 64.
fn character_of(value: u8) -> u8 {
    let v = i16::from(value);
    let mut c = v + 65;
    c += ((25 - v) >> 8) & 6;
    c -= ((51 - v) >> 8) & 0x4b;
    c -= ((61 - v) >> 8) & 0x0d;
    c += ((62 - v) >> 8) & 0x31;
    let [low, _] = c.to_le_bytes();
    low
}

/// Writes a raw token as text, URL-safe and padded.
pub(crate) fn encode_token(token: &[u8]) -> String {
    encode_token_on(Engine::chosen(), token)
}

fn encode_token_on(engine: Engine, token: &[u8]) -> String {
    let mut text = vec![0; token.len().div_ceil(3) * 4];
    let done = lanes::base64(engine, token, &mut text);
    let (_, rest) = token.split_at(done);
    let (_, room) = text.split_at_mut(done / 3 * 4);
    let written = URL_SAFE.encode_slice(rest, room);
    written.expect("four characters of room for every three bytes");
    String::from_utf8(text).expect("base64 is ASCII")
}

/// Reads token text as Python's `base64.urlsafe_b64decode` does: either alphabet, characters outside
/// it skipped, everything after complete padding ignored, unused bits ignored, missing padding
/// refused. `None` is a refusal.
pub(crate) fn decode_token(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() {
        return None;
    }
    // What we and others write is canonical; the tolerant reader is for what people pasted.
    URL_SAFE
        .decode(text)
        .ok()
        .or_else(|| decode_tolerantly(text.as_bytes()))
}

fn decode_tolerantly(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut held = 0_u8;
    let mut in_quad = 0_u8;
    let mut padding = 0_u8;
    for &character in text {
        if character == b'=' {
            if in_quad >= 2 {
                padding += 1;
                if in_quad + padding >= 4 {
                    return Some(bytes);
                }
            }
            continue;
        }
        let Ok(value) = u8::try_from(value_of(character)) else {
            continue;
        };
        padding = 0;
        match in_quad {
            0 => held = value << 2,
            1 => {
                bytes.push(held | (value >> 4));
                held = value << 4;
            }
            2 => {
                bytes.push(held | (value >> 2));
                held = value << 6;
            }
            _ => bytes.push(held | value),
        }
        in_quad = (in_quad + 1) % 4;
    }
    (in_quad == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_the_value_of_the_standard() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for byte in 0..=255_u8 {
            let url = match byte {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            };
            let expected = alphabet.bytes().position(|c| c == url);
            let found = usize::try_from(value_of(byte)).ok();
            assert_eq!(found, expected, "character {byte}");
        }
        for (value, character) in alphabet.bytes().enumerate() {
            assert_eq!(character_of(u8::try_from(value).unwrap()), character);
        }
    }

    #[test]
    fn every_engine_writes_the_text_of_the_standard() {
        let bytes: Vec<u8> = (0..1000_u32)
            .map(|n| (n * n % 257).to_le_bytes()[0])
            .collect();
        for length in 0..bytes.len() {
            let (part, _) = bytes.split_at(length);
            for engine in Engine::ALL.into_iter().filter(|e| *e <= Engine::detected()) {
                assert_eq!(encode_token_on(engine, part), URL_SAFE.encode(part));
            }
        }
    }

    #[test]
    fn key_text_survives_the_way_there_and_back() {
        for seed in 0..=255_u8 {
            let mut key = [0_u8; 32];
            for (place, byte) in key.iter_mut().enumerate() {
                *byte = seed
                    .wrapping_mul(31)
                    .wrapping_add(u8::try_from(place).unwrap() * 7);
            }
            let text = encode_key(&key);
            assert_eq!(*text, URL_SAFE.encode(key));
            let mut back = Zeroizing::new([0; 32]);
            decode_key(&text, &mut back).unwrap();
            assert_eq!(*back, key);
        }
    }

    #[test]
    fn key_text_with_one_foreign_character_is_refused_and_leaves_nothing() {
        let text = encode_key(&[7; 32]);
        for position in 0..KEY_TEXT_LEN {
            let mut damaged = text.as_bytes().to_vec();
            damaged[position] = b'!';
            let mut key = Zeroizing::new([0; 32]);
            let damaged = String::from_utf8(damaged).unwrap();
            assert_eq!(decode_key(&damaged, &mut key), Err(KeyTextFault::Alphabet));
            assert_eq!(*key, [0; 32]);
        }
    }

    #[test]
    fn token_text_is_read_as_python_reads_it() {
        let check = |text: &str, expected: Option<&[u8]>| {
            assert_eq!(decode_token(text).as_deref(), expected, "{text:?}");
        };
        check("gAAA", Some(&[0x80, 0, 0]));
        check("gAAA\n", Some(&[0x80, 0, 0]));
        check(" g\tA A\r\nA!", Some(&[0x80, 0, 0]));
        check("-_-_", Some(&[0xfb, 0xff, 0xbf]));
        check("+/+/", Some(&[0xfb, 0xff, 0xbf]));
        check("gAA=", Some(&[0x80, 0]));
        check("gAB=", Some(&[0x80, 0]));
        check("gAA==", Some(&[0x80, 0]));
        check("gA==", Some(&[0x80]));
        check("gA=A", None);
        check("gA=A=", Some(&[0x80, 0]));
        check("gAA", None);
        check("gA", None);
        check("g", None);
        check("", Some(&[]));
        check("gA==gAAA", Some(&[0x80]));
        check("=gAAA", Some(&[0x80, 0, 0]));
        check("gAAA=", Some(&[0x80, 0, 0]));
        check("gAAAé", None);
    }
}
