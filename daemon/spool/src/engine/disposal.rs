//! What becomes of a closed segment: delivered and removed, tried again, or a dead letter.
//! Never removes a file before the tags in it are durable in the seen log, and never removes a
//! dead letter at all.

use super::Engine;
use crate::consumer::Fate;
use crate::medium::{Medium, remove_if_there, replace};
use crate::position::{FileState, Number, SegmentId};
use crate::refusal::{ConsumeError, DiskError};
use crate::seen::Left;
use crate::shelf::{Memory, Turn};
use std::io;
use std::path::Path;

/// The longest reason kept for one failed delivery, in characters.
const WHY_CHARS_MAX: usize = 400;

impl Engine {
    /// A receiver has the segment: remember its tags, then remove it.
    pub(crate) fn delivered(&mut self, id: &SegmentId) -> Result<(), ConsumeError> {
        let turn = self.turn(id).ok_or(ConsumeError::Unknown)?;
        let recorded = match self.leave(turn, Left::Delivered) {
            // What is removed below makes more room than this takes.
            Err(error) if error.is_full() && self.reserve.spend(&*self.medium) => {
                self.leave(turn, Left::Delivered)
            }
            outcome => outcome,
        };
        recorded.map_err(ConsumeError::Disk)?;
        // Of an attempt to bury it that the disk stopped half way.
        drop(remove_if_there(
            &*self.medium,
            &self.place.dead(turn.number, FileState::Reason),
        ));
        let path = self.place.segment(turn.number, FileState::Ready);
        remove_if_there(&*self.medium, &path)
            .map_err(|error| ConsumeError::Disk(DiskError::new("remove", &path, &error)))?;
        self.forget(turn);
        self.reserve.hold(&*self.medium);
        Ok(())
    }

    /// A delivery was refused: count it; after the last attempt the segment is a dead letter.
    pub(crate) fn failed(&mut self, id: &SegmentId, why: &str, now_ms: u64) -> Fate {
        let Some(turn) = self.turn(id) else {
            return Fate::DeadLettered;
        };
        let Some(waiting) = self.shelf.take(turn) else {
            return Fate::DeadLettered;
        };
        let attempts = turn.attempts.saturating_add(1);
        let turn = Turn { attempts, ..turn };
        self.shelf.put(turn, waiting);
        let path = self.place.segment(turn.number, FileState::Failures);
        let line = format!("attempt {attempts} at {now_ms} ms: {}\n", one_line(why));
        // A count that cannot be written stays counted in memory; a full disk must not make a
        // segment that nobody takes stand before the rest for ever.
        let counted = append_line(&*self.medium, &path, &line);
        if attempts < self.settings.attempts {
            drop(counted);
            return Fate::Retry;
        }
        match self.bury(turn, &line) {
            Ok(()) => Fate::DeadLettered,
            Err(_) => Fate::Retry,
        }
    }

    /// Reason first, then the tags, then the move: opening finishes what a crash interrupts.
    fn bury(&mut self, turn: Turn, last: &str) -> Result<(), DiskError> {
        let number = turn.number;
        let failures = self.place.segment(number, FileState::Failures);
        let told = self.medium.read(&failures, 0, u64::MAX);
        let mut text = told.unwrap_or_default();
        if !text.ends_with(last.as_bytes()) {
            text.extend_from_slice(last.as_bytes());
        }
        let reason = self.place.dead(number, FileState::Reason);
        replace(&*self.medium, &reason, &text)
            .map_err(|error| DiskError::new("write", &reason, &error))?;
        self.leave(turn, Left::Dead)?;
        self.move_to_dead(number)?;
        self.forget(turn);
        self.dead += 1;
        Ok(())
    }

    fn move_to_dead(&self, number: Number) -> Result<(), DiskError> {
        let from = self.place.segment(number, FileState::Ready);
        let to = self.place.dead(number, FileState::Ready);
        self.medium
            .rename(&from, &to)
            .map_err(|error| DiskError::new("rename", &from, &error))?;
        // It is moved. If a crash undoes that, the next opening finds the reason and moves it.
        for dir in [self.place.dead_dir(), self.place.segments()] {
            drop(self.medium.sync_dir(&dir));
        }
        Ok(())
    }

    /// Writes the tags to the seen log and the window, once.
    fn leave(&mut self, turn: Turn, how: Left) -> Result<(), DiskError> {
        let Some(waiting) = self.shelf.get(turn) else {
            return Ok(());
        };
        self.seen
            .record(&*self.medium, how, turn.number, &waiting.tags)?;
        let tags = waiting.tags.clone();
        if self.shelf.remembered(turn) == Memory::Due {
            self.window().left(turn.number, &tags);
        }
        Ok(())
    }

    /// The file is gone from the segments: its room is free.
    fn forget(&mut self, turn: Turn) {
        drop(self.shelf.take(turn));
        let failures = self.place.segment(turn.number, FileState::Failures);
        // One that stays is dropped at the next opening.
        drop(remove_if_there(&*self.medium, &failures));
        self.room.set_on_disk(self.bytes());
    }

    fn turn(&self, id: &SegmentId) -> Option<Turn> {
        if id.producer != self.settings.producer {
            return None;
        }
        let number = Number {
            epoch: id.epoch,
            segment: id.segment,
        };
        self.shelf.turn_of(number)
    }
}

/// A reason as one line of bounded length.
fn one_line(why: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    why.chars().take(WHY_CHARS_MAX).map(plain).collect()
}

fn append_line(medium: &dyn Medium, path: &Path, line: &str) -> io::Result<()> {
    let mut file = match medium.reopen(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = medium.create(path)?;
            path.parent().map_or(Ok(()), |dir| medium.sync_dir(dir))?;
            file
        }
        other => other?,
    };
    file.append(line.as_bytes())?;
    file.sync()
}
