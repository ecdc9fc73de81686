//! Tests of the writer: groups, faults of the disk, failing closed.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Answer, Command, Log, Parts, Shared, start};
use crate::edge::Edge;
use crate::publish::Publisher;
use crate::scene::{ORIGIN, Scene, entry, fill};
use crate::wal::disk::Medium;
use crate::{AppendError, AppendErrorKind, Checkpoint, Receipt};

/// A file that fails on demand.
#[derive(Debug, Default)]
struct Faulty {
    write: Arc<AtomicBool>,
    sync: Arc<AtomicBool>,
    length: u64,
}

impl Medium for Faulty {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.write.load(Ordering::Relaxed) {
            Err(io::Error::from_raw_os_error(28))
        } else {
            Ok(())
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.sync.load(Ordering::Relaxed) {
            Err(io::Error::from_raw_os_error(5))
        } else {
            Ok(())
        }
    }

    fn standing(&self) -> Result<(), AppendErrorKind> {
        Ok(())
    }

    fn replace(&mut self, _bytes: &[u8]) -> io::Result<()> {
        self.sync()
    }

    fn len(&self) -> u64 {
        self.length
    }
}

/// A writer over a faulty file.
struct Rig {
    scene: Scene,
    shared: Arc<Shared>,
    queue: SyncSender<Command>,
    thread: JoinHandle<()>,
    write: Arc<AtomicBool>,
    sync: Arc<AtomicBool>,
}

impl Rig {
    fn new(wal_limit_bytes: u64) -> Self {
        let scene = Scene::with_leaves(0);
        let faulty = Faulty::default();
        let (write, sync) = (Arc::clone(&faulty.write), Arc::clone(&faulty.sync));
        let shared = Arc::new(Shared::new(ORIGIN, 0));
        let (sender, queue) = sync_channel(1000);
        let thread = start(Parts {
            shared: Arc::clone(&shared),
            queue,
            log: Log::new(ORIGIN, Box::new(faulty), Edge::default()),
            publisher: Publisher::new(&scene.dir(), scene.signer()),
            publish_every: Duration::from_hours(1),
            wal_limit_bytes,
            lock: fs::File::open(scene.dir()).unwrap(),
        });
        Self {
            scene,
            shared,
            queue: sender,
            thread: thread.unwrap(),
            write,
            sync,
        }
    }

    fn append(&self) -> Receiver<Result<Receipt, AppendError>> {
        let (sender, receiver) = sync_channel(1);
        let done = Box::new(move |result| sender.send(result).unwrap());
        let answer = Answer::new(&self.shared, done);
        let line =
            format!(",\"log_name\":\"{ORIGIN}\",\"cofferdam\":{{\"event\":\"heartbeat\"}}}}");
        self.queue
            .send(Command::Append {
                line: line.into_bytes(),
                answer,
            })
            .unwrap();
        receiver
    }

    fn publish(&self) -> Receiver<Result<Checkpoint, AppendError>> {
        let (sender, receiver) = sync_channel(1);
        self.queue.send(Command::Publish(sender)).unwrap();
        receiver
    }

    fn end(self) -> Scene {
        drop(self.queue);
        self.thread.join().unwrap();
        self.scene
    }
}

#[test]
fn a_failed_write_refuses_the_whole_batch_and_everything_after_it() {
    let rig = Rig::new(u64::MAX);
    assert_eq!(rig.append().recv().unwrap().unwrap().index, 0);
    rig.write.store(true, Ordering::Relaxed);
    let error = rig.append().recv().unwrap().unwrap_err();
    assert_eq!(error.code(), "TR-310");
    assert!(error.to_string().contains("os error 28"), "{error}");
    // The disk is well again; the log stays shut, because nobody knows what it holds.
    rig.write.store(false, Ordering::Relaxed);
    assert_eq!(rig.append().recv().unwrap().unwrap_err(), error);
    assert_eq!(rig.publish().recv().unwrap().unwrap_err(), error);
    assert_eq!(rig.shared.shut(), Err(error));
    assert_eq!(rig.end().verify().unwrap().size, 0);
}

