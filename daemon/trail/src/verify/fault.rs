//! The first thing that is wrong with a log: which code, which leaf, what was seen, what to do.

use std::fmt;

use cofferdam_hwprofile::Refusal;

use crate::codes;

/// Why a log is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// The first leaf concerned, where one can be named.
    pub leaf: Option<u64>,
    /// What was seen, and where.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Fault {
    pub(crate) fn new(code: &'static str, what: String) -> Self {
        Self {
            code,
            leaf: None,
            what,
            fix: codes::mend(code).to_owned(),
        }
    }

    pub(crate) fn at(mut self, leaf: u64) -> Self {
        self.leaf = Some(leaf);
        self
    }

    /// The same in the form that every refusal of the house has.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(self.code, self.to_string(), self.fix.clone())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        self.leaf.map_or(Ok(()), |leaf| write!(f, " (leaf {leaf})"))
    }
}

impl std::error::Error for Fault {}
