//! The epoch of a manifest: a number that only rises. Must never be lowered by arithmetic; there is
//! none.

use std::fmt;
use std::str::FromStr;

/// Which manifest is in force. The first one has epoch 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

/// Why a text or number is not an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read the epoch: expected a whole number from 1, in decimal digits without leading zeros")]
pub struct EpochError;

impl Epoch {
    /// The first epoch.
    pub const FIRST: Self = Self(1);

    /// The epoch with this number, unless it is zero.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number == 0 {
            None
        } else {
            Some(Self(number))
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The epoch after this one; `None` after the last there can be.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Epoch {
    type Err = EpochError;

    fn from_str(text: &str) -> Result<Self, EpochError> {
        let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| canonical)
            .and_then(Self::new)
            .ok_or(EpochError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_reads_back_as_it_is_written() {
        for number in [1, 9, 10, u64::MAX] {
            let epoch = Epoch::new(number).unwrap();
            assert_eq!(epoch.to_string().parse(), Ok(epoch));
            assert_eq!(epoch.number(), number);
        }
    }

    #[test]
    fn what_is_not_a_plain_whole_number_from_one_is_refused() {
        let beyond = "18446744073709551616";
        for bad in [
            "", "0", "01", "+1", "-1", "1.0", " 1", "1 ", "1\n", "0x1", "one", beyond,
        ] {
            assert_eq!(bad.parse::<Epoch>(), Err(EpochError), "{bad:?}");
        }
        assert_eq!(Epoch::new(0), None);
    }

    #[test]
    fn the_next_epoch_is_higher_until_there_is_none() {
        assert!(Epoch::FIRST.next().unwrap() > Epoch::FIRST);
        assert_eq!(Epoch::new(u64::MAX).unwrap().next(), None);
    }
}
