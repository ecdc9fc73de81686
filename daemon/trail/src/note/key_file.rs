//! Keys in files. A signer key file is made once, for its owner alone, and is never read when
//! anybody else could have read it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use zeroize::Zeroizing;

use super::key::{KeyError, SignerKey, VerifierKey};
use crate::codes;

/// The longest key file that is read, in bytes.
const FILE_LIMIT_BYTES: u64 = 64 * 1024;

/// A key file could not be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to use the key file {}: {kind}", path.display())]
pub struct KeyFileError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong.
    #[source]
    pub kind: KeyFileErrorKind,
}

/// What is wrong with a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileErrorKind {
    /// There is one already: a key is never overwritten.
    #[error("it exists already and is never overwritten")]
    Exists,
    /// Group or others may read or write it.
    #[error("its mode is {mode:04o}; expected 0600 or stricter")]
    Open {
        /// The mode that was found.
        mode: u32,
    },
    /// It is no regular file, or too long for one.
    #[error("it is no regular file of at most 64 KiB")]
    NoFile,
    /// The text is no key.
    #[error("line {line} holds no key of the expected kind")]
    Key {
        /// The line, counted from one.
        line: usize,
        /// Which part is wrong.
        #[source]
        cause: KeyError,
    },
    /// There is no key in it.
    #[error("it holds no key")]
    Empty,
    /// It could not be read or written.
    #[error("it could not be read or written")]
    Io(#[source] io::Error),
    /// No new key could be made.
    #[error("no new key could be made")]
    New(#[source] KeyError),
}

impl KeyFileError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            KeyFileErrorKind::Exists => "TR-002",
            KeyFileErrorKind::Open { .. } => "TR-003",
            KeyFileErrorKind::NoFile | KeyFileErrorKind::Io(_) => "TR-004",
            KeyFileErrorKind::New(cause) | KeyFileErrorKind::Key { cause, .. } => cause.code(),
            KeyFileErrorKind::Empty => "TR-001",
        }
    }

    /// The same in the form that every refusal of the house has.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        codes::refusal(self.code(), self)
    }
}

impl SignerKey {
    /// Makes a key and its file: new, mode 0600, on disk before this returns. Missing folders
    /// above it are made for the owner alone.
    ///
    /// # Errors
    /// If the file exists or cannot be written, or no key may have this name.
    pub fn create(path: &Path, name: &str) -> Result<Self, KeyFileError> {
        let wrong = |kind| KeyFileError {
            path: path.to_owned(),
            kind,
        };
        let key = Self::generate(name).map_err(|cause| wrong(KeyFileErrorKind::New(cause)))?;
        write_new(path, &key).map_err(|cause| {
            let exists = cause.kind() == io::ErrorKind::AlreadyExists;
            wrong(if exists {
                KeyFileErrorKind::Exists
            } else {
                KeyFileErrorKind::Io(cause)
            })
        })?;
        Ok(key)
    }

    /// Reads a key file that nobody but its owner may read.
    ///
    /// # Errors
    /// If others may read it, it cannot be read, or it holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let wrong = |kind| KeyFileError {
            path: path.to_owned(),
            kind,
        };
        let text = read_text(path, Privacy::OwnerOnly).map_err(wrong)?;
        Self::from_text(&text).map_err(|cause| wrong(KeyFileErrorKind::Key { line: 1, cause }))
    }
}

impl VerifierKey {
    /// Reads a file of verifier keys, one a line; empty lines and lines with `#` are skipped.
    ///
    /// # Errors
    /// If it cannot be read, a line is no key, or there is none.
    pub fn read_file(path: &Path) -> Result<Vec<Self>, KeyFileError> {
        let wrong = |kind| KeyFileError {
            path: path.to_owned(),
            kind,
        };
        let text = read_text(path, Privacy::Anybody).map_err(wrong)?;
        let mut keys = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line_text = line.trim();
            if line_text.is_empty() || line_text.starts_with('#') {
                continue;
            }
            let named = |cause| {
                wrong(KeyFileErrorKind::Key {
                    line: at.saturating_add(1),
                    cause,
                })
            };
            keys.push(line_text.parse().map_err(named)?);
        }
        if keys.is_empty() {
            Err(wrong(KeyFileErrorKind::Empty))
        } else {
            Ok(keys)
        }
    }
}

