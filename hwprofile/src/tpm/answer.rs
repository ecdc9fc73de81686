//! The bytes of the answers, read without IO: each length is held against what is there, and each
//! answer against what was asked.

use crate::tpm::command::{Capability, HEADER, NO_SESSIONS, SESSIONS};
use crate::tpm::key::{Curve, Key};

/// The longest answer, in bytes: the kernel's own bound.
pub(super) const ANSWER_LIMIT: usize = 4096;
/// The most entries of one list.
pub(super) const LIST_LIMIT: u32 = 64;

/// The algorithm that stands for none.
const NULL: u16 = 0x0010;
/// Kinds of keys.
const RSA: u16 = 0x0001;
const ECC: u16 = 0x0023;
/// Attributes of a key.
const FIXED_TPM: u32 = 1 << 1;
const FIXED_PARENT: u32 = 1 << 4;
const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
const RESTRICTED: u32 = 1 << 16;
const DECRYPT: u32 = 1 << 17;
const SIGN: u32 = 1 << 18;

/// Why an answer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A part that cannot be.
    #[error("read the TPM's answer: its {0} cannot be")]
    Malformed(&'static str),
    /// The TPM refused, with its code.
    #[error("the TPM refused with response code {0:#x}")]
    Refused(u32),
}

/// How an answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    tag: u16,
    /// The length of the whole.
    pub(super) length: usize,
    code: u32,
}

impl Header {
    /// Reads the beginning, as soon as there is enough of it.
    pub(super) fn read(bytes: &[u8]) -> Option<Result<Self, AnswerError>> {
        let mut head = Bytes(bytes.get(..HEADER)?);
        let mut read = || {
            let (tag, length, code) = (head.short()?, head.long()?, head.long()?);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if !(HEADER..=ANSWER_LIMIT).contains(&length) {
                return Err(AnswerError::Malformed("length"));
            }
            // A refusal is always without a session; what is refused has no other part.
            let fits = match code {
                0 => tag == NO_SESSIONS || tag == SESSIONS,
                _ => tag == NO_SESSIONS && length == HEADER,
            };
            if fits {
                Ok(Self { tag, length, code })
            } else {
                Err(AnswerError::Malformed("tag"))
            }
        };
        Some(read())
    }
}

/// The part of a whole answer that a command asked for: without its header and its sessions.
pub(super) fn body<'a>(command: &[u8], answer: &'a [u8]) -> Result<&'a [u8], AnswerError> {
    let header = Header::read(answer).ok_or(AnswerError::Malformed("length"))??;
    if header.length != answer.len() {
        return Err(AnswerError::Malformed("length"));
    }
    if header.code != 0 {
        return Err(AnswerError::Refused(header.code));
    }
    if Bytes(command).short() != Ok(header.tag) {
        return Err(AnswerError::Malformed("tag"));
    }
    let mut rest = Bytes(answer);
    rest.take(HEADER)?;
    if header.tag == SESSIONS {
        let length = rest.long()?;
        return rest.take(usize::try_from(length).unwrap_or(usize::MAX));
    }
    Ok(rest.0)
}

/// A list, and whether there is more of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed<T> {
    pub(super) entries: Vec<T>,
    pub(super) more: bool,
}

/// The handles of a `TPM2_GetCapability`.
pub(super) fn handles(body: &[u8]) -> Result<Listed<u32>, AnswerError> {
    let Listed { entries, more } = list(body, Capability::Handles)?;
    let entries = entries.into_iter().map(|[handle]| handle).collect();
    Ok(Listed { entries, more })
}

/// The properties of a `TPM2_GetCapability`, each with its value.
pub(super) fn properties(body: &[u8]) -> Result<Listed<[u32; 2]>, AnswerError> {
    list(body, Capability::Properties)
}

