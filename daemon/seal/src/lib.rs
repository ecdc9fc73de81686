//! Fernet tokens, keyrings and the sealed-object format.
//!
//! Symmetric at rest: everything this crate writes, any Fernet library opens again with the key alone.
//! What Fernet by itself does not stop (frames swapped, dropped, repeated or moved between objects) is
//! refused, at no extra byte, because a frame's initialisation vector is its position. The format is
//! written out in `docs/sealed-object.md`, with vectors in `vectors/` and readers in Python in `docs/`.
//!
//! The code map, in reading order:
//!
//! - `codes`: every code this crate can emit.
//! - `random`: the one door to randomness.
//! - `alphabet`: base64, in constant time for keys and as tolerant as Python for tokens.
//! - `key`: the Fernet key.
//! - `engine`: the raw token: `engine/seal.rs`, `engine/open.rs`, `engine/mac.rs`; `engine/lanes` holds the
//!   vector paths, and in `lanes/sys.rs` the only unsafe code of the crate.
//! - `keyring`: many keys in order, token text; `keyring/file.rs` is the file, `keyring/place.rs` where it
//!   is looked for, `keyring/watch.rs` a ring that follows its file, `keyring/grow.rs` a new key in it.
//! - `cell`: what a column of the Django field of old holds.
//! - `wrap`: a data key under a zone key.
//! - `header`: the first 512 bytes of a sealed object.
//! - `position`: the keys derived from a data key, and the vectors they give.
//! - `unlock`: whether a key fits a header, and why anything was refused.
//! - `frames`: the layout for random access: `sealer`, `reader`, `opener`, `source`.
//! - `rewrap`: rotation: the file of an object under a new zone key.
//! - `cobblestone`: the second suite, as C2SP has it: `stream`, `reader`; `object` behind a header of ours.
//! - `record`: the layout for appending: `scan`, `sealer`, `opener`.
//!
//! Secrets: keys live on the heap from their first byte to their last and are wiped when dropped, AES
//! schedules and HMAC states included; so is the stack that calls with them used, and plaintext that we
//! hold. A test looks through the memory of its own process. What we cannot wipe: vector registers, the
//! buffers of the caller, and the key inside `ring`'s AES-GCM, which the second suite uses. Nothing is locked in memory yet: that is the program's to do.
//!
//! Deliberately absent: a clock, a runtime, a network, a cache of data keys, and any way to decrypt without
//! verifying. A `KeyringFile` holds the ring of its file while the file is unchanged.
mod alphabet;
mod cell;
mod cobblestone;
mod codes;
mod engine;
mod frames;
mod header;
mod key;
mod keyring;
mod position;
mod random;
pub mod record;
mod rewrap;
mod unlock;
mod wrap;

pub use zeroize::Zeroizing;

pub use cell::StoredValue;
pub use cobblestone::object::Body;
pub use cobblestone::reader::CobblestoneReader;
pub use cobblestone::stream::{CobblestoneOpener, CobblestoneSealer};
pub use cobblestone::{COBBLESTONE_HEAD_LEN, CobblestoneError, CobblestoneKey};
pub use codes::CODES;
pub use engine::lanes::Engine;
pub use frames::opener::Opener;
pub use frames::reader::ObjectReader;
pub use frames::sealer::Sealer;
pub use frames::source::Source;
pub use header::{HEADER_LEN, Header, HeaderError, Layout, ObjectId, Suite};
pub use key::{FernetKey, Fingerprint, KeyError};
pub use keyring::{Keyring, KeyringError, KeyringErrorKind, RotateError, TokenError, Ttl};
pub use keyring::{KeyringFile, KeyringPlace, KeyringSources};
pub use position::Binding;
pub use random::RandomError;
pub use record::opener::{Ending, Record, RecordOpener};
pub use record::sealer::{RecordError, RecordSealer};
pub use record::{Tag, random_tag};
pub use rewrap::{
    REWRAP_SUFFIX, RewrapError, RewrapErrorKind, Rewrapped, UNFINISHED_UPLOAD, rewrap_file,
};
pub use unlock::{OpenError, OpenErrorKind};
pub use wrap::{WrapError, WrappedKey};

/// Every public type crosses threads; the compiler checks it.
const _: () = {
    const fn crosses<T: Send + Sync>() {}
    crosses::<(FernetKey, Keyring, WrappedKey, Header)>();
    crosses::<(Sealer, Opener, ObjectReader<std::fs::File>)>();
    crosses::<(RecordSealer, RecordOpener, Record)>();
    crosses::<(CobblestoneSealer, CobblestoneOpener, CobblestoneKey)>();
    crosses::<(OpenError, KeyringError, RecordError)>();
};

#[cfg(test)]
#[expect(
    clippy::panic_in_result_fn,
    clippy::unwrap_in_result,
    clippy::string_slice,
    reason = "tests panic when they fail, and their texts are ASCII"
)]
mod oracle;
#[cfg(test)]
#[expect(
    clippy::panic_in_result_fn,
    clippy::unwrap_in_result,
    clippy::string_slice,
    reason = "tests panic when they fail, and their texts are ASCII"
)]
mod vectors;
