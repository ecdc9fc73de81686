//! What the tests of the spool stand on: keys, a receiver that applies each segment once, and a
//! model of what was promised. Never part of the program.

use super::{Engine, Pending, Progress};
use crate::consumer::Fate;
use crate::key_source::{KeySource, KeySourceError};
use crate::medium::Hold;
use crate::medium::simulated::{SimulatedDisk, wide};
use crate::position::{FileState, SegmentId, parse_file_name};
use crate::producer::Put;
use crate::recovery::Recovery;
use crate::refusal::PutError;
use crate::settings::SpoolSettings;
use crate::spool::start;
use cofferdam_seal::{
    FernetKey, Header, Keyring, RecordOpener, Tag, WrappedKey, Zeroizing, record,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(crate) const CONTEXT: &[u8] = b"intake-events";

/// Gives fresh keys under one keeper's key, which it keeps to read segments back.
pub(crate) struct TestKeys {
    master: FernetKey,
    ring: Keyring,
    pub(crate) given: Mutex<u64>,
}

impl TestKeys {
    pub(crate) fn new() -> Self {
        let master = FernetKey::generate().expect("randomness");
        let ring = Keyring::from_keys(vec![master.duplicate()]).expect("a keyring of one");
        Self {
            master,
            ring,
            given: Mutex::new(0),
        }
    }

    /// The tags and payloads of a segment, opened with its own key.
    pub(crate) fn open(&self, bytes: &[u8]) -> (Vec<(Tag, Vec<u8>)>, bool) {
        let header = Header::parse(bytes).expect("a header");
        let key = header.wrapped().open(&self.ring).expect("our own key");
        let mut opener = RecordOpener::new(&header, &key, CONTEXT).expect("our own segment");
        let mut rest = &bytes[cofferdam_seal::HEADER_LEN..];
        let mut records = Vec::new();
        while let Some(record) = opener.next(&mut rest).expect("an intact record") {
            records.push((record.tag, record.plain.to_vec()));
        }
        assert!(rest.is_empty(), "{} bytes are no record", rest.len());
        (records, opener.closed())
    }
}

impl KeySource for TestKeys {
    fn next(&self) -> Result<(FernetKey, WrappedKey), KeySourceError> {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let failed = |error| KeySourceError::new("no randomness").with_cause(error);
        let key = FernetKey::generate().map_err(failed)?;
        let wrapped = WrappedKey::seal(&self.master, &key, 1).map_err(failed)?;
        Ok((key, wrapped))
    }
}

/// The payload every record with this tag has.
pub(crate) fn payload(tag: Tag) -> Vec<u8> {
    let length = usize::from(tag[0]) * 7 % 200;
    [tag.to_vec(), vec![tag[0]; length]].concat()
}

pub(crate) fn tag(number: u8) -> Tag {
    let mut tag = [0; 16];
    tag[0] = number;
    tag[15] = 1;
    tag
}

pub(crate) fn settings() -> SpoolSettings {
    SpoolSettings {
        segment_bytes: 4000,
        segment_records: 6,
        segment_age: Duration::from_secs(5),
        attempts: 2,
        seen_window: 10_000,
        ..SpoolSettings::new(PathBuf::from("/spool"), "in1", CONTEXT)
    }
}

/// An engine on a simulated disk, and the model it is held against.
pub(crate) struct Rig {
    pub(crate) disk: SimulatedDisk,
    pub(crate) keys: TestKeys,
    pub(crate) settings: SpoolSettings,
    pub(crate) now_ms: u64,
    pub(crate) engine: Option<(Engine, Box<dyn Hold>)>,
    pub(crate) recovery: Recovery,
    /// Answered `Stored` or `Duplicate`.
    pub(crate) acknowledged: BTreeSet<Tag>,
    /// Under way when the machine stopped, or refused by a disk that then stopped.
    pub(crate) uncertain: BTreeSet<Tag>,
    /// Refused by a disk that has not yet let their bytes be cut.
    pub(crate) hanging: BTreeSet<Tag>,
    /// What a receiver that drops repeats has applied.
    pub(crate) received: BTreeMap<SegmentId, Vec<Tag>>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: SpoolSettings) -> Self {
        let mut rig = Self {
            disk: SimulatedDisk::default(),
            keys: TestKeys::new(),
            settings,
            now_ms: 1_000_000,
            engine: None,
            recovery: Recovery::default(),
            acknowledged: BTreeSet::new(),
            uncertain: BTreeSet::new(),
            hanging: BTreeSet::new(),
            received: BTreeMap::new(),
        };
        rig.reopen();
        rig
    }

    /// Opens the spool; stays without an engine when the machine stops meanwhile.
    pub(crate) fn reopen(&mut self) {
        self.stop();
        let disk = Arc::new(self.disk.clone());
        match start(disk, self.settings.clone(), self.now_ms) {
            Ok((engine, hold, recovery)) => {
                self.engine = Some((engine, hold));
                self.recovery = recovery;
            }
            Err(kind) => assert!(self.disk.is_dead(), "opening failed: {kind:?}"),
        }
    }

    /// The process ends without a word.
    pub(crate) fn stop(&mut self) {
        self.engine = None;
        self.uncertain.append(&mut self.hanging);
    }

    pub(crate) fn engine(&mut self) -> &mut Engine {
        &mut self.engine.as_mut().expect("the spool is open").0
    }

    /// Puts a batch; answers in the order of the tags.
    pub(crate) fn put(&mut self, tags: &[Tag]) -> Vec<Result<Put, PutError>> {
        let answers = Arc::new(Mutex::new(BTreeMap::new()));
        let mut queue: VecDeque<_> = (0..)
            .zip(tags)
            .map(|(number, tag): (usize, _)| {
                let answers = Arc::clone(&answers);
                Pending {
                    tag: *tag,
                    payload: Zeroizing::new(payload(*tag)),
                    answer: Box::new(move |answer| {
                        let former = answers.lock().expect("no poison").insert(number, answer);
                        assert!(former.is_none(), "answered twice");
                    }),
                }
            })
            .collect();
        let now_ms = self.now_ms;
        while self.engine().commit(&mut queue, now_ms) == Progress::NeedsKey {
            let key = self.keys.next().expect("a key");
            self.engine().offer_key(key);
        }
        let answers = std::mem::take(&mut *answers.lock().expect("no poison"));
        assert_eq!(answers.len(), tags.len(), "everything is answered");
        let (dead, hangs) = (self.disk.is_dead(), self.engine().retiring.is_some());
        for (tag, answer) in tags.iter().zip(answers.values()) {
            match answer {
                Ok(_) => drop(self.acknowledged.insert(*tag)),
                Err(_) if dead => drop(self.uncertain.insert(*tag)),
                Err(_) if hangs => drop(self.hanging.insert(*tag)),
                Err(_) => {}
            }
        }
        answers.into_values().collect()
    }

    /// Takes the head to the receiver, and tells the spool.
    pub(crate) fn deliver(&mut self) -> Option<SegmentId> {
        let id = self.receive()?;
        if let Err(error) = self.engine().delivered(&id) {
            assert_ne!(error.code(), "SP-020", "the head is known");
        }
        Some(id)
    }

    /// Takes the head to the receiver; the spool does not learn of it.
    pub(crate) fn receive(&mut self) -> Option<SegmentId> {
        let segment = self.engine().head()?;
        let bytes = self.disk.files()[&segment.path].clone();
        let (records, closed) = self.keys.open(&bytes);
        assert_eq!(wide(records.len()), segment.records);
        assert_eq!(closed, segment.closed);
        assert_eq!(wide(bytes.len()), segment.bytes);
        for (tag, plain) in &records {
            assert_eq!(*plain, payload(*tag));
        }
        let tags: Vec<_> = records.into_iter().map(|(tag, _)| tag).collect();
        let former = self.received.insert(segment.id.clone(), tags.clone());
        assert!(
            former.is_none_or(|former| former == tags),
            "a segment changed between offers"
        );
        Some(segment.id)
    }

    pub(crate) fn refuse_head(&mut self) -> Option<Fate> {
        let segment = self.engine().head()?;
        // What a receiver has, it does not refuse: it answers that it is there already.
        if self.received.contains_key(&segment.id) {
            return None;
        }
        let now_ms = self.now_ms;
        Some(
            self.engine()
                .failed(&segment.id, "refused\nby the test", now_ms),
        )
    }

    /// Everything that is anywhere, as the receiver would end up with it.
    pub(crate) fn inventory(&self) -> Vec<Tag> {
        let mut tags: Vec<Tag> = self.received.values().flatten().copied().collect();
        for (path, bytes) in self.disk.files() {
            let Some(number) = segment_of(&path) else {
                continue;
            };
            let id = SegmentId {
                producer: "in1".to_owned(),
                epoch: number.0,
                segment: number.1,
            };
            if self.received.contains_key(&id) {
                continue;
            }
            // Without a key: a tail a crash tore is not counted.
            tags.extend(
                record::scan(&bytes)
                    .map(|scan| scan.tags)
                    .unwrap_or_default(),
            );
        }
        tags
    }

    /// Acknowledged is delivered or present, exactly; nothing is there twice.
    pub(crate) fn check(&mut self) {
        if self
            .engine
            .as_ref()
            .is_none_or(|(engine, _)| engine.retiring.is_none())
        {
            self.hanging.clear();
        }
        let all = self.inventory();
        let once: BTreeSet<_> = all.iter().copied().collect();
        assert_eq!(all.len(), once.len(), "a record is there twice");
        let lost: Vec<_> = self.acknowledged.difference(&once).collect();
        assert!(lost.is_empty(), "acknowledged and gone: {lost:?}");
        let extra: Vec<_> = once
            .iter()
            .filter(|tag| !self.acknowledged.contains(*tag))
            .collect();
        let known = |tag: &Tag| self.uncertain.contains(tag) || self.hanging.contains(tag);
        let explained = extra.iter().all(|tag| known(tag));
        assert!(explained, "there without a promise: {extra:?}");
    }
}

fn segment_of(path: &Path) -> Option<(u64, u64)> {
    let (number, state) = parse_file_name(path.file_name()?.to_str()?)?;
    // The end of what was cut is no segment.
    if path.parent()?.ends_with("torn") {
        return None;
    }
    matches!(state, FileState::Open | FileState::Ready).then_some((number.epoch, number.segment))
}
