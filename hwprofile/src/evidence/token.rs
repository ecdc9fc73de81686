//! The salted digest of one identifying value.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};

use crate::domain::WitnessKind;
use crate::identifier::Identifier;

/// The first part of what is digested, so that a token is a token of nothing else.
const PURPOSE: &[u8] = b"cofferdam-hw-v1";

/// A salted digest of one identifying value. Equal values of one kind at one site give equal
/// tokens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; 32]);

/// Why a text is not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the token: expected 64 small hexadecimal digits")]
pub struct TokenError;

impl Token {
    /// The token of a value at a site.
    #[must_use]
    pub fn of(site: &str, kind: WitnessKind, value: &Identifier) -> Self {
        let parts = [
            PURPOSE,
            site.as_bytes(),
            kind.as_str().as_bytes(),
            value.normalised().as_bytes(),
        ];
        Self(digest(&parts))
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first and the last digits, for messages.
    #[must_use]
    pub fn short(&self) -> String {
        let [first, second, .., third, fourth] = self.0;
        format!("{first:02x}{second:02x}…{third:02x}{fourth:02x}")
    }
}

/// SHA-256 over parts, none of which can reach into the next: each is preceded by its length.
pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    let digest = context.finish();
    digest.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.short())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::wire::hex(&self.0))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(TokenError),
        };
        if text.len() != 64 {
            return Err(TokenError);
        }
        let mut bytes = [0_u8; 32];
        let mut digits = text.bytes();
        for byte in &mut bytes {
            let high = digit(digits.next().ok_or(TokenError)?)?;
            let low = digit(digits.next().ok_or(TokenError)?)?;
            *byte = (high << 4) | low;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(site: &str, kind: WitnessKind, value: &str) -> Token {
        Token::of(site, kind, &Identifier::exact(value))
    }

    #[test]
    fn equal_values_give_equal_tokens_whatever_their_spelling() {
        let one = token("lab", WitnessKind::BoardSerial, " ABC-123 ");
        assert_eq!(one, token("lab", WitnessKind::BoardSerial, "abc-123"));
    }

    #[test]
    fn site_kind_and_value_each_change_the_token() {
        let one = token("lab", WitnessKind::BoardSerial, "abc-123");
        assert_ne!(one, token("lac", WitnessKind::BoardSerial, "abc-123"));
        assert_ne!(one, token("lab", WitnessKind::ProductSerial, "abc-123"));
        assert_ne!(one, token("lab", WitnessKind::BoardSerial, "abc-124"));
    }

    #[test]
    fn no_part_reaches_into_the_next() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"", b"abc"]), digest(&[b"abc", b""]));
    }

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let one = token("lab", WitnessKind::BoardSerial, "abc-123");
        let text = one.to_string();
        assert_eq!(text.parse(), Ok(one));
        for bad in [
            text.to_uppercase(),
            text.chars().skip(1).collect(),
            format!("{text}0"),
            "ä".repeat(32),
        ] {
            assert_eq!(bad.parse::<Token>(), Err(TokenError), "{bad}");
        }
    }
}
