//! Opens an object in layout `Frames` as it streams by: a pipe, a download.
//!
//! Releases each frame once it verified at its place. That nothing is missing is known only when
//! [`Opener::finish`] returns: must never be used where half a plaintext already does harm.

use std::fmt;

use super::{Geometry, wide};
use crate::FernetKey;
use crate::engine::mac;
use crate::engine::open::{self, Meta, OpeningKey};
use crate::header::{Header, Layout, Shape};
use crate::position::{Binding, Place, PositionKey};
use crate::unlock::{self, OpenError, OpenErrorKind};

/// A streaming reader in the memory of one frame.
pub struct Opener {
    header: Header,
    key: OpeningKey,
    positions: PositionKey,
    geometry: Geometry,
    /// Frames opened so far: the number of the next one.
    next: u64,
    /// Sealed bytes that do not make a whole frame yet.
    pending: Vec<u8>,
    length: u64,
}

impl Opener {
    /// Begins with the header, which the caller read off the stream.
    ///
    /// # Errors
    /// [`OpenError`]: another layout, or a key, header and context that do not belong together.
    pub fn new(header: &Header, key: &FernetKey, context: &[u8]) -> Result<Self, OpenError> {
        let of = |kind: OpenErrorKind| kind.of(header.object_id());
        let Shape::Frames(size) = header.birth().shape else {
            return Err(of(OpenErrorKind::Layout {
                found: header.layout(),
                wanted: Layout::Frames,
            }));
        };
        let positions = unlock::positions(header, key, Binding { context }).map_err(of)?;
        let geometry = Geometry::of(size);
        Ok(Self {
            header: header.clone(),
            key: OpeningKey::of(key),
            positions,
            geometry,
            next: 0,
            pending: Vec::with_capacity(geometry.token),
            length: 0,
        })
    }

    /// Takes more sealed bytes, without the header, and appends the plaintext of every frame that
    /// they complete to `out`. On an error `out` is as it was and the opener is of no more use.
    ///
    /// # Errors
    /// [`OpenError`]: a frame does not verify at its place.
    pub fn update(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let before = out.len();
        let mut rest = sealed;
        if !self.pending.is_empty() {
            let room = self.geometry.token - self.pending.len();
            let (first, after) = rest.split_at(room.min(rest.len()));
            self.pending.extend_from_slice(first);
            rest = after;
            if self.pending.len() < self.geometry.token {
                return Ok(());
            }
            let whole = std::mem::take(&mut self.pending);
            self.open_whole(&whole, out)?;
            self.pending = whole;
            self.pending.clear();
        }
        let (whole, tail) = rest.split_at(rest.len() - rest.len() % self.geometry.token);
        self.open_whole(whole, out)
            .inspect_err(|_| open::retract(out, before))?;
        self.pending.extend_from_slice(tail);
        Ok(())
    }

    /// Opens what is left as the last frame and returns the length of the whole plaintext. Only now
    /// is it known that nothing is missing.
    ///
    /// # Errors
    /// [`OpenError`]: the stream was cut, or something was added.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<u64, OpenError> {
        let before = out.len();
        let wanted = self.wanted(self.next, Place::Final);
        open::token(&self.key, &self.pending, wanted, out)
            .map_err(|_refused| self.refuse(self.next))?;
        Ok(self.length.saturating_add(wide(out.len() - before)))
    }

    fn open_whole(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let tokens = sealed.chunks_exact(self.geometry.token);
        let count = wide(tokens.len());
        let wanted = |number, meta: &Meta| self.wanted(self.next + number, Place::Inner)(meta);
        open::run(&self.key, tokens, wanted, out)
            .map_err(|number| self.refuse(self.next + number))?;
        self.next += count;
        self.length = self
            .length
            .saturating_add(count.saturating_mul(wide(self.geometry.plain)));
        Ok(())
    }

    /// Whether an authentic token belongs at a place.
    fn wanted(&self, index: u64, place: Place) -> impl Fn(&Meta) -> bool + use<> {
        let iv = self.positions.frame(index, place);
        let created = self.header.created();
        move |meta| meta.created == created && mac::equal(&meta.iv, &iv)
    }

    fn refuse(&self, index: u64) -> OpenError {
        OpenErrorKind::Frame { index }.of(self.header.object_id())
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("header", &self.header)
            .field("frames", &self.next)
            .finish_non_exhaustive()
    }
}
