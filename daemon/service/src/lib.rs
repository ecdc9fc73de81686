//! What a program owes its service manager, and what it gets from it. Small enough for a program that must hold nothing else: the
//! dialler links this and no lease, key or trail.
//!
//! - [`exit`]: what the end of a program means.
//! - [`notify`]: readiness, status and the watchdog (`sd_notify(3)`).
//! - [`sockets`]: sockets that were bound for the program (`sd_listen_fds(3)`).
//! - [`environment`]: what the service manager says through the environment.
//! - [`journal`]: where diagnostics go.
//! - [`signals`]: what may tell the program to stop.
#![forbid(unsafe_code)]

pub mod environment;
pub mod exit;
pub mod journal;
pub mod notify;
pub mod signals;
pub mod sockets;

pub use environment::Environment;
pub use exit::Exit;
pub use notify::Notifier;
