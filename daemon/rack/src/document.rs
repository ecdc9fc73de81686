//! A closed reader of TOML that knows its lines: every fault of a file at once, each with what was
//! seen and a suggestion.
//!
//! Owns the way from text to typed values of the manifest's files. It must never read a file, and
//! never pass over a key.

mod cell;
mod value;

use std::ops::Range;

use cofferdam_hwprofile::{Refusal, RuleRef};
use toml::Spanned;
use toml::de::DeTable;

use crate::identity::shown;
use crate::spelling::nearest;
use crate::{Code, Faults};

pub(crate) use cell::{Cell, Grams};

/// The largest manifest file, in bytes.
pub(crate) const FILE_LIMIT_BYTES: usize = 1 << 20;
/// The most syntax faults that are told of one file; what follows the first few is rarely of use.
const SYNTAX_LIMIT: usize = 16;
/// The most of a source line that is quoted, in characters.
const QUOTE_LIMIT_CHARS: usize = 120;

/// A value and the line it stands on.
#[derive(Debug, Clone)]
pub(crate) struct Cited<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// A table of the file, with the path by which a person knows it.
#[derive(Debug, Clone)]
pub(crate) struct Table<'d> {
    items: &'d DeTable<'d>,
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// One file under inspection and what was found wrong so far.
#[derive(Debug)]
pub(crate) struct Sheet<'t> {
    file: &'t str,
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    faults: Vec<(usize, Refusal)>,
    /// What the reader of the file may not do while there is a fault, as the consequence of each.
    consequence: &'static str,
}

