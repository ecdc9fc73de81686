//! The 512 bytes at the beginning of every sealed object.
//!
//! Owns their layout, which `docs/sealed-object.md` §3 fixes byte for byte. Must never accept a byte it
//! does not understand, and must never be trusted before the commitment was compared.

use std::fmt;

use crate::codes::{Code, coded};
use crate::random::{self, RandomError};
use crate::wrap::WrappedKey;

/// The length of a header.
pub const HEADER_LEN: usize = 512;
/// The part that is bound into the keys: everything before the commitment.
pub(crate) const FIXED_LEN: usize = 40;

const MAGIC: [u8; 8] = *b"\x89COFFER\n";
const FORMAT_VERSION: u8 = 1;
const SUITE_FERNET: u8 = 1;
const SUITE_COBBLESTONE: u8 = 2;
/// The chunks of C2SP have 16 KiB: the power of two that the header of such an object names.
const CHUNK_BITS: u8 = 14;
const COMMITMENT_LEN: usize = 32;
const WRAP_AT: usize = FIXED_LEN + COMMITMENT_LEN + 2;

/// The name of one sealed object: sixteen random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 16]);

impl ObjectId {
    /// A fresh id.
    ///
    /// # Errors
    /// [`RandomError`] when the kernel gives no randomness.
    pub fn random() -> Result<Self, RandomError> {
        random::block().map(Self)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How the plaintext is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Frames of one size, the last one shorter: any range can be read alone.
    Frames,
    /// One token a record, appended as they come.
    Records,
}

/// What an object is sealed with, chosen when it is begun and bound into its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// Fernet tokens.
    Fernet,
    /// C2SP chunked encryption, Cobblestone-128.
    Cobblestone128,
}

/// How much plaintext a frame holds, as a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameSize(u8);

impl FrameSize {
    /// 16 KiB: measured as the best of speed, overhead and the cost of a short read.
    pub(crate) const DEFAULT: Self = Self(14);
    const SMALLEST: u8 = 12;
    const LARGEST: u8 = 20;

    /// 4 KiB to 1 MiB.
    pub(crate) const fn of_bits(bits: u8) -> Option<Self> {
        if bits >= Self::SMALLEST && bits <= Self::LARGEST {
            Some(Self(bits))
        } else {
            None
        }
    }

    pub(crate) const fn bytes(self) -> usize {
        1 << self.0
    }
}

/// The shape of an object: its layout, and what that layout needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Frames(FrameSize),
    /// One message of the second suite.
    Message,
    Records,
}

/// What the writer of an object says about it, all of it bound into its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birth {
    pub(crate) shape: Shape,
    pub(crate) id: ObjectId,
    pub(crate) created: u64,
}

impl Birth {
    /// The fixed part of the header.
    pub(crate) fn to_bytes(self) -> [u8; FIXED_LEN] {
        let (suite, layout, bits) = match self.shape {
            Shape::Frames(size) => (SUITE_FERNET, 1, size.0),
            Shape::Message => (SUITE_COBBLESTONE, 1, CHUNK_BITS),
            Shape::Records => (SUITE_FERNET, 2, 0),
        };
        let mut bytes = [0; FIXED_LEN];
        let fields: [&[u8]; 5] = [
            &MAGIC,
            &[FORMAT_VERSION, suite, layout, bits],
            &[0; 4],
            &self.created.to_be_bytes(),
            &self.id.0,
        ];
        for (target, &byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *target = byte;
        }
        bytes
    }
}

/// A header that was read and understood. Authentic only once an object was opened with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    birth: Birth,
    commitment: [u8; COMMITMENT_LEN],
    wrapped: WrappedKey,
}

impl Header {
    pub(crate) fn new(birth: Birth, commitment: [u8; 32], wrapped: WrappedKey) -> Self {
        Self {
            birth,
            commitment,
            wrapped,
        }
    }

