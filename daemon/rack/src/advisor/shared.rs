//! What two services may share. Owns the list of kinds; must never take a word that is only near,
//! because a second word for a database would make a database count.

use std::fmt;

use cofferdam_hwprofile::vocabulary;

vocabulary! {
    /// What services may share. The list is closed: a second word for a database would make a
    /// database count.
    pub enum SharedKind {
        /// A store that both reach over the network: never a reason to combine.
        Database = "database",
        /// What one leaves for the other to take.
        Queue = "queue",
        /// Code that both load.
        Library = "library",
        /// What both fill in.
        Templates = "templates",
        /// The description of data that both read; where it describes a database it is one.
        Schema = "schema",
        /// Trained models that both load.
        Models = "models",
    }
}

impl SharedKind {
    /// Whether sharing it may be a reason to combine. What a database holds and how it is described
    /// are the same thing seen twice.
    #[must_use]
    pub const fn counts(self) -> bool {
        match self {
            Self::Database | Self::Schema => false,
            Self::Queue | Self::Library | Self::Templates | Self::Models => true,
        }
    }
}

/// Something that a service shares with others, written `kind:name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedThing {
    /// What it is.
    pub kind: SharedKind,
    /// Which one.
    pub name: String,
}

impl fmt::Display for SharedThing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}
