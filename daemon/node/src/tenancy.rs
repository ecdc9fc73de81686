//! Holds the lease: measures the hardware, asks the keeper, installs what it grants, gives up what it takes back. The decisions are
//! [`crate::lease::LeaseState`]'s; this file does what they demand and owns the one snapshot that listeners and dialers follow.

use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::{Evidence, Inventory, NodeVerdict, Refusal, judge_node};
use cofferdam_link::{Clock, Credential, Dialer, Snapshot};
use cofferdam_rack::lease::{LeaseGrant, LeaseRequest, Standing};
use cofferdam_rack::{Manifest, PeerId};
use cofferdam_trail::{Event, Phase, Status};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use crate::authority::{Bench, BenchError};
use crate::clock::Ticks;
use crate::config::NodeConfig;
use crate::drift::{Eviction, Outlook, Subject, Waiting, settled};
use crate::identity::IdentityKey;
use crate::lease::{LeaseAction, LeaseEvent, LeaseState};
use crate::node::Node;
use crate::record::{Recorder, with_refusal};
use cofferdam_service::Exit;

/// How long a node on its way out tries to tell the keeper why.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where a tenancy stands, for who waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenancy {
    /// No lease yet.
    Waiting,
    /// A lease is held.
    Held,
    /// It ended because the keeper was silent.
    Lapsed,
    /// It was refused; the program ends with this code.
    Over(Exit, Arc<Refusal>),
}

/// The one who holds the lease of this node.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) config: NodeConfig,
    pub(crate) machine: Subject,
    pub(crate) id: PeerId,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) key: IdentityKey,
    pub(crate) bench: Bench,
    pub(crate) dialer: Dialer,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Clock,
    /// Where the data keys are that must go with the lease.
    pub(crate) node: Arc<Node>,
    pub(crate) snapshot: watch::Sender<Arc<Snapshot>>,
    pub(crate) tenancy: watch::Sender<Tenancy>,
    /// What others lost, as the keeper says; also tells when this node's own lease was taken back.
    pub(crate) standing: watch::Receiver<Standing>,
    /// The newest standing taken over; an older one that arrives late takes nothing back.
    pub(crate) newest: u64,
    pub(crate) watched: Watched,
    /// What the machine was when the first lease was granted: the sentry holds it to that.
    pub(crate) granted: watch::Sender<Option<Arc<Inventory>>>,
}

/// What the sentry over the hardware says.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) outlook: watch::Receiver<Outlook>,
    pub(crate) eviction: watch::Receiver<Option<Arc<Eviction>>>,
}

impl Watched {
    /// Waits until this node's own hardware is refused; `None` where nobody watches it any more.
    async fn evicted(&mut self) -> Option<Arc<Eviction>> {
        let said = self.eviction.wait_for(Option::is_some).await;
        said.as_deref().ok().and_then(Option::clone)
    }
}

impl Eviction {
    /// Hardware that nobody watches counts as refused.
    fn unwatched() -> Self {
        Self {
            refusal: Refusal::new(
                "ND-072",
                "nobody watches the hardware any more, so the zone does not go on serving",
                "start the zone again; report what its journal says before this",
            ),
            since_heard: None,
        }
    }
}

