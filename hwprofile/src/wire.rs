//! The JSON form of facts, shared by the inventory and the evidence.
//!
//! Owns spelling and bounds; it must never decide what may travel. Objects are built from sorted
//! maps, so that equal values give equal bytes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::fact::{Fact, Reading};

/// The longest text that is taken from outside, in bytes.
const TEXT_LIMIT: usize = 4096;
/// The most entries of one list that are taken from outside.
pub(crate) const LIST_LIMIT: usize = 4096;

/// A value with a JSON form of its own.
pub(crate) trait ToWire {
    fn to_value(&self) -> Value;
}

/// A value that is read back from its JSON form, within bounds.
pub(crate) trait FromWire: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl ToWire for String {
    fn to_value(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl FromWire for String {
    fn from_value(value: &Value) -> Option<Self> {
        value
            .as_str()
            .filter(|text| text.len() <= TEXT_LIMIT)
            .map(str::to_owned)
    }
}

impl ToWire for bool {
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

impl ToWire for u32 {
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

impl FromWire for u32 {
    fn from_value(value: &Value) -> Option<Self> {
        Self::try_from(value.as_u64()?).ok()
    }
}

impl ToWire for u64 {
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

impl FromWire for u64 {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_u64()
    }
}

impl ToWire for BTreeMap<String, String> {
    fn to_value(&self) -> Value {
        sorted(
            self.iter()
                .map(|(key, text)| (key.clone(), text.to_value())),
        )
    }
}

impl FromWire for BTreeMap<String, String> {
    fn from_value(value: &Value) -> Option<Self> {
        let object = value
            .as_object()
            .filter(|object| object.len() <= LIST_LIMIT)?;
        object
            .iter()
            .map(|(key, text)| Some((key.clone(), String::from_value(text)?)))
            .collect()
    }
}

impl<T: ToWire> ToWire for Vec<T> {
    fn to_value(&self) -> Value {
        Value::Array(self.iter().map(ToWire::to_value).collect())
    }
}

impl<T: FromWire> FromWire for Vec<T> {
    fn from_value(value: &Value) -> Option<Self> {
        let items = value.as_array().filter(|items| items.len() <= LIST_LIMIT)?;
        items.iter().map(T::from_value).collect()
    }
}

/// Gives a closed vocabulary its JSON form: its word.
macro_rules! wire_word {
    ($($name:ty),+) => {
        $(impl $crate::wire::ToWire for $name {
            fn to_value(&self) -> serde_json::Value {
                serde_json::Value::from(self.as_str())
            }
        }

        impl $crate::wire::FromWire for $name {
            fn from_value(value: &serde_json::Value) -> Option<Self> {
                value.as_str()?.parse().ok()
            }
        })+
    };
}
pub(crate) use wire_word;

impl<T: ToWire> ToWire for Reading<T> {
    fn to_value(&self) -> Value {
        let detail = match &self.fact {
            Fact::Value(value) => Some(("value", value.to_value())),
            Fact::Absent => None,
            Fact::Placeholder(raw) => Some(("raw", raw.to_value())),
            Fact::Unreadable(errno) => Some(("errno", Value::from(*errno))),
            Fact::Unsupported(why) => Some(("why", why.to_value())),
        };
        let parts = [
            ("path", self.path.to_value()),
            ("state", Value::from(self.fact.state())),
        ];
        object(parts.into_iter().chain(detail))
    }
}

impl<T: FromWire> FromWire for Reading<T> {
    fn from_value(value: &Value) -> Option<Self> {
        let path = String::from_value(value.get("path")?)?;
        let fact = match value.get("state")?.as_str()? {
            "value" => Fact::Value(T::from_value(value.get("value")?)?),
            "absent" => Fact::Absent,
            "placeholder" => Fact::Placeholder(String::from_value(value.get("raw")?)?),
            "unreadable" => Fact::Unreadable(i32::try_from(value.get("errno")?.as_i64()?).ok()?),
            "unsupported" => Fact::Unsupported(String::from_value(value.get("why")?)?),
            _ => return None,
        };
        Some(Self { path, fact })
    }
}

/// An object whose keys are sorted.
pub(crate) fn sorted(entries: impl Iterator<Item = (String, Value)>) -> Value {
    let map: BTreeMap<String, Value> = entries.collect();
    Value::Object(Map::from_iter(map))
}

/// An object whose keys are sorted, from fixed names.
pub(crate) fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    sorted(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value)),
    )
}

/// Bytes as small hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_survives_json_in_every_state() {
        for fact in [
            Fact::Value("x".to_owned()),
            Fact::Absent,
            Fact::Placeholder("None".into()),
            Fact::Unreadable(13),
            Fact::Unsupported("odd".into()),
        ] {
            let reading = fact.at("/sys/x");
            assert_eq!(Reading::from_value(&reading.to_value()), Some(reading));
        }
    }

    #[test]
    fn a_fact_of_an_unknown_state_is_not_read() {
        let value = object([("path", Value::from("/x")), ("state", Value::from("maybe"))]);
        assert_eq!(Reading::<String>::from_value(&value), None);
    }

    #[test]
    fn a_text_beyond_the_bound_is_not_read() {
        assert!(String::from_value(&Value::from("x".repeat(TEXT_LIMIT))).is_some());
        assert!(String::from_value(&Value::from("x".repeat(TEXT_LIMIT + 1))).is_none());
    }

    #[test]
    fn keys_are_sorted() {
        let value = object([("b", Value::Null), ("a", Value::Null)]);
        assert_eq!(value.to_string(), r#"{"a":null,"b":null}"#);
    }
}
