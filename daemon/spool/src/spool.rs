//! Opening a spool: one owner, one epoch, recovery, and the two handles.
//! Never creates the spool twice: a second owner of the directory is refused.

use crate::consumer::Consumer;
use crate::engine::Engine;
use crate::key_source::KeySource;
use crate::medium::{Disk, Hold, Medium, remove_if_there, replace};
use crate::owner::{self, Handles};
use crate::place::Place;
use crate::position::NUMBER_MAX;
use crate::producer::Producer;
use crate::recovery::{Recovered, Recovery, recover};
use crate::refusal::DiskError;
use crate::settings::SpoolSettings;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A spool that could not be opened. Nothing in its directory was lost.
#[derive(Debug, thiserror::Error)]
#[error("failed to open the spool in {}", dir.display())]
pub struct OpenError {
    /// The directory of the spool.
    pub dir: PathBuf,
    /// Why.
    #[source]
    pub kind: OpenErrorKind,
}

/// Why a spool could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenErrorKind {
    /// A setting no spool can honour.
    #[error("setting out of range: {what}")]
    Settings {
        /// Which, and what it is.
        what: String,
    },
    /// The directory cannot be used.
    #[error("the directory cannot be used")]
    Disk(#[source] DiskError),
    /// Another process has the spool.
    #[error("another process owns the spool")]
    Owned,
    /// The file `epoch` is not of this spool.
    #[error("the file epoch does not belong here: {what}")]
    Epoch {
        /// What was read and what was expected.
        what: String,
    },
    /// No thread could be started.
    #[error("the owner thread could not be started")]
    Thread(#[source] io::Error),
}

impl OpenError {
    /// The code of `cofferctl explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            OpenErrorKind::Settings { .. } => "SP-001",
            OpenErrorKind::Disk(error) if error.is_full() => error.code(),
            OpenErrorKind::Disk(_) => "SP-002",
            OpenErrorKind::Owned => "SP-003",
            OpenErrorKind::Epoch { .. } => "SP-004",
            OpenErrorKind::Thread(_) => "SP-005",
        }
    }
}

/// Opens the spool in `settings.dir`, creating it when it is missing.
///
/// Mends what a crash left: see [`Recovery`]. Every opening begins a new epoch, larger than every
/// earlier one and not below the clock's seconds, so that a spool whose directory was lost does
/// not use the names of its former segments again. Blocks while it reads every segment. The
/// handles need a tokio runtime with time; the lock is let go when the last of them is gone.
///
/// # Errors
/// [`OpenError`], with the directory and the reason.
pub fn open(
    settings: SpoolSettings,
    keys: Arc<dyn KeySource>,
    clock: Clock,
) -> Result<(Producer, Consumer, Recovery), OpenError> {
    open_on(Arc::new(Disk), settings, keys, clock)
}

pub(crate) fn open_on(
    medium: Arc<dyn Medium>,
    settings: SpoolSettings,
    keys: Arc<dyn KeySource>,
    clock: Clock,
) -> Result<(Producer, Consumer, Recovery), OpenError> {
    let dir = settings.dir.clone();
    let failed = |kind| OpenError {
        dir: dir.clone(),
        kind,
    };
    let wait = settings.wait;
    let (engine, hold, recovery) = start(medium, settings, clock.as_ref()()).map_err(failed)?;
    let Handles { producer, consumer } = owner::start(engine, hold, (keys, clock), wait)
        .map_err(|error| failed(OpenErrorKind::Thread(error)))?;
    Ok((producer, consumer, recovery))
}

