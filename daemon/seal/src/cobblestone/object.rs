//! A message of the second suite behind a header of ours: rotated, shredded and bound to its bucket like any sealed object.
//!
//! Owns the derivation of the message's key (`docs/sealed-object.md` §14). Must never open a message whose header does not fit, nor take
//! an object of the first suite for one of the second.

use std::io;

use ring::hkdf;
use zeroize::Zeroizing;

use super::reader::CobblestoneReader;
use super::stream::{CobblestoneOpener, CobblestoneSealer};
use super::{COBBLESTONE_HEAD_LEN, CobblestoneError, CobblestoneKey, KEY_LEN};
use crate::FernetKey;
use crate::frames::source::Source;
use crate::frames::wide;
use crate::header::{Birth, HEADER_LEN, Header, ObjectId, Shape, Suite};
use crate::position::{self, Binding};
use crate::unlock;
use crate::wrap::WrappedKey;

/// What separates the message's key from every other use of a data key.
const LABEL: &[u8] = b"cofferdam/v1 cobblestone-128\0";

/// The message's key, from the data key and all that the object is bound to.
fn message_key(key: &FernetKey, birth: Birth, context: &[u8]) -> CobblestoneKey {
    struct Wanted;
    impl hkdf::KeyType for Wanted {
        fn len(&self) -> usize {
            KEY_LEN
        }
    }
    let mut message = Zeroizing::new([0; KEY_LEN]);
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key.bytes())
        .expand(&[LABEL, &birth.to_bytes(), context], Wanted)
        .and_then(|output| output.fill(message.as_mut_slice()))
        .expect("sixteen bytes are below the limit of HKDF and are what was asked for");
    CobblestoneKey::from_bytes(&message)
}

fn unlocked(
    header: &Header,
    key: &FernetKey,
    context: &[u8],
) -> Result<CobblestoneKey, CobblestoneError> {
    match header.suite() {
        Suite::Fernet => Err(CobblestoneError::Suite),
        Suite::Cobblestone128 => {
            unlock::positions(header, key, Binding { context })
                .map_err(|_commitment| CobblestoneError::Commitment)?;
            Ok(message_key(key, header.birth(), context))
        }
    }
}

impl CobblestoneSealer {
    /// Begins an object under its own fresh data key; the second value is its header and the head of the message.
    ///
    /// # Errors
    /// [`CobblestoneError::Random`].
    pub fn object(
        key: &FernetKey,
        wrapped: &WrappedKey,
        id: ObjectId,
        created: u64,
        context: &[u8],
    ) -> Result<(Self, Vec<u8>), CobblestoneError> {
        let birth = Birth {
            shape: Shape::Message,
            id,
            created,
        };
        let derived = position::derive(key, &birth.to_bytes(), Binding { context });
        let header = Header::new(birth, derived.commitment, wrapped.clone());
        let (sealer, head) = Self::new(&message_key(key, birth, context), b"")?;
        Ok((sealer, [&header.to_bytes()[..], &head].concat()))
    }
}

impl CobblestoneOpener {
    /// Begins an object with its header and the head of the message, both read off the stream.
    ///
    /// # Errors
    /// [`CobblestoneError::Suite`], [`CobblestoneError::Commitment`].
    pub fn object(
        header: &Header,
        key: &FernetKey,
        head: &[u8; COBBLESTONE_HEAD_LEN],
        context: &[u8],
    ) -> Result<Self, CobblestoneError> {
        Self::new(&unlocked(header, key, context)?, head, b"")
    }
}

impl<F: Source> CobblestoneReader<Body<F>> {
    /// Opens an object whose header the caller read.
    ///
    /// # Errors
    /// [`CobblestoneError`].
    pub fn object(
        source: F,
        header: &Header,
        key: &FernetKey,
        context: &[u8],
    ) -> Result<Self, CobblestoneError> {
        Self::open(Body(source), &unlocked(header, key, context)?, b"")
    }
}

/// What stands behind the header of an object.
#[derive(Debug)]
pub struct Body<F>(F);

impl<F: Source> Source for Body<F> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = offset.saturating_add(wide(HEADER_LEN));
        self.0.read_at(buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len()?.saturating_sub(wide(HEADER_LEN)))
    }
}
