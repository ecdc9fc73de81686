//! The keyring as a file: one key a line, the first is primary.
//!
//! Owns who may read it and what it may hold. Must never read a file that others can read, never write
//! over one, and never repeat a word of its content or of a path that looks like a key.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KEY_LIMIT, Keyring};
use crate::FernetKey;
use crate::codes::{Code, coded};
use crate::key::KeyError;
use crate::random::RandomError;

/// The most bytes a keyring file may have.
const FILE_LIMIT: usize = 16 * 1024;
/// Mode bits of the group and of others.
const GROUP_AND_OTHERS: u32 = 0o077;
/// The one bit that an access list for the service's own user shows as the group's.
const GROUP_READ: u32 = 0o040;

impl Keyring {
    /// Reads a keyring that only its owner may read.
    ///
    /// # Errors
    /// [`KeyringError`]: unreadable, readable by group or others, not a regular file, empty,
    /// damaged, or a key given in place of a path.
    pub fn read(path: &Path) -> Result<Self, KeyringError> {
        read_owned(path).map(|(ring, _stamp)| ring)
    }

    /// Reads a keyring out of the service manager's credential directory, where a file of root's may
    /// carry an access list for the service's user. The kernel shows that list as group-readable, so
    /// this one bit is allowed here, and only where owner and group are root.
    ///
    /// # Errors
    /// As [`Keyring::read`].
    pub fn read_credential(path: &Path) -> Result<Self, KeyringError> {
        read_credential(path).map(|(ring, _stamp)| ring)
    }

    /// Makes a keyring of one fresh key in a file that was not there, mode 0600, and returns it.
    ///
    /// # Errors
    /// [`KeyringError`]: something is there already, or the file could not be written.
    pub fn create(path: &Path) -> Result<Self, KeyringError> {
        refuse_key_as_path(path)?;
        let at = |kind: KeyringErrorKind| kind.at(Some(path));
        let key = FernetKey::generate().map_err(|error| at(KeyringErrorKind::Random(error)))?;
        let mut text = key.to_text();
        text.reserve_exact(1);
        text.push('\n');
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    at(KeyringErrorKind::Exists)
                } else {
                    at(KeyringErrorKind::Unreadable(error))
                }
            })?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_directory_of(path));
        if let Err(error) = written {
            // The file is ours and holds no key that anything was sealed with.
            drop(std::fs::remove_file(path));
            return Err(at(KeyringErrorKind::Unreadable(error)));
        }
        Self::from_keys(vec![key])
    }

    /// Reads the text of a keyring that came by a way of its own.
    ///
    /// # Errors
    /// [`KeyringError`]: empty or damaged.
    pub fn from_text(text: &str) -> Result<Self, KeyringError> {
        Self::parse(text).map_err(|kind| kind.at(None))
    }

    fn parse(text: &str) -> Result<Self, KeyringErrorKind> {
        let mut keys = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim_ascii().is_empty() {
                continue;
            }
            if keys.len() == KEY_LIMIT {
                return Err(KeyringErrorKind::TooLarge);
            }
            let key = FernetKey::from_text(text)
                .map_err(|fault| KeyringErrorKind::Damaged { line, fault })?;
            keys.push(key);
        }
        Self::from_keys(keys).map_err(|error| error.kind)
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            mode: metadata.mode(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file had been still for a whole second at `now`. Until then a second change could
    /// carry the same times.
    pub(super) fn settled_by(&self, now: u64) -> bool {
        i64::try_from(now).is_ok_and(|now| self.changed.0.saturating_add(1) < now)
    }
}

/// Reads a ring that only its owner may read, and the state of the file it was read from.
pub(super) fn read_owned(path: &Path) -> Result<(Keyring, Stamp), KeyringError> {
    read_allowing(path, |_owner, mode| mode & GROUP_AND_OTHERS == 0)
}

/// The same by the rule of [`Keyring::read_credential`].
pub(super) fn read_credential(path: &Path) -> Result<(Keyring, Stamp), KeyringError> {
    read_allowing(path, |owner, mode| {
        let allowed = if owner == (0, 0) { GROUP_READ } else { 0 };
        mode & GROUP_AND_OTHERS & !allowed == 0
    })
}

fn read_allowing(
    path: &Path,
    allowed: impl FnOnce((u32, u32), u32) -> bool,
) -> Result<(Keyring, Stamp), KeyringError> {
    refuse_key_as_path(path)?;
    let at = |kind: KeyringErrorKind| kind.at(Some(path));
    let unreadable = |error| at(KeyringErrorKind::Unreadable(error));
    // Without O_NONBLOCK the opening of a named pipe would wait for a writer for ever.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(path)
        .map_err(unreadable)?;
    // Judged on the open file, so that it cannot be exchanged between look and use.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(at(KeyringErrorKind::NotAFile));
    }
    let mode = metadata.mode() & 0o7777;
    if !allowed((metadata.uid(), metadata.gid()), mode) {
        return Err(at(KeyringErrorKind::Exposed { mode }));
    }
    let content = read_bounded(&file).map_err(unreadable)?;
    let Some(content) = content else {
        return Err(at(KeyringErrorKind::TooLarge));
    };
    let text = std::str::from_utf8(&content).map_err(|error| {
        let before = content.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|&byte| byte == b'\n').count();
        at(KeyringErrorKind::Damaged {
            line,
            fault: KeyError::Alphabet,
        })
    })?;
    let ring = Keyring::parse(text).map_err(at)?;
    Ok((ring, Stamp::of(&metadata)))
}

