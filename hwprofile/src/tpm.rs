//! What a TPM 2.0 is asked and what it answers (TPM 2.0 Library, part 3), as far as a machine's
//! identity needs it: who made it, and its endorsement keys.
//!
//! Owns the bytes of both directions and the one conversation, over anything that can be read and
//! written; it opens no device. It sends only commands that change nothing, and must never show a
//! password where the TPM counts the wrong ones: after a few of them it locks itself.
//!
//! A software TPM answers in the same words. Nothing in here can tell one from a chip, and nothing
//! may claim to.

mod answer;
mod certificate;
mod client;
mod command;
mod endorsement;
mod key;

pub use answer::AnswerError;
pub use certificate::public_key;
pub use client::TpmError;
pub use endorsement::{Endorsement, EndorsementKey, ask};
pub(crate) use key::pinned;

#[cfg(test)]
mod tests;
