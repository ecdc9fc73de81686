//! The raw token: how one Fernet token, and a run of equal frames, is sealed and opened.
//!
//! Owns the byte layout of a token and the expanded keys. What needs many frames hands over whole
//! runs ([`seal::run`], [`open::run`]): the vector paths in `lanes` take them sixteen at a time, each
//! checked against the portable path here. Must never know where an initialisation vector comes from, and must
//! never decrypt before the MAC of the whole token was verified.

use std::hint::black_box;

use zeroize::Zeroize as _;

pub(crate) mod lanes;
pub(crate) mod mac;
pub(crate) mod open;
pub(crate) mod seal;

/// The first byte of every token.
pub(crate) const VERSION: u8 = 0x80;
/// Version, time and initialisation vector.
pub(crate) const PREFIX_LEN: usize = 1 + 8 + 16;
/// The HMAC-SHA-256 at the end.
pub(crate) const MAC_LEN: usize = 32;
/// The AES block.
pub(crate) const BLOCK_LEN: usize = 16;
/// The shortest token: an empty plaintext, padded to one block.
pub(crate) const SHORTEST_TOKEN: usize = PREFIX_LEN + BLOCK_LEN + MAC_LEN;

/// The length of the raw token of a plaintext. Padding always adds 1 to 16 bytes.
pub(crate) const fn token_len(plain: usize) -> usize {
    PREFIX_LEN + (plain / BLOCK_LEN + 1) * BLOCK_LEN + MAC_LEN
}

/// Writes over what calls before this one left on the stack: round keys that did not fit the registers, copies that libraries worked
/// on. For when a key is dropped.
#[inline(never)]
pub(crate) fn wipe_stack() {
    let mut room = [0_u8; STACK_WIPED];
    room.zeroize();
    black_box(&room);
}

/// Deeper than sealing or opening reaches.
const STACK_WIPED: usize = 16 * 1024;

