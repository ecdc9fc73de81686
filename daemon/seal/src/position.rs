//! Where a frame belongs: the keys derived from an object's data key, and the vectors they give.
//!
//! Owns the derivation of `docs/sealed-object.md` §4 and §5. The initialisation vector of a token *is*
//! its position, so that the token's own MAC authenticates the position. Must never give two places of
//! one object the same vector, and never let a vector be known before its frame is.

use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes128Enc, Block};
use ring::hkdf;
use zeroize::Zeroizing;

use crate::FernetKey;
use crate::header::FIXED_LEN;
use crate::record::Tag;

/// The label that separates this derivation from every other use of a key.
const LABEL: &[u8] = b"cofferdam/v1 sealed-object\0";

/// What an object is bound to beside its own header: the bucket or zone it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The bytes that writer and reader must agree on. May be empty.
    pub context: &'a [u8],
}

/// Whether a place is the last of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Inner,
    Final,
}

/// The key that turns a place into a vector. Wiped when dropped.
pub(crate) struct PositionKey(Box<Aes128Enc>);

/// What one data key gives for one object.
pub(crate) struct Derived {
    pub(crate) positions: PositionKey,
    pub(crate) commitment: [u8; 32],
}

/// Derives the position key and the commitment from data key, fixed header and context.
pub(crate) fn derive(key: &FernetKey, fixed: &[u8; FIXED_LEN], binding: Binding<'_>) -> Derived {
    struct Wanted;
    impl hkdf::KeyType for Wanted {
        fn len(&self) -> usize {
            48
        }
    }
    let mut material = Zeroizing::new([0_u8; 48]);
    // A data key is 32 uniform bytes, which is what HKDF-Expand wants: no extraction needed.
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key.bytes())
        .expand(&[LABEL, fixed, binding.context], Wanted)
        .and_then(|output| output.fill(material.as_mut_slice()))
        .expect("48 bytes are below the limit of HKDF and are what was asked for");
    let (position, commitment) = material.split_at(16);
    let position: &[u8; 16] = position.try_into().expect("split at 16");
    Derived {
        positions: PositionKey(Box::new(Aes128Enc::new(position.into()))),
        commitment: commitment.try_into().expect("48 less 16 are 32"),
    }
}

impl PositionKey {
    /// The vector of a frame: AES(be64(index) || be64(final)).
    pub(crate) fn frame(&self, index: u64, place: Place) -> [u8; 16] {
        let mut block = Self::counter(index, place);
        self.0.encrypt_block(&mut block);
        block.0
    }

    /// The vector of a record: AES(AES(be64(sequence) || be64(final)) XOR tag).
    pub(crate) fn record(&self, sequence: u64, place: Place, tag: &Tag) -> [u8; 16] {
        let mut block = Self::counter(sequence, place);
        self.0.encrypt_block(&mut block);
        for (byte, tag) in block.iter_mut().zip(tag) {
            *byte ^= tag;
        }
        self.0.encrypt_block(&mut block);
        block.0
    }

    fn counter(index: u64, place: Place) -> Block {
        let last = match place {
            Place::Inner => 0,
            Place::Final => 1,
        };
        Block::from(((u128::from(index) << 64) | last).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn derived(key: &FernetKey, fixed: &[u8; FIXED_LEN], context: &[u8]) -> Derived {
        derive(key, fixed, Binding { context })
    }

    #[test]
    fn no_two_places_share_a_vector() {
        let key = FernetKey::generate().unwrap();
        let positions = derived(&key, &[1; FIXED_LEN], b"files").positions;
        let mut seen = BTreeSet::new();
        for index in 0..500 {
            for place in [Place::Inner, Place::Final] {
                assert!(seen.insert(positions.frame(index, place)));
                assert!(seen.insert(positions.record(index, place, &[0; 16])));
                assert!(seen.insert(positions.record(index, place, &[1; 16])));
            }
        }
    }

    #[test]
    fn key_header_and_context_all_change_the_derivation() {
        let key = FernetKey::generate().unwrap();
        let base = derived(&key, &[1; FIXED_LEN], b"files");
        let again = derived(&key.duplicate(), &[1; FIXED_LEN], b"files");
        assert_eq!(base.commitment, again.commitment);
        let vector = base.positions.frame(0, Place::Inner);
        assert_eq!(vector, again.positions.frame(0, Place::Inner));
        let mut header = [1; FIXED_LEN];
        header[FIXED_LEN - 1] = 2;
        for other in [
            derived(&FernetKey::generate().unwrap(), &[1; FIXED_LEN], b"files"),
            derived(&key, &header, b"files"),
            derived(&key, &[1; FIXED_LEN], b"file"),
            derived(&key, &[1; FIXED_LEN], b""),
        ] {
            assert_ne!(base.commitment, other.commitment);
            assert_ne!(vector, other.positions.frame(0, Place::Inner));
        }
    }
}
