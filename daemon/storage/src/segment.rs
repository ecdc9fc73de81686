//! Owns intake's segments: a sealed file of records that arrives as a spool wrote it, is verified
//! record by record, kept as it came, and given back as the payloads one behind the other.
//!
//! It must never keep a segment of which one record does not carry its seal.

use std::fmt;
use std::fs::File;
use std::io::Read as _;

use cofferdam_seal::{FernetKey, HEADER_LEN, Header, Layout as SealLayout, ObjectId, RecordOpener};

use crate::catalogue::{BucketName, Layout, Piece};
use crate::code::Code;
use crate::digest::{Algorithm, Digests};
use crate::fault::Fault;
use crate::object::{ObjectDir, Part};
use crate::upload::Written;

/// The content type under which a segment arrives.
pub const SEGMENT_TYPE: &str = "application/vnd.cofferdam.segment";

/// The content type under which its payloads are given back.
pub const PAYLOAD_TYPE: &str = "application/x-ndjson";

/// The most bytes of an incomplete record that are held: one record at its limit, and its frame.
const PENDING_LIMIT_BYTES: usize = cofferdam_seal::record::PLAIN_LIMIT + (1 << 20);

/// What was seen of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How many payload records it holds.
    pub records: u64,
    /// Whether its producer closed it; one that a crash ended is whole, but open.
    pub closed: bool,
}

/// Reads the header of a segment.
///
/// # Errors
/// [`Code::SegmentMalformed`].
pub fn header(bytes: &[u8]) -> Result<Header, Fault> {
    let malformed = |seen: String| Fault::new(Code::SegmentMalformed, seen);
    let header = Header::parse(bytes)
        .map_err(|error| malformed(format!("{}: {error}", error.code())).caused_by(error))?;
    match header.layout() {
        SealLayout::Records => Ok(header),
        SealLayout::Frames => Err(malformed("a sealed object, not a segment".to_owned())),
    }
}

/// Opens records one by one out of bytes that come in any pieces.
struct Records {
    opener: RecordOpener,
    pending: Vec<u8>,
    seen: u64,
}

impl Records {
    fn new(header: &Header, key: &FernetKey, bucket: &BucketName) -> Result<Self, Fault> {
        let opener = RecordOpener::new(header, key, bucket.as_str().as_bytes())
            .map_err(|error| altered(0, &error).caused_by(error))?;
        Ok(Self {
            opener,
            pending: Vec::new(),
            seen: 0,
        })
    }

    /// Takes bytes and hands each payload that is complete to `each`.
    fn absorb(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Fault> {
        self.pending.extend_from_slice(bytes);
        let mut rest = self.pending.as_slice();
        loop {
            match self.opener.next(&mut rest) {
                Ok(Some(record)) => {
                    each(&record.plain);
                    self.seen = self.seen.saturating_add(1);
                }
                Ok(None) => break,
                Err(error) => return Err(altered(self.seen, &error).caused_by(error)),
            }
        }
        let consumed = self.pending.len() - rest.len();
        self.pending.drain(..consumed);
        if self.pending.len() > PENDING_LIMIT_BYTES {
            return Err(Fault::new(
                Code::SegmentAltered,
                format!("record {} is longer than a record can be", self.seen),
            ));
        }
        Ok(())
    }

    fn end(&self) -> Result<Seen, Fault> {
        if self.pending.is_empty() {
            return Ok(Seen {
                records: self.seen,
                closed: self.opener.closed(),
            });
        }
        let held = self.pending.len();
        Err(if self.opener.closed() {
            Fault::new(
                Code::SegmentAltered,
                format!("{held} bytes behind the final record"),
            )
        } else {
            Fault::new(
                Code::SegmentTruncated,
                format!("record {} ends after {held} of its bytes", self.seen),
            )
        })
    }
}

fn altered(record: u64, error: &cofferdam_seal::OpenError) -> Fault {
    Fault::new(
        Code::SegmentAltered,
        format!("record {record}: {}: {error}", error.code()),
    )
}

/// A segment on its way to the disk. Dropping it leaves nothing behind.
pub struct SegmentUpload {
    part: Part,
    records: Records,
    sealed: ObjectId,
    sent: Digests,
    payload: Digests,
    size: u64,
}

impl fmt::Debug for SegmentUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentUpload")
            .field("part", &self.part)
            .finish_non_exhaustive()
    }
}

