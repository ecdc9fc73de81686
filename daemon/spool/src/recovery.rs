//! What a spool finds when it is opened: torn tails cut, half-done deliveries finished, the memory
//! against repeats rebuilt. Never needs a key, and never deletes a byte that could have been
//! acknowledged: what is cut or damaged is kept aside.

use crate::medium::{Medium, remove_if_there, write_new};
use crate::place::Place;
use crate::position::{FileState, Number, parse_file_name};
use crate::refusal::DiskError;
use crate::seen::{Left, SeenLog};
use crate::shelf::{Memory, Shelf, Turn, Waiting};
use crate::window::Window;
use cofferdam_seal::Tag;
use cofferdam_seal::record;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What opening a spool found and did. `SP-030`, `SP-031` and `SP-032` explain its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The epoch that begins with this opening.
    pub epoch: u64,
    /// Tails that were cut (`SP-030`).
    pub torn: Vec<Torn>,
    /// Segments damaged before their end, now dead letters (`SP-031`).
    pub damaged: Vec<Damaged>,
    /// Files in the segments' directory that are not ours, left alone.
    pub foreign: Vec<PathBuf>,
    /// Segments waiting for delivery.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Dead letters that wait for an operator (`SP-032`).
    pub dead: u64,
}

/// A tail that was not wholly on disk when the last owner ended, and was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The file, by the name it had.
    pub file: PathBuf,
    /// The length of what was intact.
    pub offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
    /// Where the cut bytes lie now; `None` when they could not be kept.
    pub kept: Option<PathBuf>,
}

/// A segment whose bytes changed after they were acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The file, where it lies now.
    pub file: PathBuf,
    /// The first byte that does not fit.
    pub offset: u64,
    /// What does not fit there.
    pub what: String,
}

/// Everything an owner continues with.
pub(crate) struct Recovered {
    pub(crate) shelf: Shelf,
    pub(crate) window: Window,
    pub(crate) seen: SeenLog,
    pub(crate) recovery: Recovery,
    /// The largest epoch any file names.
    pub(crate) last_epoch: u64,
}

/// Reads the directory and mends what a crash left half done.
pub(crate) fn recover(
    medium: &dyn Medium,
    place: &Place,
    window_limit: usize,
) -> Result<Recovered, DiskError> {
    let (seen, left, torn) = SeenLog::load(medium, place, window_limit)?;
    let mut found = Recovered {
        shelf: Shelf::default(),
        window: Window::new(window_limit),
        seen,
        recovery: Recovery {
            torn: torn.into_iter().collect(),
            ..Recovery::default()
        },
        last_epoch: 0,
    };
    let mut fates = BTreeMap::new();
    for block in left {
        found.last_epoch = found.last_epoch.max(block.number.epoch);
        found.window.left(block.number, &block.tags);
        fates.insert(block.number, block.how);
    }
    let entries = medium
        .list(&place.segments())
        .map_err(|error| DiskError::new("list", &place.segments(), &error))?;
    for entry in entries {
        let Some((number, state)) = parse_file_name(&entry.name) else {
            found
                .recovery
                .foreign
                .push(place.segments().join(entry.name));
            continue;
        };
        found.last_epoch = found.last_epoch.max(number.epoch);
        let case = Case {
            medium,
            place,
            number,
        };
        match state {
            FileState::Open => case.take_up_open(&mut found)?,
            FileState::Ready => case.take_up_ready(fates.get(&number).copied(), &mut found)?,
            FileState::Failures | FileState::Reason => {}
        }
    }
    drop_orphan_failures(medium, place, &found)?;
    found.recovery.dead = count_dead(medium, place)?;
    found.recovery.segments = found.shelf.segments();
    found.recovery.records = found.shelf.records();
    Ok(found)
}

/// One segment file under examination.
struct Case<'a> {
    medium: &'a dyn Medium,
    place: &'a Place,
    number: Number,
}

