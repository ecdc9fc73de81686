//! Where a keyring is looked for: the credential directory, the file that `FERNET_KEY` names, the field's own directory.
//!
//! Owns the order. Must never read the environment (the program's edge does), never pass over a source that
//! is named because it is faulty, and never take another key than the one that was meant.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::file::{self, KeyringErrorKind, Stamp};
use super::{Keyring, KeyringError};

/// The name of a keyring in a directory of keys.
const FILE_NAME: &str = "fernet.key";

/// What the surroundings of the program say about where its keyring is. An absent or empty value names nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyringSources {
    /// The service manager's credential directory (`CREDENTIALS_DIRECTORY`), asked first, if it holds a `fernet.key`.
    pub credentials: Option<PathBuf>,
    /// The path of a keyring (`FERNET_KEY`), asked second.
    pub key_file: Option<PathBuf>,
    /// The directory of a `fernet.key` (`field_key_dir`), asked last.
    pub key_directory: Option<PathBuf>,
}

impl KeyringSources {
    /// The first source that names a keyring. It is the one, sound or not: a fault in it is refused, since another
    /// source would hold another key.
    ///
    /// # Errors
    /// [`KeyringError`]: none names one, or a key stands where a path belongs.
    pub fn find(&self) -> Result<KeyringPlace, KeyringError> {
        if let Some(directory) = named(self.credentials.as_ref()) {
            file::refuse_key_as_path(directory)?;
            let path = directory.join(FILE_NAME);
            match std::fs::symlink_metadata(&path) {
                // A service has other credentials too.
                Err(error) if error.kind() == io::ErrorKind::NotFound && directory.is_dir() => {}
                Ok(_) | Err(_) => return Ok(KeyringPlace::Credential(path)),
            }
        }
        self.own_file().map(KeyringPlace::File)
    }

    /// Makes a keyring of one fresh key where [`find`](Self::find) will look for it, and says where. The field's
    /// directory is made too, mode 0700. A credential is the service manager's to make, never ours.
    ///
    /// # Errors
    /// As [`find`](Self::find) and [`Keyring::create`].
    pub fn create(&self) -> Result<PathBuf, KeyringError> {
        let path = self.own_file()?;
        if named(self.key_file.as_ref()).is_none()
            && let Some(directory) = path.parent()
        {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(|error| KeyringErrorKind::Unreadable(error).at(Some(directory)))?;
        }
        Keyring::create(&path)?;
        Ok(path)
    }

    fn own_file(&self) -> Result<PathBuf, KeyringError> {
        if let Some(path) = named(self.key_file.as_ref()) {
            file::refuse_key_as_path(path)?;
            return Ok(path.to_path_buf());
        }
        let Some(directory) = named(self.key_directory.as_ref()) else {
            return Err(KeyringErrorKind::Unnamed.at(None));
        };
        file::refuse_key_as_path(directory)?;
        Ok(directory.join(FILE_NAME))
    }
}

fn named(value: Option<&PathBuf>) -> Option<&Path> {
    value
        .map(PathBuf::as_path)
        .filter(|path| !path.as_os_str().is_empty())
}

/// One place of a keyring, and by which rule it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyringPlace {
    /// A credential of the service manager's: [`Keyring::read_credential`].
    Credential(PathBuf),
    /// A file of this account's: [`Keyring::read`].
    File(PathBuf),
}

