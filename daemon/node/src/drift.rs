//! Watches the hardware under a running node: hears that something happened, looks, and says what the core in
//! `cofferdam_hwprofile::drift` makes of it. It acts on nothing itself; `sentry` does for a node, `cofferctl hw watch` prints.

mod sentry;
mod settle;
mod uevents;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use cofferdam_hwprofile::drift::{Action, Class, Drift, Event, Finding, Law, Look, Past, Scope};
use cofferdam_hwprofile::{Evidence, Grade, Inventory};
use tokio::task::JoinSet;

use crate::clock::Ticks;
pub(crate) use sentry::{Eviction, Outlook, Sentry, Waiting};
pub(crate) use settle::settled;
pub use uevents::{Heard, Source};

/// The machine that is watched, and by whose rules.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The root below which the hardware is read.
    pub sysroot: PathBuf,
    /// What salts the tokens of the evidence.
    pub site: String,
    /// What the evidence can claim at best.
    pub grade: Grade,
    /// Whose rules decide; without one nothing is refused.
    pub law: Option<Law>,
    /// How often everything is looked at though nothing was heard.
    pub period: Duration,
}

impl Subject {
    /// Reads the machine now.
    pub(crate) fn measure(&self) -> (Inventory, Evidence) {
        let inventory = Inventory::read(&self.sysroot);
        let evidence = Evidence::of(&inventory, &self.site, self.grade);
        (inventory, evidence)
    }
}

/// One thing that the watch saw or wants done, in order.
#[derive(Debug, Clone)]
pub enum Report {
    /// Something was heard.
    Heard {
        /// How many messages, by class.
        classes: BTreeMap<Class, u64>,
        /// Whether some did not fit.
        lost: bool,
    },
    /// The machine was looked at.
    Looked(Box<Seen>),
    /// What follows from it. [`Action::Rescan`] and [`Action::WakeAt`] are the watch's own and never come here.
    Must(Action),
}

/// What one look saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it meant.
    pub finding: Finding,
    /// The hardware as it travels.
    pub evidence: Evidence,
    /// What had to be covered.
    pub scope: Scope,
    /// How long the look took.
    pub took: Duration,
    /// From the first message that asked for it to its verdict; none where nothing was heard.
    pub since_heard: Option<Duration>,
}

/// The watch.
#[derive(Debug)]
pub struct Watch {
    subject: Subject,
    source: Source,
    ticks: Ticks,
    drift: Drift,
    wake_at: u64,
    past: Option<Past>,
    /// When the first message was heard that no look has answered yet.
    heard_at: Option<u64>,
    scan: JoinSet<Scan>,
    reports: VecDeque<Report>,
}

#[derive(Debug)]
struct Scan {
    look: Look,
    scope: Scope,
    heard_at: Option<u64>,
    began: u64,
}

impl Watch {
    /// Begins to watch; the first look follows at once.
    #[must_use]
    pub fn new(subject: Subject, source: Source) -> Self {
        let ticks = Ticks::start();
        let drift = Drift::new(subject.period, ticks.now_ms());
        Self {
            subject,
            source,
            ticks,
            drift,
            wake_at: 0,
            past: None,
            heard_at: None,
            scan: JoinSet::new(),
            reports: VecDeque::new(),
        }
    }

    /// Holds the machine to `inventory` from now on, beginning with a look at once. A look that still runs was held against something
    /// else and counts no more.
    pub fn begin_with(&mut self, inventory: Inventory) {
        let with = (self.subject.site.as_str(), self.subject.grade);
        self.past = Some(Past::begin(inventory, with));
        self.drift = Drift::new(self.subject.period, self.ticks.now_ms());
        self.scan = JoinSet::new();
        self.reports.clear();
        self.wake_at = 0;
    }

    /// Goes on after a refusal, held to the same beginning.
    pub fn judge_afresh(&mut self) {
        self.drift.judge_afresh();
        self.wake_at = 0;
    }

    /// The next report. Cancel-safe.
    pub async fn next(&mut self) -> Report {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return report;
            }
            tokio::select! {
                heard = self.source.next() => self.heard(&heard),
                Some(scanned) = self.scan.join_next() => match scanned {
                    Ok(scan) => self.looked(scan),
                    // The reader panicked or was cut: that look never ends, and the core notices.
                    Err(error) => log::error!(error:% = error; "could not read the hardware"),
                },
                () = self.ticks.sleep_until(self.wake_at) => self.tell(Event::Tick),
            }
        }
    }

    fn heard(&mut self, heard: &Heard) {
        let now = self.ticks.now_ms();
        self.heard_at.get_or_insert(now);
        let mut classes = BTreeMap::new();
        for wake in &heard.wakes {
            let count: &mut u64 = classes.entry(wake.class).or_default();
            *count = count.saturating_add(1);
            self.tell(Event::Wake(*wake));
        }
        if heard.lost {
            self.tell(Event::Lost);
        }
        let lost = heard.lost;
        self.reports.push_front(Report::Heard { classes, lost });
    }

    fn looked(&mut self, scan: Scan) {
        let now = self.ticks.now_ms();
        let since = |then: u64| Duration::from_millis(now.saturating_sub(then));
        let Look {
            evidence,
            finding,
            past,
        } = scan.look;
        self.reports.push_back(Report::Looked(Box::new(Seen {
            finding: finding.clone(),
            evidence,
            scope: scan.scope,
            took: since(scan.began),
            since_heard: scan.heard_at.map(since),
        })));
        self.past = Some(past);
        self.tell(Event::Looked(finding));
    }

    fn tell(&mut self, event: Event) {
        let now = self.ticks.now_ms();
        // Without a time to wake at the core is done: it refused.
        self.wake_at = u64::MAX;
        for action in self.drift.on(event, now) {
            match action {
                Action::WakeAt(at) => self.wake_at = at,
                Action::Rescan(scope) => self.look(scope, now),
                must @ (Action::Refuse(_)
                | Action::StartGrace { .. }
                | Action::Recovered { .. }
                | Action::Record(_)) => self.reports.push_back(Report::Must(must)),
            }
        }
    }

    /// Reads the machine whole, whatever the scope: a full read costs milliseconds, and facts of one class hang on those of another.
    fn look(&mut self, scope: Scope, began: u64) {
        let (subject, past) = (self.subject.clone(), self.past.clone());
        let heard_at = self.heard_at.take();
        self.scan.spawn_blocking(move || {
            let inventory = Inventory::read(&subject.sysroot);
            let with = (subject.site.as_str(), subject.grade);
            let look = Look::at(subject.law.as_ref(), with, &inventory, past);
            Scan {
                look,
                scope,
                heard_at,
                began,
            }
        });
    }
}
