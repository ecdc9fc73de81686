//! From fields of records to columns of a table: names, kinds, and what is hidden.
//!
//! Owns the naming rule, the lattice of kinds and the hiding of fields. Must never let a hidden
//! field become a column, at whatever depth it stands.
//!
//! The rules, for the manual. A field keeps its name, letter by letter. A field of an object inside
//! `data` is named `<outer>_<inner>`, one level deep; what lies deeper, and every array, is JSON
//! text. A name that is taken (`id`, `received`, `source` and `type` belong to the envelope) gets
//! `data_` in front, and if that is taken too, a number behind. Whole numbers widen to real ones
//! where both occur; anything else that is mixed becomes text.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use serde_json::Value;

/// Longest field name that becomes a column, in bytes.
const FIELD_NAME_BYTES: usize = 128;

/// The columns that every record has, in their order.
pub const ENVELOPE: [&str; 4] = ["id", "received", "source", "type"];

/// What a column holds. The order is that of widening for the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing but nulls so far.
    Empty,
    /// true and false.
    Truth,
    /// Numbers that fit 64 bits with a sign.
    Whole,
    /// Numbers with a fraction, or too large for [`Kind::Whole`].
    Real,
    /// Text, and everything that is mixed.
    Text,
}

impl Kind {
    /// The kind of one JSON value.
    #[must_use]
    pub fn of(value: &Value) -> Kind {
        match value {
            Value::Null => Kind::Empty,
            Value::Bool(_) => Kind::Truth,
            Value::Number(number) if number.is_i64() => Kind::Whole,
            Value::Number(_) => Kind::Real,
            Value::String(_) | Value::Array(_) | Value::Object(_) => Kind::Text,
        }
    }

    /// The narrowest kind that holds both.
    #[must_use]
    pub fn join(self, other: Kind) -> Kind {
        match (self, other) {
            (one, same) if one == same => one,
            (Kind::Empty, kind) | (kind, Kind::Empty) => kind,
            (Kind::Whole, Kind::Real) | (Kind::Real, Kind::Whole) => Kind::Real,
            (Kind::Truth | Kind::Whole | Kind::Real | Kind::Text, _) => Kind::Text,
        }
    }

    /// The Arrow type; a column of nothing but nulls is text.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Kind::Truth => DataType::Boolean,
            Kind::Whole => DataType::Int64,
            Kind::Real => DataType::Float64,
            Kind::Empty | Kind::Text => DataType::Utf8,
        }
    }
}

/// The type of the column `received`: milliseconds in UTC.
#[must_use]
pub fn received_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

/// Where a value stands in a record's `data`: one name, or two for a field of an inner object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// A field of `data` itself.
    #[must_use]
    pub fn outer(name: &str) -> FieldPath {
        FieldPath(vec![name.to_owned()])
    }

    /// A field of an object that is a field of `data`.
    #[must_use]
    pub fn inner(outer: &str, name: &str) -> FieldPath {
        FieldPath(vec![outer.to_owned(), name.to_owned()])
    }

    /// Whether SQL could carry the name: not empty, not endless, no control characters.
    #[must_use]
    pub fn is_sayable(&self) -> bool {
        self.0.iter().all(|name| {
            !name.is_empty()
                && name.len() <= FIELD_NAME_BYTES
                && !name.chars().any(char::is_control)
        })
    }

    /// The column's name, unlike any in `taken`, to which it is added.
    pub fn column_name(&self, taken: &mut BTreeSet<String>) -> String {
        let plain = self.0.join("_");
        let prefixed = format!("data_{plain}");
        let numbered = (2_u32..).map(|number| format!("{prefixed}_{number}"));
        let name = [plain, prefixed.clone()]
            .into_iter()
            .chain(numbered)
            .find(|name| !taken.contains(name))
            .unwrap_or(prefixed);
        taken.insert(name.clone());
        name
    }

    /// Whether this is the field a setting names: `a`, or `a.b` or `a_b` for an inner one.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.0.join(".") == name || self.0.join("_") == name
    }
}

