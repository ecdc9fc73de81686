//! The monotonic clock behind the publication rhythm. The only place here that reads one.

use std::time::Instant;

/// The monotonic clock; never compared with the time in a leaf.
#[expect(
    clippy::disallowed_methods,
    reason = "this file is the one clock of the crate"
)]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
