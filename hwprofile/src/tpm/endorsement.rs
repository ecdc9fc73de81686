//! The endorsement keys of a TPM: by the certificates that its maker left in its memory, and where
//! there is none, by the keys that somebody made permanent.
//!
//! The places are those of the TCG's EK Credential Profile. A certificate is preferred because its
//! place belongs to the maker, while whoever owns the machine can put any key of the endorsement
//! hierarchy at a permanent handle. No chain of certificates is checked: a key that differs or is
//! equal is all that identity asks.

use std::io::{Read, Write};

use crate::fact::Fact;
use crate::identifier::Identifier;
use crate::tpm::answer::{AnswerError, Held, Index};
use crate::tpm::client::{Client, TpmError};
use crate::tpm::{certificate, key};

/// Properties: who made it, and the most bytes that one read of its memory gives.
const MANUFACTURER: u32 = 0x0000_0105;
const NV_BUFFER_MAX: u32 = 0x0000_012c;
/// Where certificates of endorsement keys lie: RSA 2048 and P-256 of the low range; RSA 2048,
/// P-256, P-384, P-521, SM2, RSA 3072 and RSA 4096 of the high one.
const CERTIFICATES: [u32; 9] = [
    0x01c0_0002,
    0x01c0_000a,
    0x01c0_0012,
    0x01c0_0014,
    0x01c0_0016,
    0x01c0_0018,
    0x01c0_001a,
    0x01c0_001c,
    0x01c0_001e,
];
const CERTIFICATES_FIRST: u32 = 0x01c0_0002;
const CERTIFICATES_LAST: u32 = 0x01c0_001e;
/// Where endorsement keys are made permanent.
const PERMANENT_FIRST: u32 = 0x8101_0000;
const PERMANENT_LAST: u32 = 0x8101_ffff;
/// The most permanent keys that are read.
const PERMANENT_LIMIT: usize = 16;
/// The owner, as an authority.
const OWNER: u32 = 0x4000_0001;
/// The longest certificate, in bytes.
const CERTIFICATE_LIMIT: u16 = 4096;
/// How many bytes of a certificate tell its length.
const HEAD: usize = 4;
/// How much is read at once where the TPM tells nothing, and at most, in bytes.
const PIECE: u16 = 512;
const PIECE_LIMIT: u16 = 1024;
/// How the codes of warnings are told from those of errors: busy memory, too many writes.
const WARNING_MASK: u32 = 0x980;
const WARNING: u32 = 0x900;
/// Attributes of an index.
const OWNER_READ: u32 = 1 << 17;
const AUTH_READ: u32 = 1 << 18;
const NO_DICTIONARY: u32 = 1 << 25;
const WRITTEN: u32 = 1 << 29;

/// What a TPM tells about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsement {
    /// The four letters of its maker, as it says itself.
    pub manufacturer: Fact<String>,
    /// Its endorsement keys, each once.
    pub keys: Fact<Vec<EndorsementKey>>,
}

/// One endorsement key. `Debug` masks its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndorsementKey {
    /// Where it was read, such as `certificate 0x01c00002`.
    pub origin: String,
    /// `sha256:` and the digest of its public bits.
    pub key: Identifier,
}

/// Asks a TPM 2.0 for its maker and its endorsement keys.
///
/// # Errors
/// The device failed, or an answer cannot be. Nothing is known then, and it may be asked again.
pub fn ask<S: Read + Write>(stream: S) -> Result<Endorsement, TpmError> {
    let mut client = Client::new(stream);
    let manufacturer = client.property(MANUFACTURER)?;
    let mut found = Found::default();
    certificates(&mut client, &mut found)?;
    if found.keys.is_empty() {
        permanent(&mut client, &mut found)?;
    }
    Ok(Endorsement {
        manufacturer: manufacturer.map_or(Fact::Absent, letters),
        keys: found.fact(),
    })
}

/// What was found so far.
#[derive(Default)]
struct Found {
    keys: Vec<EndorsementKey>,
    /// Why the first place that has something gave no key.
    why: Option<String>,
}

impl Found {
    fn add(&mut self, origin: String, read: Result<Identifier, Why>) {
        match read {
            Ok(key) => {
                if self.keys.iter().all(|known| known.key != key) {
                    self.keys.push(EndorsementKey { origin, key });
                }
            }
            Err(Why(why)) => {
                self.why.get_or_insert(format!("{origin}: {why}"));
            }
        }
    }

    fn fact(self) -> Fact<Vec<EndorsementKey>> {
        match self.why {
            _ if !self.keys.is_empty() => Fact::Value(self.keys),
            Some(why) => Fact::Unsupported(why),
            None => Fact::Absent,
        }
    }
}

