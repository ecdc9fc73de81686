//! The leaves of a log, one after the other. Checks no signature and no hash:
//! [`super::verify_dir`] does.

use std::path::Path;

use super::{Archive, Fault};
use crate::tile::{Bundle, FULL_WIDTH, Tile, full_tiles, partial};

/// The published leaves of a log, in order, each with its place.
#[derive(Debug)]
pub struct Entries {
    archive: Archive,
    size: u64,
    next: u64,
    /// The bundle being read and how far it was read.
    bytes: Vec<u8>,
    read: usize,
    failed: bool,
}

/// Reads the leaves that the checkpoint of this directory speaks of.
///
/// # Errors
/// If there is no checkpoint or it is malformed. An item is an error where a bundle is missing or
/// malformed; it is the last.
pub fn entries(dir: &Path) -> Result<Entries, Fault> {
    let archive = Archive::new(dir);
    let size = archive.claimed_checkpoint()?.size;
    Ok(Entries {
        archive,
        size,
        next: 0,
        bytes: Vec::new(),
        read: 0,
        failed: false,
    })
}

impl Entries {
    /// Goes on at this leaf; what lies before it is not read.
    ///
    /// # Errors
    /// If the bundle of that leaf cannot be read.
    pub fn skip_to(mut self, index: u64) -> Result<Self, Fault> {
        let first = index / u64::from(FULL_WIDTH) * u64::from(FULL_WIDTH);
        (self.next, self.bytes, self.read) = (first, Vec::new(), 0);
        while self.next < index.min(self.size) {
            self.leaf()?;
        }
        Ok(self)
    }

    fn leaf(&mut self) -> Result<(u64, String), Fault> {
        let index = self.next;
        if index.is_multiple_of(u64::from(FULL_WIDTH)) {
            let number = index / u64::from(FULL_WIDTH);
            let full = Tile {
                level: 0,
                index: number,
                width: FULL_WIDTH,
            };
            let tile = if number < full_tiles(0, self.size) {
                Some(full)
            } else {
                None
            };
            let tile = tile.or_else(|| partial(0, self.size)).unwrap_or(full);
            self.bytes = self.archive.bundle(tile)?.1;
            self.read = 0;
        }
        let cut = || Fault::new("TR-207", "the bundle ends before its last leaf".to_owned());
        let rest = self.bytes.get(self.read..).unwrap_or_default();
        let leaf = Bundle::new(rest)
            .next()
            .and_then(Result::ok)
            .ok_or_else(|| cut().at(index))?;
        let text = std::str::from_utf8(leaf).map_err(|_no_text| {
            Fault::new("TR-214", "the leaf is not UTF-8".to_owned()).at(index)
        })?;
        self.read = self.read.saturating_add(2).saturating_add(leaf.len());
        self.next = index.saturating_add(1);
        Ok((index, text.to_owned()))
    }
}

impl Iterator for Entries {
    type Item = Result<(u64, String), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.next >= self.size {
            return None;
        }
        let leaf = self.leaf();
        self.failed = leaf.is_err();
        Some(leaf)
    }
}
