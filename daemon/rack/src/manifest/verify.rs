//! Who signed a note, and whether that is enough; and how a signature is added to one.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cofferdam_hwprofile::Refusal;
use cofferdam_trail::note::{self, NoteError, VerifierKey};
use cofferdam_trail::{SignerKey, note::Verified};

use super::statement::Statement;
use super::{NOTE_FILE, Signed, directory};
use crate::identity::shown;
use crate::{Code, Faults, Operators};

const DASH: &str = "\u{2014} ";

/// Believes a note if enough operators signed it.
///
/// # Errors
/// Why it is not believed.
pub(super) fn verify(
    dir: &Path,
    text: &str,
    operators: &Operators,
) -> Result<(Statement, Vec<String>), Faults> {
    let quorum = operators.quorum()?;
    let at = dir.join(NOTE_FILE);
    let refuse = |code: Code, seen: String| {
        let refusal = Refusal::new(
            code.as_str(),
            "the manifest is not believed, so nothing in it is in force",
            code.entry().mend,
        );
        refusal.read(format!("{}: {seen}", at.display()))
    };
    let verified = match note::verify(text, &operators.keys) {
        Ok(verified) => verified,
        Err(NoteError::Unsigned) => Verified {
            text: String::new(),
            by: Vec::new(),
        },
        Err(NoteError::FalseSignature(name)) => {
            let seen = format!("the signature by {name} does not hold");
            return Err(Faults::one(refuse(Code::SignatureFalse, seen)));
        }
        Err(error @ (NoteError::Malformed(_) | NoteError::Ambiguous(_))) => {
            return Err(Faults::one(refuse(Code::NoteMalformed, error.to_string())));
        }
    };
    if verified.by.len() < quorum {
        let code = if strangers(text, operators).is_empty() {
            Code::SignaturesMissing
        } else {
            Code::OperatorUnknown
        };
        let seen = format!(
            "signed by {} of {} operators, {quorum} are needed",
            verified.by.len(),
            operators.keys.len()
        );
        let mut refusal = refuse(code, seen);
        for name in strangers(text, operators) {
            refusal = refusal.also(format!("signed by {name:?}, who is no operator here"));
        }
        for key in operators
            .keys
            .iter()
            .filter(|key| !verified.by.contains(key))
        {
            refusal = refusal.also(format!("not signed by {}", key.short()));
        }
        return Err(Faults::one(refusal));
    }
    let statement = Statement::parse(&verified.text)
        .map_err(|what| Faults::one(refuse(Code::NoteMalformed, what.to_owned())))?;
    Ok((
        statement,
        verified
            .by
            .iter()
            .map(|key| key.name().to_owned())
            .collect(),
    ))
}

/// The signers on a note that are no operator here, by name and key hash as they are written there.
fn strangers(text: &str, operators: &Operators) -> Vec<String> {
    let known: BTreeSet<String> = operators.keys.iter().map(VerifierKey::short).collect();
    let signers = signature_lines(text).filter_map(signer);
    signers
        .filter(|name| !known.contains(name))
        .map(|name| shown(&name))
        .collect()
}

fn signature_lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.rsplit_once("\n\n").map_or("", |(_, lines)| lines);
    lines.split_terminator('\n')
}

/// Who claims to have signed on a signature line, as [`VerifierKey::short`] names a key.
fn signer(line: &str) -> Option<String> {
    let (name, blob) = line.strip_prefix(DASH)?.split_once(' ')?;
    let blob = STANDARD.decode(blob).ok()?;
    let hash = u32::from_be_bytes(*blob.first_chunk()?);
    Some(format!("{name}+{hash:08x}"))
}

/// Signs a statement and writes the note, keeping the signatures that others gave to the same text.
///
/// # Errors
/// If the note that is there forbids it, or the new one cannot be written.
pub(super) fn sign(
    dir: &Path,
    statement: &Statement,
    signers: &[&SignerKey],
) -> Result<Signed, Faults> {
    let text = statement.to_string();
    if signers.is_empty() {
        let refusal = Refusal::new(
            Code::SignaturesMissing.as_str(),
            "nothing is signed, because there is no key to sign with",
            "give the key of an operator",
        );
        return Err(Faults::one(refusal.read("no signing key".to_owned())));
    }
    let mut note = note::sign(&text, signers);
    let fresh: BTreeSet<String> = signers
        .iter()
        .map(|key| key.verifier_key().short())
        .collect();
    let is_others = |line: &str, fresh: &BTreeSet<String>| {
        signer(line).is_some_and(|name| !fresh.contains(&name))
    };
    if directory::has_note(dir) {
        let former = directory::read_note(dir)?;
        let body = former
            .rsplit_once("\n\n")
            .map(|(body, _)| format!("{body}\n"));
        let same = body.as_deref() == Some(text.as_str());
        if same {
            for line in signature_lines(&former).filter(|line| is_others(line, &fresh)) {
                note.push_str(line);
                note.push('\n');
            }
        } else {
            follows(dir, statement, body.as_deref().unwrap_or(""))?;
        }
    }
    directory::write_note(dir, &note)?;
    Ok(Signed {
        digest: statement.digest(),
        signers: signature_lines(&note).filter_map(signer).collect(),
    })
}

/// Whether a new statement may take the place of what the former note states.
fn follows(dir: &Path, new: &Statement, former: &str) -> Result<(), Faults> {
    let at = dir.join(NOTE_FILE);
    let refuse = |code: Code, seen: String| {
        let consequence = "the manifest is not signed";
        let refusal = Refusal::new(code.as_str(), consequence, code.entry().mend);
        Faults::one(refusal.read(format!("{}: {seen}", at.display())))
    };
    let former = Statement::parse(former).map_err(|what| {
        refuse(
            Code::NoteMalformed,
            format!("the note that is there: {what}"),
        )
    })?;
    match new.epoch.cmp(&former.epoch) {
        std::cmp::Ordering::Greater => Ok(()),
        std::cmp::Ordering::Equal => Err(refuse(
            Code::EpochReused,
            format!("epoch {} was signed for other files", former.epoch),
        )),
        std::cmp::Ordering::Less => Err(refuse(
            Code::EpochLower,
            format!("epoch {} after epoch {}", new.epoch, former.epoch),
        )),
    }
}
