//! The clock that never goes back, for how long something took and when to look again. It has no date; the wall clock is
//! `cofferdam_link::Clock`.

use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since it was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks(Instant);

impl Ticks {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until that time; one that is past ends at once.
    pub(crate) async fn sleep_until(self, at_ms: u64) {
        let wait = Duration::from_millis(at_ms.saturating_sub(self.now_ms()));
        tokio::time::sleep(wait).await;
    }
}
