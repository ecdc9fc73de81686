//! Where the bytes of `seal`, `unseal` and `field` come from and go to. Must never leave half a file under the name that was asked for,
//! nor let others read what was opened.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use serde_json::json;

use super::object::file_failed;
use crate::progress::Progress;
use crate::verdict::{Failure, Verdict};

/// How much is read at once.
pub(super) const CHUNK_BYTES: usize = 1 << 18;
/// The most that is held in memory: a token, a cell or a log. Larger things are sealed as objects, which stream.
pub(super) const WHOLE_LIMIT_BYTES: u64 = 64 << 20;

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Anybody the umask lets.
    Sealed,
    /// Its owner.
    Plain,
}

/// A file, or standard input, and how long it is where that is known.
pub(super) fn open_input(path: Option<&Path>) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    match path {
        Some(path) => {
            let failed = |error| file_failed(path, &error);
            let file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            let length = metadata.is_file().then_some(metadata.len());
            Ok((Box::new(file), length))
        }
        None => Ok((Box::new(io::stdin()), None)),
    }
}

/// Everything there is, or a refusal if that is more than is held in memory: a part of it would be something else.
pub(super) fn read_whole(input: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = input.take(WHOLE_LIMIT_BYTES + 1).read_to_end(&mut bytes);
    let read = read.map_err(|error| input_failed(&error))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > WHOLE_LIMIT_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

/// The refusal of what is not held in memory.
pub(super) fn too_large() -> Failure {
    let refusal = Refusal::new(
        "CL-053",
        "the input is more than is held in memory, so nothing was done with it",
        "seal large things as objects, without --token: those stream",
    )
    .read(format!("more than {} MiB", WHOLE_LIMIT_BYTES >> 20));
    Failure::new(Exit::Data, refusal)
}

/// The line of progress for an output.
pub(super) fn progress(total: Option<u64>, output: Option<&Path>) -> Progress {
    let progress = Progress::of(total);
    match output {
        Some(_file) => progress.beside_a_file(),
        None => progress,
    }
}

/// A file appears only when it is whole: what fails half-way leaves nothing of its name.
pub(super) fn write_output(
    path: Option<&Path>,
    content: Content,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(path) = path else {
        let mut out = io::stdout().lock();
        write(&mut out)?;
        // What is still held back would fail unseen when the program ends.
        return out.flush().map_err(|error| output_failed(&error));
    };
    let failed = |error| file_failed(path, &error);
    let part = unfinished(path).map_err(failed)?;
    let mut file = create(&part, content).map_err(failed)?;
    let written = write(&mut file).and_then(|()| {
        file.sync_all()
            .and_then(|()| std::fs::rename(&part, path))
            .map_err(failed)
    });
    if written.is_err() {
        drop(std::fs::remove_file(&part));
        return written;
    }
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}

/// A name beside the output that nobody else has: another run to the same output, and a file of a like name, are left alone.
fn unfinished(path: &Path) -> io::Result<PathBuf> {
    let refuse = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() && !there.is_symlink() => {
            return refuse("there is something other than a file");
        }
        Ok(_) | Err(_) => {}
    }
    let Some(last) = path.file_name() else {
        return refuse("it names no file");
    };
    let tag = cofferdam_seal::random_tag().map_err(io::Error::other)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(last);
    name.push(format!(".{}.part", cofferdam_node::hex(&tag)));
    Ok(path.with_file_name(name))
}

fn create(part: &Path, content: Content) -> io::Result<File> {
    let mode = match content {
        Content::Sealed => 0o666,
        Content::Plain => 0o600,
    };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(part)
}

/// Where the data went, or that it speaks for itself.
pub(super) fn said(output: Option<&Path>, line: &str) -> Verdict {
    match output {
        Some(path) => {
            Verdict::yes(format!("{line}, {}", path.display())).value(json!({ "file": path }))
        }
        None => Verdict::silent(line),
    }
}

pub(super) fn input_failed(error: &io::Error) -> Failure {
    file_failed(Path::new("the input"), error)
}

pub(super) fn output_failed(error: &io::Error) -> Failure {
    file_failed(Path::new("the output"), error)
}

pub(super) fn refused(code: &str, error: &dyn std::error::Error) -> Failure {
    let refusal = Refusal::new(
        code,
        "what was sealed stays closed",
        "`cofferctl explain` the code; nothing that was not verified has been written",
    )
    .read(cofferdam_node::refusal::chain(error));
    Failure::new(Exit::Data, refusal)
}
