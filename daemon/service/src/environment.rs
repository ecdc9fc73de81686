//! The process environment, read once. Only what the service manager passes is read; configuration never comes from here.

use std::time::Duration;

/// What the service manager says through the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The socket for `sd_notify(3)`.
    pub notify_socket: Option<String>,
    /// How long the program may be silent before it counts as hung (`sd_watchdog_enabled(3)`).
    pub watchdog: Option<Duration>,
}

impl Environment {
    /// Reads it.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one door through which the environment is read"
    )]
    pub fn read() -> Self {
        Self::of(|name| std::env::var(name).ok(), std::process::id())
    }

    /// What the variables say to the process `own`; a watchdog for another process is none for us.
    fn of(variable: impl Fn(&str) -> Option<String>, own: u32) -> Self {
        let for_us = variable("WATCHDOG_PID")
            .is_none_or(|process| process.parse().is_ok_and(|process: u32| process == own));
        let watchdog = variable("WATCHDOG_USEC")
            .filter(|_| for_us)
            .and_then(|text| text.parse().ok())
            .filter(|micros| *micros > 0)
            .map(Duration::from_micros);
        Self {
            notify_socket: variable("NOTIFY_SOCKET"),
            watchdog,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watchdog(usec: Option<&str>, pid: Option<&str>) -> Option<Duration> {
        let variable = |name: &str| match name {
            "WATCHDOG_USEC" => usec.map(str::to_owned),
            "WATCHDOG_PID" => pid.map(str::to_owned),
            _ => None,
        };
        Environment::of(variable, 4711).watchdog
    }

    #[test]
    fn a_watchdog_for_this_process_is_heard() {
        let half_a_minute = Some(Duration::from_secs(30));
        assert_eq!(watchdog(Some("30000000"), Some("4711")), half_a_minute);
        assert_eq!(watchdog(Some("30000000"), None), half_a_minute);
    }

    #[test]
    fn a_watchdog_for_another_process_or_without_a_time_is_none() {
        assert_eq!(watchdog(Some("30000000"), Some("4712")), None);
        assert_eq!(watchdog(Some("30000000"), Some("me")), None);
        for usec in ["", "0", "-1", "soon"] {
            assert_eq!(watchdog(Some(usec), Some("4711")), None, "{usec}");
        }
        assert_eq!(watchdog(None, Some("4711")), None);
    }
}
