//! How much a piece of evidence is worth.
//!
//! The grade is printed beside every claim so that nothing is overclaimed. This file must never
//! raise one.

use std::fmt;
use std::str::FromStr;

use crate::vocabulary::WordError;

/// The grade of evidence, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Read from a profile file: for the lab only.
    E0Simulated,
    /// Said by the node's own kernel: stops mistakes, not root.
    E1Asserted,
    /// Agrees with a second source, such as a management controller or a switch.
    E2Corroborated,
    /// Quoted by a TPM whose endorsement key is pinned.
    E3Attested,
    /// Attested, and commissioned by two people.
    E4Sealed,
}

impl Grade {
    /// Every grade, from the weakest.
    pub const ALL: &'static [Self] = &[
        Self::E0Simulated,
        Self::E1Asserted,
        Self::E2Corroborated,
        Self::E3Attested,
        Self::E4Sealed,
    ];

    /// The short form that travels, such as `E0`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::E0Simulated => "E0",
            Self::E1Asserted => "E1",
            Self::E2Corroborated => "E2",
            Self::E3Attested => "E3",
            Self::E4Sealed => "E4",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::E0Simulated => "simulated",
            Self::E1Asserted => "asserted",
            Self::E2Corroborated => "corroborated",
            Self::E3Attested => "attested",
            Self::E4Sealed => "sealed",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.as_str(), self.word())
    }
}

impl FromStr for Grade {
    type Err = WordError;

    /// Reads the short form.
    fn from_str(text: &str) -> Result<Self, WordError> {
        Self::ALL
            .iter()
            .copied()
            .find(|grade| grade.as_str() == text)
            .ok_or_else(|| WordError::new(text, &["E0", "E1", "E2", "E3", "E4"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_is_shown_with_its_word_and_travels_without() {
        assert_eq!(Grade::E0Simulated.to_string(), "E0 simulated");
        for grade in Grade::ALL {
            assert_eq!(grade.as_str().parse::<Grade>().ok(), Some(*grade));
        }
        assert!("E5".parse::<Grade>().is_err());
        assert!("E0 simulated".parse::<Grade>().is_err());
    }

    #[test]
    fn the_lab_is_the_weakest_grade() {
        assert_eq!(Grade::ALL.iter().min(), Some(&Grade::E0Simulated));
    }
}
