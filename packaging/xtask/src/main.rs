//! Builds what a task needs and runs it; behind the alias `cargo lab`. It knows cargo and the names of our programs, nothing else.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// How the tool ends when it was called wrongly (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;
/// How it ends when a build or a program could not be run at all (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments
        .next()
        .as_deref()
        .and_then(std::ffi::OsStr::to_str)
    {
        Some("lab") => lab(arguments.collect()),
        _ => ExitCode::from(USAGE),
    }
}

/// Builds every program in the profile that the tests share, then runs `cofferctl lab demo`, or what the arguments say instead.
fn lab(arguments: Vec<OsString>) -> ExitCode {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--bins"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    match built {
        Ok(status) if status.success() => {}
        Ok(status) => return code_of(status.code()),
        Err(_not_started) => return ExitCode::from(UNAVAILABLE),
    }
    let Ok(here) = std::env::current_exe() else {
        return ExitCode::from(UNAVAILABLE);
    };
    let arguments = if arguments.is_empty() {
        vec![OsString::from("demo")]
    } else {
        arguments
    };
    let ran = Command::new(here.with_file_name("cofferctl"))
        .arg("lab")
        .args(arguments)
        .status();
    match ran {
        Ok(status) => code_of(status.code()),
        Err(_not_started) => ExitCode::from(UNAVAILABLE),
    }
}

fn code_of(code: Option<i32>) -> ExitCode {
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::from(UNAVAILABLE), ExitCode::from)
}
