//! The public key inside a certificate (RFC 5280), and where the certificate ends.
//!
//! Walks over lengths only: no signature, name or date is read, because nothing is believed of a
//! certificate but which key it was issued for. The memory of a TPM is often longer than what was
//! written there, so what follows the certificate is left out.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// The version stands in a bracket of its own, and may be left out.
const VERSION: u8 = 0xa0;

/// The length of a certificate by its first bytes, with them. `None` where none begins.
pub(super) fn length(begin: &[u8]) -> Option<usize> {
    let (tag, header, content) = head(begin)?;
    (tag == SEQUENCE).then_some(header.checked_add(content)?)
}

/// The bits of the key that a certificate was issued for. `None` where the bytes do not begin with
/// a certificate.
#[must_use]
pub fn public_key(bytes: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(bytes, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let mut rest = signed;
    if rest.first() == Some(&VERSION) {
        rest = element(rest, VERSION)?.1;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
        rest = element(rest, tag)?.1;
    }
    let (information, _) = element(rest, SEQUENCE)?;
    let (_algorithm, rest) = element(information, SEQUENCE)?;
    let (bits, _) = element(rest, BIT_STRING)?;
    // A key has no bits of its last byte unused.
    bits.split_first()
        .filter(|(unused, _)| **unused == 0)
        .map(|(_, key)| key)
}

/// The content of an element of a tag, and what follows it.
fn element(bytes: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    let (tag, header, content) = head(bytes)?;
    if tag != expected {
        return None;
    }
    bytes.get(header..)?.split_at_checked(content)
}

/// Tag, length of the head and length of the content.
fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    match *bytes {
        [tag, length @ 0..=0x7f, ..] => Some((tag, 2, usize::from(length))),
        [tag, 0x81, length @ 0x80..=0xff, ..] => Some((tag, 3, usize::from(length))),
        [tag, 0x82, high @ 1..=0xff, low, ..] => {
            Some((tag, 4, usize::from(u16::from_be_bytes([high, low]))))
        }
        _ => None,
    }
}
