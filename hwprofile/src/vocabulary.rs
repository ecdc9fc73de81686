//! Closed lists of words: the enum, its texts, and the way back. Owns no word itself, and must never
//! take one that is only near.

use std::fmt;

/// Writes a closed list of words as an enum: each variant with its text, in the order in which they
/// are shown to people. A text that is none of them is a [`WordError`].
#[macro_export]
macro_rules! vocabulary {
    ($(#[$doc:meta])* pub enum $name:ident {
        $($(#[$word:meta])* $variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$word])* $variant),+ }

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
            type Err = $crate::vocabulary::WordError;

            fn from_str(text: &str) -> Result<Self, $crate::vocabulary::WordError> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::vocabulary::WordError::new(text, Self::WORDS)),
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

/// A word that is not in its vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordError {
    word: String,
    allowed: &'static [&'static str],
}

impl WordError {
    /// That `word`, of which the beginning is kept, is none of those `allowed`.
    #[must_use]
    pub fn new(word: &str, allowed: &'static [&'static str]) -> Self {
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