#[test]
fn a_failed_fdatasync_is_never_tried_again() {
    let rig = Rig::new(u64::MAX);
    rig.sync.store(true, Ordering::Relaxed);
    let error = rig.append().recv().unwrap().unwrap_err();
    assert_eq!(error.code(), "TR-310");
    rig.sync.store(false, Ordering::Relaxed);
    assert_eq!(rig.append().recv().unwrap().unwrap_err(), error);
    rig.end();
}

#[test]
fn a_wal_that_cannot_be_begun_anew_shuts_the_log() {
    let rig = Rig::new(1);
    let answers: Vec<_> = (0..300).map(|_| rig.append()).collect();
    assert!(answers.iter().all(|answer| answer.recv().unwrap().is_ok()));
    rig.sync.store(true, Ordering::Relaxed);
    assert_eq!(rig.publish().recv().unwrap().unwrap().size, 300);
    // The next command finds the log shut, or shuts it itself.
    assert_eq!(rig.append().recv().unwrap().unwrap_err().code(), "TR-310");
    rig.end();
}

#[test]
fn a_checkpoint_that_cannot_be_published_shuts_the_log() {
    let rig = Rig::new(u64::MAX);
    assert!(rig.append().recv().unwrap().is_ok());
    fs::write(rig.scene.path("tile"), b"in the way").unwrap();
    let error = rig.publish().recv().unwrap().unwrap_err();
    assert_eq!(error.code(), "TR-314");
    assert_eq!(rig.append().recv().unwrap().unwrap_err(), error);
    rig.end();
}

#[test]
fn a_writer_without_handles_publishes_what_is_left() {
    let rig = Rig::new(u64::MAX);
    let answers: Vec<_> = (0..300).map(|_| rig.append()).collect();
    assert!(answers.iter().all(|answer| answer.recv().unwrap().is_ok()));
    assert_eq!(rig.end().verify().unwrap().size, 300);
}

/// Each way to take the wal away from under the log, and the code that says so.
fn check_wal(change: impl FnOnce(&Scene), code: &str) {
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..3);
    change(&scene);
    let error = trail.append(entry(3)).unwrap_err();
    assert_eq!(error.code(), code);
    assert_eq!(trail.append(entry(4)).unwrap_err(), error);
    assert_eq!(trail.publish().unwrap_err(), error);
    assert_eq!(trail.health().unwrap_err(), error);
    assert_eq!(error.refusal().code, code);
    assert_eq!(trail.close().unwrap_err(), error);
    assert_eq!(
        scene.verify().unwrap().size,
        0,
        "nothing is signed after the fault"
    );
}

#[test]
fn an_unlinked_wal_shuts_the_log() {
    check_wal(
        |scene| fs::remove_file(scene.path("wal")).unwrap(),
        "TR-311",
    );
}

#[test]
fn a_replaced_wal_shuts_the_log() {
    let replace = |scene: &Scene| {
        fs::hard_link(scene.path("wal"), scene.path("kept")).unwrap();
        fs::copy(scene.path("wal"), scene.path("copy")).unwrap();
        fs::rename(scene.path("copy"), scene.path("wal")).unwrap();
    };
    check_wal(replace, "TR-312");
}

#[test]
fn a_truncated_wal_shuts_the_log() {
    let truncate = |scene: &Scene| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(scene.path("wal"))
            .unwrap();
        file.set_len(10).unwrap();
    };
    check_wal(truncate, "TR-313");
}

#[test]
fn a_directory_moved_away_shuts_the_log() {
    let away = |scene: &Scene| fs::rename(scene.dir(), scene.path("../away")).unwrap();
    let scene = Scene::new();
    let (trail, _) = scene.open();
    fill(&trail, 0..3);
    away(&scene);
    assert_eq!(trail.append(entry(3)).unwrap_err().code(), "TR-311");
}
