//! The journal: a sealed append log that its owner reads back, for catalogues.
//! Acknowledged means on disk here too. Never drops a record that was acknowledged, never goes on
//! after a tail its key does not confirm, and never holds a payload longer than it takes to seal.

mod refusal;
mod replay;
mod writer;

pub use refusal::{JournalError, JournalErrorKind};

use crate::medium::{Disk, Medium, remove_if_there};
use crate::owner::tell;
use crate::recovery::Torn;
use crate::refusal::DiskError;
use crate::settings::RECORD_BYTES_MAX;
use cofferdam_seal::{
    FernetKey, HEADER_LEN, Header, Layout, ObjectId, RecordSealer, WrappedKey, Zeroizing,
};
use std::io;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use writer::{Append, Command, File, QUEUE_KIB, Shared};

/// The deadline of every wait for a journal's disk.
pub const JOURNAL_WAIT: Duration = Duration::from_secs(20);

/// A sealed append log. Clones append to the same one; its thread ends with the last.
#[derive(Debug, Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

/// What opening a journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalRecovery {
    /// Records that were replayed.
    pub records: u64,
    /// The tail that was cut, if one was (`SP-048`).
    pub torn: Option<Torn>,
}

impl Journal {
    /// Creates the journal at `path`, mode 0600; `now` is in seconds since 1970.
    ///
    /// The key is kept in memory as long as the journal is open.
    ///
    /// # Errors
    /// [`JournalError`]; an existing file is never touched.
    pub fn create(
        path: &Path,
        key: &FernetKey,
        wrapped: &WrappedKey,
        context: &[u8],
        now: u64,
    ) -> Result<Self, JournalError> {
        Self::create_on(Arc::new(Disk), path, (key, wrapped), context, now)
    }

    pub(crate) fn create_on(
        medium: Arc<dyn Medium>,
        path: &Path,
        (key, wrapped): (&FernetKey, &WrappedKey),
        context: &[u8],
        now: u64,
    ) -> Result<Self, JournalError> {
        let failed = |kind| JournalError::new(path, kind);
        let id = ObjectId::random().map_err(|error| {
            failed(JournalErrorKind::Unsealed {
                what: error.to_string(),
            })
        })?;
        let (_, header) = RecordSealer::new(key, wrapped, id, now, context);
        let parsed = parse_header(path, &header)?;
        let appender = create_file(&*medium, path, &header).map_err(failed)?;
        let hold = hold(&*medium, path)?;
        let length = u64::try_from(header.len()).unwrap_or(u64::MAX);
        let seal = writer::Seal {
            key: key.duplicate(),
            header: parsed,
            context: context.to_vec(),
        };
        let file = File {
            medium,
            path: path.to_path_buf(),
            appender,
            _hold: hold,
            length,
        };
        Self::start(file, seal, 0, JournalRecovery::default())
    }

    /// Opens the journal at `path`, and gives `replay` every record in order.
    ///
    /// Every record is verified by the key. A tail that a crash tore is cut, kept aside, and told
    /// in [`Journal::recovery`]; damage before a later commit is refused, with its offset.
    ///
    /// # Errors
    /// [`JournalError`]. `replay` may have been called for the records before a damage.
    pub fn open(
        path: &Path,
        key: &FernetKey,
        context: &[u8],
        replay: &mut dyn FnMut(&[u8]),
    ) -> Result<Self, JournalError> {
        Self::open_on(Arc::new(Disk), path, key, context, replay)
    }

    pub(crate) fn open_on(
        medium: Arc<dyn Medium>,
        path: &Path,
        key: &FernetKey,
        context: &[u8],
        replay: &mut dyn FnMut(&[u8]),
    ) -> Result<Self, JournalError> {
        let header = read_header(&*medium, path)?;
        let hold = hold(&*medium, path)?;
        let found = replay::replay(&*medium, path, (&header, key, context), replay)?;
        let appender = writer::cut_to(&*medium, path, found.length).map_err(|error| {
            JournalError::new(
                path,
                JournalErrorKind::Disk(DiskError::new("cut", path, &error)),
            )
        })?;
        let recovery = JournalRecovery {
            records: found.next_sequence,
            torn: found.torn,
        };
        let seal = writer::Seal {
            key: key.duplicate(),
            header,
            context: context.to_vec(),
        };
        let file = File {
            medium,
            path: path.to_path_buf(),
            appender,
            _hold: hold,
            length: found.length,
        };
        Self::start(file, seal, found.next_sequence, recovery)
    }

    /// The header of the journal at `path`, which holds the wrapped key.
    ///
    /// # Errors
    /// [`JournalError`] when there is no journal.
    pub fn header(path: &Path) -> Result<Header, JournalError> {
        read_header(&Disk, path)
    }

    /// What opening found.
    #[must_use]
    pub fn recovery(&self) -> &JournalRecovery {
        &self.shared.recovery
    }

