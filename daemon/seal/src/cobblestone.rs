//! The second suite: C2SP chunked encryption as "Cobblestone-128" (c2sp.org/chunked-encryption with HKDF-Expand-SHA-512 and
//! AES-128-GCM), which Python's `cryptography` 50 and Go's `filippo.io/cobblestone` read by themselves.
//!
//! Owns the message exactly as C2SP has it: salt, commitment, chunks. Must never release a byte of a chunk that did not verify at its
//! place, look at a chunk before the commitment, or tell a length before the last chunk verified.

pub(crate) mod object;
pub(crate) mod reader;
pub(crate) mod stream;

use std::fmt;
use std::io;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;
use zeroize::Zeroizing;

use crate::codes::{Code, coded};
use crate::engine::mac;
use crate::random::{self, RandomError};

/// The plaintext of a whole chunk.
const CHUNK_LEN: usize = 16 * 1024;
const TAG_LEN: usize = 16;
/// A whole chunk, sealed.
const SEALED_LEN: usize = CHUNK_LEN + TAG_LEN;
const SALT_LEN: usize = 24;
const COMMITMENT_LEN: usize = 32;
/// Salt and commitment, before the first chunk.
pub const COBBLESTONE_HEAD_LEN: usize = SALT_LEN + COMMITMENT_LEN;
/// The most chunks of a message.
const CHUNK_LIMIT: u64 = 1 << 38;
const KEY_LEN: usize = 16;
const NONCE_LEN: usize = 12;
const INFO: [&[u8]; 2] = [b"c2sp.org/chunked-encryption@v1+", b"AEAD_AES_128_GCM\0"];

/// A key of the suite: sixteen uniform bytes. Wiped when dropped. It is no Fernet key and must never be a part of one.
pub struct CobblestoneKey(Box<Zeroizing<[u8; KEY_LEN]>>);

impl CobblestoneKey {
    /// A fresh key from the kernel's randomness.
    ///
    /// # Errors
    /// [`RandomError`] when the kernel gives none.
    pub fn generate() -> Result<Self, RandomError> {
        let mut key = Box::new(Zeroizing::new([0; KEY_LEN]));
        random::fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// A key that came by a way of its own.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self(Box::new(Zeroizing::new(*bytes)))
    }

    /// The key, to be wrapped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY_LEN]> {
        Zeroizing::new(**self.0)
    }
}

impl fmt::Debug for CobblestoneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CobblestoneKey(redacted)")
    }
}

/// What a key, a salt and a context give for one message. `ring` does not wipe the key inside its cipher.
struct Derived {
    /// On the heap, so that moving it leaves no copy behind.
    cipher: Box<LessSafeKey>,
    base: Zeroizing<[u8; NONCE_LEN]>,
    commitment: [u8; COMMITMENT_LEN],
}

fn derive(key: &CobblestoneKey, salt: &[u8; SALT_LEN], context: &[u8]) -> Derived {
    const WANTED: usize = KEY_LEN + NONCE_LEN + COMMITMENT_LEN;
    struct Wanted;
    impl hkdf::KeyType for Wanted {
        fn len(&self) -> usize {
            WANTED
        }
    }
    let [label, cipher] = INFO;
    let mut material = Zeroizing::new([0_u8; WANTED]);
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, key.0.as_slice())
        .expand(&[label, cipher, salt, context], Wanted)
        .and_then(|output| output.fill(material.as_mut_slice()))
        .expect("sixty bytes are below the limit of HKDF and are what was asked for");
    let (secret, rest) = material.split_at(KEY_LEN);
    let (base, commitment) = rest.split_at(NONCE_LEN);
    let cipher = UnboundKey::new(&AES_128_GCM, secret).expect("sixteen bytes are its key");
    Derived {
        cipher: Box::new(LessSafeKey::new(cipher)),
        base: Zeroizing::new(base.try_into().expect("split at twelve")),
        commitment: commitment.try_into().expect("sixty less 28 are 32"),
    }
}

