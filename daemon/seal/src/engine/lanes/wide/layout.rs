//! How bytes of sixteen lanes come to lie in registers, for AES and for SHA-256, and back. Must never compute.
#![expect(
    clippy::many_single_char_names,
    clippy::large_types_passed_by_value,
    reason = "the words of FIPS 180-4; and what looks large are registers"
)]

use core::arch::x86_64::{
    _mm_set_epi8, _mm512_alignr_epi8, _mm512_broadcast_i32x4, _mm512_shuffle_epi8,
    _mm512_shuffle_i64x2, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64,
};

use super::{Blocks, Group, Words};

/// Four rows of four blocks become four columns, or back.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,vaes,ssse3")]
#[inline]
pub(super) fn transposed(rows: [Group; 4]) -> [Group; 4] {
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
pub(super) fn words_of(quarter: Blocks) -> [Words; 4] {
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
pub(super) fn message(quarters: [Blocks; 4]) -> [Words; 16] {
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
pub(super) fn across(low: Blocks, high: Blocks) -> Blocks {
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
pub(super) fn blocks_of(rows: [Group; 16]) -> [Blocks; 4] {
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
pub(super) fn rows_of(blocks: [Blocks; 4]) -> [Group; 16] {
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
