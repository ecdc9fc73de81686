//! The layout for appending: one token a record, and what can be said of a log without any key.
//!
//! Owns the frame around a record's token: its length, tag and check. The check finds torn writes and
//! damaged disks; it is no protection against anybody, which is the token's task. Must never need a key:
//! intake finds the end of its own log and cannot read it.

pub(crate) mod opener;
pub(crate) mod sealer;

use std::fmt;
use std::io;

use ring::digest::{Context, SHA256};

use crate::engine::{SHORTEST_TOKEN, is_token_len, token_len};
use crate::frames::source::{self, Source};
use crate::frames::wide;
use crate::header::{HEADER_LEN, Header, HeaderError, Layout};
use crate::position::Place;
use crate::random::{self, RandomError};

/// What a record is filed under, readable without a key and authenticated with one.
pub type Tag = [u8; 16];

/// The most plaintext bytes of one record.
pub const PLAIN_LIMIT: usize = 4 * 1024 * 1024;
/// Length, tag and check.
pub const HEAD_LEN: usize = 4 + 16 + CHECK_LEN;

const CHECK_LEN: usize = 8;
/// The bit of the length that marks the final record.
const FINAL_BIT: u32 = 1 << 31;

/// A fresh random tag, for logs whose records need no name. A log that is continued under the same key
/// after a crash must use one for each record: see [`RecordSealer::resume`](crate::RecordSealer::resume).
///
/// # Errors
/// [`RandomError`] when the kernel gives no randomness.
pub fn random_tag() -> Result<Tag, RandomError> {
    random::block()
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The bytes up to the end of the last intact record, the header included: where to cut.
    pub intact_len: u64,
    /// The tags of the intact records in order, the final one left out. Not authenticated.
    pub tags: Vec<Tag>,
    /// Whether the last intact record is marked as final. Not authenticated.
    pub closed: bool,
    /// What stands behind the intact part, if anything does.
    pub torn: Option<TornAt>,
}

/// Where a log stops making sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornAt {
    /// The offset in the file, the header included.
    pub offset: u64,
    /// The number of the record that would stand there.
    pub sequence: u64,
    /// What is wrong.
    pub why: Torn,
}

/// What is wrong with the frame of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torn {
    /// Fewer bytes than length, tag and check take.
    ShortHead,
    /// A length that no record has.
    LengthOutOfRange,
    /// Fewer bytes than the length promises.
    ShortToken,
    /// The check is another's.
    CheckMismatch,
    /// It stands behind the final record.
    AfterFinal,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShortHead => "fewer bytes than a record's head",
            Self::LengthOutOfRange => "a length that no record has",
            Self::ShortToken => "fewer bytes than its length promises",
            Self::CheckMismatch => "its check does not fit",
            Self::AfterFinal => "it stands behind the final record",
        })
    }
}

/// Finds how much of a log is intact, without a key. `log` begins with the header.
///
/// # Errors
/// [`HeaderError`] if it does not, or the object is one of frames.
pub fn scan(log: &[u8]) -> Result<Scan, HeaderError> {
    let header = Header::parse(log)?;
    if header.layout() != Layout::Records {
        return Err(HeaderError::NotRecords);
    }
    let (_, mut rest) = log.split_at(HEADER_LEN);
    let mut tags = Vec::new();
    let mut closed = false;
    let mut torn = None;
    for sequence in 0_u64.. {
        if rest.is_empty() {
            break;
        }
        let step = if closed {
            Err(Torn::AfterFinal)
        } else {
            Framed::split(sequence, rest)
        };
        match step {
            Ok((framed, after)) => {
                rest = after;
                closed = framed.place == Place::Final;
                if !closed {
                    tags.push(framed.tag);
                }
            }
            Err(why) => {
                let offset = wide(log.len() - rest.len());
                torn = Some(TornAt {
                    offset,
                    sequence,
                    why,
                });
                break;
            }
        }
    }
    let intact_len = wide(log.len() - rest.len());
    Ok(Scan {
        intact_len,
        tags,
        closed,
        torn,
    })
}

/// Whether the bytes end as a closed log does: in the frame of a final record. Not authenticated.
pub(crate) fn ends_closed(log: &(impl Source + ?Sized)) -> io::Result<bool> {
    let mut tail = [0; HEAD_LEN + SHORTEST_TOKEN];
    let Some(offset) = log.len()?.checked_sub(wide(HEADER_LEN + tail.len())) else {
        return Ok(false);
    };
    source::fill(log, &mut tail, offset + wide(HEADER_LEN))?;
    let length = u32::try_from(SHORTEST_TOKEN).unwrap_or(0);
    let mut head = [0; 4 + 16];
    for (target, byte) in head.iter_mut().zip((length | FINAL_BIT).to_be_bytes()) {
        *target = byte;
    }
    Ok(tail.starts_with(&head))
}

/// One record's frame, intact but not authenticated.
pub(crate) struct Framed<'a> {
    pub(crate) place: Place,
    pub(crate) tag: Tag,
    pub(crate) token: &'a [u8],
}

impl<'a> Framed<'a> {
    /// Splits the frame of record `sequence` off the front.
    pub(crate) fn split(sequence: u64, input: &'a [u8]) -> Result<(Self, &'a [u8]), Torn> {
        let (word, rest) = input.split_first_chunk().ok_or(Torn::ShortHead)?;
        let word = u32::from_be_bytes(*word);
        let length =
            usize::try_from(word & !FINAL_BIT).map_err(|_too_wide| Torn::LengthOutOfRange)?;
        // Before more bytes are waited for: a wrong length must not make a reader wait for ever.
        if !is_token_len(length) || length > token_len(PLAIN_LIMIT) {
            return Err(Torn::LengthOutOfRange);
        }
        let (tag, rest) = rest.split_first_chunk().ok_or(Torn::ShortHead)?;
        let (found, rest) = rest.split_first_chunk().ok_or(Torn::ShortHead)?;
        let (token, rest) = rest.split_at_checked(length).ok_or(Torn::ShortToken)?;
        if *found != check(sequence, word, tag, token) {
            return Err(Torn::CheckMismatch);
        }
        let place = if word & FINAL_BIT == 0 {
            Place::Inner
        } else {
            Place::Final
        };
        Ok((
            Self {
                place,
                tag: *tag,
                token,
            },
            rest,
        ))
    }
}

/// Writes the head of a record whose token was appended behind the room for it.
pub(crate) fn write_head(room: &mut [u8], sequence: u64, place: Place, tag: &Tag, token: &[u8]) {
    let length = u32::try_from(token.len()).expect("a record's token is below 2^31");
    let word = match place {
        Place::Inner => length,
        Place::Final => length | FINAL_BIT,
    };
    let check = check(sequence, word, tag, token);
    let fields: [&[u8]; 3] = [&word.to_be_bytes(), tag, &check];
    for (target, &byte) in room.iter_mut().zip(fields.into_iter().flatten()) {
        *target = byte;
    }
}

fn check(sequence: u64, word: u32, tag: &Tag, token: &[u8]) -> [u8; CHECK_LEN] {
    let mut context = Context::new(&SHA256);
    context.update(&sequence.to_be_bytes());
    context.update(&word.to_be_bytes());
    context.update(tag);
    context.update(token);
    *context
        .finish()
        .as_ref()
        .first_chunk()
        .expect("32 bytes begin with 8")
}

#[cfg(test)]
#[expect(clippy::panic_in_result_fn, reason = "tests panic when they fail")]
mod tests;
