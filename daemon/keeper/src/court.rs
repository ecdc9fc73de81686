//! The judgement: may this node hold a lease now, given the manifest, its evidence, and the evidence of every other node that
//! holds one? Decided without IO. It owns no key, no socket, no clock; what it decides, the shell in `registry.rs` makes true.

use std::collections::BTreeMap;
use std::sync::Arc;

use cofferdam_hwprofile::{Evidence, NodeVerdict, PairVerdict, Refusal, judge_node, judge_pair};
use cofferdam_rack::lease::{Revocation, Standing};
use cofferdam_rack::{Epoch, Manifest, NodeName, PeerId};

/// The rack as the keeper sees it.
#[derive(Debug, Clone)]
pub struct Court {
    manifest: Arc<Manifest>,
    tenures: BTreeMap<NodeName, Tenure>,
    sequence: u64,
    revoked: Vec<Lost>,
}

/// What a party holds.
#[derive(Debug, Clone)]
pub struct Tenure {
    /// Who it is.
    pub peer: PeerId,
    /// What it showed; clients without rack hardware show nothing.
    pub evidence: Option<Evidence>,
    /// The certificates it was given that have not ended.
    pub certificates: Vec<Issued>,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Its end, seconds since 1970.
    pub not_after: u64,
}

/// A certificate that was taken back before its end.
#[derive(Debug, Clone)]
pub struct Lost {
    /// What the others are told.
    pub revocation: Revocation,
    /// The end it had; from then on nobody needs to be told.
    pub not_after: u64,
}

/// What a party asks for and shows.
#[derive(Debug)]
pub struct Question<'a> {
    /// Who asks, as its key proved.
    pub asker: &'a PeerId,
    /// The epoch of the manifest it runs under.
    pub epoch: Epoch,
    /// Its hardware; `None` from a client.
    pub evidence: Option<&'a Evidence>,
    /// Seconds since 1970.
    pub now: u64,
}

/// The judgement.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Every rule holds; the lease may be issued.
    Grant,
    /// A rule does not hold, or it cannot be told whether it does.
    Refuse(Refusal),
}

impl Court {
    /// A court for a manifest, with nothing granted yet.
    #[must_use]
    pub fn new(manifest: Arc<Manifest>) -> Self {
        Self {
            manifest,
            tenures: BTreeMap::new(),
            sequence: 1,
            revoked: Vec::new(),
        }
    }

    /// A court that goes on where another stopped.
    #[must_use]
    pub fn restore(
        manifest: Arc<Manifest>,
        tenures: Vec<Tenure>,
        sequence: u64,
        revoked: Vec<Lost>,
    ) -> Self {
        let tenures = tenures
            .into_iter()
            .map(|held| (held.peer.node.clone(), held))
            .collect();
        Self {
            manifest,
            tenures,
            sequence,
            revoked,
        }
    }

    /// Judges; changes nothing.
    pub fn judge(&self, question: &Question<'_>) -> Judgement {
        if question.epoch != self.manifest.epoch {
            return Judgement::Refuse(self.other_epoch(question));
        }
        match question.evidence {
            None => self.judge_client(question),
            Some(evidence) => match self.judge_hardware(question, evidence) {
                Ok(()) => Judgement::Grant,
                Err(refusal) => Judgement::Refuse(refusal),
            },
        }
    }

    fn judge_client(&self, question: &Question<'_>) -> Judgement {
        let client =
            self.manifest.flows.clients().any(|client| {
                client.zone == question.asker.zone && client.name == question.asker.node
            });
        if client {
            return Judgement::Grant;
        }
        Judgement::Refuse(
            Refusal::new(
                "KP-011",
                "a node without evidence gets no lease",
                "send the evidence of the node with the request; cofferctl hw facts shows it",
            )
            .read(format!(
                "{} sent no evidence and is no client of flows.toml",
                question.asker
            )),
        )
    }

