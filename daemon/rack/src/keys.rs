//! What travels when a zone asks the keeper for data keys.
//!
//! Owns the messages and their bounds. Key texts are wiped when dropped, printed never. It neither
//! makes nor opens a key.

use std::fmt;

use cofferdam_hwprofile::ZoneName;
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::wire::{self, Object};
use crate::{WireError, WireErrorKind};

/// The most keys that are asked for at once.
pub const COUNT_LIMIT: u32 = 64;
/// The longest wrapped key, in bytes.
pub const WRAPPED_LIMIT_BYTES: usize = 256;
/// The longest message about keys, in bytes.
pub const MESSAGE_LIMIT_BYTES: usize = 64 * 1024;
/// The length of a key as text: 32 bytes in base64url with padding.
const TEXT_BYTES: usize = 44;

const NEW: &str = "request for new keys";
const NEW_ANSWER: &str = "answer with new keys";
const PAIR: &str = "answer's pair of keys";
const OPEN: &str = "request to open a key";
const OPEN_ANSWER: &str = "answer with an opened key";

/// A data key as text: 44 characters of base64url. Wiped when dropped; it has no copy and prints as
/// `redacted`.
pub struct KeyText(Zeroizing<String>);

/// A zone asks for new data keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNew {
    /// The zone that will be able to have them opened.
    pub owner: ZoneName,
    /// How many; 1 to [`COUNT_LIMIT`].
    pub count: u32,
}

/// A new data key, in the clear for who asked and wrapped for its owner.
#[derive(Debug)]
pub struct KeyPair {
    /// The key.
    pub key: KeyText,
    /// The same key, wrapped: a raw Fernet token.
    pub wrapped: Vec<u8>,
}

/// The keeper's answer to [`KeyNew`].
#[derive(Debug)]
pub struct KeyNewAnswer(pub Vec<KeyPair>);

/// A zone asks to have a wrapped key opened.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyOpen {
    /// The wrapped key: a raw Fernet token.
    pub wrapped: Vec<u8>,
}

/// The keeper's answer to [`KeyOpen`].
#[derive(Debug)]
pub struct KeyOpenAnswer(pub KeyText);

/// Wipes every text of a message that carried keys, once it was read or sent.
pub fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl KeyText {
    /// Takes a key's text over; `None` if it is not 44 characters of base64url.
    #[must_use]
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let body = text.strip_suffix('=')?;
        (text.len() == TEXT_BYTES && body.bytes().all(letter)).then_some(Self(text))
    }

    /// The key. Whoever asks must not let it be printed.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn read(object: &Object<'_>) -> Result<Self, WireError> {
        let text = object.text("key", TEXT_BYTES)?;
        let key = Self::new(Zeroizing::new(text.to_owned()));
        key.ok_or_else(|| object.error(WireErrorKind::Malformed("key", "a key of 44 characters")))
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(redacted)")
    }
}

impl KeyNew {
    /// The message.
    #[must_use]
    pub fn to_json(&self) -> Value {
        wire::message([
            ("owner", Value::from(self.owner.as_str())),
            ("count", Value::from(self.count)),
        ])
    }

    /// Reads the message.
    ///
    /// # Errors
    /// If it is of another version, not well formed, or asks for none or too many.
    pub fn from_json(value: &Value) -> Result<Self, WireError> {
        let object = Object::versioned(NEW, value, &["owner", "count"])?;
        let owner = object.parsed("owner", "the name of a zone")?;
        match object.small("count")? {
            0 => Err(object.error(WireErrorKind::Malformed("count", "at least one"))),
            count if count <= COUNT_LIMIT => Ok(Self { owner, count }),
            _ => {
                let limit = usize::try_from(COUNT_LIMIT).unwrap_or(usize::MAX);
                Err(object.error(WireErrorKind::Bound("count", limit)))
            }
        }
    }

    /// Reads the message from bytes, no more than [`MESSAGE_LIMIT_BYTES`].
    ///
    /// # Errors
    /// As [`KeyNew::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WireError> {
        Self::from_json(&wire::from_slice(NEW, bytes, MESSAGE_LIMIT_BYTES)?)
    }
}

impl KeyNewAnswer {
    /// The pairs, given away.
    #[must_use]
    pub fn into_pairs(self) -> Vec<KeyPair> {
        self.0
    }

