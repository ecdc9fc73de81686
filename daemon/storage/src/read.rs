//! Owns the way out of an object: its pieces one behind the other, a bounded number of bytes at a
//! time, each authenticated before it is given out.
//!
//! It must never return a byte of a piece whose seal, length or identity differs from what the
//! catalogue says.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};

use bytes::Bytes;
use cofferdam_seal::{FernetKey, HEADER_LEN, Header, ObjectReader, OpenErrorKind};

use crate::catalogue::{BucketName, Layout, ObjectMeta, Piece};
use crate::code::Code;
use crate::fault::Fault;
use crate::object::ObjectDir;
use crate::segment::SegmentReader;
use crate::store::Store;

/// The most plaintext that is held of one object.
const CHUNK_BYTES: usize = 256 << 10;

/// A part of an object, being read.
#[derive(Debug)]
pub struct ObjectRead {
    store: Store,
    bucket: BucketName,
    ahead: VecDeque<Stretch>,
    current: Option<Current>,
}

/// A stretch of one piece.
#[derive(Debug)]
struct Stretch {
    piece: Piece,
    offset: u64,
    length: u64,
}

#[derive(Debug)]
struct Current {
    source: Source,
    offset: u64,
    left: u64,
}

enum Source {
    Frames(ObjectReader<File>),
    Records(SegmentReader),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Source::Frames(_) => "Frames",
            Source::Records(_) => "Records",
        })
    }
}

impl ObjectRead {
    pub(crate) fn new(
        store: Store,
        bucket: BucketName,
        meta: &ObjectMeta,
        offset: u64,
        length: u64,
    ) -> Self {
        let ahead = stretches(&meta.pieces, offset, length);
        Self {
            store,
            bucket,
            ahead,
            current: None,
        }
    }

    /// The next bytes; [`None`] behind the last.
    ///
    /// # Errors
    /// [`Code::ObjectDamaged`], [`Code::ObjectGone`], [`Code::KeyRefused`] or a fault of the disk.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => match self.ahead.pop_front() {
                    Some(stretch) => self.open(stretch).await?,
                    None => return Ok(None),
                },
            };
            if current.left == 0 {
                continue;
            }
            let (current, bytes) = blocking(move || {
                let bytes = current.read()?;
                Ok((current, bytes))
            })
            .await?;
            self.current = Some(current);
            return Ok(Some(bytes));
        }
    }

    async fn open(&self, stretch: Stretch) -> Result<Current, Fault> {
        let (objects, piece) = (self.store.objects().clone(), stretch.piece.clone());
        let (file, header) = blocking(move || inspect(&objects, &piece)).await?;
        let key = self.store.open_key(header.wrapped()).await?;
        let bucket = self.bucket.clone();
        blocking(move || {
            let source = open_source(file, &key, &bucket, &stretch)?;
            Ok(Current {
                source,
                offset: stretch.offset,
                left: stretch.length,
            })
        })
        .await
    }
}

impl Current {
    fn read(&mut self) -> Result<Bytes, Fault> {
        let most = usize::try_from(self.left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let mut plain = match &mut self.source {
            Source::Frames(reader) => {
                let mut plain = Vec::with_capacity(most);
                reader
                    .read_at(self.offset, most, &mut plain)
                    .map_err(damaged)?;
                plain
            }
            Source::Records(reader) => reader.read().map_err(as_damage)?,
        };
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX);
        plain.truncate(wanted);
        if plain.is_empty() {
            let seen = format!("{} bytes short of what the catalogue says", self.left);
            return Err(Fault::new(Code::ObjectDamaged, seen));
        }
        let count = u64::try_from(plain.len()).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(count);
        self.left = self.left.saturating_sub(count);
        Ok(Bytes::from(plain))
    }
}

/// Which stretch of which piece makes up the range.
fn stretches(pieces: &[Piece], offset: u64, length: u64) -> VecDeque<Stretch> {
    let end = offset.saturating_add(length);
    let mut start = 0_u64;
    let mut found = VecDeque::new();
    for piece in pieces {
        let stop = start.saturating_add(piece.size);
        let (from, to) = (offset.max(start), end.min(stop));
        if from < to {
            found.push_back(Stretch {
                piece: piece.clone(),
                offset: from - start,
                length: to - from,
            });
        }
        start = stop;
    }
    // Nothing to read, but what is there must still be sound before that is said.
    if let (true, Some(piece)) = (found.is_empty(), pieces.first()) {
        found.push_back(Stretch {
            piece: piece.clone(),
            offset: 0,
            length: 0,
        });
    }
    found
}

/// Opens the file of a piece and compares what can be compared without a key.
fn inspect(objects: &ObjectDir, piece: &Piece) -> Result<(File, Header), Fault> {
    let damaged = |seen: String| Fault::new(Code::ObjectDamaged, seen);
    let mut file = objects.read(piece.file).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return Fault::new(Code::ObjectGone, "its file is not there");
        }
        Fault::disk("open a sealed file", error)
    })?;
    let stored = file
        .metadata()
        .map_err(|error| Fault::disk("look at a sealed file", error))?
        .len();
    if stored != piece.stored {
        let seen = format!(
            "{stored} bytes on disk, the catalogue says {}",
            piece.stored
        );
        return Err(damaged(seen));
    }
    let mut bytes = [0_u8; HEADER_LEN];
    file.read_exact(&mut bytes)
        .map_err(|error| Fault::disk("read a sealed file", error))?;
    let header = Header::parse(&bytes)
        .map_err(|error| damaged(format!("{}: {error}", error.code())).caused_by(error))?;
    if header.object_id() != piece.sealed {
        return Err(damaged("the file is another object's".to_owned()));
    }
    Ok((file, header))
}

fn open_source(
    mut file: File,
    key: &FernetKey,
    bucket: &BucketName,
    stretch: &Stretch,
) -> Result<Source, Fault> {
    match stretch.piece.layout {
        Layout::Frames => {
            let reader =
                ObjectReader::open(file, key, bucket.as_str().as_bytes()).map_err(damaged)?;
            if reader.len() != stretch.piece.size {
                let seen = format!(
                    "{} bytes sealed, catalogue says {}",
                    reader.len(),
                    stretch.piece.size
                );
                return Err(Fault::new(Code::ObjectDamaged, seen));
            }
            Ok(Source::Frames(reader))
        }
        Layout::Records => {
            io::Seek::rewind(&mut file)
                .map_err(|error| Fault::disk("read a sealed file", error))?;
            SegmentReader::open(file, key, bucket, stretch.offset)
                .map(Source::Records)
                .map_err(as_damage)
        }
    }
}

fn damaged(error: cofferdam_seal::OpenError) -> Fault {
    if let OpenErrorKind::Source { cause, .. } = &error.kind
        && cause.kind() != io::ErrorKind::UnexpectedEof
    {
        return Fault::new(Code::DiskFault, format!("read a sealed file: {cause}"))
            .caused_by(error);
    }
    Fault::new(Code::ObjectDamaged, format!("{}: {error}", error.code())).caused_by(error)
}

/// A stored segment was verified on arrival, so what is wrong with it now happened on our disk.
fn as_damage(fault: Fault) -> Fault {
    if matches!(
        fault.code(),
        Code::SegmentAltered | Code::SegmentTruncated | Code::SegmentMalformed
    ) {
        return Fault::new(Code::ObjectDamaged, fault.seen().to_owned()).caused_by(fault);
    }
    fault
}

/// Runs blocking work off the runtime's threads.
///
/// # Errors
/// Those of the work, or that the runtime is going down.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Fault::new(Code::DiskFault, "the work was cut off").caused_by(error)),
    }
}
