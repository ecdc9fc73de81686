//! Opening a log: what is found on disk is believed only as far as it agrees with the checkpoint
//! that was signed last. Cuts a torn tail; refuses everything else that is not as it was left.

mod error;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

pub use error::{OpenError, OpenErrorKind};

use crate::archive::Archive;
use crate::edge::Edge;
use crate::leaf::Reader;
use crate::merkle;
use crate::publish::{CHECKPOINT, PublishError, Publisher};
use crate::tile::{Bundle, FULL_WIDTH, LEVELS, Tile, hashes_at};
use crate::verify::{Fault, trusted_checkpoint};
use crate::wal::disk::{DiskWal, NAME};
use crate::wal::{Damage, header, read};
use crate::writer::Log;
use crate::{AppendErrorKind, Checkpoint, Hash, SignerKey};

/// What was found when a log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How many leaves the log has.
    pub size: u64,
    /// Whether the log was made just now.
    pub created: bool,
    /// How many leaves were read back from the wal.
    pub replayed: u64,
    /// How many of them the checkpoint that was found did not cover yet.
    pub unpublished: u64,
    /// The end of the wal that was never acknowledged, if there was one; it is gone.
    pub torn: Option<Torn>,
}

/// A torn end of the wal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// Where it began, in bytes.
    pub offset: u64,
    /// How many bytes it had.
    pub bytes: u64,
}

/// A log that may be written to, and the lock that keeps others away.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) log: Log,
    pub(crate) publisher: Publisher,
    pub(crate) recovery: Recovery,
    pub(crate) lock: File,
}

/// Opens or makes the log of this key.
pub(crate) fn open(dir: &Path, signer: SignerKey) -> Result<Opened, OpenError> {
    open_kind(dir, signer).map_err(|kind| OpenError {
        dir: dir.to_owned(),
        kind,
    })
}

fn open_kind(dir: &Path, signer: SignerKey) -> Result<Opened, OpenErrorKind> {
    let lock = lock(dir)?;
    let origin = signer.name().to_owned();
    let verifier = signer.verifier_key();
    let mut publisher = Publisher::new(dir, signer);
    match found(dir)? {
        Found::Nothing => {
            let wal = DiskWal::create(dir, &header(&origin, 0).0).map_err(in_file(dir, NAME))?;
            let mut log = Log::new(&origin, Box::new(wal), Edge::default());
            publisher.publish(&log.publication()).map_err(published)?;
            let recovery = Recovery {
                size: 0,
                created: true,
                replayed: 0,
                unpublished: 0,
                torn: None,
            };
            Ok(Opened {
                log,
                publisher,
                recovery,
                lock,
            })
        }
        Found::Log => {
            let archive = Archive::new(dir);
            let found = archive
                .checkpoint_note()
                .map_err(OpenErrorKind::Checkpoint)?;
            let trusted = trusted_checkpoint(&found, &[verifier]);
            let (checkpoint, _) =
                trusted.map_err(|fault| refuse_checkpoint(&archive, &origin, fault))?;
            let (log, recovery) = resume(&archive, &checkpoint, &mut publisher)?;
            Ok(Opened {
                log,
                publisher,
                recovery,
                lock,
            })
        }
    }
}

/// What a directory holds.
enum Found {
    /// Nothing, or what a crash leaves of the making of a log.
    Nothing,
    /// A wal and a checkpoint.
    Log,
}

fn found(dir: &Path) -> Result<Found, OpenErrorKind> {
    let is_there = |name: &str| fs::exists(dir.join(name)).map_err(in_file(dir, name));
    let (wal, checkpoint, tiles) = (is_there(NAME)?, is_there(CHECKPOINT)?, is_there("tile")?);
    match (wal, checkpoint, tiles) {
        (true, true, _) => Ok(Found::Log),
        (false, false, false) => Ok(Found::Nothing),
        (false, _, _) => Err(OpenErrorKind::WalMissing),
        (true, false, _) => {
            let length = fs::metadata(dir.join(NAME))
                .map_err(in_file(dir, NAME))?
                .len();
            let only_header = usize::try_from(length).is_ok_and(|it| it <= crate::wal::HEADER_LEN);
            let unborn = only_header && !tiles;
            if unborn {
                Ok(Found::Nothing)
            } else {
                Err(OpenErrorKind::CheckpointMissing)
            }
        }
    }
}

