//! Holds the lease: measures the hardware, asks the keeper, installs what it grants, gives up what it takes back. The decisions are
//! [`crate::lease::LeaseState`]'s; this file does what they demand and owns the one snapshot that listeners and dialers follow.

use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::{Evidence, Inventory, Refusal};
use cofferdam_link::{Clock, Credential, Dialer, Snapshot};
use cofferdam_rack::lease::{LeaseGrant, LeaseRequest, Standing};
use cofferdam_rack::{Manifest, PeerId};
use cofferdam_trail::{Event, Phase, Status};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use crate::authority::{Bench, BenchError};
use crate::config::NodeConfig;
use crate::exit::Exit;
use crate::identity::IdentityKey;
use crate::lease::{LeaseAction, LeaseEvent, LeaseState};
use crate::record::{Recorder, with_refusal};

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
    pub(crate) id: PeerId,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) key: IdentityKey,
    pub(crate) bench: Bench,
    pub(crate) dialer: Dialer,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Clock,
    pub(crate) snapshot: watch::Sender<Arc<Snapshot>>,
    pub(crate) tenancy: watch::Sender<Tenancy>,
    /// What others lost, as the keeper says; also tells when this node's own lease was taken back.
    pub(crate) standing: watch::Receiver<Standing>,
    /// The newest standing taken over; an older one that arrives late takes nothing back.
    pub(crate) newest: u64,
}

impl Tenant {
    /// Runs until the lease is refused or the node stops.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut state = LeaseState::new();
        let mut wake_at = self.clock.unix_ms();
        let mut reported = None;
        loop {
            let event = tokio::select! {
                _stopped = stopping.wait_for(|stop| *stop) => return,
                event = self.next_event(wake_at, &mut reported) => event,
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
            () = tokio::time::sleep(self.config.rescan) => Cause::Rescan,
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
        let evidence = self.measure().await?;
        let digest = evidence.digest();
        if let Cause::Rescan = cause
            && *reported == Some(digest)
        {
            return None;
        }
        *reported = Some(digest);
        Some(self.ask(evidence).await)
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

    async fn measure(&self) -> Option<Evidence> {
        let (sysroot, grade) = (self.config.sysroot.clone(), self.config.grade);
        let site = self.manifest.policy.site().to_owned();
        let measuring = tokio::task::spawn_blocking(move || {
            Evidence::of(&Inventory::read(&sysroot), &site, grade)
        });
        match measuring.await {
            Ok(evidence) => Some(evidence),
            Err(error) => {
                log::error!(error:% = error; "could not measure the hardware");
                None
            }
        }
    }

    async fn ask(&mut self, evidence: Evidence) -> LeaseEvent {
        let now = self.clock.unix_seconds();
        let domain = &self.manifest.domain;
        let prepared = self
            .key
            .signing_request(&self.id, domain)
            .and_then(|csr_der| Ok((csr_der, self.key.boot_credential(&self.id, domain, now)?)));
        let (csr_der, boot) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                log::error!(error:% = error; "could not sign the request for a lease");
                return LeaseEvent::Unanswered;
            }
        };
        let request = LeaseRequest {
            node: self.id.node.clone(),
            epoch: self.manifest.epoch,
            csr_der,
            evidence: Some(evidence),
        };
        match self.bench.lease(&self.dialer, &boot, request).await {
            Ok(grant) => self.install(grant, now),
            Err(BenchError::Refused(refusal)) => LeaseEvent::Refused(refusal),
            Err(error @ (BenchError::Unreachable(_) | BenchError::Unanswered(_))) => {
                log::warn!(error = crate::refusal::chain(&error); "keeper did not answer");
                LeaseEvent::Unanswered
            }
        }
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
        self.drop_credential();
        log::error!("{refusal}");
        write_refusal(&self.config, refusal);
        self.record_end(refusal).await;
        self.tenancy
            .send_replace(Tenancy::Over(exit, Arc::new(refusal.clone())));
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
        if let Err(error) = self.recorder.record(with_refusal(entry, refusal)).await {
            log::error!(error = crate::refusal::chain(&error); "could not record the end of the lease");
        }
    }
}

/// Why the tenant woke up.
enum Cause {
    Due,
    Rescan,
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
