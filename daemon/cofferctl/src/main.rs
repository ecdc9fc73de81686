//! The tool of installers, operators and auditors.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_cofferctl::run(std::env::args_os())
}
