//! Bounded reads below a directory that no link can leave.
//!
//! `resolve` says where a path leads, so that an absolute link of a captured tree stays inside the
//! tree and a link that climbs above it is refused. Nothing here may open anything but a regular
//! file, read past its bound, or fail in a way that looks like a value.

mod resolve;

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::fact::{Fact, Gap};
use resolve::{Last, Remembered};

/// The longest sysfs file, in bytes: the kernel shows one page.
const FILE_LIMIT: u64 = 4096;
/// The longest `/proc` text, in bytes: `/proc/cpuinfo` of a machine with a thousand processors.
pub(crate) const TEXT_LIMIT: u64 = 4 * 1024 * 1024;
/// How many entries of one directory are taken.
const ENTRY_LIMIT: usize = 16 * 1024;
/// The error number of the operating system for a failed device, used where it gave none.
const EIO: i32 = 5;

/// A directory that is read as if it were the root of a machine.
#[derive(Debug, Clone)]
pub struct Sysroot {
    root: PathBuf,
    /// What this reading has seen, where it is remembered at all.
    remembered: Option<RefCell<Remembered>>,
}

impl From<io::Error> for Gap {
    fn from(error: io::Error) -> Self {
        if matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ) {
            Self::Absent
        } else {
            Self::Unreadable(error.raw_os_error().unwrap_or(EIO))
        }
    }
}

impl Sysroot {
    /// A tree below `root`; `/` is this machine.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            remembered: None,
        }
    }

    /// The same, for one reading of a whole machine: each directory is resolved once. It must be
    /// thrown away after that, because what a link leads to may change.
    pub(crate) fn for_one_reading(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            remembered: Some(RefCell::default()),
        }
    }

    /// The text of a small file, without the line end and NUL bytes at its end. Bytes that are not
    /// UTF-8 are replaced.
    #[must_use]
    pub fn text(&self, path: &str) -> Fact<String> {
        self.text_within(path, FILE_LIMIT)
    }

    pub(crate) fn text_within(&self, path: &str, limit: u64) -> Fact<String> {
        self.bytes_within(path, limit).map(|bytes| {
            String::from_utf8_lossy(&bytes)
                .trim_end_matches(['\n', '\r', '\0'])
                .to_owned()
        })
    }

    /// The bytes of a small file.
    #[must_use]
    pub fn bytes(&self, path: &str) -> Fact<Vec<u8>> {
        self.bytes_within(path, FILE_LIMIT)
    }

    pub(crate) fn bytes_within(&self, path: &str, limit: u64) -> Fact<Vec<u8>> {
        self.read(path, limit).into()
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Gap> {
        let found = self.resolve(path, Last::Follow)?;
        if !found.metadata.is_file() {
            return Err(Gap::Unsupported("it is not a regular file".to_owned()));
        }
        let mut bytes = Vec::new();
        let file = open(&self.root.join(&found.inside))?;
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(Gap::Unsupported(format!("it is longer than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// The names in a directory, sorted.
    #[must_use]
    pub fn list(&self, path: &str) -> Fact<Vec<String>> {
        self.entries(path).into()
    }

    fn entries(&self, path: &str) -> Result<Vec<String>, Gap> {
        let found = self.resolve(path, Last::Follow)?;
        if !found.metadata.is_dir() {
            return Err(Gap::Unsupported("it is not a directory".to_owned()));
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(&found.inside))? {
            if names.len() == ENTRY_LIMIT {
                return Err(Gap::Unsupported(format!(
                    "it has more than {ENTRY_LIMIT} entries"
                )));
            }
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The text of a link, not followed: the kernel names namespaces and drivers in it.
    #[must_use]
    pub fn link(&self, path: &str) -> Fact<String> {
        let read = || {
            let found = self.resolve(path, Last::Keep)?;
            if !found.metadata.is_symlink() {
                return Err(Gap::Unsupported("it is not a link".to_owned()));
            }
            let target = fs::read_link(self.root.join(&found.inside))?;
            Ok(target.to_string_lossy().into_owned())
        };
        read().into()
    }

    /// The last component of a link's text, such as the name of a driver.
    #[must_use]
    pub fn link_name(&self, path: &str) -> Fact<String> {
        self.link(path)
            .map(|text| text.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// The path after all links, as it is seen on the machine.
    #[must_use]
    pub fn real_path(&self, path: &str) -> Fact<String> {
        let found = self.resolve(path, Last::Follow);
        found
            .map(|found| format!("/{}", found.inside.to_string_lossy()))
            .into()
    }

    /// Whether something stands at a path, without following it.
    ///
    /// # Errors
    /// Why nobody can tell: what may not be looked at is not the same as what is not there.
    pub fn exists(&self, path: &str) -> Result<bool, Gap> {
        match self.resolve(path, Last::Keep) {
            Ok(_) => Ok(true),
            Err(Gap::Absent) => Ok(false),
            Err(gap @ (Gap::Placeholder(_) | Gap::Unreadable(_) | Gap::Unsupported(_))) => Err(gap),
        }
    }
}

/// Opens a regular file and nothing else. What was resolved a moment ago may be something else by
/// now, so a link is not followed, nothing is waited for, and the open file itself is asked.
fn open(path: &Path) -> Result<File, Gap> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Gap::Unsupported("it is not a regular file".to_owned()))
    }
}

#[cfg(test)]
mod tests;
