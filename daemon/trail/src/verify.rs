//! Reads a directory as an auditor does: trusts a verifier key and nothing else. Shares no state
//! with the writer, changes nothing, and needs no daemon.
//!
//! Trust runs downwards: the key vouches for the checkpoint, its root for the tiles at the right
//! edge, each hash in a tile for the tile below, and a tile of level zero for its leaves. The first
//! thing that does not agree with what is already trusted is the thing that was changed.

mod entries;
mod fault;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;

pub use entries::{Entries, entries};
pub use fault::Fault;

pub use crate::archive::Archive;
use crate::note::{self, NoteError};
use crate::{Checkpoint, Hash, VerifierKey};

/// What a whole, unchanged log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which log.
    pub origin: String,
    /// How many leaves the signed checkpoint covers; each was checked.
    pub size: u64,
    /// The signed root.
    pub root: Hash,
    /// How many leaves there are of each event.
    pub events: BTreeMap<String, u64>,
    /// How many bytes of leaves were hashed.
    pub bytes: u64,
    /// The trusted keys whose signatures hold.
    pub signed_by: Vec<VerifierKey>,
}

/// Checks a directory whole: signature, tree, every tile, every leaf. Memory does not grow with the
/// log. A log that is being written may be checked; what is beyond its checkpoint is not looked at.
///
/// # Errors
/// The first thing that was changed, removed or is not this log's.
pub fn verify_dir(dir: &Path, keys: &[VerifierKey]) -> Result<Verified, Fault> {
    let archive = Archive::new(dir);
    let (checkpoint, signed_by) = trusted_checkpoint(&archive.checkpoint_note()?, keys)?;
    let counted = walk::walk(&archive, &checkpoint)?;
    Ok(Verified {
        origin: checkpoint.origin,
        size: checkpoint.size,
        root: checkpoint.root,
        events: counted.events,
        bytes: counted.bytes,
        signed_by,
    })
}

/// Reads a signed checkpoint; one of the trusted keys must have signed it, and the log's own key is
/// named as its origin.
///
/// # Errors
/// Why it is not believed.
pub fn trusted_checkpoint(
    signed: &str,
    keys: &[VerifierKey],
) -> Result<(Checkpoint, Vec<VerifierKey>), Fault> {
    let verified = note::verify(signed, keys).map_err(|error| {
        let code = match &error {
            NoteError::Malformed(_) => "TR-202",
            NoteError::Unsigned | NoteError::Ambiguous(_) => "TR-203",
            NoteError::FalseSignature(_) => "TR-204",
        };
        Fault::new(code, error.to_string())
    })?;
    let checkpoint = Checkpoint::parse(&verified.text)
        .map_err(|error| Fault::new("TR-202", error.to_string()))?;
    if !verified
        .by
        .iter()
        .any(|key| key.name() == checkpoint.origin)
    {
        let what = format!(
            "the origin is {}, which is no key that signed",
            checkpoint.origin
        );
        return Err(Fault::new("TR-205", what));
    }
    Ok((checkpoint, verified.by))
}

#[cfg(test)]
mod tests;
