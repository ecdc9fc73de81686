//! `cofferctl field`: columns that the Django field of old encrypted, opened or adopted outside Django. A value a line, or one column of
//! a CSV document. Must never write a value down in plain while adopting, nor take what no key opens for a value.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read, Write};

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_seal::{Keyring, RotateError, StoredValue, Zeroizing};

use super::key::{Ring, read_ring};
use super::output::{Kept, Readers, said, write_output};
use super::stream::{WHOLE_LIMIT_BYTES, input_failed, open_input, output_failed, too_large};
use crate::cli::FieldCommand;
use crate::verdict::{Failure, Outcome, Verdict};

mod lines;

use self::lines::{BlankLine, EveryLine};

/// How many cells are remembered to find copies; a longer column is compared within its first part.
const REMEMBERED: usize = 1 << 20;
/// From here on a value belongs into a file, not into a field.
const LARGE_BYTES: usize = 1 << 20;
/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Decrypt,
    Adopt,
}

pub(crate) fn run(command: &FieldCommand) -> Outcome {
    let (work, arguments) = match command {
        FieldCommand::Decrypt(arguments) => (Work::Decrypt, arguments),
        FieldCommand::Adopt(arguments) => (Work::Adopt, arguments),
    };
    let Ring { file, keys: ring } = read_ring(arguments.keyring.as_deref())?;
    let kept = Kept::sources(&file, arguments.input.as_deref());
    let now = crate::clock::system().unix_seconds();
    let output = arguments.output.as_deref();
    let (input, _length) = open_input(arguments.input.as_deref())?;
    let mut column = Column {
        ring: &ring,
        work,
        now,
        take_plain: arguments.take_plain,
        seen: Seen::default(),
    };
    let readers = match (work, &arguments.column) {
        (Work::Adopt, None) => Readers::Anybody,
        // The other columns of a document are as plain as ever.
        (Work::Decrypt, _) | (Work::Adopt, Some(_)) => Readers::Owner,
    };
    write_output(output, readers, &kept, |out| match &arguments.column {
        Some(name) => column.csv(name, input, out),
        None => column.lines(input, out),
    })?;
    let (line, notes) = (column.seen.line(work), column.seen.notes(work));
    let verdict = match output {
        Some(_file) => said(output, &line),
        // The values have standard output, but the defects are worth a word beside them.
        None => Verdict::yes(line),
    };
    Ok(verdict.body(notes))
}

/// One column on its way.
struct Column<'a> {
    ring: &'a Keyring,
    work: Work,
    now: u64,
    take_plain: bool,
    seen: Seen,
}

