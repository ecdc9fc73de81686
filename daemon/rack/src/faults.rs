//! Everything that is wrong with a manifest, told at once. Owns the list; must never be empty.

use std::fmt;

use cofferdam_hwprofile::{PolicyFaults, Refusal};

/// The faults of a manifest or of one of its files, in the order of their lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    refusals: Vec<Refusal>,
}

impl Faults {
    /// The faults, if there are any.
    pub(crate) fn any(refusals: Vec<Refusal>) -> Option<Self> {
        (!refusals.is_empty()).then_some(Self { refusals })
    }

    /// One fault.
    pub(crate) fn one(refusal: Refusal) -> Self {
        Self {
            refusals: vec![refusal],
        }
    }

    /// The faults, in order.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// The faults, given away.
    #[must_use]
    pub fn into_refusals(self) -> Vec<Refusal> {
        self.refusals
    }
}

impl From<PolicyFaults> for Faults {
    fn from(faults: PolicyFaults) -> Self {
        Self {
            refusals: faults.into_faults(),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, refusal) in self.refusals.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{refusal}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
