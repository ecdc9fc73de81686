//! What an owner decides about its spool, and the bounds that hold whatever it decides.
//! Never reads a file and never touches the directory it names.

use std::path::PathBuf;
use std::time::Duration;

/// The longest payload of one record, in bytes. A longer one is refused at once.
pub const RECORD_BYTES_MAX: usize = cofferdam_seal::record::PLAIN_LIMIT;

/// The longest name of a producer, in bytes.
pub const PRODUCER_NAME_MAX: usize = 64;

/// The most records a segment may hold.
pub const SEGMENT_RECORDS_MAX: u64 = 1 << 20;

/// The most bytes a segment may be set to: opening a spool reads each segment whole.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// The settings of one spool.
///
/// Nothing has a silent default here: [`SpoolSettings::new`] writes the customary values, and a
/// caller changes what it knows better.
#[derive(Debug, Clone)]
pub struct SpoolSettings {
    /// The directory that belongs to this spool alone. Created with mode 0700 when it is missing.
    pub dir: PathBuf,
    /// The name under which a receiver knows this producer: `[a-z0-9.-]`, at most 64 bytes.
    pub producer: String,
    /// The context every segment's key is bound to, for example the destination bucket.
    pub context: Vec<u8>,
    /// A segment is closed when its file reaches this many bytes.
    pub segment_bytes: u64,
    /// A segment is closed when it holds this many records.
    pub segment_records: u64,
    /// A segment is closed when its first record is this old.
    pub segment_age: Duration,
    /// The high-water mark: above it producers wait. Dead letters do not count.
    pub capacity_bytes: u64,
    /// The deadline of every wait of a handle: for room, for the disk, for a segment.
    pub wait: Duration,
    /// Failed deliveries after which a segment is a dead letter. At least one.
    pub attempts: u32,
    /// How many tags of delivered records are remembered against repeats.
    pub seen_window: usize,
}

impl SpoolSettings {
    /// Customary settings: 8 MiB, 4,096 records and 5 s a segment, 1 GiB high water, waits of
    /// 20 s, 8 attempts, 65,536 tags remembered.
    #[must_use]
    pub fn new(dir: PathBuf, producer: impl Into<String>, context: impl Into<Vec<u8>>) -> Self {
        Self {
            dir,
            producer: producer.into(),
            context: context.into(),
            segment_bytes: 8 << 20,
            segment_records: 4096,
            segment_age: Duration::from_secs(5),
            capacity_bytes: 1 << 30,
            wait: Duration::from_secs(20),
            attempts: 8,
            seen_window: 65_536,
        }
    }

    /// The first setting no spool can honour, in words; `None` when all can be.
    pub(crate) fn fault(&self) -> Option<String> {
        let name = &self.producer;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if name.is_empty() || name.len() > PRODUCER_NAME_MAX || !name.chars().all(plain) {
            return Some(format!(
                "producer {name:?} is not 1 to 64 of a-z, 0-9, '-' and '.'"
            ));
        }
        let bounds = [
            (self.segment_bytes == 0, "segment-bytes is 0"),
            (self.segment_records == 0, "segment-records is 0"),
            (
                self.segment_records > SEGMENT_RECORDS_MAX,
                "segment-records is above 1,048,576",
            ),
            (
                self.segment_bytes > SEGMENT_BYTES_MAX,
                "segment-bytes is above 1 GiB",
            ),
            (self.segment_age.is_zero(), "segment-age is 0"),
            (self.wait.is_zero(), "wait is 0"),
            (self.attempts == 0, "attempts is 0"),
            (
                self.capacity_bytes < self.segment_bytes,
                "capacity-bytes is below segment-bytes",
            ),
        ];
        bounds
            .iter()
            .find(|(broken, _)| *broken)
            .map(|(_, what)| (*what).to_owned())
    }
}
