//! Reading a journal back: every record verified by its key, and what to make of one that is not.
//! Never writes to the journal; it only says where it is intact, and keeps a torn tail aside.

use super::refusal::{JournalError, JournalErrorKind};
use super::writer::{COMMIT_BYTES, commit_of};
use crate::medium::{Medium, remove_if_there, write_new};
use crate::recovery::Torn;
use crate::refusal::DiskError;
use crate::settings::RECORD_BYTES_MAX;
use cofferdam_seal::record::HEAD_LEN;
use cofferdam_seal::{FernetKey, HEADER_LEN, Header, OpenError, OpenErrorKind, RecordOpener, Tag};
use ring::digest;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Bytes read at a time.
const CHUNK_BYTES: u64 = 1 << 20;

/// More than any record is sealed into.
const FRAME_BYTES_MAX: usize = RECORD_BYTES_MAX + 1024;

/// No commit is longer, so no torn tail is.
const TAIL_BYTES_MAX: usize = COMMIT_BYTES + FRAME_BYTES_MAX;

/// Where a journal is intact.
pub(super) struct Replayed {
    pub(super) length: u64,
    pub(super) next_sequence: u64,
    pub(super) torn: Option<Torn>,
}

/// Gives every intact record to `replay`, and decides about the rest.
pub(super) fn replay(
    medium: &dyn Medium,
    path: &Path,
    (header, key, context): (&Header, &FernetKey, &[u8]),
    replay: &mut dyn FnMut(&[u8]),
) -> Result<Replayed, JournalError> {
    let failed = |kind| JournalError::new(path, kind);
    let mut reader = Reader {
        opener: RecordOpener::new(header, key, context).map_err(|error| {
            failed(JournalErrorKind::Key {
                what: error.to_string(),
            })
        })?,
        length: u64::try_from(HEADER_LEN).unwrap_or(u64::MAX),
        rest: Vec::new(),
    };
    let what = reader.read_through(medium, path, replay).map_err(failed)?;
    let Reader {
        opener,
        length,
        rest,
    } = reader;
    let next_sequence = opener.next_sequence();
    if rest.is_empty() {
        return Ok(Replayed {
            length,
            next_sequence,
            torn: None,
        });
    }
    let tail = medium
        .read(path, length, u64::MAX)
        .map_err(|error| failed(JournalErrorKind::Disk(DiskError::new("read", path, &error))))?;
    if let Some(proof) = proof_of_damage(&tail, next_sequence) {
        let what = format!("record {next_sequence}: {what}; {proof}");
        return Err(failed(JournalErrorKind::Damaged {
            offset: length,
            what,
        }));
    }
    let bytes = u64::try_from(tail.len()).unwrap_or(u64::MAX);
    let kept = keep_aside(medium, path, length, &tail);
    let torn = Torn {
        file: path.to_path_buf(),
        offset: length,
        bytes,
        kept,
    };
    Ok(Replayed {
        length,
        next_sequence,
        torn: Some(torn),
    })
}

/// A journal being read, a chunk at a time.
struct Reader {
    opener: RecordOpener,
    /// The length of the intact records so far, the header included.
    length: u64,
    /// Read, and not yet a whole record; begins at `length`.
    rest: Vec<u8>,
}

impl Reader {
    /// Reads until the records end; answers what stands there that is none.
    fn read_through(
        &mut self,
        medium: &dyn Medium,
        path: &Path,
        replay: &mut dyn FnMut(&[u8]),
    ) -> Result<String, JournalErrorKind> {
        loop {
            if let Err(error) = self.take_records(replay) {
                let what = error.to_string();
                if matches!(error.kind, OpenErrorKind::Damaged { .. }) {
                    return Ok(what);
                }
                // Its frame is whole: somebody wrote it, and not with this key.
                return Err(JournalErrorKind::Damaged {
                    offset: self.length,
                    what,
                });
            }
            if self.opener.closed() {
                return Err(JournalErrorKind::Finished);
            }
            let read = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
            let at = self.length.saturating_add(read);
            let more = medium
                .read(path, at, CHUNK_BYTES)
                .map_err(|error| JournalErrorKind::Disk(DiskError::new("read", path, &error)))?;
            if more.is_empty() {
                return Ok("the file ends within a record".to_owned());
            }
            self.rest.extend_from_slice(&more);
        }
    }

    /// Takes whole records off the front of what was read.
    fn take_records(&mut self, replay: &mut dyn FnMut(&[u8])) -> Result<(), OpenError> {
        let mut unread = self.rest.as_slice();
        let outcome = loop {
            match self.opener.next(&mut unread) {
                Ok(Some(record)) => replay(&record.plain),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let consumed = self.rest.len() - unread.len();
        self.length = self
            .length
            .saturating_add(u64::try_from(consumed).unwrap_or(u64::MAX));
        self.rest.drain(..consumed);
        outcome
    }
}

/// Why the tail cannot have been torn by a crash; `None` when it can.
///
/// A crash tears only the last commit, and a commit begins only after the one before it was
/// synced. So an intact record of a commit that began after the record that does not fit proves
/// that that record was on disk once.
fn proof_of_damage(tail: &[u8], expected: u64) -> Option<String> {
    if tail.len() > TAIL_BYTES_MAX {
        return Some(format!(
            "{} bytes follow, more than one commit writes",
            tail.len()
        ));
    }
    let mut places = 1..tail.len();
    let (at, sequence) =
        places.find_map(|at| Some((at, later_record(tail.get(at..)?, at, expected)?)))?;
    Some(format!(
        "record {sequence} of a later commit follows {at} bytes on"
    ))
}

/// The shortest token: one block.
const TOKEN_BYTES_MIN: usize = 1 + 8 + 16 + 16 + 32;

/// The shortest frame: length, tag and check, then the token.
const FRAME_BYTES_MIN: usize = HEAD_LEN + TOKEN_BYTES_MIN;

/// The number of the record that begins here, if it is intact and of a commit that began after
/// record `expected`.
fn later_record(bytes: &[u8], at: usize, expected: u64) -> Option<u64> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (tag, rest) = rest.split_first_chunk::<16>()?;
    let (check, rest) = rest.split_first_chunk::<8>()?;
    let token_bytes = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let token = rest.get(..token_bytes)?;
    // So many records fit in between at most.
    let between = u64::try_from(at / FRAME_BYTES_MIN).ok()?;
    let last = expected.saturating_add(between).saturating_add(1);
    let commit = commit_of(tag);
    if commit <= expected || commit > last || token_bytes < TOKEN_BYTES_MIN {
        return None;
    }
    (commit..=last).find(|sequence| check_of(*sequence, *length, tag, token) == *check)
}

fn check_of(sequence: u64, length: [u8; 4], tag: &Tag, token: &[u8]) -> [u8; 8] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [&sequence.to_be_bytes()[..], &length, tag, token] {
        context.update(part);
    }
    let digest = context.finish();
    *digest
        .as_ref()
        .first_chunk()
        .expect("a SHA-256 digest has 32 bytes")
}

/// Keeps the bytes that are about to be cut, beside the journal. On a full disk they are let go.
fn keep_aside(medium: &dyn Medium, path: &Path, offset: u64, tail: &[u8]) -> Option<PathBuf> {
    let mut name = OsString::from(path.file_name()?);
    name.push(format!(".torn-{offset}"));
    let kept = path.with_file_name(name);
    remove_if_there(medium, &kept).ok()?;
    match write_new(medium, &kept, tail) {
        Ok(()) => Some(kept),
        Err(_) => remove_if_there(medium, &kept).map_or(None, |()| None),
    }
}
