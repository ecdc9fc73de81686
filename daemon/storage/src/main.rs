//! The storage program: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_node::run::<cofferdam_storage::Storage>(std::env::args_os())
}
