//! The handle to a log: how entries go in and receipts come out. Renders an entry in the caller's
//! thread; everything that touches the log happens in the one writer thread.

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cofferdam_hwprofile::{NodeName, Refusal, ZoneName};

use crate::leaf::{LeafError, Shape};
use crate::recover::{self, OpenError, OpenErrorKind, Opened, Recovery};
use crate::writer::{self, Answer, Command, Parts, Shared};
use crate::{Checkpoint, Entry, Hash, SignerKey, VerifierKey, codes};

/// What a log is told about itself and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The zone, the second part of the origin.
    pub zone: ZoneName,
    /// The node, the third part of the origin.
    pub node: NodeName,
    /// The version of the program that writes, as it stands in every leaf.
    pub version: String,
    /// The shortest time between two checkpoints that nobody asked for.
    pub publish_every: Duration,
    /// How many entries may wait for the writer; one more is refused or waits.
    pub queue_limit: usize,
    /// The log starts a new `wal` once the old one is longer than this, in bytes.
    pub wal_limit_bytes: u64,
}

impl Settings {
    /// The usual bounds: a checkpoint a second, 16,384 waiting entries, 32 MiB of `wal`.
    #[must_use]
    pub fn new(zone: ZoneName, node: NodeName, version: impl Into<String>) -> Self {
        Self {
            zone,
            node,
            version: version.into(),
            publish_every: Duration::from_secs(1),
            queue_limit: 16_384,
            wal_limit_bytes: 32 << 20,
        }
    }
}

/// What whoever recorded an entry holds in hand: the leaf is durable, at this place of this log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The place of the leaf in the log, counted from zero.
    pub index: u64,
    /// The RFC 6962 hash of the leaf.
    pub leaf_hash: Hash,
    /// Which log.
    pub origin: String,
}

/// An entry is not in the log, or a checkpoint was not published. Whatever was to be recorded
/// must not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to record in the log {origin}: {kind}")]
pub struct AppendError {
    /// Which log.
    pub origin: String,
    /// Why.
    #[source]
    pub kind: AppendErrorKind,
}

/// Why an entry is not in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendErrorKind {
    /// The entry cannot become a leaf; the log itself is well.
    #[error("the entry cannot become a leaf")]
    Leaf(#[source] LeafError),
    /// Too many entries wait.
    #[error("{limit} entries wait already")]
    Full {
        /// The bound that was reached.
        limit: usize,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// Writing or `fdatasync` failed; what is on disk is not known.
    #[error("writing the wal failed ({0}); the log stays shut until it is opened again")]
    Wal(String),
    /// Nobody can reach the wal by its name: it was unlinked.
    #[error("the wal was unlinked; the log stays shut until it is opened again")]
    Unlinked,
    /// Another file stands in the place of the wal.
    #[error("another file took the place of the wal; the log stays shut until it is opened again")]
    Replaced,
    /// The wal is longer or shorter than what was written.
    #[error("the wal has {found} bytes where {expected} were written; the log stays shut")]
    Resized {
        /// What was written.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A tile, bundle or checkpoint could not be written, or differs from what is there.
    #[error("publishing failed ({0}); the log stays shut until it is opened again")]
    Publish(String),
}

impl AppendError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            AppendErrorKind::Leaf(cause) => cause.code(),
            AppendErrorKind::Full { .. } => "TR-304",
            AppendErrorKind::Closed => "TR-305",
            AppendErrorKind::Wal(_) => "TR-310",
            AppendErrorKind::Unlinked => "TR-311",
            AppendErrorKind::Replaced => "TR-312",
            AppendErrorKind::Resized { .. } => "TR-313",
            AppendErrorKind::Publish(_) => "TR-314",
        }
    }

    /// The same in the form that every refusal of the house has.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        codes::refusal(self.code(), self)
    }
}

/// The handle to one log. Clones write to the same log; when the last is gone the log is closed.
#[derive(Clone)]
pub struct Trail {
    inner: Arc<Inner>,
}