impl Column<'_> {
    fn lines(&mut self, input: Box<dyn Read>, out: &mut dyn Write) -> Result<(), Failure> {
        let mut input = BufReader::new(input);
        let mut line = Zeroizing::new(String::new());
        for row in 1.. {
            line.clear();
            let read = (&mut input)
                .take(WHOLE_LIMIT_BYTES)
                .read_line(&mut line)
                .map_err(|error| input_failed(&error))?;
            if read == 0 {
                break;
            }
            // A part of a line would be another value.
            if !line.ends_with('\n') && u64::try_from(read) == Ok(WHOLE_LIMIT_BYTES) {
                return Err(too_large());
            }
            let text = line.strip_suffix('\n').unwrap_or(&line);
            let text = text.strip_suffix('\r').unwrap_or(text);
            let mut value = self.value(row, text)?;
            if value.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
                return Err(refusal_at(
                    row,
                    "CL-063",
                    "a value has a line break, so it cannot be told from two; nothing after it was written",
                    "send the column as CSV and name it with --column",
                ));
            }
            value.push(b'\n');
            out.write_all(&value)
                .map_err(|error| output_failed(&error))?;
        }
        Ok(())
    }

    fn csv(
        &mut self,
        name: &str,
        input: Box<dyn Read>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        // The library passes over blank lines, and with them over the rows of a document of one column.
        let mut reader = csv::ReaderBuilder::new().from_reader(EveryLine::of(input));
        let mut writer = csv::Writer::from_writer(out);
        let headers = reader.byte_headers().map_err(|error| damaged(0, &error))?;
        let named = |found: &[u8]| found == name.as_bytes();
        let Some(place) = headers.iter().position(named) else {
            let refusal = Refusal::new(
                "CL-060",
                "the document has no such column, so nothing was opened",
                "name a column of its first line",
            )
            .read(name);
            return Err(Failure::new(Exit::Usage, refusal));
        };
        let headers = headers.clone();
        let written = |error: csv::Error| output_failed(&std::io::Error::from(error));
        writer.write_byte_record(&headers).map_err(written)?;
        let mut record = csv::ByteRecord::new();
        for row in 1.. {
            let more = reader.read_byte_record(&mut record);
            if !more.map_err(|error| damaged(row, &error))? {
                break;
            }
            // A cell is ASCII; other bytes can only be a value that was never encrypted.
            let stored = std::str::from_utf8(record.get(place).unwrap_or_default())
                .map_err(|_not_text| never_encrypted(row))?;
            // What refuses must do so before a part of the row is on its way.
            let value = self.value(row, stored)?;
            let fields = record.iter().enumerate();
            let fields = fields.map(|(at, field)| if at == place { &*value } else { field });
            writer.write_record(fields).map_err(written)?;
        }
        writer.flush().map_err(|error| output_failed(&error))
    }

    /// What takes the place of one stored value.
    fn value(&mut self, row: u64, text: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let lost = || {
            refusal_at(
                row,
                "CL-061",
                "no key of the ring opens a cell, so nothing after it was written",
                "add the key the column was written with; if the field had written over its key file \
                 (defect 1: it makes a new key at each start without FERNET_KEY), only a copy of that file helps",
            )
        };
        let not_adopted = |error| match error {
            RotateError::Token(_one_answer) => lost(),
            RotateError::Random(error) => super::stream::refused(error.code(), &error),
        };
        let stored = StoredValue::of(text);
        self.seen.stored(&stored, text.len());
        match (stored, self.work) {
            (StoredValue::Empty, _) => Ok(Zeroizing::new(Vec::new())),
            (StoredValue::Plain(_), _) if !self.take_plain => Err(never_encrypted(row)),
            (StoredValue::Plain(value), Work::Decrypt) => Ok(Zeroizing::new(value.into())),
            (StoredValue::Plain(value), Work::Adopt) => {
                let token = self.ring.encrypt(value.as_bytes(), self.now);
                let token = token.map_err(|error| super::stream::refused(error.code(), &error))?;
                Ok(self.adopted(token))
            }
            (StoredValue::Cell(cell), Work::Decrypt) => {
                let plain = self.ring.decrypt_cell(cell).map_err(|_one_answer| lost())?;
                self.seen.opened(&plain);
                Ok(plain)
            }
            (StoredValue::Token(token), Work::Decrypt) => {
                let plain = self
                    .ring
                    .decrypt(token, None)
                    .map_err(|_one_answer| lost())?;
                self.seen.opened(&plain);
                Ok(plain)
            }
            (StoredValue::Cell(cell), Work::Adopt) => {
                let token = self.ring.adopt_cell(cell).map_err(not_adopted)?;
                Ok(self.adopted(token))
            }
            (StoredValue::Token(token), Work::Adopt) => {
                let token = self.ring.adopt_token(token).map_err(not_adopted)?;
                Ok(self.adopted(token))
            }
        }
    }

    fn adopted(&mut self, token: String) -> Zeroizing<Vec<u8>> {
        self.seen.out_bytes += token.len();
        Zeroizing::new(token.into_bytes())
    }
}

