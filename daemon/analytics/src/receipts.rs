//! The trail, as the core sees it: an intent before any record is read, an outcome before any
//! result leaves.
//!
//! Owns the trait and what a receipt says. Must never carry the text of a query: it may hold a
//! name. What is kept is a salted digest, and only the asker gets the salt.

use std::future::Future;

/// What stands in the trail before a query is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryIntent {
    /// SHA-256 over the salt and the SQL text, in lower-case hexadecimal.
    pub sql_sha256: String,
    /// The tables that are named, in order; empty if the text could not be read.
    pub tables: Vec<String>,
    /// The rule that was in force.
    pub min_group: u64,
}

/// How a query ended, as the trail tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryOutcome {
    /// An answer leaves.
    Answered {
        /// Rows of the answer.
        rows: u64,
        /// Groups that were withheld, where that number may be told.
        suppressed_groups: Option<u64>,
        /// Records that could not be read and are not part of the answer.
        unreadable_records: u64,
    },
    /// A refusal leaves.
    Refused {
        /// The code of the refusal.
        code: String,
    },
}

/// A leaf that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptMark {
    /// The log's origin line.
    pub origin: String,
    /// The leaf's index.
    pub index: u64,
}

/// The trail refused; nothing may leave.
#[derive(Debug, thiserror::Error)]
#[error("failed to make the receipt durable: {0}")]
pub struct ReceiptFault(pub String);

/// Writes the receipts of one request; the implementation knows the peer and the flow.
pub trait Receipts: Send + Sync {
    /// Sixteen fresh random bytes.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    fn salt(&self) -> Result<[u8; 16], ReceiptFault>;

    /// Makes the intent durable.
    fn intent(
        &self,
        intent: QueryIntent,
    ) -> impl Future<Output = Result<ReceiptMark, ReceiptFault>> + Send;

    /// Makes the outcome durable.
    fn outcome(
        &self,
        intent: &ReceiptMark,
        outcome: QueryOutcome,
    ) -> impl Future<Output = Result<(), ReceiptFault>> + Send;

    /// Makes it durable that the tables and their columns were shown.
    fn listed(&self, tables: u64) -> impl Future<Output = Result<(), ReceiptFault>> + Send;
}
