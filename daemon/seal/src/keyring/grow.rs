//! A new key at the front of a keyring's file: the first step of every rotation.
//!
//! Must never lose a key that was there: the new file holds all of them before it takes the old one's name.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
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
        let (old, _stamp) = file::read_owned(path)?;
        let at = |kind: KeyringErrorKind| kind.at(Some(path));
        if old.keys.len() >= KEY_LIMIT {
            return Err(at(KeyringErrorKind::TooLarge));
        }
        let unreadable = |error| at(KeyringErrorKind::Unreadable(error));
        // A link stays one: what it leads to is exchanged.
        let path = std::fs::canonicalize(path).map_err(unreadable)?;
        let mut fresh = path.clone().into_os_string();
        fresh.push(".new");
        let fresh = Path::new(&fresh);
        let key = FernetKey::generate().map_err(|error| at(KeyringErrorKind::Random(error)))?;
        let keys: Vec<FernetKey> = std::iter::once(key)
            .chain(old.keys.iter().map(FernetKey::duplicate))
            .collect();
        let mut file = OpenOptions::new()
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
        let mut lines = Zeroizing::new(String::with_capacity(45 * keys.len()));
        for key in &keys {
            lines.push_str(&key.to_text());
            lines.push('\n');
        }
        let written = file
            .write_all(lines.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(fresh, &path))
            .and_then(|()| file::sync_directory_of(&path));
        if let Err(error) = written {
            // Nothing was sealed with the new key; the old file is in its place, or the new one is.
            drop(std::fs::remove_file(fresh));
            return Err(unreadable(error));
        }
        Self::from_keys(keys)
    }
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
}
