//! The protocol, driven by hand-built requests through the same front as a peer's.

mod authority;
mod bodies;
mod listings;
mod objects;
mod segments;
mod signer;
mod uploads;
