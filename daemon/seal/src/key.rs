//! The Fernet key: 32 secret bytes that never show themselves.
//!
//! Owns the bytes and their text form. Must never be cloned by accident, printed, or compared.

use std::fmt;

use ring::hkdf;
use zeroize::Zeroizing;

use crate::alphabet::{self, KeyTextFault};
use crate::codes::{Code, coded};
use crate::random::{self, RandomError};

/// What separates the name of a key from every other use of it.
const FINGERPRINT_LABEL: &[u8] = b"cofferdam/v1 key-fingerprint\0";

/// One Fernet key: 16 bytes that sign and 16 that encrypt. Wiped when dropped.
pub struct FernetKey(Box<Zeroizing<[u8; 32]>>);

impl FernetKey {
    /// A fresh key from the kernel's randomness.
    ///
    /// # Errors
    /// [`RandomError`] when the kernel gives none.
    pub fn generate() -> Result<Self, RandomError> {
        let mut key = Self::blank();
        random::fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// Reads the 44-character text form, in either base64 alphabet; white space around it is
    /// ignored. Takes the same time for every text of that length.
    ///
    /// # Errors
    /// [`KeyError`], which never repeats any of the text.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let mut key = Self::blank();
        alphabet::decode_key(text.trim_ascii(), &mut key.0).map_err(|fault| match fault {
            KeyTextFault::Length(found) => KeyError::Length { found },
            KeyTextFault::Alphabet => KeyError::Alphabet,
        })?;
        Ok(key)
    }

    /// The 44-character text form, as Python's `Fernet.generate_key` writes it.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        alphabet::encode_key(self.bytes())
    }

    /// A second copy, made on purpose: there is no `Clone`.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let mut key = Self::blank();
        key.0.copy_from_slice(self.bytes());
        key
    }

    /// A name for the key that tells nothing of it: what people compare.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "HKDF gives eight bytes")]
    pub fn fingerprint(&self) -> Fingerprint {
        struct Wanted;
        impl hkdf::KeyType for Wanted {
            fn len(&self) -> usize {
                8
            }
        }
        let mut fingerprint = [0; 8];
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, self.bytes())
            .expand(&[FINGERPRINT_LABEL], Wanted)
            .and_then(|output| output.fill(&mut fingerprint))
            .expect("eight bytes are below the limit of HKDF and are what was asked for");
        Fingerprint(fingerprint)
    }

    /// All 32 bytes, for deriving keys from.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The half that signs.
    pub(crate) fn signing(&self) -> &[u8; 16] {
        self.0.first_chunk().expect("32 bytes begin with 16")
    }

    /// The half that encrypts.
    pub(crate) fn encryption(&self) -> &[u8; 16] {
        self.0.last_chunk().expect("32 bytes end with 16")
    }

    /// The bytes live on the heap from the start, so that moving the key leaves no copy behind.
    fn blank() -> Self {
        Self(Box::new(Zeroizing::new([0; 32])))
    }
}

/// Eight bytes that name a key: `HKDF-Expand-SHA-256(key, "cofferdam/v1 key-fingerprint\0", 8)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 8]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FernetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FernetKey(redacted)")
    }
}

/// A text that is not a Fernet key. Never repeats any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 44 characters.
    #[error("read a key: expected 44 characters of base64, found {found}")]
    Length {
        /// How many bytes there were.
        found: usize,
    },
    /// A character that base64 does not have, or no padding at the end.
    #[error("read a key: a character is not base64, or the closing '=' is missing")]
    Alphabet,
}

impl KeyError {
    pub(crate) fn reason(self) -> Code {
        match self {
            Self::Length { .. } => Code::KeyLength,
            Self::Alphabet => Code::KeyAlphabet,
        }
    }
}

coded!(KeyError);

#[cfg(test)]
#[expect(clippy::string_slice, reason = "key texts are ASCII")]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_survives_its_text_form() {
        let key = FernetKey::generate().unwrap();
        let text = key.to_text();
        assert_eq!(text.len(), 44);
        assert_eq!(FernetKey::from_text(&text).unwrap().bytes(), key.bytes());
        assert_eq!(key.duplicate().bytes(), key.bytes());
        assert_ne!(FernetKey::generate().unwrap().bytes(), key.bytes());
    }

    #[test]
    fn white_space_around_a_key_is_ignored_and_within_it_refused() {
        let text = FernetKey::generate().unwrap().to_text();
        assert!(FernetKey::from_text(&format!(" {}\r\n", *text)).is_ok());
        let (a, b) = text.split_at(20);
        assert_eq!(
            FernetKey::from_text(&format!("{a}\n{b}")).unwrap_err(),
            KeyError::Length { found: 45 }
        );
    }

    #[test]
    fn a_key_without_padding_is_refused() {
        let text = FernetKey::generate().unwrap().to_text();
        let bare = text.trim_end_matches('=');
        assert_eq!(
            FernetKey::from_text(bare).unwrap_err(),
            KeyError::Length { found: 43 }
        );
        assert_eq!(
            FernetKey::from_text("").unwrap_err(),
            KeyError::Length { found: 0 }
        );
        assert_eq!(
            FernetKey::from_text(&format!("{bare}A")).unwrap_err(),
            KeyError::Alphabet
        );
    }

    #[test]
    fn a_fingerprint_names_one_key_and_is_the_one_of_the_manual() {
        let text = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
        let key = FernetKey::from_text(text).unwrap();
        assert_eq!(key.fingerprint().to_string(), "a70b0d40696c681f");
        let other = FernetKey::generate().unwrap();
        assert_ne!(other.fingerprint(), key.fingerprint());
        assert_eq!(other.fingerprint(), other.duplicate().fingerprint());
    }

    #[test]
    fn debug_and_errors_show_nothing_of_the_key() {
        let key = FernetKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "FernetKey(redacted)");
        let text = key.to_text();
        let spoiled = format!("{}!{}", &text[..10], &text[11..]);
        let error = FernetKey::from_text(&spoiled).unwrap_err();
        for shown in [format!("{error}"), format!("{error:?}")] {
            assert!(!shown.contains(&text[..6]) && !shown.contains(&text[12..18]));
        }
    }
}
