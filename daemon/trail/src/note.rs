//! Signed notes (C2SP `signed-note`): text that is worth reading only once a known key vouches
//! for it. Never hands out a text whose signature was not checked.

mod key;
mod key_file;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use key::{KeyError, SignerKey, VerifierKey};
pub use key_file::{KeyFileError, KeyFileErrorKind};

/// The most signature lines a note may carry; the format asks for at least 16.
pub const SIGNATURES_LIMIT: usize = 100;

/// The longest note that is looked at, in bytes.
pub const NOTE_LIMIT_BYTES: usize = 1 << 20;

/// A text and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The signed text, its last newline included.
    pub text: String,
    /// The keys whose signature was checked and holds; never empty.
    pub by: Vec<VerifierKey>,
}

/// Why a note is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It does not have the form of a signed note.
    #[error("the note is malformed: {0}")]
    Malformed(&'static str),
    /// No signature is by a key that is trusted.
    #[error("no signature of the note is by a trusted key")]
    Unsigned,
    /// A signature claims a trusted key and is false.
    #[error("the signature by {0} does not hold")]
    FalseSignature(String),
    /// Two trusted keys have the same name and hash.
    #[error("two trusted keys are both called {0}")]
    Ambiguous(String),
}

impl NoteError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "TR-006",
            Self::Unsigned => "TR-007",
            Self::FalseSignature(_) => "TR-008",
            Self::Ambiguous(_) => "TR-009",
        }
    }
}

/// Says whether a text can be signed: not empty, newline at its end, no other control character.
///
/// # Errors
/// What is wrong with it.
pub fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("the text does not end in a newline"));
    }
    check_characters(text)
}

/// Signs a text with each key, in the order given.
///
/// # Panics
/// If [`check_text`] refuses the text or there is no key: both are the caller's to know.
#[must_use]
pub fn sign(text: &str, keys: &[&SignerKey]) -> String {
    assert!(
        check_text(text).is_ok(),
        "a text to sign was checked by its author"
    );
    assert!(!keys.is_empty(), "a signed note has at least one signature");
    let mut note = format!("{text}\n");
    for key in keys {
        let mut blob = key.hash().to_be_bytes().to_vec();
        blob.extend_from_slice(&key.sign(text.as_bytes()));
        note.push_str("\u{2014} ");
        note.push_str(key.name());
        note.push(' ');
        STANDARD.encode_string(blob, &mut note);
        note.push('\n');
    }
    note
}

/// Checks a note against the trusted keys. Signatures by unknown keys are ignored; a false one
/// by a known key condemns the whole note.
///
/// # Errors
/// Why the note is not believed.
pub fn verify(note: &str, keys: &[VerifierKey]) -> Result<Verified, NoteError> {
    let (text, lines) = split(note)?;
    let mut by: Vec<VerifierKey> = Vec::new();
    for (count, line) in lines.split_terminator('\n').enumerate() {
        if count >= SIGNATURES_LIMIT {
            return Err(NoteError::Malformed("there are too many signatures"));
        }
        let (name, hash, signature) = signature_line(line)?;
        let mut known = keys
            .iter()
            .filter(|key| key.name() == name && key.hash() == hash);
        let Some(key) = known.next() else { continue };
        if known.next().is_some() {
            return Err(NoteError::Ambiguous(key.short()));
        }
        if by.contains(key) {
            continue;
        }
        if !key.holds(text.as_bytes(), &signature) {
            return Err(NoteError::FalseSignature(key.short()));
        }
        by.push(key.clone());
    }
    if by.is_empty() {
        return Err(NoteError::Unsigned);
    }
    Ok(Verified {
        text: text.to_owned(),
        by,
    })
}

/// The text of a note that nobody vouches for yet: only to find out what to look at next.
pub(crate) fn unverified_text(note: &str) -> Result<&str, NoteError> {
    split(note).map(|(text, _)| text)
}

/// Parts the text from the signature lines at the last empty line.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    if note.len() > NOTE_LIMIT_BYTES {
        return Err(NoteError::Malformed("it is longer than a mebibyte"));
    }
    check_characters(note)?;
    let at = note
        .rfind("\n\n")
        .ok_or(NoteError::Malformed("no empty line ends the text"))?;
    let (text, rest) = note.split_at(at.saturating_add(1));
    let lines = rest.strip_prefix('\n').unwrap_or(rest);
    if lines.is_empty() {
        return Err(NoteError::Malformed("there is no signature line"));
    }
    if !lines.ends_with('\n') {
        return Err(NoteError::Malformed("the last line has no newline"));
    }
    Ok((text, lines))
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::Malformed("it holds a control character"));
    }
    Ok(())
}

/// Reads `— <name> base64(hash || signature)`.
fn signature_line(line: &str) -> Result<(&str, u32, Vec<u8>), NoteError> {
    const WRONG: NoteError = NoteError::Malformed("a signature line is not as the format says");
    let body = line.strip_prefix("\u{2014} ").ok_or(WRONG)?;
    let (name, encoded) = body.split_once(' ').ok_or(WRONG)?;
    if !key::is_name(name) {
        return Err(WRONG);
    }
    let blob = STANDARD.decode(encoded).ok().ok_or(WRONG)?;
    let (hash, signature) = blob.split_first_chunk::<4>().ok_or(WRONG)?;
    if signature.is_empty() {
        return Err(WRONG);
    }
    Ok((name, u32::from_be_bytes(*hash), signature.to_vec()))
}

#[cfg(test)]
mod tests;
