//! The specification, run against the whole rack as a person runs it: through the programs, never through their insides. Everything
//! listens on loopback, lies below a temporary directory, and is stopped by who started it.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "everything here is a test; a panic is how it fails"
)]

mod demo;
mod dialler;
mod disk;
mod kill;
mod lab;
mod linkage;
mod refusals;
mod stage;
mod stop;
mod tidy;
