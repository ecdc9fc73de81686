//! Owns the one place where the catalogue changes: decides what waits, writes it to the sealed
//! journal as one group, applies it, answers.
//!
//! It must never apply, or answer well, what is not durable; readers see durable state only.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use cofferdam_spool::journal::JournalErrorKind;
use cofferdam_spool::{Journal, JournalError};
use tokio::sync::{mpsc, oneshot};

use crate::catalogue::{BucketName, Catalogue, Change, Condition, ObjectKey, ObjectMeta, record};
use crate::code::Code;
use crate::fault::Fault;
use crate::object::{ObjectDir, Settled};

/// The most changes that share one sync of the journal.
const GROUP_LIMIT: usize = 64;
/// An object of more pieces than this fills a journal record of its own.
const GROUP_PIECES: usize = 64;

/// A change on its way, with the files that it will name.
#[derive(Debug)]
pub struct Commit {
    /// The change.
    pub change: Change,
    /// What must hold for it.
    pub condition: Condition,
    /// The files that it names; they go when it does not take effect.
    pub files: Vec<Settled>,
    /// Where the answer goes; nobody may be there any more.
    pub answer: oneshot::Sender<Result<(), Fault>>,
}

/// The state that readers share.
pub type Shared = Arc<RwLock<Catalogue>>;

/// Looks at the durable catalogue.
pub fn view<T>(shared: &Shared, look: impl FnOnce(&Catalogue) -> T) -> T {
    look(&shared.read().unwrap_or_else(PoisonError::into_inner))
}

/// The committer: it ends when every sender of commits is gone, with the journal closed.
#[derive(Debug)]
pub struct Committer {
    /// The durable log.
    pub journal: Journal,
    /// What readers see.
    pub shared: Shared,
    /// Where displaced files are removed.
    pub objects: ObjectDir,
}

impl Committer {
    /// Serves commits until no sender is left.
    pub async fn run(self, mut commits: mpsc::Receiver<Commit>) {
        let mut held = None;
        loop {
            let first = match held.take() {
                Some(commit) => commit,
                None => match commits.recv().await {
                    Some(commit) => commit,
                    None => break,
                },
            };
            let (group, next) = gather(first, &mut commits);
            held = next;
            self.commit(group).await;
        }
        if let Err(error) = self.journal.close().await {
            log::error!(code = error.code(); "the catalogue's journal did not close well");
        }
    }

    async fn commit(&self, group: Vec<Commit>) {
        let group: Vec<Commit> = view(&self.shared, |catalogue| {
            group
                .into_iter()
                .filter_map(|commit| decide(catalogue, commit))
                .collect()
        });
        if group.is_empty() {
            return;
        }
        let payload = record::encode(group.iter().map(|commit| &commit.change));
        match self.journal.append(payload).await {
            Ok(_sequence) => self.apply(group),
            Err(error) => fail(group, &error),
        }
    }

    fn apply(&self, group: Vec<Commit>) {
        for commit in group {
            let displaced = {
                let mut catalogue = self.shared.write().unwrap_or_else(PoisonError::into_inner);
                catalogue.apply(commit.change)
            };
            commit.files.into_iter().for_each(Settled::keep);
            answer(commit.answer, Ok(()));
            self.remove(displaced);
        }
    }

    /// Removes the files of a displaced object; readers that hold them open read on.
    fn remove(&self, displaced: Option<ObjectMeta>) {
        for piece in displaced.into_iter().flat_map(|meta| meta.pieces) {
            if let Err(error) = self.objects.remove(piece.file) {
                log::warn!(error:% = error; "left a displaced file; the next start removes it");
            }
        }
    }
}

/// Takes what waits, up to the first change that must see this group's effect.
fn gather(first: Commit, commits: &mut mpsc::Receiver<Commit>) -> (Vec<Commit>, Option<Commit>) {
    let mut places: BTreeSet<(BucketName, ObjectKey)> = BTreeSet::new();
    let alone = !claim(&mut places, &first);
    let mut group = vec![first];
    while !alone && group.len() < GROUP_LIMIT {
        let Ok(commit) = commits.try_recv() else {
            break;
        };
        if !claim(&mut places, &commit) {
            return (group, Some(commit));
        }
        group.push(commit);
    }
    (group, None)
}

/// Whether `commit` is independent of what is gathered: changes of a bucket never are.
fn claim(places: &mut BTreeSet<(BucketName, ObjectKey)>, commit: &Commit) -> bool {
    if commit.files.len() > GROUP_PIECES {
        return false;
    }
    match commit.change.place() {
        (bucket, Some(key)) => places.insert((bucket.clone(), key.clone())),
        (_, None) => false,
    }
}

/// A commit that may take effect; any other is answered and its files go.
fn decide(catalogue: &Catalogue, commit: Commit) -> Option<Commit> {
    match catalogue.decide(&commit.change, &commit.condition) {
        Ok(()) => Some(commit),
        Err(conflict) => {
            drop(commit.files);
            answer(commit.answer, Err(conflict.into()));
            None
        }
    }
}

fn fail(group: Vec<Commit>, error: &JournalError) {
    log::error!(code = error.code(), error:% = error; "the catalogue did not take a change");
    let code = match &error.kind {
        JournalErrorKind::Disk(disk) if disk.is_full() => Code::DiskFull,
        JournalErrorKind::Disk(_) => Code::DiskFault,
        JournalErrorKind::Exists
        | JournalErrorKind::Header { .. }
        | JournalErrorKind::Key { .. }
        | JournalErrorKind::Damaged { .. }
        | JournalErrorKind::Finished
        | JournalErrorKind::Owned
        | JournalErrorKind::Thread { .. }
        | JournalErrorKind::TooLarge { .. }
        | JournalErrorKind::Unsealed { .. }
        | JournalErrorKind::Timeout
        | JournalErrorKind::Poisoned(_)
        | JournalErrorKind::Closed => Code::CatalogueClosed,
    };
    for commit in group {
        if is_certain(&error.kind) {
            drop(commit.files);
        } else {
            // Whether the record reached the disk is not known, so the file it may name stays; the
            // next start removes it when nothing names it.
            commit.files.into_iter().for_each(Settled::keep);
        }
        let seen = format!("{}: {error}: {}", error.code(), error.kind);
        answer(commit.answer, Err(Fault::new(code, seen)));
    }
}

/// Whether the journal knows that nothing of the record is on disk.
fn is_certain(kind: &JournalErrorKind) -> bool {
    matches!(
        kind,
        JournalErrorKind::Disk(_)
            | JournalErrorKind::TooLarge { .. }
            | JournalErrorKind::Unsealed { .. }
            | JournalErrorKind::Closed
    )
}

fn answer(to: oneshot::Sender<Result<(), Fault>>, result: Result<(), Fault>) {
    if to.send(result).is_err() {
        log::debug!("a caller left before its answer");
    }
}
