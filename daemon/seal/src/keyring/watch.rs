//! A keyring that follows its file: what is removed from the file no longer opens anything, without a restart.
//!
//! Owns the question whether the file is still the one that was read. Must never hand out a ring that the file no
//! longer holds, nor go on with an old one because the new one cannot be read.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::file::{KeyringErrorKind, Stamp};
use super::place::KeyringPlace;
use super::{Keyring, KeyringError};

/// A ring read again whenever its file has changed. Ask for it at every operation; do not keep what it gives.
pub struct KeyringFile {
    place: KeyringPlace,
    held: Mutex<Option<Held>>,
}

/// A ring, and the file it was read from.
struct Held {
    ring: Arc<Keyring>,
    stamp: Stamp,
    /// Whether the stamp can be trusted: a file that changes twice within one tick of its clock carries one stamp.
    settled: bool,
}

impl KeyringFile {
    /// Reads the ring for the first time.
    ///
    /// # Errors
    /// As [`Keyring::read`].
    pub fn open(place: KeyringPlace, now: u64) -> Result<Self, KeyringError> {
        let file = Self {
            place,
            held: Mutex::new(None),
        };
        file.ring(now)?;
        Ok(file)
    }

    /// The ring that the file holds now; `now` is in Unix seconds. Costs one look at the file's metadata while the file
    /// rests, and a reading while it has changed within the last second.
    ///
    /// # Errors
    /// As [`Keyring::read`]. The ring of before is then forgotten: a file that was removed opens nothing.
    pub fn ring(&self, now: u64) -> Result<Arc<Keyring>, KeyringError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held.take();
        let path = self.place.path();
        let metadata = std::fs::metadata(path)
            .map_err(|error| KeyringErrorKind::Unreadable(error).at(Some(path)))?;
        let stamp = Stamp::of(&metadata);
        if let Some(same) = before.filter(|held| held.settled && held.stamp == stamp) {
            let ring = Arc::clone(&same.ring);
            *held = Some(same);
            return Ok(ring);
        }
        let (ring, stamp) = self.place.read_stamped()?;
        let ring = Arc::new(ring);
        *held = Some(Held {
            ring: Arc::clone(&ring),
            stamp,
            settled: stamp.settled_by(now),
        });
        Ok(ring)
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &KeyringPlace {
        &self.place
    }
}

impl fmt::Debug for KeyringFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyringFile")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::FernetKey;

    /// A time at which every file of the test has long been still.
    const LATER: u64 = 1 << 40;
    /// A time before every file of the test: no stamp is trusted.
    const EARLIER: u64 = 1;

    fn ring_file(directory: &Path, keys: &[&FernetKey]) -> PathBuf {
        let path = directory.join("ring");
        let lines: Vec<String> = keys
            .iter()
            .map(|key| format!("{}\n", *key.to_text()))
            .collect();
        // As an editor does: a new file in the old one's place.
        let fresh = directory.join("fresh");
        fs::write(&fresh, lines.concat()).unwrap();
        fs::set_permissions(&fresh, Permissions::from_mode(0o600)).unwrap();
        fs::rename(&fresh, &path).unwrap();
        path
    }

    fn follow(path: &Path, now: u64) -> KeyringFile {
        KeyringFile::open(KeyringPlace::File(path.to_path_buf()), now).unwrap()
    }

    #[test]
    fn a_removed_key_opens_nothing_at_the_next_question() {
        let directory = tempfile::tempdir().unwrap();
        let [old, new] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let path = ring_file(directory.path(), &[&new, &old]);
        let token = Keyring::from_keys(vec![old.duplicate()])
            .unwrap()
            .encrypt(b"seen", 7)
            .unwrap();
        for now in [LATER, EARLIER] {
            ring_file(directory.path(), &[&new, &old]);
            let file = follow(&path, now);
            assert!(file.ring(now).unwrap().decrypt(&token, None).is_ok());
            ring_file(directory.path(), &[&new]);
            assert!(file.ring(now).unwrap().decrypt(&token, None).is_err());
        }
    }

    #[test]
    fn a_key_exchanged_in_place_is_noticed_even_within_one_tick_of_the_clock() {
        let directory = tempfile::tempdir().unwrap();
        let [first, second] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let path = ring_file(directory.path(), &[&first]);
        let file = follow(&path, EARLIER);
        for key in [&second, &first, &second] {
            // The same inode, length and, on a coarse clock, times.
            fs::write(&path, format!("{}\n", *key.to_text())).unwrap();
            let found = file.ring(EARLIER).unwrap().primary().fingerprint();
            assert_eq!(found, key.fingerprint());
        }
    }

    #[test]
    fn a_file_at_rest_is_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = ring_file(directory.path(), &[&FernetKey::generate().unwrap()]);
        let file = follow(&path, LATER);
        let [a, b] = std::array::from_fn(|_| file.ring(LATER).unwrap());
        assert!(Arc::ptr_eq(&a, &b));
    }

    #[test]
    fn a_file_that_was_removed_or_spoiled_opens_nothing_until_it_is_back() {
        let directory = tempfile::tempdir().unwrap();
        let key = FernetKey::generate().unwrap();
        let path = ring_file(directory.path(), &[&key]);
        let file = follow(&path, LATER);
        fs::remove_file(&path).unwrap();
        assert_eq!(file.ring(LATER).unwrap_err().code(), "SE-110");
        ring_file(directory.path(), &[]);
        assert_eq!(file.ring(LATER).unwrap_err().code(), "SE-113");
        ring_file(directory.path(), &[&key]);
        assert!(file.ring(LATER).is_ok());
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(file.ring(LATER).unwrap_err().code(), "SE-111");
    }
}
