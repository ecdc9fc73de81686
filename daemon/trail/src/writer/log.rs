//! The log itself, without threads: the frame under construction, the edge of the tree, what is not
//! yet published, and the file. Every method runs in the writer's thread.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use crate::edge::{Edge, TileBytes};
use crate::leaf;
use crate::publish::{FullBundle, Publication};
use crate::tile::{Bundle, FULL_WIDTH};
use crate::wal::disk::Medium;
use crate::wal::{Frame, header};
use crate::{AppendErrorKind, Checkpoint, Hash};

/// The state of one open log.
#[derive(Debug)]
pub(crate) struct Log {
    origin: String,
    medium: Box<dyn Medium>,
    /// The place of the first leaf in the wal.
    wal_start: u64,
    chain: Hash,
    frame: Frame,
    edge: Edge,
    /// The leaves of the open bundle, as they will stand in it, and their hashes.
    open_bytes: Vec<u8>,
    open_hashes: Vec<Hash>,
    /// What no publication has taken yet.
    new_bundles: Vec<Arc<FullBundle>>,
    new_tiles: Vec<TileBytes>,
    /// What the next wal will have to hold, as far as it is known.
    retained: VecDeque<Arc<FullBundle>>,
}

impl Log {
    /// A log that goes on from an edge whose open bundle is empty. Whoever has replayed what a
    /// medium holds puts a new wal in its place with [`Log::begin_wal`] before anything is added.
    pub(crate) fn new(origin: &str, medium: Box<dyn Medium>, edge: Edge) -> Self {
        let start = edge.size();
        Self {
            origin: origin.to_owned(),
            medium,
            wal_start: start,
            chain: header(origin, start).1,
            frame: Frame::begin(start, Vec::new(), Vec::new()),
            edge,
            open_bytes: Vec::new(),
            open_hashes: Vec::new(),
            new_bundles: Vec::new(),
            new_tiles: Vec::new(),
            retained: VecDeque::new(),
        }
    }

    /// How many leaves are durable.
    pub(crate) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root of the durable leaves.
    pub(crate) fn root(&self) -> Hash {
        self.edge.root()
    }

    /// How many bytes the frame under construction has.
    pub(crate) fn pending(&self) -> usize {
        self.frame.bytes.len()
    }

    /// How many bundles no publication has taken yet.
    pub(crate) fn unpublished(&self) -> usize {
        self.new_bundles.len()
    }

    /// Adds a rendered entry to the frame under construction.
    pub(crate) fn add(&mut self, line: &[u8]) {
        let sequence = self.frame.next();
        self.frame.leaf(|out| leaf::write_line(sequence, line, out));
    }

    /// Writes the frame and returns once it is on disk and reachable; gives the first sequence.
    pub(crate) fn commit(&mut self) -> Result<u64, AppendErrorKind> {
        let wal = |cause: std::io::Error| AppendErrorKind::Wal(cause.to_string());
        let chain = self.frame.finish(&self.chain);
        self.medium.append(&self.frame.bytes).map_err(wal)?;
        self.medium.sync().map_err(wal)?;
        self.medium.standing()?;
        self.chain = chain;
        Ok(self.edge.size())
    }

    /// The places and hashes of the leaves in the frame just committed.
    pub(crate) fn hashes(&self, first: u64) -> impl Iterator<Item = (u64, Hash)> {
        (first..).zip(self.frame.hashes.iter().copied())
    }

    /// Takes the committed frame into the tree and begins the next.
    pub(crate) fn absorb(&mut self) {
        let frame = mem::replace(&mut self.frame, Frame::begin(0, Vec::new(), Vec::new()));
        self.replay(frame.payload(), &frame.hashes);
        self.frame = Frame::begin(self.edge.size(), frame.bytes, frame.hashes);
    }

