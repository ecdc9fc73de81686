//! Storage: sealed objects behind the S3 protocol.
//!
//! Answers one question: *what was put here, and is it still exactly that?* Every object is a
//! sealed file with a data key of its own; names, metadata and digests live in one sealed
//! catalogue; an answer is given only when both are on disk.
//!
//! Code map, in reading order:
//!
//! - [`code`]: every reason to refuse or to fail. [`fault`]: a code, what was seen, the cause.
//! - [`catalogue`]: buckets, keys, objects, conditional writes and listings, as a pure value.
//! - [`digest`]: the MD5 and the checksums of a body.
//! - [`object`]: the folder of sealed files, durable one by one.
//! - [`upload`]: plaintext in, sealed file out. [`segment`]: intake's segments, verified, kept.
//! - [`read`]: the way out, authenticated and bounded.
//! - [`commit`]: the one place where the catalogue changes, in durable groups.
//! - [`seam`]: keys, receipts and the caller, as the node gives them.
//! - [`store`]: all of that together.
//! - [`grant`]: which access key was given to which zone.
//! - [`s3`]: the protocol on top.
//! - [`zone`]: the program around it.

pub mod catalogue;
pub mod code;
pub mod commit;
pub mod digest;
pub mod fault;
pub mod grant;
pub mod object;
pub mod read;
pub mod s3;
pub mod seam;
pub mod segment;
pub mod store;
pub mod upload;
pub mod zone;

#[cfg(test)]
mod rig;

pub use code::{CODES, Code};
pub use store::Store;
pub use zone::Storage;
