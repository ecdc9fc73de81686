//! The public half of an endorsement key, in the one form that a certificate and the TPM itself
//! both give.
//!
//! A key is named by the digest of the bits that a certificate would hold of it: a certificate that
//! is issued anew over the same key, or none at all, changes nothing. What stands around the bits
//! differs between makers (`rsaEncryption` here, `id-RSAES-OAEP` there) and is left out.

use ring::digest::{SHA256, digest};

use crate::fact::Fact;
use crate::identifier::Identifier;

/// How the name of a key begins.
const PREFIX: &str = "sha256:";
/// The digits after it.
const DIGITS: usize = 64;
/// The exponent that a TPM writes as zero.
const USUAL_EXPONENT: u32 = 65_537;
/// The fewest bits of a key that can name anything, in bytes.
const SHORTEST: usize = 32;
/// Tags of DER, and the first byte of a point that is not compressed.
const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const WHOLE_POINT: u8 = 0x04;

/// A public key as the TPM tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// RSA.
    Rsa {
        /// The modulus.
        modulus: Vec<u8>,
        /// The exponent; zero for the usual one.
        exponent: u32,
    },
    /// A point of a curve.
    Ecc {
        /// The curve.
        curve: Curve,
        /// The coordinates; older TPMs leave zeros at the front out.
        x: Vec<u8>,
        y: Vec<u8>,
    },
}

/// A curve that endorsement keys are made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    Sm2,
}

impl Curve {
    /// The curve of an identifier.
    pub(super) const fn of(code: u16) -> Option<Self> {
        match code {
            0x0003 => Some(Self::P256),
            0x0004 => Some(Self::P384),
            0x0005 => Some(Self::P521),
            0x0020 => Some(Self::Sm2),
            _ => None,
        }
    }

    /// The length of a coordinate, in bytes.
    const fn length(self) -> usize {
        match self {
            Self::P256 | Self::Sm2 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl Key {
    /// The bits that a certificate holds of it: `RSAPublicKey` of PKCS #1, or the whole point.
    pub(super) fn bits(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa { modulus, exponent } => {
                let exponent = match exponent {
                    0 => USUAL_EXPONENT,
                    written => *written,
                };
                let mut numbers = integer(modulus)?;
                numbers.extend(integer(&exponent.to_be_bytes())?);
                tagged(SEQUENCE, &numbers)
            }
            Self::Ecc { curve, x, y } => {
                let mut point = vec![WHOLE_POINT];
                point.extend(padded(x, curve.length())?);
                point.extend(padded(y, curve.length())?);
                Some(point)
            }
        }
    }
}

/// The name of a key by its bits; none of bits that are too few.
pub(crate) fn name(bits: &[u8]) -> Option<Identifier> {
    if bits.len() < SHORTEST {
        return None;
    }
    let digits = crate::wire::hex(digest(&SHA256, bits).as_ref());
    Some(Identifier::exact(&format!("{PREFIX}{digits}")))
}

/// A name as the policy pins it.
pub(crate) fn pinned(text: &str) -> Fact<Identifier> {
    let is_name = text.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    if is_name {
        Fact::Value(Identifier::exact(text))
    } else {
        Fact::Unsupported(format!("is not {PREFIX} and {DIGITS} hexadecimal digits"))
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn padded(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let number = without_zeros(number);
    let mut bytes = vec![0; length.checked_sub(number.len())?];
    bytes.extend(number);
    Some(bytes)
}

/// A number that is not negative, as DER writes it.
fn integer(number: &[u8]) -> Option<Vec<u8>> {
    let number = without_zeros(number);
    let mut bytes = Vec::new();
    // A first bit that is set would make it negative, and zero has one byte.
    if number.first().is_none_or(|first| *first >= 0x80) {
        bytes.push(0);
    }
    bytes.extend(number);
    tagged(INTEGER, &bytes)
}

fn tagged(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let [high, low] = u16::try_from(content.len()).ok()?.to_be_bytes();
    let mut bytes = match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        (_, _) => vec![tag, 0x82, high, low],
    };
    bytes.extend(content);
    Some(bytes)
}
