//! Signer and verifier keys and their text. A signer key never shows itself, is never copied and
//! is wiped when dropped.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

/// What a signature type is called on the wire. Others exist; a key of another type is refused.
const ED25519_TYPE: u8 = 0x01;

/// A key text is not as the format says. Says which part, never what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The parts are not those of the format.
    #[error("the key is not <name>+<hash>+<base64>, or PRIVATE+KEY+ and the same")]
    Form,
    /// The name is empty, or holds a space or a plus.
    #[error("the name of the key is empty, or holds a space, a plus or a control character")]
    Name,
    /// The hash is not eight lower-case hexadecimal digits.
    #[error("the hash of the key is not eight lower-case hexadecimal digits")]
    Hash,
    /// The last part is not the base64 of a type byte and 32 bytes.
    #[error("the last part of the key is not the base64 of a type byte and 32 bytes")]
    Material,
    /// The type byte is not that of Ed25519.
    #[error("the key is not of type Ed25519")]
    Algorithm,
    /// The hash does not belong to the key: one character was changed.
    #[error("the hash of the key does not belong to it")]
    Mismatch,
    /// No new key could be made.
    #[error("the system gave no randomness")]
    Random,
}

impl KeyError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Random => "TR-005",
            Self::Form
            | Self::Name
            | Self::Hash
            | Self::Material
            | Self::Algorithm
            | Self::Mismatch => "TR-001",
        }
    }
}

/// An Ed25519 key that signs notes. Wiped when dropped; it has no copy and no readable form but
/// [`SignerKey::to_text`].
pub struct SignerKey {
    name: String,
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl SignerKey {
    /// Makes a new key of this name. A log's key is named as its origin.
    ///
    /// # Errors
    /// If no key may have this name, or the system gives no randomness.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let mut seed = Zeroizing::new([0; 32]);
        let filled = SystemRandom::new().fill(seed.as_mut_slice());
        filled.map_err(|_unspecified| KeyError::Random)?;
        Self::from_seed(name, seed).ok_or(KeyError::Random)
    }

    /// Reads `PRIVATE+KEY+<name>+<hash>+<base64>`; space around it is ignored.
    ///
    /// # Errors
    /// Which part is wrong.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let body = text
            .trim()
            .strip_prefix("PRIVATE+KEY+")
            .ok_or(KeyError::Form)?;
        let (name, hash, material) = parts(body)?;
        let key = Self::from_seed(name, material).ok_or(KeyError::Material)?;
        if key.hash() == hash {
            Ok(key)
        } else {
            Err(KeyError::Mismatch)
        }
    }

    /// The text that [`SignerKey::from_text`] reads. Secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut blob = Zeroizing::new(vec![ED25519_TYPE]);
        blob.extend_from_slice(self.seed.as_slice());
        let encoded = Zeroizing::new(STANDARD.encode(blob.as_slice()));
        Zeroizing::new(format!(
            "PRIVATE+KEY+{}+{:08x}+{}",
            self.name,
            self.hash(),
            *encoded
        ))
    }

    /// The name in its signatures.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that checks its signatures.
    #[must_use]
    pub fn verifier_key(&self) -> VerifierKey {
        self.verifier.clone()
    }

    pub(super) fn hash(&self) -> u32 {
        self.verifier.hash
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature = self.pair.sign(message);
        let mut bytes = [0; 64];
        bytes.copy_from_slice(signature.as_ref());
        bytes
    }

    fn from_seed(name: &str, seed: Zeroizing<[u8; 32]>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        let verifier = VerifierKey::new(name, public);
        Some(Self {
            name: name.to_owned(),
            seed,
            pair,
            verifier,
        })
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerKey")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// An Ed25519 key that checks notes: the text `<name>+<hash>+<base64>`, safe to hand to anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    hash: u32,
    public: [u8; 32],
}

impl VerifierKey {
    /// The name in the signatures it checks.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes by which a signature line names its key.
    #[must_use]
    pub fn hash(&self) -> u32 {
        self.hash
    }

    /// Name and hash, as a person would name the key.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{}+{:08x}", self.name, self.hash)
    }

    pub(super) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(message, signature)
            .is_ok()
    }

    fn new(name: &str, public: [u8; 32]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(name.as_bytes());
        context.update(&[b'\n', ED25519_TYPE]);
        context.update(&public);
        let sum = context.finish();
        let first = sum.as_ref().first_chunk::<4>().copied().unwrap_or_default();
        Self {
            name: name.to_owned(),
            hash: u32::from_be_bytes(first),
            public,
        }
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, hash, public) = parts(text)?;
        let key = Self::new(name, *public);
        if key.hash == hash {
            Ok(key)
        } else {
            Err(KeyError::Mismatch)
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blob = vec![ED25519_TYPE];
        blob.extend_from_slice(&self.public);
        write!(
            f,
            "{}+{:08x}+{}",
            self.name,
            self.hash,
            STANDARD.encode(blob)
        )
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// Whether a name may stand in a key and in a signature line.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.chars().all(allowed)
}

/// Takes `<name>+<hash>+<base64 of type and 32 bytes>` apart.
fn parts(text: &str) -> Result<(&str, u32, Zeroizing<[u8; 32]>), KeyError> {
    let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
    let (hash, encoded) = rest.split_once('+').ok_or(KeyError::Form)?;
    if !is_name(name) {
        return Err(KeyError::Name);
    }
    let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hash.len() != 8 || !hash.bytes().all(digits) {
        return Err(KeyError::Hash);
    }
    let hash = u32::from_str_radix(hash, 16).ok().ok_or(KeyError::Hash)?;
    let blob = Zeroizing::new(STANDARD.decode(encoded).ok().ok_or(KeyError::Material)?);
    let (kind, material) = blob.split_first().ok_or(KeyError::Material)?;
    if *kind != ED25519_TYPE {
        return Err(KeyError::Algorithm);
    }
    let material = material.try_into().ok().ok_or(KeyError::Material)?;
    Ok((name, hash, Zeroizing::new(material)))
}
