//! First analysis: counts, means, quantiles, distinct values of the open window, in memory only. It keeps sketches, never records,
//! and shows nothing that stands on fewer than the smallest group.

use std::collections::BTreeMap;

use datasketches::hll::{HllSketch, HllType};
use datasketches::tdigest::TDigestMut;
use serde_json::{Map, Value, json};

use crate::settings::MIN_GROUP_FLOOR;

/// The most fields that are watched; later ones are counted and not analysed.
const FIELDS_MAX: usize = 64;
/// 2^12 registers: 1.6 % standard error, 4 KiB a field.
const HLL_LOG_REGISTERS: u8 = 12;
/// The compression of the quantile sketch.
const DIGEST_COMPRESSION: u16 = 100;
/// The quantiles that are shown; the outer ones would come near single persons.
const QUANTILES: [(&str, f64); 3] = [("p25", 0.25), ("p50", 0.50), ("p75", 0.75)];

/// The open window of one stream or survey.
#[derive(Debug)]
pub struct Window {
    length_ms: u64,
    min_group: u64,
    opened_ms: u64,
    records: u64,
    unwatched: u64,
    fields: BTreeMap<String, Field>,
}

/// What is known of one field.
#[derive(Debug)]
struct Field {
    present: u64,
    numbers: Option<Numbers>,
    distinct: HllSketch,
}

#[derive(Debug)]
struct Numbers {
    count: u64,
    mean: f64,
    digest: TDigestMut,
}

impl Window {
    /// A window that opens at `now_ms`.
    #[must_use]
    pub fn new(window_seconds: u64, min_group: u64, now_ms: u64) -> Self {
        Self {
            length_ms: window_seconds.saturating_mul(1000),
            min_group: min_group.max(MIN_GROUP_FLOOR),
            opened_ms: now_ms,
            records: 0,
            unwatched: 0,
            fields: BTreeMap::new(),
        }
    }

    /// Takes one record into the window, which begins anew if it is over.
    pub fn add(&mut self, content: &Map<String, Value>, now_ms: u64) {
        if now_ms.saturating_sub(self.opened_ms) >= self.length_ms {
            *self = Self::new(self.length_ms / 1000, self.min_group, now_ms);
        }
        self.records += 1;
        for (name, value) in content {
            if self.fields.len() >= FIELDS_MAX && !self.fields.contains_key(name) {
                self.unwatched += 1;
                continue;
            }
            if let Some(field) = self.field(name) {
                field.add(value);
            }
        }
    }

    fn field(&mut self, name: &str) -> Option<&mut Field> {
        if !self.fields.contains_key(name) {
            self.fields.insert(name.to_owned(), Field::new()?);
        }
        self.fields.get_mut(name)
    }

    /// The window as JSON; what stands on too few records is `null` and said to be.
    #[must_use]
    pub fn show(&mut self) -> Value {
        let min_group = self.min_group;
        let mut suppressed = 0;
        let mut fields = Map::new();
        for (name, field) in &mut self.fields {
            if field.present < min_group {
                suppressed += 1;
            } else {
                fields.insert(name.clone(), field.show(min_group));
            }
        }
        let records = (self.records >= min_group).then_some(self.records);
        json!({
            "opened-ms": self.opened_ms,
            "records": records,
            "fields": fields,
            "fields-suppressed": suppressed,
            "fields-not-watched": self.unwatched,
            "min-group": min_group,
        })
    }
}

impl Field {
    /// Nothing known yet; `None` only if a sketch's constants were wrong.
    fn new() -> Option<Self> {
        let distinct = HllSketch::new(HLL_LOG_REGISTERS, HllType::Hll8).ok()?;
        Some(Self {
            present: 0,
            numbers: None,
            distinct,
        })
    }

    fn add(&mut self, value: &Value) {
        if value.is_null() {
            return;
        }
        self.present += 1;
        self.distinct.update(value.to_string());
        let Some(number) = value.as_f64() else { return };
        if self.numbers.is_none() {
            self.numbers = Numbers::new();
        }
        if let Some(numbers) = &mut self.numbers {
            numbers.add(number);
        }
    }

    fn show(&mut self, min_group: u64) -> Value {
        let mut shown = Map::new();
        shown.insert("present".to_owned(), json!(self.present));
        let distinct = self.distinct.estimate().round();
        shown.insert("distinct".to_owned(), json!(distinct));
        if let Some(numbers) = self
            .numbers
            .as_mut()
            .filter(|numbers| numbers.count >= min_group)
        {
            shown.insert("mean".to_owned(), json!(numbers.mean));
            for (name, rank) in QUANTILES {
                let value = numbers.digest.quantile(rank).ok().flatten();
                shown.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(shown)
    }
}

impl Numbers {
    fn new() -> Option<Self> {
        Some(Self {
            count: 0,
            mean: 0.0,
            digest: TDigestMut::new(DIGEST_COMPRESSION).ok()?,
        })
    }

    /// Welford's running mean, which does not lose small numbers beside large sums.
    fn add(&mut self, number: f64) {
        self.count += 1;
        let count = f64::from(u32::try_from(self.count).unwrap_or(u32::MAX));
        self.mean += (number - self.mean) / count;
        self.digest.update(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(value: Value) -> Map<String, Value> {
        let Value::Object(content) = value else {
            panic!("an object")
        };
        content
    }

    fn filled(count: u64) -> Window {
        let mut window = Window::new(60, 10, 0);
        for number in 0..count {
            window.add(&content(json!({"q1": number % 5 + 1, "school": "Elm"})), 1);
        }
        window
    }

    #[test]
    fn means_quantiles_and_distinct_values_are_right() {
        let shown = filled(1000).show();
        assert_eq!(shown["records"], 1000);
        assert!((shown["fields"]["q1"]["mean"].as_f64().expect("a mean") - 3.0).abs() < 1e-9);
        assert!((shown["fields"]["q1"]["p50"].as_f64().expect("a median") - 3.0).abs() < 0.6);
        assert_eq!(shown["fields"]["q1"]["distinct"], 5.0);
        assert_eq!(shown["fields"]["school"]["distinct"], 1.0);
    }

    #[test]
    fn nothing_that_stands_on_fewer_than_the_smallest_group_is_shown() {
        let shown = filled(9).show();
        assert_eq!(shown["records"], Value::Null);
        assert_eq!(shown["fields"], json!({}));
        assert_eq!(shown["fields-suppressed"], 2);
        assert_eq!(filled(10).show()["records"], 10);
    }

    #[test]
    fn a_rare_field_is_not_shown_beside_common_ones() {
        let mut window = filled(50);
        window.add(&content(json!({"diagnosis": "rare"})), 1);
        let text = window.show().to_string();
        assert!(!text.contains("diagnosis"), "{text}");
    }

    #[test]
    fn the_smallest_group_cannot_be_set_below_the_floor() {
        let mut window = Window::new(60, 0, 0);
        window.add(&content(json!({"q1": 1})), 1);
        assert_eq!(window.show()["records"], Value::Null);
    }

    #[test]
    fn a_window_that_is_over_begins_anew() {
        let mut window = filled(50);
        window.add(&content(json!({"q1": 1})), 60_000);
        assert_eq!(window.show()["records"], Value::Null);
    }

    #[test]
    fn fields_are_bounded() {
        let mut window = Window::new(60, 10, 0);
        for number in 0..200 {
            let name = format!("field-{number}");
            window.add(&content(json!({ name: 1 })), 1);
        }
        assert_eq!(window.show()["fields-not-watched"], 136);
    }
}