impl Tenant {
    /// Runs until the lease is refused or the node stops.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        tokio::select! {
            biased;
            _stopped = stopping.wait_for(|stop| *stop) => return,
            () = settled(&self.machine, self.config.settle) => {}
        }
        let mut state = LeaseState::new();
        let mut wake_at = self.clock.unix_ms();
        let mut reported = None;
        let mut watched = self.watched.clone();
        loop {
            let turn = tokio::select! {
                biased;
                _stopped = stopping.wait_for(|stop| *stop) => Turn::Stop,
                // Before anything else, and in the middle of a question to the keeper.
                eviction = watched.evicted() => eviction.map_or(Turn::Unwatched, Turn::Evict),
                event = self.next_event(wake_at, &mut reported) => Turn::Lease(event),
            };
            let event = match turn {
                Turn::Stop => return,
                Turn::Evict(eviction) => return self.evict(&eviction).await,
                // The sentry may hear the word to stop a moment before this task does.
                Turn::Unwatched if *stopping.borrow() => return,
                Turn::Unwatched => return self.evict(&Eviction::unwatched()).await,
                Turn::Lease(event) => event,
            };
            let Some(event) = event else { continue };
            let (next, actions) = state.on(event, self.clock.unix_ms());
            state = next;
            for action in actions {
                match action {
                    LeaseAction::WakeAt(at) => wake_at = at,
                    LeaseAction::Lapse => self.lapse().await,
                    LeaseAction::Stop(exit) => return self.give_up(exit, &state).await,
                    LeaseAction::Install | LeaseAction::Ask => {}
                }
            }
        }
    }

    /// Waits for the next reason to act, asks the keeper if there is one, and says what came of it.
    async fn next_event(
        &mut self,
        wake_at: u64,
        reported: &mut Option<[u8; 32]>,
    ) -> Option<LeaseEvent> {
        let wait = Duration::from_millis(wake_at.saturating_sub(self.clock.unix_ms()));
        let cause = tokio::select! {
            () = tokio::time::sleep(wait) => Cause::Due,
            changed = self.watched.outlook.changed() => match changed {
                Ok(()) => Cause::Seen,
                // The sentry ended with an eviction, which is about to be heard, or with the node.
                Err(_closed) => { tokio::time::sleep(wait).await; Cause::Due }
            },
            changed = self.standing.changed() => match changed {
                Ok(()) => Cause::Standing,
                Err(_closed) => { tokio::time::sleep(wait).await; Cause::Due }
            },
        };
        if let Cause::Standing = cause {
            let news = self.standing.borrow_and_update().clone();
            let mine = self.adopt(&news);
            if !mine {
                return None;
            }
        }
        let outlook = *self.watched.outlook.borrow_and_update();
        match (outlook.waiting, &cause) {
            // What is held stays held until its end; it is asked for again once the verdict is in.
            (Waiting::Grace, Cause::Due) => return Some(LeaseEvent::Unanswered),
            (Waiting::Grace, Cause::Seen) => return None,
            // The lease was taken back: there is nothing to wait with.
            (Waiting::Grace, Cause::Standing) | (Waiting::No, _) => {}
        }
        if let Cause::Seen = cause
            && outlook.evidence.is_some()
            && outlook.evidence == *reported
        {
            // The sentry saw what the keeper was shown; whatever comes after that look is the sentry's to find.
            return None;
        }
        let (inventory, evidence) = self.measure().await?;
        let digest = evidence.digest();
        if let Cause::Seen = cause
            && *reported == Some(digest)
        {
            return None;
        }
        *reported = Some(digest);
        Some(self.ask(inventory, evidence).await)
    }

    /// Takes over what the keeper says of others; true if it says that this node's own lease is gone.
    fn adopt(&mut self, news: &Standing) -> bool {
        if news.sequence < self.newest {
            return false;
        }
        self.newest = news.sequence;
        self.change(|snapshot| snapshot.revoked.clone_from(&news.revoked));
        news.revoked
            .iter()
            .any(|revocation| revocation.peer == self.id)
    }

    async fn measure(&self) -> Option<(Arc<Inventory>, Evidence)> {
        let machine = self.machine.clone();
        let measuring = tokio::task::spawn_blocking(move || {
            let (inventory, evidence) = machine.measure();
            (Arc::new(inventory), evidence)
        });
        match measuring.await {
            Ok(measured) => Some(measured),
            Err(error) => {
                log::error!(error:% = error; "could not measure the hardware");
                None
            }
        }
    }

    async fn ask(&mut self, inventory: Arc<Inventory>, evidence: Evidence) -> LeaseEvent {
        let now = self.clock.unix_seconds();
        match self.request(evidence).await {
            Ok(grant) => {
                self.granted.send_if_modified(|granted| {
                    let first = granted.is_none();
                    granted.get_or_insert(inventory);
                    first
                });
                self.install(grant, now)
            }
            Err(BenchError::Refused(refusal)) => LeaseEvent::Refused(refusal),
            Err(error @ (BenchError::Unreachable(_) | BenchError::Unanswered(_))) => {
                log::warn!(error = crate::refusal::chain(&error); "keeper did not answer");
                LeaseEvent::Unanswered
            }
        }
    }

    async fn request(&self, evidence: Evidence) -> Result<LeaseGrant, BenchError> {
        let domain = &self.manifest.domain;
        let now = self.clock.unix_seconds();
        let prepared = self
            .key
            .signing_request(&self.id, domain)
            .and_then(|csr_der| Ok((csr_der, self.key.boot_credential(&self.id, domain, now)?)));
        let (csr_der, boot) = prepared.map_err(|error| {
            log::error!(error:% = error; "could not sign the request for a lease");
            BenchError::Unanswered(error.to_string())
        })?;
        let request = LeaseRequest {
            node: self.id.node.clone(),
            epoch: self.manifest.epoch,
            csr_der,
            evidence: Some(evidence),
        };
        self.bench.lease(&self.dialer, &boot, request).await
    }

    /// Makes the grant the credential of every listener and dialer of this node.
    fn install(&mut self, grant: LeaseGrant, asked_at: u64) -> LeaseEvent {
        let credential = Credential {
            id: self.id.clone(),
            chain: grant
                .chain_der
                .into_iter()
                .map(CertificateDer::from)
                .collect(),
            key: self.key.private_key(),
            not_after: grant.not_after,
        };
        self.change(|snapshot| {
            snapshot.credential = Some(Arc::new(credential));
            snapshot.trust = grant.trust;
        });
        self.adopt(&grant.standing);
        self.tenancy.send_replace(Tenancy::Held);
        forget_refusal(&self.config);
        log::info!(until = grant.not_after; "lease installed");
        LeaseEvent::Granted {
            until_ms: grant.not_after.saturating_mul(1000),
            renew_at_ms: asked_at
                .saturating_add(u64::from(grant.renew_after))
                .saturating_mul(1000),
        }
    }

    async fn lapse(&self) {
        self.drop_credential();
        self.tenancy.send_replace(Tenancy::Lapsed);
        let refusal = Refusal::new(
            "ND-040",
            "the lease ended while the keeper was silent; sessions are closed until it answers",
            "start the keeper, or mend the way to it",
        );
        log::warn!(code = refusal.code.as_str(); "lease lapsed");
        self.record_end(&refusal).await;
    }

    async fn give_up(self, exit: Exit, state: &LeaseState) {
        let LeaseState::Refused { refusal } = state else {
            return;
        };
        self.drop_keys();
        log::error!("{refusal}");
        write_refusal(&self.config, refusal);
        self.record_end(refusal).await;
        self.end(exit, refusal);
    }

    /// The hardware under this node is not what it may serve on: keys first, then the record, then the keeper, then the end.
    async fn evict(self, eviction: &Eviction) {
        let began = Ticks::start();
        self.drop_keys();
        let since_heard = eviction.since_heard.map(|since| {
            let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
            since.saturating_add(began.now_ms())
        });
        let refusal = &eviction.refusal;
        log::error!("{refusal}");
        log::warn!(drift_ms:? = since_heard; "keys dropped");
        write_refusal(&self.config, refusal);
        let entry = self
            .recorder
            .entry(Event::HardwareRefuse, Phase::Single, Status::Refused)
            .with("drift_ms", since_heard);
        self.recorder.note(with_refusal(entry, refusal)).await;
        self.record_end(refusal).await;
        if tokio::time::timeout(FAREWELL, self.tell_keeper())
            .await
            .is_err()
        {
            log::warn!("the keeper was not told; its lease for this node ends by itself");
        }
        self.end(Exit::Hardware, refusal);
    }

    /// Shows the keeper the hardware that it would refuse, so that it takes the lease back from everybody's trust. Hardware that it
    /// would not refuse is not shown: a grant would be worth nothing here.
    async fn tell_keeper(&self) {
        let Some((_inventory, evidence)) = self.measure().await else {
            return;
        };
        let verdict = judge_node(&self.manifest.policy, &self.config.node, &evidence);
        if let NodeVerdict::Match(_) = verdict {
            return;
        }
        match self.request(evidence).await {
            Ok(_unwanted) => log::warn!("the keeper would have granted; nothing of it is kept"),
            Err(error) => log::info!(answer = crate::refusal::chain(&error); "keeper told"),
        }
    }

    fn end(&self, exit: Exit, refusal: &Refusal) {
        self.tenancy
            .send_replace(Tenancy::Over(exit, Arc::new(refusal.clone())));
    }

    /// The certificate and its key, then every data key; open connections end with the first.
    fn drop_keys(&self) {
        self.drop_credential();
        self.node.keys().close();
    }

    fn drop_credential(&self) {
        self.change(|snapshot| snapshot.credential = None);
    }

    /// Swaps the snapshot for a changed copy; who holds the former one keeps it whole.
    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        self.snapshot.send_modify(|snapshot| {
            let mut next = Snapshot::clone(snapshot);
            change(&mut next);
            *snapshot = Arc::new(next);
        });
    }

    async fn record_end(&self, refusal: &Refusal) {
        let entry = self
            .recorder
            .entry(Event::LeaseEnd, Phase::Single, Status::Refused);
        self.recorder.note(with_refusal(entry, refusal)).await;
    }
}

/// What ended one wait of the tenant.
enum Turn {
    Stop,
    Evict(Arc<Eviction>),
    Unwatched,
    Lease(Option<LeaseEvent>),
}

/// Why the tenant woke up.
enum Cause {
    Due,
    Seen,
    Standing,
}

/// The name of the file in a node's state that says why its last lease was refused.
pub const REFUSAL_FILE: &str = "refusal.json";

/// Leaves the refusal where `cofferctl status` finds it after the program has ended.
pub(crate) fn write_refusal(config: &NodeConfig, refusal: &Refusal) {
    let path = config.state.join(REFUSAL_FILE);
    if let Err(error) = std::fs::write(&path, refusal.to_json().to_string()) {
        log::warn!(path:? = path, error:% = error; "could not leave the refusal on disk");
    }
}

/// Why an earlier start was refused is no news once a lease is held.
fn forget_refusal(config: &NodeConfig) {
    let path = config.state.join(REFUSAL_FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            log::warn!(path:? = path, error:% = error; "could not remove an old refusal");
        }
        Ok(()) | Err(_) => {}
    }
}