    /// Reads the header at the beginning of `bytes`, which may go on behind it.
    ///
    /// # Errors
    /// [`HeaderError`]: too short, not ours, of another version, or with a byte that means nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        // Whoever reads one suite never meets the other unawares.
        Self::parse_of(bytes, &[SUITE_FERNET])
    }

    /// The same for an object of either suite; the caller then asks for the [`suite`](Self::suite).
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn parse_any(bytes: &[u8]) -> Result<Self, HeaderError> {
        Self::parse_of(bytes, &[SUITE_FERNET, SUITE_COBBLESTONE])
    }

    fn parse_of(bytes: &[u8], suites: &[u8]) -> Result<Self, HeaderError> {
        let header: &[u8; HEADER_LEN] = bytes
            .first_chunk()
            .ok_or(HeaderError::Short { found: bytes.len() })?;
        let mut rest = header.as_slice();
        let birth = parse_birth(&mut rest, suites)?;
        let commitment = field(&mut rest);
        let length = usize::from(u16::from_be_bytes(field(&mut rest)));
        let wrap = HeaderError::Wrap { found: length };
        let (wrapped, padding) = rest.split_at_checked(length).ok_or(wrap)?;
        let wrapped = WrappedKey::from_bytes(wrapped).map_err(|_shape| wrap)?;
        if let Some(position) = padding.iter().position(|&byte| byte != 0) {
            return Err(HeaderError::Reserved {
                offset: WRAP_AT + length + position,
            });
        }
        Ok(Self {
            birth,
            commitment,
            wrapped,
        })
    }

    /// The header as it stands in the object.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let wrapped = self.wrapped.as_bytes();
        let length = u16::try_from(wrapped.len()).unwrap_or(u16::MAX);
        let mut bytes = [0; HEADER_LEN];
        let fields: [&[u8]; 4] = [
            &self.birth.to_bytes(),
            &self.commitment,
            &length.to_be_bytes(),
            wrapped,
        ];
        for (target, &byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *target = byte;
        }
        bytes
    }

    /// The same header with the data key wrapped anew. Nothing else of the object changes.
    #[must_use]
    pub fn with_wrapped(self, wrapped: WrappedKey) -> Self {
        Self { wrapped, ..self }
    }

    /// The wrapped data key.
    #[must_use]
    pub fn wrapped(&self) -> &WrappedKey {
        &self.wrapped
    }

    /// How the plaintext is cut.
    #[must_use]
    pub fn layout(&self) -> Layout {
        match self.birth.shape {
            Shape::Frames(_) | Shape::Message => Layout::Frames,
            Shape::Records => Layout::Records,
        }
    }

    /// What it is sealed with.
    #[must_use]
    pub fn suite(&self) -> Suite {
        match self.birth.shape {
            Shape::Frames(_) | Shape::Records => Suite::Fernet,
            Shape::Message => Suite::Cobblestone128,
        }
    }

    /// The object's name.
    #[must_use]
    pub fn object_id(&self) -> ObjectId {
        self.birth.id
    }

    /// When the object was begun, in Unix seconds. Every token in it carries the same time.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.birth.created
    }

    pub(crate) fn birth(&self) -> Birth {
        self.birth
    }

    pub(crate) fn commitment(&self) -> &[u8; 32] {
        &self.commitment
    }
}

/// Takes the next field off the front. The fields together are no longer than the header.
fn field<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (field, after) = rest
        .split_first_chunk()
        .expect("every field lies within the header");
    *rest = after;
    *field
}

fn parse_birth(rest: &mut &[u8], suites: &[u8]) -> Result<Birth, HeaderError> {
    if field(rest) != MAGIC {
        return Err(HeaderError::Magic);
    }
    let [version, suite, layout, bits] = field(rest);
    if version != FORMAT_VERSION {
        return Err(HeaderError::Version { found: version });
    }
    if !suites.contains(&suite) {
        return Err(HeaderError::Suite { found: suite });
    }
    let shape = match (suite, layout, FrameSize::of_bits(bits)) {
        (SUITE_FERNET, 1, Some(size)) => Shape::Frames(size),
        (SUITE_FERNET, 2, _) if bits == 0 => Shape::Records,
        (SUITE_COBBLESTONE, 1, _) if bits == CHUNK_BITS => Shape::Message,
        (SUITE_FERNET, 1 | 2, _) | (SUITE_COBBLESTONE, 1, _) => {
            return Err(HeaderError::FrameSize { found: bits });
        }
        (_, found, _) => return Err(HeaderError::Layout { found }),
    };
    let reserved: [u8; 4] = field(rest);
    if let Some(position) = reserved.iter().position(|&byte| byte != 0) {
        return Err(HeaderError::Reserved {
            offset: 12 + position,
        });
    }
    let created = u64::from_be_bytes(field(rest));
    Ok(Birth {
        shape,
        id: ObjectId(field(rest)),
        created,
    })
}

/// Why bytes were not taken for a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer than 512 bytes.
    #[error("read a header: {found} bytes are here, 512 belong to it")]
    Short {
        /// How many there were.
        found: usize,
    },
    /// The first eight bytes are another format's.
    #[error("read a header: this is not a sealed object")]
    Magic,
    /// Another version of the format.
    #[error("read a header: version {found}, this program reads version 1")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// Another cipher suite.
    #[error("read a header: suite {found} is not one that is read here")]
    Suite {
        /// The suite byte.
        found: u8,
    },
    /// An unknown layout.
    #[error("read a header: layout {found}, there are 1 (frames) and 2 (records)")]
    Layout {
        /// The layout byte.
        found: u8,
    },
    /// A frame size that the layout cannot have.
    #[error("read a header: frame size 2^{found} does not fit the layout")]
    FrameSize {
        /// The exponent found.
        found: u8,
    },
    /// A byte that must be zero is not.
    #[error("read a header: byte {offset} is reserved and not zero")]
    Reserved {
        /// Where it is.
        offset: usize,
    },
    /// The wrapped key has no possible shape.
    #[error("read a header: {found} bytes are not a wrapped data key")]
    Wrap {
        /// The length named.
        found: usize,
    },
    /// A log of records was wanted and this is an object of frames.
    #[error("read a header: this object holds frames, not records")]
    NotRecords,
}

