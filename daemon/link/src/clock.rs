//! The one place that asks what time it is. Owns [`Clock`]; must never cache an answer, so that a
//! step of the wall clock reaches every certificate check and every deadline.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use tokio::time::Instant;

/// Where the time comes from. Cheap to clone; tests hand in their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The wall clock of this machine.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this file is the one door to the wall clock"
    )]
    pub fn system() -> Self {
        Self(Arc::new(SystemTime::now))
    }

    /// A clock that stands still at `time`.
    #[must_use]
    pub fn fixed(time: SystemTime) -> Self {
        Self(Arc::new(move || time))
    }

    /// A clock that asks `source` each time.
    pub fn from_source(source: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// Whole seconds since 1970-01-01 UTC. A clock before that reads as zero: every certificate is
    /// then not yet valid.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.since_epoch().as_secs()
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        u64::try_from(self.since_epoch().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn unix_time(&self) -> UnixTime {
        UnixTime::since_unix_epoch(self.since_epoch())
    }

    fn since_epoch(&self) -> Duration {
        self.now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO)
    }
}

/// The runtime's own time, for how long something took. It cannot be set and has no date.
pub(crate) fn moment() -> Instant {
    Instant::now()
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({} ms)", self.unix_ms())
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.unix_time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_reads_zero() {
        let clock = Clock::fixed(UNIX_EPOCH - Duration::from_secs(5));
        assert_eq!(clock.unix_seconds(), 0);
        assert_eq!(clock.unix_ms(), 0);
    }

    #[test]
    fn a_fixed_clock_tells_tls_the_same_time_as_us() {
        let clock = Clock::fixed(UNIX_EPOCH + Duration::from_millis(1_700_000_000_250));
        assert_eq!(clock.unix_ms(), 1_700_000_000_250);
        assert_eq!(
            clock.current_time().map(|t| t.as_secs()),
            Some(1_700_000_000)
        );
    }
}
