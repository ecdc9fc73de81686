//! The one thread that owns a spool's files, and the channel its handles speak to it over.
//! Never decides what a record's fate is: that is `engine`. Never waits for a key: it goes on
//! serving the consumer while a second thread fetches one.

use crate::consumer::{Consumer, Fate, Segment};
use crate::engine::{Engine, Pending, Progress};
use crate::key_source::{KeySource, KeySourceError};
use crate::medium::Hold;
use crate::position::SegmentId;
use crate::producer::{Depth, Producer};
use crate::refusal::{ConsumeError, DiskError, PutError};
use crate::room::Room;
use crate::spool::Clock;
use crate::window::Window;
use cofferdam_seal::{FernetKey, WrappedKey};
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Payload that may wait for the owner thread at once, in KiB; a record counts one at least.
pub(crate) const QUEUE_KIB: u32 = 32 << 10;

/// How long the owner thread sleeps when nothing but a command can change anything.
const REST: Duration = Duration::from_mins(1);

/// The longest it sleeps otherwise, so that age and mending do not wait for traffic.
const IDLE: Duration = Duration::from_millis(500);

/// The shortest, so that a tiny age does not make it spin.
const BUSY: Duration = Duration::from_millis(5);

pub(crate) enum Command {
    Put(Pending),
    Flush(oneshot::Sender<Result<Option<SegmentId>, DiskError>>),
    Close(oneshot::Sender<Result<(), DiskError>>),
    /// A producer waits for room: what is in the open segment should leave.
    Pressure,
    Next(oneshot::Sender<Result<Segment, ConsumeError>>),
    Delivered(SegmentId, oneshot::Sender<Result<(), ConsumeError>>),
    Failed(SegmentId, String, oneshot::Sender<Fate>),
    Key(Result<(FernetKey, WrappedKey), KeySourceError>),
    /// The last handle is gone.
    Abandoned,
}

/// What every handle shares. When the last one goes, the owner thread ends, the open segment
/// staying as it is: only `close` and `flush` close it.
pub(crate) struct Shared {
    commands: Sender<Command>,
    pub(crate) queue: Semaphore,
    pub(crate) room: Arc<Room>,
    pub(crate) wait: Duration,
    window: Arc<Mutex<Window>>,
    depth: Arc<Mutex<Depth>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("depth", &self.depth())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// `false`: the owner thread is gone.
    pub(crate) fn send(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    /// Asks for the open segment to be closed, so that it can leave.
    pub(crate) fn relieve(&self) {
        self.send(Command::Pressure);
    }

    pub(crate) fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn depth(&self) -> Depth {
        *self.depth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // An owner thread that is gone already needs no notice.
        drop(self.commands.send(Command::Abandoned));
    }
}

pub(crate) struct Handles {
    pub(crate) producer: Producer,
    pub(crate) consumer: Consumer,
}

/// Starts the owner thread.
pub(crate) fn start(
    engine: Engine,
    hold: Box<dyn Hold>,
    (keys, clock): (Arc<dyn KeySource>, Clock),
    wait: Duration,
) -> io::Result<Handles> {
    let (commands, inbox) = mpsc::channel();
    let depth = Arc::new(Mutex::new(engine.depth()));
    let shared = Shared {
        commands: commands.clone(),
        queue: Semaphore::new(usize::try_from(QUEUE_KIB).unwrap_or(Semaphore::MAX_PERMITS)),
        room: engine.shared_room(),
        wait,
        window: engine.shared_window(),
        depth: Arc::clone(&depth),
    };
    let owner = Owner {
        engine,
        keys,
        clock,
        commands,
        depth,
        queue: VecDeque::new(),
        desk: Desk::default(),
        fetching: false,
        _hold: hold,
    };
    thread::Builder::new()
        .name("spool".to_owned())
        .spawn(move || owner.run(&inbox))?;
    let shared = Arc::new(shared);
    let producer = Producer::new(Arc::clone(&shared));
    Ok(Handles {
        producer,
        consumer: Consumer::new(shared),
    })
}

struct Owner {
    engine: Engine,
    keys: Arc<dyn KeySource>,
    clock: Clock,
    commands: Sender<Command>,
    depth: Arc<Mutex<Depth>>,
    /// Records in the order they came.
    queue: VecDeque<Pending>,
    desk: Desk,
    /// A key is being fetched.
    fetching: bool,
    _hold: Box<dyn Hold>,
}

/// Everything that came in and is not a record.
#[derive(Default)]
struct Desk {
    flushes: Vec<oneshot::Sender<Result<Option<SegmentId>, DiskError>>>,
    closes: Vec<oneshot::Sender<Result<(), DiskError>>>,
    pressure: bool,
    waiter: Option<oneshot::Sender<Result<Segment, ConsumeError>>>,
}

impl Owner {
    fn run(mut self, inbox: &Receiver<Command>) {
        loop {
            match inbox.recv_timeout(self.pause()) {
                Ok(Command::Abandoned) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => {}
            }
            while let Ok(command) = inbox.try_recv() {
                if matches!(command, Command::Abandoned) {
                    return;
                }
                self.take(command);
            }
            self.work();
        }
    }