/// `O_NONBLOCK` of Linux on the architectures we build for; without effect on a regular file.
const O_NONBLOCK: i32 = 0o4000;

/// The content, or `None` if it is larger than a keyring can be.
fn read_bounded(mut file: &File) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut content = Zeroizing::new(vec![0; FILE_LIMIT + 1]);
    let mut filled = 0;
    while let Some(room) = content.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => {
                content.truncate(filled);
                return Ok(Some(content));
            }
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Refuses a path any part of which reads as a key, before it can reach a message.
pub(super) fn refuse_key_as_path(path: &Path) -> Result<(), KeyringError> {
    let text = path.as_os_str().to_string_lossy();
    let is_separator = |c: char| c.is_ascii_whitespace() || ",;:'\"".contains(c);
    // A component may have the 43 characters of a key that lost its padding by chance; with the padding it has not.
    let component = |part: &str| part.ends_with('=') && looks_like_a_key(part);
    if text.split(is_separator).any(looks_like_a_key) || text.split('/').any(component) {
        return Err(KeyringErrorKind::KeyInPlaceOfPath.at(None));
    }
    Ok(())
}

/// Whether a word has the shape of a key: 44 characters of base64 with its padding, or 43 that lost
/// it. A slash belongs to base64 and to paths, so the second form may not have one.
fn looks_like_a_key(word: &str) -> bool {
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || b"-_+/".contains(&c);
    match word.strip_suffix('=') {
        Some(body) => body.len() == 43 && body.bytes().all(is_base64),
        None => word.len() == 43 && !word.contains('/') && word.bytes().all(is_base64),
    }
}

/// A keyring that was not read, made or put together.
#[derive(Debug)]
pub struct KeyringError {
    /// The file, unless there was none or its name must not be repeated.
    pub path: Option<PathBuf>,
    /// What was wrong with it.
    pub kind: KeyringErrorKind,
}

/// What can be wrong with a keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringErrorKind {
    /// The operating system refused.
    #[error("the operating system refused")]
    Unreadable(#[source] io::Error),
    /// The mode lets others read it.
    #[error("mode {mode:04o} lets its group or others at the keys; want 0600 or less")]
    Exposed {
        /// The permission bits found.
        mode: u32,
    },
    /// The path is itself a key. It is not repeated.
    #[error("a key was given where the path of a file belongs")]
    KeyInPlaceOfPath,
    /// No source names a file.
    #[error("neither a credential, nor FERNET_KEY, nor field_key_dir names one")]
    Unnamed,
    /// No key in it.
    #[error("it holds no key")]
    Empty,
    /// A line that is not a key.
    #[error("line {line} is not a key")]
    Damaged {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        fault: KeyError,
    },
    /// Something is there already.
    #[error("it is there already and is never written over")]
    Exists,
    /// Not a regular file.
    #[error("it is not a regular file")]
    NotAFile,
    /// More than 64 keys or 16 KiB.
    #[error("it is larger than 64 keys in 16 KiB")]
    TooLarge,
    /// No randomness for a new key.
    #[error("there was no randomness for a new key")]
    Random(#[source] RandomError),
}

impl KeyringErrorKind {
    pub(super) fn at(self, path: Option<&Path>) -> KeyringError {
        KeyringError {
            path: path.map(Path::to_path_buf),
            kind: self,
        }
    }

    fn reason(&self) -> Code {
        match self {
            Self::Unreadable(_) => Code::KeyringUnreadable,
            Self::Exposed { .. } => Code::KeyringExposed,
            Self::KeyInPlaceOfPath => Code::KeyInPlaceOfPath,
            Self::Unnamed => Code::KeyringUnnamed,
            Self::Empty => Code::KeyringEmpty,
            Self::Damaged { .. } => Code::KeyringDamaged,
            Self::Exists => Code::KeyringExists,
            Self::NotAFile => Code::KeyringNotAFile,
            Self::TooLarge => Code::KeyringTooLarge,
            Self::Random(_) => Code::RandomnessUnavailable,
        }
    }
}

impl KeyringError {
    fn reason(&self) -> Code {
        self.kind.reason()
    }
}

coded!(KeyringError);

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "use keyring {}: {}", path.display(), self.kind),
            None => write!(f, "use a keyring: {}", self.kind),
        }
    }
}

impl std::error::Error for KeyringError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "key texts are ASCII")]
mod tests;
