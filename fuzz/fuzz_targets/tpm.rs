//! A TPM that answers anything: whole conversations, as raw bytes and behind headers that fit.
#![no_main]

use std::io::{self, Read, Write};

use cofferdam_hwprofile::tpm::{ask, public_key};
use libfuzzer_sys::fuzz_target;

/// The most commands that a conversation may have.
const COMMANDS: usize = 128;

/// Answers with what the fuzzer gave, a piece for each command.
struct Made<'b> {
    rest: &'b [u8],
    framed: bool,
    pending: Vec<u8>,
    commands: usize,
}

impl Made<'_> {
    /// The next piece: its length in two bytes, then itself.
    fn piece(&mut self) -> &[u8] {
        let Some((length, rest)) = self.rest.split_first_chunk::<2>() else {
            return &[];
        };
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (piece, rest) = rest.split_at(length);
        self.rest = rest;
        piece
    }
}

impl Write for Made<'_> {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        self.commands += 1;
        assert!(self.commands <= COMMANDS, "the bound holds");
        assert_eq!(command[2..6], (command.len() as u32).to_be_bytes());
        if self.framed {
            let sessions = command[..2] == [0x80, 2];
            let piece = self.piece().to_vec();
            let mut body = Vec::new();
            if sessions {
                body.extend((piece.len() as u32).to_be_bytes());
            }
            body.extend(piece);
            if sessions {
                body.extend([0, 0, 1, 0, 0]);
            }
            self.pending = command[..2].to_vec();
            self.pending.extend((10 + body.len() as u32).to_be_bytes());
            self.pending.extend([0; 4]);
            self.pending.extend(body);
        } else {
            self.pending = self.piece().to_vec();
        }
        Ok(command.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Made<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.pending.len().min(room.len());
        room[..count].copy_from_slice(&self.pending[..count]);
        self.pending.drain(..count);
        Ok(count)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let _key = public_key(rest).map(|key| assert!(key.len() < rest.len()));
    let told = ask(Made {
        rest,
        framed: first & 1 == 1,
        pending: Vec::new(),
        commands: 0,
    });
    if let Ok(told) = told
        && let Some(keys) = told.keys.value()
    {
        assert!(!keys.is_empty() && keys.len() <= 16, "the bound holds");
        let is_name = |key: &str| key.len() == 71 && key.starts_with("sha256:");
        assert!(keys.iter().all(|key| is_name(key.key.reveal())));
    }
});