    fn pause(&self) -> Duration {
        self.engine
            .pause()
            .map_or(REST, |age| age.clamp(BUSY, IDLE))
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Put(pending) => self.queue.push_back(pending),
            Command::Flush(reply) => self.desk.flushes.push(reply),
            Command::Close(reply) => self.desk.closes.push(reply),
            Command::Pressure => self.desk.pressure = true,
            Command::Next(reply) => self.desk.waiter = Some(reply),
            Command::Delivered(id, reply) => {
                tell(reply, self.engine.delivered(&id));
            }
            Command::Failed(id, why, reply) => {
                let now_ms = self.clock.as_ref()();
                tell(reply, self.engine.failed(&id, &why, now_ms));
            }
            Command::Key(Ok(key)) => {
                self.fetching = false;
                self.engine.offer_key(key);
            }
            Command::Key(Err(error)) => {
                self.fetching = false;
                Engine::refuse(&mut self.queue, &PutError::NoKey(error));
            }
            // Left to `run`, which ends.
            Command::Abandoned => {}
        }
    }

    fn work(&mut self) {
        let now_ms = self.clock.as_ref()();
        if !self.fetching && self.engine.commit(&mut self.queue, now_ms) == Progress::NeedsKey {
            self.fetch_key();
        }
        // A flush or a close speaks for the records before it.
        if self.queue.is_empty() {
            for reply in std::mem::take(&mut self.desk.flushes) {
                tell(reply, self.engine.flush());
            }
            for reply in std::mem::take(&mut self.desk.closes) {
                tell(reply, self.engine.close());
            }
        }
        if std::mem::take(&mut self.desk.pressure) {
            // A disk that refuses is told to the producers that it fails.
            drop(self.engine.flush());
        }
        drop(self.engine.tick(now_ms));
        self.serve_consumer();
        *self.depth.lock().unwrap_or_else(PoisonError::into_inner) = self.engine.depth();
    }

    fn serve_consumer(&mut self) {
        let answer = match self.engine.head() {
            Some(segment) => Ok(segment),
            None if self.engine.is_drained() => Err(ConsumeError::Closed),
            None => return,
        };
        if let Some(waiter) = self.desk.waiter.take() {
            tell(waiter, answer);
        }
    }

    fn fetch_key(&mut self) {
        let keys = Arc::clone(&self.keys);
        let fetch = Fetch {
            commands: self.commands.clone(),
            answer: None,
        };
        self.fetching = true;
        // Without a thread the fetch is dropped with the closure, and that is an answer too.
        drop(
            thread::Builder::new()
                .name("spool-key".to_owned())
                .spawn(move || {
                    let mut fetch = fetch;
                    fetch.answer = Some(keys.next());
                }),
        );
    }
}

/// Answers one who may have stopped waiting; such a one asks again, or has its future dropped.
pub(crate) fn tell<T>(reply: oneshot::Sender<T>, answer: T) {
    if reply.send(answer).is_err() {
        // Nobody is there to be told.
    }
}

/// A key on its way; sends its answer however its thread ends.
struct Fetch {
    commands: Sender<Command>,
    answer: Option<Result<(FernetKey, WrappedKey), KeySourceError>>,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        let ended = || {
            Err(KeySourceError::new(
                "the thread that asks for a key ended early",
            ))
        };
        let answer = self.answer.take().unwrap_or_else(ended);
        drop(self.commands.send(Command::Key(answer)));
    }
}
