//! Reading and writing the JSON that travels between a node and the keeper: versioned, closed,
//! bounded.
//!
//! Owns the error and the reader. It must never quote a value in an error: a message may carry
//! keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cofferdam_hwprofile::Refusal;
use serde_json::{Map, Value};

use crate::{Code, Epoch};

/// The only version there is.
const VERSION: u64 = 1;

/// Why a message is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the {message}: {kind}")]
pub struct WireError {
    message: &'static str,
    kind: WireErrorKind,
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireErrorKind {
    /// It is not JSON, or not an object.
    #[error("expected a JSON object")]
    NotObject,
    /// It is of another version.
    #[error("expected version 1")]
    Version,
    /// A part is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// There is a part that the version does not have.
    #[error("there is a part that version 1 does not have")]
    Unknown,
    /// A part is not what it must be.
    #[error("{0} is not {1}")]
    Malformed(&'static str, &'static str),
    /// A part is larger than it may be.
    #[error("{0} is beyond its bound of {1}")]
    Bound(&'static str, usize),
}

impl WireError {
    pub(crate) const fn new(message: &'static str, kind: WireErrorKind) -> Self {
        Self { message, kind }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &WireErrorKind {
        &self.kind
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self.kind {
            WireErrorKind::Version => Code::WireVersion,
            WireErrorKind::Bound(..) => Code::WireBound,
            WireErrorKind::NotObject
            | WireErrorKind::Missing(_)
            | WireErrorKind::Unknown
            | WireErrorKind::Malformed(..) => Code::WireMalformed,
        }
    }

    /// What an operator reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let entry = self.code().entry();
        Refusal::new(entry.code, "the message is not used", entry.mend).read(self.to_string())
    }
}

/// An object of a message whose keys are known.
#[derive(Debug)]
pub(crate) struct Object<'v> {
    message: &'static str,
    map: &'v Map<String, Value>,
}

impl<'v> Object<'v> {
    /// Opens a message: an object of version 1 with these keys and no others.
    pub(crate) fn versioned(
        message: &'static str,
        value: &'v Value,
        keys: &[&str],
    ) -> Result<Self, WireError> {
        let map = value
            .as_object()
            .ok_or(WireError::new(message, WireErrorKind::NotObject))?;
        // Before anything else: another version may have other keys.
        match map.get("version") {
            None => return Err(WireError::new(message, WireErrorKind::Missing("version"))),
            Some(version) if version.as_u64() == Some(VERSION) => {}
            Some(_) => return Err(WireError::new(message, WireErrorKind::Version)),
        }
        Self { message, map }.closed(&[keys, &["version"]].concat())
    }

    /// Opens a part of a message: an object with these keys and no others.
    pub(crate) fn part(
        message: &'static str,
        value: &'v Value,
        keys: &[&str],
    ) -> Result<Self, WireError> {
        let map = value
            .as_object()
            .ok_or(WireError::new(message, WireErrorKind::NotObject))?;
        Self { message, map }.closed(keys)
    }

    fn closed(self, keys: &[&str]) -> Result<Self, WireError> {
        if self.map.keys().all(|key| keys.contains(&key.as_str())) {
            Ok(self)
        } else {
            Err(self.error(WireErrorKind::Unknown))
        }
    }

    /// An error of this message.
    pub(crate) const fn error(&self, kind: WireErrorKind) -> WireError {
        WireError::new(self.message, kind)
    }

