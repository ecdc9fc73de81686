//! The write-ahead log: a header, then one frame for each commit. Decides what a torn tail is and
//! what is damage; touches no file itself (`disk` does).
//!
//! Layout, all numbers most significant byte first:
//!
//! ```text
//! header  64  magic[16] "cofferdam-wal-1\n" | start u64 | SHA-256(origin)[..24] | SHA-256(the 48 before)[..16]
//! frame   48  magic[4] "CFWL" | payload bytes u32 | first leaf u64 | leaves u32 | SHA-256(the 20 before)[..4]
//!             | SHA-256(chain | the 24 before | leaf hash of each leaf)[..24]
//!             payload: each leaf with its u16 length, as in an entry bundle
//! ```
//!
//! `chain` is the whole last hash: SHA-256 of the header for the first frame, then the untruncated
//! check of the frame before. Frames therefore cannot be left out, repeated, moved or taken from
//! another log.

pub(crate) mod disk;

use ring::digest::{Context, SHA256, digest};

use crate::tile::Bundle;
use crate::{Hash, merkle};

pub(crate) const HEADER_LEN: usize = 64;
const HEAD_LEN: usize = 24;
const FRAME_LEN: usize = 48;
const MAGIC: &[u8; 16] = b"cofferdam-wal-1\n";
const FRAME_MAGIC: &[u8; 4] = b"CFWL";

/// The smallest piece of a disk that is written or not, in bytes.
const SECTOR: usize = 512;

/// A piece of zeros shorter than this says nothing about a sector.
const ZEROS: usize = 8;

/// The header of a log that begins at leaf `start`, and the chain that follows from it.
pub(crate) fn header(origin: &str, start: u64) -> (Vec<u8>, Hash) {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&start.to_be_bytes());
    bytes.extend(hash_of(origin.as_bytes()).0.iter().take(24));
    let check = hash_of(&bytes);
    bytes.extend(check.0.iter().take(16));
    let chain = hash_of(&bytes);
    (bytes, chain)
}

/// A frame under construction: the bytes to write, and the hashes of the leaves in it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hashes: Vec<Hash>,
    first: u64,
}

impl Frame {
    /// An empty frame for leaves from `first` on, in the memory of an older one.
    pub(crate) fn begin(first: u64, mut bytes: Vec<u8>, mut hashes: Vec<Hash>) -> Self {
        bytes.clear();
        bytes.resize(FRAME_LEN, 0);
        hashes.clear();
        Self {
            bytes,
            hashes,
            first,
        }
    }

    /// The sequence of the next leaf.
    pub(crate) fn next(&self) -> u64 {
        self.first
            .saturating_add(u64::try_from(self.hashes.len()).unwrap_or(u64::MAX))
    }

    /// Adds a leaf that `write` appends to the bytes. It is at most [`crate::LEAF_LIMIT_BYTES`].
    pub(crate) fn leaf(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0]);
        write(&mut self.bytes);
        let (_, written) = self.bytes.split_at_mut(at);
        let Some((length, leaf)) = written.split_first_chunk_mut::<2>() else {
            return;
        };
        *length = u16::try_from(leaf.len())
            .expect("a leaf is within its limit")
            .to_be_bytes();
        self.hashes.push(merkle::leaf_hash(leaf));
    }

    /// Adds leaves that stood in a bundle, with their hashes.
    pub(crate) fn copy(&mut self, payload: &[u8], hashes: &[Hash]) {
        self.bytes.extend_from_slice(payload);
        self.hashes.extend_from_slice(hashes);
    }

    /// The leaves with their lengths, as in a bundle.
    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(FRAME_LEN..).unwrap_or_default()
    }

    /// Fills in the head and the check; gives the chain for the next frame.
    pub(crate) fn finish(&mut self, chain: &Hash) -> Hash {
        let length = u32::try_from(self.payload().len()).expect("a batch is far below 4 GiB");
        let count = u32::try_from(self.hashes.len()).expect("a batch is far below 4 Gi leaves");
        let head = head(length, self.first, count);
        let next = check(chain, &head, &self.hashes);
        let filled = head.iter().chain(&next.0);
        let place = self.bytes.iter_mut().take(FRAME_LEN);
        place.zip(filled).for_each(|(to, from)| *to = *from);
        next
    }
}

/// What an intact log holds.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    /// The place of the first leaf.
    pub(crate) start: u64,
    /// The payload and the leaf hashes of each frame, in order.
    pub(crate) frames: Vec<(&'a [u8], Vec<Hash>)>,
    /// Where a torn last frame begins, if there is one.
    pub(crate) torn_at: Option<usize>,
}

/// Why a log is not what was written, or not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The header is not as this version writes it.
    Header,
    /// It belongs to another log.
    Origin,
    /// From this byte on it is not what was written.
    At(usize),
}

/// Reads a whole log. A last frame that was cut, or of which a disk sector was never written, is
/// torn: it was never acknowledged. Anything else that does not agree is damage.
pub(crate) fn read<'a>(bytes: &'a [u8], origin: &str) -> Result<Contents<'a>, Damage> {
    let (start, mut chain) = read_header(bytes, origin)?;
    let mut contents = Contents {
        start,
        frames: Vec::new(),
        torn_at: None,
    };
    let (mut at, mut next) = (HEADER_LEN, start);
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        match read_frame(rest, &chain, next) {
            Ok(frame) => {
                at = at
                    .saturating_add(FRAME_LEN)
                    .saturating_add(frame.payload.len());
                next = next.saturating_add(u64::try_from(frame.hashes.len()).unwrap_or(u64::MAX));
                chain = frame.chain;
                contents.frames.push((frame.payload, frame.hashes));
            }
            Err(Broken::Cut) => {
                contents.torn_at = Some(at);
                break;
            }
            Err(Broken::Wrong) if is_torn(bytes, at) => {
                contents.torn_at = Some(at);
                break;
            }
            Err(Broken::Wrong) => return Err(Damage::At(at)),
        }
    }
    Ok(contents)
}

