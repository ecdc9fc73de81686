//! The tool as a shell meets it: its own program, run to its end, and what it printed, wrote and left alone. Nothing here writes
//! outside the directory that a test was given.

#![expect(
    clippy::indexing_slicing,
    reason = "everything here is a test; a panic is how it fails"
)]

mod answers;
mod bench;
mod columns;
mod headers;
mod hostile;
mod missing;
mod pictures;
mod pipes;
mod places;
mod reports;
mod sealing;
mod sources;
mod usage;
mod watch;
