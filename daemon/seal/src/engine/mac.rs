//! HMAC-SHA-256 whose expanded key is wiped, and the comparison that takes its time.
//!
//! Must never hand out the expanded key: whoever has it can sign.

use std::hint::black_box;

use ring::hmac;

use super::MAC_LEN;

/// The expanded signing half of a Fernet key.
///
/// `ring` does not wipe its keys. This one lives on the heap from its first use to its last, and is
/// written over when dropped; the copy that `ring` works on while signing lives on the stack for the
/// length of that call and is beyond our reach.
pub(crate) struct MacKey(Box<hmac::Key>);

impl MacKey {
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Signs the concatenation of the parts.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; MAC_LEN] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut tag = [0; MAC_LEN];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Whether the tag is this message's, in time that does not depend on either.
    pub(crate) fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        *self.0 = hmac::Key::new(hmac::HMAC_SHA256, &[0; 16]);
        // The optimiser may not remove a store that it must assume is looked at.
        black_box(&self.0);
    }
}

/// Whether two blocks are equal, in time that does not depend on where they differ.
pub(crate) fn equal<const N: usize>(a: &[u8; N], b: &[u8; N]) -> bool {
    let mut difference = 0;
    for (x, y) in a.iter().zip(b) {
        difference |= black_box(x ^ y);
    }
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_differ_if_any_bit_does() {
        let block = [0x5a; 32];
        assert!(equal(&block, &block));
        for position in 0..32 {
            for bit in 0..8 {
                let mut other = block;
                other[position] ^= 1 << bit;
                assert!(!equal(&block, &other));
            }
        }
    }

    #[test]
    fn a_mac_covers_all_its_parts_and_fits_no_other_key() {
        let key = MacKey::new(&[0x0b; 16]);
        let tag = key.sign(&[b"Hi ", b"There"]);
        assert!(key.verifies(b"Hi There", &tag));
        assert!(!key.verifies(b"Hi There!", &tag));
        assert!(!key.verifies(b"Hi There", &tag[..31]));
        assert!(!MacKey::new(&[0x0c; 16]).verifies(b"Hi There", &tag));
    }
}
