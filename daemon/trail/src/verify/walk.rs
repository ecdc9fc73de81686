//! The walk from the signed root down to every leaf.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Archive, Fault};
use crate::archive::unreadable;
use crate::leaf::Reader;
use crate::tile::{Bundle, FULL_WIDTH, LEVELS, Tile, partial};
use crate::{Checkpoint, Hash, merkle};

/// What was seen on the way.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) events: BTreeMap<String, u64>,
    pub(super) bytes: u64,
}

/// Checks everything below a checkpoint whose signature holds.
pub(super) fn walk(archive: &Archive, checkpoint: &Checkpoint) -> Result<Counted, Fault> {
    let mut edge = Vec::new();
    for tile in (0..LEVELS).filter_map(|level| partial(level, checkpoint.size)) {
        edge.push((tile, archive.tile(tile)?));
    }
    if edge_root(edge.iter().map(|(_, hashes)| hashes.as_slice())) != checkpoint.root {
        return Err(blame(archive, checkpoint, &edge));
    }
    let mut walker = Walker {
        archive,
        reader: Reader::new(&checkpoint.origin),
        counted: Counted::default(),
    };
    // The highest level holds the oldest leaves.
    for (tile, hashes) in edge.iter().rev() {
        walker.check_below(tile, hashes)?;
    }
    Ok(walker.counted)
}

/// The root over the partial tiles of all levels, lowest first.
fn edge_root<'a>(levels: impl Iterator<Item = &'a [Hash]>) -> Hash {
    let mut remainder: Option<Hash> = None;
    for hashes in levels {
        let row: Vec<Hash> = hashes.iter().copied().chain(remainder).collect();
        remainder = Some(merkle::root(&row));
    }
    remainder.unwrap_or_else(merkle::empty_root)
}

/// The root is not the signed one: names the one tile at the edge that, made again from what lies
/// below it, would mend that, if there is one.
fn blame(archive: &Archive, checkpoint: &Checkpoint, edge: &[(Tile, Vec<Hash>)]) -> Fault {
    for (at, (tile, _)) in edge.iter().enumerate() {
        let Ok(again) = remake(archive, tile) else {
            continue;
        };
        let rows = edge.iter().enumerate();
        let rows = rows.map(|(row, (_, found))| if row == at { &again } else { found });
        if edge_root(rows.map(Vec::as_slice)) == checkpoint.root {
            return changed_tile(tile);
        }
    }
    let size = checkpoint.size;
    Fault::new(
        "TR-212",
        format!("the tree of {size} leaves here has another root than signed"),
    )
}

fn changed_tile(tile: &Tile) -> Fault {
    let what = format!("{} does not hash to what was signed", tile.path().display());
    Fault::new("TR-211", what).at(first_leaf(tile))
}

/// The first leaf below a tile.
fn first_leaf(tile: &Tile) -> u64 {
    let span = 1_u64.checked_shl(u32::from(tile.level).saturating_add(1).saturating_mul(8));
    tile.index.saturating_mul(span.unwrap_or(u64::MAX))
}

/// The hashes of a tile, made again from the leaves or tiles below it.
fn remake(archive: &Archive, tile: &Tile) -> Result<Vec<Hash>, Fault> {
    if tile.level == 0 {
        let (_, bytes) = archive.bundle(*tile)?;
        return Ok(Bundle::new(&bytes)
            .flatten()
            .map(merkle::leaf_hash)
            .collect());
    }
    let below = (0..u64::from(tile.width)).map(|at| child(tile, at));
    below
        .map(|tile| archive.tile(tile).map(|hashes| merkle::root(&hashes)))
        .collect()
}

/// The full tile that hash `at` of a tile stands for.
fn child(tile: &Tile, at: u64) -> Tile {
    let index = tile
        .index
        .saturating_mul(u64::from(FULL_WIDTH))
        .saturating_add(at);
    Tile {
        level: tile.level.saturating_sub(1),
        index,
        width: FULL_WIDTH,
    }
}

struct Walker<'a> {
    archive: &'a Archive,
    reader: Reader,
    counted: Counted,
}

