//! The node's trail as the core's receipts, for the requests of one session.
//!
//! Owns which fields a leaf of a query has. Must never put the text of a query, a value or a name
//! of a person into a leaf.

use cofferdam_link::Session;
use cofferdam_node::Node;
use cofferdam_trail::{Entry, Event, Phase, Status};
use ring::rand::{SecureRandom, SystemRandom};

use crate::receipts::{QueryIntent, QueryOutcome, ReceiptFault, ReceiptMark, Receipts};

/// Receipts of one session's requests.
#[derive(Debug)]
pub struct SessionReceipts<'a> {
    node: &'a Node,
    session: &'a Session,
}

impl<'a> SessionReceipts<'a> {
    /// Receipts that name this session's peer and flow.
    #[must_use]
    pub fn new(node: &'a Node, session: &'a Session) -> SessionReceipts<'a> {
        SessionReceipts { node, session }
    }

    fn entry(&self, event: Event, phase: Phase, status: Status) -> Entry {
        self.node
            .entry(event, phase, status, [])
            .with("peer", self.session.peer.to_string())
            .with("flow", self.session.id.to_string())
    }

    async fn record(&self, entry: Entry) -> Result<ReceiptMark, ReceiptFault> {
        let recorded = self.node.record(entry).await;
        let receipt = recorded.map_err(|error| ReceiptFault(error.to_string()))?;
        Ok(ReceiptMark {
            origin: receipt.origin,
            index: receipt.index,
        })
    }
}

impl Receipts for SessionReceipts<'_> {
    fn salt(&self) -> Result<[u8; 16], ReceiptFault> {
        let mut salt = [0_u8; 16];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_unspecified| ReceiptFault("the system has no randomness".to_owned()))?;
        Ok(salt)
    }

    async fn intent(&self, intent: QueryIntent) -> Result<ReceiptMark, ReceiptFault> {
        let entry = self.entry(Event::RecordQuery, Phase::Intent, Status::Granted);
        let entry = entry
            .with("sql_sha256", intent.sql_sha256)
            .with("tables", intent.tables)
            .with("min_group", intent.min_group);
        self.record(entry).await
    }

    async fn outcome(
        &self,
        intent: &ReceiptMark,
        outcome: QueryOutcome,
    ) -> Result<(), ReceiptFault> {
        let about = |status| {
            self.entry(Event::RecordQuery, Phase::Outcome, status)
                .with("intent", intent.index)
        };
        let entry = match outcome {
            QueryOutcome::Answered {
                rows,
                suppressed_groups,
                unreadable_records,
            } => {
                let entry = about(Status::Success)
                    .with("rows", rows)
                    .with("unreadable_records", unreadable_records);
                match suppressed_groups {
                    Some(groups) => entry.with("suppressed_groups", groups),
                    None => entry,
                }
            }
            QueryOutcome::Refused { code } => about(Status::Refused).with("code", code),
        };
        self.record(entry).await.map(|_mark| ())
    }

    async fn listed(&self, tables: u64) -> Result<(), ReceiptFault> {
        let entry = self.entry(Event::RecordList, Phase::Single, Status::Success);
        self.record(entry.with("tables", tables))
            .await
            .map(|_mark| ())
    }
}