impl KeyringPlace {
    /// Reads the ring that is there now.
    ///
    /// # Errors
    /// As [`Keyring::read`].
    pub fn read(&self) -> Result<Keyring, KeyringError> {
        self.read_stamped().map(|(ring, _stamp)| ring)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Credential(path) | Self::File(path) => path,
        }
    }

    pub(super) fn read_stamped(&self) -> Result<(Keyring, Stamp), KeyringError> {
        match self {
            Self::Credential(path) => file::read_credential(path),
            Self::File(path) => file::read_owned(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::FernetKey;

    struct Places {
        directory: tempfile::TempDir,
        sources: KeyringSources,
    }

    impl Places {
        /// All three sources, each with a ring of its own.
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let at = |name: &str| directory.path().join(name);
            for name in ["credentials", "field"] {
                fs::create_dir(at(name)).unwrap();
                Keyring::create(&at(name).join(FILE_NAME)).unwrap();
            }
            Keyring::create(&at("mine")).unwrap();
            let sources = KeyringSources {
                credentials: Some(at("credentials")),
                key_file: Some(at("mine")),
                key_directory: Some(at("field")),
            };
            Self { directory, sources }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }
    }

    #[test]
    fn the_sources_are_asked_in_their_order() {
        let mut places = Places::new();
        let credential = places.at("credentials/fernet.key");
        let found = places.sources.find().unwrap();
        assert_eq!(found, KeyringPlace::Credential(credential.clone()));
        assert_eq!(found.read().unwrap().count(), 1);

        fs::remove_file(credential).unwrap();
        let found = places.sources.find().unwrap();
        assert_eq!(found, KeyringPlace::File(places.at("mine")));

        places.sources.key_file = Some(PathBuf::new());
        let found = places.sources.find().unwrap();
        assert_eq!(found, KeyringPlace::File(places.at("field/fernet.key")));

        places.sources.key_directory = None;
        let error = places.sources.find().unwrap_err();
        assert_eq!(error.code(), "SE-118");
        assert!(error.to_string().contains("FERNET_KEY"));
    }

    #[test]
    fn a_faulty_source_is_refused_and_not_passed_over() {
        let places = Places::new();
        let credential = places.at("credentials/fernet.key");
        for (content, mode, code) in [
            (&b"\n"[..], 0o600, "SE-113"),
            (b"not a key\n", 0o600, "SE-114"),
            (b"\n", 0o604, "SE-111"),
        ] {
            fs::write(&credential, content).unwrap();
            fs::set_permissions(&credential, Permissions::from_mode(mode)).unwrap();
            let error = places.sources.find().unwrap().read().unwrap_err();
            assert_eq!(error.code(), code);
        }
        fs::remove_file(&credential).unwrap();
        fs::remove_file(places.at("mine")).unwrap();
        let error = places.sources.find().unwrap().read().unwrap_err();
        assert_eq!(error.code(), "SE-110");
        assert!(error.to_string().contains("mine"));
    }

    #[test]
    fn a_key_in_any_source_is_refused_and_not_repeated() {
        let key = FernetKey::generate().unwrap().to_text();
        let value = || Some(PathBuf::from(key.as_str()));
        let nested = Some(Path::new("/etc").join(key.as_str()));
        for sources in [
            KeyringSources {
                credentials: value(),
                ..KeyringSources::default()
            },
            KeyringSources {
                key_file: value(),
                ..KeyringSources::default()
            },
            KeyringSources {
                key_directory: value(),
                ..KeyringSources::default()
            },
            KeyringSources {
                key_directory: nested,
                ..KeyringSources::default()
            },
        ] {
            for error in [sources.find().unwrap_err(), sources.create().unwrap_err()] {
                let shown = format!("{error} {error:?}");
                assert!(
                    !shown.contains(key.get(4..12).unwrap()),
                    "a key was repeated"
                );
                if sources.credentials.is_none() {
                    assert_eq!(error.code(), "SE-112");
                }
            }
        }
    }

    #[test]
    fn a_ring_is_made_once_in_a_directory_of_its_own() {
        let outer = tempfile::tempdir().unwrap();
        let directory = outer.path().join("field_keys");
        let sources = KeyringSources {
            key_directory: Some(directory.clone()),
            ..KeyringSources::default()
        };
        let path = sources.create().unwrap();
        assert_eq!(path, directory.join(FILE_NAME));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
        let before = fs::read(&path).unwrap();
        assert_eq!(sources.create().unwrap_err().code(), "SE-115");
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(sources.find().unwrap().path(), path);
    }
}
