//! Rotation of an object on a disk: its header under the ring's primary key, its frames as they are.
//!
//! Owns the exchange of the file. Must never write into the object itself: the new file is complete and durable before
//! it takes the old one's name, so an interruption at any point leaves one whole object, and running again goes on.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::codes::{Code, coded};
use crate::header::{HEADER_LEN, Header, HeaderError, Layout};
use crate::keyring::{self, Keyring};
use crate::record;
use crate::wrap::WrapError;

/// What the name of an unfinished copy ends in. It begins with a dot, holds nothing plain, and is removed by the next
/// rotation of the same object.
pub const REWRAP_SUFFIX: &str = ".cofferdam-rewrap";

/// The extension of an object that its writer has not finished.
pub const UNFINISHED_UPLOAD: &str = "part";

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrapped {
    /// Its data key is now under the primary key.
    Moved,
    /// It was there already; the file was not touched.
    Already,
}

/// Wraps the data key of the object in this file under the ring's primary key. Mode, owner and times are kept; extended
/// attributes are not. Takes the space of one copy while it runs, where the file system cannot share blocks.
///
/// A file that is replaced or removed while it is copied stays so. Between the last look at its name and the exchange a moment is
/// left, so a store's own directory is rotated while the store stands still.
///
/// # Errors
/// [`RewrapError`]; the object is then as it was.
pub fn rewrap_file(path: &Path, ring: &Keyring) -> Result<Rewrapped, RewrapError> {
    rewrap(path, ring).map_err(|kind| RewrapError {
        path: path.to_path_buf(),
        kind,
    })
}

fn rewrap(path: &Path, ring: &Keyring) -> Result<Rewrapped, RewrapErrorKind> {
    // What a writer has not finished grows under its own hands and takes its last name by itself.
    if path.extension().is_some_and(|end| end == UNFINISHED_UPLOAD) {
        return Err(RewrapErrorKind::Busy);
    }
    let named = std::fs::symlink_metadata(path)?;
    if !named.is_file() || named.nlink() != 1 {
        return Err(RewrapErrorKind::Shared);
    }
    let mut object = File::open(path)?;
    let before = object.metadata()?;
    object.try_lock().map_err(|_held| RewrapErrorKind::Busy)?;
    // Whoever held the lock before may have put another file in this place.
    let now = std::fs::symlink_metadata(path)?;
    if state(&named) != state(&before) || state(&before) != state(&now) {
        return Err(RewrapErrorKind::Busy);
    }
    let copy = unfinished(path).ok_or(RewrapErrorKind::Shared)?;
    remove_if_there(&copy)?;
    let header = read_header(&mut object)?;
    if header.wrapped().is_under_primary(ring) {
        // A run before may have been cut off between the exchange and its durability.
        keyring::sync_directory_of(path)?;
        return Ok(Rewrapped::Already);
    }
    let wrapped = header
        .wrapped()
        .rewrap(ring)
        .map_err(RewrapErrorKind::Wrap)?;
    if header.layout() == Layout::Records && !record::ends_closed(&object)? {
        return Err(RewrapErrorKind::Unclosed);
    }
    let header = header.with_wrapped(wrapped).to_bytes();
    let exchanged = write_copy(&copy, &header, &mut object, &before)
        .and_then(|()| exchange(&copy, path, &object, &before));
    if let Err(kind) = exchanged {
        drop(std::fs::remove_file(&copy));
        return Err(kind);
    }
    keyring::sync_directory_of(path)?;
    Ok(Rewrapped::Moved)
}

/// Gives the copy the object's name, if that is still the object that was copied. It may have been written to, and its name given to
/// another file or to none: none of that may be undone.
fn exchange(
    copy: &Path,
    path: &Path,
    object: &File,
    before: &Metadata,
) -> Result<(), RewrapErrorKind> {
    let named = std::fs::symlink_metadata(path).map_err(gone_is_busy)?;
    if state(&object.metadata()?) != state(before) || state(&named) != state(before) {
        return Err(RewrapErrorKind::Busy);
    }
    std::fs::rename(copy, path)?;
    Ok(())
}

fn gone_is_busy(error: io::Error) -> RewrapErrorKind {
    if error.kind() == io::ErrorKind::NotFound {
        RewrapErrorKind::Busy
    } else {
        RewrapErrorKind::from(error)
    }
}

fn write_copy(
    copy: &Path,
    header: &[u8; HEADER_LEN],
    object: &mut File,
    before: &Metadata,
) -> Result<(), RewrapErrorKind> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(copy)?;
    file.write_all(header)?;
    let header_len = u64::try_from(HEADER_LEN).unwrap_or(u64::MAX);
    object.seek(SeekFrom::Start(header_len))?;
    let copied = io::copy(object, &mut file)?;
    if copied.checked_add(header_len) != Some(before.len()) {
        return Err(RewrapErrorKind::Busy);
    }
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))?;
    file.set_modified(before.modified()?)?;
    file.sync_all()?;
    Ok(())
}

fn read_header(object: &mut File) -> Result<Header, RewrapErrorKind> {
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    object
        .take(u64::try_from(HEADER_LEN).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)?;
    Header::parse_any(&bytes).map_err(RewrapErrorKind::Header)
}

/// What changes when a file is written to or exchanged.
fn state(metadata: &Metadata) -> [i64; 5] {
    let signed = |value: u64| value.cast_signed();
    [
        signed(metadata.dev()),
        signed(metadata.ino()),
        signed(metadata.len()),
        metadata.mtime(),
        metadata.mtime_nsec(),
    ]
}

fn unfinished(path: &Path) -> Option<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name()?);
    name.push(REWRAP_SUFFIX);
    Some(path.with_file_name(name))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// An object whose header was not exchanged. It is as it was.
#[derive(Debug)]
pub struct RewrapError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub kind: RewrapErrorKind,
}

/// Why a header was not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum RewrapErrorKind {
    /// A link, or a file with several names, or not a file.
    #[error("it is not a file with one name")]
    Shared,
    /// Somebody else rotates it, or it changed.
    #[error("it is in use, or changed meanwhile")]
    Busy,
    /// A log without its final record.
    #[error("it is a log without its final record")]
    Unclosed,
    /// Not the header of an object.
    #[error("its header is not one")]
    Header(#[source] HeaderError),
    /// The ring does not open the data key, or there was no randomness.
    #[error("its data key was not wrapped anew")]
    Wrap(#[source] WrapError),
    /// The operating system refused.
    #[error("the operating system refused")]
    System(#[from] io::Error),
}

impl RewrapError {
    fn reason(&self) -> Code {
        match &self.kind {
            RewrapErrorKind::Shared => Code::RewrapShared,
            RewrapErrorKind::Busy => Code::RewrapBusy,
            RewrapErrorKind::Unclosed => Code::RewrapUnclosed,
            RewrapErrorKind::Header(error) => error.reason(),
            RewrapErrorKind::Wrap(error) => error.reason(),
            RewrapErrorKind::System(_) => Code::RewrapFailed,
        }
    }
}

coded!(RewrapError);

impl fmt::Display for RewrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rotate {}: {}", self.path.display(), self.kind)
    }
}

impl std::error::Error for RewrapError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}

#[cfg(test)]
mod tests;
