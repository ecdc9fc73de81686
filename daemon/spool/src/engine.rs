//! The owner of a spool's files: takes records and verdicts, keeps every promise about them.
//! Synchronous and alone: no channel, no task, no clock of its own; `owner` drives it.
//! Never answers a record before it is on disk, and never continues a segment after an error.

mod disposal;
mod run;
mod space;

use crate::consumer::Segment;
use crate::medium::Medium;
use crate::place::Place;
use crate::position::{FileState, Number, SegmentId};
use crate::producer::{Depth, Put};
use crate::recovery::Recovered;
use crate::refusal::{DiskError, PutError};
use crate::reserve::Reserve;
use crate::room::Room;
use crate::seen::SeenLog;
use crate::segment::{OpenSegment, Retiring};
use crate::settings::SpoolSettings;
use crate::shelf::{Memory, Shelf, Turn, Waiting, count};
use crate::window::Window;
use cofferdam_seal::{FernetKey, Tag, WrappedKey, Zeroizing};
use run::Run;
use space::Space;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a record is answered; called exactly once, when its fate is durable.
pub(crate) type Answer = Box<dyn FnOnce(Result<Put, PutError>) + Send>;

/// A record on its way to the disk.
pub(crate) struct Pending {
    pub(crate) tag: Tag,
    pub(crate) payload: Zeroizing<Vec<u8>>,
    pub(crate) answer: Answer,
}

/// What the engine needs before it can go on.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The queue is empty.
    Done,
    /// The queue waits for [`Engine::offer_key`] or [`Engine::refuse`].
    NeedsKey,
}

/// Records in one batch at most, so that one sync is never behind an unbounded seal.
const BATCH_RECORDS: usize = 16_384;

/// The state of one spool.
pub(crate) struct Engine {
    medium: Arc<dyn Medium>,
    place: Place,
    settings: SpoolSettings,
    epoch: u64,
    next_segment: u64,
    key: Option<(FernetKey, WrappedKey)>,
    open: Option<OpenSegment>,
    /// A segment the disk did not let go yet. While it is here nothing is stored.
    retiring: Option<Retiring>,
    space: Space,
    shelf: Shelf,
    seen: SeenLog,
    reserve: Reserve,
    window: Arc<Mutex<Window>>,
    room: Arc<Room>,
    dead: u64,
    closed: bool,
}

impl Engine {
    pub(crate) fn new(
        medium: Arc<dyn Medium>,
        place: Place,
        settings: SpoolSettings,
        recovered: Recovered,
    ) -> Self {
        let Recovered {
            shelf,
            window,
            seen,
            recovery,
            ..
        } = recovered;
        let on_disk = shelf.bytes();
        let mut reserve = Reserve::new(&place, settings.segment_records);
        reserve.hold(&*medium);
        Self {
            medium,
            place,
            epoch: recovery.epoch,
            next_segment: 1,
            key: None,
            open: None,
            retiring: None,
            space: Space::Enough,
            shelf,
            seen,
            reserve,
            window: Arc::new(Mutex::new(window)),
            room: Room::new(settings.capacity_bytes, on_disk),
            dead: recovery.dead,
            closed: false,
            settings,
        }
    }

