//! Owns the way in of ordinary objects: plaintext goes straight into the sealer, what comes out is
//! written. Blocking; a caller on the runtime moves it to a blocking thread piece by piece.
//!
//! It must never write a plain byte, and never holds more than one piece of the body.

use std::fmt;

use cofferdam_seal::{FernetKey, Sealer, WrappedKey};

use crate::catalogue::{BucketName, Layout, Piece};
use crate::digest::{Algorithm, Computed, Digests};
use crate::fault::Fault;
use crate::object::{ObjectDir, Settled};

/// An object on its way to the disk. Dropping it leaves nothing behind.
pub struct Upload {
    part: crate::object::Part,
    sealer: Sealer,
    digests: Digests,
    sealed: Vec<u8>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("part", &self.part)
            .finish_non_exhaustive()
    }
}

/// A sealed, durable file and what is known of it.
#[derive(Debug)]
pub struct Written {
    /// The file; dropping it removes it.
    pub file: Settled,
    /// How the catalogue will name it.
    pub piece: Piece,
    /// The digests of the bytes as the client sent them.
    pub sent: Computed,
    /// The MD5 of what a GET gives back.
    pub md5: [u8; 16],
    /// Only for a segment: how many records it holds, and whether it was closed.
    pub segment: Option<crate::segment::Seen>,
}

/// The key of an upload, and when it begins.
#[derive(Debug)]
pub struct UploadKey {
    /// The data key.
    pub key: FernetKey,
    /// The same, wrapped.
    pub wrapped: WrappedKey,
    /// Unix seconds.
    pub created: u64,
}

impl Upload {
    /// Begins a sealed file bound to `bucket`.
    ///
    /// # Errors
    /// [`Fault`] of the disk.
    pub fn begin(
        dir: &ObjectDir,
        bucket: &BucketName,
        with: &UploadKey,
        wanted: &[Algorithm],
    ) -> Result<Self, Fault> {
        let mut part = dir
            .begin()
            .map_err(|error| Fault::disk("begin a sealed file", error))?;
        let context = bucket.as_str().as_bytes();
        let (sealer, header) =
            Sealer::new(&with.key, &with.wrapped, part.id(), with.created, context);
        part.write(&header)
            .map_err(|error| Fault::disk("write a sealed file", error))?;
        Ok(Self {
            part,
            sealer,
            digests: Digests::new(wanted),
            sealed: Vec::new(),
        })
    }

    /// Seals and writes the next plain bytes.
    ///
    /// # Errors
    /// [`Fault`] of the disk.
    pub fn absorb(&mut self, plain: &[u8]) -> Result<(), Fault> {
        self.digests.update(plain);
        self.sealed.clear();
        self.sealer.update(plain, &mut self.sealed);
        self.part
            .write(&self.sealed)
            .map_err(|error| Fault::disk("write a sealed file", error))
    }

    /// Seals the end and makes the file durable.
    ///
    /// # Errors
    /// [`Fault`] of the disk.
    pub fn finish(mut self) -> Result<Written, Fault> {
        self.sealed.clear();
        let size = self.sealer.finish(&mut self.sealed);
        self.part
            .write(&self.sealed)
            .map_err(|error| Fault::disk("write a sealed file", error))?;
        let file = self
            .part
            .settle()
            .map_err(|error| Fault::disk("make a sealed file durable", error))?;
        let sent = self.digests.finish();
        let piece = Piece {
            file: file.id(),
            sealed: file.id(),
            layout: Layout::Frames,
            size,
            stored: file.stored(),
        };
        Ok(Written {
            file,
            piece,
            md5: sent.md5,
            sent,
            segment: None,
        })
    }
}
