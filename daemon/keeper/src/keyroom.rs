//! The keys that wrap data keys, one keyring for each zone. They are made here and never leave; what leaves is a data key, over an
//! admitted session, to a zone that the flow table lets have it.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_rack::ZoneName;
use cofferdam_seal::{FernetKey, Keyring, WrappedKey};

/// The most data keys given at once.
pub const BATCH_LIMIT: u32 = cofferdam_rack::keys::COUNT_LIMIT;

/// The keyrings of the zones that may own data.
#[derive(Debug)]
pub struct Keyroom {
    rings: BTreeMap<ZoneName, Keyring>,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyroomError {
    /// The directory or a keyring in it cannot be used.
    #[error("failed to use {}", .path.display())]
    Ring {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The zone owns no data.
    #[error("zone {0} has no keyring")]
    NoRing(ZoneName),
    /// The wrapped key is not one of the zone's.
    #[error("the wrapped key was not made for this zone, or is damaged")]
    Foreign,
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Random(#[source] cofferdam_seal::RandomError),
}

impl KeyroomError {
    /// What a person reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let seen = cofferdam_node::refusal::chain(self);
        match self {
            Self::Ring { .. } | Self::Random(_) => Refusal::new(
                "KP-003",
                "the keeper cannot use its wrapping keys, so no data is sealed or opened",
                "look at the files below kek/ in the keeper's state: whole, mode 0600, never replaced",
            ),
            Self::NoRing(_) => Refusal::new(
                "KP-020",
                "no data key is made for a zone that owns no data",
                "ask for keys of a zone whose data class in hwprofile.toml is not \"none\"",
            ),
            Self::Foreign => Refusal::new(
                "KP-021",
                "the data key stays closed",
                "a zone can open its own objects only; if it is its own, its header is damaged",
            ),
        }
        .read(seen)
    }
}

impl Keyroom {
    /// Opens the keyrings of `zones` below `directory`; one that does not exist yet is made.
    ///
    /// # Errors
    /// A keyring is damaged, readable by others, or cannot be made.
    pub fn open(
        directory: &Path,
        zones: impl Iterator<Item = ZoneName>,
    ) -> Result<Self, KeyroomError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| KeyroomError::Ring {
                path: directory.to_owned(),
                error: Box::new(error),
            })?;
        let mut rings = BTreeMap::new();
        for zone in zones {
            let path = directory.join(format!("{zone}.keys"));
            let ring = if path.exists() {
                Keyring::read(&path)
            } else {
                Keyring::create(&path)
            };
            let ring = ring.map_err(|error| KeyroomError::Ring {
                path,
                error: Box::new(error),
            })?;
            rings.insert(zone, ring);
        }
        Ok(Self { rings })
    }

    /// Makes `count` data keys, wrapped for `owner`.
    ///
    /// # Errors
    /// The zone owns no data, or the system gave no randomness.
    pub fn make(
        &self,
        owner: &ZoneName,
        count: u32,
        now: u64,
    ) -> Result<Vec<(FernetKey, WrappedKey)>, KeyroomError> {
        let ring = self.ring(owner)?;
        (0..count.min(BATCH_LIMIT))
            .map(|_| {
                let key = FernetKey::generate().map_err(KeyroomError::Random)?;
                let wrapped =
                    WrappedKey::seal(ring.primary(), &key, now).map_err(KeyroomError::Random)?;
                Ok((key, wrapped))
            })
            .collect()
    }

    /// Opens a data key that `owner` owns.
    ///
    /// # Errors
    /// It was made for another zone, or is damaged.
    pub fn unwrap(&self, owner: &ZoneName, wrapped: &[u8]) -> Result<FernetKey, KeyroomError> {
        let ring = self.ring(owner)?;
        WrappedKey::from_bytes(wrapped)
            .and_then(|wrapped| wrapped.open(ring))
            .map_err(|_one_answer_for_all| KeyroomError::Foreign)
    }

    fn ring(&self, owner: &ZoneName) -> Result<&Keyring, KeyroomError> {
        self.rings
            .get(owner)
            .ok_or_else(|| KeyroomError::NoRing(owner.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> ZoneName {
        name.parse().expect("a zone name")
    }

    #[test]
    fn a_key_opens_for_its_owner_and_for_nobody_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let room = Keyroom::open(dir.path(), [zone("storage"), zone("analytics")].into_iter())
            .expect("opened");
        let (key, wrapped) = room.make(&zone("storage"), 1, 7).expect("made").remove(0);
        let opened = room
            .unwrap(&zone("storage"), wrapped.as_bytes())
            .expect("its own");
        assert_eq!(*opened.to_text(), *key.to_text());
        let foreign = room.unwrap(&zone("analytics"), wrapped.as_bytes());
        assert!(matches!(foreign, Err(KeyroomError::Foreign)));
        assert!(matches!(
            room.make(&zone("keeper"), 1, 7),
            Err(KeyroomError::NoRing(_))
        ));
    }

    #[test]
    fn the_keyring_outlives_the_keeper_and_is_never_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = Keyroom::open(dir.path(), [zone("storage")].into_iter()).expect("opened");
        let (_key, wrapped) = first.make(&zone("storage"), 1, 7).expect("made").remove(0);
        let again = Keyroom::open(dir.path(), [zone("storage")].into_iter()).expect("opened");
        assert!(again.unwrap(&zone("storage"), wrapped.as_bytes()).is_ok());
    }

    #[test]
    fn a_damaged_wrap_stays_closed() {
        let dir = tempfile::tempdir().expect("a directory");
        let room = Keyroom::open(dir.path(), [zone("storage")].into_iter()).expect("opened");
        let (_key, wrapped) = room.make(&zone("storage"), 1, 7).expect("made").remove(0);
        for position in 0..wrapped.as_bytes().len() {
            let mut bytes = wrapped.as_bytes().to_vec();
            bytes[position] ^= 1;
            assert!(
                room.unwrap(&zone("storage"), &bytes).is_err(),
                "byte {position}"
            );
        }
    }
}