/// Reads the text as TOML.
///
/// # Errors
/// Every syntax fault, with its line.
pub(crate) fn parse<'t>(
    file: &'t str,
    text: &'t str,
    consequence: &'static str,
) -> Result<(Sheet<'t>, Spanned<DeTable<'t>>), Faults> {
    let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let lines = std::iter::once(0)
        .chain(starts.map(|(at, _)| at.saturating_add(1)))
        .collect();
    let mut sheet = Sheet {
        file,
        text,
        lines,
        faults: Vec::new(),
        consequence,
    };
    if text.len() > FILE_LIMIT_BYTES {
        let seen = format!("{} bytes", text.len());
        sheet.fault(Code::TooLarge, 1, &seen, Code::TooLarge.entry().mend);
        return Err(sheet.into_faults());
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(SYNTAX_LIMIT) {
        let line = sheet.line(&error.span().unwrap_or(0..0));
        sheet.fault(
            Code::NotToml,
            line,
            error.message(),
            Code::NotToml.entry().mend,
        );
    }
    if errors.is_empty() {
        Ok((sheet, table))
    } else {
        Err(sheet.into_faults())
    }
}

impl<'t> Sheet<'t> {
    /// The line of a place in the text, counted from 1.
    pub(crate) fn line(&self, span: &Range<usize>) -> usize {
        self.lines
            .partition_point(|start| *start <= span.start)
            .max(1)
    }

    /// The line as it is written, cut to a length that can be shown.
    fn quoted(&self, line: usize) -> String {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let rest = self.text.get(start..).unwrap_or("");
        rest.lines()
            .next()
            .unwrap_or("")
            .trim()
            .chars()
            .take(QUOTE_LIMIT_CHARS)
            .collect()
    }

    /// The file's name.
    pub(crate) const fn file(&self) -> &'t str {
        self.file
    }

    /// Where a line stands.
    pub(crate) fn reference(&self, line: usize) -> RuleRef {
        RuleRef::new(self.file, line, self.quoted(line))
    }

    /// Notes one fault.
    pub(crate) fn fault(&mut self, code: Code, line: usize, seen: &str, fix: &str) {
        let refusal = self.refusal(code, line, seen, fix);
        self.faults.push((line, refusal));
    }

    /// Notes one fault that a rule elsewhere is the reason for.
    pub(crate) fn fault_because(&mut self, line: usize, refusal: Refusal) {
        self.faults.push((line, refusal));
    }

    /// A refusal over a line of this file, not yet noted.
    pub(crate) fn refusal(&self, code: Code, line: usize, seen: &str, fix: &str) -> Refusal {
        Refusal::new(code.as_str(), self.consequence, fix)
            .read(format!("{}:{line}  {seen}", self.file))
            .rule(self.reference(line))
    }

    /// Whether anything was found wrong.
    pub(crate) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// What was found wrong, in the order of the lines.
    pub(crate) fn finish(mut self) -> Option<Faults> {
        self.faults.sort_by_key(|(line, _)| *line);
        Faults::any(
            self.faults
                .into_iter()
                .map(|(_, refusal)| refusal)
                .collect(),
        )
    }

    /// What was found wrong, where the caller knows that something was.
    pub(crate) fn into_faults(self) -> Faults {
        self.finish().expect("the caller noted a fault")
    }

    /// Notes every key of the table that is not among `known`.
    pub(crate) fn close(&mut self, table: &Table<'_>, known: &[&str]) {
        self.close_hinted(table, known, &[]);
    }

    /// The same, with what to write for keys of another schema that people bring along.
    pub(crate) fn close_hinted(
        &mut self,
        table: &Table<'_>,
        known: &[&str],
        hints: &[(&str, &str)],
    ) {
        for (key, _) in table.items {
            if known.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let line = self.line(&key.span());
            let seen = format!(
                "unknown key {:?}{}",
                shown(key.get_ref()),
                inside(&table.path)
            );
            let name: &str = key.get_ref();
            let hint = hints.iter().find(|(foreign, _)| *foreign == name);
            let fix = match (hint, nearest(name, known.iter().copied())) {
                (Some((_, hint)), _) => (*hint).to_owned(),
                (None, Some(word)) => {
                    format!("did you mean {word}? the keys are {}", known.join(", "))
                }
                (None, None) => format!("remove it; the keys are {}", known.join(", ")),
            };
            self.fault(Code::UnknownKey, line, &seen, &fix);
        }
    }

    /// The cell of a key that may be missing.
    pub(crate) fn optional<'d>(&self, table: &Table<'d>, key: &str) -> Option<Cell<'d>> {
        let (_, value) = table.items.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Cell::new(
            value.get_ref(),
            table.join(key),
            self.line(&value.span()),
        ))
    }

    /// The cell of a key that must not be missing.
    pub(crate) fn required<'d>(&mut self, table: &Table<'d>, key: &str) -> Option<Cell<'d>> {
        let cell = self.optional(table, key);
        if cell.is_none() {
            let seen = format!("no key {key}{}", inside(&table.path));
            self.fault(
                Code::MissingKey,
                table.line,
                &seen,
                &format!("add {key} = ..."),
            );
        }
        cell
    }

    /// Reads `version = 1`.
    pub(crate) fn version_one(&mut self, root: &Table<'_>) {
        let Some(cell) = self.required(root, "version") else {
            return;
        };
        let Some(version) = self.integer(&cell, 0, i64::MAX) else {
            return;
        };
        if version != 1 {
            let seen = format!("version = {version}");
            self.fault(
                Code::UnknownVersion,
                cell.line,
                &seen,
                Code::UnknownVersion.entry().mend,
            );
        }
    }

    /// Reads `why`, which must say something.
    pub(crate) fn reason(&mut self, table: &Table<'_>) -> Option<String> {
        let cell = self.required(table, "why")?;
        let why = self.text(&cell)?;
        if why.trim().is_empty() {
            let seen = format!("{} is empty", cell.path);
            self.fault(
                Code::NotAllowed,
                cell.line,
                &seen,
                "say why, for who reads this next year",
            );
            return None;
        }
        Some(why.trim().to_owned())
    }
}

impl<'d> Table<'d> {
    /// The whole document.
    pub(crate) fn root(document: &'d Spanned<DeTable<'d>>) -> Self {
        Table {
            items: document.get_ref(),
            path: String::new(),
            line: 1,
        }
    }

    fn join(&self, key: &str) -> String {
        let key = shown(key);
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

fn inside(path: &str) -> String {
    if path.is_empty() {
        " at the top of the file".to_owned()
    } else {
        format!(" in {path}")
    }
}

#[cfg(test)]
mod tests;
