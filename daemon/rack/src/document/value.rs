//! From a cell to a typed value; a cell that holds none is a fault of the sheet.

use std::fmt::Display;
use std::str::FromStr;

use toml::de::DeValue;

use super::{Cell, Cited, Grams, Sheet, Table};
use crate::Code;
use crate::identity::shown;
use crate::spelling::nearest;

impl Sheet<'_> {
    /// A text.
    pub(crate) fn text<'d>(&mut self, cell: &Cell<'d>) -> Option<&'d str> {
        let DeValue::String(text) = cell.value else {
            return self.wrong_type(cell, "a text in quotes");
        };
        Some(text)
    }

    /// A text that parses; `code` and the suggestion of `near` tell of one that does not.
    pub(crate) fn parsed<T>(
        &mut self,
        cell: &Cell<'_>,
        code: Code,
        near: impl Fn(&str) -> Option<String>,
    ) -> Option<Cited<T>>
    where
        T: FromStr<Err: Display>,
    {
        let text = self.text(cell)?;
        match text.parse() {
            Ok(value) => Some(Cited {
                value,
                line: cell.line,
            }),
            Err(error) => {
                let seen = format!("{} = {:?}: {error}", cell.path, shown(text));
                let fix = near(text).map_or_else(
                    || code.entry().mend.to_owned(),
                    |word| format!("did you mean {word:?}?"),
                );
                self.fault(code, cell.line, &seen, &fix);
                None
            }
        }
    }

    /// A word of a closed list.
    pub(crate) fn word<T>(&mut self, cell: &Cell<'_>, words: &[&str]) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let near = |seen: &str| nearest(seen, words.iter().copied()).map(str::to_owned);
        self.parsed(cell, Code::NotAllowed, near)
            .map(|cited| cited.value)
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&mut self, cell: &Cell<'_>, least: i64, most: i64) -> Option<i64> {
        let DeValue::Integer(integer) = cell.value else {
            return self.wrong_type(cell, "a whole number without quotes");
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let within = number.filter(|number| (least..=most).contains(number));
        if within.is_none() {
            let seen = format!("{} = {}", cell.path, shown(integer.as_str()));
            let fix = format!("write a number from {least} to {most}");
            self.fault(Code::NotAllowed, cell.line, &seen, &fix);
        }
        within
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, cell: &Cell<'_>) -> Option<bool> {
        let DeValue::Boolean(value) = cell.value else {
            return self.wrong_type(cell, "true or false without quotes");
        };
        Some(*value)
    }

    /// A weight in kilograms, to the gram.
    pub(crate) fn grams(&mut self, cell: &Cell<'_>) -> Option<Grams> {
        let text = match cell.value {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                return self.wrong_type(cell, "a number of kilograms without quotes");
            }
        };
        let grams = Grams::from_kilograms(text);
        if grams.is_none() {
            let seen = format!("{} = {}", cell.path, shown(text));
            let fix = "write kilograms from 0 to 100000 with at most three decimals";
            self.fault(Code::NotAllowed, cell.line, &seen, fix);
        }
        grams
    }

    /// A table.
    pub(crate) fn table<'d>(&mut self, cell: &Cell<'d>) -> Option<Table<'d>> {
        let DeValue::Table(items) = cell.value else {
            return self.wrong_type(cell, "a table");
        };
        Some(Table {
            items,
            path: cell.path.clone(),
            line: cell.line,
        })
    }

    /// The tables that hang below a table under names of the file's choosing, in the order of their
    /// lines.
    pub(crate) fn named_tables<'d>(&mut self, cell: &Cell<'d>) -> Vec<(Cited<&'d str>, Table<'d>)> {
        let Some(parent) = self.table(cell) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (key, value) in parent.items {
            let line = self.line(&key.span());
            let cell = Cell::new(value.get_ref(), parent.join(key.get_ref()), line);
            if let Some(table) = self.table(&cell) {
                tables.push((
                    Cited {
                        value: key.get_ref().as_ref(),
                        line,
                    },
                    table,
                ));
            }
        }
        tables.sort_by_key(|(name, _)| name.line);
        tables
    }

    /// The cells of an array.
    pub(crate) fn array<'d>(&mut self, cell: &Cell<'d>) -> Option<Vec<Cell<'d>>> {
        let DeValue::Array(items) = cell.value else {
            return self.wrong_type(cell, "a list in brackets");
        };
        let numbered = items.iter().enumerate().map(|(index, item)| {
            let path = format!("{}[{}]", cell.path, index.saturating_add(1));
            Cell::new(item.get_ref(), path, self.line(&item.span()))
        });
        Some(numbered.collect())
    }

    /// The tables of an array of tables; none if the key is missing.
    pub(crate) fn tables<'d>(&mut self, table: &Table<'d>, key: &str) -> Vec<Table<'d>> {
        let Some(cell) = self.optional(table, key) else {
            return Vec::new();
        };
        let cells = self.array(&cell).unwrap_or_default();
        cells.iter().filter_map(|cell| self.table(cell)).collect()
    }

    fn wrong_type<T>(&mut self, cell: &Cell<'_>, wanted: &str) -> Option<T> {
        let seen = format!("{} is {}", cell.path, cell.sort());
        self.fault(
            Code::WrongType,
            cell.line,
            &seen,
            &format!("write {wanted}"),
        );
        None
    }
}
