//! Sealing: a token, a run of equal frames, a batch of records.
//!
//! Owns the choice between the vector paths and the portable one, which is AES-128-CBC of several frames side by side and then
//! HMAC-SHA-256. Must never hold anything that can decrypt: a program that only seals links only this.

use aes::cipher::{
    Array, BlockCipherEncrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyInit as _,
};
use aes::{Aes128Enc, Block};

use super::lanes::Engine;
#[cfg(target_arch = "x86_64")]
use super::lanes::SealingLanes;
use super::mac::MacKey;
use super::{BLOCK_LEN, MAC_LEN, PREFIX_LEN, VERSION, token_len};
use crate::FernetKey;

/// How many CBC chains the portable path runs side by side: as many blocks as AES-NI keeps in flight, and twice what one call of the
/// bitsliced AES takes.
const CHAINS: usize = 8;

/// A Fernet key expanded for sealing. Cannot open. Wiped when dropped.
pub(crate) struct SealingKey(Expanded);

enum Expanded {
    Portable {
        cipher: Box<Aes128Enc>,
        mac: MacKey,
    },
    #[cfg(target_arch = "x86_64")]
    Lanes(SealingLanes),
}

impl Drop for SealingKey {
    fn drop(&mut self) {
        super::wipe_stack();
    }
}

impl SealingKey {
    pub(crate) fn of(key: &FernetKey) -> Self {
        Self::on(Engine::chosen(), key)
    }

    /// For an engine that is here; for the portable one otherwise.
    pub(crate) fn on(engine: Engine, key: &FernetKey) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(lanes) = SealingLanes::of(engine, key) {
            return Self(Expanded::Lanes(lanes));
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _only_portable: Engine = engine;
        Self(Expanded::Portable {
            cipher: Box::new(Aes128Enc::new(key.encryption().into())),
            mac: MacKey::new(key.signing()),
        })
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
    let prefix = prefix(created, iv);
    match &key.0 {
        #[cfg(target_arch = "x86_64")]
        Expanded::Lanes(lanes) => lanes.token(&prefix, plain, room(out, token_len(plain.len()))),
        Expanded::Portable { cipher, mac } => {
            let start = lay_out(&prefix, plain, out);
            let (_, token) = out.split_at_mut(start);
            let (_, body) = token.split_at_mut(PREFIX_LEN);
            let (blocks, _): (&mut [Block], _) = Array::slice_as_chunks_mut(body);
            cbc::Encryptor::inner_iv_init(&**cipher, &Block::from(*iv)).encrypt_blocks(blocks);
            let tag = mac.sign(&[token]);
            out.extend_from_slice(&tag);
        }
    }
}

/// Appends the tokens of a run of plaintexts of one length; `iv_of` numbers them from zero within the run.
pub(crate) fn run<'a>(
    key: &SealingKey,
    created: u64,
    (mut plains, plain_len): (impl ExactSizeIterator<Item = &'a [u8]>, usize),
    mut iv_of: impl FnMut(u64) -> [u8; BLOCK_LEN],
    out: &mut Vec<u8>,
) {
    let mut numbers = 0_u64..;
    let mut prefix_of = || prefix(created, &iv_of(numbers.next().unwrap_or(u64::MAX)));
    let token_len = token_len(plain_len);
    match &key.0 {
        #[cfg(target_arch = "x86_64")]
        Expanded::Lanes(lanes) => {
            let room = room(out, token_len.saturating_mul(plains.len()));
            lanes.tokens(plains, token_len, room, prefix_of);
        }
        Expanded::Portable { cipher, mac } => {
            out.reserve(token_len.saturating_mul(plains.len()));
            while plains.len() > 0 {
                let start = out.len();
                for plain in plains.by_ref().take(CHAINS) {
                    lay_out(&prefix_of(), plain, out);
                    out.extend_from_slice(&[0; MAC_LEN]);
                }
                let (_, tokens) = out.split_at_mut(start);
                encrypt_side_by_side(cipher, tokens, token_len);
                for token in tokens.chunks_exact_mut(token_len) {
                    let (message, tag) = token.split_at_mut(token_len - MAC_LEN);
                    tag.copy_from_slice(&mac.sign(&[message]));
                }
            }
        }
    }
}

/// Encrypts the bodies of up to [`CHAINS`] tokens in place, block by block through all of them: a chain cannot be hurried, several
/// can run at once.
fn encrypt_side_by_side(cipher: &Aes128Enc, tokens: &mut [u8], token_len: usize) {
    let mut chains = [Block::default(); CHAINS];
    let mut bodies: [&mut [Block]; CHAINS] = std::array::from_fn(|_| &mut [][..]);
    let mut count = 0;
    for ((token, chain), body) in tokens
        .chunks_exact_mut(token_len)
        .zip(&mut chains)
        .zip(&mut bodies)
    {
        let (head, rest) = token.split_at_mut(PREFIX_LEN);
        chain.copy_from_slice(head.split_at(PREFIX_LEN - BLOCK_LEN).1);
        let (blocks, _tag) = rest.split_at_mut(token_len - PREFIX_LEN - MAC_LEN);
        *body = Array::slice_as_chunks_mut(blocks).0;
        count += 1;
    }
    let (chains, _unused) = chains.split_at_mut(count);
    for at in 0..(token_len - PREFIX_LEN - MAC_LEN) / BLOCK_LEN {
        for (chain, body) in chains.iter_mut().zip(&bodies) {
            if let Some(plain) = body.get(at) {
                let [chained, plain] = [chain.0, plain.0].map(u128::from_ne_bytes);
                chain.0 = (chained ^ plain).to_ne_bytes();
            }
        }
        cipher.encrypt_blocks(chains);
        for (chain, body) in chains.iter().zip(&mut bodies) {
            if let Some(block) = body.get_mut(at) {
                *block = *chain;
            }
        }
    }
}

/// Appends the token as it is before it is encrypted and signed, and says where it begins.
fn lay_out(prefix: &[u8; PREFIX_LEN], plain: &[u8], out: &mut Vec<u8>) -> usize {
    // Reserved before anything is written, so that no plaintext is left in a buffer outgrown.
    out.reserve(token_len(plain.len()));
    let start = out.len();
    out.extend_from_slice(prefix);
    out.extend_from_slice(plain);
    let padding = BLOCK_LEN - plain.len() % BLOCK_LEN;
    let filler = u8::try_from(padding).expect("a block has 16 bytes");
    out.resize(out.len() + padding, filler);
    start
}

/// Makes `out` longer and gives its new end.
#[cfg(target_arch = "x86_64")]
fn room(out: &mut Vec<u8>, length: usize) -> &mut [u8] {
    let start = out.len();
    out.resize(start.saturating_add(length), 0);
    out.split_at_mut(start).1
}

fn prefix(created: u64, iv: &[u8; BLOCK_LEN]) -> [u8; PREFIX_LEN] {
    let mut prefix = [VERSION; PREFIX_LEN];
    let fields = created.to_be_bytes().into_iter().chain(*iv);
    for (target, byte) in prefix.iter_mut().skip(1).zip(fields) {
        *target = byte;
    }
    prefix
}