    /// Drops the frame under construction: it was not acknowledged.
    pub(crate) fn forget(&mut self) {
        let frame = mem::replace(&mut self.frame, Frame::begin(0, Vec::new(), Vec::new()));
        self.frame = Frame::begin(self.edge.size(), frame.bytes, frame.hashes);
    }

    /// Takes leaves into the tree that are durable already.
    pub(crate) fn replay(&mut self, payload: &[u8], hashes: &[Hash]) {
        for (leaf, hash) in Bundle::new(payload).flatten().zip(hashes) {
            self.replay_leaf(leaf, *hash);
        }
    }

    /// Takes one leaf into the tree that is durable already.
    pub(crate) fn replay_leaf(&mut self, leaf: &[u8], hash: Hash) {
        let length = u16::try_from(leaf.len()).expect("a leaf is within its limit");
        self.open_bytes.extend_from_slice(&length.to_be_bytes());
        self.open_bytes.extend_from_slice(leaf);
        self.open_hashes.push(hash);
        self.edge.push(hash, &mut self.new_tiles);
        if self.open_hashes.len() == usize::from(FULL_WIDTH) {
            let index = (self.edge.size() / u64::from(FULL_WIDTH)).saturating_sub(1);
            let room = self.open_bytes.len();
            let bytes = mem::replace(&mut self.open_bytes, Vec::with_capacity(room));
            let hashes = mem::take(&mut self.open_hashes);
            let bundle = Arc::new(FullBundle {
                index,
                bytes,
                hashes,
            });
            self.retained.push_back(Arc::clone(&bundle));
            self.new_bundles.push(bundle);
        }
    }

    /// Everything new since the last publication, with the checkpoint over it.
    pub(crate) fn publication(&mut self) -> Publication {
        Publication {
            bundles: mem::take(&mut self.new_bundles),
            full_tiles: mem::take(&mut self.new_tiles),
            partial_tiles: self.edge.partials(),
            partial_bundle: self.open_bytes.clone(),
            checkpoint: Checkpoint {
                origin: self.origin.clone(),
                size: self.edge.size(),
                root: self.edge.root(),
            },
        }
    }

    /// Lets go of bundles that no later wal needs; says how long the wal is.
    pub(crate) fn release(&mut self, published: u64) -> u64 {
        let first = published / u64::from(FULL_WIDTH);
        while self
            .retained
            .front()
            .is_some_and(|bundle| bundle.index < first)
        {
            self.retained.pop_front();
        }
        self.medium.len()
    }

    /// Starts a new wal at the last bundle boundary that is published, if that is further on.
    pub(crate) fn shorten(&mut self, published: u64) -> Result<(), AppendErrorKind> {
        let start = published / u64::from(FULL_WIDTH) * u64::from(FULL_WIDTH);
        if start <= self.wal_start {
            return Ok(());
        }
        self.medium.standing()?;
        self.begin_wal(published)
    }

    /// Puts a wal in place that holds only what the published bundles do not.
    pub(crate) fn begin_wal(&mut self, published: u64) -> Result<(), AppendErrorKind> {
        self.release(published);
        let start = published / u64::from(FULL_WIDTH) * u64::from(FULL_WIDTH);
        let (mut bytes, mut chain) = header(&self.origin, start);
        let full = self
            .retained
            .iter()
            .map(|bundle| (&bundle.bytes, &bundle.hashes));
        let mut first = start;
        for (payload, hashes) in full.chain([(&self.open_bytes, &self.open_hashes)]) {
            if hashes.is_empty() {
                continue;
            }
            let mut frame = Frame::begin(first, Vec::new(), Vec::new());
            frame.copy(payload, hashes);
            first = frame.next();
            chain = frame.finish(&chain);
            bytes.extend_from_slice(&frame.bytes);
        }
        let wal = |cause: std::io::Error| AppendErrorKind::Wal(cause.to_string());
        self.medium.replace(&bytes).map_err(wal)?;
        self.chain = chain;
        self.wal_start = start;
        self.forget();
        Ok(())
    }
}
