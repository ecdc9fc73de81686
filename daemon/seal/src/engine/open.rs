//! Opening: the MAC of the whole token first, then AES-128-CBC.
//!
//! Owns the choice between the vector paths and the portable one. Must never append a byte to the caller's buffer that was not authenticated, nor tell the causes
//! of a refusal apart.

use aes::cipher::{Array, BlockModeDecrypt as _, InnerIvInit as _, KeyInit as _};
use aes::{Aes128Dec, Block};
use zeroize::Zeroize as _;

use super::lanes::Engine;
#[cfg(target_arch = "x86_64")]
use super::lanes::OpeningLanes;
use super::mac::{self, MacKey};
use super::{BLOCK_LEN, MAC_LEN, PREFIX_LEN, VERSION, is_token_len};
use crate::FernetKey;

/// How many tokens of a run are verified at once.
const RUN: usize = 16;

/// A Fernet key expanded for opening. Wiped when dropped.
pub(crate) struct OpeningKey(Expanded);

enum Expanded {
    Portable {
        cipher: Box<Aes128Dec>,
        mac: MacKey,
    },
    #[cfg(target_arch = "x86_64")]
    Lanes(OpeningLanes),
}

impl Drop for OpeningKey {
    fn drop(&mut self) {
        super::wipe_stack();
    }
}

impl OpeningKey {
    pub(crate) fn of(key: &FernetKey) -> Self {
        Self::on(Engine::chosen(), key)
    }

    /// For an engine that is here; for the portable one otherwise.
    pub(crate) fn on(engine: Engine, key: &FernetKey) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(lanes) = OpeningLanes::of(engine, key) {
            return Self(Expanded::Lanes(lanes));
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _only_portable: Engine = engine;
        Self(Expanded::Portable {
            cipher: Box::new(Aes128Dec::new(key.encryption().into())),
            mac: MacKey::new(key.signing()),
        })
    }

    /// Whether the last 32 bytes are the MAC of what precedes them, whatever that is.
    pub(crate) fn signed(&self, token: &[u8]) -> bool {
        let (message, tag) = token.split_at(token.len().saturating_sub(MAC_LEN));
        match &self.0 {
            Expanded::Portable { mac, .. } => mac.verifies(message, tag),
            #[cfg(target_arch = "x86_64")]
            Expanded::Lanes(lanes) => tag
                .try_into()
                .is_ok_and(|tag| mac::equal(tag, &lanes.mac(message))),
        }
    }

    /// As [`signed`](Self::signed), for up to sixteen tokens of one length; the rest of the result has no meaning.
    fn all_signed(&self, tokens: &[&[u8]]) -> [bool; RUN] {
        match &self.0 {
            Expanded::Portable { .. } => {
                let mut tokens = tokens.iter();
                std::array::from_fn(|_| tokens.next().is_some_and(|token| self.signed(token)))
            }
            #[cfg(target_arch = "x86_64")]
            Expanded::Lanes(lanes) => {
                let mut messages = [&[][..]; RUN];
                for (message, token) in messages.iter_mut().zip(tokens) {
                    *message = token.split_at(token.len().saturating_sub(MAC_LEN)).0;
                }
                let messages = messages.split_at(tokens.len().min(RUN)).0;
                let mut macs = lanes.macs(messages).into_iter();
                let mut tokens = tokens.iter();
                std::array::from_fn(|_| {
                    let tag = tokens.next().and_then(|token| token.last_chunk());
                    tag.zip(macs.next())
                        .is_some_and(|(tag, mac)| mac::equal(tag, &mac))
                })
            }
        }
    }

    /// Appends the plaintext of a body that was verified, its padding included.
    fn decrypt(&self, iv: &[u8; BLOCK_LEN], body: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        match &self.0 {
            Expanded::Portable { cipher, .. } => {
                out.extend_from_slice(body);
                let (_, plain) = out.split_at_mut(start);
                let (blocks, _): (&mut [Block], _) = Array::slice_as_chunks_mut(plain);
                cbc::Decryptor::inner_iv_init(&**cipher, &Block::from(*iv)).decrypt_blocks(blocks);
            }
            #[cfg(target_arch = "x86_64")]
            Expanded::Lanes(lanes) => {
                out.resize(start + body.len(), 0);
                lanes.decrypt(iv, body, out.split_at_mut(start).1);
            }
        }
    }
}

