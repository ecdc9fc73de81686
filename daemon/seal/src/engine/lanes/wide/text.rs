//! Base64 out of registers: no table in memory is indexed by what is written. Must never pad; that is the alphabet's task.

use core::arch::x86_64::{
    _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8, _mm512_set_epi8, _mm512_set1_epi64,
};

use super::super::sys::{load_wide, store_wide};
use super::Group;

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
pub(in crate::engine::lanes) fn base64(bytes: &[u8], text: &mut [u8]) -> usize {
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
