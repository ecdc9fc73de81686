//! Owns the store: its folder, its catalogue and the way objects go in and come out.
//!
//! It must never acknowledge what is not durable, write a plain byte, or give out a byte that was
//! not authenticated. Who may do what is decided before it is called.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cofferdam_link::Clock;
use cofferdam_seal::{FernetKey, WrappedKey};
use cofferdam_spool::Journal;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::catalogue::{BucketName, Catalogue, Change, Condition, ObjectKey, ObjectMeta, record};
use crate::code::Code;
use crate::commit::{self, Commit, Committer, Shared};
use crate::fault::Fault;
use crate::object::{ObjectDir, Settled, Swept};
use crate::read::ObjectRead;
use crate::seam::DataKeys;
use crate::upload::UploadKey;

/// What the catalogue's sealed journal is bound to.
const CATALOGUE_CONTEXT: &[u8] = b"catalogue";
/// How many commits wait at once before their callers do.
const COMMIT_QUEUE: usize = 1024;

/// The store of one zone. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Shared,
    objects: ObjectDir,
    keys: Arc<dyn DataKeys>,
    clock: Clock,
    door: Mutex<Option<Door>>,
}

/// The way to the committer; taken away when the store closes.
#[derive(Debug)]
struct Door {
    commits: mpsc::Sender<Commit>,
    committer: JoinHandle<()>,
}

/// What opening a store found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Buckets in the catalogue.
    pub buckets: u64,
    /// Objects in the catalogue.
    pub objects: u64,
    /// Journal records replayed.
    pub records: u64,
    /// Files removed because nothing names them.
    pub swept: Swept,
}

impl Store {
    /// Opens the store below `state`, or makes an empty one.
    ///
    /// # Errors
    /// [`Code::CatalogueUnreadable`], [`Code::DirectoryUnusable`] or [`Code::NoDataKey`].
    pub async fn open(
        state: &Path,
        keys: Arc<dyn DataKeys>,
        clock: Clock,
    ) -> Result<(Self, Opened), Fault> {
        let home = Home::new(state)?;
        let (journal, catalogue) = if home.journal.exists() {
            home.replay(keys.as_ref()).await?
        } else {
            (
                home.create(keys.as_ref(), &clock).await?,
                Catalogue::default(),
            )
        };
        let records = journal.recovery().records;
        let (catalogue, swept) = home.sweep(catalogue).await?;
        let opened = Opened {
            buckets: count(catalogue.buckets().len()),
            objects: catalogue
                .buckets()
                .values()
                .map(|bucket| count(bucket.objects().len()))
                .sum(),
            records,
            swept,
        };
        let shared = Arc::new(RwLock::new(catalogue));
        let committer = Committer {
            journal,
            shared: Arc::clone(&shared),
            objects: home.objects.clone(),
        };
        let (commits, waiting) = mpsc::channel(COMMIT_QUEUE);
        let committer = tokio::spawn(committer.run(waiting));
        let door = Mutex::new(Some(Door { commits, committer }));
        let inner = Inner {
            shared,
            objects: home.objects,
            keys,
            clock,
            door,
        };
        Ok((Self(Arc::new(inner)), opened))
    }

    /// Looks at the durable catalogue.
    pub fn view<T>(&self, look: impl FnOnce(&Catalogue) -> T) -> T {
        commit::view(&self.0.shared, look)
    }

