//! Makes the court's judgements true: certificate, leaf of the trail, ledger, then the answer, in that order. A refusal takes back
//! what the refused one holds and tells everybody.

use std::sync::{Arc, Mutex, PoisonError};

use cofferdam_hwprofile::Refusal;
use cofferdam_link::Clock;
use cofferdam_node::authority::Authority;
use cofferdam_node::record::{Recorder, with_refusal};
use cofferdam_rack::lease::{LeaseGrant, LeaseRequest, Standing, TrustBundle};
use cofferdam_rack::{Manifest, PeerId};
use cofferdam_trail::{Entry, Event, Phase, Status};
use tokio::sync::watch;

use crate::certificate::{Authorities, CertificateError, Leaf, Role, Subject};
use crate::court::{Court, Issued, Judgement, Question};
use crate::ledger::Ledger;

/// The rules of time of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long a certificate is valid, seconds.
    pub lifetime: u64,
    /// When to ask again, seconds.
    pub renew_after: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            lifetime: 15 * 60,
            renew_after: 5 * 60,
        }
    }
}

/// Who holds what, behind one lock: judgements are made one after the other.
#[derive(Debug)]
pub struct Registry {
    court: Mutex<Court>,
    manifest: Arc<Manifest>,
    authorities: Authorities,
    ledger: Ledger,
    recorder: Recorder,
    clock: Clock,
    terms: Terms,
    standing: watch::Sender<Standing>,
}

impl Registry {
    /// A registry that goes on from what the ledger holds.
    #[must_use]
    pub fn new(
        court: Court,
        authorities: Authorities,
        ledger: Ledger,
        recorder: Recorder,
        clock: Clock,
    ) -> Self {
        let (standing, _receiver) = watch::channel(court.standing());
        let manifest = Arc::clone(court.manifest());
        let terms = Terms::default();
        let court = Mutex::new(court);
        Self {
            court,
            manifest,
            authorities,
            ledger,
            recorder,
            clock,
            terms,
            standing,
        }
    }

    fn grant(
        &self,
        court: &mut Court,
        asker: &PeerId,
        request: LeaseRequest,
        now: u64,
    ) -> Result<LeaseGrant, Refusal> {
        let leaf = self
            .issue(asker, &request, now)
            .map_err(|error| error.refusal())?;
        let mut next = court.clone();
        let grade = request
            .evidence
            .as_ref()
            .map(|evidence| evidence.grade().to_string());
        let digest = request
            .evidence
            .as_ref()
            .map(cofferdam_hwprofile::Evidence::digest);
        let issued = Issued {
            serial: leaf.serial.clone(),
            not_after: leaf.not_after,
        };
        next.enter(asker, request.evidence, issued, now);
        let entry = self
            .entry(Event::LeaseGrant, Status::Granted, asker)
            .with("serial", leaf.serial.as_str())
            .with("not_after", leaf.not_after)
            .with("epoch", self.manifest.epoch.to_string())
            .with("grade", grade)
            .with(
                "evidence",
                digest.map(|digest| cofferdam_node::hex(&digest)),
            );
        self.make_durable(entry, &next)?;
        *court = next;
        Ok(LeaseGrant {
            chain_der: vec![leaf.der],
            not_after: leaf.not_after,
            renew_after: self.terms.renew_after,
            trust: TrustBundle {
                domains: self.authorities.roots(),
            },
            standing: court.standing(),
        })
    }

    fn issue(
        &self,
        asker: &PeerId,
        request: &LeaseRequest,
        now: u64,
    ) -> Result<Leaf, CertificateError> {
        let pin = self
            .manifest
            .pins()
            .into_iter()
            .find_map(|(pin, peer)| (peer == *asker).then_some(pin))
            .ok_or_else(|| CertificateError::OtherKey(asker.clone()))?;
        let role = match (&request.evidence, self.manifest.policy.is_lab()) {
            (None, _) => Role::Client,
            (Some(_), true) => Role::LabNode,
            (Some(_), false) => Role::Node,
        };
        let subject = Subject {
            peer: asker,
            role,
            pin,
        };
        self.authorities
            .issue(&subject, &request.csr_der, now, self.terms.lifetime)
    }

    /// The refused one loses what it holds, everywhere, at once.
    fn refuse(&self, court: &mut Court, asker: &PeerId, refusal: Refusal, now: u64) -> Refusal {
        let mut next = court.clone();
        let lost_something = next.evict(asker, &refusal, now);
        let entry = self
            .entry(Event::LeaseRefuse, Status::Refused, asker)
            .with("lease_taken_back", lost_something);
        // The peer is refused even where that cannot be written down; what is lost then is said to the operator.
        if let Err(unrecorded) = self.make_durable(with_refusal(entry, &refusal), &next) {
            log::error!("{unrecorded}");
        }
        *court = next;
        self.standing.send_replace(court.standing());
        refusal
    }

    fn entry(&self, event: Event, status: Status, asker: &PeerId) -> Entry {
        self.recorder
            .entry(event, Phase::Single, status)
            .with("peer", asker.to_string())
    }

    /// Leaf first, then ledger: what the ledger knows is always in the trail.
    fn make_durable(&self, entry: Entry, court: &Court) -> Result<(), Refusal> {
        self.recorder
            .trail()
            .append(entry)
            .map_err(|error| error.refusal())?;
        self.ledger.write(court).map_err(|error| error.refusal())
    }
}

impl Authority for Registry {
    fn lease(&self, asker: &PeerId, request: LeaseRequest) -> Result<LeaseGrant, Refusal> {
        let now = self.clock.unix_seconds();
        let mut court = self.court.lock().unwrap_or_else(PoisonError::into_inner);
        if request.node != asker.node {
            let refusal = Refusal::new(
                "KP-014",
                "a node asked in the name of another, so no lease is given",
                "each node asks for itself; look who runs with this key",
            )
            .read(format!("{asker} asked for node {}", request.node));
            return Err(self.refuse(&mut court, asker, refusal, now));
        }
        let question = Question {
            asker,
            epoch: request.epoch,
            evidence: request.evidence.as_ref(),
            now,
        };
        match court.judge(&question) {
            Judgement::Grant => self.grant(&mut court, asker, request, now),
            Judgement::Refuse(refusal) => Err(self.refuse(&mut court, asker, refusal, now)),
        }
    }

    fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }
}