/// What was met in a column: the counts, and the defects of the field that show in its data.
#[derive(Default)]
struct Seen {
    cells: usize,
    tokens: usize,
    empty: usize,
    plain: usize,
    in_bytes: usize,
    out_bytes: usize,
    copies: usize,
    as_bytes: usize,
    large: usize,
    /// Vector and time of each cell, as its text shows them: two cells with the same are copies.
    known: BTreeSet<String>,
}

impl Seen {
    fn stored(&mut self, stored: &StoredValue<'_>, length: usize) {
        match stored {
            StoredValue::Empty => self.empty += 1,
            StoredValue::Plain(_) => self.plain += 1,
            StoredValue::Cell(text) | StoredValue::Token(text) => {
                if matches!(stored, StoredValue::Cell(_)) {
                    self.cells += 1;
                } else {
                    self.tokens += 1;
                }
                self.in_bytes += length;
                self.large += usize::from(length > LARGE_BYTES);
                if self.known.len() < REMEMBERED {
                    let beginning = text.get(..48).unwrap_or(text);
                    self.copies += usize::from(!self.known.insert(beginning.to_owned()));
                }
            }
        }
    }

    fn opened(&mut self, plain: &[u8]) {
        self.out_bytes += plain.len();
        let quoted = |open: &[u8], close: &[u8]| plain.starts_with(open) && plain.ends_with(close);
        self.as_bytes += usize::from(quoted(b"b'", b"'") || quoted(b"b\"", b"\""));
    }

    fn line(&self, work: Work) -> String {
        let Self {
            cells,
            tokens,
            empty,
            plain,
            ..
        } = self;
        let done = match work {
            Work::Decrypt => "opened",
            Work::Adopt => "adopted",
        };
        format!("{done}: {cells} cells, {tokens} tokens; {empty} empty, {plain} never encrypted")
    }

    /// The defects of the field that the data shows, by their numbers in docs/field.md.
    fn notes(&self, work: Work) -> String {
        let mut notes = String::new();
        let mut note = |count: usize, text: &str| {
            if count > 0 {
                notes.extend(["note  ", &count.to_string(), " ", text, "\n"]);
            }
        };
        note(
            self.as_bytes,
            "values read b'...': somebody saved what the field returned, bytes and not text (defect 3)",
        );
        note(
            self.copies,
            "cells are copies of another row's: the field binds no value to its row (defect 7)",
        );
        note(
            self.large,
            "values are larger than 1 MiB: they belong into files, not into a field (defect 9)",
        );
        note(
            self.empty,
            "values are empty: the field stores every false value in plain",
        );
        if work == Work::Decrypt && self.out_bytes > 0 && self.cells > 0 {
            let percent = self.in_bytes.saturating_mul(100) / self.out_bytes;
            note(
                percent,
                "% of the size of the values is what the cells take (defect 8)",
            );
        }
        notes
    }
}

fn never_encrypted(row: u64) -> Failure {
    refusal_at(
        row,
        "CL-062",
        "a value was never encrypted, so nothing after it was written",
        "see whether this is the column; then take such values with --take-plain (adopt seals them)",
    )
}

fn damaged(row: u64, error: &csv::Error) -> Failure {
    // The library's text can hold a part of the document.
    let mut place = error.position().map_or(row, csv::Position::line);
    if let csv::ErrorKind::Io(error) = error.kind() {
        match BlankLine::told(error) {
            Some(BlankLine(line)) => place = line,
            None => return input_failed(error),
        }
    }
    refusal_at(
        place,
        "CL-064",
        "the document is not CSV as RFC 4180 has it, so nothing after this line was written",
        "write it again with a CSV library: every row with as many fields as the first, an empty one as \"\", \
         and no blank line",
    )
}

fn refusal_at(row: u64, code: &'static str, consequence: &str, fix: &str) -> Failure {
    let refusal = Refusal::new(code, consequence, fix).read(format!("row {row}"));
    Failure::new(Exit::Data, refusal)
}

#[cfg(test)]
#[expect(clippy::panic_in_result_fn, reason = "tests panic when they fail")]
mod tests;
