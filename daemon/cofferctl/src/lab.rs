//! A whole rack on this machine: a keeper and three zones as four processes on loopback, hardware simulated from shipped trees
//! (grade E0, said on every output), and all else real.
//!
//! - [`layout`]: where everything lies and listens.
//! - [`prepare`]: makes the directory. [`tree`] unpacks the machines.
//! - [`process`]: the programs. [`crew`] starts them in order and tells who serves.
//! - [`client`]: the client's certificate. [`mod@file`]: `lab.json`.
//! - [`supervise`]: `lab up` and `lab down`.
//! - [`demo`]: `lab demo`, step by step. [`sample`] makes its records, [`scan`] looks for leaks.
//! - [`breakage`]: what `lab break` breaks.

pub mod breakage;
pub mod client;
pub mod crew;
pub mod demo;
pub mod file;
pub mod layout;
pub mod prepare;
pub mod process;
pub mod sample;
pub mod scan;
pub mod supervise;
pub mod tree;

/// Said on every output about a lab.
pub const GRADE: &str = "E0 simulated";