    fn judge_hardware(&self, question: &Question<'_>, evidence: &Evidence) -> Result<(), Refusal> {
        let policy = &self.manifest.policy;
        let node = &question.asker.node;
        match judge_node(policy, node, evidence) {
            NodeVerdict::Match(_) => {}
            NodeVerdict::Refuse(refusals) => return Err(first_of(refusals)),
        }
        for tenure in self.tenures.values() {
            let Some(other) = &tenure.evidence else {
                continue;
            };
            if tenure.peer.node == *node || !tenure.holds_at(question.now) {
                continue;
            }
            match judge_pair(policy, (node, evidence), (&tenure.peer.node, other)) {
                PairVerdict::Separate => {}
                PairVerdict::Shared(refusal) | PairVerdict::Unproven(refusal) => {
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }

    fn other_epoch(&self, question: &Question<'_>) -> Refusal {
        Refusal::new(
            "KP-010",
            "a node under another manifest gets no lease",
            "install the manifest of the keeper's epoch on the node, or the newer one on the keeper",
        )
        .read(format!("{} runs under epoch {}", question.asker, question.epoch))
        .read(format!("the keeper runs under epoch {}", self.manifest.epoch))
    }

    /// Enters what was granted. The certificate must already be durable in the trail.
    pub fn enter(&mut self, peer: &PeerId, evidence: Option<Evidence>, issued: Issued, now: u64) {
        let tenure = self
            .tenures
            .entry(peer.node.clone())
            .or_insert_with(|| Tenure {
                peer: peer.clone(),
                evidence: None,
                certificates: Vec::new(),
            });
        tenure.peer = peer.clone();
        tenure.evidence = evidence;
        tenure
            .certificates
            .retain(|certificate| certificate.not_after > now);
        tenure.certificates.push(issued);
        self.forget_ended(now);
    }

    /// Takes back everything a party holds; true if there was anything.
    pub fn evict(&mut self, peer: &PeerId, why: &Refusal, now: u64) -> bool {
        let Some(tenure) = self.tenures.remove(&peer.node) else {
            return false;
        };
        let lost = tenure
            .certificates
            .into_iter()
            .filter(|issued| issued.not_after > now);
        let before = self.revoked.len();
        self.revoked.extend(lost.map(|issued| Lost {
            revocation: Revocation {
                peer: peer.clone(),
                serial: Some(issued.serial),
                why: why.clone(),
                at: now,
            },
            not_after: issued.not_after,
        }));
        let changed = self.revoked.len() > before;
        if changed {
            self.sequence = self.sequence.saturating_add(1);
        }
        changed
    }

    /// What everybody must know: who lost what.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            sequence: self.sequence,
            epoch: self.manifest.epoch,
            revoked: self
                .revoked
                .iter()
                .map(|lost| lost.revocation.clone())
                .collect(),
        }
    }

    /// The parties and what they hold, for who writes it down.
    pub fn tenures(&self) -> impl Iterator<Item = &Tenure> {
        self.tenures.values()
    }

    /// What was taken back and has not ended, for who writes it down.
    #[must_use]
    pub fn revoked(&self) -> &[Lost] {
        &self.revoked
    }

    /// The manifest that is the law here.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// A revocation whose certificate has ended by itself says nothing any more.
    fn forget_ended(&mut self, now: u64) {
        self.revoked.retain(|lost| lost.not_after > now);
    }
}

impl Tenure {
    /// Whether any of its certificates is still good then.
    #[must_use]
    pub fn holds_at(&self, now: u64) -> bool {
        self.certificates
            .iter()
            .any(|certificate| certificate.not_after > now)
    }
}

/// The first refusal, with the codes of the others beside it.
fn first_of(refusals: Vec<Refusal>) -> Refusal {
    let mut refusals = refusals.into_iter();
    let Some(mut first) = refusals.next() else {
        return Refusal::new(
            "KP-012",
            "the hardware was refused without a reason, so no lease is given",
            "report this: the judge of hardware must always name a reason",
        );
    };
    for other in refusals {
        first = first.also(format!("{}: {}", other.code, other.consequence));
    }
    first
}

#[cfg(test)]
mod tests;