/// Who may be able to read a file that is believed.
#[derive(Clone, Copy)]
enum Privacy {
    OwnerOnly,
    Anybody,
}

fn write_new(path: &Path, key: &SignerKey) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut text = key.to_text();
    text.push('\n');
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // A half-written key must not stand in the way of the next attempt.
        fs::remove_file(path)?;
    }
    written?;
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn read_text(path: &Path, privacy: Privacy) -> Result<Zeroizing<String>, KeyFileErrorKind> {
    let file = File::open(path).map_err(KeyFileErrorKind::Io)?;
    let meta = file.metadata().map_err(KeyFileErrorKind::Io)?;
    if !meta.is_file() || meta.len() > FILE_LIMIT_BYTES {
        return Err(KeyFileErrorKind::NoFile);
    }
    let mode = meta.mode() & 0o7777;
    if matches!(privacy, Privacy::OwnerOnly) && mode & 0o077 != 0 {
        return Err(KeyFileErrorKind::Open { mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_LIMIT_BYTES)
        .read_to_string(&mut text)
        .map_err(KeyFileErrorKind::Io)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::{KeyFileErrorKind, SignerKey, VerifierKey};

    #[test]
    fn a_new_key_file_is_for_its_owner_alone_and_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/trail.key");
        let made = SignerKey::create(&path, "a.example/z/n").unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        let read = SignerKey::read(&path).unwrap();
        assert_eq!(read.verifier_key(), made.verifier_key());
    }

    #[test]
    fn an_existing_key_file_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trail.key");
        let made = SignerKey::create(&path, "a").unwrap();
        let error = SignerKey::create(&path, "a").unwrap_err();
        assert!(matches!(error.kind, KeyFileErrorKind::Exists));
        assert_eq!(error.code(), "TR-002");
        assert_eq!(
            SignerKey::read(&path).unwrap().verifier_key(),
            made.verifier_key()
        );
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trail.key");
        SignerKey::create(&path, "a").unwrap();
        for mode in [0o640, 0o604, 0o660, 0o666, 0o610] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = SignerKey::read(&path).unwrap_err();
            assert_eq!(error.code(), "TR-003", "{mode:o}");
            assert!(error.to_string().contains(&format!("{mode:04o}")));
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(SignerKey::read(&path).is_ok());
    }

    #[test]
    fn a_damaged_missing_or_strange_key_file_is_refused_without_showing_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trail.key");
        SignerKey::create(&path, "a").unwrap();
        fs::write(&path, "PRIVATE+KEY+a+00000000+c2VjcmV0").unwrap();
        let error = SignerKey::read(&path).unwrap_err();
        assert_eq!(error.code(), "TR-001");
        assert!(!format!("{error} {error:?}").contains("c2VjcmV0"));
        assert_eq!(
            SignerKey::read(&dir.path().join("none"))
                .unwrap_err()
                .code(),
            "TR-004"
        );
        assert_eq!(SignerKey::read(dir.path()).unwrap_err().code(), "TR-004");
    }

    #[test]
    fn a_trust_file_may_have_comments_and_names_the_line_that_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trust");
        let key = SignerKey::generate("a").unwrap().verifier_key();
        fs::write(&path, format!("# the log\n\n{key}\n")).unwrap();
        assert_eq!(VerifierKey::read_file(&path).unwrap(), vec![key.clone()]);
        fs::write(&path, format!("{key}\nnonsense\n")).unwrap();
        let error = VerifierKey::read_file(&path).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        fs::write(&path, "# nothing\n").unwrap();
        assert!(matches!(
            VerifierKey::read_file(&path).unwrap_err().kind,
            KeyFileErrorKind::Empty
        ));
    }
}
