//! The firmware's own table (DMTF DSP0134), read from its bytes.
//!
//! Owns how structures are found and how one field is taken out of one. It walks a slice and
//! allocates nothing; it must never read a file, look behind the end of a structure, or take a
//! field from a structure that broke off.

mod entry;

pub use entry::{EntryPoint, Version};

use crate::fact::Fact;

/// The structure type that ends a table.
const END_OF_TABLE: u8 = 127;
/// The length of a structure's header: type, length, handle.
const HEADER_LENGTH: usize = 4;
/// The most structures of one table; the largest that was seen in the field has fewer than 2,000.
const STRUCTURE_LIMIT: usize = 16 * 1024;

/// One structure: its formatted part, and the texts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Structure<'t> {
    formatted: &'t [u8],
    strings: &'t [u8],
}

/// How a walk over a table ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At its end mark, or at the number of structures that it claims.
    Whole,
    /// At this byte, in a structure or where another must stand: what follows is unknown.
    BrokenOff(usize),
    /// At the most structures that are taken.
    TooMany,
}

/// A walk over the structures of a table, in their order.
#[derive(Debug, Clone)]
pub struct Walk<'t> {
    table: &'t [u8],
    at: usize,
    taken: usize,
    claimed: Option<usize>,
    /// Whether the structure before this place is an end mark. A counted table may go on behind it.
    marked: bool,
    end: Option<End>,
}

impl<'t> Walk<'t> {
    /// A walk over a table. With a number of structures (SMBIOS 2) it ends there, or at an end mark
    /// behind which nothing stands: many tables claim one structure too many. Without a number
    /// (SMBIOS 3, or no entry point at all) it ends at the end mark.
    #[must_use]
    pub fn over(table: &'t [u8], structures: Option<u16>) -> Self {
        Self {
            table,
            at: 0,
            taken: 0,
            claimed: structures.map(usize::from),
            marked: false,
            end: None,
        }
    }

    /// How it ended; while it still runs, it has seen no more than up to here.
    #[must_use]
    pub fn end(&self) -> End {
        self.end.unwrap_or(End::BrokenOff(self.at))
    }

    fn finish(&mut self, end: End) -> Option<Structure<'t>> {
        self.end = Some(end);
        None
    }
}

impl<'t> Iterator for Walk<'t> {
    type Item = Structure<'t>;

    fn next(&mut self) -> Option<Structure<'t>> {
        if self.end.is_some() {
            return None;
        }
        if self.claimed == Some(self.taken) {
            return self.finish(End::Whole);
        }
        let rest = self.table.get(self.at..).unwrap_or_default();
        if self.marked && is_padding(rest) {
            return self.finish(End::Whole);
        }
        if self.taken == STRUCTURE_LIMIT {
            return self.finish(End::TooMany);
        }
        let first = Structure::first(rest).filter(|_| !is_padding(rest));
        let Some((structure, length)) = first else {
            return self.finish(End::BrokenOff(self.at));
        };
        self.taken += 1;
        self.at += length;
        self.marked = structure.kind() == END_OF_TABLE;
        if self.marked && self.claimed.is_none() {
            return self.finish(End::Whole);
        }
        Some(structure)
    }
}

/// Some firmware fills the room behind its table with one byte.
fn is_padding(rest: &[u8]) -> bool {
    rest.iter().all(|byte| *byte == 0) || rest.iter().all(|byte| *byte == 0xff)
}

impl<'t> Structure<'t> {
    /// The first structure of some bytes, and how many of them it takes.
    fn first(bytes: &'t [u8]) -> Option<(Self, usize)> {
        let formatted_length = usize::from(*bytes.get(1)?);
        if formatted_length < HEADER_LENGTH {
            return None;
        }
        let (formatted, behind) = bytes.split_at_checked(formatted_length)?;
        let strings_length = behind.windows(2).position(|pair| pair == [0, 0])?;
        let strings = behind.get(..strings_length)?;
        let structure = Self { formatted, strings };
        Some((structure, formatted_length + strings_length + 2))
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.formatted.first().copied().unwrap_or_default()
    }

    /// The number by which other structures name it.
    #[must_use]
    pub fn handle(&self) -> u16 {
        self.word(2).unwrap_or_default()
    }

    /// One byte of the formatted part; none where an older specification has no such field.
    #[must_use]
    pub fn byte(&self, at: usize) -> Option<u8> {
        self.formatted.get(at).copied()
    }

    /// Sixteen bits, the lowest byte first.
    #[must_use]
    pub fn word(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    /// Thirty-two bits, the lowest byte first.
    #[must_use]
    pub fn double_word(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    /// A run of bytes of the formatted part.
    #[must_use]
    pub fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let end = at.checked_add(N)?;
        self.formatted.get(at..end)?.try_into().ok()
    }

    /// The text that the byte at a place names, without blanks around it. Number 0 means none; a
    /// number behind the last text is a fault of the firmware.
    #[must_use]
    pub fn text(&self, at: usize) -> Fact<String> {
        let number = match self.byte(at) {
            None | Some(0) => return Fact::Absent,
            Some(number) => usize::from(number),
        };
        let texts = self.strings.split(|byte| *byte == 0);
        match texts.into_iter().nth(number - 1) {
            Some(text) if !self.strings.is_empty() => {
                Fact::Value(String::from_utf8_lossy(text).trim().to_owned())
            }
            Some(_) | None => Fact::Unsupported(format!("the structure has no text {number}")),
        }
    }
}

#[cfg(test)]
mod tests;
