//! Space set aside on the disk, so that a full one can still record a delivery: the record of a
//! delivery must be written before the delivered segment may be removed, which is what frees
//! space. Never counted against the high-water mark, and never needed but for that and opening.

use crate::medium::{Medium, remove_if_there};
use crate::place::Place;
use std::io;
use std::path::PathBuf;

/// What the smallest reserve holds, whatever a segment's tags take.
const RESERVE_BYTES_MIN: u64 = 64 << 10;

/// The smallest part worth holding when there is no room for all of it.
const PART_BYTES_MIN: u64 = 4 << 10;

/// The reserve of one spool, best effort: it is not there while the disk has no room for it.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    wanted: u64,
    /// Bytes on disk now.
    held: u64,
}

impl Reserve {
    /// Large enough for the tags of one segment. Not yet held.
    pub(crate) fn new(place: &Place, segment_records: u64) -> Self {
        let bytes = RESERVE_BYTES_MIN.saturating_add(segment_records.saturating_mul(16));
        Self {
            path: place.reserve(),
            wanted: bytes,
            held: 0,
        }
    }

    /// Takes the space, or as large a part of it as there is. A later call takes the rest.
    pub(crate) fn hold(&mut self, medium: &dyn Medium) {
        let mut bytes = self.wanted;
        while bytes > self.held && bytes >= PART_BYTES_MIN {
            if self.take(medium, bytes).is_ok() {
                self.held = bytes;
            } else {
                // Half of what was tried would only be in the way.
                drop(remove_if_there(medium, &self.path));
                self.held = 0;
            }
            bytes /= 2;
        }
    }

    /// Gives the space up; `false` when there was none to give.
    pub(crate) fn spend(&mut self, medium: &dyn Medium) -> bool {
        let given = self.held > 0 && remove_if_there(medium, &self.path).is_ok();
        if given {
            self.held = 0;
        }
        given
    }

    fn take(&self, medium: &dyn Medium, bytes: u64) -> io::Result<()> {
        remove_if_there(medium, &self.path)?;
        let mut file = medium.create(&self.path)?;
        file.append(&vec![0; usize::try_from(bytes).unwrap_or(0)])?;
        file.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medium::simulated::SimulatedDisk;
    use std::path::Path;

    #[test]
    fn what_is_held_is_free_again_once_it_is_spent_and_only_once() {
        let disk = SimulatedDisk::default();
        disk.set_free(Some(100 << 10));
        let mut reserve = Reserve::new(&Place::new(Path::new("/spool")), 64);
        reserve.hold(&disk);
        assert_eq!(disk.files()[Path::new("/spool/reserve")].len(), 65 << 10);
        assert_eq!(disk.free(), Some(35 << 10));
        assert!(reserve.spend(&disk));
        assert_eq!(disk.free(), Some(100 << 10));
        assert!(!reserve.spend(&disk));
    }

    #[test]
    fn a_disk_without_room_for_it_is_left_as_it_was() {
        let disk = SimulatedDisk::default();
        disk.set_free(Some(4000));
        let mut reserve = Reserve::new(&Place::new(Path::new("/spool")), 64);
        reserve.hold(&disk);
        assert!(disk.files().is_empty());
        assert_eq!(disk.free(), Some(4000));
        assert!(!reserve.spend(&disk));
    }

    #[test]
    fn where_there_is_room_for_a_part_only_the_rest_is_taken_later() {
        let disk = SimulatedDisk::default();
        disk.set_free(Some(20 << 10));
        let mut reserve = Reserve::new(&Place::new(Path::new("/spool")), 64);
        let held = || disk.files()[Path::new("/spool/reserve")].len();
        reserve.hold(&disk);
        assert_eq!(held(), 65 << 8);
        disk.set_free(None);
        reserve.hold(&disk);
        assert_eq!(held(), 65 << 10);
    }
}
