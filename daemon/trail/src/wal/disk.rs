//! The file behind the write-ahead log: appends, `fdatasync`, and the proof after each commit that
//! what was written is still reachable under its name. Interprets nothing.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::AppendErrorKind;

/// The name of the log's file in its directory.
pub(crate) const NAME: &str = "wal";
const NEW_NAME: &str = "wal.new";

/// What a writer needs of the file; the tests have one that fails on demand.
pub(crate) trait Medium: Debug + Send {
    /// Appends the bytes.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything appended is on disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Whether the file is still what its name leads to, whole.
    fn standing(&self) -> Result<(), AppendErrorKind>;
    /// Puts a new file in the place of the old one, durably and at once or not at all.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// How many bytes were written.
    fn len(&self) -> u64;
}

/// The file on disk.
#[derive(Debug)]
pub(crate) struct DiskWal {
    dir: PathBuf,
    file: File,
    length: u64,
}

impl DiskWal {
    /// Puts a new log with these bytes into the directory, in place of an old one.
    pub(crate) fn create(dir: &Path, bytes: &[u8]) -> io::Result<Self> {
        let file = install(dir, bytes)?;
        Ok(Self {
            dir: dir.to_owned(),
            file,
            length: length_of(bytes),
        })
    }

    /// Goes on with the log that lies in the directory.
    pub(crate) fn adopt(dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open(dir.join(NAME))?;
        let length = file.metadata()?.len();
        Ok(Self {
            dir: dir.to_owned(),
            file,
            length,
        })
    }
}

impl Medium for DiskWal {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length = self.length.saturating_add(length_of(bytes));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn standing(&self) -> Result<(), AppendErrorKind> {
        let wrong = |cause: io::Error| AppendErrorKind::Wal(cause.to_string());
        let open = self.file.metadata().map_err(wrong)?;
        if open.nlink() == 0 {
            return Err(AppendErrorKind::Unlinked);
        }
        let named = match fs::symlink_metadata(self.dir.join(NAME)) {
            Ok(named) => named,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(AppendErrorKind::Unlinked);
            }
            Err(cause) => return Err(wrong(cause)),
        };
        if (named.dev(), named.ino()) != (open.dev(), open.ino()) {
            return Err(AppendErrorKind::Replaced);
        }
        if open.len() != self.length {
            return Err(AppendErrorKind::Resized {
                expected: self.length,
                found: open.len(),
            });
        }
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file = install(&self.dir, bytes)?;
        self.length = length_of(bytes);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.length
    }
}

fn install(dir: &Path, bytes: &[u8]) -> io::Result<File> {
    let new = dir.join(NEW_NAME);
    match fs::remove_file(&new) {
        Ok(()) => {}
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        Err(cause) => return Err(cause),
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, dir.join(NAME))?;
    File::open(dir)?.sync_all()?;
    Ok(file)
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{DiskWal, Medium as _, NAME};
    use crate::AppendErrorKind;

    fn wal() -> (tempfile::TempDir, DiskWal) {
        let dir = tempfile::tempdir().unwrap();
        let mut wal = DiskWal::create(dir.path(), b"head").unwrap();
        wal.append(b" and more").unwrap();
        wal.sync().unwrap();
        (dir, wal)
    }

    #[test]
    fn an_untouched_file_stands_and_is_for_its_owner_alone() {
        let (dir, wal) = wal();
        assert_eq!(wal.standing(), Ok(()));
        assert_eq!(fs::read(dir.path().join(NAME)).unwrap(), b"head and more");
        let mode = fs::metadata(dir.path().join(NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600);
    }

    #[test]
    fn an_unlinked_file_is_noticed_although_it_can_still_be_written() {
        let (dir, mut wal) = wal();
        fs::remove_file(dir.path().join(NAME)).unwrap();
        wal.append(b"x").unwrap();
        wal.sync().unwrap();
        assert_eq!(wal.standing(), Err(AppendErrorKind::Unlinked));
    }

    #[test]
    fn a_file_moved_away_is_noticed() {
        let (dir, wal) = wal();
        fs::rename(dir.path().join(NAME), dir.path().join("elsewhere")).unwrap();
        assert_eq!(wal.standing(), Err(AppendErrorKind::Unlinked));
    }

    #[test]
    fn a_replaced_file_is_noticed_even_with_the_same_content() {
        let (dir, wal) = wal();
        fs::hard_link(dir.path().join(NAME), dir.path().join("kept")).unwrap();
        fs::write(dir.path().join("copy"), b"head and more").unwrap();
        fs::rename(dir.path().join("copy"), dir.path().join(NAME)).unwrap();
        assert_eq!(wal.standing(), Err(AppendErrorKind::Replaced));
    }

    #[test]
    fn a_shortened_or_lengthened_file_is_noticed() {
        let (dir, wal) = wal();
        let path = dir.path().join(NAME);
        fs::write(&path, b"head").unwrap();
        let found = wal.standing();
        assert_eq!(
            found,
            Err(AppendErrorKind::Resized {
                expected: 13,
                found: 4
            })
        );
        fs::write(&path, b"head and more!").unwrap();
        let found = wal.standing();
        assert_eq!(
            found,
            Err(AppendErrorKind::Resized {
                expected: 13,
                found: 14
            })
        );
    }

    #[test]
    fn a_new_file_takes_the_place_of_the_old_and_leaves_nothing_behind() {
        let (dir, mut wal) = wal();
        fs::write(dir.path().join(super::NEW_NAME), b"left by a crash").unwrap();
        wal.replace(b"fresh").unwrap();
        wal.append(b"!").unwrap();
        assert_eq!(wal.standing(), Ok(()));
        assert_eq!(fs::read(dir.path().join(NAME)).unwrap(), b"fresh!");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
