//! One token at a time on AES-NI and SHA-NI, encryption and MAC side by side: while a chain of AES waits for its own last block, the
//! core hashes the blocks before it.
//!
//! Owns nothing; borrows keys. Must never branch on, or index by, a byte of key or plaintext.
//!
//! The MAC begins 25 bytes before the ciphertext, so neither's blocks line up with the other's. Seven bytes put in front of the token
//! would make its vector the second block of sixteen and its ciphertext all the others. Sixteen bytes of MAC input are then always cut
//! out of two neighbouring blocks at byte seven, which is one instruction on two registers.

#![expect(
    clippy::many_single_char_names,
    reason = "FIPS 180-4 names the words of the state a to h"
)]

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_aesdec_si128, _mm_aesdeclast_si128, _mm_aesenc_si128,
    _mm_aesenclast_si128, _mm_aesimc_si128, _mm_aeskeygenassist_si128, _mm_alignr_epi8,
    _mm_blend_epi16, _mm_set_epi8, _mm_set_epi32, _mm_setzero_si128, _mm_sha256msg1_epu32,
    _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
    _mm_slli_si128, _mm_xor_si128,
};

use zeroize::Zeroizing;

use super::keys::{ForwardKeys, InverseKeys, MacStates, Schedule};
use super::round::{INITIAL, ROUNDS};
use super::sys::{load, store};
use super::vector::{self, Prefix, padded_tail};

/// SHA-256 between two blocks, in the order of registers that SHA-NI wants.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
pub(super) fn forward_keys(key: &[u8; 16], into: &mut ForwardKeys) {
    for (copies, round) in into.0.0.iter_mut().zip(expand(key)) {
        spread(copies, round);
    }
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
pub(super) fn inverse_keys(key: &[u8; 16], into: &mut InverseKeys) {
    for (number, (copies, round)) in into.0.0.iter_mut().rev().zip(expand(key)).enumerate() {
        let outer = number == 0 || number == 10;
        spread(
            copies,
            if outer {
                round
            } else {
                _mm_aesimc_si128(round)
            },
        );
    }
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn spread(copies: &mut [u8; 64], round: __m128i) {
    let (copies, _none) = copies.as_chunks_mut::<16>();
    for copy in copies {
        store(copy, round);
    }
}

/// FIPS 197 §5.2.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn expand(key: &[u8; 16]) -> [__m128i; 11] {
    macro_rules! next {
        ($previous:ident, $constant:literal) => {{
            let mut words = $previous;
            for _ in 0..3 {
                words = _mm_xor_si128($previous, _mm_slli_si128::<4>(words));
            }
            let turned = _mm_aeskeygenassist_si128::<$constant>($previous);
            _mm_xor_si128(words, _mm_shuffle_epi32::<0xff>(turned))
        }};
    }
    let k0 = load(key);
    let k1 = next!(k0, 0x01);
    let k2 = next!(k1, 0x02);
    let k3 = next!(k2, 0x04);
    let k4 = next!(k3, 0x08);
    let k5 = next!(k4, 0x10);
    let k6 = next!(k5, 0x20);
    let k7 = next!(k6, 0x40);
    let k8 = next!(k7, 0x80);
    let k9 = next!(k8, 0x1b);
    let k10 = next!(k9, 0x36);
    [k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10]
}

/// RFC 2104: the states after the two blocks that only depend on the key.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
pub(super) fn mac_states(secret: &[u8; 16], into: &mut MacStates) {
    for (pad, state) in [(0x36, &mut into.inner), (0x5c, &mut into.outer)] {
        let mut block = Zeroizing::new([pad; 64]);
        for (byte, secret) in block.iter_mut().zip(secret) {
            *byte ^= secret;
        }
        *state = words(compress(state_of(&INITIAL), message(&block)));
    }
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn state_of(words: &[u32; 8]) -> State {
    let [a, b, c, d, e, f, g, h] = words.map(u32::cast_signed);
    State {
        abef: _mm_set_epi32(a, b, e, f),
        cdgh: _mm_set_epi32(c, d, g, h),
    }
}

/// The state as two rows of four words, the first word lowest.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn rows(state: State) -> [__m128i; 2] {
    let feba = _mm_shuffle_epi32::<0x1b>(state.abef);
    let dchg = _mm_shuffle_epi32::<0xb1>(state.cdgh);
    [
        _mm_blend_epi16::<0xf0>(feba, dchg),
        _mm_alignr_epi8::<8>(dchg, feba),
    ]
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
fn words(state: State) -> [u32; 8] {
    let mut bytes = [0; 32];
    let (halves, _none) = bytes.as_chunks_mut::<16>();
    for (half, row) in halves.iter_mut().zip(rows(state)) {
        store(half, row);
    }
    let (words, _none) = bytes.as_chunks::<4>();
    let mut words = words.iter().copied().map(u32::from_le_bytes);
    std::array::from_fn(|_| words.next().unwrap_or_default())
}

/// Turns the bytes of every word around: SHA-256 counts from the other end.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn turned(bytes: __m128i) -> __m128i {
    let order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    _mm_shuffle_epi8(bytes, order)
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn message(block: &[u8; 64]) -> [__m128i; 4] {
    // Written out: a closure is not compiled for these instructions where the library calls it, and would not be inlined.
    match block.as_chunks::<16>().0 {
        [q0, q1, q2, q3] => [
            turned(load(q0)),
            turned(load(q1)),
            turned(load(q2)),
            turned(load(q3)),
        ],
        _ => [_mm_setzero_si128(); 4],
    }
}

/// FIPS 180-4 §6.2.2.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn compress(before: State, message: [__m128i; 4]) -> State {
    let [mut m0, mut m1, mut m2, mut m3] = message;
    let State { mut abef, mut cdgh } = before;
    macro_rules! four_rounds {
        ($message:ident, $constants:expr, $at:literal) => {
            let constants = _mm_set_epi32(
                $constants[$at + 3].cast_signed(),
                $constants[$at + 2].cast_signed(),
                $constants[$at + 1].cast_signed(),
                $constants[$at].cast_signed(),
            );
            let sum = _mm_add_epi32($message, constants);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32::<0x0e>(sum));
        };
    }
    macro_rules! following {
        ($m0:ident, $m1:ident, $m2:ident, $m3:ident) => {
            let seventh = _mm_alignr_epi8::<4>($m3, $m2);
            let sum = _mm_add_epi32(_mm_sha256msg1_epu32($m0, $m1), seventh);
            $m0 = _mm_sha256msg2_epu32(sum, $m3);
        };
    }
    let [first @ .., last] = &ROUNDS;
    for constants in first {
        four_rounds!(m0, constants, 0);
        following!(m0, m1, m2, m3);
        four_rounds!(m1, constants, 4);
        following!(m1, m2, m3, m0);
        four_rounds!(m2, constants, 8);
        following!(m2, m3, m0, m1);
        four_rounds!(m3, constants, 12);
        following!(m3, m0, m1, m2);
    }
    four_rounds!(m0, last, 0);
    four_rounds!(m1, last, 4);
    four_rounds!(m2, last, 8);
    four_rounds!(m3, last, 12);
    State {
        abef: _mm_add_epi32(before.abef, abef),
        cdgh: _mm_add_epi32(before.cdgh, cdgh),
    }
}

