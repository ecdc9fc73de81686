//! The tool's clock: the one place where it asks what time it is.

use std::time::{Duration, Instant};

use cofferdam_link::Clock;

/// A stopwatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[expect(
        clippy::disallowed_methods,
        reason = "this file is the tool's door to the clock"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has run.
    #[expect(
        clippy::disallowed_methods,
        reason = "this file is the tool's door to the clock"
    )]
    pub(crate) fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self.0)
    }
}

/// The system's clock.
pub(crate) fn system() -> Clock {
    Clock::system()
}
