//! The command line. Each doc comment is the line that `--help` and the manual show.

mod hardware;
mod sealing;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub use self::hardware::{HwCommand, PinArguments, WatchArguments};
pub use self::sealing::{
    FieldArguments, FieldCommand, KeyCommand, SealArguments, SealSuite, UnsealArguments,
};

/// The tool of installers, operators and auditors of a Cofferdam rack.
#[derive(Debug, Parser)]
#[command(
    name = "cofferctl",
    version,
    about,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Print one JSON document instead of text; `hw watch` prints one a line as things happen, its verdict last. Where
    /// standard output has the data itself, the document goes to standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The families of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A simulated rack on this machine, real in all but its hardware (grade E0).
    #[command(subcommand)]
    Lab(LabCommand),
    /// What hardware is here, and whether it keeps the policy.
    #[command(subcommand)]
    Hw(HwCommand),
    /// The manifest as a whole.
    #[command(subcommand)]
    Rack(RackCommand),
    /// Who may call whom.
    #[command(subcommand)]
    Flow(FlowCommand),
    /// What a code means and how to mend it.
    Explain {
        /// A code, as a refusal prints it: HW-211.
        #[arg(required_unless_present = "all")]
        code: Option<String>,
        /// Every code there is, as a table.
        #[arg(long, conflicts_with = "code")]
        all: bool,
        /// With --all: as the manual page docs/CODES.md, or as the journal's catalogue.
        #[arg(long, value_enum, requires = "all")]
        format: Option<CodesFormat>,
    },
    /// Keyrings.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Seal a file or standard input with a keyring.
    Seal(SealArguments),
    /// Open what was sealed: an object, a log, a token, or a cell of a Django field.
    Unseal(UnsealArguments),
    /// Columns that a Django field with Fernet encrypted.
    #[command(subcommand)]
    Field(FieldCommand),
    /// Store a file: put FILE BUCKET/KEY.
    Put {
        /// The file to store.
        file: PathBuf,
        /// Where to: BUCKET/KEY.
        target: String,
        /// The rack to talk to.
        #[command(flatten)]
        rack: RackArguments,
    },
    /// Fetch an object: get BUCKET/KEY [-o FILE].
    Get {
        /// What to fetch: BUCKET/KEY.
        source: String,
        /// Write here instead of standard output.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// The rack to talk to.
        #[command(flatten)]
        rack: RackArguments,
    },
    /// List a bucket, or the part of it below a prefix: ls BUCKET[/PREFIX].
    Ls {
        /// BUCKET or BUCKET/PREFIX.
        target: String,
        /// The rack to talk to.
        #[command(flatten)]
        rack: RackArguments,
    },
    /// Submit records, one JSON document a line, from a file or standard input.
    Submit {
        /// A stream of events or a survey.
        #[arg(value_enum)]
        kind: SubmitKind,
        /// Its name.
        name: String,
        /// NDJSON; standard input if absent.
        file: Option<PathBuf>,
        /// How long one record is sent again, with the same idempotency key, while there is no answer.
        #[arg(long, default_value_t = 10)]
        patience_seconds: u64,
        /// The rack to talk to.
        #[command(flatten)]
        rack: RackArguments,
    },
    /// Ask analytics a question in SQL.
    Query {
        /// One SELECT with a GROUP BY.
        sql: String,
        /// How to print the answer; a table on a terminal.
        #[arg(long, value_enum)]
        format: Option<RowFormat>,
        /// The rack to talk to.
        #[command(flatten)]
        rack: RackArguments,
    },
    /// The audit trail.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Whether each zone of a rack serves, and why not.
    Status {
        /// The rack to ask.
        #[command(flatten)]
        rack: RackArguments,
    },
}

/// Which rack a command talks to.
#[derive(Debug, Clone, clap::Args)]
pub struct RackArguments {
    /// The directory of a running lab, or another that holds a lab.json.
    #[arg(long = "lab", value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
}

