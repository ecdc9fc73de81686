//! Where the bytes of `seal`, `unseal` and `field` come from, and what is said when they do not. Must never hold more in memory than
//! it names, nor take a part for the whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;

use super::object::file_failed;
use crate::progress::Progress;
use crate::verdict::Failure;

/// How much is read at once.
pub(super) const CHUNK_BYTES: usize = 1 << 18;
/// The most that is held in memory: a token, a cell or a log. Larger things are sealed as objects, which stream.
pub(super) const WHOLE_LIMIT_BYTES: u64 = 64 << 20;

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
