//! The one thread that owns a journal's file: seals, writes once, syncs once, answers all.
//! Never continues after an error but from the last acknowledged byte.
//!
//! The tag of a record is the number of the first record of its commit, and eight random bytes.
//! The first half tells a torn commit from damage in an earlier one, see `replay`. The second
//! makes every sealing of a place unique: a place whose record was cut away is sealed again.

use super::JournalRecovery;
use super::refusal::{JournalError, JournalErrorKind};
use crate::medium::{Appender, Hold, Medium};
use crate::owner::tell;
use crate::refusal::DiskError;
use cofferdam_seal::{FernetKey, Header, RecordSealer, Tag, Zeroizing, record};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use tokio::sync::{Semaphore, oneshot};

/// Payload that may wait for the thread at once, in KiB; a record counts one at least.
pub(super) const QUEUE_KIB: u32 = 16 << 10;

/// A commit ends with the record that brings it to this many bytes.
pub(super) const COMMIT_BYTES: usize = 8 << 20;

pub(super) struct Append {
    pub(super) payload: Zeroizing<Vec<u8>>,
    pub(super) reply: Box<dyn FnOnce(Result<u64, JournalError>) + Send>,
}

pub(super) enum Command {
    Append(Append),
    Close(oneshot::Sender<()>),
    Abandoned,
}

/// The file, and the right to it.
pub(super) struct File {
    pub(super) medium: Arc<dyn Medium>,
    pub(super) path: PathBuf,
    pub(super) appender: Box<dyn Appender>,
    pub(super) _hold: Box<dyn Hold>,
    /// The acknowledged length.
    pub(super) length: u64,
}

/// What it takes to make a sealer at any place.
pub(super) struct Seal {
    pub(super) key: FernetKey,
    pub(super) header: Header,
    pub(super) context: Vec<u8>,
}

impl Seal {
    fn at(&self, path: &Path, sequence: u64) -> Result<RecordSealer, JournalError> {
        RecordSealer::resume(&self.key, &self.header, sequence, &self.context).map_err(|error| {
            JournalError::new(
                path,
                JournalErrorKind::Key {
                    what: error.to_string(),
                },
            )
        })
    }
}

/// What the clones of a journal share. The thread ends when the last one goes.
pub(super) struct Shared {
    commands: Sender<Command>,
    queue: Semaphore,
    pub(super) path: PathBuf,
    pub(super) recovery: JournalRecovery,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// A thread that is gone drops the command, and whoever waits for its answer learns it.
    pub(super) fn send(&self, command: Command) {
        drop(self.commands.send(command));
    }

    /// Places in the queue, given back when the answer is.
    pub(super) async fn places(shared: &Arc<Self>, places: u32) -> Places {
        // The semaphore is never closed; an error would only mean a shorter queue.
        let taken = match shared.queue.acquire_many(places).await {
            Ok(permit) => {
                permit.forget();
                places
            }
            Err(_closed) => 0,
        };
        Places {
            shared: Arc::clone(shared),
            taken,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.send(Command::Abandoned);
    }
}

pub(super) struct Places {
    shared: Arc<Shared>,
    taken: u32,
}

impl Drop for Places {
    fn drop(&mut self) {
        self.shared
            .queue
            .add_permits(usize::try_from(self.taken).unwrap_or(0));
    }
}

pub(super) fn start(
    file: File,
    seal: Seal,
    next_sequence: u64,
    recovery: JournalRecovery,
) -> Result<Shared, JournalError> {
    let (commands, inbox) = mpsc::channel();
    let path = file.path.clone();
    let sealer = seal.at(&path, next_sequence)?;
    let writer = Writer {
        file,
        seal,
        sealer,
        trouble: None,
    };
    thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || writer.run(&inbox))
        .map_err(|error| {
            JournalError::new(
                &path,
                JournalErrorKind::Thread {
                    what: error.to_string(),
                },
            )
        })?;
    let queue = Semaphore::new(usize::try_from(QUEUE_KIB).unwrap_or(Semaphore::MAX_PERMITS));
    Ok(Shared {
        commands,
        queue,
        path,
        recovery,
    })
}

/// Opens the file to go on at `length`, whatever stands behind.
pub(super) fn cut_to(
    medium: &dyn Medium,
    path: &Path,
    length: u64,
) -> io::Result<Box<dyn Appender>> {
    let mut file = medium.reopen(path)?;
    file.cut(length)?;
    file.sync()?;
    Ok(file)
}

struct Writer {
    file: File,
    seal: Seal,
    sealer: RecordSealer,
    trouble: Option<Trouble>,
}

