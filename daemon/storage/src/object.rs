//! Owns the folder of sealed files: how one is begun, made durable, opened, removed, and how what
//! no catalogue record names is swept away.
//!
//! It must never see plaintext: whoever writes here hands over sealed bytes.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cofferdam_seal::ObjectId;

use crate::catalogue::record::{hex, parse_hex};

const PART_SUFFIX: &str = ".part";

/// The folder of sealed files.
#[derive(Debug, Clone)]
pub struct ObjectDir(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    handle: File,
    /// Makes the disk look full to files that are begun from now on.
    #[cfg(test)]
    full: std::sync::atomic::AtomicBool,
}

/// What [`ObjectDir::sweep`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files that never became complete.
    pub parts: u64,
    /// Complete files that no catalogue record names.
    pub orphans: u64,
}

impl ObjectDir {
    /// Opens the folder, and creates it (mode 0700) where there is none.
    ///
    /// # Errors
    /// The file system's own.
    pub fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let handle = File::open(path)?;
        Ok(Self(Arc::new(Folder {
            path: path.to_owned(),
            handle,
            #[cfg(test)]
            full: std::sync::atomic::AtomicBool::new(false),
        })))
    }

    /// Begins a file under a random name of its own.
    ///
    /// # Errors
    /// The file system's own, or no randomness.
    pub fn begin(&self) -> io::Result<Part> {
        let id = ObjectId::random().map_err(io::Error::other)?;
        let path = self.0.path.join(format!("{}{PART_SUFFIX}", hex(id)));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        #[cfg(test)]
        let file = if self.0.full.load(std::sync::atomic::Ordering::SeqCst) {
            OpenOptions::new().write(true).open("/dev/full")?
        } else {
            file
        };
        Ok(Part {
            dir: self.clone(),
            id,
            file,
            trace: Trace(Some(path)),
            stored: 0,
        })
    }

    /// Makes the disk look full.
    #[cfg(test)]
    pub(crate) fn fill(&self) {
        self.0.full.store(true, std::sync::atomic::Ordering::SeqCst);
    }

    /// Makes space return.
    #[cfg(test)]
    pub(crate) fn relieve(&self) {
        self.0
            .full
            .store(false, std::sync::atomic::Ordering::SeqCst);
    }

    /// Opens a complete file for reading.
    ///
    /// # Errors
    /// The file system's own.
    pub fn read(&self, id: ObjectId) -> io::Result<File> {
        File::open(self.path_of(id))
    }

    /// Removes a complete file; one that is gone already is no error.
    ///
    /// # Errors
    /// The file system's own.
    pub fn remove(&self, id: ObjectId) -> io::Result<()> {
        remove(&self.path_of(id))
    }

    /// How many complete files there are.
    ///
    /// # Errors
    /// The file system's own.
    pub fn settled(&self) -> io::Result<u64> {
        let mut count = 0;
        for entry in fs::read_dir(&self.0.path)? {
            if entry?
                .file_name()
                .to_str()
                .is_some_and(|name| parse_hex(name).is_some())
            {
                count += 1;
            }
        }
        Ok(count)
    }

    /// Removes every file that is not among `live`. Files with names that are not ours stay.
    ///
    /// # Errors
    /// The file system's own.
    pub fn sweep(&self, live: &BTreeSet<[u8; 16]>) -> io::Result<Swept> {
        let mut swept = Swept::default();
        for entry in fs::read_dir(&self.0.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(part) = name.strip_suffix(PART_SUFFIX) {
                if parse_hex(part).is_some() {
                    remove(&entry.path())?;
                    swept.parts += 1;
                }
            } else if parse_hex(name).is_some_and(|id| !live.contains(&id.0)) {
                remove(&entry.path())?;
                swept.orphans += 1;
            }
        }
        if swept != Swept::default() {
            self.0.handle.sync_all()?;
        }
        Ok(swept)
    }

    fn path_of(&self, id: ObjectId) -> PathBuf {
        self.0.path.join(hex(id))
    }
}

