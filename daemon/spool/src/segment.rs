//! The segment that is being written: its sealer, its file, and what of it is acknowledged.
//! Never hands out its key, and never outlives an error: after one it is retired as it stands.

use crate::medium::{Appender, Medium, remove_if_there};
use crate::place::Place;
use crate::position::{FileState, Number};
use crate::refusal::DiskError;
use cofferdam_seal::{FernetKey, HEADER_LEN, ObjectId, RecordSealer, Tag, WrappedKey};
use std::io;

/// More than a sealed record adds to its payload: frame head, token and padding.
const FRAME_OVERHEAD: u64 = 160;

/// More than an empty segment takes: its header and its final record.
pub(crate) const EMPTY_BYTES: u64 = 512 + FRAME_OVERHEAD;

const _: () = assert!(HEADER_LEN == 512, "EMPTY_BYTES counts the header");

/// The room a payload needs on disk, rounded up.
pub(crate) fn sealed_bytes(payload: usize) -> u64 {
    u64::try_from(payload)
        .unwrap_or(u64::MAX)
        .saturating_add(FRAME_OVERHEAD)
}

/// The open segment.
pub(crate) struct OpenSegment {
    pub(crate) number: Number,
    /// When its first record came, for its age.
    pub(crate) opened_ms: u64,
    /// Tags of the acknowledged records, in order.
    pub(crate) tags: Vec<Tag>,
    /// The length of the file that is on disk and acknowledged.
    pub(crate) acknowledged: u64,
    file: Box<dyn Appender>,
    sealer: RecordSealer,
    /// Sealed and not yet written; begins with the header in a new segment.
    batch: Vec<u8>,
    batch_tags: Vec<Tag>,
}

impl OpenSegment {
    /// Creates the file; nothing is written before the first batch.
    pub(crate) fn begin(
        medium: &dyn Medium,
        place: &Place,
        number: Number,
        (key, wrapped): &(FernetKey, WrappedKey),
        (now_ms, context): (u64, &[u8]),
    ) -> Result<Self, DiskError> {
        let path = place.segment(number, FileState::Open);
        let file = medium
            .create(&path)
            .map_err(|error| DiskError::new("create", &path, &error))?;
        let id = ObjectId(number.object_id());
        let (sealer, batch) = RecordSealer::new(key, wrapped, id, now_ms / 1000, context);
        Ok(Self {
            number,
            opened_ms: now_ms,
            tags: Vec::new(),
            acknowledged: 0,
            file,
            sealer,
            batch,
            batch_tags: Vec::new(),
        })
    }

    /// Seals one record into the batch; answers its place in the segment.
    pub(crate) fn seal(&mut self, tag: &Tag, payload: &[u8]) -> Result<u64, String> {
        let record = self
            .sealer
            .seal(tag, payload, &mut self.batch)
            .map_err(|error| error.to_string())?;
        self.batch_tags.push(*tag);
        Ok(record)
    }

    /// Records that would be in the segment after the batch.
    pub(crate) fn records(&self) -> usize {
        self.tags.len() + self.batch_tags.len()
    }

    /// Bytes that would be in the segment after the batch.
    pub(crate) fn bytes(&self) -> u64 {
        self.acknowledged
            .saturating_add(u64::try_from(self.batch.len()).unwrap_or(u64::MAX))
    }

    /// One write, one sync; then the batch counts. After an error nothing of it does.
    pub(crate) fn commit(&mut self, medium: &dyn Medium, place: &Place) -> Result<(), DiskError> {
        let path = place.segment(self.number, FileState::Open);
        let first = self.acknowledged == 0;
        self.file
            .append(&self.batch)
            .map_err(|error| DiskError::new("write", &path, &error))?;
        self.file
            .sync()
            .map_err(|error| DiskError::new("sync", &path, &error))?;
        if first {
            let dir = place.segments();
            medium
                .sync_dir(&dir)
                .map_err(|error| DiskError::new("sync", &dir, &error))?;
        }
        self.acknowledged = self.bytes();
        self.tags.append(&mut self.batch_tags);
        self.batch.clear();
        Ok(())
    }

    /// Closes the segment: wipes the key, writes the final record. A final record that cannot be
    /// written is left out; the segment is then handed over unclosed, and nothing is lost.
    pub(crate) fn close(self) -> Retiring {
        let Self {
            number,
            tags,
            acknowledged,
            mut file,
            sealer,
            ..
        } = self;
        let mut end = Vec::new();
        sealer.finish(&mut end);
        let written = file.append(&end).and_then(|()| file.sync());
        let closed = written.is_ok();
        let end = u64::try_from(end.len()).unwrap_or(u64::MAX);
        let length = if closed {
            acknowledged.saturating_add(end)
        } else {
            acknowledged
        };
        let step = if closed { Step::Rename } else { Step::Cut };
        Retiring {
            number,
            tags,
            length,
            closed,
            file,
            step,
        }
    }

    /// Ends the segment after a disk error: wipes the key; the file will be cut back to what was
    /// acknowledged. It is not continued, because a place in the file must never be sealed twice.
    pub(crate) fn abandon(self) -> Retiring {
        let Self {
            number,
            tags,
            acknowledged,
            file,
            ..
        } = self;
        Retiring {
            number,
            tags,
            length: acknowledged,
            closed: false,
            file,
            step: Step::Cut,
        }
    }
}

/// A segment on its way from open to ready. Each step may fail and be tried again.
pub(crate) struct Retiring {
    pub(crate) number: Number,
    pub(crate) tags: Vec<Tag>,
    pub(crate) length: u64,
    pub(crate) closed: bool,
    file: Box<dyn Appender>,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Cut back to the acknowledged length and sync that.
    Cut,
    /// Give it the name of a ready segment, or remove it when it holds no record.
    Rename,
    /// Make the new name durable.
    SyncDir,
}

impl Retiring {
    /// Goes on from the step that failed last.
    pub(crate) fn advance(&mut self, medium: &dyn Medium, place: &Place) -> Result<(), DiskError> {
        let open = place.segment(self.number, FileState::Open);
        if self.step == Step::Cut {
            let cut = |file: &mut Box<dyn Appender>| -> io::Result<()> {
                file.cut(self.length)?;
                file.sync()
            };
            cut(&mut self.file).map_err(|error| DiskError::new("cut", &open, &error))?;
            self.step = Step::Rename;
        }
        if self.step == Step::Rename {
            if self.tags.is_empty() {
                remove_if_there(medium, &open)
                    .map_err(|error| DiskError::new("remove", &open, &error))?;
            } else {
                let ready = place.segment(self.number, FileState::Ready);
                medium
                    .rename(&open, &ready)
                    .map_err(|error| DiskError::new("rename", &open, &error))?;
            }
            self.step = Step::SyncDir;
        }
        let dir = place.segments();
        medium
            .sync_dir(&dir)
            .map_err(|error| DiskError::new("sync", &dir, &error))
    }
}
