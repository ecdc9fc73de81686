//! The bare disk, to compare a spool's own rate with.
//! Never seals, never acknowledges: it only writes and syncs as a spool does.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Records per second the disk under `dir` commits when `batch` records of `payload_len` bytes
/// are written and synced together, until at least `records` are on disk.
///
/// The bytes are random-looking and plain; the file is removed. `now` is a clock that only
/// rises.
///
/// # Errors
/// The first error of the file, or `InvalidInput` for an empty measurement, or for a clock that
/// stands still.
pub fn probe_commit_rate(
    dir: &Path,
    batch: u32,
    records: u32,
    payload_len: usize,
    mut now: impl FnMut() -> Duration,
) -> io::Result<f64> {
    if batch == 0 || records == 0 || payload_len == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let length = usize::try_from(batch)
        .unwrap_or(usize::MAX)
        .saturating_mul(payload_len);
    let bytes = noise(length);
    let path = dir.join("commit-rate.probe");
    let mut file = File::options().append(true).create_new(true).open(&path)?;
    let commits = records.div_ceil(batch);
    let mut measure = || {
        let begin = now();
        for _ in 0..commits {
            file.write_all(&bytes)?;
            file.sync_data()?;
        }
        io::Result::Ok(now().saturating_sub(begin))
    };
    let outcome = measure();
    fs::remove_file(&path)?;
    let seconds = outcome?.as_secs_f64();
    if seconds <= 0.0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(f64::from(commits) * f64::from(batch) / seconds)
}

/// Bytes that no file system compresses away.
fn noise(length: usize) -> Vec<u8> {
    // Marsaglia's xorshift64.
    let words = std::iter::successors(Some(0x9e37_79b9_7f4a_7c15_u64), |word| {
        let word = word ^ (word << 13);
        let word = word ^ (word >> 7);
        Some(word ^ (word << 17))
    });
    words.flat_map(u64::to_le_bytes).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that shows one second more at every look.
    fn seconds() -> impl FnMut() -> Duration {
        let mut shown = 0;
        move || {
            shown += 1;
            Duration::from_secs(shown)
        }
    }

    #[test]
    fn the_rate_counts_whole_batches_over_the_time_the_clock_showed() {
        let dir = tempfile::tempdir().expect("a directory");
        let rate = probe_commit_rate(dir.path(), 64, 100, 10, seconds()).expect("a rate");
        assert!((rate - 128.0).abs() < 1e-9, "{rate}");
        assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 0);
    }

    #[test]
    fn an_empty_measurement_and_a_clock_that_stands_still_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        for (batch, records, payload) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
            assert!(probe_commit_rate(dir.path(), batch, records, payload, seconds()).is_err());
        }
        let still = || Duration::from_secs(1);
        assert!(probe_commit_rate(dir.path(), 1, 1, 1, still).is_err());
        assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 0);
    }

    #[test]
    fn the_bytes_written_are_as_many_as_asked_and_not_all_alike() {
        let bytes = noise(1001);
        assert_eq!(bytes.len(), 1001);
        assert!(
            bytes
                .windows(16)
                .all(|window| window.iter().any(|byte| *byte != window[0]))
        );
    }
}