/// Which fields no query may see. Compared without regard to case: a hidden `respondent` also hides
/// `Respondent`.
#[derive(Debug, Clone, Default)]
pub struct Hiding {
    names: BTreeSet<String>,
}

impl Hiding {
    /// Hides these names, wherever they stand.
    #[must_use]
    pub fn of(names: &[String]) -> Hiding {
        Hiding {
            names: names.iter().map(|name| name.to_lowercase()).collect(),
        }
    }

    /// Whether a field, or an object around it, is hidden.
    #[must_use]
    pub fn hides(&self, path: &FieldPath) -> bool {
        path.0.iter().any(|name| self.hides_name(name))
            || self.hides_name(&path.0.join("."))
            || self.hides_name(&path.0.join("_"))
    }

    /// Whether a bare name is hidden.
    #[must_use]
    pub fn hides_name(&self, name: &str) -> bool {
        self.names.contains(&name.to_lowercase())
    }

    /// Takes hidden fields out of a value that becomes JSON text.
    pub fn redact(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !self.hides_name(name));
                fields.values_mut().for_each(|inner| self.redact(inner));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mixed_kinds_become_text_and_whole_numbers_widen_to_real() {
        assert_eq!(Kind::Whole.join(Kind::Real), Kind::Real);
        assert_eq!(Kind::Whole.join(Kind::Text), Kind::Text);
        assert_eq!(Kind::Truth.join(Kind::Whole), Kind::Text);
        assert_eq!(Kind::Empty.join(Kind::Truth), Kind::Truth);
        assert_eq!(Kind::Text.join(Kind::Empty), Kind::Text);
    }

    #[test]
    fn joining_is_commutative_and_idempotent() {
        let all = [
            Kind::Empty,
            Kind::Truth,
            Kind::Whole,
            Kind::Real,
            Kind::Text,
        ];
        for one in all {
            assert_eq!(one.join(one), one);
            for other in all {
                assert_eq!(one.join(other), other.join(one), "{one:?} {other:?}");
                for third in all {
                    assert_eq!(one.join(other).join(third), one.join(other.join(third)));
                }
            }
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_real() {
        assert_eq!(Kind::of(&json!(u64::MAX)), Kind::Real);
        assert_eq!(Kind::of(&json!(i64::MIN)), Kind::Whole);
    }

    #[test]
    fn a_taken_name_gets_data_in_front_and_then_a_number() {
        let mut taken = BTreeSet::from(["id".to_owned()]);
        assert_eq!(FieldPath::outer("id").column_name(&mut taken), "data_id");
        assert_eq!(FieldPath::inner("a", "b").column_name(&mut taken), "a_b");
        assert_eq!(FieldPath::outer("a_b").column_name(&mut taken), "data_a_b");
        assert_eq!(
            FieldPath::outer("a_b").column_name(&mut taken),
            "data_a_b_2"
        );
        assert_eq!(
            FieldPath::outer("schoolName").column_name(&mut taken),
            "schoolName"
        );
    }

    #[test]
    fn a_hidden_name_hides_at_every_depth_and_in_every_case() {
        let hiding = Hiding::of(&["respondent".to_owned(), "address.city".to_owned()]);
        assert!(hiding.hides(&FieldPath::outer("Respondent")));
        assert!(hiding.hides(&FieldPath::inner("respondent", "name")));
        assert!(hiding.hides(&FieldPath::inner("form", "respondent")));
        assert!(hiding.hides(&FieldPath::inner("address", "city")));
        assert!(!hiding.hides(&FieldPath::inner("address", "state")));
        let mut deep = json!({"a": [{"RESPONDENT": "x", "b": 1}], "respondent": {"c": 2}});
        hiding.redact(&mut deep);
        assert_eq!(deep, json!({"a": [{"b": 1}]}));
    }

    #[test]
    fn a_name_with_a_control_character_is_no_column() {
        assert!(!FieldPath::outer("a\u{1}b").is_sayable());
        assert!(!FieldPath::outer("").is_sayable());
        assert!(!FieldPath::outer(&"x".repeat(129)).is_sayable());
        assert!(FieldPath::outer("Schulname (kurz)").is_sayable());
    }
}
