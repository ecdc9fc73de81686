//! `cofferctl unseal`: objects, logs, tokens and the cells of the Django field of old, told apart by how they begin. Nothing plain is
//! written that was not verified first.

use std::fs::File;
use std::io::{self, Read, Write};

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_seal::{
    FernetKey, HEADER_LEN, Header, HeaderError, Keyring, Layout, RecordOpener, StoredValue,
    Zeroizing,
};

use super::key::{Ring, read_ring};
use super::object::file_failed;
use super::output::{Kept, Readers, said, write_output};
use super::stream::{CHUNK_BYTES, input_failed, output_failed, progress, read_whole, refused};
use crate::cli::UnsealArguments;
use crate::progress::Progress;
use crate::verdict::{Failure, Outcome};

mod suite;

use self::suite::{Reader, Streaming};

/// The first byte, and the byte after the last, of what is wanted.
type Range = Option<(u64, u64)>;

pub(crate) fn unseal(arguments: &UnsealArguments) -> Outcome {
    open(arguments).map_err(|failure| {
        if failure.exit != Exit::Data {
            return failure;
        }
        let input = arguments.input.as_deref();
        failure.seen_in(&input.map_or("standard input".to_owned(), |path| {
            let bytes = path.metadata().map_or(0, |metadata| metadata.len());
            format!("{}: {bytes} bytes", path.display())
        }))
    })
}

fn open(arguments: &UnsealArguments) -> Outcome {
    let Ring { file, keys: ring } = read_ring(arguments.keyring.as_deref())?;
    let kept = Kept::sources(&file, arguments.input.as_deref());
    let range = arguments.range.as_deref().map(parse_range).transpose()?;
    let output = arguments.output.as_deref();
    let mut length = 0;
    match &arguments.input {
        Some(path) => {
            let file = File::open(path).map_err(|error| file_failed(path, &error))?;
            write_output(output, Readers::Owner, &kept, |out| {
                length = Opening {
                    ring: &ring,
                    range,
                    arguments,
                    out,
                }
                .file(&file)?;
                Ok(())
            })?;
        }
        None => write_output(output, Readers::Owner, &kept, |out| {
            length = Opening {
                ring: &ring,
                range,
                arguments,
                out,
            }
            .pipe(&mut io::stdin().lock())?;
            Ok(())
        })?,
    }
    Ok(said(
        output,
        &format!("opened: {length} bytes, every one verified"),
    ))
}

/// What is wanted, of what, and where it goes.
struct Opening<'a> {
    ring: &'a Keyring,
    range: Range,
    arguments: &'a UnsealArguments,
    out: &'a mut dyn Write,
}

