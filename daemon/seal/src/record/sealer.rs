//! Seals records, one token each, numbered from zero.
//!
//! Must never give a number twice, nor hold anything that could open what it sealed.

use std::fmt;

use super::{HEAD_LEN, PLAIN_LIMIT, Tag, write_head};
use crate::FernetKey;
use crate::codes::{Code, coded};
use crate::engine::seal::{self, SealingKey};
use crate::engine::token_len;
use crate::header::{Birth, Header, Layout, ObjectId, Shape};
use crate::position::{self, Binding, Place, PositionKey};
use crate::unlock::{self, OpenError, OpenErrorKind};
use crate::wrap::WrappedKey;

/// Writes one log in layout `Records`.
pub struct RecordSealer {
    key: SealingKey,
    positions: PositionKey,
    created: u64,
    next: u64,
}

impl RecordSealer {
    /// Begins a log under its own fresh data key; the second value is its header.
    #[must_use]
    pub fn new(
        key: &FernetKey,
        wrapped: &WrappedKey,
        id: ObjectId,
        created: u64,
        context: &[u8],
    ) -> (Self, Vec<u8>) {
        let birth = Birth {
            shape: Shape::Records,
            id,
            created,
        };
        let derived = position::derive(key, &birth.to_bytes(), Binding { context });
        let header = Header::new(birth, derived.commitment, wrapped.clone());
        let sealer = Self {
            key: SealingKey::of(key),
            positions: derived.positions,
            created,
            next: 0,
        };
        (sealer, header.to_bytes().to_vec())
    }

    /// Goes on with a log whose every record was verified by a
    /// [`RecordOpener`](crate::RecordOpener) and which was cut at its intact length.
    ///
    /// A crash may have left, on some copy of the disk, a record of this very number that was cut. If
    /// the new one had the same tag it would have the same vector, and whoever holds both could see
    /// whether their first blocks are equal. A log that is resumed therefore gives every record a
    /// [`random_tag`](crate::random_tag).
    ///
    /// # Errors
    /// [`OpenError`]: another layout, or a key, header and context that do not belong together.
    pub fn resume(
        key: &FernetKey,
        header: &Header,
        next_sequence: u64,
        context: &[u8],
    ) -> Result<Self, OpenError> {
        let of = |kind: OpenErrorKind| kind.of(header.object_id());
        if header.layout() != Layout::Records {
            return Err(of(OpenErrorKind::Layout {
                found: header.layout(),
                wanted: Layout::Records,
            }));
        }
        let positions = unlock::positions(header, key, Binding { context }).map_err(of)?;
        Ok(Self {
            key: SealingKey::of(key),
            positions,
            created: header.created(),
            next: next_sequence,
        })
    }

    /// The number of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Appends one record to `out` and returns its number. On an error `out` is as it was.
    ///
    /// # Errors
    /// [`RecordError`]: more than 4 MiB, or no number left.
    pub fn seal(&mut self, tag: &Tag, plain: &[u8], out: &mut Vec<u8>) -> Result<u64, RecordError> {
        if plain.len() > PLAIN_LIMIT {
            return Err(RecordError::TooLong { found: plain.len() });
        }
        let sequence = self.next;
        // The last number of all is kept for the final record.
        let next = sequence.checked_add(1).ok_or(RecordError::Exhausted)?;
        self.append(Place::Inner, tag, plain, out);
        self.next = next;
        Ok(sequence)
    }

    /// Closes the log with an empty record that is marked as final.
    pub fn finish(self, out: &mut Vec<u8>) {
        self.append(Place::Final, &[0; 16], &[], out);
    }

    fn append(&self, place: Place, tag: &Tag, plain: &[u8], out: &mut Vec<u8>) {
        out.reserve(HEAD_LEN + token_len(plain.len()));
        let start = out.len();
        out.resize(start + HEAD_LEN, 0);
        let iv = self.positions.record(self.next, place, tag);
        seal::token(&self.key, &iv, self.created, plain, out);
        let (_, frame) = out.split_at_mut(start);
        let (head, token) = frame.split_at_mut(HEAD_LEN);
        write_head(head, self.next, place, tag, token);
    }
}

impl fmt::Debug for RecordSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordSealer")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// Why a record was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More than [`PLAIN_LIMIT`] bytes.
    #[error("seal a record: {found} bytes are more than {PLAIN_LIMIT}")]
    TooLong {
        /// How many there were.
        found: usize,
    },
    /// No number is left.
    #[error("seal a record: the log has no number left")]
    Exhausted,
}

impl RecordError {
    fn reason(self) -> Code {
        match self {
            Self::TooLong { .. } => Code::RecordTooLong,
            Self::Exhausted => Code::SequenceExhausted,
        }
    }
}

coded!(RecordError);
