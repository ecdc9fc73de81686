//! What an auditor reads: full tiles and bundles, the partial ones of each checkpoint, and the
//! checkpoint itself. A file that was written is never written again; a checkpoint is put in place
//! only when everything it speaks of is on disk.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::edge::TileBytes;
use crate::tile::{FULL_WIDTH, Tile};
use crate::{Checkpoint, Hash, SignerKey, note};

/// The name of the signed head in its directory.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// 256 leaves with their lengths, and their hashes.
#[derive(Debug)]
pub(crate) struct FullBundle {
    pub(crate) index: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hashes: Vec<Hash>,
}

/// Everything that is new since the checkpoint before, and the new checkpoint.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) bundles: Vec<Arc<FullBundle>>,
    pub(crate) full_tiles: Vec<TileBytes>,
    pub(crate) partial_tiles: Vec<TileBytes>,
    /// The leaves of the partial tile of level zero; empty where there is none.
    pub(crate) partial_bundle: Vec<u8>,
    pub(crate) checkpoint: Checkpoint,
}

/// A file could not be published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error("{}: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error("{}: it is there already with other content", .0.display())]
    Differs(PathBuf),
    #[error("{}: it belongs to a published checkpoint and is missing", .0.display())]
    Missing(PathBuf),
}

impl Publication {
    /// Every file of the publication but the checkpoint, with the number of leaves from which on
    /// a checkpoint needs it.
    fn files(&self) -> impl Iterator<Item = (PathBuf, &[u8], Needed)> {
        let bundles = self.bundles.iter().map(|bundle| {
            let tile = Tile {
                level: 0,
                index: bundle.index,
                width: FULL_WIDTH,
            };
            (
                tile.bundle_path(),
                bundle.bytes.as_slice(),
                Needed::of(&tile),
            )
        });
        let tiles = self.full_tiles.iter().chain(&self.partial_tiles);
        let tiles = tiles.map(|bytes| {
            (
                bytes.tile.path(),
                bytes.bytes.as_slice(),
                Needed::of(&bytes.tile),
            )
        });
        let partial = self
            .partial_tiles
            .iter()
            .filter(|bytes| bytes.tile.level == 0);
        let partial = partial.map(|bytes| {
            (
                bytes.tile.bundle_path(),
                self.partial_bundle.as_slice(),
                Needed::of(&bytes.tile),
            )
        });
        bundles.chain(tiles).chain(partial)
    }
}

/// Which checkpoints need a file.
#[derive(Debug, Clone, Copy)]
enum Needed {
    /// All of at least this size.
    From(u64),
    /// Those for which this tile is the partial one.
    Partial(Tile),
}

impl Needed {
    fn of(tile: &Tile) -> Self {
        let span = 1_u64.checked_shl(u32::from(tile.level).saturating_add(1).saturating_mul(8));
        let end = tile
            .index
            .saturating_add(1)
            .saturating_mul(span.unwrap_or(u64::MAX));
        if tile.is_full() {
            Self::From(end)
        } else {
            Self::Partial(*tile)
        }
    }

    fn by(self, size: u64) -> bool {
        match self {
            Self::From(end) => size >= end,
            Self::Partial(tile) => crate::tile::partial(tile.level, size) == Some(tile),
        }
    }
}

/// Writes publications into one directory.
#[derive(Debug)]
pub(crate) struct Publisher {
    dir: PathBuf,
    signer: SignerKey,
    folders: BTreeSet<PathBuf>,
    touched: BTreeSet<PathBuf>,
}

impl Publisher {
    pub(crate) fn new(dir: &Path, signer: SignerKey) -> Self {
        let folders = BTreeSet::from([dir.to_owned()]);
        Self {
            dir: dir.to_owned(),
            signer,
            folders,
            touched: BTreeSet::new(),
        }
    }

    /// Checks that each file of the publication that a checkpoint of this size needs is there,
    /// unchanged.
    pub(crate) fn confirm(&self, publication: &Publication, size: u64) -> Result<(), PublishError> {
        for (path, bytes, _) in publication.files().filter(|file| file.2.by(size)) {
            if !self.is_there(&path, bytes)? {
                return Err(PublishError::Missing(path));
            }
        }
        Ok(())
    }

    /// Writes what is new, makes it durable, then puts the signed checkpoint in place.
    pub(crate) fn publish(&mut self, publication: &Publication) -> Result<(), PublishError> {
        for (path, bytes, _) in publication.files() {
            self.write_once(&path, bytes)?;
        }
        for folder in std::mem::take(&mut self.touched) {
            sync_folder(&folder)?;
        }
        let text = publication.checkpoint.to_string();
        let signed = note::sign(&text, &[&self.signer]);
        let path = self.dir.join(CHECKPOINT);
        place(&path, signed.as_bytes(), 0o644)?;
        sync_folder(&self.dir)?;
        self.remove_partials(publication)
    }

    /// Partial tiles and bundles may go once the full one is published.
    fn remove_partials(&mut self, publication: &Publication) -> Result<(), PublishError> {
        for full in &publication.full_tiles {
            let mut paths = vec![full.tile.path()];
            if full.tile.level == 0 {
                paths.push(full.tile.bundle_path());
            }
            for path in paths {
                let mut name = self.dir.join(path).into_os_string();
                name.push(".p");
                let folder = PathBuf::from(name);
                self.folders.remove(&folder);
                match fs::remove_dir_all(&folder) {
                    Ok(()) => {}
                    Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                    Err(cause) => {
                        return Err(PublishError::Io {
                            path: folder,
                            cause,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn write_once(&mut self, path: &Path, bytes: &[u8]) -> Result<(), PublishError> {
        let full = self.dir.join(path);
        let folder = full.parent().unwrap_or(&self.dir).to_owned();
        self.make_folder(&folder)?;
        self.touched.insert(folder);
        if self.is_there(path, bytes)? {
            Ok(())
        } else {
            place(&full, bytes, 0o444)
        }
    }

    /// Whether the file is there; another content than the expected one is an error.
    fn is_there(&self, path: &Path, bytes: &[u8]) -> Result<bool, PublishError> {
        let full = self.dir.join(path);
        match fs::read(&full) {
            Ok(found) if found == bytes => Ok(true),
            Ok(_) => Err(PublishError::Differs(path.to_owned())),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(PublishError::Io { path: full, cause }),
        }
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), PublishError> {
        if self.folders.contains(folder) {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.make_folder(above)?;
            match DirBuilder::new().mode(0o755).create(folder) {
                Ok(()) => {
                    self.touched.insert(above.to_owned());
                }
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                Err(cause) => {
                    return Err(PublishError::Io {
                        path: folder.to_owned(),
                        cause,
                    });
                }
            }
        }
        self.folders.insert(folder.to_owned());
        Ok(())
    }
}

/// Writes a file under another name, makes it durable, and gives it its name.
fn place(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PublishError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let write = || -> io::Result<()> {
        if let Err(cause) = fs::remove_file(&new)
            && cause.kind() != io::ErrorKind::NotFound
        {
            return Err(cause);
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|cause| PublishError::Io {
        path: path.to_owned(),
        cause,
    })
}

fn sync_folder(folder: &Path) -> Result<(), PublishError> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(|cause| PublishError::Io {
        path: folder.to_owned(),
        cause,
    })
}