    /// A part that must be there.
    pub(crate) fn value(&self, key: &'static str) -> Result<&'v Value, WireError> {
        self.map
            .get(key)
            .ok_or_else(|| self.error(WireErrorKind::Missing(key)))
    }

    /// A part that must be there and may be null.
    pub(crate) fn nullable(&self, key: &'static str) -> Result<Option<&'v Value>, WireError> {
        self.value(key)
            .map(|value| (!value.is_null()).then_some(value))
    }

    /// A text within a bound of bytes.
    pub(crate) fn text(&self, key: &'static str, limit: usize) -> Result<&'v str, WireError> {
        let text = self.value(key)?.as_str();
        let text = text.ok_or_else(|| self.error(WireErrorKind::Malformed(key, "a text")))?;
        if text.len() > limit {
            return Err(self.error(WireErrorKind::Bound(key, limit)));
        }
        Ok(text)
    }

    /// A text that parses.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &self,
        key: &'static str,
        what: &'static str,
    ) -> Result<T, WireError> {
        let text = self.text(key, 2048)?;
        text.parse()
            .ok()
            .ok_or_else(|| self.error(WireErrorKind::Malformed(key, what)))
    }

    /// A whole number.
    pub(crate) fn number(&self, key: &'static str) -> Result<u64, WireError> {
        let number = self.value(key)?.as_u64();
        number.ok_or_else(|| self.error(WireErrorKind::Malformed(key, "a whole number")))
    }

    /// A whole number of 32 bits.
    pub(crate) fn small(&self, key: &'static str) -> Result<u32, WireError> {
        let number = u32::try_from(self.number(key)?).ok();
        number.ok_or_else(|| self.error(WireErrorKind::Malformed(key, "a number below 2^32")))
    }

    /// An epoch.
    pub(crate) fn epoch(&self, key: &'static str) -> Result<Epoch, WireError> {
        let epoch = Epoch::new(self.number(key)?);
        epoch.ok_or_else(|| self.error(WireErrorKind::Malformed(key, "an epoch from 1")))
    }

    /// A list within a bound.
    pub(crate) fn list(
        &self,
        key: &'static str,
        limit: usize,
    ) -> Result<&'v Vec<Value>, WireError> {
        let list = self.value(key)?.as_array();
        let list = list.ok_or_else(|| self.error(WireErrorKind::Malformed(key, "a list")))?;
        if list.len() > limit {
            return Err(self.error(WireErrorKind::Bound(key, limit)));
        }
        Ok(list)
    }

    /// Bytes in base64, not empty, within a bound.
    pub(crate) fn bytes(&self, key: &'static str, limit: usize) -> Result<Vec<u8>, WireError> {
        self.decode(key, self.value(key)?, limit)
    }

    /// A list of such bytes.
    pub(crate) fn byte_lists(
        &self,
        key: &'static str,
        count: usize,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, WireError> {
        self.list(key, count)?
            .iter()
            .map(|value| self.decode(key, value, limit))
            .collect()
    }

    fn decode(&self, key: &'static str, value: &Value, limit: usize) -> Result<Vec<u8>, WireError> {
        let wrong = || self.error(WireErrorKind::Malformed(key, "base64 with its padding"));
        let text = value.as_str().ok_or_else(wrong)?;
        if text.len() > limit.saturating_mul(2) {
            return Err(self.error(WireErrorKind::Bound(key, limit)));
        }
        let bytes = STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(wrong)?;
        if bytes.len() > limit {
            return Err(self.error(WireErrorKind::Bound(key, limit)));
        }
        Ok(bytes)
    }
}

/// Reads JSON from bytes that are no longer than `limit`.
pub(crate) fn from_slice(
    message: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<Value, WireError> {
    if bytes.len() > limit {
        return Err(WireError::new(
            message,
            WireErrorKind::Bound("the whole", limit),
        ));
    }
    serde_json::from_slice(bytes)
        .ok()
        .ok_or(WireError::new(message, WireErrorKind::NotObject))
}

/// A versioned message of these parts.
pub(crate) fn message(parts: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let version = ("version", Value::from(VERSION));
    object(std::iter::once(version).chain(parts))
}

/// An object of these parts.
pub(crate) fn object(parts: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(
        parts
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

/// Bytes in base64.
pub(crate) fn base64(bytes: &[u8]) -> Value {
    Value::from(STANDARD.encode(bytes))
}

/// A list of bytes in base64.
pub(crate) fn base64_list(items: &[Vec<u8>]) -> Value {
    items.iter().map(|item| base64(item)).collect()
}
