//! The names of zones and nodes.
//!
//! A name is parsed once, at the edge; past it, every name is known to be well formed. Names must
//! never carry meaning beyond identity: nothing is read out of their letters.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes; it becomes one label of a host name.
const NAME_LIMIT: usize = 31;

/// The name of a zone, such as `storage`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneName(String);

/// The name of a node, such as `st1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(String);

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "read the name {name:?}: a name begins with a letter a-z, then letters a-z, digits and \
     hyphens, 31 at most"
)]
pub struct NameError {
    name: String,
}

impl NameError {
    /// The text that is not a name, cut to a length that can be shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn parse(text: &str) -> Result<String, NameError> {
    let mut bytes = text.bytes();
    let well_formed = bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && text.len() <= NAME_LIMIT
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if well_formed {
        Ok(text.to_owned())
    } else {
        Err(NameError {
            name: text.chars().take(64).collect(),
        })
    }
}

macro_rules! name {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                parse(text).map(Self)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(ZoneName);
name!(NodeName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_letters_digits_and_hyphens_is_read() {
        for good in [
            "a",
            "st1",
            "file-storage",
            "a23456789-123456789-123456789-1",
        ] {
            assert_eq!(good.parse::<ZoneName>().unwrap().as_str(), good);
            assert_eq!(good.parse::<NodeName>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn anything_else_is_refused_and_quoted() {
        let long = "a".repeat(32);
        for bad in [
            "",
            "1st",
            "-a",
            "A",
            "sT1",
            "a_b",
            "a.b",
            "a b",
            "ä",
            "a\n",
            long.as_str(),
        ] {
            assert!(bad.parse::<ZoneName>().is_err(), "{bad:?}");
            assert!(bad.parse::<NodeName>().is_err(), "{bad:?}");
        }
        assert_eq!("A".parse::<NodeName>().unwrap_err().name(), "A");
        assert!(
            "x".repeat(9999)
                .parse::<NodeName>()
                .unwrap_err()
                .to_string()
                .len()
                < 250
        );
    }
}
