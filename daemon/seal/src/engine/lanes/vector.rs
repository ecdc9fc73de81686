//! The vector paths as the engine calls them: keys that fit, and the shape of a token as the kernels write it.
//!
//! Must never hold a key that opens beside one that seals, nor call a kernel with lanes of unequal length.

use zeroize::Zeroizing;

use super::super::{BLOCK_LEN, MAC_LEN, PREFIX_LEN};
use super::Engine;
use super::keys::{ForwardKeys, InverseKeys, MacStates};
use super::sys::{ManyFrames, OneFrame};
use crate::FernetKey;

/// How many frames the widest path takes at once.
pub(in crate::engine) const LANES: usize = 16;
/// From how many frames on sixteen lanes pay, even if the others run empty.
const WORTH_WHILE: usize = 5;

/// Version, time and vector of a token.
pub(in crate::engine) type Prefix = [u8; PREFIX_LEN];

#[derive(Clone, Copy)]
enum Path {
    One(OneFrame),
    Many(ManyFrames),
}

impl Path {
    fn of(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Portable => None,
            Engine::OneFrame => OneFrame::detect().map(Self::One),
            Engine::SixteenFrames => ManyFrames::detect().map(Self::Many),
        }
    }

    fn one(self) -> OneFrame {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many.one(),
        }
    }
}

/// A key expanded for sealing.
pub(in crate::engine) struct SealingLanes {
    path: Path,
    keys: Box<ForwardKeys>,
    states: Box<MacStates>,
}

impl SealingLanes {
    /// `None` if the engine is the portable one, or not here.
    pub(in crate::engine) fn of(engine: Engine, key: &FernetKey) -> Option<Self> {
        let path = Path::of(engine)?;
        let mut lanes = Self {
            path,
            keys: Box::new(ForwardKeys::blank()),
            states: Box::new(MacStates::blank()),
        };
        path.one().forward_keys(key.encryption(), &mut lanes.keys);
        path.one().mac_states(key.signing(), &mut lanes.states);
        Some(lanes)
    }

    /// Writes one whole token, which has exactly the length that `plain` takes.
    pub(in crate::engine) fn token(&self, prefix: &Prefix, plain: &[u8], token: &mut [u8]) {
        let keys = (&*self.keys, &*self.states);
        self.path.one().seal(keys, prefix, plain, token);
    }

    /// Writes the whole tokens of plaintexts of one length into `tokens`, one after the other. `prefix_of` is called in their order.
    pub(in crate::engine) fn tokens<'a>(
        &self,
        plains: impl ExactSizeIterator<Item = &'a [u8]>,
        token_len: usize,
        tokens: &mut [u8],
        mut prefix_of: impl FnMut() -> Prefix,
    ) {
        let mut plains = plains;
        let mut tokens = tokens.chunks_exact_mut(token_len);
        if let Path::Many(many) = self.path {
            while plains.len() >= WORTH_WHILE {
                let count = plains.len().min(LANES);
                // Lanes without a frame repeat the first one into a buffer that nobody reads.
                let mut spare = vec![0; (LANES - count) * token_len];
                let mut spares = spare.chunks_exact_mut(token_len);
                let mut lanes = [&[][..]; LANES];
                let mut prefixes = [[0; PREFIX_LEN]; LANES];
                for (lane, prefix) in lanes.iter_mut().zip(&mut prefixes).take(count) {
                    *lane = plains.next().unwrap_or_default();
                    *prefix = prefix_of();
                }
                let [first, ..] = lanes;
                for lane in lanes.iter_mut().skip(count) {
                    *lane = first;
                }
                let outputs = std::array::from_fn(|lane| {
                    let output = if lane < count {
                        tokens.next()
                    } else {
                        spares.next()
                    };
                    output.expect("a token a lane was made room for")
                });
                many.seal((&self.keys, &self.states), &prefixes, lanes, outputs);
            }
        }
        for (plain, token) in plains.zip(tokens) {
            self.token(&prefix_of(), plain, token);
        }
    }
}

/// Writes as much of `bytes` as url-safe base64 as the vector units take at once, and says how many bytes that was: a multiple of three.
pub(in crate::engine) fn base64(engine: Engine, bytes: &[u8], text: &mut [u8]) -> usize {
    match Path::of(engine) {
        Some(Path::Many(many)) => many.base64(bytes, text),
        Some(Path::One(_)) | None => 0,
    }
}

/// A key expanded for opening.
pub(in crate::engine) struct OpeningLanes {
    path: Path,
    keys: Box<InverseKeys>,
    states: Box<MacStates>,
}

impl OpeningLanes {
    /// `None` if the engine is the portable one, or not here.
    pub(in crate::engine) fn of(engine: Engine, key: &FernetKey) -> Option<Self> {
        let path = Path::of(engine)?;
        let mut lanes = Self {
            path,
            keys: Box::new(InverseKeys::blank()),
            states: Box::new(MacStates::blank()),
        };
        path.one().inverse_keys(key.encryption(), &mut lanes.keys);
        path.one().mac_states(key.signing(), &mut lanes.states);
        Some(lanes)
    }

    pub(in crate::engine) fn mac(&self, message: &[u8]) -> [u8; MAC_LEN] {
        self.path.one().mac(&self.states, message)
    }

