//! Everything in this crate that the compiler cannot check: vector loads and stores through references, and the calls into code that
//! was compiled for instructions this CPU may not have.
//!
//! Owns the two proofs that make those calls sound: [`OneFrame`] and [`ManyFrames`] exist only where their instructions do. Must never
//! hold arithmetic: what can be wrong here is one pointer or one missing instruction, never a cipher.
#![expect(
    unsafe_code,
    reason = "vector memory access and calls into code for detected instructions"
)]

use core::arch::x86_64::{
    __m128i, __m512i, _mm_loadu_si128, _mm_storeu_si128, _mm512_loadu_si512, _mm512_storeu_si512,
};

use std::sync::OnceLock;

use super::keys::{ForwardKeys, InverseKeys, MacStates};
use super::vector::Prefix;
use super::{fused, wide};

/// Proof that AES-NI, SHA-NI and SSE4.1 are here.
#[derive(Debug, Clone, Copy)]
pub(super) struct OneFrame(());

/// Proof that VAES and the needed parts of AVX-512 are here, and [`OneFrame`] too.
#[derive(Debug, Clone, Copy)]
pub(super) struct ManyFrames(());

#[expect(clippy::unused_self, reason = "the proof is spent by being there")]
impl OneFrame {
    /// Asks the CPU once.
    pub(super) fn detect() -> Option<Self> {
        static HERE: OnceLock<bool> = OnceLock::new();
        let here = *HERE.get_or_init(|| {
            is_x86_feature_detected!("aes")
                && is_x86_feature_detected!("sha")
                && is_x86_feature_detected!("ssse3")
                && is_x86_feature_detected!("sse4.1")
        });
        here.then_some(Self(()))
    }

    pub(super) fn forward_keys(self, key: &[u8; 16], into: &mut ForwardKeys) {
        // SAFETY: `self` was made by `detect`, which saw every feature that `fused` enables.
        unsafe { fused::forward_keys(key, into) }
    }

    pub(super) fn inverse_keys(self, key: &[u8; 16], into: &mut InverseKeys) {
        // SAFETY: `self` was made by `detect`, which saw every feature that `fused` enables.
        unsafe { fused::inverse_keys(key, into) }
    }

    pub(super) fn mac_states(self, secret: &[u8; 16], into: &mut MacStates) {
        // SAFETY: `self` was made by `detect`, which saw every feature that `fused` enables.
        unsafe { fused::mac_states(secret, into) }
    }

    pub(super) fn seal(
        self,
        (keys, states): (&ForwardKeys, &MacStates),
        prefix: &Prefix,
        plain: &[u8],
        token: &mut [u8],
    ) {
        // SAFETY: `self` was made by `detect`, which saw every feature that `fused` enables.
        unsafe { fused::seal((keys, states), prefix, plain, token) }
    }

    pub(super) fn mac(self, states: &MacStates, message: &[u8]) -> [u8; 32] {
        // SAFETY: `self` was made by `detect`, which saw every feature that `fused` enables.
        unsafe { fused::mac(states, message) }
    }

    pub(super) fn decrypt(self, keys: &InverseKeys, iv: &[u8; 16], body: &[u8], plain: &mut [u8]) {
        // SAFETY: `self` was made by `detect`, which saw every feature that `fused` enables.
        unsafe { fused::decrypt(keys, iv, body, plain) }
    }
}

#[expect(clippy::unused_self, reason = "the proof is spent by being there")]
impl ManyFrames {
    /// Asks the CPU once.
    pub(super) fn detect() -> Option<Self> {
        static HERE: OnceLock<bool> = OnceLock::new();
        let here = *HERE.get_or_init(|| {
            OneFrame::detect().is_some()
                && is_x86_feature_detected!("vaes")
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
        });
        here.then_some(Self(()))
    }

    pub(super) fn one(self) -> OneFrame {
        OneFrame(())
    }

    pub(super) fn seal(
        self,
        (keys, states): (&ForwardKeys, &MacStates),
        prefixes: &[Prefix; 16],
        plains: [&[u8]; 16],
        tokens: [&mut [u8]; 16],
    ) {
        // SAFETY: `self` was made by `detect`, which saw every feature that `wide` enables.
        unsafe { wide::seal((keys, states), prefixes, plains, tokens) }
    }

    pub(super) fn macs(self, states: &MacStates, messages: [&[u8]; 16]) -> [[u8; 32]; 16] {
        // SAFETY: `self` was made by `detect`, which saw every feature that `wide` enables.
        unsafe { wide::macs(states, messages) }
    }

    pub(super) fn decrypt(self, keys: &InverseKeys, iv: &[u8; 16], body: &[u8], plain: &mut [u8]) {
        // SAFETY: `self` was made by `detect`, which saw every feature that `wide` enables.
        unsafe { wide::decrypt(keys, iv, body, plain) }
    }

    pub(super) fn base64(self, bytes: &[u8], text: &mut [u8]) -> usize {
        // SAFETY: `self` was made by `detect`, which saw every feature that `wide` enables.
        unsafe { wide::base64(bytes, text) }
    }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is valid for reads of 16 bytes, and the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store(bytes: &mut [u8; 16], value: __m128i) {
    // SAFETY: the reference is valid for writes of 16 bytes, and the store needs no alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_wide(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the reference is valid for reads of 64 bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_wide(bytes: &mut [u8; 64], value: __m512i) {
    // SAFETY: the reference is valid for writes of 64 bytes, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), value) }
}
