//! The commands, one file a family. Each takes its parsed arguments and comes to a verdict.

pub(crate) mod audit;
mod document;
pub(crate) mod explain;
pub(crate) mod field;
pub(crate) mod flow;
pub(crate) mod hw;
pub(crate) mod key;
pub(crate) mod lab;
pub(crate) mod object;
mod output;
pub(crate) mod query;
pub(crate) mod rack;
pub(crate) mod seal;
pub(crate) mod status;
mod stream;
pub(crate) mod submit;
pub(crate) mod unseal;
pub(crate) mod watch;

use crate::cli::{Command, FieldCommand, RowFormat};
use crate::verdict::{Carries, Format, Outcome};

/// Whether standard output belongs to what the command fetches, seals or opens.
pub(crate) fn carries(command: &Command, format: Format) -> Carries {
    let output = match command {
        Command::Seal(arguments) => &arguments.output,
        Command::Unseal(arguments) => &arguments.output,
        Command::Field(FieldCommand::Decrypt(arguments) | FieldCommand::Adopt(arguments)) => {
            &arguments.output
        }
        Command::Get { output, .. } => output,
        Command::Query { format: rows, .. } => {
            return match (query::shown(*rows, format), format) {
                (RowFormat::Csv, _) | (RowFormat::Json, Format::Text) => Carries::Data,
                (RowFormat::Table, _) | (RowFormat::Json, Format::Json) => Carries::Verdict,
            };
        }
        Command::Lab(_)
        | Command::Hw(_)
        | Command::Rack(_)
        | Command::Flow(_)
        | Command::Explain { .. }
        | Command::Key(_)
        | Command::Put { .. }
        | Command::Ls { .. }
        | Command::Submit { .. }
        | Command::Audit(_)
        | Command::Status { .. } => return Carries::Verdict,
    };
    match output {
        Some(_file) => Carries::Verdict,
        None => Carries::Data,
    }
}

/// Runs one command.
pub(crate) fn dispatch(command: Command, format: Format) -> Outcome {
    match command {
        Command::Lab(command) => lab::run(command),
        Command::Hw(command) => hw::run(command, format),
        Command::Rack(command) => rack::run(command),
        Command::Flow(command) => flow::run(command),
        Command::Explain { code, format, .. } => match code {
            Some(code) => explain::run(&code),
            None => Ok(explain::all(format)),
        },
        Command::Key(command) => key::run(command),
        Command::Seal(arguments) => seal::seal(&arguments),
        Command::Unseal(arguments) => unseal::unseal(&arguments),
        Command::Field(command) => field::run(&command),
        Command::Put { file, target, rack } => object::put(&file, &target, &rack),
        Command::Get {
            source,
            output,
            rack,
        } => object::get(&source, output.as_deref(), &rack),
        Command::Ls { target, rack } => object::list(&target, &rack),
        Command::Submit {
            kind,
            name,
            file,
            patience_seconds,
            rack,
        } => {
            let patience = std::time::Duration::from_secs(patience_seconds);
            submit::run(kind, &name, file.as_deref(), patience, &rack)
        }
        Command::Query {
            sql,
            format: rows,
            rack,
        } => query::run(&sql, rows, &rack, format),
        Command::Audit(command) => audit::run(command),
        Command::Status { rack } => status::run(&rack),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn what_fetches_seals_or_opens_to_standard_output_leaves_it_to_the_data() {
        for (line, text, json) in [
            ("seal", Carries::Data, Carries::Data),
            ("unseal x", Carries::Data, Carries::Data),
            ("field decrypt", Carries::Data, Carries::Data),
            ("field adopt x", Carries::Data, Carries::Data),
            ("get files/x", Carries::Data, Carries::Data),
            ("get files/x -o y", Carries::Verdict, Carries::Verdict),
            ("unseal x -o y", Carries::Verdict, Carries::Verdict),
            ("query q --format csv", Carries::Data, Carries::Data),
            ("query q --format json", Carries::Data, Carries::Verdict),
            ("query q --format table", Carries::Verdict, Carries::Verdict),
            ("put x files/x", Carries::Verdict, Carries::Verdict),
            ("hw facts", Carries::Verdict, Carries::Verdict),
        ] {
            for (format, expect) in [(Format::Text, text), (Format::Json, json)] {
                let words = ["cofferctl"].into_iter().chain(line.split(' '));
                let cli = crate::cli::Cli::try_parse_from(words).expect("a command line");
                assert_eq!(carries(&cli.command, format), expect, "{line}");
            }
        }
    }
}
