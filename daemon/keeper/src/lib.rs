//! The keeper: judges evidence, issues leases, wraps and unwraps data keys. It holds no data, and what it says no to cannot open a
//! session anywhere in the rack.
//!
//! In reading order:
//! - [`court`]: the judgement, without IO.
//! - [`registry`]: makes a judgement true: certificate, trail, ledger, answer.
//! - [`certificate`]: one certificate authority for each zone.
//! - [`ledger`]: what must outlive a restart.
//! - [`keyroom`]: the keys that wrap data keys.
//! - [`service`]: `/v1/lease`, `/v1/standing`, `/v1/keys`.
//! - [`code`]: every code this crate can say.

pub mod certificate;
pub mod code;
pub mod court;
pub mod keyroom;
pub mod ledger;
pub mod registry;
pub mod service;

pub use code::CODES;
pub use service::Keeper;
