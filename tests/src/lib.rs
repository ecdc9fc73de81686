//! The specification, run against the whole rack.
