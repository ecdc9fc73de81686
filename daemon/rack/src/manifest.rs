//! The manifest of a rack: three files, bound together by a signed note.
//!
//! Owns the only IO of this crate: it reads the four files of one directory, each once, and writes
//! the note when an operator signs. A file is believed only after the note that names its digest
//! was; what it says is parsed only then.

mod directory;
mod statement;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cofferdam_hwprofile::{KeyPin, NodeName, Policy, Refusal, ZoneName};
use cofferdam_trail::SignerKey;

use crate::{
    Code, Elevation, Epoch, Faults, FlowTable, Operators, PeerId, RackDomain, TrustDomain,
    elevation, flows,
};
use directory::Files;
use statement::Statement;

/// The policy's name in a rack directory.
pub(crate) const POLICY_FILE: &str = "hwprofile.toml";
/// The signed note's name in a rack directory.
pub(crate) const NOTE_FILE: &str = "manifest";
/// The three files, in the order in which the note lists them.
pub(crate) const FILES: [&str; 3] = [POLICY_FILE, elevation::FILE, flows::FILE];

/// A manifest that its operators signed and that has no fault.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The rack's domain.
    pub domain: RackDomain,
    /// Which manifest this is.
    pub epoch: Epoch,
    /// Zones, platforms, separation, nodes.
    pub policy: Policy,
    /// Who may speak to whom.
    pub flows: Arc<FlowTable>,
    /// Where everything stands.
    pub elevation: Elevation,
    /// SHA-256 of the signed text, which names the three files by their digests.
    pub digest: [u8; 32],
    /// The names of the operators whose signatures hold.
    pub signed_by: Vec<String>,
}

/// The three files, free of faults, that nobody may have signed yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Zones, platforms, separation, nodes.
    pub policy: Policy,
    /// Who may speak to whom.
    pub flows: FlowTable,
    /// Where everything stands.
    pub elevation: Elevation,
    /// SHA-256 of each file: policy, elevation, flows.
    pub digests: [[u8; 32]; 3],
}

/// What a signing left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// SHA-256 of the signed text.
    pub digest: [u8; 32],
    /// Who signed, by name and key hash, earlier signers included. They are claims only: to count,
    /// they must be verified.
    pub signers: Vec<String>,
}

impl Manifest {
    /// Reads the rack directory `dir`, believes it only if enough of the `operators` signed it, and
    /// checks it whole.
    ///
    /// # Errors
    /// Either why it is not believed, or every fault of its files.
    pub fn load(dir: &Path, operators: &Operators) -> Result<Self, Faults> {
        let files = Files::read(dir)?;
        let note = directory::read_note(dir)?;
        let (statement, signed_by) = verify::verify(dir, &note, operators)?;
        statement.matches(dir, &files)?;
        let Draft {
            policy,
            flows,
            elevation,
            ..
        } = files.parse()?;
        Ok(Self {
            digest: statement.digest(),
            domain: statement.domain,
            epoch: statement.epoch,
            policy,
            flows: Arc::new(flows),
            elevation,
            signed_by,
        })
    }

    /// Checks the three files of a rack directory, whoever may have signed them.
    ///
    /// # Errors
    /// Every fault of the three files.
    pub fn check(dir: &Path) -> Result<Draft, Faults> {
        Files::read(dir)?.parse()
    }

    /// The policy of a rack directory and its plan, faults and all: to be drawn, never to be
    /// obeyed. Whoever signed it, and whatever its flows say.
    ///
    /// # Errors
    /// Every fault of the policy, or of a plan that cannot be drawn.
    pub fn survey(dir: &Path) -> Result<(Policy, elevation::Survey), Faults> {
        Files::read(dir)?.survey()
    }

    /// The same of a rack directory whose files are those that the operators signed, with their
    /// epoch: what is drawn is what was signed, even while somebody writes in the directory.
    ///
    /// # Errors
    /// Why it is not believed; or every fault of the policy, or of a plan that cannot be drawn.
    pub fn survey_signed(
        dir: &Path,
        operators: &Operators,
    ) -> Result<(Policy, elevation::Survey, Epoch), Faults> {
        let files = Files::read(dir)?;
        let note = directory::read_note(dir)?;
        let (statement, _) = verify::verify(dir, &note, operators)?;
        statement.matches(dir, &files)?;
        let (policy, survey) = files.survey()?;
        Ok((policy, survey, statement.epoch))
    }

