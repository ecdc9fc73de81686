//! When a service works, to the minute of the day. It knows no date and reads no clock.

use std::fmt;

/// When a service works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// At any time.
    Always,
    /// From one minute of the day to before another; through midnight if the second is smaller.
    Daily(u16, u16),
}

impl Schedule {
    /// Whether both ever work at the same minute.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let (Self::Daily(a, a_end), Self::Daily(b, b_end)) = (self, other) else {
            return true;
        };
        let within = |minute: u16, from: u16, to: u16| {
            if from < to {
                (from..to).contains(&minute)
            } else {
                minute >= from || minute < to
            }
        };
        within(a, b, b_end) || within(b, a, a_end)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Daily(from, to) => {
                let clock = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
                write!(f, "{}-{}", clock(from), clock(to))
            }
        }
    }
}