/// Whether what begins at `at`, though as long as a frame, was only partly written. A frame that
/// was acknowledged has no unwritten sector, and none follows a frame that was not.
fn is_torn(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let begins = |window: &[u8]| window.starts_with(FRAME_MAGIC) && read_head(window).is_some();
    // A frame whose head is whole ends where it says; bytes after it were written after it.
    let ends_early = read_head(rest).is_some_and(|head| head.frame_len() < rest.len());
    if ends_early || rest.windows(FRAME_LEN).skip(1).any(begins) {
        return false;
    }
    let mut from = at;
    while from < bytes.len() {
        let to = (from / SECTOR)
            .saturating_add(1)
            .saturating_mul(SECTOR)
            .min(bytes.len());
        let piece = bytes.get(from..to).unwrap_or_default();
        if piece.len() >= ZEROS && piece.iter().all(|byte| *byte == 0) {
            return true;
        }
        from = to;
    }
    false
}

enum Broken {
    /// The bytes end before the frame does.
    Cut,
    /// They do not, and the frame is not as it was written.
    Wrong,
}

struct Read<'a> {
    payload: &'a [u8],
    hashes: Vec<Hash>,
    chain: Hash,
}

fn read_frame<'a>(rest: &'a [u8], chain: &Hash, next: u64) -> Result<Read<'a>, Broken> {
    if rest.len() < FRAME_LEN {
        // Too short for a head: torn, unless what is there cannot be the beginning of one.
        let magic = FRAME_MAGIC
            .iter()
            .zip(rest)
            .all(|(expect, found)| expect == found);
        let zeros = rest.iter().all(|byte| *byte == 0);
        return Err(if magic || zeros {
            Broken::Cut
        } else {
            Broken::Wrong
        });
    }
    let head = read_head(rest).ok_or(Broken::Wrong)?;
    if head.first != next || head.count == 0 {
        return Err(Broken::Wrong);
    }
    let (head_bytes, body) = rest.split_at_checked(HEAD_LEN).ok_or(Broken::Wrong)?;
    let (stored, body) = body.split_at_checked(HEAD_LEN).ok_or(Broken::Wrong)?;
    let payload = body.get(..head.length).ok_or(Broken::Cut)?;
    let mut hashes = Vec::new();
    for leaf in Bundle::new(payload) {
        hashes.push(merkle::leaf_hash(leaf.ok().ok_or(Broken::Wrong)?));
    }
    let sum = check(chain, head_bytes, &hashes);
    if hashes.len() != head.count || !sum.0.starts_with(stored) {
        return Err(Broken::Wrong);
    }
    Ok(Read {
        payload,
        hashes,
        chain: sum,
    })
}

struct Head {
    length: usize,
    first: u64,
    count: usize,
}

impl Head {
    fn frame_len(&self) -> usize {
        FRAME_LEN.saturating_add(self.length)
    }
}

fn head(length: u32, first: u64, count: u32) -> [u8; HEAD_LEN] {
    let mut head = [0; HEAD_LEN];
    let (covered, check) = head.split_at_mut(HEAD_LEN - 4);
    let fields = FRAME_MAGIC.iter().copied();
    let fields = fields
        .chain(length.to_be_bytes())
        .chain(first.to_be_bytes());
    let fields = fields.chain(count.to_be_bytes());
    covered
        .iter_mut()
        .zip(fields)
        .for_each(|(to, from)| *to = from);
    check
        .iter_mut()
        .zip(hash_of(covered).0)
        .for_each(|(to, from)| *to = from);
    head
}

fn read_head(bytes: &[u8]) -> Option<Head> {
    let rest = bytes.strip_prefix(FRAME_MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (first, rest) = rest.split_first_chunk::<8>()?;
    let (count, _) = rest.split_first_chunk::<4>()?;
    let (length, count) = (u32::from_be_bytes(*length), u32::from_be_bytes(*count));
    let first = u64::from_be_bytes(*first);
    let (length_usize, count_usize) = (usize::try_from(length).ok()?, usize::try_from(count).ok()?);
    let expect = head(length, first, count);
    bytes.starts_with(&expect).then_some(Head {
        length: length_usize,
        first,
        count: count_usize,
    })
}

fn check(chain: &Hash, head: &[u8], hashes: &[Hash]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&chain.0);
    context.update(head);
    for hash in hashes {
        context.update(&hash.0);
    }
    Hash::from_slice(context.finish().as_ref()).expect("SHA-256 has 32 bytes")
}

fn read_header(bytes: &[u8], origin: &str) -> Result<(u64, Hash), Damage> {
    let found = bytes.get(..HEADER_LEN).ok_or(Damage::Header)?;
    let rest = found.strip_prefix(MAGIC).ok_or(Damage::Header)?;
    let start = rest.first_chunk::<8>().ok_or(Damage::Header)?;
    let start = u64::from_be_bytes(*start);
    let (expect, chain) = header(origin, start);
    if found == expect {
        return Ok((start, chain));
    }
    // A header that is whole and yet not the expected one is another log's.
    let (covered, stored) = found.split_at_checked(48).ok_or(Damage::Header)?;
    let whole = hash_of(covered).0.starts_with(stored);
    Err(if whole {
        Damage::Origin
    } else {
        Damage::Header
    })
}

fn hash_of(bytes: &[u8]) -> Hash {
    Hash::from_slice(digest(&SHA256, bytes).as_ref()).expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests;
