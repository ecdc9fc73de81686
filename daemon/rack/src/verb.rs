//! What one zone may ask of another. A closed list; nothing else can be granted.

use std::fmt;
use std::str::FromStr;

use cofferdam_hwprofile::ZoneKind;

/// One right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Writes something new; never over something old.
    Append,
    /// Reads a record.
    Read,
    /// Lists names and sizes.
    List,
    /// Removes a record.
    Delete,
    /// Passes a right on, in time and scope.
    Share,
    /// Takes new data keys, each wrapped for its owner.
    KeyNew,
    /// Has a wrapped data key opened.
    KeyOpen,
    /// Asks for a certificate, and for what others lost.
    Lease,
    /// Cosigns a checkpoint of a trail.
    Cosign,
    /// Asks a question over what the asked zone may read.
    Query,
}

/// Some rights.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct VerbSet(u16);

/// A word that is no verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read the verb: expected one of {}", Verb::WORDS.join(", "))]
pub struct VerbError;

impl Verb {
    /// Every verb, in the order in which they are shown.
    pub const ALL: &'static [Self] = &[
        Self::Append,
        Self::Read,
        Self::List,
        Self::Delete,
        Self::Share,
        Self::KeyNew,
        Self::KeyOpen,
        Self::Lease,
        Self::Cosign,
        Self::Query,
    ];
    /// The verbs as they are written, in the same order.
    pub const WORDS: &'static [&'static str] = &[
        "append", "read", "list", "delete", "share", "key-new", "key-open", "lease", "cosign",
        "query",
    ];

    /// The verb as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Read => "read",
            Self::List => "list",
            Self::Delete => "delete",
            Self::Share => "share",
            Self::KeyNew => "key-new",
            Self::KeyOpen => "key-open",
            Self::Lease => "lease",
            Self::Cosign => "cosign",
            Self::Query => "query",
        }
    }

    /// Whether the verb is a right over buckets, so that a request must name one.
    #[must_use]
    pub const fn takes_bucket(self) -> bool {
        match self {
            Self::Append | Self::Read | Self::List | Self::Delete | Self::Share => true,
            Self::KeyNew | Self::KeyOpen | Self::Lease | Self::Cosign | Self::Query => false,
        }
    }

    /// Whether a zone of this kind answers the verb at all.
    #[must_use]
    pub const fn is_served_by(self, kind: ZoneKind) -> bool {
        match (self, kind) {
            (Self::Cosign, _)
            | (Self::Append, ZoneKind::Storage | ZoneKind::Intake)
            | (Self::Read | Self::List | Self::Delete | Self::Share, ZoneKind::Storage)
            | (Self::KeyNew | Self::KeyOpen | Self::Lease, ZoneKind::Keeper)
            | (Self::Query, ZoneKind::Analytics) => true,
            (
                Self::Append
                | Self::Read
                | Self::List
                | Self::Delete
                | Self::Share
                | Self::KeyNew
                | Self::KeyOpen
                | Self::Lease
                | Self::Query,
                ZoneKind::Keeper | ZoneKind::Storage | ZoneKind::Intake | ZoneKind::Analytics,
            ) => false,
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::Append => 1,
            Self::Read => 1 << 1,
            Self::List => 1 << 2,
            Self::Delete => 1 << 3,
            Self::Share => 1 << 4,
            Self::KeyNew => 1 << 5,
            Self::KeyOpen => 1 << 6,
            Self::Lease => 1 << 7,
            Self::Cosign => 1 << 8,
            Self::Query => 1 << 9,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = VerbError;

    fn from_str(text: &str) -> Result<Self, VerbError> {
        Self::ALL
            .iter()
            .find(|verb| verb.as_str() == text)
            .copied()
            .ok_or(VerbError)
    }
}

impl VerbSet {
    /// No right at all.
    pub const EMPTY: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, verb: Verb) -> Self {
        Self(self.0 | verb.bit())
    }

    /// Whether the verb is among them.
    #[must_use]
    pub const fn contains(self, verb: Verb) -> bool {
        self.0 & verb.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The verbs, in their order.
    pub fn iter(self) -> impl Iterator<Item = Verb> {
        Verb::ALL
            .iter()
            .copied()
            .filter(move |verb| self.contains(*verb))
    }
}

impl FromIterator<Verb> for VerbSet {
    fn from_iter<I: IntoIterator<Item = Verb>>(iter: I) -> Self {
        iter.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Display for VerbSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, verb) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(verb.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for VerbSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerbSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_reads_back_and_its_capitals_do_not() {
        assert_eq!(Verb::ALL.len(), Verb::WORDS.len());
        for (verb, word) in Verb::ALL.iter().zip(Verb::WORDS) {
            assert_eq!(verb.as_str(), *word);
            assert_eq!(word.parse(), Ok(*verb));
            assert_eq!(word.to_uppercase().parse::<Verb>(), Err(VerbError));
        }
        for bad in ["", "write", "key_new", "keynew", "append ", "*"] {
            assert_eq!(bad.parse::<Verb>(), Err(VerbError), "{bad:?}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        for inside in Verb::ALL {
            let set = VerbSet::EMPTY.with(*inside);
            for verb in Verb::ALL {
                assert_eq!(set.contains(*verb), verb == inside);
            }
        }
        assert!(VerbSet::EMPTY.is_empty());
        let all: VerbSet = Verb::ALL.iter().copied().collect();
        assert!(all.iter().eq(Verb::ALL.iter().copied()));
        assert_eq!(all.to_string(), Verb::WORDS.join(", "));
    }

    #[test]
    fn every_verb_is_served_by_some_kind_and_every_kind_serves_some_verb() {
        for verb in Verb::ALL {
            assert!(
                ZoneKind::ALL.iter().any(|kind| verb.is_served_by(*kind)),
                "{verb}"
            );
        }
        for kind in ZoneKind::ALL {
            assert!(
                Verb::ALL.iter().any(|verb| verb.is_served_by(*kind)),
                "{kind}"
            );
        }
    }

    #[test]
    fn only_storage_is_read_from_and_only_the_keeper_gives_keys() {
        for kind in ZoneKind::ALL {
            assert_eq!(Verb::Read.is_served_by(*kind), *kind == ZoneKind::Storage);
            assert_eq!(Verb::KeyOpen.is_served_by(*kind), *kind == ZoneKind::Keeper);
        }
    }
}
