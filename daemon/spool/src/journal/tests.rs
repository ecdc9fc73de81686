//! The journal, on a disk that fails on demand and on a real one: the rig and the records of its
//! specifications.

mod appending;
mod failures;
mod opening;

use super::*;
use crate::medium::simulated::{SimulatedDisk, wide};
use std::path::PathBuf;

const CONTEXT: &[u8] = b"catalogue";

struct Rig {
    disk: SimulatedDisk,
    path: PathBuf,
    key: FernetKey,
    wrapped: WrappedKey,
    master: FernetKey,
    runtime: tokio::runtime::Runtime,
}

impl Rig {
    fn new() -> Self {
        let master = FernetKey::generate().unwrap();
        let key = FernetKey::generate().unwrap();
        let wrapped = WrappedKey::seal(&master, &key, 7).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let disk = SimulatedDisk::default();
        Self {
            disk,
            path: PathBuf::from("/catalogue/journal"),
            key,
            wrapped,
            master,
            runtime,
        }
    }

    fn create(&self) -> Result<Journal, JournalError> {
        let disk = Arc::new(self.disk.clone());
        Journal::create_on(disk, &self.path, (&self.key, &self.wrapped), CONTEXT, 7)
    }

    fn open(&self) -> Result<(Journal, Vec<Vec<u8>>), JournalError> {
        let disk = Arc::new(self.disk.clone());
        let mut records = Vec::new();
        let journal = Journal::open_on(disk, &self.path, &self.key, CONTEXT, &mut |record| {
            records.push(record.to_vec());
        })?;
        Ok((journal, records))
    }

    fn close(&self, journal: Journal) {
        self.runtime.block_on(journal.close()).unwrap();
    }

    fn bytes(&self) -> Vec<u8> {
        self.disk.files()[&self.path].clone()
    }
}

fn record(number: usize) -> Vec<u8> {
    format!("record {number} ")
        .repeat(number % 7 + 1)
        .into_bytes()
}

fn records(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(record).collect()
}

/// A journal of so many commits of one record each, closed.
fn written(count: usize) -> Rig {
    let rig = Rig::new();
    let journal = rig.create().unwrap();
    for number in 0..count {
        assert_eq!(
            journal.append_blocking(record(number)).unwrap(),
            wide(number)
        );
    }
    rig.close(journal);
    rig
}

/// The offsets at which the records of a journal begin, and its length.
fn offsets(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![HEADER_LEN];
    let mut at = HEADER_LEN;
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        at += cofferdam_seal::record::HEAD_LEN + usize::try_from(length).unwrap();
        offsets.push(at);
    }
    offsets
}
