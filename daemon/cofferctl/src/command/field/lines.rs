//! A CSV document on its way to the library, every line of it. A blank line may be a row of one empty value; the library passes over it
//! without a word, so here it ends the document. Must never change a byte.

use std::io::{self, Read};

/// Where a blank line is, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is blank")]
pub(super) struct BlankLine(pub(super) u64);

impl BlankLine {
    /// What a reader refused for, if it was this.
    pub(super) fn told(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Passes a document on up to its first blank line, and then refuses.
pub(super) struct EveryLine<R> {
    input: R,
    place: Place,
    line: u64,
    passed: u64,
    blank: Option<BlankLine>,
}

/// Where in a row the next byte stands, as RFC 4180 and the library have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a line, after the first half of a line's end or not.
    Line {
        half_ended: bool,
    },
    Field,
    Bare,
    Quoted,
    /// After a quote within quotes: its end, or the first of two.
    QuoteSeen,
}

/// What Unicode writes before a document, and the library takes off.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl<R: Read> EveryLine<R> {
    pub(super) fn of(input: R) -> Self {
        let place = Place::Line { half_ended: false };
        Self {
            input,
            place,
            line: 1,
            passed: 0,
            blank: None,
        }
    }

    /// Goes one byte on; no place is left at a blank line.
    fn after(&mut self, byte: u8) -> Option<Place> {
        let ended = Place::Line {
            half_ended: byte == b'\r',
        };
        let next = match (self.place, byte) {
            (Place::Line { half_ended: true }, b'\n') => Place::Line { half_ended: false },
            (Place::Line { .. }, b'\r' | b'\n') => return None,
            (Place::Quoted, b'"') => Place::QuoteSeen,
            (Place::Line { .. } | Place::Field | Place::QuoteSeen, b'"') | (Place::Quoted, _) => {
                Place::Quoted
            }
            (Place::Field | Place::Bare | Place::QuoteSeen, b'\r' | b'\n') => ended,
            (_, b',') => Place::Field,
            (before @ Place::Line { .. }, _) if self.is_mark(byte) => before,
            (_, _) => Place::Bare,
        };
        self.line += u64::from(byte == b'\n');
        self.passed += 1;
        Some(next)
    }

    fn is_mark(&self, byte: u8) -> bool {
        let at = usize::try_from(self.passed).ok();
        at.and_then(|at| MARK.get(at)) == Some(&byte)
    }
}

impl<R: Read> Read for EveryLine<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(blank) = self.blank {
            return Err(io::Error::new(io::ErrorKind::InvalidData, blank));
        }
        let read = self.input.read(buf)?;
        let mut good = 0;
        for byte in buf.iter().take(read) {
            match self.after(*byte) {
                Some(next) => self.place = next,
                None => {
                    self.blank = Some(BlankLine(self.line));
                    break;
                }
            }
            good += 1;
        }
        match (good, self.blank) {
            // Nothing would look like the end.
            (0, Some(blank)) => Err(io::Error::new(io::ErrorKind::InvalidData, blank)),
            (_, _) => Ok(good),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes before the blank line, and where that is; in pieces of any size the same.
    fn check(document: &str, passes: &str, blank: Option<u64>) {
        for size in 1..=document.len().max(1) {
            let mut reader = EveryLine::of(document.as_bytes());
            let mut out = Vec::new();
            let mut piece = vec![0; size];
            let met = loop {
                match reader.read(&mut piece) {
                    Ok(0) => break None,
                    Ok(read) => out.extend_from_slice(&piece[..read]),
                    Err(error) => break BlankLine::told(&error).map(|BlankLine(line)| line),
                }
            };
            let out = String::from_utf8(out).expect("text");
            assert_eq!((out.as_str(), met), (passes, blank), "in pieces of {size}");
        }
    }

    #[test]
    fn a_document_without_a_blank_line_passes_whole() {
        for document in [
            "",
            "a",
            "a\n1\n2\n",
            "a\r\n1\r\n2",
            "a,b\n,\n\"\"\n",
            "a\n\"two\n\nlines\"\n",
            "a\n\"q\"\"\n\n\"\"\",x\n",
            "a\nb\"c\n",
            "\u{feff}\"a\n\nb\"\n1\n",
        ] {
            check(document, document, None);
        }
    }

    #[test]
    fn a_blank_line_is_named_by_its_number_wherever_it_is() {
        check("\na\n", "", Some(1));
        check("a\n1\n\n2\n", "a\n1\n", Some(3));
        check("a\r\n1\r\n\r\n2\r\n", "a\r\n1\r\n", Some(3));
        check("a\n\"x\"\n\n", "a\n\"x\"\n", Some(3));
        check("a\n\"two\n\nlines\"\n\n", "a\n\"two\n\nlines\"\n", Some(5));
        check("a\nb\"c\n\n\"", "a\nb\"c\n", Some(3));
    }
}
