//! TOML tables as they stand in the file, read key by key against a closed schema.
//!
//! Owns the messages about unknown, missing and wrong keys. It must never give a default: what a
//! key means when it is not written is for the file that owns the key.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::code::Code;
use crate::policy::fault::{Faults, Located, Source};
use crate::policy::spelling::nearest;
use crate::refusal::RuleRef;

/// One table of the file, and the name under which messages speak of it.
pub(super) struct Table<'a, 'i> {
    source: &'a Source<'i>,
    /// Such as `zone.intake`; empty for the file itself.
    path: String,
    /// Where the table begins.
    at: usize,
    entries: &'a DeTable<'i>,
}

impl<'a, 'i> Table<'a, 'i> {
    /// Opens a table and reports every key that the schema does not know.
    pub(super) fn open(
        source: &'a Source<'i>,
        path: String,
        at: usize,
        table: &'a DeTable<'i>,
        (keys, faults): (&[&str], &mut Faults),
    ) -> Self {
        let this = Self {
            source,
            path,
            at,
            entries: table,
        };
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !keys.contains(&name) {
                let fix = match nearest(name, keys.iter().copied()) {
                    Some(meant) => format!("did you mean {meant:?}?"),
                    None => format!("remove it; the keys here are {}", keys.join(", ")),
                };
                let consequence = format!("{} has an unknown key {}", this.title(), short(name));
                let rule = source.rule(key.span().start, this.key_path(name));
                faults.push(Code::UnknownKey, rule, consequence, fix);
            }
        }
        this
    }

    /// The table as messages name it.
    pub(super) fn title(&self) -> String {
        if self.path.is_empty() {
            "the file".to_owned()
        } else {
            format!("[{}]", self.path)
        }
    }

    fn key_path(&self, key: &str) -> String {
        if self.path.is_empty() {
            short(key)
        } else {
            format!("{}.{}", self.path, short(key))
        }
    }

    /// Where the table stands.
    pub(super) fn rule(&self) -> RuleRef {
        self.source.rule(self.at, self.title())
    }

    fn get(&self, key: &str) -> Option<(&'a Spanned<DeValue<'i>>, usize)> {
        let (name, value) = self.entries.get_key_value(key)?;
        Some((value, name.span().start))
    }

    /// Where a key stands, and the key with its value as it is written.
    fn key_rule(&self, key: &str, at: usize, span: Range<usize>) -> RuleRef {
        let text = format!("{} = {}", self.key_path(key), self.source.quote(span));
        self.source.rule(at, text)
    }

    /// Where a key stands that is known to be written.
    pub(super) fn rule_of(&self, key: &str) -> RuleRef {
        match self.get(key) {
            Some((value, at)) => self.key_rule(key, at, value.span()),
            None => self.rule(),
        }
    }

    /// Whether the key is written at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, key: &str, example: &str, faults: &mut Faults) {
        let consequence = format!("{} has no key {key}", self.title());
        let fix = format!("add {key} = {example}");
        faults.push(Code::MissingKey, self.rule(), consequence, fix);
    }

    fn wrong_type(&self, key: &str, rule: RuleRef, expected: &str, faults: &mut Faults) {
        let consequence = format!("{} needs {expected}", self.key_path(key));
        faults.push(
            Code::WrongType,
            rule,
            consequence,
            format!("write {key} as {expected}"),
        );
    }

    /// A text.
    pub(super) fn text(&self, key: &str, faults: &mut Faults) -> Option<Located<String>> {
        let (value, at) = self.get(key)?;
        let rule = self.key_rule(key, at, value.span());
        if let Some(text) = value.get_ref().as_str() {
            Some(Located {
                value: text.to_owned(),
                rule,
            })
        } else {
            self.wrong_type(key, rule, "a text in quotes", faults);
            None
        }
    }

    /// A yes or no.
    pub(super) fn flag(&self, key: &str, faults: &mut Faults) -> Option<Located<bool>> {
        let (value, at) = self.get(key)?;
        let rule = self.key_rule(key, at, value.span());
        if let Some(flag) = value.get_ref().as_bool() {
            Some(Located { value: flag, rule })
        } else {
            self.wrong_type(key, rule, "true or false", faults);
            None
        }
    }

    /// A number within a range.
    pub(super) fn number(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        faults: &mut Faults,
    ) -> Option<Located<u64>> {
        let (value, at) = self.get(key)?;
        let rule = self.key_rule(key, at, value.span());
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, rule, "a whole number", faults);
            return None;
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(Located {
                value: number,
                rule,
            }),
            Ok(_) | Err(_) => {
                let consequence = format!("{} is out of range", self.key_path(key));
                let fix = format!("write a number from {} to {}", range.start(), range.end());
                faults.push(Code::NotAllowed, rule, consequence, fix);
                None
            }
        }
    }

    /// A word of a closed vocabulary.
    pub(super) fn word<T: FromStr>(
        &self,
        key: &str,
        words: &[&str],
        faults: &mut Faults,
    ) -> Option<Located<T>> {
        let text = self.text(key, faults)?;
        if let Ok(value) = text.value.parse() {
            return Some(Located {
                value,
                rule: text.rule,
            });
        }
        let all = words.join(", ");
        let fix = match nearest(&text.value, words.iter().copied()) {
            Some(meant) => format!("did you mean {meant:?}? The words are {all}"),
            None => format!("write one of {all}"),
        };
        let consequence = format!(
            "{} = {} is not allowed",
            self.key_path(key),
            short(&text.value)
        );
        faults.push(Code::NotAllowed, text.rule, consequence, fix);
        None
    }

    /// A word that must be written.
    pub(super) fn required_word<T: FromStr>(
        &self,
        key: &str,
        words: &[&str],
        faults: &mut Faults,
    ) -> Option<Located<T>> {
        if !self.has(key) {
            self.missing(
                key,
                &words
                    .iter()
                    .map(|w| format!("{w:?}"))
                    .collect::<Vec<_>>()
                    .join(" | "),
                faults,
            );
        }
        self.word(key, words, faults)
    }

    /// A list of texts; the rule of each is its own line.
    pub(super) fn texts(&self, key: &str, faults: &mut Faults) -> Option<Vec<Located<String>>> {
        let (value, at) = self.get(key)?;
        let rule = self.key_rule(key, at, value.span());
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, rule, "a list of texts, such as [\"a\", \"b\"]", faults);
            return None;
        };
        let mut texts = Vec::new();
        for item in items {
            if let Some(text) = item.get_ref().as_str() {
                let rule = self.source.rule(item.span().start, rule.text.clone());
                texts.push(Located {
                    value: text.to_owned(),
                    rule,
                });
            } else {
                let rule = self.source.rule(item.span().start, rule.text.clone());
                self.wrong_type(key, rule, "a list of texts, such as [\"a\", \"b\"]", faults);
            }
        }
        Some(texts)
    }

    /// A table under a key, opened against its own schema.
    pub(super) fn table(&self, key: &str, keys: &[&str], faults: &mut Faults) -> Option<Self> {
        let (value, at) = self.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            let rule = self.key_rule(key, at, value.span());
            self.wrong_type(key, rule, "a table", faults);
            return None;
        };
        Some(Self::open(
            self.source,
            self.key_path(key),
            at,
            table,
            (keys, faults),
        ))
    }

    /// The named tables under a key, such as `[zone.intake]` and `[zone.storage]`, in the order of
    /// the file.
    pub(super) fn named_tables(
        &self,
        key: &str,
        keys: &[&str],
        faults: &mut Faults,
    ) -> Vec<(Located<String>, Self)> {
        let Some((value, at)) = self.get(key) else {
            return Vec::new();
        };
        let Some(outer) = value.get_ref().as_table() else {
            let rule = self.key_rule(key, at, value.span());
            self.wrong_type(key, rule, "tables with names", faults);
            return Vec::new();
        };
        let mut entries: Vec<_> = outer.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut tables = Vec::new();
        for (name, value) in entries {
            let at = name.span().start;
            let path = format!("{}.{}", self.key_path(key), short(name.get_ref()));
            let rule = self.source.rule(at, format!("[{path}]"));
            if let Some(table) = value.get_ref().as_table() {
                let opened = Self::open(self.source, path, at, table, (keys, faults));
                let name = name.get_ref().clone().into_owned();
                tables.push((Located { value: name, rule }, opened));
            } else {
                let consequence = format!("{path} needs a table");
                let fix = format!("begin it with the line [{path}]");
                faults.push(Code::WrongType, rule, consequence, fix);
            }
        }
        tables
    }

    /// The names of the tables under a key, well formed or not.
    pub(super) fn names(&self, key: &str) -> Vec<&'a str> {
        let outer = self
            .get(key)
            .and_then(|(value, _)| value.get_ref().as_table());
        outer
            .into_iter()
            .flat_map(|outer| outer.keys())
            .map(|name| &**name.get_ref())
            .collect()
    }

    /// The texts under one key of every table below another, well formed or not.
    pub(super) fn texts_below(&self, key: &str, inner: &str) -> BTreeSet<&'a str> {
        let outer = self
            .get(key)
            .and_then(|(value, _)| value.get_ref().as_table());
        let tables = outer.into_iter().flat_map(|outer| outer.values());
        tables
            .filter_map(|table| table.get_ref().as_table()?.get(inner)?.get_ref().as_str())
            .collect()
    }

    /// The tables of a list, such as `[[separate]]`, in the order of the file.
    pub(super) fn listed_tables(&self, key: &str, keys: &[&str], faults: &mut Faults) -> Vec<Self> {
        let Some((value, at)) = self.get(key) else {
            return Vec::new();
        };
        let expected = format!("a list of tables, each begun with [[{key}]]");
        let Some(items) = value.get_ref().as_array() else {
            let rule = self.key_rule(key, at, value.span());
            self.wrong_type(key, rule, &expected, faults);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            let at = item.span().start;
            if let Some(table) = item.get_ref().as_table() {
                tables.push(Self::open(
                    self.source,
                    self.key_path(key),
                    at,
                    table,
                    (keys, faults),
                ));
            } else {
                self.wrong_type(
                    key,
                    self.source.rule(at, self.key_path(key)),
                    &expected,
                    faults,
                );
            }
        }
        tables
    }
}

/// A piece of the file inside a sentence: quoted when it is not a plain word, and never long.
pub(super) fn short(text: &str) -> String {
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let cut: String = text.chars().take(64).collect();
    if plain { cut } else { format!("{cut:?}") }
}

/// What a name should have been, as the end of a message.
pub(super) fn suggest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    otherwise: impl Display,
) -> String {
    match nearest(name, known) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => otherwise.to_string(),
    }
}
