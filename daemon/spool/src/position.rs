//! The names of things in a spool: segments, the places of records, and the file names of both.
//! Never opens a file; a name it does not know is not ours.

use std::fmt;

/// The largest epoch and the largest segment number: ten digits, as file names carry them.
pub(crate) const NUMBER_MAX: u64 = 9_999_999_999;

/// Where a record stands. A receiver that remembers it drops repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The opening of the spool in which the record was written.
    pub epoch: u64,
    /// The segment within the epoch, from 1.
    pub segment: u64,
    /// The record within the segment, from 0.
    pub record: u64,
}

/// Which segment this is, unique over all segments a producer ever made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentId {
    /// The name of the producer, from its settings.
    pub producer: String,
    /// The opening of the spool in which the segment was written.
    pub epoch: u64,
    /// The segment within the epoch, from 1.
    pub segment: u64,
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{:010}/{:010}",
            self.producer, self.epoch, self.segment
        )
    }
}

/// A segment's number within one spool, where the producer's name is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    pub(crate) epoch: u64,
    pub(crate) segment: u64,
}

impl Number {
    pub(crate) fn file_name(self, state: FileState) -> String {
        format!("{:010}-{:010}.{}", self.epoch, self.segment, state.suffix())
    }

    pub(crate) fn position(self, record: u64) -> Position {
        Position {
            epoch: self.epoch,
            segment: self.segment,
            record,
        }
    }

    /// The object id the segment is sealed under: its own number, so that a file under another
    /// segment's name is noticed by whoever opens it.
    pub(crate) fn object_id(self) -> [u8; 16] {
        let mut id = [0; 16];
        let (epoch, segment) = id.split_at_mut(8);
        epoch.copy_from_slice(&self.epoch.to_be_bytes());
        segment.copy_from_slice(&self.segment.to_be_bytes());
        id
    }
}

/// What a file beside a segment's number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileState {
    /// Still being written, or left behind by a crash: its tail may be torn.
    Open,
    /// Waiting to be delivered: its tail was intact when it got this name.
    Ready,
    /// The failed deliveries of a segment, one line each.
    Failures,
    /// Why a segment is a dead letter.
    Reason,
}

impl FileState {
    const ALL: [Self; 4] = [Self::Open, Self::Ready, Self::Failures, Self::Reason];

    fn suffix(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ready => "ready",
            Self::Failures => "failures",
            Self::Reason => "reason",
        }
    }
}

/// Reads a name that [`Number::file_name`] wrote; `None` for every other name.
pub(crate) fn parse_file_name(name: &str) -> Option<(Number, FileState)> {
    let (stem, suffix) = name.split_once('.')?;
    let (epoch, segment) = stem.split_once('-')?;
    let state = FileState::ALL
        .into_iter()
        .find(|state| state.suffix() == suffix)?;
    let number = Number {
        epoch: digits(epoch)?,
        segment: digits(segment)?,
    };
    Some((number, state))
}

fn digits(text: &str) -> Option<u64> {
    let ten = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    ten.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_reads_back_as_the_number_and_state_it_was_made_of() {
        for state in FileState::ALL {
            let number = Number {
                epoch: 1_764_000_000,
                segment: 7,
            };
            assert_eq!(
                parse_file_name(&number.file_name(state)),
                Some((number, state))
            );
        }
    }

    #[test]
    fn a_name_of_another_shape_is_not_ours() {
        for name in [
            "",
            "epoch",
            "seen",
            "1-1.open",
            "0000000001-0000000001",
            "0000000001-0000000001.tar",
            "+000000001-0000000001.open",
            "0000000001-0000000001.open.new",
            "0000000001_0000000001.ready",
            "00000000001-0000000001.ready",
        ] {
            assert_eq!(parse_file_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_segment_id_prints_as_the_path_a_receiver_stores_it_under() {
        let id = SegmentId {
            producer: "in1".to_owned(),
            epoch: 12,
            segment: 3,
        };
        assert_eq!(id.to_string(), "in1/0000000012/0000000003");
    }
}
