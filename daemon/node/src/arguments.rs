//! The command line of a zone's program.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// What a zone's program is told when it starts.
#[derive(Debug, Parser)]
#[command(version, about = "The daemon of one zone of a Cofferdam rack")]
pub(crate) struct Arguments {
    /// The node's configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/cofferdam/node.toml")]
    pub(crate) config: PathBuf,
    /// Stop when standard input closes: for who starts the program as a child and must not leave it behind.
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

impl Arguments {
    /// Parses the arguments, program name first.
    ///
    /// # Errors
    /// They are wrong, or ask for help.
    pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }
}
