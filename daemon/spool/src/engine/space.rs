//! What to do about a disk that was full: try it before a key is spent on it again.
//! Never leaves its trial behind.

use super::{Engine, Pending};
use crate::medium::remove_if_there;
use crate::refusal::DiskError;
use crate::segment::{EMPTY_BYTES, sealed_bytes};
use std::collections::VecDeque;

/// Bytes tried at most before a key is spent on a disk that was full.
const TRIAL_BYTES: u64 = 1 << 20;

/// What the disk said when it was last written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Enough,
    /// Full: it is tried before a key is spent on it again.
    Doubtful,
}

impl Space {
    pub(super) fn after(error: &DiskError) -> Self {
        if error.is_full() {
            Self::Doubtful
        } else {
            Self::Enough
        }
    }
}

impl Engine {
    /// Writes, syncs and removes as much as waits, if the disk was full: no key is spent and no
    /// segment begun on a disk that still is.
    pub(super) fn try_full_disk(&mut self, queue: &VecDeque<Pending>) -> Result<(), DiskError> {
        if self.space == Space::Enough {
            return Ok(());
        }
        let wanted: u64 = queue
            .iter()
            .map(|pending| sealed_bytes(pending.payload.len()))
            .sum();
        let wanted = (wanted + EMPTY_BYTES).min(TRIAL_BYTES);
        let path = self.place.trial();
        let zeros = vec![0; usize::try_from(wanted).unwrap_or(0)];
        let attempt = || {
            remove_if_there(&*self.medium, &path)?;
            let mut file = self.medium.create(&path)?;
            file.append(&zeros)?;
            file.sync()
        };
        let outcome = attempt();
        let removed = remove_if_there(&*self.medium, &path);
        outcome
            .and(removed)
            .map_err(|error| DiskError::new("write", &path, &error))?;
        self.space = Space::Enough;
        Ok(())
    }
}
