//! What a zone is: its kind, its exposure, the data it holds, and why it stands on hardware of its
//! own.
//!
//! These words are the manifest's vocabulary; this file owns their spelling and must never hold a
//! rule about them.

use crate::vocabulary;

vocabulary! {
    /// Which program runs on the nodes of a zone.
    pub enum ZoneKind {
        /// Judges evidence, issues leases, wraps data keys.
        Keeper = "keeper",
        /// Holds sealed objects.
        Storage = "storage",
        /// Takes records from outside; the vulnerable front.
        Intake = "intake",
        /// Answers queries over what it may read.
        Analytics = "analytics",
    }
}

impl ZoneKind {
    /// The program that runs on a node of this kind.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Keeper => "cofferd-keeper",
            Self::Storage => "cofferd-storage",
            Self::Intake => "cofferd-intake",
            Self::Analytics => "cofferd-analytics",
        }
    }
}

vocabulary! {
    /// Who may reach a zone.
    pub enum Exposure {
        /// Only zones of this rack.
        Internal = "internal",
        /// Also parties that are known by name.
        Partner = "partner",
        /// Anybody.
        Public = "public",
    }
}

vocabulary! {
    /// What the data of a zone says about people. Later variants say more.
    pub enum DataClass {
        /// No data about people.
        None = "none",
        /// Only figures over groups.
        Aggregate = "aggregate",
        /// Records whose subjects are known by a pseudonym.
        Pseudonymous = "pseudonymous",
        /// Records whose subjects can be known.
        Identifying = "identifying",
    }
}

vocabulary! {
    /// Why a zone stands on hardware of its own.
    pub enum Because {
        /// What it holds must survive the fall of another zone.
        Security = "security",
        /// It is likely to fall, and must take nothing with it.
        Vulnerable = "vulnerable",
        /// It uses up a machine, and must slow nobody down.
        ResourceCost = "resource-cost",
        /// A law or a contract asks for it.
        Legal = "legal",
    }
}

/// Keeps the trait bound in one place: every vocabulary parses from its own text.
#[cfg(test)]
fn round_trip<T: std::str::FromStr + ToString + Copy + PartialEq + std::fmt::Debug>(all: &[T]) {
    for word in all {
        assert_eq!(word.to_string().parse::<T>().ok(), Some(*word));
        assert!(word.to_string().to_uppercase().parse::<T>().is_err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_its_capitals_do_not() {
        round_trip(ZoneKind::ALL);
        round_trip(Exposure::ALL);
        round_trip(DataClass::ALL);
        round_trip(Because::ALL);
    }

    #[test]
    fn a_kind_names_its_program() {
        for kind in ZoneKind::ALL {
            assert_eq!(kind.program(), format!("cofferd-{kind}"));
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_words_allowed() {
        let error = "ledgr".parse::<ZoneKind>().unwrap_err();
        assert_eq!(error.allowed(), ZoneKind::WORDS);
        assert!(error.to_string().contains("\"ledgr\""));
    }

    #[test]
    fn identifying_data_says_the_most() {
        assert_eq!(DataClass::ALL.iter().max(), Some(&DataClass::Identifying));
    }
}