/// Everything of opening but the thread.
pub(crate) fn start(
    medium: Arc<dyn Medium>,
    settings: SpoolSettings,
    now_ms: u64,
) -> Result<(Engine, Box<dyn Hold>, Recovery), OpenErrorKind> {
    if let Some(what) = settings.fault() {
        return Err(OpenErrorKind::Settings { what });
    }
    let place = Place::new(&settings.dir);
    let hold = prepare(&*medium, &place)?;
    let former = read_epoch(&*medium, &place, &settings.producer)?;
    let mut recovered =
        recover(&*medium, &place, settings.seen_window).map_err(OpenErrorKind::Disk)?;
    let epoch = next_epoch(former, &recovered, now_ms)?;
    let text = format!(
        "{EPOCH_TITLE}\nproducer {}\nepoch {epoch}\n",
        settings.producer
    );
    replace(&*medium, &place.epoch(), text.as_bytes())
        .map_err(|error| OpenErrorKind::Disk(DiskError::new("write", &place.epoch(), &error)))?;
    recovered.recovery.epoch = epoch;
    let recovery = recovered.recovery.clone();
    Ok((
        Engine::new(medium, place, settings, recovered),
        hold,
        recovery,
    ))
}

/// The directories, and the lock that makes this process the one owner.
fn prepare(medium: &dyn Medium, place: &Place) -> Result<Box<dyn Hold>, OpenErrorKind> {
    let failed = |operation, path: &std::path::Path, error| {
        OpenErrorKind::Disk(DiskError::new(operation, path, &error))
    };
    medium
        .make_dir(place.dir())
        .map_err(|error| failed("create", place.dir(), error))?;
    let hold = medium.hold(&place.lock()).map_err(|error| {
        let owned = error.kind() == io::ErrorKind::WouldBlock;
        if owned {
            OpenErrorKind::Owned
        } else {
            failed("lock", &place.lock(), error)
        }
    })?;
    for dir in [place.segments(), place.dead_dir(), place.torn_dir()] {
        medium
            .make_dir(&dir)
            .map_err(|error| failed("create", &dir, error))?;
    }
    let halves = [place.epoch(), place.seen()].map(|path| path.with_extension("new"));
    // The reserve too: opening may need its space, and takes it again when it is done.
    for half in halves.iter().chain([&place.trial(), &place.reserve()]) {
        remove_if_there(medium, half).map_err(|error| failed("remove", half, error))?;
    }
    Ok(hold)
}

const EPOCH_TITLE: &str = "cofferdam spool 1";

/// The epoch of the last owner; 0 when there was none.
fn read_epoch(medium: &dyn Medium, place: &Place, producer: &str) -> Result<u64, OpenErrorKind> {
    let path = place.epoch();
    let bytes = match medium.read(&path, 0, 4096) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(OpenErrorKind::Disk(DiskError::new("read", &path, &error))),
    };
    let text = String::from_utf8_lossy(&bytes);
    let parsed = parse_epoch(&text).ok_or_else(|| OpenErrorKind::Epoch {
        what: format!(
            "{} does not hold the three lines of a spool",
            path.display()
        ),
    })?;
    let (found, epoch) = parsed;
    if found != producer {
        let what = format!("the spool is of producer {found:?}, the settings say {producer:?}");
        return Err(OpenErrorKind::Epoch { what });
    }
    Ok(epoch)
}

fn parse_epoch(text: &str) -> Option<(&str, u64)> {
    let rest = text
        .strip_prefix(EPOCH_TITLE)?
        .strip_prefix("\nproducer ")?;
    let (producer, rest) = rest.split_once('\n')?;
    let digits = rest.strip_prefix("epoch ")?.strip_suffix('\n')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain
        .then(|| digits.parse().ok())
        .flatten()
        .map(|epoch| (producer, epoch))
}

fn next_epoch(former: u64, recovered: &Recovered, now_ms: u64) -> Result<u64, OpenErrorKind> {
    let above = former.max(recovered.last_epoch).saturating_add(1);
    let epoch = above.max(now_ms / 1000);
    if epoch > NUMBER_MAX {
        let what = format!("epoch {epoch} has more than ten digits; is the clock right?");
        return Err(OpenErrorKind::Epoch { what });
    }
    Ok(epoch)
}

#[cfg(test)]
mod tests;
