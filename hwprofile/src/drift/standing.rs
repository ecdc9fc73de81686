//! Where a machine stands between two looks: serving, serving without a device for a while, or
//! refused.
//!
//! A refusal is final here; only an operator begins again. A grace is never prolonged by looking.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Action;
use super::device::Device;
use super::look::{Certainty, Finding};
use super::schedule::millis;

/// How long a device that the rules need may be gone: controllers that reset take 20 s.
pub const GRACE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub(super) enum Standing {
    Serving(Serving),
    Refused,
}

#[derive(Debug, Clone)]
pub(super) struct Serving {
    /// What is gone, and until when it may be.
    graces: BTreeMap<Device, u64>,
    doubt: Doubt,
}

/// Whether the look before could not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    No,
    Once,
}

/// Whether everything must be looked at once more.
pub(super) enum Again {
    No,
    Soon,
    At(u64),
}

impl Standing {
    pub(super) fn new() -> Self {
        Self::Serving(Serving {
            graces: BTreeMap::new(),
            doubt: Doubt::No,
        })
    }

    pub(super) fn is_refused(&self) -> bool {
        match self {
            Self::Serving(_) => false,
            Self::Refused => true,
        }
    }

    /// When the first grace ends.
    pub(super) fn first_end_ms(&self) -> Option<u64> {
        match self {
            Self::Serving(serving) => serving.graces.values().min().copied(),
            Self::Refused => None,
        }
    }

    pub(super) fn on(self, finding: Finding, now: u64) -> (Self, Vec<Action>, Again) {
        match self {
            Self::Refused => (Self::Refused, Vec::new(), Again::No),
            Self::Serving(serving) => serving.on(finding, now),
        }
    }
}

impl Serving {
    fn on(self, finding: Finding, now: u64) -> (Standing, Vec<Action>, Again) {
        match finding {
            Finding::Keeps { changes } => self.keeps(changes),
            Finding::Misses {
                devices,
                refusals,
                changes,
            } => {
                let (serving, mut actions) = self.misses(devices, now);
                if serving.graces.values().any(|until| now >= *until) {
                    let gone: Vec<String> =
                        serving.graces.keys().map(ToString::to_string).collect();
                    let told = format!("gone for {} s: {}", GRACE.as_secs(), gone.join(", "));
                    let refusals = refusals
                        .into_iter()
                        .map(|refusal| refusal.also(told.clone()));
                    return refused(refusals.collect());
                }
                if !changes.is_empty() {
                    actions.insert(0, Action::Record(changes));
                }
                let again = serving.graces.values().min().copied();
                let again = again.map_or(Again::No, Again::At);
                (Standing::Serving(serving), actions, again)
            }
            Finding::Breaks {
                refusals,
                certainty,
            } => match (certainty, self.doubt) {
                (Certainty::Certain, _) | (Certainty::Torn, Doubt::Once) => refused(refusals),
                // A device on its way out can be read in half: a second look decides.
                (Certainty::Torn, Doubt::No) => {
                    let doubting = Self {
                        doubt: Doubt::Once,
                        ..self
                    };
                    (Standing::Serving(doubting), Vec::new(), Again::Soon)
                }
            },
        }
    }

    fn keeps(self, changes: Vec<String>) -> (Standing, Vec<Action>, Again) {
        let back = self.graces.into_keys();
        let mut actions: Vec<Action> = back.map(|device| Action::Recovered { device }).collect();
        if !changes.is_empty() {
            actions.push(Action::Record(changes));
        }
        (Standing::new(), actions, Again::No)
    }

    fn misses(self, devices: Vec<Device>, now: u64) -> (Self, Vec<Action>) {
        let mut former = self.graces;
        let mut graces = BTreeMap::new();
        let mut actions = Vec::new();
        for device in devices {
            let until_ms = former.remove(&device).unwrap_or_else(|| {
                let until_ms = now.saturating_add(millis(GRACE));
                actions.push(Action::StartGrace {
                    device: device.clone(),
                    until_ms,
                });
                until_ms
            });
            graces.insert(device, until_ms);
        }
        let back = former
            .into_keys()
            .map(|device| Action::Recovered { device });
        actions.extend(back);
        let serving = Self {
            graces,
            doubt: Doubt::No,
        };
        (serving, actions)
    }
}

fn refused(refusals: Vec<crate::Refusal>) -> (Standing, Vec<Action>, Again) {
    (Standing::Refused, vec![Action::Refuse(refusals)], Again::No)
}
