//! The expanded keys of the vector paths, on the heap and wiped when dropped.
//!
//! Owns their memory. Must never be copied: a kernel borrows them for the length of a call.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// One AES-128 schedule, each of the eleven round keys four times: the narrow path reads the first copy, the wide one all four.
#[derive(Zeroize, ZeroizeOnDrop)]
#[repr(C, align(64))]
pub(super) struct Schedule(pub(super) [[u8; 64]; 11]);

/// The schedule that encrypts.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct ForwardKeys(pub(super) Schedule);

/// The schedule that decrypts. What only seals never makes one.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct InverseKeys(pub(super) Schedule);

/// SHA-256 after the inner and the outer key block of HMAC.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct MacStates {
    pub(super) inner: [u32; 8],
    pub(super) outer: [u32; 8],
}

impl Schedule {
    const fn blank() -> Self {
        Self([[0; 64]; 11])
    }
}

impl ForwardKeys {
    pub(super) fn blank() -> Self {
        Self(Schedule::blank())
    }
}

impl InverseKeys {
    pub(super) fn blank() -> Self {
        Self(Schedule::blank())
    }
}

impl MacStates {
    pub(super) fn blank() -> Self {
        Self {
            inner: [0; 8],
            outer: [0; 8],
        }
    }
}
