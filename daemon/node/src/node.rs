//! A running node as its zone sees it: who it is, its trail, its keys, its way to the other zones. It decides nothing itself; the
//! manifest, the flow table and the keeper do.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cofferdam_hwprofile::{Grade, Refusal};
use cofferdam_link::{Clock, Connection, DialError, Dialer, Session, Snapshot};
use cofferdam_rack::{FlowDecision, FlowRule, Manifest, NodeName, Verb, ZoneName};
use cofferdam_trail::{Entry, Event, Phase, Receipt, Status};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::NodeConfig;
use crate::keys::Keys;
use crate::record::{RecordError, Recorder};

/// A node between its start and its stop.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    zone: ZoneName,
    manifest: Arc<Manifest>,
    recorder: Recorder,
    clock: Clock,
    dialer: Dialer,
    standing: watch::Receiver<Arc<Snapshot>>,
    keys: Keys,
    stopping: watch::Receiver<bool>,
    tasks: Mutex<JoinSet<()>>,
}

/// What [`Node::new`] is made of; the parts are opened in the order of a boot.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: NodeConfig,
    pub(crate) zone: ZoneName,
    pub(crate) keeper: ZoneName,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Clock,
    pub(crate) standing: watch::Receiver<Arc<Snapshot>>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Node {
    pub(crate) fn new(parts: Parts) -> Self {
        let dialer = Dialer::new(parts.standing.clone(), parts.clock.clone());
        let dialer = dialer.by(parts.config.way());
        let addresses = Arc::new(parts.config.peers.clone());
        let keys = Keys::new(dialer.clone(), addresses, parts.keeper);
        Self {
            config: parts.config,
            zone: parts.zone,
            manifest: parts.manifest,
            recorder: parts.recorder,
            clock: parts.clock,
            dialer,
            standing: parts.standing,
            keys,
            stopping: parts.stopping,
            tasks: Mutex::new(JoinSet::new()),
        }
    }

    /// The node's name in the manifest.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        &self.config.node
    }

    /// The zone it serves.
    #[must_use]
    pub fn zone(&self) -> &ZoneName {
        &self.zone
    }

    /// The directory below which this node writes.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.config.state
    }

    /// The configuration it was started with.
    #[must_use]
    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// The best its evidence can claim.
    #[must_use]
    pub fn grade(&self) -> Grade {
        self.config.grade
    }

    /// The signed manifest.
    #[must_use]
    pub fn rack(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// The node's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Credential, trust and revocations as they stand.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.standing.clone()
    }

    /// The way to other zones.
    #[must_use]
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Data keys from the keeper.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Turns true once, when the node begins to stop.
    #[must_use]
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    /// The trail.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// An entry of the trail, dated now, with its fields.
    #[must_use]
    pub fn entry<const N: usize>(
        &self,
        event: Event,
        phase: Phase,
        status: Status,
        fields: [(&str, serde_json::Value); N],
    ) -> Entry {
        let mut entry = self.recorder.entry(event, phase, status);
        entry
            .fields
            .extend(fields.map(|(key, value)| (key.to_owned(), value)));
        entry
    }

    /// Records, and returns once the leaf is durable.
    ///
    /// # Errors
    /// The leaf is not on disk; what it speaks of must not happen.
    pub async fn record(&self, entry: Entry) -> Result<Receipt, RecordError> {
        self.recorder.record(entry).await
    }

    /// Where a zone listens, as the configuration knows.
    #[must_use]
    pub fn address_of(&self, zone: &ZoneName) -> Option<SocketAddr> {
        self.config.peers.get(zone).copied()
    }

    /// Opens a connection to a zone: mutually verified, with this node's lease.
    ///
    /// # Errors
    /// There is no address for it, no lease here, or the peer is not who it must be.
    pub async fn connect(&self, zone: &ZoneName) -> Result<Connection, ConnectError> {
        let address = self
            .address_of(zone)
            .ok_or_else(|| ConnectError::NoAddress { zone: zone.clone() })?;
        self.dialer
            .connect(address, zone)
            .await
            .map_err(ConnectError::Dial)
    }

    /// Asks the flow table whether the peer of this session may do `verb` here.
    ///
    /// # Errors
    /// The refusal; the caller records it where the act would have been recorded.
    pub fn authorize(
        &self,
        session: &Session,
        verb: Verb,
        bucket: Option<&str>,
    ) -> Result<FlowRule, Refusal> {
        let flows = Arc::clone(&self.standing.borrow().flows);
        match flows.decide(&session.peer.zone, &self.zone, verb, bucket) {
            FlowDecision::Allow(rule) => Ok(rule),
            FlowDecision::Refuse(refusal) => Err(refusal),
        }
    }

    /// Runs a task until it ends or the node has stopped; a stop waits for it.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self
            .tasks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        log::debug!(name; "task started");
        tasks.spawn(task);
    }

    /// Waits for every task; the ones that do not end by then are cut.
    pub(crate) async fn join(&self, limit: std::time::Duration) {
        let mut tasks = {
            let mut held = self
                .tasks
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *held)
        };
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            log::warn!(limit:? = limit; "tasks did not end in time and were cut");
        }
        tasks.shutdown().await;
    }
}

/// Why a zone could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The configuration names no address for it.
    #[error("no address for zone {zone} in [peers] of node.toml")]
    NoAddress {
        /// The zone.
        zone: ZoneName,
    },
    /// The link could not be made.
    #[error("failed to reach the zone")]
    Dial(#[source] DialError),
}

/// Address book by zone.
pub(crate) type Addresses = Arc<BTreeMap<ZoneName, SocketAddr>>;
