//! The faults of one file, collected until all are known.
//!
//! Owns the way from a byte of the text to its line. It must never drop a fault silently: beyond
//! the bound it says so.

use std::ops::Range;

use crate::code::Code;
use crate::policy::PolicyFaults;
use crate::refusal::{Refusal, RuleRef};

/// How many faults are listed before the list is cut.
const FAULT_LIMIT: usize = 100;
/// The longest piece of the file that a message quotes, in characters.
const QUOTE_LIMIT: usize = 120;

/// The text of a file, with its lines.
pub(super) struct Source<'t> {
    file: String,
    text: &'t str,
    line_ends: Vec<usize>,
}

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) rule: RuleRef,
}

impl<'t> Source<'t> {
    pub(super) fn new(file: &str, text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            file: file.to_owned(),
            text,
            line_ends: ends.map(|(at, _)| at).collect(),
        }
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// The line of a byte, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_ends.partition_point(|end| *end < at) + 1
    }

    /// A rule reference to a byte.
    pub(super) fn rule(&self, at: usize, text: impl Into<String>) -> RuleRef {
        RuleRef::new(self.file.clone(), self.line(at), text)
    }

    /// A piece of the file, on one line.
    pub(super) fn quote(&self, span: Range<usize>) -> String {
        let piece = self.text.get(span).unwrap_or_default();
        let flat = piece.split_whitespace().collect::<Vec<_>>().join(" ");
        if flat.chars().count() <= QUOTE_LIMIT {
            flat
        } else {
            flat.chars().take(QUOTE_LIMIT).chain(['…']).collect()
        }
    }
}

/// The faults found so far.
#[derive(Default)]
pub(super) struct Faults {
    faults: Vec<Refusal>,
    dropped: usize,
}

impl Faults {
    /// Adds one fault.
    pub(super) fn push(&mut self, code: Code, rule: RuleRef, consequence: String, fix: String) {
        if self.faults.len() == FAULT_LIMIT {
            self.dropped += 1;
        } else {
            self.faults
                .push(Refusal::new(code.as_str(), consequence, fix).rule(rule));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// All faults in the order of their lines.
    pub(super) fn finish(mut self, file: &str) -> PolicyFaults {
        self.faults
            .sort_by_key(|fault| fault.rule.as_ref().map(|rule| rule.line));
        if self.dropped > 0 {
            let rule = RuleRef::new(file, 1, "the file as a whole");
            let consequence = format!("{} more faults are not listed", self.dropped);
            let fix = "mend the faults above first".to_owned();
            self.faults
                .push(Refusal::new(Code::PolicyTooLarge.as_str(), consequence, fix).rule(rule));
        }
        PolicyFaults {
            faults: self.faults,
        }
    }
}