struct Inner {
    shape: Shape,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    verifier: VerifierKey,
    queue_limit: usize,
    shared: Arc<Shared>,
    queue: Option<SyncSender<Command>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Trail {
    /// Opens the log in a directory, or makes it. Believes nothing on disk that does not agree
    /// with the checkpoint that was signed last.
    ///
    /// The clock answers in Unix milliseconds and stamps entries whose time is zero.
    ///
    /// # Errors
    /// If the directory is in use, cannot be written, or is not as this log left it.
    pub fn open(
        dir: &Path,
        signer: SignerKey,
        settings: Settings,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(Self, Recovery), OpenError> {
        let wrong = |kind| OpenError {
            dir: dir.to_owned(),
            kind,
        };
        let Settings {
            zone,
            node,
            version,
            publish_every,
            queue_limit,
            wal_limit_bytes,
        } = settings;
        check_key_name(signer.name(), &zone, &node).map_err(wrong)?;
        let verifier = signer.verifier_key();
        let shape = Shape::new(signer.name(), zone.as_ref(), node.as_ref(), &version);
        let Opened {
            log,
            publisher,
            recovery,
            lock,
        } = recover::open(dir, signer)?;
        let shared = Arc::new(Shared::new(verifier.name(), log.size()));
        let queue_limit = queue_limit.max(1);
        let (sender, queue) = mpsc::sync_channel(queue_limit);
        let writer = writer::start(Parts {
            shared: Arc::clone(&shared),
            queue,
            log,
            publisher,
            publish_every,
            wal_limit_bytes,
            lock,
        });
        let writer = writer.map_err(|cause| {
            wrong(OpenErrorKind::Io {
                path: dir.to_owned(),
                cause,
            })
        })?;
        let inner = Inner {
            shape,
            clock: Box::new(clock),
            verifier,
            queue_limit,
            shared,
            queue: Some(sender),
            writer: Mutex::new(Some(writer)),
        };
        Ok((
            Self {
                inner: Arc::new(inner),
            },
            recovery,
        ))
    }

    /// Records an entry and returns once it is durable. Blocks: not for a thread that serves
    /// others.
    ///
    /// # Errors
    /// If the entry is not known to be in the log; what was to be recorded must not happen.
    pub fn append(&self, entry: Entry) -> Result<Receipt, AppendError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let done = move |result| {
            // Whoever asked waits below until this is sent.
            sender.send(result).ok();
        };
        self.inner.shared.shut()?;
        let line = self.line(entry)?;
        let answer = Answer::new(&self.inner.shared, Box::new(done));
        let command = Command::Append { line, answer };
        self.queue()?.send(command).map_err(|_gone| self.closed())?;
        receiver.recv().map_err(|_gone| self.closed())?
    }

    /// Records an entry and calls `done` once it is durable or refused: from the writer's thread,
    /// or from this one where it never gets there. `done` is called exactly once and must be short.
    /// Never blocks: where too many entries wait, it refuses.
    pub fn submit(
        &self,
        entry: Entry,
        done: impl FnOnce(Result<Receipt, AppendError>) + Send + 'static,
    ) {
        let line = self.inner.shared.shut().and_then(|()| self.line(entry));
        let (line, queue) = match line.and_then(|line| Ok((line, self.queue()?))) {
            Ok(ready) => ready,
            Err(error) => return done(Err(error)),
        };
        let answer = Answer::new(&self.inner.shared, Box::new(done));
        match queue.try_send(Command::Append { line, answer }) {
            Err(TrySendError::Full(Command::Append { answer, .. })) => {
                let limit = self.inner.queue_limit;
                answer.give(Err(self
                    .inner
                    .shared
                    .error(AppendErrorKind::Full { limit })));
            }
            // An answer that is dropped says by itself that the log is closed.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// Publishes a checkpoint over everything recorded so far and returns once it is on disk.
    ///
    /// # Errors
    /// If it could not be published; the log is shut then.
    pub fn publish(&self) -> Result<Checkpoint, AppendError> {
        self.ask(Command::Publish)
    }

    /// Publishes the last checkpoint and closes the log for every clone of this handle.
    ///
    /// # Errors
    /// If it could not be published. What was acknowledged is in the wal and comes back when the
    /// log is opened again.
    pub fn close(self) -> Result<Checkpoint, AppendError> {
        let last = self.ask(Command::Close);
        self.inner.join();
        last
    }

    /// The key that checks the checkpoints of this log.
    #[must_use]
    pub fn verifier_key(&self) -> VerifierKey {
        self.inner.verifier.clone()
    }

    /// Who the log is: `<rack-domain>/<zone>/<node>`.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.inner.verifier.name()
    }

    /// Whether the log still takes entries.
    ///
    /// # Errors
    /// What shut it.
    pub fn health(&self) -> Result<(), AppendError> {
        self.inner.shared.shut()
    }

    fn ask(
        &self,
        command: impl FnOnce(writer::CheckpointAnswer) -> Command,
    ) -> Result<Checkpoint, AppendError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.queue()?
            .send(command(sender))
            .map_err(|_gone| self.closed())?;
        receiver.recv().map_err(|_gone| self.closed())?
    }

    fn line(&self, entry: Entry) -> Result<Vec<u8>, AppendError> {
        let time_ms = if entry.time_ms == 0 {
            (self.inner.clock)()
        } else {
            entry.time_ms
        };
        let rendered = self.inner.shape.render(entry, time_ms);
        rendered.map_err(|cause| self.inner.shared.error(AppendErrorKind::Leaf(cause)))
    }

    fn queue(&self) -> Result<&SyncSender<Command>, AppendError> {
        self.inner.queue.as_ref().ok_or_else(|| self.closed())
    }

    fn closed(&self) -> AppendError {
        self.inner.shared.error(AppendErrorKind::Closed)
    }
}

impl Inner {
    /// Waits for the writer, unless this is the writer itself.
    fn join(&self) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(handle) = writer.take() else { return };
        if handle.thread().id() != thread::current().id() && handle.join().is_err() {
            self.shared.lost();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Without a sender the writer publishes what is left and ends.
        self.queue = None;
        self.join();
    }
}

/// The log's name is its key's name, and ends in its zone and node.
fn check_key_name(key: &str, zone: &ZoneName, node: &NodeName) -> Result<(), OpenErrorKind> {
    let domain = key.strip_suffix(&format!("/{zone}/{node}"));
    if domain.is_some_and(|domain| !domain.is_empty() && !domain.contains('/')) {
        return Ok(());
    }
    let (key, zone, node) = (key.to_owned(), zone.to_string(), node.to_string());
    Err(OpenErrorKind::KeyName { key, zone, node })
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trail")
            .field("origin", &self.origin())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
