//! Owns the one shape in which an operation of the store fails: a code, what was seen, the cause.
//!
//! It must never hold an object key, a secret or a byte of a body.

use std::error::Error;
use std::fmt;
use std::io;

use cofferdam_hwprofile::Refusal;

use crate::catalogue::Conflict;
use crate::code::{CODES, Code};

/// Why an operation did not happen.
#[derive(Debug)]
pub struct Fault {
    code: Code,
    seen: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault with what was seen, as a fragment: `"1,024 bytes announced, 1,000 came"`.
    #[must_use]
    pub fn new(code: Code, seen: impl Into<String>) -> Self {
        Self {
            code,
            seen: seen.into(),
            cause: None,
        }
    }

    /// The same with its cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// What was seen.
    #[must_use]
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// A fault of the disk while `doing`.
    #[must_use]
    pub fn disk(doing: &str, error: io::Error) -> Self {
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        );
        let code = if full {
            Code::DiskFull
        } else {
            Code::DiskFault
        };
        Self::new(code, format!("{doing}: {error}")).caused_by(error)
    }

    /// Somebody else's refusal under a code of ours; its own code stays in what was seen.
    #[must_use]
    pub fn refused(code: Code, refusal: &Refusal) -> Self {
        let mut seen = format!("{}: {}", refusal.code, refusal.consequence);
        for read in &refusal.read {
            seen.push_str("; ");
            seen.push_str(read);
        }
        Self::new(code, seen)
    }

    /// The fault as a refusal for a person.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let entry = CODES.iter().find(|entry| entry.code == self.code.as_str());
        let (title, mend) = entry.map_or(("", ""), |entry| (entry.title, entry.mend));
        Refusal::new(self.code.as_str(), title, mend).read(self.seen.as_str())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.seen)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Some(cause) => Some(cause.as_ref()),
            None => None,
        }
    }
}

impl From<Conflict> for Fault {
    fn from(conflict: Conflict) -> Self {
        let code = match conflict {
            Conflict::BucketAbsent => Code::BucketAbsent,
            Conflict::BucketExists => Code::BucketExists,
            Conflict::BucketNotEmpty => Code::BucketNotEmpty,
            Conflict::KeyExists => Code::KeyExists,
            Conflict::KeyAbsent => Code::KeyAbsent,
            Conflict::NotReplaceable => Code::NotReplaceable,
            Conflict::EtagDiffers => Code::EtagDiffers,
        };
        Self::new(code, conflict.to_string())
    }
}