    /// How long the owner may sleep; `None` when nothing waits for time to pass.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let waits = self.open.is_some() || self.retiring.is_some();
        waits.then_some(self.settings.segment_age)
    }

    pub(crate) fn shared_window(&self) -> Arc<Mutex<Window>> {
        Arc::clone(&self.window)
    }

    pub(crate) fn shared_room(&self) -> Arc<Room> {
        Arc::clone(&self.room)
    }

    /// Stores what waits, in order, until the queue is empty or a key is needed.
    pub(crate) fn commit(&mut self, queue: &mut VecDeque<Pending>, now_ms: u64) -> Progress {
        while !queue.is_empty() {
            if self.closed {
                Self::refuse(queue, &PutError::Closed);
                return Progress::Done;
            }
            if let Err(error) = self.mend() {
                Self::refuse(queue, &PutError::Disk(error));
                return Progress::Done;
            }
            if self.open.is_none() {
                // Repeats need no key.
                self.answer_repeats(queue);
                if queue.is_empty() {
                    return Progress::Done;
                }
                if let Err(error) = self.try_full_disk(queue) {
                    Self::refuse(queue, &PutError::Disk(error));
                    return Progress::Done;
                }
                let Some(key) = self.key.take() else {
                    return Progress::NeedsKey;
                };
                if let Err(error) = self.begin(&key, now_ms) {
                    // Nothing was sealed with the key; it stays good for the next try.
                    self.key = Some(key);
                    Self::refuse(queue, &PutError::Disk(error));
                    return Progress::Done;
                }
            }
            self.store_run(queue);
        }
        Progress::Done
    }

    /// The key [`Progress::NeedsKey`] asked for.
    pub(crate) fn offer_key(&mut self, key: (FernetKey, WrappedKey)) {
        self.key = Some(key);
    }

    /// Refuses everything that waits, for one reason.
    pub(crate) fn refuse(queue: &mut VecDeque<Pending>, why: &PutError) {
        for pending in queue.drain(..) {
            (pending.answer)(Err(why.clone()));
        }
    }

    /// Closes the open segment, so that it can be delivered.
    pub(crate) fn flush(&mut self) -> Result<Option<SegmentId>, DiskError> {
        self.mend()?;
        let Some(open) = self.open.take() else {
            return Ok(None);
        };
        let id = self.id(open.number);
        self.retiring = Some(open.close());
        self.mend()?;
        Ok(Some(id))
    }

    /// Closes the open segment and refuses every later record.
    pub(crate) fn close(&mut self) -> Result<(), DiskError> {
        self.closed = true;
        self.key = None;
        self.flush().map(|_| ())
    }

    /// Whether the spool was closed and everything in it left.
    pub(crate) fn is_drained(&self) -> bool {
        self.closed && self.open.is_none() && self.retiring.is_none() && self.shelf.is_empty()
    }

    /// Closes the open segment when it is old enough, and tries again what the disk refused.
    pub(crate) fn tick(&mut self, now_ms: u64) -> Result<(), DiskError> {
        self.mend()?;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        // A clock that was set back must not keep the segment open for longer than one age more.
        open.opened_ms = open.opened_ms.min(now_ms);
        let age = u128::from(now_ms - open.opened_ms);
        if age < self.settings.segment_age.as_millis() {
            return Ok(());
        }
        self.flush().map(|_| ())
    }

    /// How full the spool is.
    pub(crate) fn depth(&self) -> Depth {
        let open = self.open.as_ref().map_or(0, |open| count(&open.tags));
        let retiring = self
            .retiring
            .as_ref()
            .map_or(0, |segment| count(&segment.tags));
        Depth {
            bytes: self.bytes(),
            capacity_bytes: self.settings.capacity_bytes,
            segments: self.shelf.segments(),
            records: self.shelf.records() + open + retiring,
            dead: self.dead,
        }
    }

    /// The segment whose turn it is.
    pub(crate) fn head(&self) -> Option<Segment> {
        let (turn, waiting) = self.shelf.first()?;
        Some(Segment {
            id: self.id(turn.number),
            path: self.place.segment(turn.number, FileState::Ready),
            records: count(&waiting.tags),
            closed: waiting.closed,
            bytes: waiting.bytes,
        })
    }

    fn id(&self, number: Number) -> SegmentId {
        let producer = self.settings.producer.clone();
        SegmentId {
            producer,
            epoch: number.epoch,
            segment: number.segment,
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |open| open.acknowledged);
        self.shelf.bytes() + open + self.retiring.as_ref().map_or(0, |segment| segment.length)
    }

    fn answer_repeats(&self, queue: &mut VecDeque<Pending>) {
        let window = self.window();
        let (repeats, rest): (VecDeque<_>, VecDeque<_>) = queue
            .drain(..)
            .partition(|pending| window.find(&pending.tag).is_some());
        for pending in repeats {
            let place = window.find(&pending.tag).map(Put::Duplicate);
            (pending.answer)(place.ok_or(PutError::Closed));
        }
        *queue = rest;
    }

    fn begin(&mut self, key: &(FernetKey, WrappedKey), now_ms: u64) -> Result<(), DiskError> {
        let number = Number {
            epoch: self.epoch,
            segment: self.next_segment,
        };
        let at = (now_ms, self.settings.context.as_slice());
        let open = OpenSegment::begin(&*self.medium, &self.place, number, key, at)
            .inspect_err(|error| self.space = Space::after(error))?;
        self.next_segment += 1;
        self.open = Some(open);
        Ok(())
    }

    /// Seals records from the front of the queue until the segment is full or the queue empty,
    /// commits them together, and answers them.
    fn store_run(&mut self, queue: &mut VecDeque<Pending>) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        let mut run = Run::default();
        while !self.is_full(&open) && run.len() < BATCH_RECORDS {
            let Some(pending) = queue.pop_front() else {
                break;
            };
            let known = self.window().find(&pending.tag);
            run.add(pending, &mut open, known);
        }
        if run.stored.is_empty() {
            run.settle(Ok(()));
            self.open = Some(open);
            return;
        }
        let outcome = open.commit(&*self.medium, &self.place);
        if let Err(error) = &outcome {
            self.space = Space::after(error);
            self.retiring = Some(open.abandon());
            // Mended now if the disk allows, so that what it holds can be delivered and removed.
            drop(self.mend());
        } else {
            let mut window = self.window();
            for (tag, record) in &run.stored {
                window.stored(*tag, open.number.position(*record));
            }
            drop(window);
            self.keep_or_close(open);
        }
        self.room.set_on_disk(self.bytes());
        run.settle(outcome);
    }

    fn keep_or_close(&mut self, open: OpenSegment) {
        if self.is_full(&open) {
            self.retiring = Some(open.close());
            // The records are acknowledged either way; a disk that refuses is tried again.
            drop(self.mend());
        } else {
            self.open = Some(open);
        }
    }

    fn is_full(&self, open: &OpenSegment) -> bool {
        let records = u64::try_from(open.records()).unwrap_or(u64::MAX);
        records >= self.settings.segment_records || open.bytes() >= self.settings.segment_bytes
    }

    /// Finishes the retirement the disk interrupted.
    fn mend(&mut self) -> Result<(), DiskError> {
        let Some(mut retiring) = self.retiring.take() else {
            return Ok(());
        };
        if let Err(error) = retiring.advance(&*self.medium, &self.place) {
            self.retiring = Some(retiring);
            return Err(error);
        }
        let Retiring {
            number,
            tags,
            length,
            closed,
            ..
        } = retiring;
        if !tags.is_empty() {
            let waiting = Waiting {
                closed,
                bytes: length,
                tags,
                memory: Memory::Due,
            };
            self.shelf.put(
                Turn {
                    attempts: 0,
                    number,
                },
                waiting,
            );
        }
        self.room.set_on_disk(self.bytes());
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod rig;
#[cfg(test)]
mod tests;
