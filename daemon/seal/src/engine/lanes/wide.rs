//! Sixteen tokens side by side on VAES and AVX-512: a chain of AES and a SHA-256 cannot be cut, but sixteen of them fit the vector
//! registers at once.
//!
//! Owns nothing; borrows keys. Must never branch on, or index by, a byte of key or plaintext.
//!
//! A register holds one block of four lanes (for AES: `Group`), or one word of all sixteen (for SHA-256). Word `4 i + g` of such a
//! register belongs to lane `4 g + i`: that is where the cheapest transposition puts it, and nothing but the way in and out cares.
//! How ciphertext becomes MAC input without going through memory is told in `fused`.

#![expect(
    clippy::many_single_char_names,
    clippy::large_types_passed_by_value,
    reason = "the words of FIPS 180-4; and what looks large are registers"
)]

use core::arch::x86_64::{
    __m512i, _mm512_aesdec_epi128, _mm512_aesdeclast_epi128, _mm512_alignr_epi64,
    _mm512_broadcast_i32x4, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_xor_si512,
};

use zeroize::Zeroizing;

use self::layout::{across, blocks_of, message, rows_of};
use self::rounds::{compress, encrypt_and_compress, encrypt_four};
use super::keys::{ForwardKeys, InverseKeys, MacStates};
use super::sys::{load, load_wide, store_wide};
use super::vector::{self, Prefix, padded_tail};

mod layout;
mod rounds;
mod text;

pub(super) use self::text::base64;

/// One block of each of four lanes.
type Group = __m512i;
/// One word of each of sixteen lanes.
type Words = __m512i;
/// A block of all lanes.
type Blocks = [Group; 4];

/// One block that every lane has alike.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn alike(block: &[u8; 16]) -> Blocks {
    [_mm512_broadcast_i32x4(load(block)); 4]
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn spread(state: &[u32; 8]) -> [Words; 8] {
    state.map(|word| _mm512_set1_epi32(word.cast_signed()))
}

/// Row `at` of every lane. Every lane has it.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn gather(lanes: &[&[[u8; 64]]; 16], at: usize) -> [Group; 16] {
    // Written out: a closure is not compiled for these instructions where the library calls it, and would not be inlined.
    macro_rules! row {
        ($lane:literal) => {
            match lanes[$lane].get(at) {
                Some(row) => load_wide(row),
                None => _mm512_setzero_si512(),
            }
        };
    }
    [
        row!(0),
        row!(1),
        row!(2),
        row!(3),
        row!(4),
        row!(5),
        row!(6),
        row!(7),
        row!(8),
        row!(9),
        row!(10),
        row!(11),
        row!(12),
        row!(13),
        row!(14),
        row!(15),
    ]
}

/// Writes the whole tokens of sixteen plaintexts with the same number of whole blocks. Every token has exactly the length it takes.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
pub(super) fn seal(
    (keys, states): (&ForwardKeys, &MacStates),
    prefixes: &[Prefix; 16],
    plains: [&[u8]; 16],
    tokens: [&mut [u8]; 16],
) {
    let keys = &keys.0;
    let mut prefix = prefixes.iter();
    let mut parts = tokens.map(|token| {
        let prefix = prefix.next().expect("a prefix a lane");
        vector::parts(token, prefix)
    });
    let leading = leading_blocks(prefixes);
    let [mut before, mut chained] = leading;
    let rows = plains.map(|plain| plain.as_chunks::<64>().0);
    let steps = rows.iter().map(|rows| rows.len()).min().unwrap_or_default();
    let mut state = spread(&states.inner);
    // The chain of AES waits for itself most of the time, and so does SHA-256: each pass seals a row and hashes the one before it.
    let mut pending = None;
    for at in 0..steps {
        let plain = blocks_of(gather(&rows, at));
        let sealed = match pending {
            None => encrypt_four(keys, chained, plain),
            Some(words) => encrypt_and_compress(keys, chained, plain, (&mut state, words)),
        };
        for (part, row) in parts.iter_mut().zip(rows_of(sealed)) {
            let (rows, _tail) = part.body.as_chunks_mut::<64>();
            if let Some(place) = rows.get_mut(at) {
                store_wide(place, row);
            }
        }
        let [c0, c1, c2, c3] = sealed;
        pending = Some(message([
            across(before, chained),
            across(chained, c0),
            across(c0, c1),
            across(c1, c2),
        ]));
        [before, chained] = [c2, c3];
    }
    if let Some(words) = pending {
        compress(&mut state, words);
    }
    let ends = plains.map(|plain| vector::padded_rest(plain, steps * 64));
    let count = ends
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or_default();
    let rows = ends.each_ref().map(|(end, _)| load_wide(end));
    let sealed = encrypt_four(keys, chained, blocks_of(rows));
    for (part, row) in parts.iter_mut().zip(rows_of(sealed)) {
        let mut bytes = [0; 64];
        store_wide(&mut bytes, row);
        let rest = part.body.get_mut(steps * 64..).unwrap_or_default();
        for (target, byte) in rest.iter_mut().zip(bytes) {
            *target = byte;
        }
    }
    let length = parts.first().map_or(0, |part| part.mac_input_len);
    seal_end(&mut state, [before, chained], (sealed, count), length);
    for (part, tag) in parts.iter_mut().zip(finish(states, state)) {
        *part.tag = tag;
    }
}