    /// Checks the rack directory `dir`, signs it and writes the note. Signing the same text with
    /// another key adds a signature.
    ///
    /// # Errors
    /// Every fault of the files; an epoch that does not rise above the note that is there; a note
    /// that cannot be written.
    pub fn sign(
        dir: &Path,
        domain: &RackDomain,
        epoch: Epoch,
        signers: &[&SignerKey],
    ) -> Result<Signed, Faults> {
        let files = Files::read(dir)?;
        let draft = files.parse()?;
        let statement = Statement {
            domain: domain.clone(),
            epoch,
            digests: draft.digests,
        };
        verify::sign(dir, &statement, signers)
    }

    /// Whether this manifest may follow one that was in force before, known by its epoch and
    /// digest.
    ///
    /// # Errors
    /// If it is older, or another manifest of the same epoch.
    #[expect(clippy::result_large_err, reason = "a refusal is rare and read once")]
    pub fn follows(&self, epoch: Epoch, digest: &[u8; 32]) -> Result<(), Refusal> {
        let code = match self.epoch.cmp(&epoch) {
            std::cmp::Ordering::Greater => return Ok(()),
            std::cmp::Ordering::Equal if self.digest == *digest => return Ok(()),
            std::cmp::Ordering::Equal => Code::EpochReused,
            std::cmp::Ordering::Less => Code::EpochLower,
        };
        let refusal = Refusal::new(
            code.as_str(),
            "the manifest does not follow the one that was in force, so it is not taken over",
            code.entry().mend,
        );
        Err(refusal.read(format!("epoch {} after epoch {epoch}", self.epoch)))
    }

    /// The keys by which a peer is known before it holds a lease: those of the nodes and of the
    /// clients.
    #[must_use]
    pub fn pins(&self) -> BTreeMap<[u8; 32], PeerId> {
        let nodes = self.policy.nodes().filter_map(|node| {
            let peer = PeerId {
                zone: node.zone.clone(),
                node: node.name.clone(),
            };
            Some((node.key.as_ref().map(KeyPin::as_bytes).copied()?, peer))
        });
        let clients = self
            .flows
            .clients()
            .map(|client| (*client.key.as_bytes(), client.peer()));
        nodes.chain(clients).collect()
    }

    /// Whether the manifest names this peer, as a node of its zone or as a client.
    #[must_use]
    pub fn knows(&self, peer: &PeerId) -> bool {
        self.policy
            .node(&peer.node)
            .is_some_and(|node| node.zone == peer.zone)
            || self.client(peer).is_some()
    }

    /// The client that this peer is, if it is one.
    #[must_use]
    pub fn client(&self, peer: &PeerId) -> Option<&flows::Client> {
        self.flows
            .clients()
            .find(|client| client.zone == peer.zone && client.name == peer.node)
    }

    /// The zones of the rack and of its clients, each with the trust domain that is its own.
    #[must_use]
    pub fn trust_domains(&self) -> BTreeMap<TrustDomain, ZoneName> {
        let rack = self.policy.zones().map(|zone| &zone.name);
        let clients = self.flows.clients().map(|client| &client.zone);
        let with_domain = |zone: &ZoneName| (self.domain.trust_domain(zone), zone.clone());
        rack.chain(clients).map(with_domain).collect()
    }

    /// The zone that a trust domain belongs to; none if it is of another rack, or of no zone of the
    /// manifest.
    #[must_use]
    pub fn zone_of(&self, domain: &TrustDomain) -> Option<ZoneName> {
        self.trust_domains().remove(domain)
    }

    /// Who a node of the manifest is.
    #[must_use]
    pub fn peer(&self, node: &NodeName) -> Option<PeerId> {
        let rule = self.policy.node(node)?;
        Some(PeerId {
            zone: rule.zone.clone(),
            node: rule.name.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
