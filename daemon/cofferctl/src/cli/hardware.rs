//! The command line of hardware: what is read of a machine, and by which policy it is judged. Must never take what a machine says of
//! itself as an argument: facts come from a root or from what was read below one.

use std::path::PathBuf;

use clap::Subcommand;

/// `cofferctl hw`.
#[derive(Debug, Subcommand)]
pub enum HwCommand {
    /// Every fact about this machine, with its path and state.
    Facts {
        /// Read below this root instead of /.
        #[arg(long, default_value = "/")]
        sysroot: PathBuf,
        /// Print the evidence for this site instead: tokens in the place of serial numbers, fit to
        /// leave the machine.
        #[arg(long, value_name = "SITE")]
        evidence: Option<String>,
    },
    /// The verdict for one node of a policy.
    Check {
        /// The hwprofile.toml.
        #[arg(long)]
        policy: PathBuf,
        /// The node's name in it.
        #[arg(long)]
        node: String,
        /// Read below this root instead of /. Anything else than / is graded E0.
        #[arg(long, default_value = "/")]
        sysroot: PathBuf,
    },
    /// What happens to this machine's hardware while you look, and what a node would do about it.
    Watch(WatchArguments),
    /// Whether two nodes are separate, from two sysroots or files of evidence.
    Compare {
        /// The hwprofile.toml.
        #[arg(long)]
        policy: PathBuf,
        /// NODE=SYSROOT or NODE=EVIDENCE.json of the first.
        a: String,
        /// The same of the second.
        b: String,
    },
    /// Check a policy alone; dead, shadowed and unused rules are faults.
    Policy {
        /// The hwprofile.toml.
        file: PathBuf,
        /// Print the verdict for every pair of zones in every domain.
        #[arg(long)]
        matrix: bool,
    },
    /// Print the [node.NAME] block that pins this machine, to be pasted into hwprofile.toml.
    Pin(PinArguments),
    /// Every fact that differs between two captures, with both values.
    Diff {
        /// A file that `hw facts --json` wrote, or a sysroot.
        a: PathBuf,
        /// The same of the later one.
        b: PathBuf,
    },
}

/// `cofferctl hw pin`.
#[derive(Debug, clap::Args)]
pub struct PinArguments {
    /// The node's name.
    #[arg(long)]
    pub node: String,
    /// The zone that it may run.
    #[arg(long)]
    pub zone: String,
    /// The rack it stands in.
    #[arg(long)]
    pub rack: Option<String>,
    /// The lowest unit of the device that holds it.
    #[arg(long)]
    pub position: Option<u8>,
    /// Read below this root instead of /.
    #[arg(long, default_value = "/")]
    pub sysroot: PathBuf,
}

/// `cofferctl hw watch`.
#[derive(Debug, clap::Args)]
pub struct WatchArguments {
    /// The hwprofile.toml whose rules decide; without one changes are told and nothing is refused.
    #[arg(long, requires = "node")]
    pub policy: Option<PathBuf>,
    /// The node's name in it.
    #[arg(long, requires = "policy")]
    pub node: Option<String>,
    /// Read below this root instead of /; there only the time says when to look. Anything else than / is graded E0.
    #[arg(long, default_value = "/")]
    pub sysroot: PathBuf,
    /// End after so many seconds; without it, at SIGINT.
    #[arg(long = "for", value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// Look at everything so often though nothing was heard, in seconds: 1 to 60. 60 at /, 1 elsewhere.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub rescan: Option<u64>,
}
