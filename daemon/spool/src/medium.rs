//! The file operations a spool and a journal are made of, as a trait so that a test can fail or
//! cut each one. Never decides anything: what to do about an error is its caller's business.

use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// A file that grows at its end.
pub(crate) trait Appender: Send {
    /// Adds the bytes at the end, all of them or an error; after an error the end is unknown.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything appended, and the length, are on disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Shortens the file; durable after the next `sync`.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// Ends with its value, at the latest with the process.
pub(crate) trait Hold: Send {}

/// One entry of a directory: its name and, for a file, its length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// The disk, as far as a spool knows it.
pub(crate) trait Medium: Send + Sync {
    /// Makes the directory unless it is there; its own name is durable afterwards.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// The regular files of a directory, in the order of their names.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// At most `max` bytes from `offset` on.
    fn read(&self, file: &Path, offset: u64, max: u64) -> io::Result<Vec<u8>>;
    /// A new file, mode 0600; an existing one is an error.
    fn create(&self, file: &Path) -> io::Result<Box<dyn Appender>>;
    /// An existing file, to go on at its end.
    fn reopen(&self, file: &Path) -> io::Result<Box<dyn Appender>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, file: &Path) -> io::Result<()>;
    /// Returns when creations, renames and removals in the directory are on disk.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the file for one owner alone; `WouldBlock` when another has it.
    fn hold(&self, file: &Path) -> io::Result<Box<dyn Hold>>;
}

/// The file system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disk;

impl Appender for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

impl Hold for Flock<File> {}

impl Medium for Disk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        dir.parent().map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                entries.push(Entry {
                    name,
                    bytes: metadata.len(),
                });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn read(&self, file: &Path, offset: u64, max: u64) -> io::Result<Vec<u8>> {
        let mut source = File::open(file)?;
        source.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        source.take(max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn Appender>> {
        let options = &mut File::options();
        let file = options
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        Ok(Box::new(file))
    }

    fn reopen(&self, file: &Path) -> io::Result<Box<dyn Appender>> {
        Ok(Box::new(File::options().append(true).open(file)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let named = if dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            dir
        };
        File::open(named)?.sync_all()
    }

    fn hold(&self, file: &Path) -> io::Result<Box<dyn Hold>> {
        let options = &mut File::options();
        let file = options.append(true).create(true).mode(0o600).open(file)?;
        let held = Flock::lock(file, FlockArg::LockExclusiveNonblock);
        held.map(|held| -> Box<dyn Hold> { Box::new(held) })
            .map_err(|(_file, errno)| io::Error::from(errno))
    }
}

/// A new file that holds `bytes` and survives a power cut, its name included.
pub(crate) fn write_new(medium: &dyn Medium, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = medium.create(file)?;
    new.append(bytes)?;
    new.sync()?;
    file.parent().map_or(Ok(()), |dir| medium.sync_dir(dir))
}

/// Replaces `file` whole: after a power cut it is the old one or the new one.
pub(crate) fn replace(medium: &dyn Medium, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = file.with_extension("new");
    match medium.remove(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = medium.create(&next)?;
    new.append(bytes)?;
    new.sync()?;
    medium.rename(&next, file)?;
    file.parent().map_or(Ok(()), |dir| medium.sync_dir(dir))
}

/// Removes a file that may be gone already.
pub(crate) fn remove_if_there(medium: &dyn Medium, file: &Path) -> io::Result<()> {
    match medium.remove(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
pub(crate) mod simulated;