/// What an error left.
enum Trouble {
    /// The disk was full: the tail is to be cut, then all is well again.
    Full { next_sequence: u64 },
    /// Any other error: what the disk holds is not known before it is read again.
    Poisoned(DiskError),
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Command>) {
        let mut queue = VecDeque::new();
        loop {
            let Ok(first) = inbox.recv() else { return };
            let mut end = None;
            for command in std::iter::once(first).chain(inbox.try_iter()) {
                match command {
                    Command::Append(append) => queue.push_back(append),
                    Command::Close(reply) => end = Some(Some(reply)),
                    Command::Abandoned => end = end.or(Some(None)),
                }
            }
            while !queue.is_empty() {
                self.commit(&mut queue);
            }
            if let Some(reply) = end {
                // The file and its lock go before the answer: who has it may open again.
                drop(self);
                if let Some(reply) = reply {
                    tell(reply, ());
                }
                return;
            }
        }
    }

    /// Seals from the front of the queue, writes, syncs, answers.
    fn commit(&mut self, queue: &mut VecDeque<Append>) {
        if let Err(kind) = self.mend() {
            for append in queue.drain(..) {
                (append.reply)(Err(JournalError::new(&self.file.path, kind.clone())));
            }
            return;
        }
        let first = self.sealer.next_sequence();
        let mut sealed = Vec::new();
        let mut replies = Vec::new();
        while sealed.len() < COMMIT_BYTES {
            let Some(Append { payload, reply }) = queue.pop_front() else {
                break;
            };
            match self.seal(first, &payload, &mut sealed) {
                Ok(number) => replies.push((reply, number)),
                Err(what) => {
                    let kind = JournalErrorKind::Unsealed { what };
                    reply(Err(JournalError::new(&self.file.path, kind)));
                }
            }
        }
        if replies.is_empty() {
            return;
        }
        let outcome = self.write(&sealed, first);
        for (reply, number) in replies {
            reply(outcome.clone().map(|()| number).map_err(|error| {
                JournalError::new(&self.file.path, JournalErrorKind::Disk(error))
            }));
        }
    }

    fn seal(&mut self, first: u64, payload: &[u8], out: &mut Vec<u8>) -> Result<u64, String> {
        let tag = commit_tag(first).map_err(|error| error.to_string())?;
        self.sealer
            .seal(&tag, payload, out)
            .map_err(|error| error.to_string())
    }

    fn write(&mut self, sealed: &[u8], first: u64) -> Result<(), DiskError> {
        let file = &mut self.file.appender;
        let (operation, written) = match file.append(sealed) {
            Ok(()) => ("sync", file.sync()),
            Err(error) => ("write", Err(error)),
        };
        match written {
            Ok(()) => {
                let length = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
                self.file.length = self.file.length.saturating_add(length);
                Ok(())
            }
            Err(error) => {
                let error = DiskError::new(operation, &self.file.path, &error);
                self.trouble = Some(Trouble::Full {
                    next_sequence: first,
                });
                // Cut at once, so that what was refused is not found by the next opening; one
                // that fails is tried again before the next commit.
                drop(self.mend());
                if !error.is_full() {
                    self.trouble = Some(Trouble::Poisoned(error.clone()));
                }
                Err(error)
            }
        }
    }

    fn mend(&mut self) -> Result<(), JournalErrorKind> {
        match &self.trouble {
            None => Ok(()),
            Some(Trouble::Poisoned(error)) => Err(JournalErrorKind::Poisoned(error.clone())),
            Some(Trouble::Full { next_sequence }) => {
                let File {
                    medium,
                    path,
                    length,
                    ..
                } = &self.file;
                let cut = cut_to(&**medium, path, *length);
                let file = cut
                    .map_err(|error| JournalErrorKind::Disk(DiskError::new("cut", path, &error)))?;
                self.sealer = self
                    .seal
                    .at(path, *next_sequence)
                    .map_err(|error| error.kind)?;
                self.file.appender = file;
                self.trouble = None;
                Ok(())
            }
        }
    }
}

/// The tag of every record of the commit that begins with record `first`.
fn commit_tag(first: u64) -> Result<Tag, cofferdam_seal::RandomError> {
    let mut tag = record::random_tag()?;
    let (commit, _) = tag.split_at_mut(8);
    commit.copy_from_slice(&first.to_be_bytes());
    Ok(tag)
}

/// The first record of the commit a tag belongs to.
pub(super) fn commit_of(tag: &Tag) -> u64 {
    let (commit, _) = tag.split_first_chunk().expect("a tag has 16 bytes");
    u64::from_be_bytes(*commit)
}
