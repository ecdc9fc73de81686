//! The number of the kernel's last event about a device.
//!
//! It says that something happened, never what, and it is no fact of the inventory.

use std::path::Path;

use crate::sysroot::Sysroot;

const SEQUENCE: &str = "/sys/kernel/uevent_seqnum";

/// The number of the last event below a root directory; `None` where the kernel does not tell it.
#[must_use]
pub fn last_event(sysroot: &Path) -> Option<u64> {
    let text = Sysroot::new(sysroot).text(SEQUENCE).known().ok()?;
    text.trim().parse().ok()
}
