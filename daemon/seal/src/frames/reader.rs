//! Reads any range of an object in layout `Frames`, opening only the frames that the range touches.
//!
//! Must never tell a length before the last frame verified at its place, and never leave a byte in the
//! caller's buffer from a call that failed.

use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

use super::source::{self, Source};
use super::{Geometry, narrow, wide};
use crate::FernetKey;
use crate::engine::open::{self, Meta, OpeningKey};
use crate::engine::{BLOCK_LEN, mac};
use crate::header::{HEADER_LEN, Header, Layout, Shape};
use crate::position::{Binding, Place, PositionKey};
use crate::unlock::{self, OpenError, OpenErrorKind};

/// How many frames are fetched at once: with the default size, a quarter of a mebibyte.
const BATCH: u64 = 16;

/// An object whose header fits its key and whose last frame verified. Many threads may read it.
pub struct ObjectReader<F> {
    source: F,
    header: Header,
    key: OpeningKey,
    positions: PositionKey,
    geometry: Geometry,
    /// Whole frames before the last one: also the last one's number.
    whole: u64,
    last_token: usize,
    length: u64,
}

impl<F: Source> ObjectReader<F> {
    /// Opens an object: header, commitment, length, last frame, in this order.
    ///
    /// # Errors
    /// [`OpenError`]. Nothing of the object is known to be true before this returns.
    pub fn open(source: F, key: &FernetKey, context: &[u8]) -> Result<Self, OpenError> {
        let header = read_header(&source)?;
        let of = |kind: OpenErrorKind| kind.of(header.object_id());
        let Shape::Frames(size) = header.birth().shape else {
            return Err(of(OpenErrorKind::Layout {
                found: header.layout(),
                wanted: Layout::Frames,
            }));
        };
        let positions = unlock::positions(&header, key, Binding { context }).map_err(of)?;
        let geometry = Geometry::of(size);
        let total = source
            .len()
            .map_err(|cause| of(OpenErrorKind::Source { offset: 0, cause }))?;
        let extent = geometry
            .extent(total)
            .ok_or_else(|| of(OpenErrorKind::Length { found: total }))?;
        let mut reader = Self {
            source,
            header,
            key: OpeningKey::of(key),
            positions,
            geometry,
            whole: extent.whole,
            last_token: extent.last_token,
            length: 0,
        };
        let mut last = Zeroizing::new(Vec::new());
        let mut scratch = Vec::new();
        reader.open_frames(reader.whole, 1, &mut scratch, &mut last)?;
        let length = reader.whole.checked_mul(wide(geometry.plain));
        reader.length = length
            .and_then(|length| length.checked_add(wide(last.len())))
            .ok_or_else(|| reader.refuse(OpenErrorKind::Length { found: total }))?;
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

    /// The header. Authentic but for the wrapped key, which its own ring verifies.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the object is read from.
    pub fn source(&self) -> &F {
        &self.source
    }

    /// Appends up to `max` bytes of plaintext from `offset` on to `out` and returns how many; fewer
    /// only at the end. On an error `out` is as it was.
    ///
    /// # Errors
    /// [`OpenError`]: a frame of the range does not verify at its place, or could not be read.
    pub fn read_at(&self, offset: u64, max: usize, out: &mut Vec<u8>) -> Result<usize, OpenError> {
        let end = self.length.min(offset.saturating_add(wide(max)));
        if offset >= end {
            return Ok(0);
        }
        let before = out.len();
        let wanted = narrow(end - offset);
        // With room for the padding of the last frame, so that nothing moves and leaves a copy.
        out.reserve(wanted.saturating_add(BLOCK_LEN));
        let mut verdict = self.read_range(offset, end, out);
        // A source exchanged while it is open can hold another last frame under the same key.
        if verdict.is_ok() && out.len() - before != wanted {
            verdict = Err(self.refuse(OpenErrorKind::Frame { index: self.whole }));
        }
        match verdict {
            Ok(()) => Ok(wanted),
            Err(error) => {
                open::retract(out, before);
                Err(error)
            }
        }
    }

    fn read_range(&self, offset: u64, end: u64, out: &mut Vec<u8>) -> Result<(), OpenError> {
        let frame = wide(self.geometry.plain);
        let mut scratch = Vec::new();
        let mut piece = Zeroizing::new(Vec::new());
        let mut at = offset;
        while at < end {
            let index = at / frame;
            let count = BATCH.min((end - 1) / frame - index + 1);
            let span = index * frame..end.min((index + count).saturating_mul(frame));
            if span.start == at && span.end == self.covered(index + count) {
                self.open_frames(index, count, &mut scratch, out)?;
            } else {
                // The ends of a range are opened aside and cut, so that no more than was asked for
                // reaches the caller.
                piece.zeroize();
                piece.reserve(self.geometry.plain * 16 + BLOCK_LEN);
                self.open_frames(index, count, &mut scratch, &mut piece)?;
                let [from, to] = [at - span.start, span.end - span.start].map(usize::try_from);
                let cut = from
                    .ok()
                    .zip(to.ok())
                    .and_then(|(from, to)| piece.get(from..to));
                let cut = cut.ok_or_else(|| self.refuse(OpenErrorKind::Frame { index }))?;
                out.extend_from_slice(cut);
            }
            at = span.end;
        }
        Ok(())
    }

    /// How much plaintext there is before a frame, or in all.
    fn covered(&self, index: u64) -> u64 {
        self.length
            .min(index.saturating_mul(wide(self.geometry.plain)))
    }

    /// Fetches and opens `count` neighbouring frames.
    fn open_frames(
        &self,
        first: u64,
        count: u64,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let whole = count.min(self.whole.saturating_sub(first));
        let last = if whole < count { self.last_token } else { 0 };
        let whole_bytes = narrow(whole) * self.geometry.token;
        let offset = self
            .geometry
            .offset(first)
            .ok_or_else(|| self.refuse(OpenErrorKind::Frame { index: first }))?;
        scratch.resize(whole_bytes + last, 0);
        source::fill(&self.source, scratch, offset)
            .map_err(|cause| self.refuse(OpenErrorKind::Source { offset, cause }))?;
        let (inner, last) = scratch.split_at(whole_bytes);
        open::run(
            &self.key,
            inner.chunks_exact(self.geometry.token),
            |number, meta| self.belongs(meta, first + number, Place::Inner),
            out,
        )
        .map_err(|number| {
            self.refuse(OpenErrorKind::Frame {
                index: first + number,
            })
        })?;
        if !last.is_empty() {
            let wanted = |meta: &Meta| self.belongs(meta, self.whole, Place::Final);
            open::token(&self.key, last, wanted, out)
                .map_err(|_refused| self.refuse(OpenErrorKind::Frame { index: self.whole }))?;
        }
        Ok(())
    }

    /// Whether an authentic token is the one of this place.
    fn belongs(&self, meta: &Meta, index: u64, place: Place) -> bool {
        let iv = self.positions.frame(index, place);
        meta.created == self.header.created() && mac::equal(&meta.iv, &iv)
    }

    fn refuse(&self, kind: OpenErrorKind) -> OpenError {
        kind.of(self.header.object_id())
    }
}

fn read_header(source: &impl Source) -> Result<Header, OpenError> {
    let unreadable = |cause| OpenErrorKind::Source { offset: 0, cause }.nameless();
    let length = source.len().map_err(unreadable)?;
    let mut bytes = vec![
        0;
        usize::try_from(length)
            .unwrap_or(HEADER_LEN)
            .min(HEADER_LEN)
    ];
    source::fill(source, &mut bytes, 0).map_err(unreadable)?;
    Header::parse(&bytes).map_err(|error| OpenErrorKind::Header(error).nameless())
}

impl<F> fmt::Debug for ObjectReader<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader")
            .field("header", &self.header)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