    /// Where the journal lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Appends one record; answers with its number, from 0, when it is on disk. Dropping the
    /// future does not take the record back.
    ///
    /// # Errors
    /// [`JournalError`]. After `Timeout` the record may be there; after every other error it is
    /// not, unless the disk failed twice: it also would not let the refused bytes be cut.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    pub async fn append(&self, payload: Vec<u8>) -> Result<u64, JournalError> {
        let payload = self.bounded(payload)?;
        let stored = async {
            let kib = u32::try_from(payload.len().div_ceil(1024)).unwrap_or(QUEUE_KIB);
            let places = Shared::places(&self.shared, kib.clamp(1, QUEUE_KIB)).await;
            let (reply, answer) = oneshot::channel();
            let reply = Box::new(move |outcome| {
                drop(places);
                tell(reply, outcome);
            });
            self.shared.send(Command::Append(Append { payload, reply }));
            answer
                .await
                .unwrap_or_else(|_gone| Err(self.refused(JournalErrorKind::Closed)))
        };
        timeout(JOURNAL_WAIT, stored)
            .await
            .unwrap_or_else(|_elapsed| Err(self.refused(JournalErrorKind::Timeout)))
    }

    /// The same for a thread without a runtime.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_blocking(&self, payload: Vec<u8>) -> Result<u64, JournalError> {
        let payload = self.bounded(payload)?;
        let (reply, answer) = mpsc::sync_channel(1);
        let reply = Box::new(move |outcome| drop(reply.send(outcome)));
        self.shared.send(Command::Append(Append { payload, reply }));
        answer.recv_timeout(JOURNAL_WAIT).unwrap_or_else(|error| {
            Err(self.refused(match error {
                mpsc::RecvTimeoutError::Timeout => JournalErrorKind::Timeout,
                mpsc::RecvTimeoutError::Disconnected => JournalErrorKind::Closed,
            }))
        })
    }

    /// Writes what waits and ends the journal's thread; appends of clones are then refused.
    ///
    /// # Errors
    /// `Timeout` or `Closed`; what was acknowledged stays so.
    pub async fn close(self) -> Result<(), JournalError> {
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Close(reply));
        match timeout(JOURNAL_WAIT, answer).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_gone)) => Err(self.refused(JournalErrorKind::Closed)),
            Err(_elapsed) => Err(self.refused(JournalErrorKind::Timeout)),
        }
    }

    fn start(
        file: File,
        seal: writer::Seal,
        next_sequence: u64,
        recovery: JournalRecovery,
    ) -> Result<Self, JournalError> {
        let shared = writer::start(file, seal, next_sequence, recovery)?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    fn bounded(&self, payload: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, JournalError> {
        let payload = Zeroizing::new(payload);
        let bytes = payload.len();
        if bytes > RECORD_BYTES_MAX {
            return Err(self.refused(JournalErrorKind::TooLarge { bytes }));
        }
        Ok(payload)
    }

    fn refused(&self, kind: JournalErrorKind) -> JournalError {
        JournalError::new(&self.shared.path, kind)
    }
}

fn create_file(
    medium: &dyn Medium,
    path: &Path,
    header: &[u8],
) -> Result<Box<dyn crate::medium::Appender>, JournalErrorKind> {
    let disk = |operation, error: &io::Error| {
        JournalErrorKind::Disk(DiskError::new(operation, path, error))
    };
    let mut file = medium.create(path).map_err(|error| {
        let exists = error.kind() == io::ErrorKind::AlreadyExists;
        if exists {
            JournalErrorKind::Exists
        } else {
            disk("create", &error)
        }
    })?;
    let written = file
        .append(header)
        .and_then(|()| file.sync())
        .and_then(|()| path.parent().map_or(Ok(()), |dir| medium.sync_dir(dir)));
    if let Err(error) = written {
        // Half a header would stand in the way of the next try.
        drop(remove_if_there(medium, path));
        return Err(disk("write", &error));
    }
    Ok(file)
}

fn hold(medium: &dyn Medium, path: &Path) -> Result<Box<dyn crate::medium::Hold>, JournalError> {
    medium.hold(path).map_err(|error| {
        let kind = if error.kind() == io::ErrorKind::WouldBlock {
            JournalErrorKind::Owned
        } else {
            JournalErrorKind::Disk(DiskError::new("lock", path, &error))
        };
        JournalError::new(path, kind)
    })
}

fn read_header(medium: &dyn Medium, path: &Path) -> Result<Header, JournalError> {
    let length = u64::try_from(HEADER_LEN).unwrap_or(u64::MAX);
    let bytes = medium.read(path, 0, length).map_err(|error| {
        JournalError::new(
            path,
            JournalErrorKind::Disk(DiskError::new("read", path, &error)),
        )
    })?;
    parse_header(path, &bytes)
}

fn parse_header(path: &Path, bytes: &[u8]) -> Result<Header, JournalError> {
    let refuse = |what| JournalError::new(path, JournalErrorKind::Header { what });
    let header = Header::parse(bytes).map_err(|error| refuse(error.to_string()))?;
    match header.layout() {
        Layout::Records => Ok(header),
        Layout::Frames => Err(refuse(
            "the layout is that of an object, not of records".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
