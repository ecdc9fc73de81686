//! `cofferctl seal` and `unseal`: the same format as the rack's, for files and pipes on a laptop. Nothing plain is written that was
//! not verified first.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_seal::{
    FernetKey, HEADER_LEN, Header, Keyring, Layout, ObjectId, ObjectReader, RecordOpener, Sealer,
    Source, WrappedKey,
};
use serde_json::json;

use super::key::read_ring;
use super::object::file_failed;
use crate::cli::{SealArguments, UnsealArguments};
use crate::verdict::{Failure, Outcome, Verdict};

/// How much is read at once.
const CHUNK_BYTES: usize = 1 << 18;
/// The longest token that is read; larger things are sealed as objects.
const TOKEN_LIMIT_BYTES: u64 = 64 << 20;

pub(crate) fn seal(arguments: &SealArguments) -> Outcome {
    let ring = read_ring(arguments.keyring.as_deref())?;
    let now = crate::clock::system().unix_seconds();
    let mut input = open_input(arguments.input.as_deref())?;
    if arguments.token {
        let plain = read_whole(&mut *input)?;
        let token = ring
            .encrypt(&plain, now)
            .map_err(|error| refused(error.code(), &error))?;
        write_output(arguments.output.as_deref(), |out| writeln!(out, "{token}"))?;
        return Ok(said(
            arguments.output.as_deref(),
            &format!("sealed: {} bytes as a token", plain.len()),
        ));
    }
    let key = FernetKey::generate().map_err(|error| refused(error.code(), &error))?;
    let wrapped = WrappedKey::seal(ring.primary(), &key, now)
        .map_err(|error| refused(error.code(), &error))?;
    let id = ObjectId::random().map_err(|error| refused(error.code(), &error))?;
    let (mut sealer, mut sealed) = Sealer::new(&key, &wrapped, id, now, b"");
    let mut length = 0;
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    write_output(arguments.output.as_deref(), |out| {
        loop {
            let read = input.read(&mut chunk)?;
            let plain: &[u8] = chunk.get(..read).unwrap_or_default();
            if plain.is_empty() {
                break;
            }
            sealer.update(plain, &mut sealed);
            out.write_all(&sealed)?;
            sealed.clear();
        }
        length = sealer.finish(&mut sealed);
        out.write_all(&sealed)
    })?;
    Ok(said(
        arguments.output.as_deref(),
        &format!("sealed: {length} bytes as an object"),
    ))
}

pub(crate) fn unseal(arguments: &UnsealArguments) -> Outcome {
    open(arguments).map_err(|failure| {
        let input = arguments.input.as_deref();
        let input = input.map_or("standard input".to_owned(), |path| {
            let bytes = path.metadata().map_or(0, |metadata| metadata.len());
            format!("{}: {bytes} bytes", path.display())
        });
        if failure.exit == Exit::Data {
            failure.seen_in(&input)
        } else {
            failure
        }
    })
}

fn open(arguments: &UnsealArguments) -> Outcome {
    let ring = read_ring(arguments.keyring.as_deref())?;
    let range = arguments.range.as_deref().map(parse_range).transpose()?;
    let sealed = Sealed::open(arguments.input.as_deref())?;
    let mut head = [0_u8; HEADER_LEN];
    let filled = sealed
        .source()
        .read_at(&mut head, 0)
        .map_err(|error| input_failed(&error))?;
    let length = match Header::parse(head.get(..filled).unwrap_or_default()) {
        Ok(header) => {
            let key = header
                .wrapped()
                .open(&ring)
                .map_err(|error| refused(error.code(), &error))?;
            let context = arguments.context.as_bytes();
            match header.layout() {
                Layout::Frames => open_frames(&sealed, &key, context, range, arguments)?,
                Layout::Records => open_records(&sealed, &header, &key, context, range, arguments)?,
            }
        }
        Err(_not_an_object) => open_token(&sealed, &ring, range, arguments)?,
    };
    Ok(said(
        arguments.output.as_deref(),
        &format!("opened: {length} bytes, every one verified"),
    ))
}

