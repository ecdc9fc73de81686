//! The durable, bounded, sealed queue between a producer and a consumer that may be gone.
//!
//! Acknowledged means on disk. A queue is a directory with one owner: segment files of sealed
//! records, written and synced in groups by one thread, delivered in order, removed when the
//! receiver has them. It is put-only on one side and get-only on the other, and neither can open
//! a sealed record: intake cannot read its own past. Every wait has a deadline, and running into
//! it is a value.
//!
//! Code map, in reading order:
//! - [`settings`]: what an owner decides, and the bounds that hold anyway.
//! - [`position`]: segments, the places of records, file names. `place`: the directory.
//! - [`refusal`]: why a handle said no. [`codes`]: every code, and how to mend it.
//! - [`key_source`]: where the key of a segment comes from.
//! - [`spool`]: opening. [`recovery`]: what that found and mended.
//! - [`producer`], [`consumer`]: the put-only and the get-only handle.
//! - `owner`: the thread and its channel. `engine`: what it keeps, without any thread.
//!   `engine/disposal`: delivered, tried again, dead letter.
//! - `segment`: the file being written. `shelf`: those that wait. `room`: the high-water mark.
//! - `window`, `seen`: the memory against repeats, in memory and on disk. `reserve`: the space that
//!   keeps deliveries possible on a full disk.
//! - [`journal`]: the sealed append log that its owner reads back.
//! - `medium`: the file operations, and a disk for tests that fails at each.
//! - [`probe`]: the bare disk, to compare with.
//!
//! On disk, below the directory of a spool: `lock`; `epoch`, the producer and the current epoch;
//! `segments/<epoch>-<segment>.open` or `.ready`, and `.failures` beside one that was refused;
//! `seen`; `reserve`; `dead/`, dead letters each with a `.reason`; `torn/`, tails that were cut.

pub mod codes;
pub mod consumer;
pub mod journal;
pub mod key_source;
pub mod position;
pub mod probe;
pub mod producer;
pub mod recovery;
pub mod refusal;
pub mod settings;
pub mod spool;

mod engine;
mod medium;
mod owner;
mod place;
mod reserve;
mod room;
mod seen;
mod segment;
mod shelf;
mod window;

pub use codes::CODES;
pub use cofferdam_seal::Tag;
pub use consumer::{Consumer, Fate, Segment};
pub use journal::{Journal, JournalError, JournalErrorKind, JournalRecovery};
pub use key_source::{KeySource, KeySourceError};
pub use position::{Position, SegmentId};
pub use probe::probe_commit_rate;
pub use producer::{Depth, Producer, Put};
pub use recovery::{Damaged, Recovery, Torn};
pub use refusal::{ConsumeError, DiskError, PutError};
pub use settings::{RECORD_BYTES_MAX, SpoolSettings};
pub use spool::{Clock, OpenError, OpenErrorKind, open};
