//! Intake's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_node::run::<cofferdam_intake::Intake>(std::env::args_os())
}
