//! What a TPM told once, kept for as long as it is there.
//!
//! Only what was told whole is kept: a failure is asked again at the next look. It must never
//! answer for a TPM that is gone, so whoever sees that none is there must say so.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fact::Gap;
use crate::tpm::Endorsement;

/// The memory of this process about the TPM of this machine.
pub(super) static MEMORY: Memory = Memory::new();

/// What was told, if anything was.
#[derive(Debug)]
pub(super) struct Memory {
    told: Mutex<Option<Endorsement>>,
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self {
            told: Mutex::new(None),
        }
    }

    /// What was told before, or what is told now.
    pub(super) fn recall(
        &self,
        ask: impl FnOnce() -> Result<Endorsement, Gap>,
    ) -> Result<Endorsement, Gap> {
        let mut told = self.lock();
        if let Some(told) = &*told {
            return Ok(told.clone());
        }
        let now = ask()?;
        *told = Some(now.clone());
        Ok(now)
    }

    /// There is no TPM any more.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    /// What is kept is whole or not there, so a panic elsewhere leaves nothing half written.
    fn lock(&self) -> MutexGuard<'_, Option<Endorsement>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