    /// The message. It carries keys: [`wipe`] it once it was sent, or use
    /// [`KeyNewAnswer::to_bytes`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        let pairs = self.0.iter().map(|pair| {
            wire::object([
                ("key", Value::from(pair.key.reveal())),
                ("wrapped", wire::base64(&pair.wrapped)),
            ])
        });
        wire::message([("keys", pairs.collect())])
    }

    /// The message as bytes that are wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        to_bytes(self.to_json())
    }

    /// Reads the message. It carries keys: [`wipe`] it afterwards, or use
    /// [`KeyNewAnswer::from_slice`].
    ///
    /// # Errors
    /// If it is of another version, not well formed, or beyond its bounds.
    pub fn from_json(value: &Value) -> Result<Self, WireError> {
        let object = Object::versioned(NEW_ANSWER, value, &["keys"])?;
        let limit = usize::try_from(COUNT_LIMIT).unwrap_or(usize::MAX);
        let pairs = object.list("keys", limit)?.iter().map(|value| {
            let pair = Object::part(PAIR, value, &["key", "wrapped"])?;
            let key = KeyText::read(&pair)?;
            Ok(KeyPair {
                key,
                wrapped: pair.bytes("wrapped", WRAPPED_LIMIT_BYTES)?,
            })
        });
        pairs.collect::<Result<_, WireError>>().map(Self)
    }

    /// Reads the message from bytes, no more than [`MESSAGE_LIMIT_BYTES`]; what was parsed between
    /// is wiped.
    ///
    /// # Errors
    /// As [`KeyNewAnswer::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WireError> {
        let mut value = wire::from_slice(NEW_ANSWER, bytes, MESSAGE_LIMIT_BYTES)?;
        let read = Self::from_json(&value);
        wipe(&mut value);
        read
    }
}

impl KeyOpen {
    /// The message.
    #[must_use]
    pub fn to_json(&self) -> Value {
        wire::message([("wrapped", wire::base64(&self.wrapped))])
    }

    /// Reads the message.
    ///
    /// # Errors
    /// If it is of another version, not well formed, or beyond its bounds.
    pub fn from_json(value: &Value) -> Result<Self, WireError> {
        let object = Object::versioned(OPEN, value, &["wrapped"])?;
        Ok(Self {
            wrapped: object.bytes("wrapped", WRAPPED_LIMIT_BYTES)?,
        })
    }

    /// Reads the message from bytes, no more than [`MESSAGE_LIMIT_BYTES`].
    ///
    /// # Errors
    /// As [`KeyOpen::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WireError> {
        Self::from_json(&wire::from_slice(OPEN, bytes, MESSAGE_LIMIT_BYTES)?)
    }
}

impl fmt::Debug for KeyOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyOpen")
            .field("wrapped", &self.wrapped.len())
            .finish()
    }
}

impl KeyOpenAnswer {
    /// The key, given away.
    #[must_use]
    pub fn into_key(self) -> KeyText {
        self.0
    }

    /// The message. It carries a key: [`wipe`] it once it was sent, or use
    /// [`KeyOpenAnswer::to_bytes`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        wire::message([("key", Value::from(self.0.reveal()))])
    }

    /// The message as bytes that are wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        to_bytes(self.to_json())
    }

    /// Reads the message. It carries a key: [`wipe`] it afterwards, or use
    /// [`KeyOpenAnswer::from_slice`].
    ///
    /// # Errors
    /// If it is of another version, not well formed, or beyond its bounds.
    pub fn from_json(value: &Value) -> Result<Self, WireError> {
        let object = Object::versioned(OPEN_ANSWER, value, &["key"])?;
        KeyText::read(&object).map(Self)
    }

    /// Reads the message from bytes, no more than [`MESSAGE_LIMIT_BYTES`]; what was parsed between
    /// is wiped.
    ///
    /// # Errors
    /// As [`KeyOpenAnswer::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WireError> {
        let mut value = wire::from_slice(OPEN_ANSWER, bytes, MESSAGE_LIMIT_BYTES)?;
        let read = Self::from_json(&value);
        wipe(&mut value);
        read
    }
}

/// Writes a message into a buffer that never moves, so that no copy of a key is left behind, and
/// wipes the message.
fn to_bytes(mut value: Value) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MESSAGE_LIMIT_BYTES));
    serde_json::to_writer(&mut *bytes, &value).expect("a message has only texts as keys");
    wipe(&mut value);
    bytes
}

#[cfg(test)]
mod tests;