impl Case<'_> {
    fn path(&self, state: FileState) -> PathBuf {
        self.place.segment(self.number, state)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, DiskError> {
        self.medium
            .read(path, 0, u64::MAX)
            .map_err(|error| DiskError::new("read", path, &error))
    }

    /// The segment a former owner was writing: its tail is cut, then it is closed as it stands.
    fn take_up_open(&self, found: &mut Recovered) -> Result<(), DiskError> {
        let path = self.path(FileState::Open);
        let bytes = self.read(&path)?;
        let (intact, tags, closed) = match record::scan(&bytes) {
            Ok(scan) => (scan.intact_len, scan.tags, scan.closed),
            Err(_) => (0, Vec::new(), false),
        };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if tags.is_empty() {
            return self.set_aside_whole(&path, length, found);
        }
        if intact < length {
            let tail = usize::try_from(intact).ok().and_then(|at| bytes.get(at..));
            let kept = self.keep_aside(intact, tail.unwrap_or(&bytes));
            let (file, bytes) = (path.clone(), length - intact);
            found.recovery.torn.push(Torn {
                file,
                offset: intact,
                bytes,
                kept,
            });
        }
        // Also when nothing is to be cut: a process that was killed may have written what it did
        // not sync, and from here on it counts as stored.
        self.cut(&path, intact)?;
        self.rename(&path, &self.path(FileState::Ready))?;
        self.wait(
            Waiting {
                closed,
                bytes: intact,
                tags,
                memory: Memory::Due,
            },
            found,
        )
    }

    /// A file without one intact record: empty, or torn from its header on.
    fn set_aside_whole(
        &self,
        path: &Path,
        bytes: u64,
        found: &mut Recovered,
    ) -> Result<(), DiskError> {
        if bytes == 0 {
            return remove_if_there(self.medium, path)
                .map_err(|error| DiskError::new("remove", path, &error));
        }
        let kept = self.place.torn(self.number, 0);
        self.rename(path, &kept)?;
        found.recovery.torn.push(Torn {
            file: path.to_path_buf(),
            offset: 0,
            bytes,
            kept: Some(kept),
        });
        Ok(())
    }

    /// Keeps the bytes that are about to be cut. On a full disk they are let go: they were never
    /// acknowledged unless the disk also changed bytes it had confirmed.
    fn keep_aside(&self, offset: u64, tail: &[u8]) -> Option<PathBuf> {
        let path = self.place.torn(self.number, offset);
        remove_if_there(self.medium, &path).ok()?;
        match write_new(self.medium, &path, tail) {
            Ok(()) => Some(path),
            Err(_) => remove_if_there(self.medium, &path).map_or(None, |()| None),
        }
    }

    fn cut(&self, path: &Path, length: u64) -> Result<(), DiskError> {
        let cut = || {
            let mut file = self.medium.reopen(path)?;
            file.cut(length)?;
            file.sync()
        };
        cut().map_err(|error| DiskError::new("cut", path, &error))
    }

    /// A closed segment: waiting, or left behind by a delivery that was almost finished.
    fn take_up_ready(&self, left: Option<Left>, found: &mut Recovered) -> Result<(), DiskError> {
        let path = self.path(FileState::Ready);
        if left == Some(Left::Delivered) {
            return remove_if_there(self.medium, &path)
                .map_err(|error| DiskError::new("remove", &path, &error));
        }
        let bytes = self.read(&path)?;
        let scan = match record::scan(&bytes) {
            Ok(scan) => scan,
            Err(error) => return self.bury_damaged(0, &error.to_string(), &[], found),
        };
        if let Some(torn) = scan.torn {
            let what = format!("record {} does not fit: {:?}", torn.sequence, torn.why);
            return self.bury_damaged(torn.offset, &what, &scan.tags, found);
        }
        // A dead letter whose reason was taken away was sent round again by an operator.
        if left == Some(Left::Dead) && self.has_reason()? {
            return self.rename(&path, &self.place.dead(self.number, FileState::Ready));
        }
        let (closed, bytes) = (scan.closed, scan.intact_len);
        self.wait(
            Waiting {
                closed,
                bytes,
                tags: scan.tags,
                memory: Memory::Due,
            },
            found,
        )
    }

    fn has_reason(&self) -> Result<bool, DiskError> {
        let dir = self.place.dead_dir();
        let name = self.number.file_name(FileState::Reason);
        let entries = self
            .medium
            .list(&dir)
            .map_err(|error| DiskError::new("list", &dir, &error))?;
        Ok(entries.iter().any(|entry| entry.name == name))
    }

    /// No receiver would take it, so it must not stand before those that are whole.
    fn bury_damaged(
        &self,
        offset: u64,
        what: &str,
        tags: &[Tag],
        found: &mut Recovered,
    ) -> Result<(), DiskError> {
        let reason = self.place.dead(self.number, FileState::Reason);
        let text = format!("damaged at byte {offset}: {what}\n");
        remove_if_there(self.medium, &reason)
            .and_then(|()| write_new(self.medium, &reason, text.as_bytes()))
            .map_err(|error| DiskError::new("write", &reason, &error))?;
        found
            .seen
            .record(self.medium, Left::Dead, self.number, tags)?;
        found.window.left(self.number, tags);
        let file = self.place.dead(self.number, FileState::Ready);
        self.rename(&self.path(FileState::Ready), &file)?;
        found.recovery.damaged.push(Damaged {
            file,
            offset,
            what: what.to_owned(),
        });
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        let dirs = [to.parent(), from.parent()];
        let rename = || {
            self.medium.rename(from, to)?;
            dirs.iter()
                .flatten()
                .try_for_each(|dir| self.medium.sync_dir(dir))
        };
        rename().map_err(|error| DiskError::new("rename", from, &error))
    }

    fn wait(&self, waiting: Waiting, found: &mut Recovered) -> Result<(), DiskError> {
        for (record, tag) in (0..).zip(&waiting.tags) {
            found.window.stored(*tag, self.number.position(record));
        }
        let attempts = count_failures(self.medium, &self.path(FileState::Failures))?;
        found.shelf.put(
            Turn {
                attempts,
                number: self.number,
            },
            waiting,
        );
        Ok(())
    }
}

