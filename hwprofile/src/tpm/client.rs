//! One conversation with a TPM over anything that can be read and written.
//!
//! Bounded in every direction: the commands of a conversation, the bytes of an answer, and how
//! often a command is sent again. How long one command may take is for the other side: the kernel
//! ends each after its own time.

use std::io::{self, Read, Write};

use crate::tpm::answer::{self, ANSWER_LIMIT, AnswerError, Header, Index, LIST_LIMIT};
use crate::tpm::command::{self, Capability};

/// The most commands of one conversation, those that are sent again included.
const COMMAND_LIMIT: u32 = 128;
/// How often one command is sent.
const ATTEMPTS: u32 = 3;
/// Refusals that ask for another attempt: busy, interrupted, testing itself.
const AGAIN: [u32; 3] = [0x922, 0x908, 0x90a];
/// How often a list is asked for its continuation.
const PAGES: u32 = 4;

/// Why a TPM was not understood.
#[derive(Debug, thiserror::Error)]
pub enum TpmError {
    /// The device or the socket failed.
    #[error("ask the TPM")]
    Io(#[from] io::Error),
    /// What it answered cannot be used.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// It was asked as often as it may be.
    #[error("the TPM was asked {COMMAND_LIMIT} times without an end")]
    Endless,
}

/// A TPM that can be asked.
pub(super) struct Client<S> {
    stream: S,
    commands: u32,
}

impl<S: Read + Write> Client<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            commands: 0,
        }
    }

    /// A property, if the TPM has it.
    pub(super) fn property(&mut self, property: u32) -> Result<Option<u32>, TpmError> {
        let command = command::capability(Capability::Properties, property, 1);
        let body = self.exchange(&command)?;
        let listed = answer::properties(&body)?.entries;
        let found = listed.into_iter().find(|[known, _]| *known == property);
        Ok(found.map(|[_, value]| value))
    }

    /// The handles between two, both included.
    pub(super) fn handles(&mut self, first: u32, last: u32) -> Result<Vec<u32>, TpmError> {
        let mut found = Vec::new();
        let mut from = first;
        for _page in 0..PAGES {
            let command = command::capability(Capability::Handles, from, LIST_LIMIT);
            let body = self.exchange(&command)?;
            let listed = answer::handles(&body)?;
            let end = listed.entries.last().copied();
            let within = |handle: &u32| (from..=last).contains(handle);
            found.extend(listed.entries.into_iter().filter(within));
            match end {
                Some(end) if listed.more && (from..last).contains(&end) => from = end + 1,
                Some(_) | None => break,
            }
        }
        Ok(found)
    }

    /// The public area at a handle.
    pub(super) fn public(&mut self, handle: u32) -> Result<answer::Held, TpmError> {
        let body = self.exchange(&command::read_public(handle))?;
        Ok(answer::public(&body)?)
    }

    /// What an index is.
    pub(super) fn index(&mut self, index: u32) -> Result<Index, TpmError> {
        let body = self.exchange(&command::nv_read_public(index))?;
        Ok(answer::index(&body, index)?)
    }

    /// A piece of what an index holds.
    pub(super) fn content(
        &mut self,
        (authority, index): (u32, u32),
        (offset, length): (u16, u16),
    ) -> Result<Vec<u8>, TpmError> {
        let command = command::nv_read(authority, index, (offset, length));
        let body = self.exchange(&command)?;
        Ok(answer::content(&body, length)?.to_vec())
    }

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError> {
        let mut attempt = 1;
        loop {
            self.commands += 1;
            if self.commands > COMMAND_LIMIT {
                return Err(TpmError::Endless);
            }
            // A device takes a command in one piece.
            self.stream.write_all(command)?;
            let answer = receive(&mut self.stream)?;
            match answer::body(command, &answer) {
                Err(AnswerError::Refused(code)) if AGAIN.contains(&code) && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                other => return Ok(other?.to_vec()),
            }
        }
    }
}

/// One whole answer. A device gives it at once, a socket in pieces.
fn receive(stream: &mut impl Read) -> Result<Vec<u8>, TpmError> {
    let mut room = [0; ANSWER_LIMIT];
    let mut filled = 0;
    loop {
        let free = room.get_mut(filled..).unwrap_or_default();
        let count = match stream.read(free) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        filled += count;
        let received = room.get(..filled).unwrap_or_default();
        let Some(header) = Header::read(received) else {
            continue;
        };
        let length = header?.length;
        if filled > length {
            return Err(AnswerError::Malformed("length").into());
        }
        if filled == length {
            return Ok(received.to_vec());
        }
    }
}
