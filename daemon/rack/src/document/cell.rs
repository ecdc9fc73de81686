//! One value of a file with its path and line, and weights read without rounding.

use toml::de::DeValue;

/// One value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Cell<'d> {
    pub(super) value: &'d DeValue<'d>,
    /// The path by which a person knows it, such as `flow[2].verbs`.
    pub(crate) path: String,
    /// Its line, counted from 1.
    pub(crate) line: usize,
}

impl<'d> Cell<'d> {
    pub(super) const fn new(value: &'d DeValue<'d>, path: String, line: usize) -> Self {
        Self { value, path, line }
    }

    /// What sort of value it is, in words.
    pub(super) const fn sort(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with decimals",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}

/// A weight, in grams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grams(pub(crate) u64);

impl Grams {
    /// Reads decimal kilograms with at most three decimals, up to a hundred tonnes. Never rounds.
    pub(crate) fn from_kilograms(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return None;
        }
        let whole: u64 = whole
            .parse()
            .ok()
            .filter(|kilograms| *kilograms <= 100_000)?;
        let part: u64 = format!("{part:0<3}").parse().ok()?;
        whole.checked_mul(1000)?.checked_add(part).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilograms_become_grams_without_rounding() {
        for (text, grams) in [
            ("28.6", 28_600),
            ("0", 0),
            ("1000", 1_000_000),
            ("0.001", 1),
            ("7.25", 7250),
        ] {
            assert_eq!(Grams::from_kilograms(text), Some(Grams(grams)), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_weight_is_refused() {
        for bad in [
            "", ".", "1.", ".5", "-1", "+1", "1e3", "inf", "nan", "1.2345", "1_0", "100001",
        ] {
            assert_eq!(Grams::from_kilograms(bad), None, "{bad}");
        }
    }
}
