//! Owns the grants: which access key was given to which zone, read from one TOML file.
//!
//! A grant never widens a certificate: it must name the zone of the session it is used on. Secrets
//! stay in this type; they are never shown, logged or written.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cofferdam_rack::ZoneName;
use s3s::auth::SecretKey;
use serde::Deserialize;

use crate::code::Code;

/// The largest grants file that is read.
const FILE_LIMIT_BYTES: u64 = 1 << 20;

/// One access key's grant.
pub struct Grant {
    secret: SecretKey,
    zone: ZoneName,
    why: String,
}

impl Grant {
    /// The secret, for verifying a signature.
    #[must_use]
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// The zone it was given to.
    #[must_use]
    pub fn zone(&self) -> &ZoneName {
        &self.zone
    }

    /// Why it was given.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("zone", &self.zone)
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

/// All grants of a store, by access key.
#[derive(Debug, Default)]
pub struct Grants(BTreeMap<String, Grant>);

/// Why a grants file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct GrantsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: GrantsErrorKind,
}

/// What is wrong with a grants file.
#[derive(Debug, thiserror::Error)]
pub enum GrantsErrorKind {
    /// It cannot be read.
    #[error("read the grants file: {0}")]
    Unreadable(io::Error),
    /// It is not a regular file, or larger than a grants file can be.
    #[error("not a regular file of at most {FILE_LIMIT_BYTES} bytes")]
    NotAFile,
    /// Its group or everybody may read it.
    #[error("mode {0:04o} lets others in, 0600 is needed")]
    Exposed(u32),
    /// It breaks its schema.
    #[error("line {line}: {what}")]
    Malformed {
        /// One-based.
        line: usize,
        /// What was seen; never a value of the file.
        what: String,
    },
}

impl GrantsError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.kind {
            GrantsErrorKind::Unreadable(_) | GrantsErrorKind::NotAFile => Code::GrantsUnreadable,
            GrantsErrorKind::Exposed(_) => Code::GrantsExposed,
            GrantsErrorKind::Malformed { .. } => Code::GrantsMalformed,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileToml {
    #[serde(default)]
    grant: BTreeMap<toml::Spanned<String>, toml::Spanned<GrantToml>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantToml {
    secret: SecretKey,
    zone: String,
    why: String,
}

impl Grants {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`GrantsError`] when the file cannot be read, is open to others, or breaks its schema.
    pub fn read(path: &Path) -> Result<Self, GrantsError> {
        let fail = |kind| GrantsError {
            path: path.to_owned(),
            kind,
        };
        let unreadable = |error| fail(GrantsErrorKind::Unreadable(error));
        let facts = fs::metadata(path).map_err(unreadable)?;
        if !facts.is_file() || facts.size() > FILE_LIMIT_BYTES {
            return Err(fail(GrantsErrorKind::NotAFile));
        }
        let mode = facts.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(fail(GrantsErrorKind::Exposed(mode)));
        }
        let text = zeroize::Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
        Self::parse(&text).map_err(fail)
    }

    /// Reads the text of a grants file.
    ///
    /// # Errors
    /// The fault, with its line.
    pub fn parse(text: &str) -> Result<Self, GrantsErrorKind> {
        let malformed = |offset: usize, what: &str| GrantsErrorKind::Malformed {
            line: line_of(text, offset),
            what: what.to_owned(),
        };
        let file: FileToml = toml::from_str(text).map_err(|error| {
            malformed(
                error.span().map_or(0, |span| span.start),
                first_line(error.message()),
            )
        })?;
        let mut grants = BTreeMap::new();
        for (access_key, grant) in file.grant {
            let at = access_key.span().start;
            let access_key = access_key.into_inner();
            if !usable_access_key(&access_key) {
                return Err(malformed(
                    at,
                    "an access key is 3 to 128 of A-Z, a-z, 0-9, - and _",
                ));
            }
            let grant = grant.into_inner();
            if grant.secret.expose().len() < SECRET_MIN_BYTES {
                return Err(malformed(at, "the secret is shorter than 16 characters"));
            }
            let zone = grant
                .zone
                .parse()
                .map_err(|_not_a_zone| malformed(at, "the zone is not a zone name"))?;
            grants.insert(
                access_key,
                Grant {
                    secret: grant.secret,
                    zone,
                    why: grant.why,
                },
            );
        }
        Ok(Self(grants))
    }

    /// The grant of an access key.
    #[must_use]
    pub fn find(&self, access_key: &str) -> Option<&Grant> {
        self.0.get(access_key)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Shorter secrets can be searched.
const SECRET_MIN_BYTES: usize = 16;

fn usable_access_key(text: &str) -> bool {
    (3..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        .saturating_add(1)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const GOOD: &str =
        "[grant.app-key]\nsecret = \"0123456789abcdef\"\nzone = \"app\"\nwhy = \"lab\"\n";

    #[test]
    fn a_good_file_grants_and_never_shows_its_secret() {
        let grants = Grants::parse(GOOD).unwrap();
        let grant = grants.find("app-key").unwrap();
        assert_eq!(grant.zone().to_string(), "app");
        assert_eq!(grant.why(), "lab");
        assert_eq!(grant.secret().expose(), "0123456789abcdef");
        assert!(!format!("{grants:?}").contains("0123456789abcdef"));
        assert!(grants.find("other").is_none());
        assert!(Grants::parse("").unwrap().is_empty());
    }

    #[test]
    fn each_fault_is_named_with_its_line_and_without_the_secret() {
        let cases = [
            (GOOD.replace("why =", "because ="), 1, "because"),
            (
                GOOD.replace("zone = \"app\"", "zone = \"App\""),
                1,
                "zone name",
            ),
            (
                GOOD.replace("0123456789abcdef", "short"),
                1,
                "shorter than 16",
            ),
            (GOOD.replace("app-key", "\"a key\""), 1, "an access key is"),
            (
                GOOD.replace("secret = \"0123456789abcdef\"", "secret = 5"),
                2,
                "string",
            ),
            (format!("{GOOD}nonsense"), 5, ""),
        ];
        for (text, least_line, word) in cases {
            let error = Grants::parse(&text).unwrap_err();
            let GrantsErrorKind::Malformed { line, what } = &error else {
                panic!("{error}")
            };
            assert!(
                *line >= least_line && what.contains(word),
                "{error} for {text}"
            );
            assert!(!error.to_string().contains("0123456789abcdef"), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("grants.toml");
        let absent = Grants::read(&path).unwrap_err();
        assert_eq!(absent.code(), Code::GrantsUnreadable);
        fs::write(&path, GOOD).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Grants::read(&path).unwrap_err();
            assert_eq!(error.code(), Code::GrantsExposed);
            assert!(
                error.to_string().contains(&format!("{mode:04o}")),
                "{error}"
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Grants::read(&path).unwrap().len(), 1);
        assert_eq!(
            Grants::read(home.path()).unwrap_err().code(),
            Code::GrantsUnreadable
        );
    }
}
