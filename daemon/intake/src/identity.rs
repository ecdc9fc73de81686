//! The name by which a repeated record is known again without reading it: a keyed digest of what the sender calls unique. The key is
//! the node's own, so that the name tells nothing to who only has the disk's other parts.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_spool::Tag;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::record::Origin;

/// The longest idempotency key.
pub const KEY_CHARS_MAX: usize = 255;
/// The length of the naming key.
const NAMING_KEY_BYTES: usize = 32;

/// Names records.
pub struct Namer {
    key: hmac::Key,
}

impl std::fmt::Debug for Namer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Namer(redacted)")
    }
}

/// Why records cannot be named.
#[derive(Debug, thiserror::Error)]
#[error("failed to use the naming key {}: {what}", .path.display())]
pub struct NamerError {
    /// The key file.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
}

impl NamerError {
    /// What a person reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            "IN-003",
            "repeated records could not be told from new ones, so intake does not start",
            "restore the file with mode 0600; with a new key, repeats of older records are stored again",
        )
        .read(format!("{}: {}", self.path.display(), self.what))
    }
}

impl Namer {
    /// Reads the naming key at `path`, or makes it there, once.
    ///
    /// # Errors
    /// The file is readable by others, too short, or cannot be made.
    pub fn open(path: &Path) -> Result<Self, NamerError> {
        let failed = |what: String| NamerError {
            path: path.to_owned(),
            what,
        };
        let mut secret = Zeroizing::new([0_u8; NAMING_KEY_BYTES]);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
        {
            Ok(mut file) => {
                SystemRandom::new()
                    .fill(secret.as_mut())
                    .map_err(|_unspecified| failed("the system gave no randomness".to_owned()))?;
                file.write_all(secret.as_ref())
                    .and_then(|()| file.sync_all())
                    .map_err(|error| failed(error.to_string()))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut file = File::open(path).map_err(|error| failed(error.to_string()))?;
                let found = file.metadata().map_err(|error| failed(error.to_string()))?;
                if found.mode() & 0o077 != 0 {
                    let mode = found.mode() & 0o7777;
                    return Err(failed(format!("mode {mode:04o} lets others read it")));
                }
                file.read_exact(secret.as_mut())
                    .map_err(|error| failed(error.to_string()))?;
            }
            Err(error) => return Err(failed(error.to_string())),
        }
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()),
        })
    }

    /// The name of the record at `index` of a request with an idempotency key.
    #[must_use]
    pub fn by_key(&self, lane: &str, peer: &str, key: &str, index: usize) -> Tag {
        self.name(&["key", lane, peer, key, &index.to_string()])
    }

    /// The name of a `CloudEvent`.
    #[must_use]
    pub fn by_origin(&self, lane: &str, peer: &str, origin: &Origin) -> Tag {
        self.name(&["event", lane, peer, &origin.source, &origin.id])
    }

    /// Each part is preceded by its length, so that no two lists of parts are the same bytes.
    fn name(&self, parts: &[&str]) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            context.update(&length.to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut tag = Tag::default();
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

/// Whether a text may be an idempotency key.
#[must_use]
pub fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= KEY_CHARS_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn names_outlive_a_restart_and_differ_by_every_part() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("naming.key");
        let first = Namer::open(&path).expect("made");
        let again = Namer::open(&path).expect("read");
        let name = first.by_key("events", "app", "k", 0);
        assert_eq!(name, again.by_key("events", "app", "k", 0));
        for other in [
            first.by_key("events", "app", "k", 1),
            first.by_key("events", "app", "l", 0),
            first.by_key("events", "bpp", "k", 0),
            first.by_key("climate", "app", "k", 0),
            first.by_key("eventsa", "pp", "k", 0),
        ] {
            assert_ne!(name, other);
        }
    }

    #[test]
    fn a_naming_key_that_others_may_read_or_that_is_short_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("naming.key");
        Namer::open(&path).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(
            Namer::open(&path)
                .expect_err("refused")
                .to_string()
                .contains("0644")
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        std::fs::write(&path, b"short").expect("written");
        assert!(Namer::open(&path).is_err());
    }

    #[test]
    fn keys_are_visible_ascii_and_bounded() {
        assert!(is_key("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        for text in ["", "a b", "é", &"k".repeat(256)] {
            assert!(!is_key(text));
        }
    }
}