/// One line is one failed delivery; a line without its end was never counted.
fn count_failures(medium: &dyn Medium, path: &Path) -> Result<u32, DiskError> {
    match medium.read(path, 0, u64::MAX) {
        Ok(text) => {
            let lines = text.split(|byte| *byte == b'\n').count();
            Ok(u32::try_from(lines.saturating_sub(1)).unwrap_or(u32::MAX))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(DiskError::new("read", path, &error)),
    }
}

fn drop_orphan_failures(
    medium: &dyn Medium,
    place: &Place,
    found: &Recovered,
) -> Result<(), DiskError> {
    let dir = place.segments();
    let entries = medium
        .list(&dir)
        .map_err(|error| DiskError::new("list", &dir, &error))?;
    for entry in entries {
        let Some((number, FileState::Failures)) = parse_file_name(&entry.name) else {
            continue;
        };
        if found.shelf.turn_of(number).is_none() {
            let path = dir.join(&entry.name);
            remove_if_there(medium, &path)
                .map_err(|error| DiskError::new("remove", &path, &error))?;
        }
    }
    Ok(())
}

fn count_dead(medium: &dyn Medium, place: &Place) -> Result<u64, DiskError> {
    let dir = place.dead_dir();
    let entries = medium
        .list(&dir)
        .map_err(|error| DiskError::new("list", &dir, &error))?;
    let is_dead = |name: &str| matches!(parse_file_name(name), Some((_, FileState::Ready)));
    let dead = entries.iter().filter(|entry| is_dead(&entry.name)).count();
    Ok(u64::try_from(dead).unwrap_or(u64::MAX))
}
