//! The life of a lease, decided without IO: when to ask, when to give up what was held, when to stop for good. It owns no
//! certificate, no clock and no socket; the shell in `tenancy.rs` does what is returned here.

use std::time::Duration;

use cofferdam_hwprofile::Refusal;

use cofferdam_service::Exit;

/// The first wait after the keeper could not be reached.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait between two attempts.
const BACKOFF_LONGEST: Duration = Duration::from_secs(5);

/// What a node holds, in milliseconds of its clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    /// No lease yet: nothing opens, nothing is listened on.
    Asking {
        /// How many attempts reached nobody.
        unanswered: u32,
    },
    /// A lease is held.
    Held {
        /// When it ends.
        until_ms: u64,
        /// How many attempts to renew it reached nobody.
        unanswered: u32,
    },
    /// It ended while the keeper was silent. Keys are kept sealed, sessions are closed, intake goes on spooling.
    Silent {
        /// How many attempts reached nobody.
        unanswered: u32,
    },
    /// The keeper said no. Keys are wiped; the program ends.
    Refused {
        /// What it said.
        refusal: Refusal,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseEvent {
    /// The keeper granted.
    Granted {
        /// When the lease ends.
        until_ms: u64,
        /// When to ask again.
        renew_at_ms: u64,
    },
    /// The keeper refused.
    Refused(Refusal),
    /// The keeper could not be reached or did not answer in time.
    Unanswered,
    /// The time came that was asked for, or something changed (hardware, standing): look again.
    Woken,
}

/// What to do next. Obligations of the shell, in order.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAction {
    /// Install what was granted.
    Install,
    /// Ask the keeper now.
    Ask,
    /// Wake me then.
    WakeAt(u64),
    /// The lease ended by silence: close sessions, keep spooling.
    Lapse,
    /// Wipe keys, close everything, end with this code.
    Stop(Exit),
}

impl LeaseState {
    /// Where every node begins.
    #[must_use]
    pub fn new() -> Self {
        Self::Asking { unanswered: 0 }
    }

    /// Takes an event at `now_ms` and returns the next state with what must be done.
    #[must_use]
    pub fn on(self, event: LeaseEvent, now_ms: u64) -> (Self, Vec<LeaseAction>) {
        match event {
            LeaseEvent::Granted {
                until_ms,
                renew_at_ms,
            } => (
                Self::Held {
                    until_ms,
                    unanswered: 0,
                },
                vec![
                    LeaseAction::Install,
                    LeaseAction::WakeAt(renew_at_ms.min(until_ms)),
                ],
            ),
            LeaseEvent::Refused(refusal) => {
                let exit = exit_of(&refusal);
                (Self::Refused { refusal }, vec![LeaseAction::Stop(exit)])
            }
            LeaseEvent::Unanswered => self.unanswered(now_ms),
            LeaseEvent::Woken => self.woken(now_ms),
        }
    }

    fn unanswered(self, now_ms: u64) -> (Self, Vec<LeaseAction>) {
        match self {
            Self::Asking { unanswered } => {
                let next = Self::Asking {
                    unanswered: unanswered.saturating_add(1),
                };
                (
                    next,
                    vec![LeaseAction::WakeAt(retry_at(now_ms, unanswered))],
                )
            }
            Self::Held { until_ms, .. } if now_ms >= until_ms => (
                Self::Silent { unanswered: 1 },
                vec![LeaseAction::Lapse, LeaseAction::WakeAt(retry_at(now_ms, 0))],
            ),
            Self::Held {
                until_ms,
                unanswered,
            } => {
                let next = Self::Held {
                    until_ms,
                    unanswered: unanswered.saturating_add(1),
                };
                (
                    next,
                    vec![LeaseAction::WakeAt(
                        retry_at(now_ms, unanswered).min(until_ms),
                    )],
                )
            }
            Self::Silent { unanswered } => {
                let next = Self::Silent {
                    unanswered: unanswered.saturating_add(1),
                };
                (
                    next,
                    vec![LeaseAction::WakeAt(retry_at(now_ms, unanswered))],
                )
            }
            Self::Refused { refusal } => (Self::Refused { refusal }, vec![]),
        }
    }

