//! The one thread that owns a log: takes all entries that wait, writes them in one frame, waits for
//! the disk once, then answers all. After the first error it answers nothing but errors.

mod answer;
mod log;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

pub(crate) use answer::{Answer, Shared};
pub(crate) use log::Log;

use crate::clock::monotonic;
use crate::publish::{Publication, Publisher};
use crate::{AppendError, AppendErrorKind, Checkpoint, Receipt};

/// The most leaves of one frame.
const BATCH_LEAVES: usize = 4096;
/// A frame is closed once it has this many bytes.
const BATCH_BYTES: usize = 4 << 20;
/// How many publications may be under way or waiting.
const PUBLICATIONS: usize = 2;
/// Once this many bundles wait to be published, entries wait too.
const UNPUBLISHED_BUNDLES: usize = 256;
/// How long to wait before asking again whether the publisher is free.
const PUBLISHER_BUSY: Duration = Duration::from_millis(5);

/// Whoever waits for a checkpoint.
pub(crate) type CheckpointAnswer = SyncSender<Result<Checkpoint, AppendError>>;

/// What the handle asks of the writer.
#[derive(Debug)]
pub(crate) enum Command {
    /// A rendered entry.
    Append {
        /// The line without its sequence.
        line: Vec<u8>,
        /// Who waits.
        answer: Answer,
    },
    /// A checkpoint over everything before it.
    Publish(CheckpointAnswer),
    /// The last checkpoint.
    Close(CheckpointAnswer),
}

/// Whether the writer goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

/// The thread's state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: Receiver<Command>,
    log: Log,
    waiting: Vec<Answer>,
    publications: Option<SyncSender<(Publication, Option<CheckpointAnswer>)>>,
    publisher: Option<JoinHandle<()>>,
    publish_every: Duration,
    wal_limit_bytes: u64,
    _lock: File,
    /// When the last publication was handed over, and how many leaves it had.
    handed: (Instant, u64),
}

/// What a writer is made of.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Receiver<Command>,
    pub(crate) log: Log,
    pub(crate) publisher: Publisher,
    pub(crate) publish_every: Duration,
    pub(crate) wal_limit_bytes: u64,
    /// Held as long as the writer runs, so that nobody else opens the log.
    pub(crate) lock: File,
}

/// Starts the writer and its publisher.
pub(crate) fn start(parts: Parts) -> io::Result<JoinHandle<()>> {
    let Parts {
        shared,
        queue,
        log,
        publisher,
        publish_every,
        wal_limit_bytes,
        lock,
    } = parts;
    let (publications, orders) = std::sync::mpsc::sync_channel(PUBLICATIONS);
    let publisher_shared = Arc::clone(&shared);
    let publisher = Builder::new()
        .name("trail-publisher".to_owned())
        .spawn(move || publish_all(publisher, &orders, &publisher_shared))?;
    let handed = (monotonic(), log.size());
    let writer = Writer {
        shared,
        queue,
        log,
        waiting: Vec::new(),
        publications: Some(publications),
        publisher: Some(publisher),
        publish_every,
        wal_limit_bytes,
        _lock: lock,
        handed,
    };
    Builder::new()
        .name("trail-writer".to_owned())
        .spawn(move || writer.run())
}

impl Writer {
    fn run(mut self) {
        loop {
            let command = match self.due_in() {
                None => self
                    .queue
                    .recv()
                    .map_err(|_gone| RecvTimeoutError::Disconnected),
                Some(wait) => self.queue.recv_timeout(wait),
            };
            let next = match command {
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => Next::GoOn,
                Err(RecvTimeoutError::Disconnected) => {
                    self.close(None);
                    Next::Stop
                }
            };
            if next == Next::Stop {
                return;
            }
            self.publish_if_due();
            self.shorten_wal();
        }
    }

    /// Takes the command and all entries that wait behind it, commits them, and obeys the first
    /// command that is not an entry.
    fn take(&mut self, first: Command) -> Next {
        let mut command = Some(first);
        loop {
            match command {
                Some(Command::Append { line, answer }) => {
                    self.log.add(&line);
                    self.waiting.push(answer);
                }
                Some(Command::Publish(answer)) => {
                    self.commit();
                    self.hand_over(Some(answer));
                    return Next::GoOn;
                }
                Some(Command::Close(answer)) => {
                    self.commit();
                    self.close(Some(answer));
                    return Next::Stop;
                }
                None => {
                    self.commit();
                    return Next::GoOn;
                }
            }
            let full = self.waiting.len() >= BATCH_LEAVES || self.log.pending() >= BATCH_BYTES;
            command = if full {
                None
            } else {
                self.queue.try_recv().ok()
            };
        }
    }

