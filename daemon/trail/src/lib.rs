//! The audit log: what happened in a zone, in order, so that nobody can change it unseen.
//!
//! Answers one question: *is this all of it, and is it unchanged?* It writes the C2SP formats
//! (`tlog-tiles`, `tlog-checkpoint`, `signed-note`) bit for bit, so that an auditor may check a
//! directory with tools that were not written here. It never sends anything anywhere, never
//! decides what an event means, and never stores a direct identifier.
//!
//! Code map, in reading order:
//!
//! - [`Hash`](struct@Hash): 32 bytes of SHA-256, and how they are written.
//! - [`merkle`]: RFC 6962 hashing, inclusion and consistency proofs, made and verified.
//! - [`note`]: signed notes, signer and verifier keys, key files.
//! - [`checkpoint`]: the three lines that a log signs.
//! - [`tile`]: where each tile and entry bundle lies, and how a bundle is read.
//! - [`event`]: the catalogue of everything that is recorded.
//! - [`Entry`]: one thing that happened; `leaf` turns it into the line that is hashed.
//! - `edge`: the growing right side of the tree, in memory.
//! - `wal`: the write-ahead log, frames, torn tails, and the checks of each commit.
//! - `publish`: tiles, bundles and checkpoints written to disk, once.
//! - `recover`: what is believed, and what is refused, when a log is opened.
//! - `writer`: the one thread that owns the log; [`Trail`] is the handle to it.
//! - `archive`: reads published files and makes proofs from them.
//! - [`verify`]: reads a directory as an auditor does, trusting only a verifier key.
//! - [`CODES`]: every refusal that can leave this crate, with its remedy.

mod archive;
pub mod checkpoint;
mod clock;
mod codes;
mod edge;
mod entry;
pub mod event;
mod hash;
mod leaf;
pub mod merkle;
pub mod note;
mod publish;
mod recover;
#[cfg(test)]
mod scene;
pub mod tile;
mod trail;
#[cfg(test)]
mod vectors;
pub mod verify;
mod wal;
mod writer;

pub use checkpoint::Checkpoint;
pub use codes::CODES;
pub use entry::{Entry, Phase, Status};
pub use event::Event;
pub use hash::Hash;
pub use leaf::LeafError;
pub use note::{SignerKey, VerifierKey};
pub use recover::{OpenError, OpenErrorKind, Recovery, Torn};
pub use trail::{AppendError, AppendErrorKind, Receipt, Settings, Trail};

/// The largest leaf that is accepted, in bytes.
pub const LEAF_LIMIT_BYTES: usize = 16 * 1024;
