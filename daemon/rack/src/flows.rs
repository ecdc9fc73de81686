//! `flows.toml`: who may call whom, with which verbs, on which buckets. Default deny.
//!
//! Owns the compiled table and its decision. It must never answer yes without a line of the file to
//! point at.

mod advice;
mod read;
mod review;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use cofferdam_hwprofile::{KeyPin, NodeName, Policy, Refusal, RuleRef, ZoneName};

pub use advice::{Difference, Nearest};

use crate::constitution::ZoneFacts;
use crate::{BucketGlob, Faults, PeerId, Verb, VerbSet};

/// The file's name in a rack directory.
pub const FILE: &str = "flows.toml";

/// A party without hardware in the rack, known by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name; the node part of its identity.
    pub name: NodeName,
    /// The zone it speaks for, which is no zone of the rack.
    pub zone: ZoneName,
    /// The digest of its public key.
    pub key: KeyPin,
    /// Why it is let in.
    pub why: String,
    /// Its line in the file.
    pub line: usize,
}

impl Client {
    /// Who it is.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        PeerId {
            zone: self.zone.clone(),
            node: self.name.clone(),
        }
    }
}

/// One flow of the file; cheap to clone. Its parts are those of [`FlowText`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRule(Arc<FlowText>);

/// What one flow says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowText {
    /// The file it stands in.
    pub file: String,
    /// Its line in the file.
    pub line: usize,
    /// Who may ask.
    pub from: ZoneName,
    /// Who is asked.
    pub to: ZoneName,
    /// For what.
    pub verbs: VerbSet,
    /// On which buckets; empty where the verbs know none.
    pub buckets: Vec<BucketGlob>,
    /// How many connections between the two zones at most.
    pub max_connections: Option<u32>,
    /// The reason.
    pub why: String,
}

impl FlowText {
    /// Whether the flow grants the verb on the bucket. A right over buckets without a bucket is not
    /// granted.
    fn grants(&self, verb: Verb, bucket: Option<&str>) -> bool {
        self.verbs.contains(verb)
            && (!verb.takes_bucket()
                || bucket.is_some_and(|name| self.buckets.iter().any(|glob| glob.matches(name))))
    }

    /// Where the flow stands, and what it says.
    #[must_use]
    pub fn reference(&self) -> RuleRef {
        RuleRef::new(self.file.as_str(), self.line, self.to_string())
    }
}

impl fmt::Display for FlowText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}  {}", self.from, self.to, self.verbs)?;
        for (index, glob) in self.buckets.iter().enumerate() {
            write!(f, "{}{glob}", if index == 0 { " on " } else { ", " })?;
        }
        Ok(())
    }
}

impl Deref for FlowRule {
    type Target = FlowText;

    fn deref(&self) -> &FlowText {
        &self.0
    }
}

impl fmt::Display for FlowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a request is allowed, and by what.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowDecision {
    /// This flow allows it.
    Allow(FlowRule),
    /// Nothing allows it; the refusal names the flow that would come nearest.
    Refuse(Refusal),
}

/// Everything between one zone and another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Edge {
    rules: Vec<FlowRule>,
    max_connections: Option<u32>,
}

/// The flows of a rack, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowTable {
    file: String,
    rules: Vec<FlowRule>,
    edges: BTreeMap<ZoneName, BTreeMap<ZoneName, Edge>>,
    clients: BTreeMap<NodeName, Client>,
    zones: BTreeMap<ZoneName, ZoneFacts>,
}

impl FlowTable {
    /// Reads the flows of the rack that `policy` describes; `file` is the name under which lines
    /// are cited.
    ///
    /// # Errors
    /// All faults of the text at once, each with its line and, for a misspelling, a suggestion. A
    /// flow that the constitution forbids is one of them.
    pub fn parse(file: &str, text: &str, policy: &Policy) -> Result<Self, Faults> {
        let pins = policy
            .nodes()
            .filter_map(|node| Some((node.key?, node.name.to_string())));
        read::read(
            file,
            text,
            &read::Ground {
                zones: ZoneFacts::of(policy),
                pins: pins.collect(),
            },
        )
    }

    fn compile(
        file: &str,
        rules: Vec<FlowRule>,
        clients: BTreeMap<NodeName, Client>,
        zones: BTreeMap<ZoneName, ZoneFacts>,
    ) -> Self {
        let mut edges: BTreeMap<ZoneName, BTreeMap<ZoneName, Edge>> = BTreeMap::new();
        for rule in &rules {
            let edge = edges
                .entry(rule.from.clone())
                .or_default()
                .entry(rule.to.clone())
                .or_default();
            edge.rules.push(rule.clone());
            edge.max_connections = edge.max_connections.or(rule.max_connections);
        }
        Self {
            file: file.to_owned(),
            rules,
            edges,
            clients,
            zones,
        }
    }

    /// Decides one request. The first flow of the file that allows it is the one that is named.
    ///
    /// A right over buckets needs a bucket: with `None` it is refused, whatever the flows say. To
    /// list buckets, ask [`FlowTable::decide_any`] first and then decide for each bucket.
    pub fn decide(
        &self,
        from: &ZoneName,
        to: &ZoneName,
        verb: Verb,
        bucket: Option<&str>,
    ) -> FlowDecision {
        let allowed = self
            .edge(from, to)
            .and_then(|edge| edge.rules.iter().find(|rule| rule.grants(verb, bucket)));
        match allowed {
            Some(rule) => FlowDecision::Allow(rule.clone()),
            None => FlowDecision::Refuse(self.refusal(from, to, verb, bucket)),
        }
    }

    /// Decides whether the verb is granted at all, on whichever bucket. It admits to no bucket: who
    /// goes on to one asks [`FlowTable::decide`] for it.
    pub fn decide_any(&self, from: &ZoneName, to: &ZoneName, verb: Verb) -> FlowDecision {
        let edge = self.edge(from, to);
        match edge.and_then(|edge| edge.rules.iter().find(|rule| rule.verbs.contains(verb))) {
            Some(rule) => FlowDecision::Allow(rule.clone()),
            None => FlowDecision::Refuse(self.refusal(from, to, verb, None)),
        }
    }

    /// Whether any flow leads from the one zone to the other, so that a connection may be opened.
    #[must_use]
    pub fn connects(&self, from: &ZoneName, to: &ZoneName) -> bool {
        self.edge(from, to).is_some()
    }

    /// Whether the verb is granted on at least one bucket. Never an admission by itself.
    #[must_use]
    pub fn reaches(&self, from: &ZoneName, to: &ZoneName, verb: Verb) -> bool {
        self.edge(from, to)
            .is_some_and(|edge| edge.rules.iter().any(|rule| rule.verbs.contains(verb)))
    }

    /// How many connections there may be between the two zones, where the file says so.
    #[must_use]
    pub fn max_connections(&self, from: &ZoneName, to: &ZoneName) -> Option<u32> {
        self.edge(from, to).and_then(|edge| edge.max_connections)
    }

    /// The parties without hardware, by name.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.values()
    }

    /// Every flow, in the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[FlowRule] {
        &self.rules
    }

    /// The name under which the file is cited.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    fn edge(&self, from: &ZoneName, to: &ZoneName) -> Option<&Edge> {
        self.edges.get(from)?.get(to)
    }

    /// Whether the manifest knows a zone of this name, in the rack or of a client.
    fn knows(&self, zone: &ZoneName) -> bool {
        self.zones.contains_key(zone) || self.clients.values().any(|client| client.zone == *zone)
    }
}

#[cfg(test)]
pub(crate) mod tests;
