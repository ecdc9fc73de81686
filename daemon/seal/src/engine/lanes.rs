//! The vector paths of the engine, and which of them this CPU has.
//!
//! Owns the choice, made once by asking the CPU, and the shape of a token as the kernels write it. Must never choose what the CPU does
//! not have: the proofs in `sys` make that impossible to write.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

#[cfg(target_arch = "x86_64")]
mod fused;
#[cfg(target_arch = "x86_64")]
mod keys;
#[cfg(target_arch = "x86_64")]
mod round;
#[cfg(target_arch = "x86_64")]
mod sys;
#[cfg(target_arch = "x86_64")]
mod wide;

#[cfg(target_arch = "x86_64")]
mod vector;
#[cfg(target_arch = "x86_64")]
pub(super) use vector::{OpeningLanes, SealingLanes};

/// Writes as much of `bytes` as url-safe base64 into `text` as this CPU does at once, and says how many bytes that was: a multiple of
/// three, perhaps 0.
pub(crate) fn base64(engine: Engine, bytes: &[u8], text: &mut [u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    let written = vector::base64(engine, bytes, text);
    #[cfg(not(target_arch = "x86_64"))]
    let written = {
        let _nowhere: (Engine, &[u8], &mut [u8]) = (engine, bytes, text);
        0
    };
    written
}

/// How this program seals and opens, from the slowest to the fastest. All of them write and accept the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// Any CPU: the AES of `RustCrypto` and ring's SHA-256.
    Portable,
    /// One frame at a time, AES-NI and SHA-NI interleaved.
    OneFrame,
    /// Sixteen frames side by side in the registers of VAES and AVX-512.
    SixteenFrames,
}

/// The fastest engine that keys expanded from now on may use.
static CEILING: AtomicU8 = AtomicU8::new(u8::MAX);

impl Engine {
    /// Every engine, slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::OneFrame, Self::SixteenFrames];

    /// The fastest that this CPU has.
    #[must_use]
    pub fn detected() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if sys::ManyFrames::detect().is_some() {
                return Self::SixteenFrames;
            }
            if sys::OneFrame::detect().is_some() {
                return Self::OneFrame;
            }
        }
        Self::Portable
    }

    /// The one that keys expanded now use.
    #[must_use]
    pub fn chosen() -> Self {
        let ceiling = match CEILING.load(Ordering::Relaxed) {
            0 => Self::Portable,
            1 => Self::OneFrame,
            _ => Self::SixteenFrames,
        };
        Self::detected().min(ceiling)
    }

    /// Lets keys expanded from now on use nothing faster than this: to compare engines, or to go on with a CPU whose vector units are
    /// in doubt.
    pub fn limit(self) {
        CEILING.store(self.rank(), Ordering::Relaxed);
    }

    /// The name that `status` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::OneFrame => "aes-ni+sha-ni x1",
            Self::SixteenFrames => "vaes+avx-512 x16",
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Portable => 0,
            Self::OneFrame => 1,
            Self::SixteenFrames => 2,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