    fn woken(self, now_ms: u64) -> (Self, Vec<LeaseAction>) {
        match self {
            Self::Held { until_ms, .. } if now_ms >= until_ms => (
                Self::Silent { unanswered: 0 },
                vec![LeaseAction::Lapse, LeaseAction::Ask],
            ),
            Self::Refused { refusal } => (Self::Refused { refusal }, vec![]),
            waiting @ (Self::Asking { .. } | Self::Held { .. } | Self::Silent { .. }) => {
                (waiting, vec![LeaseAction::Ask])
            }
        }
    }
}

impl Default for LeaseState {
    fn default() -> Self {
        Self::new()
    }
}

/// Hardware that does not match ends with its own code; every other refusal is one of policy.
fn exit_of(refusal: &Refusal) -> Exit {
    if refusal.code.starts_with("HW-") {
        Exit::Hardware
    } else {
        Exit::Policy
    }
}

fn retry_at(now_ms: u64, unanswered: u32) -> u64 {
    let factor = 1_u32 << unanswered.min(10);
    let wait = BACKOFF_FIRST.saturating_mul(factor).min(BACKOFF_LONGEST);
    now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str) -> Refusal {
        Refusal::new(code, "no", "mend it")
    }

    fn held() -> LeaseState {
        LeaseState::Held {
            until_ms: 900_000,
            unanswered: 0,
        }
    }

    #[test]
    fn a_grant_is_installed_and_renewed_before_it_ends() {
        let event = LeaseEvent::Granted {
            until_ms: 900_000,
            renew_at_ms: 300_000,
        };
        let (state, actions) = LeaseState::new().on(event, 0);
        assert_eq!(state, held());
        assert_eq!(
            actions,
            [LeaseAction::Install, LeaseAction::WakeAt(300_000)]
        );
    }

    #[test]
    fn a_silent_keeper_leaves_the_last_good_lease_until_its_end() {
        let (state, actions) = held().on(LeaseEvent::Unanswered, 300_000);
        assert_eq!(
            state,
            LeaseState::Held {
                until_ms: 900_000,
                unanswered: 1
            }
        );
        assert_eq!(actions, [LeaseAction::WakeAt(300_100)]);
        let (state, actions) = state.on(LeaseEvent::Woken, 900_000);
        assert_eq!(state, LeaseState::Silent { unanswered: 0 });
        assert_eq!(actions, [LeaseAction::Lapse, LeaseAction::Ask]);
    }

    #[test]
    fn the_wait_grows_and_is_bounded_and_never_passes_the_end_of_the_lease() {
        let mut state = LeaseState::new();
        let mut waits = Vec::new();
        for _ in 0..12 {
            let (next, actions) = state.on(LeaseEvent::Unanswered, 1_000);
            let [LeaseAction::WakeAt(at)] = actions.as_slice() else {
                panic!("{actions:?}")
            };
            waits.push(at - 1_000);
            state = next;
        }
        assert!(waits.is_sorted());
        assert_eq!((waits[0], waits[11]), (100, 5_000));
        let last = LeaseState::Held {
            until_ms: 1_050,
            unanswered: 9,
        };
        let (_, actions) = last.on(LeaseEvent::Unanswered, 1_000);
        assert_eq!(actions, [LeaseAction::WakeAt(1_050)]);
    }

    #[test]
    fn refused_is_final_and_tells_hardware_from_policy() {
        let (state, actions) = held().on(LeaseEvent::Refused(refusal("HW-211")), 5);
        assert_eq!(actions, [LeaseAction::Stop(Exit::Hardware)]);
        let (state, actions) = state.on(LeaseEvent::Woken, 6);
        assert!(matches!(state, LeaseState::Refused { .. }) && actions.is_empty());
        let (_, actions) = LeaseState::new().on(LeaseEvent::Refused(refusal("RK-204")), 5);
        assert_eq!(actions, [LeaseAction::Stop(Exit::Policy)]);
    }

    #[test]
    fn refused_and_expired_by_silence_are_different_states() {
        let (silent, _) = held().on(LeaseEvent::Unanswered, 900_001);
        assert!(matches!(silent, LeaseState::Silent { .. }));
        let (again, actions) = silent.on(
            LeaseEvent::Granted {
                until_ms: 2_000_000,
                renew_at_ms: 1_500_000,
            },
            950_000,
        );
        assert!(matches!(
            again,
            LeaseState::Held {
                until_ms: 2_000_000,
                ..
            }
        ));
        assert_eq!(actions.first(), Some(&LeaseAction::Install));
    }
}
