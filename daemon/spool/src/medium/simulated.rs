//! A disk that fails, fills up and loses power on demand, for the tests.
//! It keeps apart what a process sees and what a power cut leaves: bytes count after `sync`, names
//! after `sync_dir`. Changes to directories survive in their order, as a journal keeps them.

use super::{Appender, Entry, Hold, Medium};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EIO: i32 = 5;

/// A length as the files count it.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).expect("a small file")
}

#[derive(Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    dirs: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    pending: Vec<Change>,
    files: Vec<Content>,
    held: BTreeSet<PathBuf>,
    operations: u64,
    crash_at: Option<u64>,
    crash_share: u8,
    dead: bool,
    fail: Option<Fault>,
    free: Option<usize>,
    log: Vec<String>,
}

#[derive(Default, Clone)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Clone)]
enum Change {
    Name(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Change {
    fn touches(&self, dir: &Path) -> bool {
        let within = |path: &PathBuf| path.parent() == Some(dir);
        match self {
            Self::Name(path, _) | Self::Remove(path) => within(path),
            Self::Rename(from, to) => within(from) || within(to),
        }
    }

    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Name(path, file) => drop(names.insert(path, file)),
            Self::Remove(path) => drop(names.remove(&path)),
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
        }
    }
}

/// One kind of operation that fails once, or from now on.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) operation: &'static str,
    pub(crate) errno: i32,
    pub(crate) after: u64,
    pub(crate) times: u64,
}

impl SimulatedDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with the disk in hand")
    }

    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The names of the changing operations so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// Stops the machine at the `nth` changing operation from now; `share` of 255 of a write that
    /// is under way, and of every byte not yet synced, survives.
    pub(crate) fn crash_after(&self, nth: u64, share: u8) {
        let mut state = self.state();
        state.crash_at = Some(state.operations + nth);
        state.crash_share = share;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    pub(crate) fn fail(&self, fault: Option<Fault>) {
        self.state().fail = fault;
    }

    /// How many more bytes fit; `None` for as many as may come.
    pub(crate) fn set_free(&self, free: Option<usize>) {
        self.state().free = free;
    }

    /// The process ends; the machine goes on. What was written stays.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        state.dead = false;
        state.crash_at = None;
    }

    /// The machine loses power: of what was not synced, `share` of 255 survives.
    pub(crate) fn power_cut(&self, share: u8) {
        let mut state = self.state();
        let part = |whole: usize| whole * usize::from(share) / 255;
        let kept = part(state.pending.len());
        let pending = std::mem::take(&mut state.pending);
        for change in pending.into_iter().take(kept) {
            change.apply(&mut state.durable);
        }
        state.names = state.durable.clone();
        for content in &mut state.files {
            let survived = match content.now.strip_prefix(content.synced.as_slice()) {
                Some(tail) => content.synced.len() + part(tail.len()),
                None if share >= 128 => content.now.len(),
                None => {
                    content.now = content.synced.clone();
                    content.now.len()
                }
            };
            content.now.truncate(survived);
            content.synced = content.now.clone();
        }
        state.dead = false;
        state.crash_at = None;
    }

    /// Changes the bytes of a file behind its owner's back.
    pub(crate) fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let file = *state.names.get(path).expect("the file is there");
        let content = &mut state.files[file];
        change(&mut content.now);
        content.synced = content.now.clone();
    }

    pub(crate) fn put_file(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let file = state.files.len();
        state.files.push(Content {
            now: bytes.to_vec(),
            synced: bytes.to_vec(),
        });
        state.names.insert(path.to_path_buf(), file);
        state.durable.insert(path.to_path_buf(), file);
    }

    pub(crate) fn free(&self) -> Option<usize> {
        self.state().free
    }

    /// Every file as a process sees it.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        state
            .names
            .iter()
            .map(|(path, file)| (path.clone(), state.files[*file].now.clone()))
            .collect()
    }
}

impl State {
    fn alive(&self) -> io::Result<()> {
        if self.dead {
            Err(io::Error::from_raw_os_error(EIO))
        } else {
            Ok(())
        }
    }

