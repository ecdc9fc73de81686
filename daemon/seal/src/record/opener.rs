//! Opens a log record by record, in order.
//!
//! Must never release a record that does not verify under its number and its tag, nor call a log
//! complete whose final record it has not seen.

use std::fmt;

use zeroize::Zeroizing;

use super::{Framed, Tag, Torn};
use crate::FernetKey;
use crate::engine::mac;
use crate::engine::open::{self, Meta, OpeningKey};
use crate::header::{Header, Layout};
use crate::position::{Binding, Place, PositionKey};
use crate::unlock::{self, OpenError, OpenErrorKind};

/// One record that verified at its place.
pub struct Record {
    /// Its number in the log, from 0.
    pub sequence: u64,
    /// What it is filed under.
    pub tag: Tag,
    /// Its plaintext, wiped when dropped.
    pub plain: Zeroizing<Vec<u8>>,
}

/// Reads one log in layout `Records`.
pub struct RecordOpener {
    header: Header,
    key: OpeningKey,
    positions: PositionKey,
    next: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
}

/// How a log ended that holds nothing but whole, authentic records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ending {
    /// With its final record: nothing is missing.
    Closed {
        /// How many records it holds, the final one left out.
        records: u64,
    },
    /// Without one: a log still being written, a crash, or a truncation between records. Only a
    /// count kept elsewhere can tell these apart.
    Unclosed {
        /// How many records it holds.
        records: u64,
    },
}

impl RecordOpener {
    /// Begins with the header of the log.
    ///
    /// # Errors
    /// [`OpenError`]: another layout, or a key, header and context that do not belong together.
    pub fn new(header: &Header, key: &FernetKey, context: &[u8]) -> Result<Self, OpenError> {
        let of = |kind: OpenErrorKind| kind.of(header.object_id());
        if header.layout() != Layout::Records {
            return Err(of(OpenErrorKind::Layout {
                found: header.layout(),
                wanted: Layout::Records,
            }));
        }
        let positions = unlock::positions(header, key, Binding { context }).map_err(of)?;
        Ok(Self {
            header: header.clone(),
            key: OpeningKey::of(key),
            positions,
            next: 0,
            state: State::Open,
        })
    }

    /// Takes the next record off the front of `input`.
    ///
    /// `Ok(None)`: `input` is empty, or holds only the beginning of a record (and is left as it is, to be
    /// offered again with more behind it), or held the final record. Call [`RecordOpener::end`] when
    /// there is no more, to learn which.
    ///
    /// # Errors
    /// [`OpenError`]: the record is damaged, not of this place, or behind the final one.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Record>, OpenError> {
        if input.is_empty() {
            return Ok(None);
        }
        if self.closed() {
            return Err(self.refuse(OpenErrorKind::AfterFinal {
                sequence: self.next,
            }));
        }
        let sequence = self.next;
        let (framed, rest) = match Framed::split(sequence, input) {
            Ok(split) => split,
            Err(Torn::ShortHead | Torn::ShortToken) => return Ok(None),
            Err(why @ (Torn::LengthOutOfRange | Torn::CheckMismatch | Torn::AfterFinal)) => {
                return Err(self.refuse(OpenErrorKind::Damaged { sequence, why }));
            }
        };
        let plain = self.open(&framed)?;
        if framed.place == Place::Final {
            self.finish(&framed, &plain, rest)?;
            *input = rest;
            return Ok(None);
        }
        self.next = sequence
            .checked_add(1)
            .ok_or_else(|| self.refuse(OpenErrorKind::Record { sequence }))?;
        *input = rest;
        Ok(Some(Record {
            sequence,
            tag: framed.tag,
            plain,
        }))
    }

    /// Whether the final record was seen.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The number of the next record; once closed, how many records there are.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Says how the log ended, given what [`RecordOpener::next`] left of it.
    ///
    /// # Errors
    /// [`OpenError`]: it ends within a record.
    pub fn end(&self, rest: &[u8]) -> Result<Ending, OpenError> {
        let records = self.next;
        if rest.is_empty() {
            return Ok(match self.state {
                State::Closed => Ending::Closed { records },
                State::Open => Ending::Unclosed { records },
            });
        }
        Err(self.refuse(match Framed::split(records, rest) {
            _ if self.closed() => OpenErrorKind::AfterFinal { sequence: records },
            Ok(_) => OpenErrorKind::Torn {
                sequence: records,
                why: Torn::ShortToken,
            },
            Err(why) => OpenErrorKind::Torn {
                sequence: records,
                why,
            },
        }))
    }

    /// As [`RecordOpener::end`], for a log that must have been closed.
    ///
    /// # Errors
    /// [`OpenError`]: it was not, or ends within a record.
    pub fn end_closed(&self, rest: &[u8]) -> Result<u64, OpenError> {
        match self.end(rest)? {
            Ending::Closed { records } => Ok(records),
            Ending::Unclosed { records } => Err(self.refuse(OpenErrorKind::Unclosed { records })),
        }
    }

    fn open(&self, framed: &Framed<'_>) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let iv = self.positions.record(self.next, framed.place, &framed.tag);
        let created = self.header.created();
        let wanted = |meta: &Meta| meta.created == created && mac::equal(&meta.iv, &iv);
        let mut plain = Zeroizing::new(Vec::with_capacity(framed.token.len()));
        open::token(&self.key, framed.token, wanted, &mut plain).map_err(|_refused| {
            self.refuse(OpenErrorKind::Record {
                sequence: self.next,
            })
        })?;
        Ok(plain)
    }

    fn finish(&mut self, framed: &Framed<'_>, plain: &[u8], rest: &[u8]) -> Result<(), OpenError> {
        let sequence = self.next;
        if !plain.is_empty() || framed.tag != [0; 16] {
            return Err(self.refuse(OpenErrorKind::Record { sequence }));
        }
        if !rest.is_empty() {
            return Err(self.refuse(OpenErrorKind::AfterFinal { sequence }));
        }
        self.state = State::Closed;
        Ok(())
    }

    fn refuse(&self, kind: OpenErrorKind) -> OpenError {
        kind.of(self.header.object_id())
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("sequence", &self.sequence)
            .field("bytes", &self.plain.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RecordOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordOpener")
            .field("header", &self.header)
            .field("next", &self.next)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
