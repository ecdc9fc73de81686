//! The keyring: what Python calls `MultiFernet`. The first key seals, every key opens.
//!
//! Owns text tokens and the order of keys. Must never say which key failed or why a token was refused.

mod file;
mod grow;
mod place;
mod watch;

use std::fmt;

use zeroize::Zeroizing;

pub(crate) use self::file::sync_directory_of;
pub use self::file::{KeyringError, KeyringErrorKind};
pub use self::place::{KeyringPlace, KeyringSources};
pub use self::watch::KeyringFile;
use crate::FernetKey;
use crate::alphabet;
use crate::codes::{Code, coded};
use crate::engine::open::{self, Meta, OpeningKey, Refused};
use crate::engine::seal::{self, SealingKey};
use crate::engine::{VERSION, token_len};
use crate::key::Fingerprint;
use crate::random::{self, RandomError};

/// How far ahead a token's time may be when its age is checked, in seconds.
const CLOCK_SKEW_SECONDS: u128 = 60;
/// The most keys a ring holds: every one is tried on a token that none opens.
pub(crate) const KEY_LIMIT: usize = 64;

/// How many bytes of raw tokens of a batch are held at once: they stay in the nearest cache.
const BATCH_BYTES: usize = 32 * 1024;
/// How many of them at least: as many as the engines take side by side.
const BATCH_LEAST: usize = 16;

/// How old a token may be, and what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// The greatest age, in seconds.
    pub seconds: u64,
    /// The time now, in Unix seconds.
    pub now: u64,
}

impl Ttl {
    /// Python's rule, in numbers that cannot overflow.
    fn admits(self, created: u64) -> bool {
        let [seconds, now, created] = [self.seconds, self.now, created].map(u128::from);
        created + seconds >= now && now + CLOCK_SKEW_SECONDS >= created
    }
}

/// One to sixty-four keys in order. Wiped when dropped.
pub struct Keyring {
    keys: Vec<FernetKey>,
    sealing: SealingKey,
    opening: Vec<OpeningKey>,
}

impl Keyring {
    /// A ring of these keys; the first is primary.
    ///
    /// # Errors
    /// [`KeyringError`] if there is no key, or more than 64.
    pub fn from_keys(keys: Vec<FernetKey>) -> Result<Self, KeyringError> {
        let Some(primary) = keys.first() else {
            return Err(KeyringErrorKind::Empty.at(None));
        };
        if keys.len() > KEY_LIMIT {
            return Err(KeyringErrorKind::TooLarge.at(None));
        }
        let sealing = SealingKey::of(primary);
        let opening = keys.iter().map(OpeningKey::of).collect();
        Ok(Self {
            keys,
            sealing,
            opening,
        })
    }

