//! Mutual TLS between zones: listeners, dialers and the life of a connection.
//!
//! TLS 1.3 only, both sides authenticated, nothing resumed. A connection lives as long as what
//! admitted it: the end of a certificate, a revocation, a new manifest or a lost lease ends it,
//! within a second. What is deliberately absent: a plain port, a TLS 1.2 fallback, session tickets,
//! early data, a cache of decisions, a detached task.
//!
//! The code map, in reading order:
//!
//! - `code`: every code of the link, its meaning and its remedy.
//! - `clock`: what time it is; asked here only.
//! - `limits`: every bound of listeners and dialers.
//! - `standing`: the immutable snapshot by which everything is judged.
//! - `session`: an admitted connection as services see it.
//! - `witness`: the trail as connections see it; why connections end.
//! - `service`: what a zone gives a listener to serve.
//! - `body`, `body_reader`: bodies of answers; reading bodies of requests within bounds.
//! - `reason`: why a peer is refused; one vocabulary for alert, record and words.
//! - `certificate`: the facts of one leaf certificate.
//! - `judgement`: whom a chain proves, and whether the snapshot admits them.
//! - `verifier`: that judgement inside the handshake.
//! - `tls`: the one TLS configuration.
//! - `guard`: the watch over one open connection.
//! - `activity`: what a connection is doing, and patience with it.
//! - `streams`, `seats`, `tally`: its tasks; the places peers hold; the numbers.
//! - `bind`: taking an address.
//! - `admission`: from a socket to a session, or to a recorded refusal.
//! - `exchange`: requests and answers until the end.
//! - `listener`: start, ready, draining, stopped.
//! - `dial`, `connection`: calling another zone, and the connection that comes of it.
#![forbid(unsafe_code)]

mod activity;
mod admission;
mod bind;
mod body;
mod body_reader;
mod certificate;
mod clock;
mod code;
mod connection;
mod dial;
mod exchange;
mod guard;
mod judgement;
mod limits;
mod listener;
mod reason;
mod seats;
mod service;
mod session;
mod standing;
mod streams;
mod tally;
#[cfg(test)]
mod tests;
mod tls;
mod verifier;
mod witness;

pub use bind::{BindError, BindErrorKind, Listener};
pub use body::{Body, BodyError, BodyWriter, ReaderGone, channel, empty, full, stream, wrap};
pub use body_reader::{BodyReader, ReadError, ReadErrorKind, hear_body, read_body};
pub use clock::Clock;
pub use code::CODES;
pub use connection::{Connection, SendError};
pub use dial::{DialError, Dialer, Way};
pub use limits::{DialLimits, Limits};
pub use listener::{ListenerState, Serving, StopReport};
pub use service::Service;
pub use session::{FlowId, Session, SessionKind};
pub use standing::{Credential, Snapshot, Standing};
pub use tally::Counts;
pub use witness::{EndReason, Witness, WitnessError};
