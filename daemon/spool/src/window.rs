//! The memory against repeats: which tags are on disk, and where.
//! Never forgets a tag whose segment is still here; forgets delivered ones oldest first.

use crate::position::{Number, Position};
use cofferdam_seal::Tag;
use std::collections::{BTreeMap, VecDeque};

/// Tags of every record that is present, and of the latest that were delivered.
#[derive(Debug)]
pub(crate) struct Window {
    known: BTreeMap<Tag, Position>,
    recent: VecDeque<(Tag, Position)>,
    limit: usize,
}

impl Window {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            known: BTreeMap::new(),
            recent: VecDeque::new(),
            limit,
        }
    }

    /// Where the record with this tag stands, if it is on disk or was delivered lately.
    pub(crate) fn find(&self, tag: &Tag) -> Option<Position> {
        self.known.get(tag).copied()
    }

    /// The record is on disk. The first place of a tag stays its place.
    pub(crate) fn stored(&mut self, tag: Tag, position: Position) {
        self.known.entry(tag).or_insert(position);
    }

    /// The segment left: its tags are remembered as long as the window is long.
    pub(crate) fn left(&mut self, number: Number, tags: &[Tag]) {
        for (record, tag) in (0..).zip(tags) {
            let position = number.position(record);
            self.known.entry(*tag).or_insert(position);
            self.recent.push_back((*tag, position));
        }
        while self.recent.len() > self.limit {
            let Some((tag, position)) = self.recent.pop_front() else {
                return;
            };
            // A tag that came again after it was forgotten has a new place and stays.
            if self.known.get(&tag) == Some(&position) {
                self.known.remove(&tag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Number = Number {
        epoch: 1,
        segment: 1,
    };
    const SECOND: Number = Number {
        epoch: 1,
        segment: 2,
    };

    fn tag(byte: u8) -> Tag {
        [byte; 16]
    }

    #[test]
    fn a_stored_tag_is_found_where_it_was_first_stored() {
        let mut window = Window::new(4);
        window.stored(tag(1), FIRST.position(0));
        window.stored(tag(1), SECOND.position(9));
        assert_eq!(window.find(&tag(1)), Some(FIRST.position(0)));
        assert_eq!(window.find(&tag(2)), None);
    }

    #[test]
    fn delivered_tags_are_forgotten_oldest_first_and_present_ones_never() {
        let mut window = Window::new(2);
        window.stored(tag(9), SECOND.position(0));
        window.left(FIRST, &[tag(1), tag(2), tag(3)]);
        assert_eq!(window.find(&tag(1)), None);
        assert_eq!(window.find(&tag(2)), Some(FIRST.position(1)));
        assert_eq!(window.find(&tag(3)), Some(FIRST.position(2)));
        assert_eq!(window.find(&tag(9)), Some(SECOND.position(0)));
    }

    #[test]
    fn a_forgotten_tag_that_came_again_keeps_its_new_place() {
        let mut window = Window::new(1);
        window.left(FIRST, &[tag(1), tag(2)]);
        window.stored(tag(1), SECOND.position(0));
        window.left(FIRST, &[tag(3)]);
        assert_eq!(window.find(&tag(1)), Some(SECOND.position(0)));
    }
}
