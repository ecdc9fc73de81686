//! Opening, the portable engine: the MAC of the whole token first, then AES-128-CBC.
//!
//! Must never append a byte to the caller's buffer that was not authenticated, nor tell the causes
//! of a refusal apart.

use aes::cipher::{Array, BlockModeDecrypt as _, InnerIvInit as _, KeyInit as _};
use aes::{Aes128Dec, Block};
use zeroize::Zeroize as _;

use super::mac::MacKey;
use super::{BLOCK_LEN, MAC_LEN, PREFIX_LEN, VERSION, is_token_len};
use crate::FernetKey;

/// A Fernet key expanded for opening. Wiped when dropped.
pub(crate) struct OpeningKey {
    cipher: Box<Aes128Dec>,
    mac: MacKey,
}

impl OpeningKey {
    pub(crate) fn of(key: &FernetKey) -> Self {
        Self {
            cipher: Box::new(Aes128Dec::new(key.encryption().into())),
            mac: MacKey::new(key.signing()),
        }
    }

    /// Whether the last 32 bytes are the MAC of what precedes them, whatever that is.
    pub(crate) fn signed(&self, token: &[u8]) -> bool {
        let (message, tag) = token.split_at(token.len().saturating_sub(MAC_LEN));
        self.mac.verifies(message, tag)
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
    let (_, body) = token.split_at(PREFIX_LEN);
    let (body, _) = body.split_at(body.len() - MAC_LEN);
    out.reserve(body.len());
    let start = out.len();
    out.extend_from_slice(body);
    let (_, plain) = out.split_at_mut(start);
    let (blocks, _): (&mut [Block], _) = Array::slice_as_chunks_mut(plain);
    cbc::Decryptor::inner_iv_init(&*key.cipher, &Block::from(meta.iv)).decrypt_blocks(blocks);
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
    for (number, token) in (0_u64..).zip(tokens) {
        if self::token(key, token, |meta| wanted(number, meta), out).is_err() {
            retract(out, start);
            return Err(number);
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
