//! A stack deep enough for the engine's parser and planner, which walk a text by recursion.
//!
//! Owns the one thread this crate starts itself: scoped, joined, bounded by the length of a text.
//! Must never run anything that waits.

use std::thread::{Builder, scope};

use super::PolicyFault;

/// Bytes of that stack. The longest chain that is read needs less than a quarter of it.
const STACK_BYTES: usize = 16 << 20;

/// Runs `work` on a deep stack and waits for it.
pub(super) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, PolicyFault> {
    scope(|threads| {
        let builder = Builder::new()
            .name("plan".to_owned())
            .stack_size(STACK_BYTES);
        let thread = builder
            .spawn_scoped(threads, work)
            .map_err(|_no_thread| PolicyFault::NoThread)?;
        thread.join().map_err(|_panicked| PolicyFault::NoThread)
    })
}