impl SegmentUpload {
    /// Begins a file for a segment whose header was read and whose key was opened. The header's
    /// bytes are not written yet: they come through [`SegmentUpload::absorb_header`].
    ///
    /// # Errors
    /// [`Code::SegmentAltered`] when the header does not belong to the key or the bucket, or a
    /// [`Fault`] of the disk.
    pub fn begin(
        dir: &ObjectDir,
        bucket: &BucketName,
        header: &Header,
        key: &FernetKey,
        wanted: &[Algorithm],
    ) -> Result<Self, Fault> {
        let records = Records::new(header, key, bucket)?;
        let part = dir
            .begin()
            .map_err(|error| Fault::disk("begin a sealed file", error))?;
        Ok(Self {
            part,
            records,
            sealed: header.object_id(),
            sent: Digests::new(wanted),
            payload: Digests::new(&[]),
            size: 0,
        })
    }

    /// Writes the header as it came.
    ///
    /// # Errors
    /// [`Fault`] of the disk.
    pub fn absorb_header(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.sent.update(bytes);
        self.part
            .write(bytes)
            .map_err(|error| Fault::disk("write a sealed file", error))
    }

    /// Verifies and writes the next bytes.
    ///
    /// # Errors
    /// [`Code::SegmentAltered`] or a [`Fault`] of the disk.
    pub fn absorb(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.sent.update(bytes);
        let (payload, size) = (&mut self.payload, &mut self.size);
        self.records.absorb(bytes, |plain| {
            payload.update(plain);
            *size = size.saturating_add(u64::try_from(plain.len()).unwrap_or(u64::MAX));
        })?;
        self.part
            .write(bytes)
            .map_err(|error| Fault::disk("write a sealed file", error))
    }

    /// Checks that the segment ends where a record ends, and makes the file durable.
    ///
    /// # Errors
    /// [`Code::SegmentTruncated`], [`Code::SegmentAltered`] or a [`Fault`] of the disk.
    pub fn finish(self) -> Result<Written, Fault> {
        let seen = self.records.end()?;
        let file = self
            .part
            .settle()
            .map_err(|error| Fault::disk("make a sealed file durable", error))?;
        let piece = Piece {
            file: file.id(),
            sealed: self.sealed,
            layout: Layout::Records,
            size: self.size,
            stored: file.stored(),
        };
        Ok(Written {
            file,
            piece,
            sent: self.sent.finish(),
            md5: self.payload.finish().md5,
            segment: Some(seen),
        })
    }
}

/// The payloads of a stored segment, from any place on.
pub struct SegmentReader {
    file: File,
    records: Records,
    skip: u64,
}

impl fmt::Debug for SegmentReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentReader")
            .field("skip", &self.skip)
            .finish_non_exhaustive()
    }
}

/// How much of the file is read at once.
const READ_BYTES: usize = 64 << 10;

impl SegmentReader {
    /// Reads on behind the header of `file`, and gives out payload from `offset` on.
    ///
    /// # Errors
    /// [`Code::SegmentAltered`] when the header does not belong to the key or the bucket, or a
    /// [`Fault`] of the disk.
    pub fn open(
        mut file: File,
        key: &FernetKey,
        bucket: &BucketName,
        offset: u64,
    ) -> Result<Self, Fault> {
        let mut bytes = [0_u8; HEADER_LEN];
        file.read_exact(&mut bytes)
            .map_err(|error| Fault::disk("read a segment", error))?;
        let records = Records::new(&header(&bytes)?, key, bucket)?;
        Ok(Self {
            file,
            records,
            skip: offset,
        })
    }

    /// The next payload bytes, about as many as fit one reading; empty at the end.
    ///
    /// # Errors
    /// [`Code::SegmentAltered`], [`Code::SegmentTruncated`] or a [`Fault`] of the disk.
    pub fn read(&mut self) -> Result<Vec<u8>, Fault> {
        let mut plain = Vec::new();
        let mut buffer = vec![0_u8; READ_BYTES];
        while plain.is_empty() {
            let count = self
                .file
                .read(&mut buffer)
                .map_err(|error| Fault::disk("read a segment", error))?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                self.records.end()?;
                break;
            };
            let skip = &mut self.skip;
            self.records.absorb(bytes, |payload| {
                plain.extend_from_slice(behind(payload, skip));
            })?;
        }
        Ok(plain)
    }
}

/// The part of `payload` behind the first `skip` bytes, which are counted down.
fn behind<'a>(payload: &'a [u8], skip: &mut u64) -> &'a [u8] {
    let dropped = usize::try_from(*skip).map_or(payload.len(), |skip| skip.min(payload.len()));
    *skip = skip.saturating_sub(u64::try_from(dropped).unwrap_or(u64::MAX));
    payload.get(dropped..).unwrap_or(&[])
}
