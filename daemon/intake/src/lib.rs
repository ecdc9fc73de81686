//! Intake: streams and surveys in, first analysis, forward. The vulnerable front of a rack: it can seal and cannot open, so that
//! who takes it over gets nothing of what came in before.
//!
//! In reading order:
//! - [`settings`]: the table `[intake]` of `node.toml`.
//! - [`record`]: what a request carries: JSON, NDJSON, CloudEvents; bounded, and each fault with its line.
//! - [`survey`]: answers checked against the survey's JSON Schema.
//! - [`identity`]: the name by which a repeated record is known again.
//! - [`summary`]: first analysis of the open window, small groups not shown.
//! - [`lane`]: one durable queue for each stream and survey.
//! - [`forward`]: closed segments to storage, as the ciphertext they are.
//! - [`service`]: the endpoints.
//! - [`refusal`], [`code`]: what is said when something is not taken.
//!
//! Deliberately absent: any code that opens a sealed record.

pub mod code;
pub mod forward;
pub mod identity;
pub mod lane;
pub mod record;
pub mod refusal;
pub mod service;
pub mod settings;
pub mod summary;
pub mod survey;

pub use code::CODES;
pub use service::Intake;