/// The token was refused. One value for every cause, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

/// What an authentic token says beside its plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) created: u64,
    pub(crate) iv: [u8; BLOCK_LEN],
}

/// Verifies one raw token and appends its plaintext to `out`. Refuses too, before it decrypts, an
/// authentic token that is not `wanted`.
pub(crate) fn token(
    key: &OpeningKey,
    token: &[u8],
    wanted: impl FnOnce(&Meta) -> bool,
    out: &mut Vec<u8>,
) -> Result<Meta, Refused> {
    let meta = meta(token).ok_or(Refused)?;
    if !is_token_len(token.len()) || !key.signed(token) || !wanted(&meta) {
        return Err(Refused);
    }
    decrypt_verified(key, token, meta, out)
}

/// Appends the plaintext of a token that was verified and is wanted.
fn decrypt_verified(
    key: &OpeningKey,
    token: &[u8],
    meta: Meta,
    out: &mut Vec<u8>,
) -> Result<Meta, Refused> {
    let (_, body) = token.split_at(PREFIX_LEN);
    let (body, _) = body.split_at(body.len() - MAC_LEN);
    out.reserve(body.len());
    let start = out.len();
    key.decrypt(&meta.iv, body, out);
    let (_, plain) = out.split_at(start);
    if let Some(padding) = padding_len(plain) {
        // The padding is plaintext too; it is known, so it need not be wiped.
        out.truncate(out.len() - padding);
        return Ok(meta);
    }
    retract(out, start);
    Err(Refused)
}

/// Wipes what was appended behind `length` and takes it back.
pub(crate) fn retract(out: &mut Vec<u8>, length: usize) {
    out.get_mut(length..).unwrap_or_default().zeroize();
    out.truncate(length);
}

/// Verifies a run of tokens of equal length, in order, and appends their plaintexts to `out`.
/// On a refusal the number of the token within the run is returned and `out` is as it was.
pub(crate) fn run(
    key: &OpeningKey,
    tokens: std::slice::ChunksExact<'_, u8>,
    mut wanted: impl FnMut(u64, &Meta) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), u64> {
    let start = out.len();
    let mut number = 0_u64;
    let mut tokens = tokens;
    while tokens.len() > 0 {
        let mut batch = [&[][..]; RUN];
        let mut count = 0;
        for (place, token) in batch.iter_mut().zip(tokens.by_ref()) {
            *place = token;
            count += 1;
        }
        let (batch, _unused) = batch.split_at(count);
        for (token, signed) in batch.iter().zip(key.all_signed(batch)) {
            let opened = meta(token)
                .filter(|meta| signed && is_token_len(token.len()) && wanted(number, meta))
                .ok_or(Refused)
                .and_then(|meta| decrypt_verified(key, token, meta, out));
            if opened.is_err() {
                retract(out, start);
                return Err(number);
            }
            number += 1;
        }
    }
    Ok(())
}

/// The time and vector of a token, if it is long enough to have them. Nothing is verified.
fn meta(token: &[u8]) -> Option<Meta> {
    let (&version, rest) = token.split_first()?;
    let (created, rest) = rest.split_first_chunk()?;
    let iv = rest.first_chunk()?;
    (version == VERSION).then_some(Meta {
        created: u64::from_be_bytes(*created),
        iv: *iv,
    })
}

/// The length of the PKCS #7 padding, or `None` if it is not one. Looks at all 16 bytes alike.
fn padding_len(plain: &[u8]) -> Option<usize> {
    let block: &[u8; BLOCK_LEN] = plain.last_chunk()?;
    let [.., length] = *block;
    let mut wrong = u8::from(length == 0) | u8::from(length > 16);
    for (distance, &byte) in (1..=16_u8).rev().zip(block) {
        wrong |= u8::from(distance <= length) & u8::from(byte != length);
    }
    (wrong == 0).then_some(usize::from(length))
}
