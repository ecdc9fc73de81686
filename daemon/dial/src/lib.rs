//! The dialler. A zone's process holds keys and may make no network socket; this program makes them, for the peers of its list
//! and nobody else, and passes each connected one over a local socket. It holds no key: TLS runs in the zone's process, so who
//! takes over a dialler can break connections and read none.
//!
//! - [`mod@ask`]: the zone's side, one call a connection.
//! - [`server`]: the dialler's side.
//! - [`peers`]: whom it may call, read from the zone's `node.toml`.
//! - `wire`: what the two say to each other.
//! - [`code`]: every code that the program can say.
#![forbid(unsafe_code)]

pub mod ask;
pub mod code;
pub mod peers;
pub mod server;
mod wire;

pub use ask::{AskError, ask};
pub use code::CODES;