/// Hashes what is left of the tokens, `count` sealed blocks of it, and the padding of SHA-256.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn seal_end(
    state: &mut [Words; 8],
    [before, chained]: [Blocks; 2],
    (sealed, count): ([Blocks; 4], usize),
    length: usize,
) {
    let mut end = [[_mm512_setzero_si512(); 4]; 9];
    let marker = alike(&{
        let mut block = [0; 16];
        block[0] = 0x80;
        block
    });
    let values = [before, chained]
        .into_iter()
        .chain(sealed.into_iter().take(count))
        .chain([marker]);
    for (place, value) in end.iter_mut().zip(values) {
        *place = value;
    }
    let blocks = vector::end_blocks(count);
    if let Some(place) = end.get_mut(4 * blocks) {
        *place = alike(&vector::length_block(length));
    }
    for five in end.windows(5).step_by(4).take(blocks) {
        if let &[v0, v1, v2, v3, v4] = five {
            let quarters = [
                across(v0, v1),
                across(v1, v2),
                across(v2, v3),
                across(v3, v4),
            ];
            compress(state, message(quarters));
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn leading_blocks(prefixes: &[Prefix; 16]) -> [Blocks; 2] {
    let rows = prefixes.each_ref().map(|prefix| {
        let mut row = [0; 64];
        for (target, byte) in row.iter_mut().zip(vector::leading(prefix).as_flattened()) {
            *target = *byte;
        }
        load_wide(&row)
    });
    let [first, second, ..] = blocks_of(rows);
    [first, second]
}

/// The outer hash of HMAC over the inner one, as the bytes of every lane.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn finish(states: &MacStates, inner: [Words; 8]) -> [[u8; 32]; 16] {
    let zero = _mm512_setzero_si512();
    let [a, b, c, d, e, f, g, h] = inner;
    let end = _mm512_set1_epi32(i32::MIN);
    let length = _mm512_set1_epi32(8 * (64 + 32));
    let message = [
        a, b, c, d, e, f, g, h, end, zero, zero, zero, zero, zero, zero, length,
    ];
    let mut state = spread(&states.outer);
    compress(&mut state, message);
    let mut tags = [[0; 32]; 16];
    for (number, word) in state.into_iter().enumerate() {
        let mut row = [0; 64];
        store_wide(&mut row, word);
        let (words, _none) = row.as_chunks::<4>();
        for (place, word) in words.iter().enumerate() {
            let lane = 4 * (place % 4) + place / 4;
            let target = tags
                .get_mut(lane)
                .and_then(|tag| tag.as_chunks_mut::<4>().0.get_mut(number));
            if let Some(target) = target {
                *target = u32::from_le_bytes(*word).to_be_bytes();
            }
        }
    }
    tags
}

/// The MACs of sixteen messages of one length.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
pub(super) fn macs(states: &MacStates, messages: [&[u8]; 16]) -> [[u8; 32]; 16] {
    let rows = messages.map(|message| message.as_chunks::<64>().0);
    let steps = rows.iter().map(|rows| rows.len()).min().unwrap_or_default();
    let mut state = spread(&states.inner);
    for at in 0..steps {
        compress(&mut state, message(blocks_of(gather(&rows, at))));
    }
    let ends = messages.map(|message| {
        let tail = message.get(steps * 64..).unwrap_or_default();
        padded_tail(tail, message.len())
    });
    let count = ends
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or_default();
    let rows = ends.each_ref().map(|(end, _)| end.as_chunks::<64>().0);
    for at in 0..count {
        compress(&mut state, message(blocks_of(gather(&rows, at))));
    }
    finish(states, state)
}

/// Decrypts a body that was verified, sixteen of its own blocks at a time. `plain` is as long as `body`.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
pub(super) fn decrypt(keys: &InverseKeys, iv: &[u8; 16], body: &[u8], plain: &mut [u8]) {
    let [first, inner @ .., last] = &keys.0.0;
    let [first, last] = [load_wide(first), load_wide(last)];
    let mut chained = Zeroizing::new([[0_u8; 16]; 4]);
    let [.., last_chained] = &mut *chained;
    *last_chained = *iv;
    let mut carried = load_wide(
        chained
            .as_flattened()
            .first_chunk()
            .expect("four times sixteen"),
    );
    macro_rules! open {
        ($quad:expr, $plain:expr) => {
            if let ([s0, s1, s2, s3], [p0, p1, p2, p3]) = ($quad, $plain) {
                let [s0, s1, s2, s3] = [load_wide(s0), load_wide(s1), load_wide(s2), load_wide(s3)];
                let mut b0 = _mm512_xor_si512(s0, first);
                let mut b1 = _mm512_xor_si512(s1, first);
                let mut b2 = _mm512_xor_si512(s2, first);
                let mut b3 = _mm512_xor_si512(s3, first);
                for key in inner {
                    let key = load_wide(key);
                    b0 = _mm512_aesdec_epi128(b0, key);
                    b1 = _mm512_aesdec_epi128(b1, key);
                    b2 = _mm512_aesdec_epi128(b2, key);
                    b3 = _mm512_aesdec_epi128(b3, key);
                }
                // What CBC adds to a block is the block of ciphertext before it, and the last key comes with it.
                let [m0, m1] = [shifted(carried, s0), shifted(s0, s1)];
                let [m2, m3] = [shifted(s1, s2), shifted(s2, s3)];
                store_wide(p0, _mm512_aesdeclast_epi128(b0, _mm512_xor_si512(last, m0)));
                store_wide(p1, _mm512_aesdeclast_epi128(b1, _mm512_xor_si512(last, m1)));
                store_wide(p2, _mm512_aesdeclast_epi128(b2, _mm512_xor_si512(last, m2)));
                store_wide(p3, _mm512_aesdeclast_epi128(b3, _mm512_xor_si512(last, m3)));
                s3
            } else {
                carried
            }
        };
    }
    let (quads, rest) = body.as_chunks::<256>();
    let (plain_quads, plain_rest) = plain.as_chunks_mut::<256>();
    for (quad, plain) in quads.iter().zip(plain_quads) {
        carried = open!(quad.as_chunks::<64>().0, plain.as_chunks_mut::<64>().0);
    }
    let mut end = [0; 256];
    for (target, byte) in end.iter_mut().zip(rest) {
        *target = *byte;
    }
    let mut opened = Zeroizing::new([0; 256]);
    let _end: Group = open!(end.as_chunks::<64>().0, opened.as_chunks_mut::<64>().0);
    for (target, byte) in plain_rest.iter_mut().zip(opened.iter()) {
        *target = *byte;
    }
}

/// The four blocks before each of the four of `this`, `before` being the register before it.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn shifted(before: Group, this: Group) -> Group {
    _mm512_alignr_epi64::<6>(this, before)
}
