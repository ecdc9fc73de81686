//! A message as it streams by, sealed or opened, in the memory of one chunk.
//!
//! Must never write a last chunk that is whole. What the opener released before [`CobblestoneOpener::finish`] is authentic, but that
//! nothing is missing is known only then.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    CHUNK_LEN, COBBLESTONE_HEAD_LEN, CobblestoneError, CobblestoneKey, Derived, SALT_LEN,
    SEALED_LEN, TAG_LEN, derive,
};
use crate::frames::wide;
use crate::random;

/// Writes one message.
pub struct CobblestoneSealer {
    derived: Derived,
    next: u64,
    pending: Zeroizing<Vec<u8>>,
}

impl CobblestoneSealer {
    /// Begins a message under a fresh salt; the second value is its head. `context` is what a reader must name again.
    ///
    /// # Errors
    /// [`CobblestoneError::Random`].
    pub fn new(key: &CobblestoneKey, context: &[u8]) -> Result<(Self, Vec<u8>), CobblestoneError> {
        let mut salt = [0; SALT_LEN];
        random::fill(&mut salt).map_err(CobblestoneError::Random)?;
        Ok(Self::salted(key, &salt, context))
    }

    pub(super) fn salted(
        key: &CobblestoneKey,
        salt: &[u8; SALT_LEN],
        context: &[u8],
    ) -> (Self, Vec<u8>) {
        let derived = derive(key, salt, context);
        let head = [&salt[..], &derived.commitment].concat();
        let sealer = Self {
            derived,
            next: 0,
            pending: Zeroizing::new(Vec::with_capacity(CHUNK_LEN)),
        };
        (sealer, head)
    }

    /// Takes more plaintext and appends every chunk that it fills to `out`.
    ///
    /// # Errors
    /// [`CobblestoneError::TooLong`]; the message is then of no use.
    pub fn update(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), CobblestoneError> {
        let mut rest = plain;
        while self.pending.len() + rest.len() >= CHUNK_LEN {
            let (fill, after) = rest.split_at(CHUNK_LEN - self.pending.len());
            if self.pending.is_empty() {
                self.derived.seal(self.next, fill, out)?;
            } else {
                self.pending.extend_from_slice(fill);
                self.derived.seal(self.next, &self.pending, out)?;
                self.pending.clear();
            }
            self.next += 1;
            rest = after;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Seals what is left as the last chunk, always shorter than a whole one, and returns the length of the plaintext.
    ///
    /// # Errors
    /// [`CobblestoneError::TooLong`].
    pub fn finish(self, out: &mut Vec<u8>) -> Result<u64, CobblestoneError> {
        self.derived.seal(self.next, &self.pending, out)?;
        Ok(self.next * wide(CHUNK_LEN) + wide(self.pending.len()))
    }
}

impl fmt::Debug for CobblestoneSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CobblestoneSealer")
            .field("chunks", &self.next)
            .finish_non_exhaustive()
    }
}

/// Reads one message.
pub struct CobblestoneOpener {
    derived: Derived,
    next: u64,
    /// Sealed bytes of a chunk that is not whole, or not known not to be the last.
    pending: Zeroizing<Vec<u8>>,
}

impl CobblestoneOpener {
    /// Begins with the head, which the caller read off the stream.
    ///
    /// # Errors
    /// [`CobblestoneError::Commitment`].
    pub fn new(
        key: &CobblestoneKey,
        head: &[u8; COBBLESTONE_HEAD_LEN],
        context: &[u8],
    ) -> Result<Self, CobblestoneError> {
        Ok(Self {
            derived: Derived::of_head(key, head, context)?,
            next: 0,
            pending: Zeroizing::new(Vec::with_capacity(SEALED_LEN)),
        })
    }

    /// Takes more sealed bytes, without the head, and appends the plaintext of every chunk that they complete to `out`. On an error
    /// `out` ends with the last chunk that verified, and the opener is of no more use.
    ///
    /// # Errors
    /// [`CobblestoneError::Chunk`], [`CobblestoneError::TooLong`].
    pub fn update(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), CobblestoneError> {
        let mut rest = sealed;
        while self.pending.len() + rest.len() >= SEALED_LEN {
            let (fill, after) = rest.split_at(SEALED_LEN - self.pending.len());
            self.pending.extend_from_slice(fill);
            out.extend_from_slice(self.derived.open(self.next, &mut self.pending)?);
            self.pending.clear();
            self.next += 1;
            rest = after;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Opens what is left as the last chunk and returns the length of the plaintext. Only now is it known that nothing is missing.
    ///
    /// # Errors
    /// [`CobblestoneError::Chunk`]: the stream was cut, or something was added.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<u64, CobblestoneError> {
        if self.pending.len() < TAG_LEN {
            return Err(CobblestoneError::Chunk { index: self.next });
        }
        let last = self.derived.open(self.next, &mut self.pending)?;
        out.extend_from_slice(last);
        Ok(self.next * wide(CHUNK_LEN) + wide(last.len()))
    }
}

impl fmt::Debug for CobblestoneOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CobblestoneOpener")
            .field("chunks", &self.next)
            .finish_non_exhaustive()
    }
}
