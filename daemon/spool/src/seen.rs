//! The log of segments that left: the tags of each, so that a repeat is known after a crash.
//! Never holds a payload or a key. Bounded: it is rewritten when it holds twice the window.
//!
//! A block is `SEEN`, how it left (`d` delivered, `x` dead letter), epoch and segment as u64, the
//! number of tags as u32, the tags, and the first 8 bytes of the SHA-256 of all that. Numbers are
//! big-endian. A block that does not fit ends the log: what follows was not acknowledged.

use crate::medium::{Appender, Medium, remove_if_there, replace};
use crate::place::Place;
use crate::position::Number;
use crate::recovery::Torn;
use crate::refusal::DiskError;
use cofferdam_seal::Tag;
use ring::digest;
use std::io;
use std::path::PathBuf;

const MAGIC: &[u8; 4] = b"SEEN";
const CHECK_LEN: usize = 8;

/// How a segment left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// A receiver has it.
    Delivered,
    /// It lies in the directory of dead letters, or is on its way there.
    Dead,
}

/// One segment that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) how: Left,
    pub(crate) number: Number,
    pub(crate) tags: Vec<Tag>,
}

/// The log, open for appending.
pub(crate) struct SeenLog {
    path: PathBuf,
    /// Tags to keep.
    window: usize,
    /// Tags in the file.
    tags: usize,
    /// `None` after an error: the file is read and cut again before it is trusted.
    file: Option<Box<dyn Appender>>,
}

impl std::fmt::Debug for SeenLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeenLog")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl SeenLog {
    /// Opens or creates the log; its torn tail is cut and reported.
    pub(crate) fn load(
        medium: &dyn Medium,
        place: &Place,
        window: usize,
    ) -> Result<(Self, Vec<Block>, Option<Torn>), DiskError> {
        let mut log = Self {
            path: place.seen(),
            window,
            tags: 0,
            file: None,
        };
        let (blocks, torn) = log
            .mend(medium)
            .map_err(|error| DiskError::new("read", &log.path, &error))?;
        Ok((log, blocks, torn))
    }

    /// Records that a segment left; on disk when it returns `Ok`.
    pub(crate) fn record(
        &mut self,
        medium: &dyn Medium,
        how: Left,
        number: Number,
        tags: &[Tag],
    ) -> Result<(), DiskError> {
        let block = encode(how, number, tags);
        self.append(medium, &block)
            .map_err(|error| DiskError::new("write", &self.path, &error))?;
        self.tags += tags.len();
        if self.tags > self.window.saturating_mul(2).max(1024) {
            // The record is safe; a log that could not be shortened now is shortened next time.
            self.file = None;
            self.tags = self.shorten(medium).unwrap_or(self.tags);
        }
        Ok(())
    }

    fn append(&mut self, medium: &dyn Medium, block: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.mend(medium)?;
        }
        // Taken out and put back only on success: after an error the end is unknown.
        let mut file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        file.append(block)?;
        file.sync()?;
        self.file = Some(file);
        Ok(())
    }

    /// Reads the log, cuts what does not fit, and opens it for appending.
    fn mend(&mut self, medium: &dyn Medium) -> io::Result<(Vec<Block>, Option<Torn>)> {
        let bytes = match medium.read(&self.path, 0, u64::MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = medium.create(&self.path)?;
                self.path
                    .parent()
                    .map_or(Ok(()), |dir| medium.sync_dir(dir))?;
                self.file = Some(file);
                return Ok((Vec::new(), None));
            }
            Err(error) => return Err(error),
        };
        let (blocks, intact) = decode(&bytes);
        let offset = u64::try_from(intact).unwrap_or(u64::MAX);
        let cut = u64::try_from(bytes.len() - intact).unwrap_or(u64::MAX);
        let mut file = medium.reopen(&self.path)?;
        if cut > 0 {
            file.cut(offset)?;
        }
        // Also without a cut: a block whose sync failed earlier must not be half there.
        file.sync()?;
        self.tags = blocks.iter().map(|block| block.tags.len()).sum();
        self.file = Some(file);
        let torn = Torn {
            file: self.path.clone(),
            offset,
            bytes: cut,
            kept: None,
        };
        Ok((blocks, (cut > 0).then_some(torn)))
    }

    /// Keeps the latest blocks that hold at least the window; answers how many tags stayed.
    fn shorten(&mut self, medium: &dyn Medium) -> io::Result<usize> {
        let (blocks, _) = decode(&medium.read(&self.path, 0, u64::MAX)?);
        let mut kept = 0;
        let latest = blocks.iter().rev().take_while(|block| {
            let wanted = kept < self.window;
            kept += if wanted { block.tags.len() } else { 0 };
            wanted
        });
        let mut blocks: Vec<_> = latest.collect();
        blocks.reverse();
        let bytes: Vec<u8> = blocks
            .iter()
            .flat_map(|block| encode(block.how, block.number, &block.tags))
            .collect();
        replace(medium, &self.path, &bytes)
            .inspect_err(|_| drop(remove_if_there(medium, &self.path.with_extension("new"))))?;
        Ok(kept)
    }
}

fn check(block: &[u8]) -> [u8; CHECK_LEN] {
    let digest = digest::digest(&digest::SHA256, block);
    let first = digest.as_ref().first_chunk();
    *first.expect("a SHA-256 digest has 32 bytes")
}

fn encode(how: Left, number: Number, tags: &[Tag]) -> Vec<u8> {
    let count = u32::try_from(tags.len()).expect("settings bound the records of a segment");
    let mut block = MAGIC.to_vec();
    block.push(match how {
        Left::Delivered => b'd',
        Left::Dead => b'x',
    });
    block.extend_from_slice(&number.epoch.to_be_bytes());
    block.extend_from_slice(&number.segment.to_be_bytes());
    block.extend_from_slice(&count.to_be_bytes());
    block.extend_from_slice(tags.as_flattened());
    let check = check(&block);
    block.extend_from_slice(&check);
    block
}

/// The blocks, and the length of what fits.
fn decode(bytes: &[u8]) -> (Vec<Block>, usize) {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while let Some((block, after)) = decode_block(rest) {
        blocks.push(block);
        rest = after;
    }
    (blocks, bytes.len() - rest.len())
}

fn decode_block(bytes: &[u8]) -> Option<(Block, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (how, rest) = rest.split_first()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let (segment, rest) = rest.split_first_chunk()?;
    let (count, rest) = rest.split_first_chunk()?;
    let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
    let (tags, rest) = rest.split_at_checked(count.checked_mul(size_of::<Tag>())?)?;
    let (found, after) = rest.split_first_chunk::<CHECK_LEN>()?;
    let covered = bytes.get(..bytes.len() - rest.len())?;
    let how = match how {
        b'd' => Left::Delivered,
        b'x' => Left::Dead,
        _ => return None,
    };
    let number = Number {
        epoch: u64::from_be_bytes(*epoch),
        segment: u64::from_be_bytes(*segment),
    };
    let tags = tags
        .chunks_exact(size_of::<Tag>())
        .filter_map(|tag| tag.first_chunk().copied());
    (*found == check(covered)).then_some((
        Block {
            how,
            number,
            tags: tags.collect(),
        },
        after,
    ))
}

#[cfg(test)]
#[path = "seen/tests.rs"]
mod tests;