    /// What is known of one object.
    ///
    /// # Errors
    /// [`Code::BucketAbsent`] or [`Code::KeyAbsent`].
    pub fn object(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectMeta, Fault> {
        Ok(self.view(|catalogue| catalogue.object(bucket, key).cloned())?)
    }

    /// The clock of the store.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The folder of sealed files.
    #[must_use]
    pub fn objects(&self) -> &ObjectDir {
        &self.0.objects
    }

    /// A fresh key to seal with.
    ///
    /// # Errors
    /// [`Code::NoDataKey`].
    pub async fn key(&self) -> Result<UploadKey, Fault> {
        let (key, wrapped) = take(self.0.keys.as_ref()).await?;
        Ok(UploadKey {
            key,
            wrapped,
            created: self.0.clock.unix_seconds(),
        })
    }

    /// The key inside `wrapped`.
    ///
    /// # Errors
    /// [`Code::KeyRefused`].
    pub async fn open_key(&self, wrapped: &WrappedKey) -> Result<FernetKey, Fault> {
        open(self.0.keys.as_ref(), wrapped).await
    }

    /// Changes the catalogue; returns once the change is durable and visible.
    ///
    /// # Errors
    /// The conflict that stands against it, or [`Code::CatalogueClosed`]; then nothing changed.
    pub async fn commit(
        &self,
        change: Change,
        condition: Condition,
        files: Vec<Settled>,
    ) -> Result<(), Fault> {
        let closed = || Fault::new(Code::CatalogueClosed, "the store is closing");
        let commits = self
            .door()
            .as_ref()
            .map(|door| door.commits.clone())
            .ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        commits
            .send(Commit {
                change,
                condition,
                files,
                answer,
            })
            .await
            .map_err(|_unsent| closed())?;
        answered.await.map_err(|_gone| closed())?
    }

    /// Reads `length` bytes of an object from `offset` on. Nothing is read before the first
    /// [`ObjectRead::next`].
    #[must_use]
    pub fn read(
        &self,
        bucket: &BucketName,
        meta: &ObjectMeta,
        offset: u64,
        length: u64,
    ) -> ObjectRead {
        ObjectRead::new(self.clone(), bucket.clone(), meta, offset, length)
    }

    /// Stops taking changes, and returns once what was taken is durable and the journal closed.
    pub async fn close(&self) {
        let door = self.door().take();
        if let Some(Door { commits, committer }) = door {
            drop(commits);
            if let Err(error) = committer.await {
                log::error!(error:% = error; "the committer did not end well");
            }
        }
    }

    fn door(&self) -> std::sync::MutexGuard<'_, Option<Door>> {
        self.0.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the parts of a store lie.
struct Home {
    state: PathBuf,
    journal: PathBuf,
    objects: ObjectDir,
}

impl Home {
    fn new(state: &Path) -> Result<Self, Fault> {
        let path = state.join("objects");
        let objects = ObjectDir::open(&path).map_err(|error| unusable(&path, error))?;
        Ok(Self {
            state: state.to_owned(),
            journal: state.join("catalogue"),
            objects,
        })
    }

    /// Makes an empty catalogue. It gets its name only when it is whole, so a crash leaves either
    /// none or a good one; and it is never made over objects that another catalogue named.
    async fn create(&self, keys: &dyn DataKeys, clock: &Clock) -> Result<Journal, Fault> {
        let orphans = self
            .objects
            .settled()
            .map_err(|error| unusable(&self.state, error))?;
        if orphans > 0 {
            return Err(unreadable(format!(
                "{} is absent, and {orphans} sealed files are there that it named",
                self.journal.display()
            )));
        }
        let (key, wrapped) = take(keys).await?;
        let fresh = self.state.join("catalogue.new");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unusable(&fresh, error));
            }
            Ok(()) | Err(_) => {}
        }
        let now = clock.unix_seconds();
        let journal = Journal::create(&fresh, &key, &wrapped, CATALOGUE_CONTEXT, now)
            .map_err(|error| journal_fault(&error))?;
        std::fs::rename(&fresh, &self.journal)
            .and_then(|()| std::fs::File::open(&self.state)?.sync_all())
            .map_err(|error| unusable(&self.journal, error))?;
        Ok(journal)
    }

    async fn replay(&self, keys: &dyn DataKeys) -> Result<(Journal, Catalogue), Fault> {
        let header = Journal::header(&self.journal).map_err(|error| journal_fault(&error))?;
        let key = open(keys, header.wrapped())
            .await
            .map_err(|fault| unreadable(fault.seen().to_owned()).caused_by(fault))?;
        let mut catalogue = Catalogue::default();
        let mut broken = None;
        let journal = Journal::open(&self.journal, &key, CATALOGUE_CONTEXT, &mut |payload| {
            match record::decode(payload) {
                Ok(changes) if broken.is_none() => changes.into_iter().for_each(|change| {
                    drop(catalogue.apply(change));
                }),
                Ok(_) => {}
                Err(error) => {
                    broken.get_or_insert(error);
                }
            }
        })
        .map_err(|error| journal_fault(&error))?;
        match broken {
            None => Ok((journal, catalogue)),
            Some(error) => Err(unreadable(error.to_string()).caused_by(error)),
        }
    }

    async fn sweep(&self, catalogue: Catalogue) -> Result<(Catalogue, Swept), Fault> {
        let objects = self.objects.clone();
        let swept = tokio::task::spawn_blocking(move || {
            let live: BTreeSet<[u8; 16]> = catalogue
                .buckets()
                .values()
                .flat_map(|bucket| bucket.objects().values())
                .flat_map(|meta| meta.pieces.iter().map(|piece| piece.file.0))
                .collect();
            objects.sweep(&live).map(|swept| (catalogue, swept))
        });
        swept
            .await
            .map_err(|error| Fault::new(Code::DirectoryUnusable, error.to_string()))?
            .map_err(|error| unusable(&self.state, error))
    }
}

async fn take(keys: &dyn DataKeys) -> Result<(FernetKey, WrappedKey), Fault> {
    keys.take()
        .await
        .map_err(|refusal| Fault::refused(Code::NoDataKey, &refusal))
}

async fn open(keys: &dyn DataKeys, wrapped: &WrappedKey) -> Result<FernetKey, Fault> {
    keys.open(wrapped)
        .await
        .map_err(|refusal| Fault::refused(Code::KeyRefused, &refusal))
}

fn unusable(path: &Path, error: io::Error) -> Fault {
    Fault::new(
        Code::DirectoryUnusable,
        format!("{}: {error}", path.display()),
    )
    .caused_by(error)
}

fn unreadable(seen: String) -> Fault {
    Fault::new(Code::CatalogueUnreadable, seen)
}

fn journal_fault(error: &cofferdam_spool::JournalError) -> Fault {
    unreadable(format!("{}: {error}", error.code()))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