/// `cofferctl lab`.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// The whole idea in one run: start a rack, use it, attack it, stop it.
    Demo {
        /// Where; a directory that does not exist yet. A temporary one if absent, removed at the end.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// The first of four ports on 127.0.0.1; free ones are chosen if absent.
        #[arg(long)]
        base_port: Option<u16>,
    },
    /// Start a rack and leave it running until SIGINT or `lab down`.
    Up {
        /// Where; a directory that does not exist yet or is empty.
        #[arg(long)]
        dir: PathBuf,
        /// The first of four ports on 127.0.0.1.
        #[arg(long, default_value_t = 7540)]
        base_port: u16,
        /// Return once it serves, and leave it running.
        #[arg(long)]
        detach: bool,
    },
    /// Stop a rack that `lab up` left running.
    Down {
        /// Its directory.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Break one thing in a running lab and see what holds.
    Break {
        /// What to break.
        #[arg(value_enum)]
        what: Breakage,
        /// The lab's directory.
        #[arg(long)]
        dir: PathBuf,
    },
}

/// What `lab break` can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Breakage {
    /// Intake finds itself on storage's chassis.
    Colocate,
    /// A leaf of a copy of storage's trail is changed.
    TamperTrail,
    /// Somebody comes without a certificate, or with one of another zone.
    WrongZone,
}

/// `cofferctl rack`.
#[derive(Debug, Subcommand)]
pub enum RackCommand {
    /// Check the three files of a rack directory, and its signature if operator keys are given.
    Check {
        /// The rack directory.
        directory: PathBuf,
        /// A file with an operator's verifier key; may be given several times.
        #[arg(long = "operator")]
        operators: Vec<PathBuf>,
        /// A directory with the output of `hw facts --json` of each node, as NODE.json: the plan is
        /// compared with what the machines say.
        #[arg(long, value_name = "DIR")]
        reports: Option<PathBuf>,
    },
    /// Draw the elevation, front and rear, with power, weight and whatever is wrong with it.
    Show {
        /// The rack directory.
        directory: PathBuf,
        /// Write a static SVG here, to be printed and pinned to the door.
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
        /// A file with an operator's verifier key, so that the picture names a proven epoch; may be
        /// given several times.
        #[arg(long = "operator")]
        operators: Vec<PathBuf>,
        /// A directory with the reports of the nodes, as for `rack check`.
        #[arg(long, value_name = "DIR")]
        reports: Option<PathBuf>,
    },
    /// Whether two services may be combined on one node, criterion by criterion.
    Advise {
        /// A service of services.toml.
        a: String,
        /// Another.
        b: String,
        /// The directory with hwprofile.toml and services.toml.
        #[arg(long, default_value = "/etc/cofferdam/rack")]
        rack: PathBuf,
    },
    /// Sign a rack directory: writes the note that binds its files and epoch.
    Sign {
        /// The rack directory.
        directory: PathBuf,
        /// The operator's private key file.
        #[arg(long)]
        key: PathBuf,
        /// The rack's domain: lab.internal.
        #[arg(long)]
        domain: String,
        /// The epoch; it must be higher than the one before.
        #[arg(long)]
        epoch: u64,
    },
}

/// `cofferctl flow`.
#[derive(Debug, Subcommand)]
pub enum FlowCommand {
    /// The rule that decides, and the nearest that would allow.
    Explain {
        /// The rack directory.
        #[arg(long)]
        rack: PathBuf,
        /// Who calls.
        #[arg(long)]
        from: String,
        /// Who is called.
        #[arg(long)]
        to: String,
        /// append, read, list, delete, share, key-new, key-open, lease, cosign or query.
        verb: String,
        /// The bucket, if the verb is about one.
        #[arg(long)]
        bucket: Option<String>,
    },
}

/// `cofferctl audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Prove a trail: every leaf, every tile, the signed checkpoint.
    Verify {
        /// The trail's directory.
        directory: PathBuf,
        /// A file with verifier keys, one a line.
        #[arg(long)]
        trust: PathBuf,
    },
    /// Print a trail's leaves.
    Show {
        /// The trail's directory.
        directory: PathBuf,
        /// Only this leaf.
        #[arg(long)]
        leaf: Option<u64>,
        /// Only leaves of this event: lease.refuse.
        #[arg(long)]
        event: Option<String>,
    },
}

/// What is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SubmitKind {
    /// Events of a stream.
    Stream,
    /// Answers to a survey.
    Survey,
}

/// How all codes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CodesFormat {
    /// The manual page.
    Markdown,
    /// The catalogue of the journal.
    Catalog,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// Aligned columns.
    Table,
    /// RFC 4180.
    Csv,
    /// One JSON document.
    Json,
}
