//! The specification, run against the whole rack as a person runs it: through the programs, never through their insides. Everything
//! listens on loopback, lies below a temporary directory, and is stopped by who started it.

mod demo;
mod kill;
mod lab;
mod linkage;
mod stage;
mod tidy;
