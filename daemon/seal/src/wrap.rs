//! The wrapped data key: a data key as text, in one raw token under a zone key.
//!
//! Owns the shape that travels in headers and between zones. Must never be opened where it was only
//! meant to be carried: only a [`Keyring`] opens it.

use std::fmt;

use zeroize::Zeroizing;

use crate::FernetKey;
use crate::codes::{Code, coded};
use crate::engine::seal::{self, SealingKey};
use crate::engine::{VERSION, is_token_len, token_len};
use crate::key::KeyError;
use crate::keyring::Keyring;
use crate::random::{self, RandomError};

/// A data key that only the ring of its zone opens. Safe to store and to send.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey(Box<[u8]>);

impl WrappedKey {
    /// The most bytes a wrapped key may have.
    pub const LIMIT: usize = 256;

    /// Wraps `key` under the zone key `under`. The result has 105 bytes.
    ///
    /// # Errors
    /// [`RandomError`] when the kernel gives no randomness.
    pub fn seal(under: &FernetKey, key: &FernetKey, now: u64) -> Result<Self, RandomError> {
        let iv = random::block()?;
        let text = key.to_text();
        let mut token = Vec::with_capacity(token_len(text.len()));
        seal::token(
            &SealingKey::of(under),
            &iv,
            now,
            text.as_bytes(),
            &mut token,
        );
        Ok(Self(token.into_boxed_slice()))
    }

    /// Unwraps the data key with whichever key of the ring wrapped it.
    ///
    /// # Errors
    /// [`WrapError::Refused`] if none did, [`WrapError::NotAKey`] if what it wraps is not a key.
    pub fn open(&self, ring: &Keyring) -> Result<FernetKey, WrapError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(self.0.len()));
        ring.open_raw(&self.0, &mut plain)
            .map_err(|_refused| WrapError::Refused)?;
        let text = std::str::from_utf8(&plain)
            .map_err(|_not_text| WrapError::NotAKey(KeyError::Alphabet))?;
        FernetKey::from_text(text).map_err(WrapError::NotAKey)
    }

    /// Wraps the same data key under the ring's primary key, keeping its time: rotation.
    ///
    /// # Errors
    /// As [`WrappedKey::open`], and [`WrapError::Random`].
    pub fn rewrap(&self, ring: &Keyring) -> Result<Self, WrapError> {
        let key = self.open(ring)?;
        Self::seal(ring.primary(), &key, self.created()).map_err(WrapError::Random)
    }

    /// Whether the ring's primary key wrapped it, so that rotation has nothing to do.
    #[must_use]
    pub fn is_under_primary(&self, ring: &Keyring) -> bool {
        ring.primary_opens(&self.0)
    }

    /// When the key was wrapped, in Unix seconds, as the bytes say. Authentic once opened.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.0
            .split_first()
            .and_then(|(_version, rest)| rest.first_chunk())
            .map_or(0, |time| u64::from_be_bytes(*time))
    }

    /// The raw token.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes bytes that have the shape of a wrapped key. Nothing is verified before it is opened.
    ///
    /// # Errors
    /// [`WrapError::Shape`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WrapError> {
        let shaped = bytes.len() <= Self::LIMIT
            && is_token_len(bytes.len())
            && bytes.first() == Some(&VERSION);
        if shaped {
            Ok(Self(bytes.into()))
        } else {
            Err(WrapError::Shape { found: bytes.len() })
        }
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({} bytes)", self.0.len())
    }
}

/// Why a wrapped key was not taken, or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// Not a raw Fernet token of at most [`WrappedKey::LIMIT`] bytes.
    #[error("read a wrapped data key: {found} bytes are not a raw token of 73 to 256 bytes")]
    Shape {
        /// How many bytes there were.
        found: usize,
    },
    /// No key of the ring opens it.
    #[error("unwrap a data key: no key of the ring opens it")]
    Refused,
    /// It opens, but what it wraps is not the text of a key.
    #[error("unwrap a data key: what was wrapped is not a key")]
    NotAKey(#[source] KeyError),
    /// It could not be wrapped again.
    #[error("wrap a data key again")]
    Random(#[source] RandomError),
}

impl WrapError {
    pub(crate) fn reason(self) -> Code {
        match self {
            Self::Shape { .. } => Code::WrapShape,
            Self::Refused => Code::WrapRefused,
            Self::NotAKey(error) => error.reason(),
            Self::Random(error) => error.reason(),
        }
    }
}

coded!(WrapError);

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(keys: &[&FernetKey]) -> Keyring {
        Keyring::from_keys(keys.iter().map(|key| key.duplicate()).collect()).unwrap()
    }

    #[test]
    fn a_wrapped_key_opens_with_any_key_of_the_ring_and_no_other() {
        let [old, new, data_key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&old, &data_key, 1_700_000_000).unwrap();
        assert_eq!(wrapped.as_bytes().len(), 105);
        assert_eq!(wrapped.created(), 1_700_000_000);
        assert_eq!(
            wrapped.open(&ring(&[&new, &old])).unwrap().bytes(),
            data_key.bytes()
        );
        assert_eq!(
            wrapped.open(&ring(&[&new])).unwrap_err(),
            WrapError::Refused
        );
        let back = WrappedKey::from_bytes(wrapped.as_bytes()).unwrap();
        assert_eq!(back, wrapped);
    }

    #[test]
    fn rewrapping_moves_the_key_to_the_primary_and_keeps_its_time() {
        let [old, new, data_key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&old, &data_key, 77).unwrap();
        let again = wrapped.rewrap(&ring(&[&new, &old])).unwrap();
        assert_eq!(again.created(), 77);
        assert_eq!(
            again.open(&ring(&[&new])).unwrap().bytes(),
            data_key.bytes()
        );
        assert_eq!(again.open(&ring(&[&old])).unwrap_err(), WrapError::Refused);
        assert_eq!(
            wrapped.rewrap(&ring(&[&new])).unwrap_err(),
            WrapError::Refused
        );
    }

    #[test]
    fn a_wrapped_key_with_one_bit_changed_is_refused() {
        let [zone, data_key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&zone, &data_key, 1).unwrap();
        let ring = ring(&[&zone]);
        for position in 0..wrapped.as_bytes().len() {
            let mut bytes = wrapped.as_bytes().to_vec();
            bytes[position] ^= 0x10;
            match WrappedKey::from_bytes(&bytes) {
                Ok(altered) => assert_eq!(altered.open(&ring).unwrap_err(), WrapError::Refused),
                Err(error) => assert_eq!((position, error.code()), (0, "SE-210")),
            }
        }
    }

    #[test]
    fn bytes_of_another_shape_are_not_a_wrapped_key() {
        for length in [0, 57, 72, 74, 104, 106, 265, 1000] {
            let error = WrappedKey::from_bytes(&vec![0x80; length]).unwrap_err();
            assert_eq!(error, WrapError::Shape { found: length });
        }
        assert!(WrappedKey::from_bytes(&[0x80; 249]).is_ok());
    }

    #[test]
    fn a_token_that_wraps_something_else_gives_no_key() {
        let zone = FernetKey::generate().unwrap();
        for (content, code) in [(&b"short"[..], "SE-101"), (&[0xff; 44], "SE-102")] {
            let mut token = Vec::new();
            seal::token(&SealingKey::of(&zone), &[0; 16], 1, content, &mut token);
            let wrapped = WrappedKey::from_bytes(&token).unwrap();
            assert_eq!(wrapped.open(&ring(&[&zone])).unwrap_err().code(), code);
        }
    }
}