    /// The key that seals.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "no constructor makes an empty ring"
    )]
    pub fn primary(&self) -> &FernetKey {
        self.keys.first().expect("a ring is never empty")
    }

    /// How many keys the ring holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The fingerprints of the keys, in their order.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.keys.iter().map(FernetKey::fingerprint)
    }

    /// Whether the primary key by itself opens a raw token.
    pub(crate) fn primary_opens(&self, token: &[u8]) -> bool {
        let mut plain = Zeroizing::new(Vec::with_capacity(token.len()));
        let primary = self.opening.first();
        primary.is_some_and(|key| open::token(key, token, |_| true, &mut plain).is_ok())
    }

    /// Seals a plaintext into token text, as Python's `encrypt_at_time`.
    ///
    /// # Errors
    /// [`RandomError`] when the kernel gives no randomness.
    pub fn encrypt(&self, plain: &[u8], now: u64) -> Result<String, RandomError> {
        let iv = random::block()?;
        let mut token = Vec::with_capacity(token_len(plain.len()));
        seal::token(&self.sealing, &iv, now, plain, &mut token);
        Ok(alphabet::encode_token(&token))
    }

    /// Seals many plaintexts at once, each into a token of its own, in their order. On a CPU with vector engines many small plaintexts of
    /// one length cost a fraction of as many calls of [`encrypt`](Self::encrypt).
    ///
    /// # Errors
    /// [`RandomError`] when the kernel gives no randomness.
    #[expect(clippy::missing_panics_doc, reason = "there are as many vectors")]
    pub fn encrypt_all(&self, plains: &[&[u8]], now: u64) -> Result<Vec<String>, RandomError> {
        let mut vectors = vec![[0; 16]; plains.len()];
        random::fill(vectors.as_flattened_mut())?;
        let mut order: Vec<(usize, &[u8], [u8; 16])> = plains
            .iter()
            .zip(vectors)
            .enumerate()
            .map(|(place, (plain, iv))| (place, *plain, iv))
            .collect();
        order.sort_by_key(|(_, plain, _)| plain.len());
        let mut texts = vec![String::new(); plains.len()];
        let mut tokens = Vec::new();
        for equal in order.chunk_by(|(_, a, _), (_, b, _)| a.len() == b.len()) {
            let length = equal.first().map_or(0, |(_, plain, _)| plain.len());
            for some in equal.chunks((BATCH_BYTES / token_len(length)).max(BATCH_LEAST)) {
                let mut vectors = some.iter().map(|(_, _, iv)| *iv);
                tokens.clear();
                seal::run(
                    &self.sealing,
                    now,
                    (some.iter().map(|(_, plain, _)| *plain), length),
                    |_| vectors.next().expect("a vector a plaintext"),
                    &mut tokens,
                );
                for ((place, _, _), token) in
                    some.iter().zip(tokens.chunks_exact(token_len(length)))
                {
                    if let Some(text) = texts.get_mut(*place) {
                        *text = alphabet::encode_token(token);
                    }
                }
            }
        }
        Ok(texts)
    }

    /// Opens token text, as Python's `decrypt` (without a [`Ttl`] no time is looked at) and
    /// `decrypt_at_time` (with one, it may be neither too old nor more than 60 s ahead).
    ///
    /// # Errors
    /// [`TokenError`], the same for every cause.
    pub fn decrypt(&self, token: &str, ttl: Option<Ttl>) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let token = alphabet::decode_token(token).ok_or(TokenError)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(token.len()));
        let wanted = |meta: &Meta| ttl.is_none_or(|ttl| ttl.admits(meta.created));
        self.open_if(&token, wanted, &mut plain)
            .map_err(|_refused| TokenError)?;
        Ok(plain)
    }

    /// When the token was sealed, in Unix seconds, once its MAC was verified. As Python's
    /// `extract_timestamp`, this does not look at the ciphertext.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn extract_timestamp(&self, token: &str) -> Result<u64, TokenError> {
        let token = alphabet::decode_token(token).ok_or(TokenError)?;
        let (&version, rest) = token.split_first().ok_or(TokenError)?;
        let time = rest.first_chunk().ok_or(TokenError)?;
        if version == VERSION && self.opening.iter().any(|key| key.signed(&token)) {
            Ok(u64::from_be_bytes(*time))
        } else {
            Err(TokenError)
        }
    }

    /// Seals the plaintext of a token anew under the primary key, keeping its time.
    ///
    /// # Errors
    /// [`RotateError`] if no key opens the token, or there is no randomness.
    pub fn rotate(&self, token: &str) -> Result<String, RotateError> {
        let old = alphabet::decode_token(token).ok_or(RotateError::Token(TokenError))?;
        let mut plain = Zeroizing::new(Vec::with_capacity(old.len()));
        let meta = self
            .open_raw(&old, &mut plain)
            .map_err(|_refused| RotateError::Token(TokenError))?;
        self.encrypt(&plain, meta.created)
            .map_err(RotateError::Random)
    }

    /// Opens a raw token with whichever key fits.
    pub(crate) fn open_raw(&self, token: &[u8], plain: &mut Vec<u8>) -> Result<Meta, Refused> {
        self.open_if(token, |_| true, plain)
    }

    fn open_if(
        &self,
        token: &[u8],
        wanted: impl Fn(&Meta) -> bool,
        plain: &mut Vec<u8>,
    ) -> Result<Meta, Refused> {
        self.opening
            .iter()
            .find_map(|key| open::token(key, token, &wanted, plain).ok())
            .ok_or(Refused)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys, redacted)", self.keys.len())
    }
}

/// No key of the ring opens the token. One error for every cause, so that it tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("open a token: refused")]
pub struct TokenError;

impl TokenError {
    #[expect(
        clippy::unused_self,
        reason = "the shape that every error of this crate has"
    )]
    fn reason(self) -> Code {
        Code::TokenRefused
    }
}

coded!(TokenError);

/// Why a token was not rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// The token was refused.
    #[error("rotate a token")]
    Token(#[source] TokenError),
    /// There was no randomness to seal it anew.
    #[error("rotate a token")]
    Random(#[source] RandomError),
}

impl RotateError {
    fn reason(self) -> Code {
        match self {
            Self::Token(error) => error.reason(),
            Self::Random(error) => error.reason(),
        }
    }
}

coded!(RotateError);

#[cfg(test)]
mod tests;
