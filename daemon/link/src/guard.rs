//! The watch over one open connection. Owns when it is judged again: at each new snapshot, at each
//! step of the clock, at its end. Must never close anything itself; whoever holds the socket does.

use std::sync::Arc;
use std::time::Duration;

use cofferdam_rack::PeerId;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::clock::Clock;
use crate::judgement::{Direction, Identified};
use crate::standing::{Snapshot, Standing};
use crate::witness::EndReason;

/// Watches one connection.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) standing: Standing,
    pub(crate) clock: Clock,
    pub(crate) identified: Identified,
    pub(crate) direction: Direction,
    pub(crate) holding: Holding,
    pub(crate) ends: Ends,
    pub(crate) looks: Looks,
}

/// What of our own the connection hangs on.
#[derive(Debug, Clone)]
pub(crate) enum Holding {
    /// A lease in this name.
    Lease(PeerId),
    /// Nothing but our pinned key: we are asking for a lease.
    PinnedKey,
}

/// What the guard found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The end is near: no new requests. Said once.
    LastCall,
    /// The connection lost its right. Said again at each question.
    Lost(EndReason),
}

/// When a connection ends, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    last_call: Option<u64>,
    end: u64,
}

impl Ends {
    /// The end at `deadline` (Unix seconds). The last call comes `margin` before it, so that what
    /// runs ends inside the lease, but never earlier than after `1 / share` less than the whole
    /// life.
    pub(crate) fn of(now_ms: u64, deadline: u64, margin: Duration, share: u64) -> Self {
        let end = deadline.saturating_mul(1000);
        let life = end.saturating_sub(now_ms);
        let margin = u64::try_from(margin.as_millis()).unwrap_or(u64::MAX);
        let margin = margin.min(life.checked_div(share).unwrap_or(0));
        Self {
            last_call: Some(end.saturating_sub(margin)),
            end,
        }
    }
}

/// When a guard looks at the clock though nothing else happens: a step of the clock wakes nobody by
/// itself.
#[derive(Debug)]
pub(crate) enum Looks {
    /// When the listener, which watches the clock for all of its connections, saw a step.
    AtPulse(watch::Receiver<u64>),
    /// This often.
    Every(Duration),
}

/// The longest sleep; the runtime's timers hold no endless ones.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);

impl Guard {
    /// Waits for the next finding. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Finding {
        loop {
            let snapshot = Arc::clone(&self.standing.borrow_and_update());
            if let Some(why) = self.judge(&snapshot) {
                return Finding::Lost(why);
            }
            let now = self.clock.unix_ms();
            if now >= self.ends.end {
                return Finding::Lost(EndReason::Deadline);
            }
            if self
                .ends
                .last_call
                .is_some_and(|last_call| now >= last_call)
            {
                self.ends.last_call = None;
                return Finding::LastCall;
            }
            let wake = self.ends.last_call.unwrap_or(self.ends.end);
            let rest = Duration::from_millis(wake.saturating_sub(now));
            tokio::select! {
                changed = self.standing.changed() => if changed.is_err() {
                    // Nobody would tell us of a revocation any more.
                    return Finding::Lost(EndReason::CredentialLost);
                },
                () = self.looks.wait(rest) => {}
            }
        }
    }

    fn judge(&self, snapshot: &Snapshot) -> Option<EndReason> {
        if let Holding::Lease(own) = &self.holding
            && snapshot
                .credential
                .as_ref()
                .is_none_or(|credential| credential.id != *own)
        {
            return Some(EndReason::CredentialLost);
        }
        self.identified
            .lost(snapshot, &self.direction, self.clock.unix_time())
    }
}

impl Looks {
    async fn wait(&mut self, rest: Duration) {
        match self {
            Self::Every(interval) => sleep(rest.min(*interval)).await,
            Self::AtPulse(pulse) => {
                tokio::select! {
                    () = sleep(rest.min(LONGEST_SLEEP)) => {}
                    Ok(()) = pulse.changed() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_comes_the_margin_before_the_end() {
        let ends = Ends::of(0, 900, Duration::from_secs(10), 4);
        assert_eq!(
            ends,
            Ends {
                last_call: Some(890_000),
                end: 900_000
            }
        );
    }

    #[test]
    fn a_short_lease_still_serves_most_of_its_life() {
        let ends = Ends::of(0, 8, Duration::from_secs(10), 4);
        assert_eq!(
            ends,
            Ends {
                last_call: Some(6_000),
                end: 8_000
            }
        );
    }

    #[test]
    fn an_end_already_past_leaves_no_margin() {
        let ends = Ends::of(9_000, 8, Duration::from_secs(10), 4);
        assert_eq!(
            ends,
            Ends {
                last_call: Some(8_000),
                end: 8_000
            }
        );
    }
}
