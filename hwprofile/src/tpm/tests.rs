//! A TPM made of bytes: what is read of it, and what is refused.

mod answers;
mod conversation;
mod keys;
mod rig;
mod swtpm;