    /// Makes the pending entries durable and answers whoever waits for them.
    fn commit(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let committed = match self.shared.shut() {
            Ok(()) => self.log.commit().map_err(|kind| self.shared.poison(kind)),
            Err(error) => Err(error),
        };
        let answers = mem::take(&mut self.waiting);
        match committed {
            Ok(first) => {
                for (answer, (index, leaf_hash)) in answers.into_iter().zip(self.log.hashes(first))
                {
                    let origin = self.shared.origin.clone();
                    answer.give(Ok(Receipt {
                        index,
                        leaf_hash,
                        origin,
                    }));
                }
                self.log.absorb();
            }
            Err(error) => {
                self.log.forget();
                for answer in answers {
                    answer.give(Err(error.clone()));
                }
            }
        }
    }

    /// How long until a publication is due; `None` while nothing is unpublished.
    fn due_in(&self) -> Option<Duration> {
        let (at, size) = self.handed;
        if self.log.size() == size || self.shared.shut().is_err() {
            return None;
        }
        let left = self
            .publish_every
            .saturating_sub(monotonic().duration_since(at));
        Some(if self.publisher_is_free() {
            left
        } else {
            left.max(PUBLISHER_BUSY)
        })
    }

    fn publish_if_due(&mut self) {
        let due = self.due_in() == Some(Duration::ZERO) && self.publisher_is_free();
        if due || self.log.unpublished() >= UNPUBLISHED_BUNDLES {
            self.hand_over(None);
        }
    }

    fn publisher_is_free(&self) -> bool {
        self.shared.in_flight.load(Ordering::Acquire) < PUBLICATIONS
    }

    /// Gives the publisher everything new; waits for it only where too much waits already.
    fn hand_over(&mut self, answer: Option<CheckpointAnswer>) {
        if let Err(error) = self.shared.shut() {
            return reply(answer, Err(error));
        }
        let publication = self.log.publication();
        self.handed = (monotonic(), publication.checkpoint.size);
        self.shared.in_flight.fetch_add(1, Ordering::AcqRel);
        let Some(publications) = &self.publications else {
            return;
        };
        if let Err(unsent) = publications.send((publication, answer)) {
            // The publisher is gone without having said why: it must have panicked.
            let gone = AppendErrorKind::Publish("the publisher stopped".to_owned());
            reply(unsent.0.1, Err(self.shared.poison(gone)));
        }
    }

    /// Starts a new `wal` where the old one is long and most of it is published.
    fn shorten_wal(&mut self) {
        let published = self.shared.published.load(Ordering::Acquire);
        let long = self.log.release(published) > self.wal_limit_bytes;
        if long
            && self.shared.shut().is_ok()
            && let Err(kind) = self.log.shorten(published)
        {
            // Nobody waits now; whoever appends next is told.
            self.shared.poison(kind);
        }
    }

    /// Publishes what is left and waits until it is published.
    fn close(&mut self, answer: Option<CheckpointAnswer>) {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.hand_over(Some(sender));
        let last = receiver.recv().unwrap_or_else(|_gone| {
            let gone = AppendErrorKind::Publish("the publisher stopped".to_owned());
            Err(self.shared.poison(gone))
        });
        drop(self.publications.take());
        if let Some(publisher) = self.publisher.take()
            && publisher.join().is_err()
        {
            self.shared.poison(AppendErrorKind::Publish(
                "the publisher panicked".to_owned(),
            ));
        }
        reply(answer, last);
    }
}

/// Answers, unless whoever asked has gone away; then nobody is left to be told.
fn reply(answer: Option<CheckpointAnswer>, result: Result<Checkpoint, AppendError>) {
    if let Some(answer) = answer {
        answer.send(result).ok();
    }
}

/// The publisher's thread: one publication after the other, none after an error.
fn publish_all(
    mut publisher: Publisher,
    orders: &Receiver<(Publication, Option<CheckpointAnswer>)>,
    shared: &Shared,
) {
    for (publication, answer) in orders {
        let checkpoint = publication.checkpoint.clone();
        let result = shared.shut().and_then(|()| {
            publisher
                .publish(&publication)
                .map_err(|error| shared.poison(AppendErrorKind::Publish(error.to_string())))
        });
        if result.is_ok() {
            shared.published.store(checkpoint.size, Ordering::Release);
        }
        shared.in_flight.fetch_sub(1, Ordering::AcqRel);
        reply(answer, result.map(|()| checkpoint));
    }
}

#[cfg(test)]
mod tests;
