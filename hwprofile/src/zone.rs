//! What a zone is: its kind, its exposure, the data it holds, and why it stands on hardware of its
//! own.
//!
//! These words are the manifest's vocabulary; this file owns their spelling and must never hold a
//! rule about them.

use std::fmt;

/// Writes a closed vocabulary: the enum's texts, in the order in which they are shown to people.
macro_rules! vocabulary {
    ($name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $name {
            /// Every word, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The words as they are written.
            pub const WORDS: &'static [&'static str] = &[$($text),+];

            /// The word as it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::zone::WordError;

            fn from_str(text: &str) -> Result<Self, $crate::zone::WordError> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::zone::WordError::new(text, Self::WORDS)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use vocabulary;

/// Which program runs on the nodes of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ZoneKind {
    /// Judges evidence, issues leases, wraps data keys.
    Keeper,
    /// Holds sealed objects.
    Storage,
    /// Takes records from outside; the vulnerable front.
    Intake,
    /// Answers queries over what it may read.
    Analytics,
}

vocabulary!(ZoneKind {
    Keeper = "keeper",
    Storage = "storage",
    Intake = "intake",
    Analytics = "analytics",
});

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

/// Who may reach a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposure {
    /// Only zones of this rack.
    Internal,
    /// Also parties that are known by name.
    Partner,
    /// Anybody.
    Public,
}

vocabulary!(Exposure { Internal = "internal", Partner = "partner", Public = "public" });

/// What the data of a zone says about people. Later variants say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataClass {
    /// No data about people.
    None,
    /// Only figures over groups.
    Aggregate,
    /// Records whose subjects are known by a pseudonym.
    Pseudonymous,
    /// Records whose subjects can be known.
    Identifying,
}

vocabulary!(DataClass {
    None = "none",
    Aggregate = "aggregate",
    Pseudonymous = "pseudonymous",
    Identifying = "identifying",
});

/// Why a zone stands on hardware of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Because {
    /// What it holds must survive the fall of another zone.
    Security,
    /// It is likely to fall, and must take nothing with it.
    Vulnerable,
    /// It uses up a machine, and must slow nobody down.
    ResourceCost,
    /// A law or a contract asks for it.
    Legal,
}

vocabulary!(Because {
    Security = "security",
    Vulnerable = "vulnerable",
    ResourceCost = "resource-cost",
    Legal = "legal",
});

/// A word that is not in its vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordError {
    word: String,
    allowed: &'static [&'static str],
}

impl WordError {
    pub(crate) fn new(word: &str, allowed: &'static [&'static str]) -> Self {
        Self {
            word: word.chars().take(64).collect(),
            allowed,
        }
    }

    /// The words that are allowed.
    #[must_use]
    pub const fn allowed(&self) -> &'static [&'static str] {
        self.allowed
    }
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read the word {:?}: expected one of {}",
            self.word,
            self.allowed.join(", ")
        )
    }
}

impl std::error::Error for WordError {}

/// Keeps the trait bound in one place: every vocabulary parses from its own text.
#[cfg(test)]
fn round_trip<T: std::str::FromStr + fmt::Display + Copy + PartialEq + fmt::Debug>(all: &[T]) {
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
