//! What may speak to whom: the signed manifest of a rack, the identities in it, its flows, and the
//! leases they end in.
//!
//! Pure but for [`Manifest`], which reads (and, when signing, writes) files of one directory. No
//! network, no clock, no randomness, no environment. Whatever no flow allows is refused; a manifest
//! cannot take a rule of the constitution away.
//!
//! The code map, in reading order:
//!
//! - [`code`]: every refusal this crate can emit, with its meaning and its remedy.
//! - [`Faults`]: everything that is wrong with a manifest, at once.
//! - [`RackDomain`], [`TrustDomain`], [`PeerId`]: who is who.
//! - [`SpiffeId`]: the name in a certificate, read strictly.
//! - [`Epoch`]: the number that only rises.
//! - [`Verb`], [`VerbSet`]: what one zone may ask of another.
//! - [`BucketGlob`]: which buckets a flow speaks about.
//! - `spelling`, `document`: a closed reader of TOML that knows its lines.
//! - `constitution`: the flows that no manifest can allow.
//! - [`flows`]: `flows.toml`, compiled; default deny; why, and what would have allowed.
//! - [`elevation`]: `elevation.toml`, where everything stands, and the checks over it.
//! - [`picture`]: the elevation as text and as SVG.
//! - [`advisor`]: whether two services may be combined, and why not.
//! - [`Operators`], [`Manifest`]: the three files bound together, signed and checked.
//! - [`lease`], [`keys`]: what travels between a node and the keeper; [`WireError`] when it is
//!   not well formed.
#![forbid(unsafe_code)]

pub mod advisor;
pub mod code;
mod constitution;
mod document;
pub mod elevation;
mod epoch;
mod faults;
pub mod flows;
mod glob;
mod identity;
pub mod keys;
pub mod lease;
mod manifest;
mod operators;
pub mod picture;
mod spelling;
mod spiffe;
mod verb;
mod wire;

pub use cofferdam_hwprofile::{
    CodeEntry, DataClass, Domain, Evidence, Exposure, Grade, KeyPin, NodeName, Policy, Refusal,
    RuleRef, ZoneKind, ZoneName,
};

pub use code::{CODES, Code};
pub use elevation::Elevation;
pub use epoch::{Epoch, EpochError};
pub use faults::Faults;
pub use flows::{Client, FlowDecision, FlowRule, FlowTable, FlowText};
pub use glob::{BucketGlob, GlobError};
pub use identity::{DomainError, PeerId, RackDomain, TrustDomain};
pub use manifest::{Draft, Manifest, Signed};
pub use operators::Operators;
pub use spiffe::{SpiffeError, SpiffeErrorKind, SpiffeId};
pub use verb::{Verb, VerbError, VerbSet};
pub use wire::{WireError, WireErrorKind};