    /// Counts a changing operation; `Err` when it is to fail, after it did `share` of its work.
    fn step(&mut self, operation: &'static str) -> io::Result<()> {
        self.alive()?;
        self.operations += 1;
        self.log.push(operation.to_owned());
        if self.crash_at.is_some_and(|at| self.operations > at) {
            self.dead = true;
            return self.alive();
        }
        let Some(fault) = &mut self.fail else {
            return Ok(());
        };
        if fault.operation != operation && fault.operation != "any" {
            return Ok(());
        }
        if fault.after > 0 {
            fault.after -= 1;
            return Ok(());
        }
        if fault.times == 0 {
            return Ok(());
        }
        fault.times -= 1;
        Err(io::Error::from_raw_os_error(fault.errno))
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.names);
        self.pending.push(change);
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl Appender for SimulatedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let was_dead = state.dead;
        if let Err(error) = state.step("append") {
            let share = usize::from(state.crash_share);
            let part = if was_dead {
                0
            } else {
                bytes.len() * share / 255
            };
            state.files[self.file].now.extend_from_slice(&bytes[..part]);
            return Err(error);
        }
        let fits = state.free.map_or(bytes.len(), |free| free.min(bytes.len()));
        state.free = state.free.map(|free| free - fits);
        state.files[self.file].now.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() {
            Err(io::Error::from_raw_os_error(ENOSPC))
        } else {
            Ok(())
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step("sync")?;
        let content = &mut state.files[self.file];
        content.synced = content.now.clone();
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step("cut")?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let now = &mut state.files[self.file].now;
        let gone = now.len().saturating_sub(length);
        now.resize(length, 0);
        state.free = state.free.map(|free| free + gone);
        Ok(())
    }
}

struct SimulatedHold {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl Hold for SimulatedHold {}

impl Drop for SimulatedHold {
    fn drop(&mut self) {
        self.disk.state().held.remove(&self.path);
    }
}

impl Medium for SimulatedDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        self.state().alive()?;
        self.state().dirs.insert(dir.to_path_buf());
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state();
        state.alive()?;
        let within = |path: &Path| path.parent() == Some(dir);
        let entry = |(path, file): (&PathBuf, &usize)| Entry {
            name: path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            bytes: wide(state.files[*file].now.len()),
        };
        Ok(state
            .names
            .iter()
            .filter(|(path, _)| within(path))
            .map(entry)
            .collect())
    }

    fn read(&self, file: &Path, offset: u64, max: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        state.alive()?;
        let bytes = &state.files[state.file(file)?].now;
        let begin = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let end = begin
            .saturating_add(usize::try_from(max).unwrap_or(usize::MAX))
            .min(bytes.len());
        Ok(bytes[begin..end].to_vec())
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn Appender>> {
        let mut state = self.state();
        state.step("create")?;
        if state.names.contains_key(file) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = state.files.len();
        state.files.push(Content::default());
        state.change(Change::Name(file.to_path_buf(), number));
        Ok(Box::new(SimulatedFile {
            disk: self.clone(),
            file: number,
        }))
    }

    fn reopen(&self, file: &Path) -> io::Result<Box<dyn Appender>> {
        let state = self.state();
        state.alive()?;
        Ok(Box::new(SimulatedFile {
            disk: self.clone(),
            file: state.file(file)?,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step("rename")?;
        state.file(from)?;
        state.change(Change::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        let mut state = self.state();
        let number = state.file(file)?;
        state.step("remove")?;
        let gone = state.files[number].now.len();
        state.free = state.free.map(|free| free + gone);
        state.change(Change::Remove(file.to_path_buf()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step("sync_dir")?;
        let last = state.pending.iter().rposition(|change| change.touches(dir));
        let durable = last.map_or(0, |last| last + 1);
        let changes: Vec<_> = state.pending.drain(..durable).collect();
        for change in changes {
            change.apply(&mut state.durable);
        }
        Ok(())
    }

    fn hold(&self, file: &Path) -> io::Result<Box<dyn Hold>> {
        let mut state = self.state();
        state.alive()?;
        if !state.held.insert(file.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimulatedHold {
            disk: self.clone(),
            path: file.to_path_buf(),
        }))
    }
}