/// The outer hash of HMAC over the inner one.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn finish(states: &MacStates, inner: State) -> [u8; 32] {
    let [first, second] = rows(inner);
    let end = _mm_set_epi32(0, 0, 0, i32::MIN);
    let length = _mm_set_epi32(8 * (64 + 32), 0, 0, 0);
    let outer = compress(state_of(&states.outer), [first, second, end, length]);
    let mut tag = [0; 32];
    let (halves, _none) = tag.as_chunks_mut::<16>();
    for (half, row) in halves.iter_mut().zip(rows(outer)) {
        store(half, turned(row));
    }
    tag
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
pub(super) fn mac(states: &MacStates, bytes: &[u8]) -> [u8; 32] {
    let mut state = state_of(&states.inner);
    let (blocks, tail) = bytes.as_chunks::<64>();
    for block in blocks {
        state = compress(state, message(block));
    }
    let (end, count) = padded_tail(tail, bytes.len());
    let (blocks, _none) = end.as_chunks::<64>();
    for block in blocks.iter().take(count) {
        state = compress(state, message(block));
    }
    finish(states, state)
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn round_keys(schedule: &Schedule) -> [__m128i; 11] {
    let mut keys = [_mm_setzero_si128(); 11];
    for (key, copies) in keys.iter_mut().zip(&schedule.0) {
        if let Some(round) = copies.first_chunk() {
            *key = load(round);
        }
    }
    keys
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn encrypt(keys: &[__m128i; 11], chained: __m128i, plain: __m128i) -> __m128i {
    let [first, inner @ .., last] = keys;
    let mut block = _mm_xor_si128(chained, _mm_xor_si128(plain, *first));
    for key in inner {
        block = _mm_aesenc_si128(block, *key);
    }
    _mm_aesenclast_si128(block, *last)
}

/// Sixteen bytes of MAC input out of two neighbouring blocks.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
#[inline]
fn across(low: __m128i, high: __m128i) -> __m128i {
    turned(_mm_alignr_epi8::<7>(high, low))
}

/// Writes the whole token of `plain`. `token` has exactly the length that it takes.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
pub(super) fn seal(
    (keys, states): (&ForwardKeys, &MacStates),
    prefix: &Prefix,
    plain: &[u8],
    token: &mut [u8],
) {
    let keys = round_keys(&keys.0);
    let parts = vector::parts(token, prefix);
    let (blocks, _none) = parts.body.as_chunks_mut::<16>();
    let (whole, tail) = plain.as_chunks::<16>();
    let (fours, rest) = whole.as_chunks::<4>();
    let mut blocks = blocks.iter_mut();
    let mut put = |value| {
        if let Some(block) = blocks.next() {
            store(block, value);
        }
    };
    let [mut before, mut chained] = vector::leading(prefix).map(|block| load(&block));
    let mut state = state_of(&states.inner);
    for [p0, p1, p2, p3] in fours {
        let c0 = encrypt(&keys, chained, load(p0));
        let c1 = encrypt(&keys, c0, load(p1));
        let c2 = encrypt(&keys, c1, load(p2));
        let c3 = encrypt(&keys, c2, load(p3));
        put(c0);
        put(c1);
        put(c2);
        put(c3);
        let quarters = [
            across(before, chained),
            across(chained, c0),
            across(c0, c1),
            across(c1, c2),
        ];
        state = compress(state, quarters);
        [before, chained] = [c2, c3];
    }
    let mut end = [_mm_setzero_si128(); 9];
    let mut places = end.iter_mut();
    let mut place = |value| {
        if let Some(next) = places.next() {
            *next = value;
        }
    };
    place(before);
    place(chained);
    let last = vector::last_block(tail);
    for plain in rest.iter().chain([&*last]) {
        chained = encrypt(&keys, chained, load(plain));
        put(chained);
        place(chained);
    }
    place(_mm_set_epi32(0, 0, 0, 0x80));
    let count = vector::end_blocks(rest.len() + 1);
    if let Some(length) = end.get_mut(4 * count) {
        *length = load(&vector::length_block(parts.mac_input_len));
    }
    for five in end.windows(5).step_by(4).take(count) {
        if let &[v0, v1, v2, v3, v4] = five {
            let quarters = [
                across(v0, v1),
                across(v1, v2),
                across(v2, v3),
                across(v3, v4),
            ];
            state = compress(state, quarters);
        }
    }
    *parts.tag = finish(states, state);
}

/// Decrypts a body that was verified. `plain` is as long as `body`.
#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
pub(super) fn decrypt(keys: &InverseKeys, iv: &[u8; 16], body: &[u8], plain: &mut [u8]) {
    let keys = round_keys(&keys.0);
    let [first, inner @ .., last] = &keys;
    let mut chained = load(iv);
    let (body, _none) = body.as_chunks::<16>();
    let (plain, _none) = plain.as_chunks_mut::<16>();
    let (eights, few) = body.as_chunks::<8>();
    let (eight_plains, few_plains) = plain.as_chunks_mut::<8>();
    for (blocks, plains) in eights.iter().zip(eight_plains) {
        let mut sealed = [_mm_setzero_si128(); 8];
        let mut opened = [_mm_setzero_si128(); 8];
        for ((sealed, opened), block) in sealed.iter_mut().zip(&mut opened).zip(blocks) {
            *sealed = load(block);
            *opened = _mm_xor_si128(*sealed, *first);
        }
        for key in inner {
            for block in &mut opened {
                *block = _mm_aesdec_si128(*block, *key);
            }
        }
        for ((plain, opened), sealed) in plains.iter_mut().zip(opened).zip(sealed) {
            let opened = _mm_aesdeclast_si128(opened, _mm_xor_si128(*last, chained));
            store(plain, opened);
            chained = sealed;
        }
    }
    for (block, plain) in few.iter().zip(few_plains) {
        let sealed = load(block);
        let mut opened = _mm_xor_si128(sealed, *first);
        for key in inner {
            opened = _mm_aesdec_si128(opened, *key);
        }
        let opened = _mm_aesdeclast_si128(opened, _mm_xor_si128(*last, chained));
        store(plain, opened);
        chained = sealed;
    }
}
