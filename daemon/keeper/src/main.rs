//! The keeper's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_node::run::<cofferdam_keeper::Keeper>(std::env::args_os())
}
