//! One thing read from a machine, in five states, with the path it came from.
//!
//! Only [`Fact::Value`] satisfies a requirement. This file must never turn one state into another
//! by guessing.

use std::fmt;
use std::io;

/// A fact in one of five states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It was read, and it can be used.
    Value(T),
    /// It is not there. Satisfies only a requirement for nothing.
    Absent,
    /// It is there and says nothing: a text that firmware ships in place of a value.
    Placeholder(String),
    /// It is there and could not be read: the error number of the operating system.
    Unreadable(i32),
    /// It was read and cannot be used: why.
    Unsupported(String),
}

/// Why a fact has no value: the four states beside [`Fact::Value`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// It is not there.
    Absent,
    /// It is there and says nothing.
    Placeholder(String),
    /// It is there and could not be read.
    Unreadable(i32),
    /// It was read and cannot be used.
    Unsupported(String),
}

impl<T> From<Gap> for Fact<T> {
    fn from(gap: Gap) -> Self {
        match gap {
            Gap::Absent => Self::Absent,
            Gap::Placeholder(raw) => Self::Placeholder(raw),
            Gap::Unreadable(errno) => Self::Unreadable(errno),
            Gap::Unsupported(why) => Self::Unsupported(why),
        }
    }
}

impl<T> From<Result<T, Gap>> for Fact<T> {
    fn from(result: Result<T, Gap>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(gap) => gap.into(),
        }
    }
}

impl Gap {
    /// The state as one word, the same as the fact's.
    #[must_use]
    pub fn state(&self) -> &'static str {
        Fact::<()>::from(self.clone()).state()
    }
}

impl<T> Fact<T> {
    /// The value, or why there is none.
    ///
    /// # Errors
    /// The state that the fact is in.
    pub fn known(self) -> Result<T, Gap> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Absent => Err(Gap::Absent),
            Self::Placeholder(raw) => Err(Gap::Placeholder(raw)),
            Self::Unreadable(errno) => Err(Gap::Unreadable(errno)),
            Self::Unsupported(why) => Err(Gap::Unsupported(why)),
        }
    }

    /// The value, if there is one.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Placeholder(_) | Self::Unreadable(_) | Self::Unsupported(_) => {
                None
            }
        }
    }

    /// The same fact about a borrowed value.
    #[must_use]
    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Self::Value(value) => Fact::Value(value),
            Self::Absent => Fact::Absent,
            Self::Placeholder(raw) => Fact::Placeholder(raw.clone()),
            Self::Unreadable(errno) => Fact::Unreadable(*errno),
            Self::Unsupported(why) => Fact::Unsupported(why.clone()),
        }
    }

    /// The state as one word.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::Absent => "absent",
            Self::Placeholder(_) => "placeholder",
            Self::Unreadable(_) => "unreadable",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// Another fact from this one's value; the other states stay as they are.
    #[must_use]
    pub fn and_then<U>(self, next: impl FnOnce(T) -> Fact<U>) -> Fact<U> {
        match self.known() {
            Ok(value) => next(value),
            Err(gap) => gap.into(),
        }
    }

    /// The same fact with its value changed.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        self.and_then(|value| Fact::Value(change(value)))
    }

    /// The other fact where this one is absent.
    #[must_use]
    pub fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Absent => other(),
            Self::Value(_) | Self::Placeholder(_) | Self::Unreadable(_) | Self::Unsupported(_) => {
                self
            }
        }
    }

    /// The same fact at a path.
    #[must_use]
    pub fn at(self, path: impl Into<String>) -> Reading<T> {
        Reading {
            path: path.into(),
            fact: self,
        }
    }
}

/// A fact and the path it came from, as it is seen on the machine (without the sysroot).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<T> {
    /// The path on the machine.
    pub path: String,
    /// What was found there.
    pub fact: Fact<T>,
}

impl<T> Reading<T> {
    /// The value, if there is one.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        self.fact.value()
    }

    /// The reading without its value, where something is there and could not be read or used: it
    /// may be what another machine shows. What is not there, or names nothing, hides nothing.
    pub(crate) fn broken<U>(&self) -> Option<Reading<U>> {
        match &self.fact {
            Fact::Value(_) | Fact::Absent | Fact::Placeholder(_) => None,
            Fact::Unreadable(errno) => Some(Fact::Unreadable(*errno).at(&self.path)),
            Fact::Unsupported(why) => Some(Fact::Unsupported(why.clone()).at(&self.path)),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Reading<T> {
    /// Tells what was read from where, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.fact {
            Fact::Value(value) => write!(f, "{path} = {value}"),
            Fact::Absent => write!(f, "{path}: not there"),
            Fact::Placeholder(raw) => write!(f, "{path} = {raw:?} (a placeholder: does not count)"),
            Fact::Unreadable(errno) => {
                write!(
                    f,
                    "{path}: cannot be read: {}",
                    io::Error::from_raw_os_error(*errno)
                )
            }
            Fact::Unsupported(why) => write!(f, "{path}: cannot be used: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_value_is_a_value() {
        assert_eq!(Fact::Value(3).value(), Some(&3));
        for other in [
            Fact::<u8>::Absent,
            Fact::Placeholder("None".into()),
            Fact::Unreadable(13),
            Fact::Unsupported("why".into()),
        ] {
            assert_eq!(other.value(), None);
            assert_eq!(other.clone().map(|n| n + 1), other);
        }
    }

    #[test]
    fn only_an_absent_fact_is_replaced() {
        assert_eq!(Fact::Absent.or_else(|| Fact::Value(1)), Fact::Value(1));
        assert_eq!(
            Fact::<u8>::Unreadable(5).or_else(|| Fact::Value(1)),
            Fact::Unreadable(5)
        );
    }

    #[test]
    fn only_what_is_there_and_could_not_be_read_is_broken() {
        let broken = |fact: Fact<u8>| fact.at("/sys/x").broken::<u64>();
        assert_eq!(broken(Fact::Value(1)), None);
        assert_eq!(broken(Fact::Absent), None);
        assert_eq!(broken(Fact::Placeholder("None".into())), None);
        let unreadable = Fact::Unreadable(13).at("/sys/x");
        assert_eq!(broken(Fact::Unreadable(13)), Some(unreadable));
        let unsupported = Fact::Unsupported("odd".into()).at("/sys/x");
        assert_eq!(broken(Fact::Unsupported("odd".into())), Some(unsupported));
    }

    #[test]
    fn a_reading_tells_its_path_in_every_state() {
        let at = |fact: Fact<u8>| fact.at("/sys/x").to_string();
        assert_eq!(at(Fact::Value(7)), "/sys/x = 7");
        assert_eq!(at(Fact::Absent), "/sys/x: not there");
        assert!(at(Fact::Placeholder("None".into())).contains("placeholder"));
        assert!(at(Fact::Unreadable(13)).contains("Permission denied"));
        assert_eq!(
            at(Fact::Unsupported("odd".into())),
            "/sys/x: cannot be used: odd"
        );
    }
}