fn open_frames(
    sealed: &Sealed,
    key: &FernetKey,
    context: &[u8],
    range: Option<(u64, u64)>,
    arguments: &UnsealArguments,
) -> Result<u64, Failure> {
    let reader = ObjectReader::open(sealed.source(), key, context)
        .map_err(|error| refused(error.code(), &error))?;
    let (from, to) = within(range, reader.len())?;
    let mut offset = from;
    let mut plain = Vec::new();
    let mut fault = None;
    write_output(arguments.output.as_deref(), |out| {
        while offset < to {
            plain.clear();
            let wanted = usize::try_from(to - offset)
                .unwrap_or(CHUNK_BYTES)
                .min(CHUNK_BYTES);
            match reader.read_at(offset, wanted, &mut plain) {
                Ok(0) => break,
                Ok(read) => {
                    out.write_all(&plain)?;
                    offset += u64::try_from(read).unwrap_or(u64::MAX);
                }
                Err(error) => {
                    fault = Some(refused(error.code(), &error));
                    return Err(io::Error::from(io::ErrorKind::InvalidData));
                }
            }
        }
        Ok(())
    })
    .map_err(|failure| fault.take().unwrap_or(failure))?;
    Ok(offset - from)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one step of unseal, cut out for length"
)]
fn open_records(
    sealed: &Sealed,
    header: &Header,
    key: &FernetKey,
    context: &[u8],
    range: Option<(u64, u64)>,
    arguments: &UnsealArguments,
) -> Result<u64, Failure> {
    let mut opener =
        RecordOpener::new(header, key, context).map_err(|error| refused(error.code(), &error))?;
    let bytes = sealed.whole().map_err(|error| input_failed(&error))?;
    let mut rest = bytes.get(HEADER_LEN..).unwrap_or_default();
    let mut plain = Vec::new();
    while let Some(record) = opener
        .next(&mut rest)
        .map_err(|error| refused(error.code(), &error))?
    {
        plain.extend_from_slice(&record.plain);
    }
    write_part(&plain, range, arguments)
}

fn open_token(
    sealed: &Sealed,
    ring: &Keyring,
    range: Option<(u64, u64)>,
    arguments: &UnsealArguments,
) -> Result<u64, Failure> {
    let bytes = sealed.whole().map_err(|error| input_failed(&error))?;
    let not_sealed = || {
        let refusal = Refusal::new(
            "CL-050",
            "this is neither a sealed object nor a token of this keyring, so nothing was opened",
            "name the file as it was sealed, and the keyring it was sealed with",
        );
        Failure::new(Exit::Data, refusal)
    };
    let text = std::str::from_utf8(&bytes).map_err(|_not_text| not_sealed())?;
    let plain = ring
        .decrypt(text.trim(), None)
        .map_err(|_one_answer_for_all| not_sealed())?;
    write_part(&plain, range, arguments)
}

fn write_part(
    plain: &[u8],
    range: Option<(u64, u64)>,
    arguments: &UnsealArguments,
) -> Result<u64, Failure> {
    let (from, to) = within(range, u64::try_from(plain.len()).unwrap_or(u64::MAX))?;
    let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    let part = plain.get(index(from)..index(to)).unwrap_or_default();
    write_output(arguments.output.as_deref(), |out| out.write_all(part))?;
    Ok(to - from)
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

fn within(range: Option<(u64, u64)>, length: u64) -> Result<(u64, u64), Failure> {
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

/// What is to be opened: a file where it lies, or a pipe read whole.
enum Sealed {
    File(File),
    Bytes(Vec<u8>),
}

impl Sealed {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        match path {
            Some(path) => File::open(path)
                .map(Self::File)
                .map_err(|error| file_failed(path, &error)),
            None => Ok(Self::Bytes(read_whole(&mut io::stdin().lock())?)),
        }
    }

    fn source(&self) -> &dyn Source {
        match self {
            Self::File(file) => file,
            Self::Bytes(bytes) => bytes,
        }
    }

    fn whole(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(file) => {
                let mut bytes = Vec::new();
                file.take(TOKEN_LIMIT_BYTES).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

fn open_input(path: Option<&Path>) -> Result<Box<dyn Read>, Failure> {
    match path {
        Some(path) => match File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(file_failed(path, &error)),
        },
        None => Ok(Box::new(io::stdin())),
    }
}

fn read_whole(input: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    input
        .take(TOKEN_LIMIT_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| input_failed(&error))?;
    Ok(bytes)
}

/// A file appears only when it is whole: what fails half-way leaves nothing of its name.
fn write_output(
    path: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    match path {
        None => write(&mut io::stdout().lock())
            .map_err(|error| file_failed(Path::new("standard output"), &error)),
        Some(path) => {
            let mut name = path.as_os_str().to_owned();
            name.push(".part");
            let part = std::path::PathBuf::from(name);
            let written = File::create(&part).and_then(|mut file| {
                write(&mut file)?;
                file.sync_all()?;
                std::fs::rename(&part, path)
            });
            written.map_err(|error| {
                drop(std::fs::remove_file(&part));
                file_failed(path, &error)
            })
        }
    }
}

fn said(output: Option<&Path>, line: &str) -> Verdict {
    match output {
        Some(path) => {
            Verdict::yes(format!("{line}, {}", path.display())).value(json!({ "file": path }))
        }
        None => Verdict::silent(),
    }
}

fn input_failed(error: &io::Error) -> Failure {
    file_failed(Path::new("the input"), error)
}

fn refused(code: &str, error: &dyn std::error::Error) -> Failure {
    let refusal = Refusal::new(
        code,
        "what was sealed stays closed",
        "`cofferctl explain` the code; nothing that was not verified has been written",
    )
    .read(cofferdam_node::refusal::chain(error));
    Failure::new(Exit::Data, refusal)
}
