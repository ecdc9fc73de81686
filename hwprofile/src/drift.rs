//! What happens to hardware after it was judged, and what must follow.
//!
//! Decides without IO: events and the time go in, actions come out. It owns no socket, clock or
//! task, and it must never take an event for a fact: an event only says when to look, and a verdict
//! comes from a look at the whole machine alone.

mod device;
mod look;
mod schedule;
mod settle;
mod standing;
mod uevent;

use std::time::Duration;

use crate::Code;
use crate::refusal::Refusal;

pub use device::{Device, DeviceKind};
pub use look::{Certainty, Finding, Law, Look, Past};
pub use schedule::{COALESCE, SCAN_LIMIT, Scope};
pub use settle::{QUIET, Settled, Settling};
pub use standing::GRACE;
pub use uevent::{Class, MESSAGE_LIMIT, Wake};

use schedule::Schedule;
use standing::Standing;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The kernel spoke of a device.
    Wake(Wake),
    /// The kernel spoke and was not heard: its messages did not fit.
    Lost,
    /// The time came that was asked for, or any other time.
    Tick,
    /// A look at the machine ended with this.
    Looked(Finding),
}

/// What to do next; obligations of the shell, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Look at the machine now, and say what was found. Never asked for while a look runs.
    Rescan(Scope),
    /// Drop every key, refuse everybody, end. Nothing follows it.
    Refuse(Vec<Refusal>),
    /// A device that the rules need is gone; it may come back until then, in milliseconds.
    StartGrace {
        /// Which.
        device: Device,
        /// Until when.
        until_ms: u64,
    },
    /// It came back in time.
    Recovered {
        /// Which.
        device: Device,
    },
    /// Write down what changed while every rule holds.
    Record(Vec<String>),
    /// Come back at this time, in milliseconds, if nothing happens before.
    WakeAt(u64),
}

/// The watch over one machine, in milliseconds of a clock that never goes back.
#[derive(Debug, Clone)]
pub struct Drift {
    schedule: Schedule,
    standing: Standing,
}

impl Drift {
    /// A watch that looks at the whole machine every `period` at the latest, beginning now.
    #[must_use]
    pub fn new(period: Duration, now_ms: u64) -> Self {
        Self {
            schedule: Schedule::new(period, now_ms),
            standing: Standing::new(),
        }
    }

    /// Forgets every verdict and goes on looking: a node begins to be judged with its lease.
    pub fn judge_afresh(&mut self) {
        self.standing = Standing::new();
    }

    /// Takes an event at `now_ms` and returns what must be done.
    pub fn on(&mut self, event: Event, now_ms: u64) -> Vec<Action> {
        let mut actions = match event {
            Event::Wake(wake) => {
                self.schedule.woken(wake, now_ms);
                Vec::new()
            }
            Event::Lost => {
                self.schedule.lost(now_ms);
                Vec::new()
            }
            Event::Tick if self.schedule.is_stuck(now_ms) => self.judge(Finding::stuck(), now_ms),
            Event::Tick => Vec::new(),
            Event::Looked(finding) => {
                self.schedule.looked(now_ms);
                self.judge(finding, now_ms)
            }
        };
        if self.standing.is_refused() {
            return actions;
        }
        if let Some(scope) = self.schedule.begin(now_ms) {
            actions.push(Action::Rescan(scope));
        }
        let mut next = self.schedule.next_ms();
        if let Some(until) = self.standing.first_end_ms().filter(|until| *until > now_ms) {
            next = next.min(until);
        }
        actions.push(Action::WakeAt(next));
        actions
    }

    fn judge(&mut self, finding: Finding, now_ms: u64) -> Vec<Action> {
        let former = std::mem::replace(&mut self.standing, Standing::new());
        let (standing, actions, again) = former.on(finding, now_ms);
        self.standing = standing;
        match again {
            standing::Again::No => {}
            standing::Again::Soon => self.schedule.lost(now_ms),
            standing::Again::At(at) => self.schedule.look_at(at),
        }
        actions
    }
}

/// A refusal with the remedy of its code.
fn refuse(code: Code, consequence: impl Into<String>) -> Refusal {
    Refusal::new(code.as_str(), consequence, code.entry().mend)
}

#[cfg(test)]
mod tests;
