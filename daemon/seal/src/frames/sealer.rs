//! Seals a stream into frames, in the memory of sixteen frames: as many as the engine seals side by side.
//!
//! Must never write a last frame that is whole, nor hold more plaintext than that.

use std::fmt;

use zeroize::Zeroizing;

use super::{Geometry, wide};
use crate::FernetKey;
use crate::engine::seal::{self, SealingKey};
use crate::header::{Birth, FrameSize, Header, ObjectId, Shape};
use crate::position::{self, Binding, Place, PositionKey};
use crate::wrap::WrappedKey;

/// How many frames are gathered before they are sealed.
const BATCH: usize = 16;

/// Writes one object in layout `Frames`. An object whose sealer was dropped before
/// [`Sealer::finish`] has no last frame, and no reader accepts it.
pub struct Sealer {
    key: SealingKey,
    positions: PositionKey,
    created: u64,
    geometry: Geometry,
    /// Frames sealed so far: the number of the next one.
    next: u64,
    /// Plaintext that does not fill a batch yet. Its room is never outgrown; what was sealed is overwritten by what
    /// comes, and all of it is wiped with the sealer.
    pending: Zeroizing<Vec<u8>>,
    length: u64,
}

impl Sealer {
    /// Begins an object under its own fresh data key; the second value is its header.
    ///
    /// A data key seals one object, ever. `context` is what a reader must name again: the bucket.
    #[must_use]
    pub fn new(
        key: &FernetKey,
        wrapped: &WrappedKey,
        id: ObjectId,
        created: u64,
        context: &[u8],
    ) -> (Self, Vec<u8>) {
        Self::with_frames(
            key,
            wrapped,
            FrameSize::DEFAULT,
            (id, created),
            Binding { context },
        )
    }

    pub(crate) fn with_frames(
        key: &FernetKey,
        wrapped: &WrappedKey,
        size: FrameSize,
        (id, created): (ObjectId, u64),
        binding: Binding<'_>,
    ) -> (Self, Vec<u8>) {
        let birth = Birth {
            shape: Shape::Frames(size),
            id,
            created,
        };
        let derived = position::derive(key, &birth.to_bytes(), binding);
        let geometry = Geometry::of(size);
        let header = Header::new(birth, derived.commitment, wrapped.clone());
        let sealer = Self {
            key: SealingKey::of(key),
            positions: derived.positions,
            created,
            geometry,
            next: 0,
            pending: Zeroizing::new(Vec::with_capacity(geometry.plain * BATCH)),
            length: 0,
        };
        (sealer, header.to_bytes().to_vec())
    }

    /// Takes more plaintext, in pieces of any length, and appends the tokens of every sixteen frames that it fills to
    /// `out`; the rest waits for more, or for [`Sealer::finish`].
    pub fn update(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        self.length = self.length.saturating_add(wide(plain.len()));
        let batch = self.geometry.plain * BATCH;
        let mut rest = plain;
        if !self.pending.is_empty() {
            let room = batch - self.pending.len();
            let (first, after) = rest.split_at(room.min(rest.len()));
            self.pending.extend_from_slice(first);
            rest = after;
            if self.pending.len() < batch {
                return;
            }
            let full = std::mem::take(&mut *self.pending);
            self.seal_whole(&full, out);
            *self.pending = full;
            self.pending.clear();
        }
        // What fills whole batches by itself need not be copied.
        let (whole, tail) = rest.split_at(rest.len() - rest.len() % batch);
        self.seal_whole(whole, out);
        self.pending.extend_from_slice(tail);
    }

    /// Seals what is left, ending in the last frame, and returns the length of the whole plaintext.
    pub fn finish(mut self, out: &mut Vec<u8>) -> u64 {
        let pending = std::mem::take(&mut self.pending);
        let (whole, last) = pending.split_at(pending.len() - pending.len() % self.geometry.plain);
        self.seal_whole(whole, out);
        let iv = self.positions.frame(self.next, Place::Final);
        seal::token(&self.key, &iv, self.created, last, out);
        self.length
    }

    fn seal_whole(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let frames = plain.chunks_exact(self.geometry.plain);
        let count = frames.len();
        out.reserve(count * self.geometry.token);
        let first = self.next;
        let iv_of = |number| self.positions.frame(first + number, Place::Inner);
        seal::run(
            &self.key,
            self.created,
            (frames, self.geometry.plain),
            iv_of,
            out,
        );
        self.next += wide(count);
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("frames", &self.next)
            .finish_non_exhaustive()
    }
}
