//! Layout `Frames`, both ways: objects of small frames, sealed for one context.

mod layout;
mod ranges;
mod tampering;

use proptest::prelude::*;

use super::wide;
use crate::engine::SHORTEST_TOKEN;
use crate::header::{FrameSize, HEADER_LEN};
use crate::vectors::{open_wholly, plaintext, stream_wholly};
use crate::{
    Binding, FernetKey, Keyring, ObjectId, ObjectReader, OpenErrorKind, Sealer, WrappedKey,
};

const SMALL: usize = 4096;
const WHOLE: usize = SMALL + 73;
const CREATED: u64 = 1_700_000_000;

struct Fixture {
    ring: Keyring,
    key: FernetKey,
    wrapped: WrappedKey,
}

impl Fixture {
    fn new() -> Self {
        let [zone, key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&zone, &key, CREATED).unwrap();
        Self {
            ring: Keyring::from_keys(vec![zone]).unwrap(),
            key,
            wrapped,
        }
    }

    /// An object of small frames, so that little plaintext makes many.
    fn seal(&self, plain: &[u8], pieces: &[usize], id: u8, context: &[u8]) -> Vec<u8> {
        let size = FrameSize::of_bits(12).unwrap();
        let birth = (ObjectId([id; 16]), CREATED);
        let (mut writer, mut sealed) =
            Sealer::with_frames(&self.key, &self.wrapped, size, birth, Binding { context });
        let mut rest = plain;
        for &piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            writer.update(now, &mut sealed);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(writer.finish(&mut sealed), wide(plain.len()));
        sealed
    }

    fn sealed(&self, length: usize) -> Vec<u8> {
        self.seal(&plaintext(length), &[length.max(1)], 1, b"files")
    }

    fn refuses(&self, sealed: &[u8], what: &str) {
        let code = open_wholly(sealed, &self.ring, b"files").unwrap_err();
        assert!(code.starts_with("SE-"), "{what}");
        assert!(
            stream_wholly(sealed, &self.ring, b"files").is_err(),
            "{what}"
        );
    }
}