impl Opening<'_> {
    /// Opens what lies in a file: of an object, only the frames that the range touches.
    fn file(&mut self, file: &File) -> Result<u64, Failure> {
        let mut input = file;
        let head = read_head(&mut input)?;
        match header(&head)? {
            Some(header) if header.layout() == Layout::Frames => {
                let key = self.unwrap(&header)?;
                self.frames(file, &header, &key)
            }
            log_or_text => self.rest(log_or_text, head, &mut input),
        }
    }

    /// Opens what comes through a pipe. An object's frames are written as each verifies; that none is missing is known at the end,
    /// and the exit code says it.
    fn pipe(&mut self, input: &mut dyn Read) -> Result<u64, Failure> {
        let head = read_head(input)?;
        match header(&head)? {
            Some(header) if header.layout() == Layout::Frames => {
                let key = self.unwrap(&header)?;
                self.stream(&header, &key, input)
            }
            log_or_text => self.rest(log_or_text, head, input),
        }
    }

    /// Everything that is not an object of frames is opened in memory.
    fn rest(
        &mut self,
        log: Option<Header>,
        mut bytes: Vec<u8>,
        input: &mut dyn Read,
    ) -> Result<u64, Failure> {
        bytes.extend_from_slice(&read_whole(input)?);
        let plain = match log {
            Some(header) => {
                let key = self.unwrap(&header)?;
                self.records(&header, &key, &bytes)?
            }
            None => self.text(&bytes)?,
        };
        self.write_part(&plain)
    }

    fn unwrap(&self, header: &Header) -> Result<FernetKey, Failure> {
        let wrapped = header.wrapped();
        wrapped
            .open(self.ring)
            .map_err(|error| refused(error.code(), &error))
    }

    fn frames(&mut self, file: &File, header: &Header, key: &FernetKey) -> Result<u64, Failure> {
        let reader = Reader::open(file, header, key, self.arguments.context.as_bytes())?;
        let (from, to) = within(self.range, reader.len())?;
        let mut shown = self.progress(Some(to - from));
        let mut offset = from;
        let mut plain = Zeroizing::new(Vec::new());
        while offset < to {
            plain.clear();
            let wanted = usize::try_from(to - offset)
                .unwrap_or(CHUNK_BYTES)
                .min(CHUNK_BYTES);
            let read = reader.read_at(offset, wanted, &mut plain)?;
            if read == 0 {
                break;
            }
            self.write(&plain)?;
            shown.advance(read);
            offset += wide(read);
        }
        Ok(offset - from)
    }

    fn stream(
        &mut self,
        header: &Header,
        key: &FernetKey,
        input: &mut dyn Read,
    ) -> Result<u64, Failure> {
        let context = self.arguments.context.as_bytes();
        let mut opener = Streaming::begin(header, key, context, input)?;
        let mut shown = self.progress(None);
        let mut chunk = vec![0_u8; CHUNK_BYTES];
        let mut plain = Zeroizing::new(Vec::new());
        let mut before = 0;
        let mut written = 0;
        loop {
            let read = input
                .read(&mut chunk)
                .map_err(|error| input_failed(&error))?;
            if read == 0 {
                break;
            }
            let sealed = chunk.get(..read).unwrap_or_default();
            opener.update(sealed, &mut plain)?;
            written += self.write_wanted(&plain, before)?;
            before += wide(plain.len());
            shown.advance(plain.len());
            plain.clear();
        }
        let length = opener.finish(&mut plain)?;
        // Only now is the length known to be true.
        within(self.range, length)?;
        written += self.write_wanted(&plain, before)?;
        Ok(written)
    }

    /// Writes the part of a piece that the range wants; the piece begins `before` bytes into the plaintext.
    fn write_wanted(&mut self, piece: &[u8], before: u64) -> Result<u64, Failure> {
        let (from, to) = self.range.unwrap_or((0, u64::MAX));
        let [from, to] = [from, to].map(|at| {
            let at = usize::try_from(at.saturating_sub(before)).unwrap_or(usize::MAX);
            at.min(piece.len())
        });
        let wanted = piece.get(from..to).unwrap_or_default();
        self.write(wanted)?;
        Ok(wide(wanted.len()))
    }

    fn records(
        &self,
        header: &Header,
        key: &FernetKey,
        bytes: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut opener = RecordOpener::new(header, key, self.arguments.context.as_bytes())
            .map_err(|error| refused(error.code(), &error))?;
        let mut rest = bytes.get(HEADER_LEN..).unwrap_or_default();
        let mut plain = Zeroizing::new(Vec::with_capacity(rest.len()));
        while let Some(record) = opener
            .next(&mut rest)
            .map_err(|error| refused(error.code(), &error))?
        {
            plain.extend_from_slice(&record.plain);
        }
        Ok(plain)
    }

    /// A token, or a cell of the field.
    fn text(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let not_sealed = || {
            let refusal = Refusal::new(
                "CL-050",
                "this is neither a sealed object, nor a token or cell of this keyring, so nothing was opened",
                "name the file as it was sealed, and the keyring it was sealed with",
            );
            Failure::new(Exit::Data, refusal)
        };
        let text = std::str::from_utf8(bytes).map_err(|_not_text| not_sealed())?;
        let opened = match StoredValue::of(text) {
            StoredValue::Cell(cell) => self.ring.decrypt_cell(cell),
            StoredValue::Token(_) | StoredValue::Plain(_) | StoredValue::Empty => {
                self.ring.decrypt(text.trim(), None)
            }
        };
        opened.map_err(|_one_answer_for_all| not_sealed())
    }

    fn write_part(&mut self, plain: &[u8]) -> Result<u64, Failure> {
        within(self.range, wide(plain.len()))?;
        self.write_wanted(plain, 0)
    }

    fn write(&mut self, plain: &[u8]) -> Result<(), Failure> {
        let written = self.out.write_all(plain);
        written.map_err(|error| output_failed(&error))
    }

    fn progress(&self, total: Option<u64>) -> Progress {
        progress(total, self.arguments.output.as_deref())
    }
}

/// The header of a sealed object, or nothing where the bytes are another format's. What is damaged or newer is named as that.
fn header(head: &[u8]) -> Result<Option<Header>, Failure> {
    match Header::parse_any(head) {
        Ok(header) => Ok(Some(header)),
        Err(HeaderError::Magic | HeaderError::Short { .. }) => Ok(None),
        Err(error) => Err(refused(error.code(), &error)),
    }
}

/// The first bytes, as many as a header has or as there are.
fn read_head(input: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::with_capacity(HEADER_LEN);
    input
        .take(wide(HEADER_LEN))
        .read_to_end(&mut head)
        .map_err(|error| input_failed(&error))?;
    Ok(head)
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A-B, both included, becomes a half-open range.
fn parse_range(text: &str) -> Result<(u64, u64), Failure> {
    let parsed = text.split_once('-').and_then(|(from, to)| {
        let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
        (from <= to).then_some((from, to.saturating_add(1)))
    });
    parsed.ok_or_else(|| {
        let refusal = Refusal::new(
            "CL-051",
            "the range is not one, so nothing was opened",
            "write two numbers counted from 0, the last included: --range 0-99",
        )
        .read(text);
        Failure::new(Exit::Usage, refusal)
    })
}

fn within(range: Range, length: u64) -> Result<(u64, u64), Failure> {
    let Some((from, to)) = range else {
        return Ok((0, length));
    };
    if from >= length {
        let refusal = Refusal::new(
            "CL-052",
            "the range begins past the end, so nothing was opened",
            "ask for bytes below its length",
        )
        .read(format!("byte {from} of {length}"));
        return Err(Failure::new(Exit::Data, refusal));
    }
    Ok((from, to.min(length)))
}
