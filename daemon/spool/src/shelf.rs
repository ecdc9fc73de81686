//! The closed segments that wait for delivery, in the order of their turns.
//! Never touches their files.

use crate::position::Number;
use cofferdam_seal::Tag;
use std::collections::BTreeMap;

/// A segment that waits for delivery.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) closed: bool,
    pub(crate) bytes: u64,
    pub(crate) tags: Vec<Tag>,
    pub(crate) memory: Memory,
}

/// Whether the seen log holds the tags of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Not yet: it was not delivered.
    Due,
    /// Yes: only its file is left to move or remove.
    Kept,
}

/// Failed deliveries first, so that a segment that fails steps behind those that did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    pub(crate) attempts: u32,
    pub(crate) number: Number,
}

/// Every segment that waits, and their sums.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    waiting: BTreeMap<Turn, Waiting>,
    bytes: u64,
    records: u64,
}

impl Shelf {
    pub(crate) fn put(&mut self, turn: Turn, segment: Waiting) {
        self.bytes += segment.bytes;
        self.records += count(&segment.tags);
        let former = self.waiting.insert(turn, segment);
        debug_assert!(former.is_none(), "a number is given once");
    }

    pub(crate) fn take(&mut self, turn: Turn) -> Option<Waiting> {
        let segment = self.waiting.remove(&turn)?;
        self.bytes -= segment.bytes;
        self.records -= count(&segment.tags);
        Some(segment)
    }

    /// The segment whose turn it is.
    pub(crate) fn first(&self) -> Option<(Turn, &Waiting)> {
        self.waiting
            .first_key_value()
            .map(|(turn, segment)| (*turn, segment))
    }

    pub(crate) fn turn_of(&self, number: Number) -> Option<Turn> {
        self.waiting
            .keys()
            .find(|turn| turn.number == number)
            .copied()
    }

    pub(crate) fn get(&self, turn: Turn) -> Option<&Waiting> {
        self.waiting.get(&turn)
    }

    /// The tags of the segment are in the seen log now; answers whether they were not before.
    pub(crate) fn remembered(&mut self, turn: Turn) -> Memory {
        let memory = self
            .waiting
            .get_mut(&turn)
            .map(|segment| &mut segment.memory);
        memory.map_or(Memory::Kept, |memory| {
            std::mem::replace(memory, Memory::Kept)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn segments(&self) -> u64 {
        u64::try_from(self.waiting.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn records(&self) -> u64 {
        self.records
    }
}

pub(crate) fn count(tags: &[Tag]) -> u64 {
    u64::try_from(tags.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(bytes: u64, records: usize) -> Waiting {
        Waiting {
            closed: true,
            bytes,
            tags: vec![[0; 16]; records],
            memory: Memory::Due,
        }
    }

    fn turn(attempts: u32, segment: u64) -> Turn {
        Turn {
            attempts,
            number: Number { epoch: 1, segment },
        }
    }

    #[test]
    fn the_oldest_of_those_that_failed_least_is_first_and_the_sums_follow() {
        let mut shelf = Shelf::default();
        shelf.put(turn(1, 1), segment(10, 1));
        shelf.put(turn(0, 3), segment(20, 2));
        shelf.put(turn(0, 2), segment(30, 3));
        assert_eq!(
            (shelf.segments(), shelf.bytes(), shelf.records()),
            (3, 60, 6)
        );
        let mut order = Vec::new();
        while let Some((first, _)) = shelf.first() {
            shelf.take(first);
            order.push(first.number.segment);
        }
        assert_eq!(order, [2, 3, 1]);
        assert_eq!(
            (shelf.segments(), shelf.bytes(), shelf.records()),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_segment_is_remembered_once() {
        let mut shelf = Shelf::default();
        shelf.put(turn(0, 1), segment(10, 1));
        assert_eq!(shelf.remembered(turn(0, 1)), Memory::Due);
        assert_eq!(shelf.remembered(turn(0, 1)), Memory::Kept);
    }
}
