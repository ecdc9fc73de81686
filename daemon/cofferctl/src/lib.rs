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

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::Parser as _;
use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;

use verdict::{Carries, Failure, Format};

/// Runs the tool from its arguments to its exit code.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let cli = match cli::Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misused(&arguments, &error).into(),
    };
    let format = Format::of(cli.json);
    let carries = command::carries(&cli.command, format);
    let outcome = command::dispatch(cli.command, format);
    verdict::print(&outcome, format, carries).into()
}

/// Tells what was wrong with the command line, or what was asked about it.
fn misused(arguments: &[OsString], error: &clap::Error) -> Exit {
    let mut words = arguments.iter().skip(1).take_while(|word| *word != "--");
    let for_a_program = words.clone().any(|word| word == "--json");
    if error.use_stderr() && for_a_program {
        let is_flag = |word: &OsStr| word.as_encoded_bytes().starts_with(b"-");
        let family = words
            .find(|word| !is_flag(word))
            .and_then(|word| word.to_str());
        let carries = match family {
            // Where the data would have gone, no document may take its place.
            Some("seal" | "unseal" | "field" | "get" | "query") => Carries::Data,
            Some(_) | None => Carries::Verdict,
        };
        let refusal = Refusal::new(
            "CL-002",
            "the command line is not one, so nothing was done",
            "see `cofferctl help`",
        );
        let lines = error.to_string();
        let lines = lines.lines().filter(|line| !line.trim().is_empty());
        let refusal = lines.fold(refusal, |refusal, line| refusal.read(line.trim()));
        let failure = Err(Failure::new(Exit::Usage, refusal));
        return verdict::print(&failure, Format::Json, carries);
    }
    if error.print().is_ok() && !error.use_stderr() {
        Exit::Ok
    } else {
        Exit::Usage
    }
}