fn list<const N: usize>(body: &[u8], what: Capability) -> Result<Listed<[u32; N]>, AnswerError> {
    let mut body = Bytes(body);
    let more = body.byte()? != 0;
    if body.long()? != what.code() {
        return Err(AnswerError::Malformed("capability"));
    }
    let count = body.long()?;
    if count > LIST_LIMIT {
        return Err(AnswerError::Malformed("count"));
    }
    let mut entries = Vec::new();
    for _entry in 0..count {
        let mut words = [0; N];
        for word in &mut words {
            *word = body.long()?;
        }
        entries.push(words);
    }
    body.end()?;
    Ok(Listed { entries, more })
}

/// What an index of the TPM's memory is, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) attributes: u32,
    /// In bytes.
    pub(super) length: u16,
}

/// The answer of a `TPM2_NV_ReadPublic`.
pub(super) fn index(body: &[u8], asked: u32) -> Result<Index, AnswerError> {
    let mut body = Bytes(body);
    let mut public = Bytes(body.sized()?);
    let index = public.long()?;
    if index != asked {
        return Err(AnswerError::Malformed("index"));
    }
    let _name_algorithm = public.short()?;
    let attributes = public.long()?;
    let _policy = public.sized()?;
    let length = public.short()?;
    public.end()?;
    let _name = body.sized()?;
    body.end()?;
    Ok(Index { attributes, length })
}

/// The content of a `TPM2_NV_Read`: as much as was asked for.
pub(super) fn content(body: &[u8], asked: u16) -> Result<&[u8], AnswerError> {
    let mut body = Bytes(body);
    let content = body.sized()?;
    body.end()?;
    if content.len() == usize::from(asked) {
        Ok(content)
    } else {
        Err(AnswerError::Malformed("content"))
    }
}

/// What lies at a handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// A key of a form in which endorsement keys are made.
    Key(Key),
    /// Something else: why.
    Other(&'static str),
}

/// The answer of a `TPM2_ReadPublic`.
pub(super) fn public(body: &[u8]) -> Result<Held, AnswerError> {
    let mut body = Bytes(body);
    let mut area = Bytes(body.sized()?);
    let _name = body.sized()?;
    let _qualified_name = body.sized()?;
    body.end()?;
    let kind = area.short()?;
    let _name_algorithm = area.short()?;
    let attributes = area.long()?;
    let _policy = area.sized()?;
    let needed = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | RESTRICTED | DECRYPT;
    if kind != RSA && kind != ECC {
        return Ok(Held::Other("it is neither RSA nor of a curve"));
    }
    if attributes & (needed | SIGN) != needed {
        return Ok(Held::Other("it is not made like an endorsement key"));
    }
    // A key that only unwraps has a symmetric cipher and no scheme.
    let _cipher = (area.short()?, area.short()?, area.short()?);
    if area.short()? != NULL {
        return Ok(Held::Other("it has a scheme, as no endorsement key has"));
    }
    let key = if kind == RSA {
        let _bits = area.short()?;
        let exponent = area.long()?;
        Key::Rsa {
            modulus: area.sized()?.to_vec(),
            exponent,
        }
    } else {
        let Some(curve) = Curve::of(area.short()?) else {
            return Ok(Held::Other("its curve is unknown"));
        };
        if area.short()? != NULL {
            return Ok(Held::Other("it has a scheme, as no endorsement key has"));
        }
        Key::Ecc {
            curve,
            x: area.sized()?.to_vec(),
            y: area.sized()?.to_vec(),
        }
    };
    area.end()?;
    Ok(Held::Key(key))
}

/// Bytes that are taken from the front, in the order of the network.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], AnswerError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(AnswerError::Malformed("length"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], AnswerError> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many bytes as were taken"))
    }

    fn byte(&mut self) -> Result<u8, AnswerError> {
        self.fixed().map(u8::from_be_bytes)
    }

    fn short(&mut self) -> Result<u16, AnswerError> {
        self.fixed().map(u16::from_be_bytes)
    }

    fn long(&mut self) -> Result<u32, AnswerError> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// Bytes behind their own length.
    fn sized(&mut self) -> Result<&'b [u8], AnswerError> {
        let length = self.short()?;
        self.take(usize::from(length))
    }

    /// Nothing may be left.
    fn end(&self) -> Result<(), AnswerError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(AnswerError::Malformed("length"))
        }
    }
}
