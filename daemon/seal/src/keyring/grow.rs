//! A new key at the front of a keyring's file: the first step of every rotation.
//!
//! Must never lose a key that was there: the new file holds all of them before it takes the old one's name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::file::{self, KeyringErrorKind};
use super::{KEY_LIMIT, Keyring, KeyringError};
use crate::FernetKey;

impl Keyring {
    /// Makes a fresh key the primary one of the ring in this file and returns the ring; every key of before stays.
    ///
    /// # Errors
    /// [`KeyringError`]: as [`Keyring::read`]; the ring is full; or another growth left its file `.new` beside it.
    pub fn add_primary(path: &Path) -> Result<Self, KeyringError> {
        file::refuse_key_as_path(path)?;
        let named = path;
        let unreadable = |error| KeyringErrorKind::Unreadable(error).at(Some(named));
        // A link stays one: what it leads to is exchanged.
        let path = std::fs::canonicalize(named).map_err(unreadable)?;
        let mut fresh = path.clone().into_os_string();
        fresh.push(".new");
        let fresh = Path::new(&fresh);
        // Made before the ring is read, it keeps every other growth away: none is built on a ring that is no longer the one.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(fresh)
            .map_err(|error| {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    KeyringErrorKind::Exists.at(Some(fresh))
                } else {
                    unreadable(error)
                }
            })?;
        let grown = grow(named, file).and_then(|keys| {
            std::fs::rename(fresh, &path).map_err(unreadable)?;
            Ok(keys)
        });
        let keys = match grown {
            Ok(keys) => keys,
            Err(error) => {
                // Nothing was sealed with the new key, and the old file is in its place.
                drop(std::fs::remove_file(fresh));
                return Err(error);
            }
        };
        file::sync_directory_of(&path).map_err(unreadable)?;
        Self::from_keys(keys)
    }
}

/// Writes the ring of `path`, a fresh key first, into the file that will take its name: the same owner, durable.
fn grow(path: &Path, mut fresh: File) -> Result<Vec<FernetKey>, KeyringError> {
    let at = |kind: KeyringErrorKind| kind.at(Some(path));
    let unreadable = |error| at(KeyringErrorKind::Unreadable(error));
    let (old, _stamp) = file::read_owned(path)?;
    if old.keys.len() >= KEY_LIMIT {
        return Err(at(KeyringErrorKind::TooLarge));
    }
    let key = FernetKey::generate().map_err(|error| at(KeyringErrorKind::Random(error)))?;
    let keys: Vec<FernetKey> = std::iter::once(key)
        .chain(old.keys.iter().map(FernetKey::duplicate))
        .collect();
    let mut lines = Zeroizing::new(String::with_capacity(45 * keys.len()));
    for key in &keys {
        lines.push_str(&key.to_text());
        lines.push('\n');
    }
    let (before, made) = (
        std::fs::metadata(path).map_err(unreadable)?,
        fresh.metadata().map_err(unreadable)?,
    );
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        std::os::unix::fs::fchown(&fresh, Some(before.uid()), Some(before.gid()))
            .map_err(unreadable)?;
    }
    fresh
        .write_all(lines.as_bytes())
        .and_then(|()| fresh.sync_all())
        .map_err(unreadable)?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(ring: &Keyring) -> Vec<String> {
        ring.fingerprints().map(|name| name.to_string()).collect()
    }

    #[test]
    fn a_new_key_comes_first_and_every_old_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let first = names(&Keyring::create(&path).unwrap());
        let second = names(&Keyring::add_primary(&path).unwrap());
        let third = names(&Keyring::add_primary(&path).unwrap());
        assert_eq!(third[1..], second);
        assert_eq!(second[1..], first);
        assert_eq!(names(&Keyring::read(&path).unwrap()), third);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_faulty_or_absent_ring_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        assert_eq!(Keyring::add_primary(&path).unwrap_err().code(), "SE-110");
        Keyring::create(&path).unwrap();
        let line = fs::read_to_string(&path).unwrap();
        fs::write(&path, line.repeat(KEY_LIMIT)).unwrap();
        assert_eq!(Keyring::add_primary(&path).unwrap_err().code(), "SE-117");
        fs::write(&path, format!("{line}x\n")).unwrap();
        assert_eq!(Keyring::add_primary(&path).unwrap_err().code(), "SE-114");
        fs::write(&path, &line).unwrap();
        fs::write(directory.path().join("ring.new"), b"another's").unwrap();
        assert_eq!(Keyring::add_primary(&path).unwrap_err().code(), "SE-115");
        assert_eq!(fs::read_to_string(&path).unwrap(), line);
    }

    #[test]
    fn a_refused_growth_leaves_no_file_that_would_keep_the_next_one_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        fs::write(&path, "no ring\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Keyring::add_primary(&path).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn growths_at_the_same_time_lose_no_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        Keyring::create(&path).unwrap();
        let growing = || -> Vec<String> {
            let grown = (0..8).filter_map(|_| Keyring::add_primary(&path).ok());
            grown.map(|ring| names(&ring).remove(0)).collect()
        };
        let grown = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(growing)).collect();
            let each = threads.into_iter().map(|thread| thread.join().unwrap());
            each.collect::<Vec<_>>().concat()
        });
        let kept = names(&Keyring::read(&path).unwrap());
        assert!(!grown.is_empty());
        for name in &grown {
            assert!(kept.contains(name), "a key that was handed out is gone");
        }
        assert_eq!(kept.len(), grown.len() + 1);
    }
}
