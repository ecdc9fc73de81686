//! The layout for random access: equal frames, the last one shorter, each its own token.
//!
//! Owns the arithmetic of lengths and offsets. Must never let a length count that no writer gives.

pub(crate) mod opener;
pub(crate) mod reader;
pub(crate) mod sealer;
pub(crate) mod source;

use crate::engine::{is_token_len, token_len};
use crate::header::{FrameSize, HEADER_LEN};

/// How the frames of one size lie in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Plaintext bytes of a whole frame.
    pub(crate) plain: usize,
    /// Bytes of its token.
    pub(crate) token: usize,
}

/// How many frames an object of some length has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Whole frames before the last.
    pub(crate) whole: u64,
    /// The length of the last frame's token.
    pub(crate) last_token: usize,
}

impl Geometry {
    pub(crate) const fn of(size: FrameSize) -> Self {
        let plain = size.bytes();
        Self {
            plain,
            token: token_len(plain),
        }
    }

    /// The extent of an object of `length` bytes, or `None` if none has that length.
    pub(crate) fn extent(self, length: u64) -> Option<Extent> {
        let body = length.checked_sub(wide(HEADER_LEN))?;
        let last_token = usize::try_from(body % wide(self.token)).ok()?;
        // A remainder is below a whole token, so the last frame is below a whole frame.
        is_token_len(last_token).then_some(Extent {
            whole: body / wide(self.token),
            last_token,
        })
    }

    /// Where a frame begins, or `None` beyond what a file can hold.
    pub(crate) fn offset(self, index: u64) -> Option<u64> {
        index
            .checked_mul(wide(self.token))?
            .checked_add(wide(HEADER_LEN))
    }
}

/// A length in memory as a length in a file.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).expect("no address space is wider than 64 bits")
}

/// A length in a file that is known to be one in memory too.
pub(crate) fn narrow(length: u64) -> usize {
    usize::try_from(length).expect("bounded by a length in memory")
}

#[cfg(test)]
mod tests;
