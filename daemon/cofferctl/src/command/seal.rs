//! `cofferctl seal`: the same format as the rack's, for files and pipes on a laptop.

use cofferdam_seal::{CobblestoneSealer, FernetKey, ObjectId, Sealer, WrappedKey};

use super::key::{Ring, read_ring};
use super::output::{Kept, Readers, said, write_output};
use super::stream::{
    CHUNK_BYTES, input_failed, open_input, output_failed, progress, read_whole, refused,
};
use crate::cli::{SealArguments, SealSuite};
use crate::verdict::{Failure, Outcome};

pub(crate) fn seal(arguments: &SealArguments) -> Outcome {
    let Ring { file, keys: ring } = read_ring(arguments.keyring.as_deref())?;
    let kept = Kept::sources(&file, arguments.input.as_deref());
    let now = crate::clock::system().unix_seconds();
    let output = arguments.output.as_deref();
    let (mut input, length) = open_input(arguments.input.as_deref())?;
    if arguments.token {
        let plain = read_whole(&mut *input)?;
        let token = ring
            .encrypt(&plain, now)
            .map_err(|error| refused(error.code(), &error))?;
        write_output(output, Readers::Anybody, &kept, |out| {
            writeln!(out, "{token}").map_err(|error| output_failed(&error))
        })?;
        return Ok(said(
            output,
            &format!("sealed: {} bytes as a token", plain.len()),
        ));
    }
    let key = FernetKey::generate().map_err(|error| refused(error.code(), &error))?;
    let wrapped = WrappedKey::seal(ring.primary(), &key, now)
        .map_err(|error| refused(error.code(), &error))?;
    let id = ObjectId::random().map_err(|error| refused(error.code(), &error))?;
    let (mut sealer, mut sealed) = match arguments.suite {
        SealSuite::Fernet => {
            let (sealer, head) = Sealer::new(&key, &wrapped, id, now, b"");
            (Sealing::Fernet(sealer), head)
        }
        SealSuite::Cobblestone128 => {
            let begun = CobblestoneSealer::object(&key, &wrapped, id, now, b"");
            let (sealer, head) = begun.map_err(|error| refused(error.code(), &error))?;
            (Sealing::Cobblestone(sealer), head)
        }
    };
    let mut sealed_length = 0;
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    let mut shown = progress(length, output);
    write_output(output, Readers::Anybody, &kept, |out| {
        loop {
            let read = input
                .read(&mut chunk)
                .map_err(|error| input_failed(&error))?;
            let plain: &[u8] = chunk.get(..read).unwrap_or_default();
            if plain.is_empty() {
                break;
            }
            sealer.update(plain, &mut sealed)?;
            out.write_all(&sealed)
                .map_err(|error| output_failed(&error))?;
            sealed.clear();
            shown.advance(read);
        }
        sealed_length = sealer.finish(&mut sealed)?;
        out.write_all(&sealed)
            .map_err(|error| output_failed(&error))
    })?;
    Ok(said(
        output,
        &format!("sealed: {sealed_length} bytes as an object"),
    ))
}

/// An object of either suite being written.
enum Sealing {
    Fernet(Sealer),
    Cobblestone(CobblestoneSealer),
}

impl Sealing {
    fn update(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Fernet(sealer) => {
                sealer.update(plain, out);
                Ok(())
            }
            Self::Cobblestone(sealer) => sealer
                .update(plain, out)
                .map_err(|error| refused(error.code(), &error)),
        }
    }

    fn finish(self, out: &mut Vec<u8>) -> Result<u64, Failure> {
        match self {
            Self::Fernet(sealer) => Ok(sealer.finish(out)),
            Self::Cobblestone(sealer) => sealer
                .finish(out)
                .map_err(|error| refused(error.code(), &error)),
        }
    }
}