impl HeaderError {
    pub(crate) fn reason(self) -> Code {
        match self {
            Self::Short { .. } => Code::HeaderShort,
            Self::Magic => Code::HeaderMagic,
            Self::Version { .. } => Code::HeaderVersion,
            Self::Suite { .. } => Code::HeaderSuite,
            Self::Layout { .. } | Self::NotRecords => Code::HeaderLayout,
            Self::FrameSize { .. } => Code::HeaderFrameSize,
            Self::Reserved { .. } => Code::HeaderReserved,
            Self::Wrap { .. } => Code::WrapShape,
        }
    }
}

coded!(HeaderError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FernetKey;

    fn header(shape: Shape) -> Header {
        let [zone, key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&zone, &key, 9).unwrap();
        let birth = Birth {
            shape,
            id: ObjectId([7; 16]),
            created: 1_700_000_000,
        };
        Header::new(birth, [5; 32], wrapped)
    }

    fn frames() -> Header {
        header(Shape::Frames(FrameSize::DEFAULT))
    }

    fn check(edit: impl FnOnce(&mut [u8; HEADER_LEN]), expect: HeaderError) {
        let mut bytes = frames().to_bytes();
        edit(&mut bytes);
        assert_eq!(Header::parse(&bytes).unwrap_err(), expect);
    }

    #[test]
    fn a_header_survives_its_bytes() {
        for shape in [
            Shape::Frames(FrameSize::DEFAULT),
            Shape::Frames(FrameSize(12)),
            Shape::Message,
            Shape::Records,
        ] {
            let header = header(shape);
            let mut bytes = header.to_bytes().to_vec();
            bytes.extend_from_slice(b"what follows");
            assert_eq!(Header::parse_any(&bytes).unwrap(), header);
        }
    }

    #[test]
    fn the_layout_on_disk_is_the_one_of_the_specification() {
        let header = frames();
        let bytes = header.to_bytes();
        assert_eq!(&bytes[..16], b"\x89COFFER\n\x01\x01\x01\x0e\0\0\0\0");
        assert_eq!(&bytes[16..24], 1_700_000_000_u64.to_be_bytes());
        assert_eq!(&bytes[24..40], [7; 16]);
        assert_eq!(&bytes[40..72], [5; 32]);
        assert_eq!(&bytes[72..74], [0, 105]);
        assert_eq!(&bytes[74..179], header.wrapped().as_bytes());
        assert!(bytes[179..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn every_byte_that_means_nothing_is_refused() {
        check(|b| b[0] = 0x09, HeaderError::Magic);
        check(|b| b[7] = b'\r', HeaderError::Magic);
        check(|b| b[8] = 2, HeaderError::Version { found: 2 });
        check(|b| b[9] = 2, HeaderError::Suite { found: 2 });
        check(|b| b[9] = 3, HeaderError::Suite { found: 3 });
        let any = |fields: [u8; 3], expect: HeaderError| {
            let mut bytes = frames().to_bytes();
            bytes[9..12].copy_from_slice(&fields);
            assert_eq!(Header::parse_any(&bytes).unwrap_err(), expect);
        };
        any([2, 2, 0], HeaderError::Layout { found: 2 });
        any([2, 1, 13], HeaderError::FrameSize { found: 13 });
        any([3, 1, 14], HeaderError::Suite { found: 3 });
        check(|b| b[10] = 0, HeaderError::Layout { found: 0 });
        check(|b| b[10] = 3, HeaderError::Layout { found: 3 });
        check(|b| b[10] = 2, HeaderError::FrameSize { found: 14 });
        check(|b| b[11] = 0, HeaderError::FrameSize { found: 0 });
        check(|b| b[11] = 11, HeaderError::FrameSize { found: 11 });
        check(|b| b[11] = 21, HeaderError::FrameSize { found: 21 });
        for offset in (12..16).chain(179..512) {
            check(|b| b[offset] = 1, HeaderError::Reserved { offset });
        }
        check(|b| b[73] = 0, HeaderError::Wrap { found: 0 });
        check(|b| b[73] = 104, HeaderError::Wrap { found: 104 });
        check(|b| b[72] = 1, HeaderError::Wrap { found: 361 });
        check(|b| b[72] = 255, HeaderError::Wrap { found: 65_385 });
        check(|b| b[74] = 0x81, HeaderError::Wrap { found: 105 });
        // A shorter wrap leaves its tail in the padding.
        let mut bytes = frames().to_bytes();
        bytes[73] = 89;
        assert_eq!(Header::parse(&bytes).unwrap_err().code(), "SE-307");
    }

    #[test]
    fn a_short_header_is_refused_at_every_length() {
        let bytes = frames().to_bytes();
        for found in 0..HEADER_LEN {
            let error = Header::parse(&bytes[..found]).unwrap_err();
            assert_eq!(error, HeaderError::Short { found });
        }
    }

    #[test]
    fn rewrapping_changes_the_wrap_and_nothing_else() {
        let old = frames();
        let wrapped = header(Shape::Records).wrapped().clone();
        let new = old.clone().with_wrapped(wrapped.clone());
        assert_eq!(new.wrapped(), &wrapped);
        assert_eq!(new.to_bytes()[..74], old.to_bytes()[..74]);
    }
}
