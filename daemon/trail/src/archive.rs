//! Reads the published files of a log: tiles, bundles, the checkpoint, and proofs made from them.
//! Believes nothing: whoever reads compares ([`crate::verify`]) or checks the proof.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::merkle::{self, Subtrees};
use crate::publish::CHECKPOINT;
use crate::tile::{Bundle, FULL_WIDTH, TILE_HEIGHT, Tile, full_tiles, partial};
use crate::verify::Fault;
use crate::{Checkpoint, Hash, note};

/// A directory with a log in it.
#[derive(Debug, Clone)]
pub struct Archive {
    dir: PathBuf,
}

impl Archive {
    /// The log in this directory; looks at nothing yet.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// The signed note in the file `checkpoint`, unchecked.
    ///
    /// # Errors
    /// If it is missing, unreadable or no text.
    pub fn checkpoint_note(&self) -> Result<String, Fault> {
        let path = self.dir.join(CHECKPOINT);
        match fs::read(&path) {
            Ok(bytes) => String::from_utf8(bytes)
                .map_err(|_no_text| Fault::new("TR-202", "the checkpoint is not UTF-8".to_owned())),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(Fault::new(
                "TR-201",
                format!("there is no {}", path.display()),
            )),
            Err(cause) => Err(unreadable(&path, &cause)),
        }
    }

    /// What the file `checkpoint` claims, without a look at its signature.
    ///
    /// # Errors
    /// If it is missing or malformed.
    pub fn claimed_checkpoint(&self) -> Result<Checkpoint, Fault> {
        let signed = self.checkpoint_note()?;
        let malformed = |why: &dyn std::fmt::Display| Fault::new("TR-202", why.to_string());
        let text = note::unverified_text(&signed).map_err(|error| malformed(&error))?;
        Checkpoint::parse(text).map_err(|error| malformed(&error))
    }

    /// The hashes of a tile; of a partial tile that is gone, the beginning of the full one.
    ///
    /// # Errors
    /// If the tile is missing, unreadable or of the wrong length.
    pub fn tile(&self, tile: Tile) -> Result<Vec<Hash>, Fault> {
        let (path, bytes) = self.read(&tile, Tile::path, "TR-209")?;
        let wanted = usize::from(tile.width).saturating_mul(Hash::LENGTH);
        let exact = if path == tile.path() {
            bytes.len() == wanted
        } else {
            bytes.len() == 8192
        };
        if !exact {
            let what = format!("{} has {} bytes", path.display(), bytes.len());
            return Err(Fault::new("TR-210", what));
        }
        let rows = bytes
            .chunks_exact(Hash::LENGTH)
            .take(usize::from(tile.width));
        Ok(rows.filter_map(Hash::from_slice).collect())
    }

    /// The bundle of leaves of a tile of level zero, and where it lies; of a partial bundle that is
    /// gone, the beginning of the full one.
    ///
    /// # Errors
    /// If the bundle is missing, unreadable or cut short.
    pub fn bundle(&self, tile: Tile) -> Result<(PathBuf, Vec<u8>), Fault> {
        let (path, mut bytes) = self.read(&tile, Tile::bundle_path, "TR-206")?;
        if path != tile.bundle_path() {
            let leaves = Bundle::new(&bytes).take(usize::from(tile.width)).flatten();
            let length = leaves.map(|leaf| leaf.len().saturating_add(2)).sum();
            bytes.truncate(length);
        }
        Ok((path, bytes))
    }

    /// The proof that a leaf is in the tree of this size.
    ///
    /// # Errors
    /// If the leaf is outside the tree or a tile cannot be read.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, Fault> {
        let proof = merkle::prove_inclusion(&mut Tree::new(self, size), index, size)?;
        proof.ok_or_else(|| outside(format!("leaf {index} of {size}")))
    }

    /// The proof that the tree of `old` leaves is the beginning of that of `new` leaves.
    ///
    /// # Errors
    /// If the sizes are in the wrong order or a tile cannot be read.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Fault> {
        let proof = merkle::prove_consistency(&mut Tree::new(self, new), old, new)?;
        proof.ok_or_else(|| outside(format!("from {old} to {new}")))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn read(
        &self,
        tile: &Tile,
        path_of: fn(&Tile) -> PathBuf,
        missing: &'static str,
    ) -> Result<(PathBuf, Vec<u8>), Fault> {
        for path in [path_of(tile), path_of(&tile.full())] {
            match fs::read(self.dir.join(&path)) {
                Ok(bytes) => return Ok((path, bytes)),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(unreadable(&path, &cause)),
            }
        }
        Err(Fault::new(
            missing,
            format!("there is no {}", path_of(tile).display()),
        ))
    }
}

pub(crate) fn unreadable(path: &Path, cause: &io::Error) -> Fault {
    Fault::new("TR-216", format!("{}: {cause}", path.display()))
}

fn outside(what: String) -> Fault {
    Fault::new("TR-401", what)
}

/// The tree of one size over the tiles of an archive.
struct Tree<'a> {
    archive: &'a Archive,
    size: u64,
}

impl<'a> Tree<'a> {
    fn new(archive: &'a Archive, size: u64) -> Self {
        Self { archive, size }
    }
}

impl Subtrees for Tree<'_> {
    type Error = Fault;

    fn subtree(&mut self, height: u32, index: u64) -> Result<Hash, Fault> {
        let what = || outside(format!("subtree {index} of height {height}"));
        let level = u8::try_from(height / TILE_HEIGHT).ok().ok_or_else(what)?;
        let inner = height % TILE_HEIGHT;
        let first = index.checked_shl(inner).ok_or_else(what)?;
        let tile_index = first / u64::from(FULL_WIDTH);
        let tile = if tile_index < full_tiles(level, self.size) {
            Tile {
                level,
                index: tile_index,
                width: FULL_WIDTH,
            }
        } else {
            partial(level, self.size).ok_or_else(what)?
        };
        let hashes = self.archive.tile(tile)?;
        let from = usize::try_from(first % u64::from(FULL_WIDTH))
            .ok()
            .ok_or_else(what)?;
        let row = hashes.get(from..).and_then(|rest| rest.get(..1 << inner));
        row.map(merkle::root).ok_or_else(what)
    }
}
