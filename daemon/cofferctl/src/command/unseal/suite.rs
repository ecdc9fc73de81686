//! An object of either suite, behind one face. Must never try the other suite when the one that the header names refuses.

use std::fs::File;
use std::io::Read;

use cofferdam_seal::{
    Body, COBBLESTONE_HEAD_LEN, CobblestoneError, CobblestoneOpener, CobblestoneReader, FernetKey,
    Header, ObjectReader, OpenError, Opener, Suite,
};

use super::super::stream::{input_failed, refused};
use crate::verdict::Failure;

/// An object in a file.
pub(super) enum Reader<'a> {
    Fernet(ObjectReader<&'a File>),
    Cobblestone(CobblestoneReader<Body<&'a File>>),
}

impl<'a> Reader<'a> {
    pub(super) fn open(
        file: &'a File,
        header: &Header,
        key: &FernetKey,
        context: &[u8],
    ) -> Result<Self, Failure> {
        match header.suite() {
            Suite::Fernet => ObjectReader::open(file, key, context)
                .map(Self::Fernet)
                .map_err(|error| fernet(&error)),
            Suite::Cobblestone128 => CobblestoneReader::object(file, header, key, context)
                .map(Self::Cobblestone)
                .map_err(|error| cobblestone(&error)),
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Fernet(reader) => reader.len(),
            Self::Cobblestone(reader) => reader.len(),
        }
    }

    pub(super) fn read_at(
        &self,
        offset: u64,
        max: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Failure> {
        match self {
            Self::Fernet(reader) => reader
                .read_at(offset, max, out)
                .map_err(|error| fernet(&error)),
            Self::Cobblestone(reader) => reader
                .read_at(offset, max, out)
                .map_err(|error| cobblestone(&error)),
        }
    }
}

/// An object in a pipe.
pub(super) enum Streaming {
    Fernet(Box<Opener>),
    Cobblestone(Box<CobblestoneOpener>),
}

impl Streaming {
    /// Begins behind the header; of the second suite, the head of the message is read here.
    pub(super) fn begin(
        header: &Header,
        key: &FernetKey,
        context: &[u8],
        input: &mut dyn Read,
    ) -> Result<Self, Failure> {
        match header.suite() {
            Suite::Fernet => Opener::new(header, key, context)
                .map(|opener| Self::Fernet(Box::new(opener)))
                .map_err(|error| fernet(&error)),
            Suite::Cobblestone128 => {
                let mut head = [0; COBBLESTONE_HEAD_LEN];
                input
                    .read_exact(&mut head)
                    .map_err(|error| input_failed(&error))?;
                CobblestoneOpener::object(header, key, &head, context)
                    .map(|opener| Self::Cobblestone(Box::new(opener)))
                    .map_err(|error| cobblestone(&error))
            }
        }
    }

    pub(super) fn update(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Fernet(opener) => opener.update(sealed, out).map_err(|error| fernet(&error)),
            Self::Cobblestone(opener) => opener
                .update(sealed, out)
                .map_err(|error| cobblestone(&error)),
        }
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<u64, Failure> {
        match self {
            Self::Fernet(opener) => opener.finish(out).map_err(|error| fernet(&error)),
            Self::Cobblestone(opener) => opener.finish(out).map_err(|error| cobblestone(&error)),
        }
    }
}

fn fernet(error: &OpenError) -> Failure {
    refused(error.code(), error)
}

fn cobblestone(error: &CobblestoneError) -> Failure {
    refused(error.code(), error)
}
