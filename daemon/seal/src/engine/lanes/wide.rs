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
    __m512i, _mm_set_epi8, _mm512_add_epi32, _mm512_aesdec_epi128, _mm512_aesdeclast_epi128,
    _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_alignr_epi8, _mm512_broadcast_i32x4,
    _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8, _mm512_ror_epi32, _mm512_set_epi8,
    _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_epi8,
    _mm512_shuffle_i64x2, _mm512_srli_epi32, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use zeroize::Zeroizing;

use super::keys::{ForwardKeys, InverseKeys, MacStates, Schedule};
use super::round::ROUNDS;
use super::sys::{load, load_wide, store_wide};
use super::vector::{self, Prefix, padded_tail};

/// One block of each of four lanes.
type Group = __m512i;
/// One word of each of sixteen lanes.
type Words = __m512i;
/// A block of all lanes.
type Blocks = [Group; 4];

const XOR: i32 = 0x96;
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
fn compress(state: &mut [Words; 8], mut w: [Words; 16]) {
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

/// Four rows of four blocks become four columns, or back.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn transposed(rows: [Group; 4]) -> [Group; 4] {
    let [r0, r1, r2, r3] = rows;
    let low01 = _mm512_shuffle_i64x2::<0x44>(r0, r1);
    let low23 = _mm512_shuffle_i64x2::<0x44>(r2, r3);
    let high01 = _mm512_shuffle_i64x2::<0xee>(r0, r1);
    let high23 = _mm512_shuffle_i64x2::<0xee>(r2, r3);
    [
        _mm512_shuffle_i64x2::<0x88>(low01, low23),
        _mm512_shuffle_i64x2::<0xdd>(low01, low23),
        _mm512_shuffle_i64x2::<0x88>(high01, high23),
        _mm512_shuffle_i64x2::<0xdd>(high01, high23),
    ]
}

/// Four words of all lanes out of sixteen bytes of each.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn words_of(quarter: Blocks) -> [Words; 4] {
    let order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    let order = _mm512_broadcast_i32x4(order);
    let [x0, x1, x2, x3] = quarter;
    let x0 = _mm512_shuffle_epi8(x0, order);
    let x1 = _mm512_shuffle_epi8(x1, order);
    let x2 = _mm512_shuffle_epi8(x2, order);
    let x3 = _mm512_shuffle_epi8(x3, order);
    let low01 = _mm512_unpacklo_epi32(x0, x1);
    let high01 = _mm512_unpackhi_epi32(x0, x1);
    let low23 = _mm512_unpacklo_epi32(x2, x3);
    let high23 = _mm512_unpackhi_epi32(x2, x3);
    [
        _mm512_unpacklo_epi64(low01, low23),
        _mm512_unpackhi_epi64(low01, low23),
        _mm512_unpacklo_epi64(high01, high23),
        _mm512_unpackhi_epi64(high01, high23),
    ]
}

/// The message of one SHA-256 block out of its four quarters.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn message(quarters: [Blocks; 4]) -> [Words; 16] {
    let [q0, q1, q2, q3] = quarters;
    let [w0, w1, w2, w3] = words_of(q0);
    let [w4, w5, w6, w7] = words_of(q1);
    let [w8, w9, w10, w11] = words_of(q2);
    let [w12, w13, w14, w15] = words_of(q3);
    [
        w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15,
    ]
}

/// Sixteen bytes of MAC input out of two neighbouring blocks of every lane.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn across(low: Blocks, high: Blocks) -> Blocks {
    let [l0, l1, l2, l3] = low;
    let [h0, h1, h2, h3] = high;
    [
        _mm512_alignr_epi8::<7>(h0, l0),
        _mm512_alignr_epi8::<7>(h1, l1),
        _mm512_alignr_epi8::<7>(h2, l2),
        _mm512_alignr_epi8::<7>(h3, l3),
    ]
}

