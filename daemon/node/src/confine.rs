//! What the process gives up before it holds a secret: core dumps, being traced, files readable by others. What is in force is
//! read back and recorded; landlock and seccomp are the units' matter and come with them.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};

/// What is in force, read back after asking for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// Whether the kernel may write a core dump of this process.
    pub core_dumps: CoreDumps,
}

/// Whether memory can end up in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreDumps {
    /// Not dumpable, and the limit is zero.
    Off,
    /// The kernel refused part of it.
    Possible,
}

impl Confinement {
    /// Gives the rights up and reads back what holds.
    #[must_use]
    pub fn enter() -> Self {
        umask(Mode::from_bits_truncate(0o077));
        let undumpable = nix::sys::prctl::set_dumpable(false)
            .and_then(|()| nix::sys::prctl::get_dumpable())
            .is_ok_and(|dumpable| !dumpable);
        let limited = setrlimit(Resource::RLIMIT_CORE, 0, 0)
            .and_then(|()| getrlimit(Resource::RLIMIT_CORE))
            .is_ok_and(|(soft, hard)| soft == 0 && hard == 0);
        let core_dumps = if undumpable && limited {
            CoreDumps::Off
        } else {
            CoreDumps::Possible
        };
        Self { core_dumps }
    }

    /// For the trail.
    #[must_use]
    pub fn as_text(self) -> &'static str {
        match self.core_dumps {
            CoreDumps::Off => "no core dumps, not traceable, umask 077",
            CoreDumps::Possible => "core dumps possible, umask 077",
        }
    }
}
