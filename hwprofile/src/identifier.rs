//! A text that names one piece of hardware, such as a serial number.
//!
//! Owns how such texts are normalised, compared and masked. Its `Debug` and `Display` must never
//! show a whole value: only [`Identifier::reveal`] does, for the machine's own operator.

use std::fmt;

use crate::fact::Fact;
use crate::placeholder;

/// How many characters of the end a masked value shows.
const HINT_LENGTH: usize = 4;

/// A value that names one piece of hardware and is not a placeholder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identifier {
    /// As the machine wrote it, without blanks around it.
    raw: String,
    /// Blanks collapsed, letters small: what is compared.
    normalised: String,
}

impl Identifier {
    /// Reads a text: a placeholder stays a placeholder, and bytes that were no text stay none.
    #[must_use]
    pub fn read(text: &str) -> Fact<Self> {
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Fact::Unsupported("its bytes are no text".to_owned());
        }
        if placeholder::is_placeholder(text) {
            return Fact::Placeholder(text.trim().chars().take(64).collect());
        }
        Fact::Value(Self::exact(text))
    }

    /// A text that is known to name something, such as an address that was parsed.
    pub(crate) fn exact(text: &str) -> Self {
        Self {
            raw: text.trim().to_owned(),
            normalised: normalise(text),
        }
    }

    /// The form that is compared.
    #[must_use]
    pub fn normalised(&self) -> &str {
        &self.normalised
    }

    /// The whole value. For the machine's own operator; it must not travel and must not be logged.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.raw
    }

    /// The last four characters, or fewer of a short value.
    #[must_use]
    pub fn hint(&self) -> String {
        let length = self.raw.chars().count();
        let shown = HINT_LENGTH.min(length / 2);
        let tail: String = self
            .raw
            .chars()
            .skip(length.saturating_sub(shown))
            .collect();
        format!("…{tail}")
    }
}

/// Collapses blanks and control characters to one blank, and makes letters small.
#[must_use]
pub fn normalise(text: &str) -> String {
    let blanked: String = text
        .chars()
        .map(|c| {
            if c.is_control() {
                ' '
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    blanked.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({})", self.hint())
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_capitals_make_no_difference() {
        let a = Identifier::exact(" S4881\nOMPUTER  corp ");
        let b = Identifier::exact("s4881 omputer Corp");
        assert_eq!(a.normalised(), b.normalised());
    }

    #[test]
    fn neither_debug_nor_display_shows_the_value() {
        let serial = Identifier::exact("7XK2Q23-SECRET-0001");
        for shown in [format!("{serial:?}"), serial.to_string()] {
            assert!(
                shown.contains("…0001") && !shown.contains("7XK2Q23"),
                "{shown}"
            );
        }
        assert_eq!(serial.reveal(), "7XK2Q23-SECRET-0001");
    }

    #[test]
    fn a_short_value_shows_no_more_than_half() {
        assert_eq!(Identifier::exact("abcd").hint(), "…cd");
        assert_eq!(Identifier::exact("x").hint(), "…");
    }

    #[test]
    fn a_placeholder_is_no_identifier() {
        assert_eq!(
            Identifier::read("To Be Filled By O.E.M."),
            Fact::Placeholder("To Be Filled By O.E.M.".into())
        );
        assert!(Identifier::read("7XK2Q23").value().is_some());
    }

    #[test]
    fn bytes_that_are_no_text_name_nothing() {
        let text = String::from_utf8_lossy(b"7XK2Q23\xff\xfe01");
        assert!(matches!(Identifier::read(&text), Fact::Unsupported(_)));
    }
}
