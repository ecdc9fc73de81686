//! What every zone program shares: configuration, boot order, lease, trail, keys, the listener's common endpoints, and the stop.
//!
//! In reading order:
//! - [`run`]: the boot order as a table of contents; a zone's `main` calls it.
//! - [`zone`]: what a zone's program must say of itself.
//! - [`node`]: a running node as its zone sees it.
//! - [`config`]: `node.toml`, parsed once.
//! - `boot`: what must be true before the runtime starts.
//! - `accepted`: the last manifest that was in force, remembered.
//! - [`host_lock`]: one zone a host, kept by the kernel.
//! - [`identity`]: the key that is this node.
//! - [`lease`]: the life of a lease, decided without IO; `tenancy` does what it demands, `poll` hears who lost one.
//! - `household`: who works beside the zone: sentry, ear, tenant.
//! - [`drift`]: watches the hardware under a running node; `clock` times it.
//! - [`authority`]: the keeper as a node sees it.
//! - [`keys`]: data keys from the keeper.
//! - [`record`]: the trail, awaited, and the witness of the link.
//! - `serve`, [`refusal`]: endpoints that every zone has, and refusals on their way to a person.
//! - [`confine`], `arguments`: the process and who started it; what it owes its service manager is `cofferdam_service`.
//! - [`code`]: every code this crate can say.

pub mod authority;
pub mod code;
pub mod config;
pub mod confine;
pub mod drift;
pub mod host_lock;
pub mod identity;
pub mod keys;
pub mod lease;
pub mod node;
pub mod record;
pub mod refusal;
pub mod zone;

mod accepted;
mod arguments;
mod boot;
mod clock;
mod household;
mod poll;
mod run;
mod serve;
mod tenancy;

pub use code::CODES;
pub use cofferdam_service::Exit;
pub use keys::{Keys, KeysError};
pub use node::{ConnectError, Node};
pub use record::{RecordError, Recorder};
pub use refusal::{json_response, refusal_response};
pub use run::run;
pub use tenancy::{REFUSAL_FILE, Tenancy};
pub use zone::{Metric, MetricKind, StartError, Zone};

/// Bytes as lower-case hexadecimal text.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for half in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    text
}
