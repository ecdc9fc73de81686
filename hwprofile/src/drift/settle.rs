//! How long a machine that was just started may go on finding its own hardware.
//!
//! Decides without IO. It must never put off the verdict on a machine that is only wrong: it waits
//! while the kernel still speaks of devices, and while nothing but a device is missing.

use std::time::Duration;

use super::schedule::millis;
use crate::code::Code;
use crate::verdict::NodeVerdict;

/// The kernel has found what it will find once it was silent for this long.
pub const QUIET: Duration = Duration::from_secs(2);

/// The wait for the hardware of one start, in milliseconds of a clock that never goes back.
#[derive(Debug, Clone)]
pub struct Settling {
    until_ms: u64,
    sequence: Option<u64>,
    silent_since: Option<u64>,
}

/// What a look in between says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// Devices may still arrive.
    NotYet,
    /// Everything is there that will be there.
    Complete,
    /// The time is over; whatever is missing counts as missing.
    Overdue,
}

impl Settling {
    /// Begins to wait, for `limit` at most.
    #[must_use]
    pub fn new(limit: Duration, now_ms: u64) -> Self {
        Self {
            until_ms: now_ms.saturating_add(millis(limit)),
            sequence: None,
            silent_since: None,
        }
    }

    /// Takes the number of the kernel's last event, `None` where it does not tell one and silence
    /// cannot be waited for. The machine is only judged once the kernel is silent.
    pub fn look(
        &mut self,
        sequence: Option<u64>,
        verdict: impl FnOnce() -> NodeVerdict,
        now_ms: u64,
    ) -> Settled {
        if self.sequence != sequence || self.silent_since.is_none() {
            self.sequence = sequence;
            self.silent_since = Some(now_ms);
        }
        let silent = self
            .silent_since
            .map_or(0, |since| now_ms.saturating_sub(since));
        let quiet = sequence.is_none() || silent >= millis(QUIET);
        if quiet && !is_only_incomplete(&verdict()) {
            Settled::Complete
        } else if now_ms >= self.until_ms {
            Settled::Overdue
        } else {
            Settled::NotYet
        }
    }
}

/// Whether every reason of a refusal could go away with a device that arrives.
fn is_only_incomplete(verdict: &NodeVerdict) -> bool {
    let NodeVerdict::Refuse(refusals) = verdict else {
        return false;
    };
    let arriving = [
        Code::Tpm,
        Code::TpmUnknown,
        Code::Need,
        Code::NeedUnknown,
        Code::WrongMachine,
        Code::PinUnread,
    ];
    refusals
        .iter()
        .all(|refusal| arriving.iter().any(|code| code.as_str() == refusal.code))
}