/// A path that is unlinked when this is dropped, unless it was kept.
#[derive(Debug)]
struct Trace(Option<PathBuf>);

impl Trace {
    fn forget(&mut self) {
        self.0 = None;
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = fs::remove_file(&path)
        {
            log::warn!(error:% = error; "left a file behind; the next start removes it");
        }
    }
}

/// Removes a file; that somebody else was faster is no failure.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A file that is being written. Dropping it removes it.
#[derive(Debug)]
pub struct Part {
    dir: ObjectDir,
    id: ObjectId,
    file: File,
    trace: Trace,
    stored: u64,
}

impl Part {
    /// The random identity that is the file's name.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Writes the next sealed bytes.
    ///
    /// # Errors
    /// The file system's own.
    pub fn write(&mut self, sealed: &[u8]) -> io::Result<()> {
        self.file.write_all(sealed)?;
        self.stored = self
            .stored
            .saturating_add(u64::try_from(sealed.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Makes the file and its name durable: data synced, renamed, folder synced.
    ///
    /// # Errors
    /// The file system's own; nothing is left.
    pub fn settle(mut self) -> io::Result<Settled> {
        self.file.sync_data()?;
        let path = self.dir.path_of(self.id);
        if let Some(part) = &self.trace.0 {
            fs::rename(part, &path)?;
        }
        self.trace.0 = Some(path);
        self.dir.0.handle.sync_all()?;
        Ok(Settled {
            id: self.id,
            stored: self.stored,
            trace: self.trace,
        })
    }
}

/// A complete, durable file that nothing names yet. Dropping it removes it, [`Settled::keep`] does
/// not.
#[derive(Debug)]
pub struct Settled {
    id: ObjectId,
    stored: u64,
    trace: Trace,
}

impl Settled {
    /// The random identity that is the file's name.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Bytes on disk.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Leaves the file where it is: the catalogue names it now, or may.
    pub fn keep(mut self) {
        self.trace.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_part_that_is_dropped_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let dir = ObjectDir::open(home.path()).unwrap();
        let mut part = dir.begin().unwrap();
        part.write(b"sealed").unwrap();
        assert_eq!(names(home.path()).len(), 1);
        drop(part);
        assert!(names(home.path()).is_empty());
    }

    #[test]
    fn a_settled_file_is_removed_unless_it_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let dir = ObjectDir::open(home.path()).unwrap();
        drop(dir.begin().unwrap().settle().unwrap());
        assert!(names(home.path()).is_empty());
        let mut part = dir.begin().unwrap();
        part.write(b"sealed").unwrap();
        let settled = part.settle().unwrap();
        assert_eq!(settled.stored(), 6);
        let id = settled.id();
        settled.keep();
        assert_eq!(names(home.path()), [hex(id)]);
        let file = home.path().join(hex(id));
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        dir.remove(id).unwrap();
        dir.remove(id).unwrap();
        assert!(names(home.path()).is_empty());
    }

    #[test]
    fn a_sweep_removes_parts_and_orphans_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let dir = ObjectDir::open(home.path()).unwrap();
        let live = dir.begin().unwrap().settle().unwrap();
        let (orphan, id) = (dir.begin().unwrap().settle().unwrap(), live.id());
        live.keep();
        orphan.keep();
        fs::write(home.path().join("README"), b"not ours").unwrap();
        fs::write(home.path().join(format!("{}.part", "a".repeat(32))), b"").unwrap();
        let swept = dir.sweep(&BTreeSet::from([id.0])).unwrap();
        assert_eq!(
            swept,
            Swept {
                parts: 1,
                orphans: 1
            }
        );
        assert_eq!(names(home.path()).len(), 2);
        assert_eq!(
            dir.sweep(&BTreeSet::from([id.0])).unwrap(),
            Swept::default()
        );
    }
}