impl Walker<'_> {
    /// Checks everything below a tile whose hashes are trusted, and its older partial files.
    fn check_below(&mut self, tile: &Tile, hashes: &[Hash]) -> Result<(), Fault> {
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        self.check_older(&tile.full().path(), tile, |width, found| {
            found.len() == usize::from(width).saturating_mul(Hash::LENGTH)
                && bytes.starts_with(found)
        })?;
        if tile.level == 0 {
            return self.check_leaves(tile, hashes);
        }
        for (at, hash) in (0_u64..).zip(hashes) {
            let below = child(tile, at);
            let found = self
                .archive
                .tile(below)
                .map_err(|fault| fault.at(first_leaf(&below)))?;
            if merkle::root(&found) != *hash {
                return Err(changed_tile(&below));
            }
            self.check_below(&below, &found)?;
        }
        Ok(())
    }

    /// Checks each leaf of a bundle against the trusted hashes.
    fn check_leaves(&mut self, tile: &Tile, hashes: &[Hash]) -> Result<(), Fault> {
        let first = first_leaf(tile);
        let (path, bytes) = self
            .archive
            .bundle(*tile)
            .map_err(|fault| fault.at(first))?;
        let mut leaves = Bundle::new(&bytes);
        let mut index = first;
        for hash in hashes {
            let leaf = leaves.next().and_then(Result::ok).ok_or_else(|| {
                Fault::new("TR-207", format!("{} ends too early", path.display())).at(index)
            })?;
            if merkle::leaf_hash(leaf) != *hash {
                let what = format!("{} holds a changed leaf", path.display());
                return Err(Fault::new("TR-208", what).at(index));
            }
            self.count(leaf, index)?;
            index = index.saturating_add(1);
        }
        if leaves.next().is_some() {
            let what = format!("{} goes on after its last leaf", path.display());
            return Err(Fault::new("TR-207", what).at(index));
        }
        self.check_older(&tile.full().bundle_path(), tile, |width, found| {
            let whole = Bundle::new(found).flatten().count() == usize::from(width);
            bytes.starts_with(found) && whole
        })
    }

    fn count(&mut self, leaf: &[u8], index: u64) -> Result<(), Fault> {
        let front = self.reader.front(leaf).ok_or_else(|| {
            Fault::new("TR-214", "the leaf is no line of this log".to_owned()).at(index)
        })?;
        if front.sequence != index {
            let what = format!("the leaf says that it is number {}", front.sequence);
            return Err(Fault::new("TR-213", what).at(index));
        }
        let length = u64::try_from(leaf.len()).unwrap_or(u64::MAX);
        self.counted.bytes = self.counted.bytes.saturating_add(length);
        if let Some(count) = self.counted.events.get_mut(front.event) {
            *count = count.saturating_add(1);
        } else {
            self.counted.events.insert(front.event.to_owned(), 1);
        }
        Ok(())
    }

    /// Checks the partial files of earlier checkpoints that still lie beside a tile or bundle; each
    /// must be the beginning of what there is now. Wider ones belong to no checkpoint yet.
    fn check_older(
        &self,
        full: &Path,
        tile: &Tile,
        is_beginning: impl Fn(u16, &[u8]) -> bool,
    ) -> Result<(), Fault> {
        let mut name = full.as_os_str().to_owned();
        name.push(".p");
        let folder = PathBuf::from(name);
        let listing = match fs::read_dir(self.archive.dir().join(&folder)) {
            Ok(listing) => listing,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(unreadable(&folder, &cause)),
        };
        for file in listing {
            let file = file.map_err(|cause| unreadable(&folder, &cause))?;
            let width = file
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u16>().ok());
            let Some(width) = width.filter(|width| (1..=tile.width).contains(width)) else {
                continue;
            };
            let path = folder.join(width.to_string());
            let found = match fs::read(file.path()) {
                Ok(found) => found,
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                Err(cause) => return Err(unreadable(&path, &cause)),
            };
            if !is_beginning(width, &found) {
                let what = format!("{} is not the beginning of what follows", path.display());
                return Err(Fault::new("TR-215", what).at(first_leaf(tile)));
            }
        }
        Ok(())
    }
}
