//! Owns the seam between the store and its node: keys, receipts and the caller, as small traits.
//!
//! The store never sees the keeper, the trail or the link through anything else, so tests put
//! their own in.

use std::fmt;

use async_trait::async_trait;
use cofferdam_hwprofile::{Refusal, ZoneName};
use cofferdam_rack::Verb;
use cofferdam_seal::{FernetKey, WrappedKey};
use cofferdam_trail::Entry;

/// Data keys: one a sealed file, wrapped by whoever keeps the zone's key.
#[async_trait]
pub trait DataKeys: fmt::Debug + Send + Sync + 'static {
    /// A fresh data key of this zone and its wrapped form.
    ///
    /// # Errors
    /// Nobody gave one.
    async fn take(&self) -> Result<(FernetKey, WrappedKey), Box<Refusal>>;

    /// The data key inside `wrapped`.
    ///
    /// # Errors
    /// It was not opened.
    async fn open(&self, wrapped: &WrappedKey) -> Result<FernetKey, Box<Refusal>>;
}

/// The trail.
#[async_trait]
pub trait Receipts: fmt::Debug + Send + Sync + 'static {
    /// Records `entry`; returns once it is durable.
    ///
    /// # Errors
    /// It is not, so what it announces must not happen.
    async fn record(&self, entry: Entry) -> Result<(), Box<Refusal>>;
}

/// Whoever sends a request: a peer on an admitted session, and what the flow table lets it do.
pub trait Caller: fmt::Debug + Send + Sync + 'static {
    /// The zone of the peer's certificate.
    fn zone(&self) -> &ZoneName;

    /// The peer, as it stands in receipts.
    fn peer(&self) -> String;

    /// The session, as it stands in receipts.
    fn flow(&self) -> String;

    /// Asks the flow table.
    ///
    /// # Errors
    /// The refusal of the flow table.
    fn authorize(&self, verb: Verb, bucket: Option<&str>) -> Result<(), Box<Refusal>>;

    /// Whether the flow table grants `verb` on some bucket. Never an admission by itself.
    fn reaches(&self, verb: Verb) -> bool;
}
