//! Analytics: SQL over what it may read, small cells suppressed.
//!
//! The code map, in reading order:
//!
//! - [`settings`]: which tables there are, and the bounds of every query
//! - [`objects`], [`receipts`]: the two doors of the core, to storage and to the trail
//! - [`schema`], [`record`], [`table`]: from lines of JSON to a table that keeps itself up to date
//! - [`policy`]: from SQL to a shape that is safe to compute, or a refusal that says why
//! - [`suppress`]: which cells may be shown
//! - `compute`: groups with what they stand on, then the rest of the plan over published cells
//! - [`query`]: one question from its text to its answer
//! - [`answer`]: the answer as JSON and CSV
//! - [`listing`], [`storage`], [`trail`]: the two doors as they are on a node
//! - [`zone`]: the program around it all
//! - [`code`]: every code with its meaning and mend
//!
//! What the policy does not cover is said in [`policy`], first of all differencing across queries.

pub mod answer;
pub mod code;
mod compute;
pub mod listing;
pub mod objects;
pub mod policy;
pub mod query;
pub mod receipts;
pub mod record;
pub mod schema;
pub mod settings;
pub mod storage;
pub mod suppress;
pub mod table;
pub mod trail;
pub mod zone;

#[cfg(test)]
mod double;

pub use code::CODES;
pub use zone::Analytics;
