//! Any range of a message, opening only the chunks that the range touches.
//!
//! Must never tell a length before the last chunk verified, nor leave a byte of a call that failed with the caller.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    CHUNK_LEN, COBBLESTONE_HEAD_LEN, CobblestoneError, CobblestoneKey, Derived, SEALED_LEN, TAG_LEN,
};
use crate::engine::open;
use crate::frames::source::{self, Source};
use crate::frames::{narrow, wide};

/// A message whose commitment and last chunk verified.
pub struct CobblestoneReader<F> {
    source: F,
    derived: Derived,
    /// Chunks before the last: also the last one's number.
    whole: u64,
    last_sealed: usize,
    length: u64,
}

impl<F: Source> CobblestoneReader<F> {
    /// Opens a message: commitment, length, last chunk, in this order.
    ///
    /// # Errors
    /// [`CobblestoneError`].
    pub fn open(source: F, key: &CobblestoneKey, context: &[u8]) -> Result<Self, CobblestoneError> {
        let failed = |cause| CobblestoneError::Source { offset: 0, cause };
        let found = source.len().map_err(failed)?;
        let length = CobblestoneError::Length { found };
        let Some(body) = found.checked_sub(wide(COBBLESTONE_HEAD_LEN)) else {
            return Err(length);
        };
        let mut head = [0; COBBLESTONE_HEAD_LEN];
        source::fill(&source, &mut head, 0).map_err(failed)?;
        let derived = Derived::of_head(key, &head, context)?;
        let last_sealed = narrow(body % wide(SEALED_LEN));
        if last_sealed < TAG_LEN {
            return Err(length);
        }
        let mut reader = Self {
            source,
            derived,
            whole: body / wide(SEALED_LEN),
            last_sealed,
            length: 0,
        };
        let mut scratch = Zeroizing::new(Vec::new());
        let last = reader.chunk(reader.whole, &mut scratch)?.len();
        // The last chunk verified under its number, so the number is below the limit.
        reader.length = reader.whole * wide(CHUNK_LEN) + wide(last);
        Ok(reader)
    }

    /// The length of the plaintext.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the plaintext has no byte.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends up to `max` bytes of plaintext from `offset` on to `out` and returns how many; fewer only at the end. On an error `out`
    /// is as it was.
    ///
    /// # Errors
    /// [`CobblestoneError`]: a chunk of the range does not verify at its place, or could not be read.
    pub fn read_at(
        &self,
        offset: u64,
        max: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, CobblestoneError> {
        let end = self.length.min(offset.saturating_add(wide(max)));
        let before = out.len();
        out.reserve(narrow(end.saturating_sub(offset)));
        let mut scratch = Zeroizing::new(Vec::with_capacity(SEALED_LEN));
        let mut at = offset;
        while at < end {
            let index = at / wide(CHUNK_LEN);
            let start = index * wide(CHUNK_LEN);
            let until = end.min(start + wide(CHUNK_LEN));
            let piece = self.chunk(index, &mut scratch).and_then(|plain| {
                plain
                    .get(narrow(at - start)..narrow(until - start))
                    .ok_or(CobblestoneError::Chunk { index })
            });
            match piece {
                Ok(piece) => out.extend_from_slice(piece),
                Err(error) => {
                    open::retract(out, before);
                    return Err(error);
                }
            }
            at = until;
        }
        Ok(out.len() - before)
    }

    /// Fetches and opens one chunk within the scratch.
    fn chunk<'a>(
        &self,
        index: u64,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CobblestoneError> {
        let sealed = if index < self.whole {
            SEALED_LEN
        } else {
            self.last_sealed
        };
        let offset = index
            .checked_mul(wide(SEALED_LEN))
            .and_then(|offset| offset.checked_add(wide(COBBLESTONE_HEAD_LEN)))
            .ok_or(CobblestoneError::TooLong)?;
        scratch.clear();
        scratch.resize(sealed, 0);
        source::fill(&self.source, scratch, offset)
            .map_err(|cause| CobblestoneError::Source { offset, cause })?;
        self.derived.open(index, scratch)
    }
}

impl<F> fmt::Debug for CobblestoneReader<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CobblestoneReader")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