impl Derived {
    /// Derives for a message that is here, and compares its commitment.
    fn of_head(
        key: &CobblestoneKey,
        head: &[u8; COBBLESTONE_HEAD_LEN],
        context: &[u8],
    ) -> Result<Self, CobblestoneError> {
        let (salt, commitment) = head.split_first_chunk().expect("a head begins with a salt");
        let derived = derive(key, salt, context);
        let same = commitment
            .first_chunk()
            .is_some_and(|commitment| mac::equal(&derived.commitment, commitment));
        if same {
            Ok(derived)
        } else {
            Err(CobblestoneError::Commitment)
        }
    }

    /// The base nonce with the number of the chunk, as a big-endian number, in its last bytes.
    fn nonce(&self, index: u64) -> Result<Nonce, CobblestoneError> {
        if index >= CHUNK_LIMIT {
            return Err(CobblestoneError::TooLong);
        }
        let mut nonce = *self.base;
        for (byte, counter) in nonce.iter_mut().rev().zip(index.to_le_bytes()) {
            *byte ^= counter;
        }
        Ok(Nonce::assume_unique_for_key(nonce))
    }

    /// Seals one chunk behind what `out` holds.
    fn seal(&self, index: u64, plain: &[u8], out: &mut Vec<u8>) -> Result<(), CobblestoneError> {
        let nonce = self.nonce(index)?;
        let before = out.len();
        out.extend_from_slice(plain);
        let (_, chunk) = out.split_at_mut(before);
        let tag = self
            .cipher
            .seal_in_place_separate_tag(nonce, Aad::empty(), chunk)
            .expect("a chunk is far below the limit of GCM");
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens one chunk within the scratch it lies in. What a refused chunk leaves there is never looked at.
    fn open<'a>(&self, index: u64, sealed: &'a mut [u8]) -> Result<&'a [u8], CobblestoneError> {
        let nonce = self.nonce(index)?;
        let opened = self.cipher.open_in_place(nonce, Aad::empty(), sealed);
        opened
            .map(|plain| &*plain)
            .map_err(|_refused| CobblestoneError::Chunk { index })
    }
}

/// Why a message was not sealed or not opened. Nothing unauthentic was released.
#[derive(Debug, thiserror::Error)]
pub enum CobblestoneError {
    /// The header is of an object of the other suite.
    #[error("the object is of another suite")]
    Suite,
    /// Another key, another context, or a changed head.
    #[error("the key, the head of the message and the context do not belong together")]
    Commitment,
    /// No message has this length.
    #[error("no message has {found} bytes: it was cut short, or something was added")]
    Length {
        /// Its length with the head.
        found: u64,
    },
    /// A chunk is damaged or out of place, or the last one is missing.
    #[error("chunk {index} does not verify at its place")]
    Chunk {
        /// Its number, from 0.
        index: u64,
    },
    /// More than 2^38 chunks.
    #[error("a message has at most 2^38 chunks, 4 PiB")]
    TooLong,
    /// The source failed, or ended before its end.
    #[error("the bytes at {offset} could not be read")]
    Source {
        /// Where the read began.
        offset: u64,
        /// The operating system's reason.
        #[source]
        cause: io::Error,
    },
    /// There was no randomness for the salt.
    #[error("a salt was not drawn")]
    Random(#[source] RandomError),
}

impl CobblestoneError {
    fn reason(&self) -> Code {
        match self {
            Self::Suite => Code::HeaderSuite,
            Self::Commitment => Code::Commitment,
            Self::Length { .. } => Code::ObjectLength,
            Self::Chunk { .. } => Code::FrameRefused,
            Self::TooLong => Code::MessageTooLong,
            Self::Source { .. } => Code::SourceUnreadable,
            Self::Random(error) => error.reason(),
        }
    }
}

coded!(CobblestoneError);

#[cfg(test)]
#[expect(clippy::panic_in_result_fn, reason = "tests panic when they fail")]
mod tests;
