//! What a zone program must say of itself. Everything else about being a node is the same for all, and stands in this crate.

use std::future::Future;
use std::sync::Arc;

use cofferdam_hwprofile::{Refusal, ZoneKind};
use cofferdam_link::{Body, Session};
use http::{Request, Response};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use crate::authority::Authority;
use crate::node::Node;
use cofferdam_service::Exit;

/// One zone's program: started once its lease is there, called for every request of an admitted peer, stopped after the listener
/// has drained.
pub trait Zone: Send + Sync + Sized + 'static {
    /// The kind whose program this is; a manifest that puts another kind on this node is refused.
    const KIND: ZoneKind;
    /// The zone's own table of `node.toml`.
    type Settings: DeserializeOwned + Send;

    /// Opens what the zone owns.
    fn start(
        node: Arc<Node>,
        settings: Self::Settings,
    ) -> impl Future<Output = Result<Arc<Self>, StartError>> + Send;

    /// Answers one request. Authentication is done; [`Node::authorize`] must be asked before anything takes effect.
    fn call(
        self: Arc<Self>,
        session: Arc<Session>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// Closes what the zone owns. No request runs any more.
    fn stop(&self) -> impl Future<Output = ()> + Send;

    /// The zone's own counters.
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }

    /// Only the keeper's program has one: then the zone is started before its lease, because it gives it.
    fn authority(self: &Arc<Self>) -> Option<Arc<dyn Authority>> {
        None
    }
}

/// One number for `/v1/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Name without prefix, unit last: `spool_bytes`.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Whether it only rises.
    pub kind: MetricKind,
    /// Its value.
    pub value: u64,
}

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
}

/// Why a program did not start, and with which code it ends.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
pub struct StartError {
    /// What a person reads.
    pub refusal: Refusal,
    /// What the service manager reads.
    pub exit: Exit,
}

impl StartError {
    /// A start that fails with `exit`.
    #[must_use]
    pub fn new(exit: Exit, refusal: Refusal) -> Self {
        Self { refusal, exit }
    }
}
