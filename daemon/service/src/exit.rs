//! Exit codes: what a program's end means to the service manager. The one enum behind DESIGN.md §11 and
//! `RestartPreventExitStatus=`; no other file names a number.

use std::process::ExitCode;

/// How a program of the product ends (after sysexits.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Ok,
    /// The command line was wrong.
    Usage,
    /// The input was read and is wrong.
    Data,
    /// The hardware does not match the policy.
    Hardware,
    /// It cannot be told now; trying again may help.
    TryAgain,
    /// A policy refused it.
    Policy,
    /// The configuration is wrong.
    Config,
}

impl Exit {
    /// Every code, in rising order of its number.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Usage,
        Self::Data,
        Self::Hardware,
        Self::TryAgain,
        Self::Policy,
        Self::Config,
    ];

    /// The number the operating system sees.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Usage => 64,
            Self::Data => 65,
            Self::Hardware => 69,
            Self::TryAgain => 75,
            Self::Policy => 77,
            Self::Config => 78,
        }
    }

    /// Whether a restart by the service manager cannot help.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Usage | Self::Data | Self::Hardware | Self::Policy | Self::Config => true,
            Self::Ok | Self::TryAgain => false,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_contract() {
        let numbers: Vec<u8> = Exit::ALL.iter().map(|exit| exit.number()).collect();
        assert_eq!(numbers, [0, 64, 65, 69, 75, 77, 78]);
    }

    #[test]
    fn only_try_again_and_success_may_be_restarted() {
        for exit in Exit::ALL {
            assert_eq!(exit.is_final(), !matches!(exit, Exit::Ok | Exit::TryAgain));
        }
    }
}
