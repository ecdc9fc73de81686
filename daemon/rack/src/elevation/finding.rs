//! What a check found, and where on the rack it is to be shown.
//!
//! Owns the way from a fault of the plan to its place in a picture. It must never decide whether
//! something is a fault: the checks do.

use std::collections::BTreeMap;

use cofferdam_hwprofile::Refusal;

use super::Elevation;
use crate::document::Sheet;
use crate::{Code, Faults};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The plan is not in force while it stands.
    Fault,
    /// Somebody should look; the plan holds.
    Warning,
}

/// What a finding points at, within one rack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A device, by its place in the order of the file.
    Device(usize),
    /// A bay of a device, both by their place in the order of the file.
    Bay(usize, usize),
    /// A power feed, in the case that another is lost.
    Feed {
        /// The feed.
        name: String,
        /// Which one is lost; none when all live.
        lost: Option<String>,
    },
    /// The rack itself.
    Rack,
}

/// One place that a finding points at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The rack's name.
    pub rack: String,
    /// What in it.
    pub target: Target,
}

impl Spot {
    pub(super) fn new(rack: &str, target: Target) -> Self {
        Self {
            rack: rack.to_owned(),
            target,
        }
    }
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its code.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// Where it is to be shown; none for what stands nowhere.
    pub spots: Vec<Spot>,
    /// Its line in the file.
    pub line: usize,
    /// What is told about it.
    pub refusal: Refusal,
}

impl Finding {
    /// In the order of the lines; what was cut comes last.
    fn order(&self) -> (bool, usize) {
        (self.code == Code::FindingsCut, self.line)
    }
}

/// A plan that could be read, with everything that the checks found. It is not in force: only
/// [`Survey::into_sound`] gives a plan that may be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    pub(super) plan: Elevation,
    pub(super) findings: Vec<Finding>,
}

impl Survey {
    /// The plan as it is written, faults and all: to be drawn, never to be obeyed.
    #[must_use]
    pub const fn drawable(&self) -> &Elevation {
        &self.plan
    }

    /// What the checks found, in the order of the lines.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Adds what a comparison with reports found.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
        self.findings.sort_by_key(Finding::order);
    }

    /// The faults among the findings.
    pub fn faults(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Fault)
    }

    /// The plan, if no finding is a fault. It keeps the warnings.
    ///
    /// # Errors
    /// Every fault.
    pub fn into_sound(self) -> Result<Elevation, Faults> {
        let Self { mut plan, findings } = self;
        let (faults, warnings): (Vec<Finding>, Vec<Finding>) = findings
            .into_iter()
            .partition(|finding| finding.severity == Severity::Fault);
        let faults = faults.into_iter().map(|finding| finding.refusal).collect();
        match Faults::any(faults) {
            Some(faults) => Err(faults),
            None => {
                plan.warnings = warnings;
                Ok(plan)
            }
        }
    }
}

/// The most findings of one severity that are told one by one.
pub(super) const FINDINGS_LIMIT: usize = 256;

/// Collects the findings over one file.
pub(super) struct Ledger<'s, 't> {
    sheet: &'s Sheet<'t>,
    findings: Vec<Finding>,
    rooms: BTreeMap<Severity, Room>,
}

/// How much of one severity was told, and how much only counted.
#[derive(Debug, Default)]
struct Room {
    told: usize,
    beyond: usize,
    /// The line of the first that was only counted.
    line: usize,
}

impl<'s, 't> Ledger<'s, 't> {
    pub(super) const fn new(sheet: &'s Sheet<'t>) -> Self {
        Self {
            sheet,
            findings: Vec::new(),
            rooms: BTreeMap::new(),
        }
    }

    /// Whether there is no room for another finding of this severity; then it is counted. Asked
    /// before a finding is put into words where there may be very many.
    pub(super) fn passes_over(&mut self, severity: Severity, line: usize) -> bool {
        let room = self.rooms.entry(severity).or_default();
        if room.told < FINDINGS_LIMIT {
            return false;
        }
        if room.beyond == 0 {
            room.line = line;
        }
        room.beyond = room.beyond.saturating_add(1);
        true
    }

    /// The file's name.
    pub(super) const fn file(&self) -> &'t str {
        self.sheet.file()
    }

    /// Notes a fault with the remedy of its code.
    pub(super) fn fault(&mut self, code: Code, line: usize, seen: &str, spots: Vec<Spot>) {
        self.fault_with(code, (line, seen), code.entry().mend, spots);
    }

    /// Notes a fault with a remedy of its own.
    pub(super) fn fault_with(
        &mut self,
        code: Code,
        (line, seen): (usize, &str),
        fix: &str,
        spots: Vec<Spot>,
    ) {
        let refusal = self.sheet.refusal(code, line, seen, fix);
        self.push((code, Severity::Fault), line, refusal, spots);
    }

    /// Notes a warning; `consequence` is what may follow.
    pub(super) fn warn(
        &mut self,
        code: Code,
        (line, seen): (usize, &str),
        consequence: &str,
        spots: Vec<Spot>,
    ) {
        let refusal = Refusal::new(code.as_str(), consequence, code.entry().mend)
            .read(format!("{}:{line}  {seen}", self.sheet.file()))
            .rule(self.sheet.reference(line));
        self.push((code, Severity::Warning), line, refusal, spots);
    }

    /// Notes a finding that a rule elsewhere is the reason for.
    pub(super) fn push(
        &mut self,
        (code, severity): (Code, Severity),
        line: usize,
        refusal: Refusal,
        spots: Vec<Spot>,
    ) {
        if self.passes_over(severity, line) {
            return;
        }
        let room = self.rooms.entry(severity).or_default();
        room.told = room.told.saturating_add(1);
        self.findings.push(Finding {
            code,
            severity,
            spots,
            line,
            refusal,
        });
    }

    /// The findings, in the order of the lines, and of each severity how many more there are.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let rooms = std::mem::take(&mut self.rooms);
        for (severity, room) in rooms.into_iter().filter(|(_, room)| room.beyond > 0) {
            let word = match severity {
                Severity::Fault => "faults",
                Severity::Warning => "warnings",
            };
            let seen = format!("and {} more {word}", room.beyond);
            let seen = (room.line, seen.as_str());
            // A fault that was only counted keeps the plan from force as one that was told does.
            match severity {
                Severity::Fault => {
                    let fix = Code::FindingsCut.entry().mend;
                    self.fault_with(Code::FindingsCut, seen, fix, Vec::new());
                }
                Severity::Warning => {
                    let consequence = "not all is told";
                    self.warn(Code::FindingsCut, seen, consequence, Vec::new());
                }
            }
        }
        self.findings.sort_by_key(Finding::order);
        self.findings
    }
}

#[cfg(test)]
mod tests;