    /// The MACs of messages of one length, at most sixteen. The rest of the result has no meaning.
    pub(in crate::engine) fn macs(&self, messages: &[&[u8]]) -> [[u8; MAC_LEN]; LANES] {
        match self.path {
            Path::Many(many) if messages.len() >= WORTH_WHILE => {
                let first = messages.first().copied().unwrap_or_default();
                let mut lanes = [first; LANES];
                for (lane, message) in lanes.iter_mut().zip(messages) {
                    *lane = message;
                }
                many.macs(&self.states, lanes)
            }
            Path::One(_) | Path::Many(_) => {
                let mut macs = [[0; MAC_LEN]; LANES];
                for (mac, message) in macs.iter_mut().zip(messages) {
                    *mac = self.mac(message);
                }
                macs
            }
        }
    }

    /// Decrypts a body that was verified into as many bytes.
    pub(in crate::engine) fn decrypt(&self, iv: &[u8; 16], body: &[u8], plain: &mut [u8]) {
        match self.path {
            Path::One(one) => one.decrypt(&self.keys, iv, body, plain),
            Path::Many(many) => many.decrypt(&self.keys, iv, body, plain),
        }
    }
}

/// A token in its parts, the prefix written.
pub(super) struct Parts<'a> {
    pub(super) body: &'a mut [u8],
    pub(super) tag: &'a mut [u8; MAC_LEN],
    /// How many bytes the MAC covers.
    pub(super) mac_input_len: usize,
}

/// Writes the prefix and splits the rest.
pub(super) fn parts<'a>(token: &'a mut [u8], prefix: &Prefix) -> Parts<'a> {
    let mac_input_len = token.len().saturating_sub(MAC_LEN);
    let (head, rest) = token
        .split_first_chunk_mut()
        .expect("a token begins with its prefix");
    *head = *prefix;
    let (body, tag) = rest
        .split_last_chunk_mut()
        .expect("a token ends with its MAC");
    Parts {
        body,
        tag,
        mac_input_len,
    }
}

/// The two blocks before the ciphertext, if seven bytes stood before the token: the second is the vector.
pub(super) fn leading(prefix: &Prefix) -> [[u8; 16]; 2] {
    let mut blocks = [[0; 16]; 2];
    let bytes = blocks.as_flattened_mut();
    for (target, byte) in bytes.iter_mut().skip(32 - PREFIX_LEN).zip(prefix) {
        *target = *byte;
    }
    blocks
}

/// How many blocks of SHA-256 the end of a token takes: the two blocks carried, `sealed` more, and the padding.
pub(super) const fn end_blocks(sealed: usize) -> usize {
    (16 * (sealed + 2) - 7 + 9).div_ceil(64)
}

/// The last block of all: seven bytes of a length in bits, moved as far as the token was. Its first byte belongs to the block before
/// and is zero.
pub(super) fn length_block(mac_input_len: usize) -> [u8; 16] {
    let [_zero, low @ ..] = bit_length(mac_input_len);
    let mut block = [0; 16];
    for (target, byte) in block.iter_mut().zip(low) {
        *target = byte;
    }
    block
}

/// The length in bits of a MAC input, the key block of HMAC included.
fn bit_length(mac_input_len: usize) -> [u8; 8] {
    let bytes = u64::try_from(mac_input_len).unwrap_or(u64::MAX);
    (bytes.saturating_add(64).saturating_mul(8)).to_be_bytes()
}

/// The last bytes of a MAC input with the padding of SHA-256, and how many blocks that makes.
pub(super) fn padded_tail(tail: &[u8], mac_input_len: usize) -> ([u8; 128], usize) {
    let count = (tail.len() + 9).div_ceil(64);
    let mut end = [0; 128];
    let marked = tail.iter().chain(&[0x80]);
    for (target, byte) in end.iter_mut().zip(marked) {
        *target = *byte;
    }
    let length = end.as_chunks_mut::<8>().0.get_mut(8 * count - 1);
    *length.expect("one block or two") = bit_length(mac_input_len);
    (end, count)
}

/// The bytes from `from` on, fewer than 64, with the padding of PKCS #7; and how many AES blocks that makes.
pub(super) fn padded_rest(plain: &[u8], from: usize) -> (Zeroizing<[u8; 64]>, usize) {
    let rest = plain.get(from..).unwrap_or_default();
    let count = rest.len() / BLOCK_LEN + 1;
    let padding = BLOCK_LEN - rest.len() % BLOCK_LEN;
    let filler = u8::try_from(padding).expect("a block has 16 bytes");
    let mut end = Zeroizing::new([0; 64]);
    let padded = rest.iter().chain(std::iter::repeat_n(&filler, padding));
    for (target, byte) in end.iter_mut().zip(padded) {
        *target = *byte;
    }
    (end, count)
}

/// The bytes behind the last whole block, with the padding of PKCS #7.
pub(super) fn last_block(tail: &[u8]) -> Zeroizing<[u8; 16]> {
    let filler = u8::try_from(BLOCK_LEN - tail.len()).expect("a block has 16 bytes");
    let mut block = Zeroizing::new([filler; BLOCK_LEN]);
    for (target, byte) in block.iter_mut().zip(tail) {
        *target = *byte;
    }
    block
}
