//! Where the files of one spool lie below its directory.
//! Never touches them.

use crate::position::{FileState, Number};
use std::path::{Path, PathBuf};

/// The directory of one spool.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.to_path_buf())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    /// Held by the one owner.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The producer's name and the current epoch.
    pub(crate) fn epoch(&self) -> PathBuf {
        self.0.join("epoch")
    }

    /// Tags of segments that left.
    pub(crate) fn seen(&self) -> PathBuf {
        self.0.join("seen")
    }

    /// The file a full disk is tried with.
    pub(crate) fn trial(&self) -> PathBuf {
        self.0.join("trial")
    }

    /// Space for the record of a delivery.
    pub(crate) fn reserve(&self) -> PathBuf {
        self.0.join("reserve")
    }

    /// Segments, open and ready.
    pub(crate) fn segments(&self) -> PathBuf {
        self.0.join("segments")
    }

    /// Dead letters, each with its reason.
    pub(crate) fn dead_dir(&self) -> PathBuf {
        self.0.join("dead")
    }

    /// Tails that were cut.
    pub(crate) fn torn_dir(&self) -> PathBuf {
        self.0.join("torn")
    }

    pub(crate) fn segment(&self, number: Number, state: FileState) -> PathBuf {
        self.segments().join(number.file_name(state))
    }

    pub(crate) fn dead(&self, number: Number, state: FileState) -> PathBuf {
        self.dead_dir().join(number.file_name(state))
    }

    pub(crate) fn torn(&self, number: Number, offset: u64) -> PathBuf {
        let name = format!("{}.{offset}", number.file_name(FileState::Open));
        self.torn_dir().join(name)
    }
}