/// Replays the wal on top of the published tiles, holds it against the checkpoint, publishes what
/// is new, and puts a fresh wal in place: whatever the disk did to the old one no longer matters.
fn resume(
    archive: &Archive,
    checkpoint: &Checkpoint,
    publisher: &mut Publisher,
) -> Result<(Log, Recovery), OpenErrorKind> {
    let dir = archive.dir();
    let origin = &checkpoint.origin;
    let bytes = fs::read(dir.join(NAME)).map_err(in_file(dir, NAME))?;
    let contents = read(&bytes, origin).map_err(damaged)?;
    let (start, signed) = (contents.start, checkpoint.size);
    if signed < start {
        return Err(OpenErrorKind::CheckpointOld { signed, start });
    }
    let edge = edge_at(archive, start)?;
    let wal = DiskWal::adopt(dir).map_err(in_file(dir, NAME))?;
    let mut log = Log::new(origin, Box::new(wal), edge);
    let reader = Reader::new(origin);
    let mut root = (log.size() == signed).then(|| log.root());
    for (payload, hashes) in &contents.frames {
        for (leaf, hash) in Bundle::new(payload).flatten().zip(hashes) {
            let index = log.size();
            if reader
                .front(leaf)
                .is_none_or(|front| front.sequence != index)
            {
                return Err(OpenErrorKind::LeafPlace { index });
            }
            log.replay_leaf(leaf, *hash);
            if log.size() == signed {
                root = Some(log.root());
            }
        }
    }
    let found = log.size();
    let root = root.ok_or(OpenErrorKind::LeavesMissing { signed, found })?;
    if root != checkpoint.root {
        return Err(OpenErrorKind::Rewritten { signed });
    }
    let publication = log.publication();
    publisher.confirm(&publication, signed).map_err(published)?;
    publisher.publish(&publication).map_err(published)?;
    log.begin_wal(found).map_err(|kind| wal_error(dir, &kind))?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let torn = contents.torn_at.map(|at| {
        let offset = u64::try_from(at).unwrap_or(u64::MAX);
        Torn {
            offset,
            bytes: length.saturating_sub(offset),
        }
    });
    let replayed = found.saturating_sub(start);
    let unpublished = found.saturating_sub(signed);
    Ok((
        log,
        Recovery {
            size: found,
            created: false,
            replayed,
            unpublished,
            torn,
        },
    ))
}

/// The open tiles of a tree whose size is a whole number of bundles, from its full tiles.
fn edge_at(archive: &Archive, size: u64) -> Result<Edge, OpenErrorKind> {
    let width = u64::from(FULL_WIDTH);
    if !size.is_multiple_of(width) {
        return Err(OpenErrorKind::WalHeader);
    }
    let mut levels = vec![Vec::new()];
    for level in 1..LEVELS {
        let hashes = hashes_at(level, size);
        let open = (hashes / width * width)..hashes;
        let below = level.saturating_sub(1);
        let hash = |index| {
            let tile = archive.tile(Tile {
                level: below,
                index,
                width: FULL_WIDTH,
            })?;
            Ok(merkle::root(&tile))
        };
        let row: Result<Vec<Hash>, Fault> = open.map(hash).collect();
        levels.push(row.map_err(|fault| OpenErrorKind::Published(fault.to_string()))?);
    }
    Ok(Edge::resume(size, levels))
}

/// Makes the directory where it is missing, and keeps everybody else out of it.
fn lock(dir: &Path) -> Result<File, OpenErrorKind> {
    let made = DirBuilder::new().recursive(true).mode(0o750).create(dir);
    made.map_err(in_file(dir, ""))?;
    let lock = File::open(dir).map_err(in_file(dir, ""))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenErrorKind::Locked),
        Err(TryLockError::Error(cause)) => Err(in_file(dir, "")(cause)),
    }
}

/// Tells a checkpoint of another log from one that was tampered with.
fn refuse_checkpoint(archive: &Archive, origin: &str, fault: Fault) -> OpenErrorKind {
    match archive.claimed_checkpoint() {
        Ok(claimed) if claimed.origin != origin => OpenErrorKind::CheckpointOrigin {
            origin: claimed.origin,
        },
        Ok(_) | Err(_) => OpenErrorKind::Checkpoint(fault),
    }
}

fn in_file(dir: &Path, name: &str) -> impl FnOnce(io::Error) -> OpenErrorKind {
    let path = dir.join(name);
    move |cause| OpenErrorKind::Io { path, cause }
}

fn damaged(damage: Damage) -> OpenErrorKind {
    match damage {
        Damage::Header => OpenErrorKind::WalHeader,
        Damage::Origin => OpenErrorKind::WalOrigin,
        Damage::At(at) => OpenErrorKind::WalDamaged {
            offset: u64::try_from(at).unwrap_or(u64::MAX),
        },
    }
}

fn published(error: PublishError) -> OpenErrorKind {
    match error {
        PublishError::Io { path, cause } => OpenErrorKind::Io { path, cause },
        PublishError::Differs(path) => OpenErrorKind::Differs(path),
        PublishError::Missing(path) => OpenErrorKind::Published(path.display().to_string()),
    }
}

fn wal_error(dir: &Path, kind: &AppendErrorKind) -> OpenErrorKind {
    in_file(dir, NAME)(io::Error::other(kind.to_string()))
}

#[cfg(test)]
mod tests;