/// Whether a token can have this length at all.
pub(crate) const fn is_token_len(length: usize) -> bool {
    // An empty plaintext is padded to one block, so a token of n blocks is as long as that of the
    // shortest plaintext that fills n - 1 of them.
    length >= SHORTEST_TOKEN && token_len(length - SHORTEST_TOKEN) == length
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
    use proptest::prelude::*;

    use super::open::{Meta, OpeningKey, Refused};
    use super::*;
    use crate::FernetKey;

    fn opened(key: &OpeningKey, token: &[u8], out: &mut Vec<u8>) -> Result<Meta, Refused> {
        open::token(key, token, |_| true, out)
    }

    #[test]
    fn token_lengths_agree_with_what_is_sealed() {
        let key = FernetKey::generate().unwrap();
        let sealing = seal::SealingKey::of(&key);
        for length in 0..100 {
            let mut token = Vec::new();
            seal::token(&sealing, &[1; 16], 5, &vec![9; length], &mut token);
            assert_eq!(token.len(), token_len(length));
            assert!(is_token_len(token.len()));
            assert!(!is_token_len(token.len() + 1));
        }
        assert!(!is_token_len(57) && !is_token_len(0) && is_token_len(73));
    }

    #[test]
    fn the_cipher_gives_the_block_of_fips_197() {
        // FIPS 197, appendix B.
        let key = [
            0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf,
            0x4f, 0x3c,
        ];
        let mut block = aes::Block::from([
            0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37,
            0x07, 0x34,
        ]);
        aes::Aes128Enc::new(&key.into()).encrypt_block(&mut block);
        assert_eq!(
            block.0,
            [
                0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a,
                0x0b, 0x32
            ]
        );
    }

    #[test]
    fn a_token_with_one_bit_changed_anywhere_is_refused() {
        let key = FernetKey::generate().unwrap();
        let mut token = Vec::new();
        seal::token(
            &seal::SealingKey::of(&key),
            &[3; 16],
            1_700_000_000,
            b"sealed",
            &mut token,
        );
        let opening = OpeningKey::of(&key);
        for position in 0..token.len() {
            for bit in 0..8 {
                let mut altered = token.clone();
                altered[position] ^= 1 << bit;
                let mut out = Vec::new();
                assert!(opened(&opening, &altered, &mut out).is_err());
                assert!(out.is_empty());
            }
        }
        for length in 0..token.len() {
            assert!(opened(&opening, &token[..length], &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn wrong_padding_under_a_right_mac_is_refused_and_leaves_nothing() {
        let key = FernetKey::generate().unwrap();
        let opening = OpeningKey::of(&key);
        let sealing = seal::SealingKey::of(&key);
        // A change of the vector is a change of the one block: here, of its padding, thirteen times
        // 13. The last byte becomes 12, 0, 15 and 77; then the first of the thirteen becomes 12.
        for (place, delta) in [(24, 1), (24, 13), (24, 2), (24, 64), (12, 1)] {
            let mut token = Vec::new();
            seal::token(&sealing, &[3; 16], 1, b"abc", &mut token);
            token.truncate(token.len() - MAC_LEN);
            token[place] ^= delta;
            let tag = mac::MacKey::new(key.signing()).sign(&[&token]);
            token.extend_from_slice(&tag);
            let mut out = b"kept".to_vec();
            assert!(
                opened(&opening, &token, &mut out).is_err(),
                "byte {place} by {delta}"
            );
            assert_eq!(out, b"kept");
        }
    }

    /// Every engine this CPU has; what it lacks is said, not passed over.
    fn engines() -> Vec<lanes::Engine> {
        let detected = lanes::Engine::detected();
        for engine in lanes::Engine::ALL {
            if engine > detected {
                writeln!(
                    std::io::stderr(),
                    "skipped: this CPU does not have {engine}"
                )
                .expect("standard error");
            }
        }
        let here = lanes::Engine::ALL.into_iter();
        here.filter(|engine| *engine <= detected).collect()
    }

    /// A run of `count` plaintexts of one length, the same for every engine.
    fn sealed_run(engine: lanes::Engine, key: &FernetKey, length: usize, count: usize) -> Vec<u8> {
        let plain: Vec<u8> = (0..length * count)
            .map(|place| (place % 251).to_le_bytes()[0])
            .collect();
        let empty = vec![&[][..]; count];
        let plains: Vec<&[u8]> = if length == 0 {
            empty
        } else {
            plain.chunks_exact(length).collect()
        };
        let mut out = b"kept".to_vec();
        let iv_of = |number: u64| [number.to_le_bytes(), [7; 8]].concat().try_into().unwrap();
        seal::run(
            &seal::SealingKey::on(engine, key),
            1_700_000_000,
            (plains.into_iter(), length),
            iv_of,
            &mut out,
        );
        assert_eq!(&out[..4], b"kept");
        out.split_off(4)
    }

    #[test]
    fn every_engine_writes_the_same_bytes_for_every_length() {
        let key = FernetKey::generate().unwrap();
        let mut lengths: Vec<usize> = (0..=300).collect();
        lengths.extend([1008, 1023, 1024, 4096, 16_383, 16_384, 16_385]);
        for length in lengths {
            let portable = sealed_run(lanes::Engine::Portable, &key, length, 17);
            let mut one_by_one = Vec::new();
            for engine in engines() {
                assert!(
                    sealed_run(engine, &key, length, 17) == portable,
                    "{engine} at {length}"
                );
                let token = &portable[..token_len(length)];
                let mut plain = Vec::new();
                let opening = OpeningKey::on(engine, &key);
                let meta = opened(&opening, token, &mut plain).unwrap();
                one_by_one.clear();
                let sealing = seal::SealingKey::on(engine, &key);
                seal::token(&sealing, &meta.iv, meta.created, &plain, &mut one_by_one);
                assert!(one_by_one == token, "{engine} at {length}, one by one");
            }
        }
    }

    #[test]
    fn every_engine_refuses_a_run_at_its_first_bad_token_and_leaves_nothing() {
        let key = FernetKey::generate().unwrap();
        for engine in engines() {
            let opening = OpeningKey::on(engine, &key);
            for (length, count) in [(40, 20), (16, 3), (1000, 33)] {
                let sound = sealed_run(engine, &key, length, count);
                let size = token_len(length);
                let run = |tokens: &[u8], out: &mut Vec<u8>| {
                    open::run(&opening, tokens.chunks_exact(size), |_, _| true, out)
                };
                let mut out = b"kept".to_vec();
                run(&sound, &mut out).unwrap();
                assert_eq!(out.len(), 4 + length * count);
                for bad in 0..count {
                    let mut altered = sound.clone();
                    // The version, the vector, the ciphertext, the MAC: each in its turn.
                    let place = [0, 9, 25, size - 1][bad % 4];
                    altered[bad * size + place] ^= 0x40;
                    let mut out = b"kept".to_vec();
                    assert_eq!(run(&altered, &mut out), Err(bad.try_into().unwrap()));
                    assert_eq!(out, b"kept");
                }
                let unwanted = open::run(
                    &opening,
                    sound.chunks_exact(size),
                    |number, _| number != 2,
                    &mut out,
                );
                assert_eq!(unwanted, Err(2));
            }
        }
    }

    #[test]
    fn an_engine_that_is_not_here_is_never_chosen() {
        assert!(lanes::Engine::chosen() <= lanes::Engine::detected());
        let names = lanes::Engine::ALL.map(lanes::Engine::name);
        assert_eq!(names, ["portable", "aes-ni+sha-ni x1", "vaes+avx-512 x16"]);
    }

    /// Whether a needle, given with every bit turned around so that the search itself does not hold it, lies in this process's memory.
    fn remembered(turned: &[u8]) -> bool {
        use std::os::unix::fs::FileExt as _;
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut window = vec![0; 1 << 16];
        for line in maps.lines().filter(|line| line.contains(" rw-p ")) {
            let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
            let mut at = from;
            while at < to {
                let Ok(read) = memory.read_at(&mut window, at) else {
                    break;
                };
                let read = read.min(usize::try_from(to - at).unwrap());
                let found = window[..read]
                    .windows(turned.len())
                    .any(|bytes| bytes.iter().zip(turned).all(|(a, b)| *a == !*b));
                window.fill(0);
                if found {
                    return true;
                }
                at += u64::try_from(read.max(64)).unwrap() - 63;
                if read < 64 {
                    break;
                }
            }
        }
        false
    }

    #[test]
    fn no_key_is_found_in_the_memory_of_this_process_after_it_was_dropped() {
        for engine in engines() {
            let key = Box::new(FernetKey::generate().unwrap());
            let turned: Vec<u8> = key.bytes().iter().map(|byte| !byte).collect();
            assert!(remembered(&turned[..16]), "the search finds what is there");
            let sealing = seal::SealingKey::on(engine, &key);
            let opening = OpeningKey::on(engine, &key);
            let mut token = Vec::new();
            seal::token(&sealing, &[1; 16], 5, b"plain", &mut token);
            opened(&opening, &token, &mut Vec::new()).unwrap();
            drop((sealing, opening, key));
            for half in turned.chunks(16).rev() {
                assert!(!remembered(half), "{engine}, half {half:02x?}");
            }
        }
    }

    proptest! {
        #[test]
        fn engines_agree_on_any_run(
            length in 0_usize..3000,
            count in 1_usize..40,
            key in any::<[u8; 32]>(),
        ) {
            let text = crate::alphabet::encode_key(&key);
            let key = FernetKey::from_text(&text).unwrap();
            let portable = sealed_run(lanes::Engine::Portable, &key, length, count);
            for engine in engines() {
                prop_assert!(sealed_run(engine, &key, length, count) == portable);
                let mut out = Vec::new();
                let tokens = portable.chunks_exact(token_len(length));
                open::run(&OpeningKey::on(engine, &key), tokens, |_, _| true, &mut out).unwrap();
                prop_assert_eq!(out.len(), length * count);
                prop_assert!(out.iter().enumerate().all(|(place, &byte)| byte == (place % 251).to_le_bytes()[0]));
            }
        }

        #[test]
        fn what_is_sealed_is_opened(
            plain in proptest::collection::vec(any::<u8>(), 0..2000),
            iv in any::<[u8; 16]>(),
            created in any::<u64>(),
        ) {
            let key = FernetKey::generate().unwrap();
            let mut token = b"before".to_vec();
            seal::token(&seal::SealingKey::of(&key), &iv, created, &plain, &mut token);
            let opening = OpeningKey::of(&key);
            let mut out = b"kept".to_vec();
            let meta = opened(&opening, &token[6..], &mut out).unwrap();
            prop_assert_eq!(&out[4..], &plain[..]);
            prop_assert_eq!(meta.iv, iv);
            prop_assert_eq!(meta.created, created);
            let other = OpeningKey::of(&FernetKey::generate().unwrap());
            prop_assert!(opened(&other, &token[6..], &mut out).is_err());
        }
    }
}
