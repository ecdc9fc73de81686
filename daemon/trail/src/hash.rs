//! A SHA-256 value and its two spellings: hexadecimal for people, base64 in checkpoints.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// 32 bytes of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// How many bytes a hash has.
    pub const LENGTH: usize = 32;

    /// Reads the standard base64 spelling of a checkpoint; `None` unless exactly 32 bytes.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The standard base64 spelling, as in a checkpoint.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Takes exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;

    #[test]
    fn both_spellings_come_back() {
        let hash = Hash(std::array::from_fn(|at| {
            u8::try_from(at * 7 % 256).unwrap()
        }));
        assert_eq!(Hash::from_base64(&hash.to_base64()), Some(hash));
        assert_eq!(hash.to_string().len(), 64);
        assert!(hash.to_string().starts_with("00070e15"));
    }

    #[test]
    fn a_short_long_or_sloppy_spelling_is_refused() {
        let good = Hash([255; 32]).to_base64();
        assert_eq!(Hash::from_base64(good.trim_end_matches('=')), None);
        assert_eq!(Hash::from_base64(&format!("{good}\n")), None);
        assert_eq!(Hash::from_base64("AAAA"), None);
        assert_eq!(Hash::from_slice(&[0; 31]), None);
        assert_eq!(Hash::from_slice(&[0; 33]), None);
    }
}
