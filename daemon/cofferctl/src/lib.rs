//! The tool of installers, operators and auditors. The first line it prints is the verdict; how it ends is a code of
//! `cofferdam_node::Exit`.
//!
//! In reading order:
//! - [`cli`]: the command line, as the manual shows it.
//! - [`verdict`]: what every command comes to: a line, a body, JSON, an exit code.
//! - `command`: one file a family of commands.
//! - [`lab`]: a whole rack on this machine, real in all but its hardware.
//! - [`reach`]: a connection to a rack with a client's certificate.
//! - [`table`]: rows for a terminal.
//! - `progress`: the line on a terminal while bytes pass.
//! - `environment`: what variables say about keyrings.
//! - [`code`]: every code of the product, for `explain`.
//! - [`codes`]: the same as the manual page and as the journal's catalogue.

pub mod cli;
pub mod code;
pub mod codes;
pub mod lab;
pub mod reach;
pub mod table;
pub mod verdict;

mod clock;
mod command;
mod environment;
mod progress;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

/// Runs the tool from its arguments to its exit code.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match cli::Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let wanted = !error.use_stderr();
            let shown = error.print().is_ok();
            let exit = if wanted && shown {
                cofferdam_node::Exit::Ok
            } else {
                cofferdam_node::Exit::Usage
            };
            return exit.into();
        }
    };
    let format = verdict::Format::of(cli.json);
    let carries = command::carries(&cli.command, format);
    let outcome = command::dispatch(cli.command, format);
    verdict::print(&outcome, format, carries).into()
}
