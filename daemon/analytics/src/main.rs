//! The program of the analytics zone.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_node::run::<cofferdam_analytics::Analytics>(std::env::args_os())
}
