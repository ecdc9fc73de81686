//! What the tests share: a log in a directory that vanishes, its key, and entries to put into it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use crate::verify::{Fault, Verified, verify_dir};
use crate::{
    Entry, Event, OpenError, Phase, Receipt, Recovery, Settings, SignerKey, Status, Trail,
    VerifierKey,
};

/// The origin of every log here.
pub(crate) const ORIGIN: &str = "lab.internal/storage/st1";

/// A log's directory and key.
pub(crate) struct Scene {
    dir: tempfile::TempDir,
    key: String,
}

/// Settings under which nothing is published but on request.
pub(crate) fn quiet() -> Settings {
    let mut settings = Settings::new(
        "storage".parse().unwrap(),
        "st1".parse().unwrap(),
        "0.1.0-test",
    );
    settings.publish_every = Duration::from_hours(1);
    settings
}

/// Entry number `at`: different from all others, now and then long.
pub(crate) fn entry(at: u64) -> Entry {
    let events = Event::ALL;
    let event = events[usize::try_from(at).unwrap() % events.len()];
    Entry::new(event, Phase::Single, Status::Success)
        .at(1_795_464_169_000 + at)
        .with("resource", format!("obj:{at:08x}"))
        .with("note", "long ".repeat(usize::try_from(at % 23).unwrap()))
}

impl Scene {
    pub(crate) fn new() -> Self {
        let key = SignerKey::generate(ORIGIN).unwrap();
        Self {
            dir: tempfile::tempdir().unwrap(),
            key: key.to_text().to_string(),
        }
    }

    /// A log of this many leaves, published and closed.
    pub(crate) fn with_leaves(count: u64) -> Self {
        let scene = Self::new();
        let (trail, _) = scene.open();
        fill(&trail, 0..count);
        trail.close().unwrap();
        scene
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.dir.path().join("trail")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub(crate) fn signer(&self) -> SignerKey {
        SignerKey::from_text(&self.key).unwrap()
    }

    pub(crate) fn verifier(&self) -> VerifierKey {
        self.signer().verifier_key()
    }

    pub(crate) fn try_open(&self) -> Result<(Trail, Recovery), OpenError> {
        self.open_with(quiet())
    }

    pub(crate) fn open_with(&self, settings: Settings) -> Result<(Trail, Recovery), OpenError> {
        Trail::open(&self.dir(), self.signer(), settings, || 1_795_464_169_123)
    }

    pub(crate) fn open(&self) -> (Trail, Recovery) {
        self.try_open().unwrap()
    }

    /// The code with which opening is refused.
    pub(crate) fn refusal(&self) -> &'static str {
        self.try_open().map(|_| ()).unwrap_err().code()
    }

    pub(crate) fn verify(&self) -> Result<Verified, Fault> {
        verify_dir(&self.dir(), &[self.verifier()])
    }

    /// Everything as it lies on disk at this moment, as a power cut would leave it at best.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self {
            dir: tempfile::tempdir().unwrap(),
            key: self.key.clone(),
        };
        copy_folder(&self.dir(), &copy.dir());
        copy
    }

    /// Every published file, below the directory, in order.
    pub(crate) fn published(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        list(&self.dir(), &mut files);
        files.retain(|path| path.file_name().unwrap() != "wal");
        files.sort();
        files
    }

    /// Rewrites a file although it is read-only.
    pub(crate) fn rewrite(&self, name: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.dir().join(name);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
}

/// Records entries, all in flight at once, and waits for them.
pub(crate) fn fill(trail: &Trail, range: std::ops::Range<u64>) -> Vec<Receipt> {
    let (sender, receiver) = mpsc::channel();
    let count = range.end - range.start;
    for at in range {
        let sender = sender.clone();
        trail.submit(entry(at), move |result| sender.send(result).unwrap());
    }
    (0..count)
        .map(|_| receiver.recv().unwrap().unwrap())
        .collect()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_dir() {
            copy_folder(&file.path(), &to.join(file.file_name()));
        } else {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_dir() {
            list(&file.path(), files);
        } else {
            files.push(file.path());
        }
    }
}
