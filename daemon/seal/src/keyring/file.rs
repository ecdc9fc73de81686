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
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(directory: &Path, content: &[u8], mode: u32) -> PathBuf {
        let path = directory.join("ring");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn check(content: &[u8], mode: u32, code: &str) -> KeyringError {
        let directory = tempfile::tempdir().unwrap();
        let error = Keyring::read(&write(directory.path(), content, mode)).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        error
    }

    fn key_text() -> String {
        FernetKey::generate().unwrap().to_text().to_string()
    }

    #[test]
    fn a_created_ring_is_private_and_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fernet.key");
        let made = Keyring::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let content = fs::read_to_string(&path).unwrap();
        assert_eq!(content, format!("{}\n", *made.primary().to_text()));
        let read = Keyring::read(&path).unwrap();
        assert_eq!(*read.primary().to_text(), *made.primary().to_text());
    }

    #[test]
    fn a_ring_is_never_created_over_anything() {
        let directory = tempfile::tempdir().unwrap();
        let path = write(directory.path(), b"precious", 0o600);
        assert_eq!(Keyring::create(&path).unwrap_err().code(), "SE-115");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(directory.path().join("nowhere"), &link).unwrap();
        assert_eq!(Keyring::create(&link).unwrap_err().code(), "SE-115");
    }

    #[test]
    fn a_ring_in_a_directory_that_is_not_there_is_not_created() {
        let directory = tempfile::tempdir().unwrap();
        let error = Keyring::create(&directory.path().join("no/ring")).unwrap_err();
        assert_eq!(error.code(), "SE-110");
        assert!(error.to_string().contains("no/ring"));
    }

    #[test]
    fn every_bit_of_group_or_others_refuses_the_ring() {
        let content = format!("{}\n", key_text());
        for mode in [
            0o640, 0o604, 0o644, 0o660, 0o602, 0o620, 0o610, 0o601, 0o444,
        ] {
            let error = check(content.as_bytes(), mode, "SE-111");
            assert!(
                error.to_string().contains(&format!("{mode:04o}")),
                "{error}"
            );
        }
        let directory = tempfile::tempdir().unwrap();
        for mode in [0o600, 0o400] {
            let path = write(directory.path(), content.as_bytes(), mode);
            assert!(Keyring::read(&path).is_ok());
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_credential_may_show_an_access_list_but_never_be_open_to_all() {
        let directory = tempfile::tempdir().unwrap();
        let content = format!("{}\n", key_text());
        let path = write(directory.path(), content.as_bytes(), 0o440);
        let metadata = fs::metadata(&path).unwrap();
        let by_root = (metadata.uid(), metadata.gid()) == (0, 0);
        assert_eq!(Keyring::read_credential(&path).is_ok(), by_root);
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        assert_eq!(
            Keyring::read_credential(&path).unwrap_err().code(),
            "SE-111"
        );
        fs::set_permissions(&path, Permissions::from_mode(0o460)).unwrap();
        assert_eq!(
            Keyring::read_credential(&path).unwrap_err().code(),
            "SE-111"
        );
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(Keyring::read_credential(&path).is_ok());
    }

    #[test]
    fn an_empty_ring_is_refused() {
        for content in ["", "\n", " \n\r\n\t\n"] {
            check(content.as_bytes(), 0o600, "SE-113");
        }
    }

    #[test]
    fn a_damaged_line_is_named_by_number_and_not_repeated() {
        let [a, b] = [key_text(), key_text()];
        let spoiled = b.replacen(|c: char| c.is_ascii_alphanumeric(), "!", 1);
        for (content, line) in [
            (format!("{a}\n\n{spoiled}\n"), 3),
            (format!("{a}\n{}\n", &b[..43]), 2),
            (format!("# retired\n{a}\n"), 1),
            (format!("{a}{b}\n"), 1),
        ] {
            let error = check(content.as_bytes(), 0o600, "SE-114");
            assert!(
                error.to_string().contains(&format!("line {line} ")),
                "{error}"
            );
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(&a[8..20]) && !shown.contains(&b[8..20]));
        }
        let mut binary = format!("{a}\n").into_bytes();
        binary.extend([0xff, 0xfe, b'\n']);
        let error = check(&binary, 0o600, "SE-114");
        assert!(error.to_string().contains("line 2 "), "{error}");
    }

    #[test]
    fn line_ends_and_blank_lines_do_not_matter_but_order_does() {
        let [a, b] = [key_text(), key_text()];
        for content in [format!("{a}\n{b}"), format!("\r\n {a} \r\n\r\n{b}\r\n")] {
            let ring = Keyring::from_text(&content).unwrap();
            assert_eq!(ring.count(), 2);
            assert_eq!(*ring.primary().to_text(), a);
        }
    }

    #[test]
    fn a_ring_beyond_its_limits_is_refused() {
        let line = format!("{}\n", key_text());
        assert_eq!(
            Keyring::from_text(&line.repeat(KEY_LIMIT)).unwrap().count(),
            KEY_LIMIT
        );
        check(line.repeat(KEY_LIMIT + 1).as_bytes(), 0o600, "SE-117");
        check("\n".repeat(FILE_LIMIT + 1).as_bytes(), 0o600, "SE-117");
        check("\n".repeat(FILE_LIMIT).as_bytes(), 0o600, "SE-113");
        let many = (0..=KEY_LIMIT)
            .map(|_| FernetKey::generate().unwrap())
            .collect();
        assert_eq!(Keyring::from_keys(many).unwrap_err().code(), "SE-117");
        assert_eq!(Keyring::from_keys(Vec::new()).unwrap_err().code(), "SE-113");
    }

    #[test]
    fn a_key_in_place_of_a_path_is_refused_and_not_repeated() {
        let [a, b] = [key_text(), key_text()];
        for given in [
            a.clone(),
            a.trim_end_matches('=').replace('/', "_"),
            format!("{a}\n"),
            format!("{a},{b}"),
            format!("'{a}'"),
        ] {
            for error in [
                Keyring::read(Path::new(&given)).unwrap_err(),
                Keyring::read_credential(Path::new(&given)).unwrap_err(),
                Keyring::create(Path::new(&given)).unwrap_err(),
            ] {
                assert_eq!(error.code(), "SE-112");
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains(&a[4..12]) && !shown.contains(&b[4..12]));
            }
        }
    }

    #[test]
    fn a_long_path_is_not_taken_for_a_key() {
        let path = format!("/{}/{}", "a".repeat(20), "b".repeat(21));
        assert_eq!(path.len(), 43);
        assert_eq!(
            Keyring::read(Path::new(&path)).unwrap_err().code(),
            "SE-110"
        );
    }

    #[test]
    fn what_is_not_a_regular_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(
            Keyring::read(directory.path()).unwrap_err().code(),
            "SE-116"
        );
        assert_eq!(
            Keyring::read(Path::new("/dev/null")).unwrap_err().code(),
            "SE-116"
        );
        let absent = directory.path().join("absent");
        assert_eq!(Keyring::read(&absent).unwrap_err().code(), "SE-110");
    }
}
