//! The rounds of SHA-256 and of AES, sixteen lanes at a time, and both of them interleaved. Must never touch memory but for constants
//! and round keys.
#![expect(
    clippy::large_types_passed_by_value,
    reason = "what looks large are registers"
)]

use core::arch::x86_64::{
    _mm512_add_epi32, _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_ror_epi32,
    _mm512_set1_epi32, _mm512_srli_epi32, _mm512_ternarylogic_epi32,
};

use super::super::keys::Schedule;
use super::super::round::ROUNDS;
use super::super::sys::load_wide;
use super::{Blocks, Words};

pub(super) const XOR: i32 = 0x96;
const CHOOSE: i32 = 0xca;
const MAJORITY: i32 = 0xe8;

/// One round. The sums are ordered by what they wait for: from one `e` to the next, and from one `a` to the next, there are three
/// operations, which costs two additions more than the shortest way to write it.
macro_rules! round {
    ($s:ident, $w:ident, $k:ident, $t:literal) => {
        let [a, b, c, d, e, f, g, h] = $s;
        let constant = _mm512_set1_epi32($k[$t].cast_signed());
        let early = _mm512_add_epi32(h, _mm512_add_epi32($w[$t], constant));
        let early_d = _mm512_add_epi32(d, early);
        let chosen = _mm512_ternarylogic_epi32::<CHOOSE>(e, f, g);
        let turned = _mm512_ternarylogic_epi32::<XOR>(
            _mm512_ror_epi32::<6>(e),
            _mm512_ror_epi32::<11>(e),
            _mm512_ror_epi32::<25>(e),
        );
        let new_e = _mm512_add_epi32(_mm512_add_epi32(early_d, chosen), turned);
        let sum = _mm512_add_epi32(_mm512_add_epi32(early, chosen), turned);
        let majority = _mm512_ternarylogic_epi32::<MAJORITY>(a, b, c);
        let turned = _mm512_ternarylogic_epi32::<XOR>(
            _mm512_ror_epi32::<2>(a),
            _mm512_ror_epi32::<13>(a),
            _mm512_ror_epi32::<22>(a),
        );
        let new_a = _mm512_add_epi32(_mm512_add_epi32(sum, majority), turned);
        $s = [new_a, a, b, c, new_e, e, f, g];
    };
}

macro_rules! following {
    ($w:ident, $t:literal) => {
        let early = $w[($t + 1) % 16];
        let late = $w[($t + 14) % 16];
        let early = _mm512_ternarylogic_epi32::<XOR>(
            _mm512_ror_epi32::<7>(early),
            _mm512_ror_epi32::<18>(early),
            _mm512_srli_epi32::<3>(early),
        );
        let late = _mm512_ternarylogic_epi32::<XOR>(
            _mm512_ror_epi32::<17>(late),
            _mm512_ror_epi32::<19>(late),
            _mm512_srli_epi32::<10>(late),
        );
        let sum = _mm512_add_epi32($w[$t], $w[($t + 9) % 16]);
        $w[$t] = _mm512_add_epi32(_mm512_add_epi32(sum, early), late);
    };
}

macro_rules! sixteen {
    ($each:ident) => {
        $each!(0);
        $each!(1);
        $each!(2);
        $each!(3);
        $each!(4);
        $each!(5);
        $each!(6);
        $each!(7);
        $each!(8);
        $each!(9);
        $each!(10);
        $each!(11);
        $each!(12);
        $each!(13);
        $each!(14);
        $each!(15);
    };
}

/// Sixteen rounds, and the words of the sixteen after them. Not a function: the state stays in registers.
macro_rules! rounds_and_words {
    ($s:ident, $w:ident, $k:ident) => {
        macro_rules! each {
            ($t:literal) => {
                round!($s, $w, $k, $t);
                following!($w, $t);
            };
        }
        sixteen!(each);
    };
}

/// The last sixteen rounds.
macro_rules! rounds {
    ($s:ident, $w:ident, $k:ident) => {
        macro_rules! each {
            ($t:literal) => {
                round!($s, $w, $k, $t);
            };
        }
        sixteen!(each);
    };
}

/// FIPS 180-4 §6.2.2, sixteen times.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
pub(super) fn compress(state: &mut [Words; 8], mut w: [Words; 16]) {
    let [first @ .., last] = &ROUNDS;
    let mut s = *state;
    for k in first {
        rounds_and_words!(s, w, k);
    }
    rounds!(s, w, last);
    for (word, new) in state.iter_mut().zip(s) {
        *word = _mm512_add_epi32(*word, new);
    }
}

/// One block of all lanes under CBC.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
pub(super) fn encrypt(keys: &Schedule, chained: Blocks, plain: Blocks) -> Blocks {
    let [first, inner @ .., last] = &keys.0;
    let first = load_wide(first);
    let [p0, p1, p2, p3] = plain;
    let [c0, c1, c2, c3] = chained;
    let mut b0 = _mm512_ternarylogic_epi32::<XOR>(p0, c0, first);
    let mut b1 = _mm512_ternarylogic_epi32::<XOR>(p1, c1, first);
    let mut b2 = _mm512_ternarylogic_epi32::<XOR>(p2, c2, first);
    let mut b3 = _mm512_ternarylogic_epi32::<XOR>(p3, c3, first);
    for key in inner {
        let key = load_wide(key);
        b0 = _mm512_aesenc_epi128(b0, key);
        b1 = _mm512_aesenc_epi128(b1, key);
        b2 = _mm512_aesenc_epi128(b2, key);
        b3 = _mm512_aesenc_epi128(b3, key);
    }
    let last = load_wide(last);
    [
        _mm512_aesenclast_epi128(b0, last),
        _mm512_aesenclast_epi128(b1, last),
        _mm512_aesenclast_epi128(b2, last),
        _mm512_aesenclast_epi128(b3, last),
    ]
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
pub(super) fn encrypt_four(keys: &Schedule, chained: Blocks, plain: [Blocks; 4]) -> [Blocks; 4] {
    let [p0, p1, p2, p3] = plain;
    let c0 = encrypt(keys, chained, p0);
    let c1 = encrypt(keys, c0, p1);
    let c2 = encrypt(keys, c1, p2);
    [c0, c1, c2, encrypt(keys, c2, p3)]
}

/// Four blocks of AES and, between them, one block of SHA-256 of what was sealed before.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
pub(super) fn encrypt_and_compress(
    keys: &Schedule,
    chained: Blocks,
    plain: [Blocks; 4],
    (state, mut w): (&mut [Words; 8], [Words; 16]),
) -> [Blocks; 4] {
    let [k0, k1, k2, k3] = &ROUNDS;
    let [p0, p1, p2, p3] = plain;
    let mut s = *state;
    let c0 = encrypt(keys, chained, p0);
    rounds_and_words!(s, w, k0);
    let c1 = encrypt(keys, c0, p1);
    rounds_and_words!(s, w, k1);
    let c2 = encrypt(keys, c1, p2);
    rounds_and_words!(s, w, k2);
    let c3 = encrypt(keys, c2, p3);
    rounds!(s, w, k3);
    for (word, new) in state.iter_mut().zip(s) {
        *word = _mm512_add_epi32(*word, new);
    }
    [c0, c1, c2, c3]
}