/// Why a place that has something gives no key.
struct Why(String);

impl From<&str> for Why {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// A refusal speaks about one place; whatever else goes wrong ends the conversation, and so does a
/// refusal that would be none at another time.
fn of_one_place<T>(result: Result<T, TpmError>) -> Result<Result<T, Why>, TpmError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(TpmError::Answer(refused @ AnswerError::Refused(code)))
            if code & WARNING_MASK != WARNING =>
        {
            Ok(Err(Why(refused.to_string())))
        }
        Err(other) => Err(other),
    }
}

fn certificates<S: Read + Write>(
    client: &mut Client<S>,
    found: &mut Found,
) -> Result<(), TpmError> {
    let defined = client.handles(CERTIFICATES_FIRST, CERTIFICATES_LAST)?;
    let places = CERTIFICATES.into_iter();
    let places: Vec<u32> = places.filter(|place| defined.contains(place)).collect();
    if places.is_empty() {
        return Ok(());
    }
    let told = client.property(NV_BUFFER_MAX)?;
    let told = told.map(|told| u16::try_from(told).unwrap_or(PIECE_LIMIT));
    let piece = told.filter(|told| *told > 0).unwrap_or(PIECE);
    for place in places {
        let read = of_one_place(client.index(place))?;
        let read = match read.and_then(|index| Ok((readable(index, place)?, index.length))) {
            Ok((authority, length)) => {
                let piece = piece.min(PIECE_LIMIT);
                of_one_place(stored(client, (authority, place), (length, piece)))?
            }
            Err(why) => Err(why),
        };
        let key = read.and_then(|bytes| {
            let bits = certificate::public_key(&bytes);
            let named = bits.and_then(key::name);
            named.ok_or(Why::from("it holds no certificate that can be read"))
        });
        found.add(format!("certificate {place:#010x}"), key);
    }
    Ok(())
}

/// By whose empty password an index may be read. Only one that the TPM does not count: a wrong
/// password elsewhere would bring it nearer to locking itself.
fn readable(index: Index, place: u32) -> Result<u32, Why> {
    let has = |attributes: u32| index.attributes & attributes == attributes;
    if !has(WRITTEN) {
        Err(Why::from("it was never written"))
    } else if index.length > CERTIFICATE_LIMIT {
        Err(Why(format!("it is longer than {CERTIFICATE_LIMIT} bytes")))
    } else if has(AUTH_READ | NO_DICTIONARY) {
        Ok(place)
    } else if has(OWNER_READ) {
        Ok(OWNER)
    } else {
        Err(Why::from("nobody may read it without a password"))
    }
}

/// What an index holds, as far as its first bytes say that a certificate goes.
fn stored<S: Read + Write>(
    client: &mut Client<S>,
    place: (u32, u32),
    (length, piece): (u16, u16),
) -> Result<Vec<u8>, TpmError> {
    let mut bytes = Vec::new();
    let mut end = length;
    let mut offset = 0;
    while offset < end {
        let wanted = piece.min(end - offset);
        bytes.extend(client.content(place, (offset, wanted))?);
        offset += wanted;
        if bytes.len() >= HEAD {
            let told = certificate::length(&bytes).and_then(|told| u16::try_from(told).ok());
            // Where no certificate begins, nothing more is read; where it ends outside, neither.
            end = told.filter(|told| *told <= length).unwrap_or(0);
        }
    }
    bytes.truncate(usize::from(end));
    Ok(bytes)
}

fn permanent<S: Read + Write>(client: &mut Client<S>, found: &mut Found) -> Result<(), TpmError> {
    let handles = client.handles(PERMANENT_FIRST, PERMANENT_LAST)?;
    for handle in handles.into_iter().take(PERMANENT_LIMIT) {
        let held = of_one_place(client.public(handle))?;
        let key = held.and_then(|held| match held {
            Held::Key(key) => {
                let bits = key.bits();
                let named = bits.as_deref().and_then(key::name);
                named.ok_or(Why::from("it is no key that can be"))
            }
            Held::Other(why) => Err(Why::from(why)),
        });
        found.add(format!("key {handle:#010x}"), key);
    }
    Ok(())
}

/// Four letters, such as `IFX` and `STM`; blanks and zeros fill them up.
fn letters(word: u32) -> Fact<String> {
    let letters = word.to_be_bytes().into_iter();
    let letters: String = letters
        .filter(u8::is_ascii_graphic)
        .map(char::from)
        .collect();
    if letters.is_empty() {
        Fact::Unsupported("its four letters are none".to_owned())
    } else {
        Fact::Value(letters)
    }
}
