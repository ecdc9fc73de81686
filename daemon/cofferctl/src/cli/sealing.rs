//! The command line of keyrings, sealing and columns. Must never take a key as an argument: arguments are seen by everybody.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// `cofferctl key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a keyring with one new key; an existing file is never overwritten.
    New {
        /// The file to make, mode 0600; where `FERNET_KEY` or `field_key_dir` says, if absent.
        file: Option<PathBuf>,
    },
    /// Put a fresh key at the front of a ring; it seals from now on, the old ones still open.
    Add {
        /// The keyring.
        file: PathBuf,
    },
    /// The fingerprints of a ring's keys, never the keys.
    Show {
        /// The keyring; where the credential directory, `FERNET_KEY` or `field_key_dir` says, if absent.
        file: Option<PathBuf>,
    },
    /// Put sealed objects under the ring's first key: their headers change, their frames do not.
    Rotate {
        /// The keyring, its new key first, the old ones still in it.
        #[arg(long)]
        keyring: Option<PathBuf>,
        /// Sealed objects, or directories of them. Run it again after an interruption.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

/// `cofferctl seal`.
#[derive(Debug, clap::Args)]
pub struct SealArguments {
    /// The keyring; its first key wraps the object's own. Where the credential directory, `FERNET_KEY` (a path) or
    /// `field_key_dir` says, if absent.
    #[arg(long)]
    pub keyring: Option<PathBuf>,
    /// Write one Fernet token in text instead of a sealed object.
    #[arg(long)]
    pub token: bool,
    /// What the object is sealed with. The zones of a rack hold Fernet.
    #[arg(long, value_enum, default_value_t = SealSuite::Fernet, conflicts_with = "token")]
    pub suite: SealSuite,
    /// The file to seal; standard input if absent.
    pub input: Option<PathBuf>,
    /// Write here instead of standard output.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

/// The suites of a sealed object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SealSuite {
    /// Fernet tokens: any Fernet library recovers them.
    Fernet,
    /// C2SP chunked encryption, which Python's cryptography 50 reads.
    #[value(name = "cobblestone-128")]
    Cobblestone128,
}

/// `cofferctl unseal`.
#[derive(Debug, clap::Args)]
pub struct UnsealArguments {
    /// The keyring; found as for `seal` if absent.
    #[arg(long)]
    pub keyring: Option<PathBuf>,
    /// Only the bytes A to B, both included, counted from 0.
    #[arg(long, value_name = "A-B")]
    pub range: Option<String>,
    /// What the object was bound to when it was sealed; storage binds to the bucket's name.
    #[arg(long, default_value = "")]
    pub context: String,
    /// The sealed file; standard input if absent.
    pub input: Option<PathBuf>,
    /// Write here instead of standard output.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

/// `cofferctl field`.
#[derive(Debug, Subcommand)]
pub enum FieldCommand {
    /// Open every value.
    Decrypt(FieldArguments),
    /// Replace every value by one token under the ring's first key; a value that is one already stays, so run it again freely.
    /// Nothing plain leaves the program.
    Adopt(FieldArguments),
}

/// What both read.
#[derive(Debug, clap::Args)]
pub struct FieldArguments {
    /// The keyring; found as for `seal` if absent.
    #[arg(long)]
    pub keyring: Option<PathBuf>,
    /// The input is CSV with a first line of names, and this is the column; otherwise it is a value a line.
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// Take values that were never encrypted too: as they are, or sealed by adopt.
    #[arg(long)]
    pub take_plain: bool,
    /// The values; standard input if absent.
    pub input: Option<PathBuf>,
    /// Write here instead of standard output.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}
