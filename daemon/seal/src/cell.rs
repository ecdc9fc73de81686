//! What a column holds that the Django field of old encrypted: base64 of a token, a token, nothing, or a value never encrypted.
//!
//! Owns the telling of the four. Must never take a value for plaintext because no key opens it.

use zeroize::Zeroizing;

use crate::alphabet;
use crate::keyring::{Keyring, RotateError, TokenError};

/// Base64 of the first bytes of every token's text: how each cell of the field begins.
const CELL_PREFIX: &str = "Z0FBQUFB";
/// Base64 of version and of a time before the year 2106: how each token begins.
const TOKEN_PREFIX: &str = "gAAAAA";

/// One value of such a column, told by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredValue<'a> {
    /// Nothing: the field passes every false value through as it is.
    Empty,
    /// What the field writes: standard base64 of a token's text.
    Cell(&'a str),
    /// One token.
    Token(&'a str),
    /// A value that was never encrypted.
    Plain(&'a str),
}

impl<'a> StoredValue<'a> {
    /// What a stored text is. White space around cells and tokens is ignored.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let trimmed = text.trim_ascii();
        if text.is_empty() {
            Self::Empty
        } else if trimmed.starts_with(CELL_PREFIX) {
            Self::Cell(trimmed)
        } else if trimmed.starts_with(TOKEN_PREFIX) {
            Self::Token(trimmed)
        } else {
            Self::Plain(text)
        }
    }
}

impl Keyring {
    /// Opens a cell of the field.
    ///
    /// # Errors
    /// [`TokenError`], the same for every cause.
    pub fn decrypt_cell(&self, cell: &str) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        self.decrypt(&token_of(cell)?, None)
    }

    /// The token of a cell, under the primary key and with its time: what replaces the cell in its column.
    ///
    /// # Errors
    /// As [`Keyring::rotate`].
    pub fn adopt_cell(&self, cell: &str) -> Result<String, RotateError> {
        self.adopt_token(&token_of(cell).map_err(RotateError::Token)?)
    }

    /// The same of a token; one that the primary key opens stays the one it is, so that adopting again changes nothing.
    ///
    /// # Errors
    /// As [`Keyring::rotate`].
    pub fn adopt_token(&self, token: &str) -> Result<String, RotateError> {
        match alphabet::decode_token(token) {
            Some(raw) if self.primary_opens(&raw) => Ok(alphabet::encode_token(&raw)),
            Some(_) | None => self.rotate(token),
        }
    }
}

fn token_of(cell: &str) -> Result<String, TokenError> {
    let token = alphabet::decode_token(cell).ok_or(TokenError)?;
    String::from_utf8(token).map_err(|_not_text| TokenError)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::FernetKey;

    const NOW: u64 = 1_700_000_000;

    fn rings() -> [Keyring; 3] {
        let [old, new] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let both = vec![new.duplicate(), old.duplicate()];
        [vec![old], both, vec![new]].map(|keys| Keyring::from_keys(keys).unwrap())
    }

    #[test]
    fn values_are_told_by_how_they_begin() {
        let [ring, ..] = rings();
        let token = ring.encrypt(b"x", NOW).unwrap();
        let cell = STANDARD.encode(&token);
        assert_eq!(StoredValue::of(&cell), StoredValue::Cell(&cell));
        assert_eq!(
            StoredValue::of(&format!("{cell}\n")),
            StoredValue::Cell(&cell)
        );
        assert_eq!(StoredValue::of(&token), StoredValue::Token(&token));
        assert_eq!(StoredValue::of(""), StoredValue::Empty);
        assert_eq!(
            StoredValue::of(" grade=A "),
            StoredValue::Plain(" grade=A ")
        );
        // The first and the last second that the prefixes hold for.
        for time in [0, u64::from(u32::MAX)] {
            let cell = STANDARD.encode(ring.encrypt(b"", time).unwrap());
            assert!(matches!(StoredValue::of(&cell), StoredValue::Cell(_)));
        }
    }

    #[test]
    fn a_cell_opens_and_a_changed_one_is_refused() {
        let [ring, _, other] = rings();
        let cell = STANDARD.encode(ring.encrypt(b"scope:files.read", NOW).unwrap());
        assert_eq!(
            ring.decrypt_cell(&cell).unwrap().as_slice(),
            b"scope:files.read"
        );
        assert_eq!(other.decrypt_cell(&cell).unwrap_err(), TokenError);
        for place in [0, 9, 40, cell.len() - 5] {
            let mut changed = cell.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(ring.decrypt_cell(&changed).unwrap_err(), TokenError);
        }
        for not_a_cell in ["", "Z0FBQUFB", "Z0FBQUFB!", "/////w=="] {
            assert_eq!(ring.decrypt_cell(not_a_cell).unwrap_err(), TokenError);
        }
    }

    #[test]
    fn adopting_moves_to_the_primary_key_keeps_the_time_and_is_done_once() {
        let [old, both, new] = rings();
        let cell = STANDARD.encode(old.encrypt(b"value", NOW).unwrap());
        let token = both.adopt_cell(&cell).unwrap();
        assert_eq!(new.decrypt(&token, None).unwrap().as_slice(), b"value");
        assert_eq!(new.extract_timestamp(&token).unwrap(), NOW);
        assert_eq!(both.adopt_token(&token).unwrap(), token);
        assert!(new.adopt_cell(&cell).is_err());
        assert!(new.adopt_token("gAAAAA").is_err());
    }
}
