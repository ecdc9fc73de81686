//! Sealing, the portable engine: AES-128-CBC in the caller's buffer, then HMAC-SHA-256 over it.
//!
//! Must never hold anything that can decrypt: a program that only seals links only this.

use aes::cipher::{Array, BlockModeEncrypt as _, InnerIvInit as _, KeyInit as _};
use aes::{Aes128Enc, Block};

use super::mac::MacKey;
use super::{BLOCK_LEN, PREFIX_LEN, VERSION, token_len};
use crate::FernetKey;

/// A Fernet key expanded for sealing. Cannot open. Wiped when dropped.
pub(crate) struct SealingKey {
    cipher: Box<Aes128Enc>,
    mac: MacKey,
}

impl SealingKey {
    pub(crate) fn of(key: &FernetKey) -> Self {
        Self {
            cipher: Box::new(Aes128Enc::new(key.encryption().into())),
            mac: MacKey::new(key.signing()),
        }
    }

    #[cfg(test)]
    pub(crate) fn mac(&self) -> &MacKey {
        &self.mac
    }
}

/// Appends the raw token of one plaintext to `out`.
pub(crate) fn token(
    key: &SealingKey,
    iv: &[u8; BLOCK_LEN],
    created: u64,
    plain: &[u8],
    out: &mut Vec<u8>,
) {
    // Reserved before anything is written, so that no plaintext is left in a buffer outgrown.
    out.reserve(token_len(plain.len()));
    let start = out.len();
    out.push(VERSION);
    out.extend_from_slice(&created.to_be_bytes());
    out.extend_from_slice(iv);
    out.extend_from_slice(plain);
    let padding = BLOCK_LEN - plain.len() % BLOCK_LEN;
    let filler = u8::try_from(padding).expect("a block has 16 bytes");
    out.resize(out.len() + padding, filler);
    let (_, token) = out.split_at_mut(start);
    let (_, body) = token.split_at_mut(PREFIX_LEN);
    let (blocks, _): (&mut [Block], _) = Array::slice_as_chunks_mut(body);
    cbc::Encryptor::inner_iv_init(&*key.cipher, &Block::from(*iv)).encrypt_blocks(blocks);
    let tag = key.mac.sign(&[token]);
    out.extend_from_slice(&tag);
}

/// Appends the tokens of a run of whole frames; `iv_of` numbers them from zero within the run.
pub(crate) fn run(
    key: &SealingKey,
    created: u64,
    frames: std::slice::ChunksExact<'_, u8>,
    mut iv_of: impl FnMut(u64) -> [u8; BLOCK_LEN],
    out: &mut Vec<u8>,
) {
    for (number, plain) in (0_u64..).zip(frames) {
        token(key, &iv_of(number), created, plain, out);
    }
}