/// Four blocks of every lane, read out of one row a lane: `[block][group]`.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn blocks_of(rows: [Group; 16]) -> [Blocks; 4] {
    let [
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
        c0,
        c1,
        c2,
        c3,
        d0,
        d1,
        d2,
        d3,
    ] = rows;
    let [a, b] = [transposed([a0, a1, a2, a3]), transposed([b0, b1, b2, b3])];
    let [c, d] = [transposed([c0, c1, c2, c3]), transposed([d0, d1, d2, d3])];
    [
        [a[0], b[0], c[0], d[0]],
        [a[1], b[1], c[1], d[1]],
        [a[2], b[2], c[2], d[2]],
        [a[3], b[3], c[3], d[3]],
    ]
}

/// The reverse of [`blocks_of`].
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn rows_of(blocks: [Blocks; 4]) -> [Group; 16] {
    let [p, q, r, s] = blocks;
    let [a, b] = [
        transposed([p[0], q[0], r[0], s[0]]),
        transposed([p[1], q[1], r[1], s[1]]),
    ];
    let [c, d] = [
        transposed([p[2], q[2], r[2], s[2]]),
        transposed([p[3], q[3], r[3], s[3]]),
    ];
    let [
        [a0, a1, a2, a3],
        [b0, b1, b2, b3],
        [c0, c1, c2, c3],
        [d0, d1, d2, d3],
    ] = [a, b, c, d];
    [
        a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3,
    ]
}

/// One block of all lanes under CBC.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn encrypt(keys: &Schedule, chained: Blocks, plain: Blocks) -> Blocks {
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
fn encrypt_four(keys: &Schedule, chained: Blocks, plain: [Blocks; 4]) -> [Blocks; 4] {
    let [p0, p1, p2, p3] = plain;
    let c0 = encrypt(keys, chained, p0);
    let c1 = encrypt(keys, c0, p1);
    let c2 = encrypt(keys, c1, p2);
    [c0, c1, c2, encrypt(keys, c2, p3)]
}

/// Four blocks of AES and, between them, one block of SHA-256 of what was sealed before.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn encrypt_and_compress(
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
    core::arch::x86_64::_mm512_alignr_epi64::<6>(this, before)
}

/// Turns 48 bytes, the first of `bytes`, into 64 characters of url-safe base64. Every character comes out of a register, none out of a
/// table in memory.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
fn characters(bytes: &[u8; 64], alphabet: Group) -> Group {
    // Three bytes a b c become b a c b: then each six bits lie within sixteen that one shift reaches.
    let order = _mm512_set_epi8(
        46, 47, 45, 46, 43, 44, 42, 43, 40, 41, 39, 40, 37, 38, 36, 37, 34, 35, 33, 34, 31, 32, 30,
        31, 28, 29, 27, 28, 25, 26, 24, 25, 22, 23, 21, 22, 19, 20, 18, 19, 16, 17, 15, 16, 13, 14,
        12, 13, 10, 11, 9, 10, 7, 8, 6, 7, 4, 5, 3, 4, 1, 2, 0, 1,
    );
    let shifts = _mm512_set1_epi64(0x3036_242a_1016_040a);
    let spread = _mm512_permutexvar_epi8(order, load_wide(bytes));
    _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(shifts, spread), alphabet)
}

/// Writes all of `bytes` but a last group of one or two, four characters for three bytes, and says how many bytes that was.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
pub(super) fn base64(bytes: &[u8], text: &mut [u8]) -> usize {
    let alphabet = load_wide(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    let (whole, _rest) = bytes.split_at(bytes.len() - bytes.len() % 3);
    let mut ahead = bytes;
    for (group, place) in whole.chunks(48).zip(text.chunks_mut(64)) {
        // What stands behind the 48 bytes is not looked at, so it is read along where there is enough of it.
        let written = if let Some(row) = ahead.first_chunk() {
            characters(row, alphabet)
        } else {
            let mut padded = [0; 64];
            let (front, _zeros) = padded.split_at_mut(group.len());
            front.copy_from_slice(group);
            characters(&padded, alphabet)
        };
        ahead = ahead.get(group.len()..).unwrap_or_default();
        if let (48, Some(place)) = (group.len(), place.first_chunk_mut()) {
            store_wide(place, written);
        } else {
            let mut end = [0; 64];
            store_wide(&mut end, written);
            for (target, byte) in place.iter_mut().zip(end).take(group.len() / 3 * 4) {
                *target = byte;
            }
        }
    }
    whole.len()
}
