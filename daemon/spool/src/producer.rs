//! The put-only handle of a spool.
//! Never reads what was put: it has no way to.

use crate::engine::Pending;
use crate::owner::{Command, QUEUE_KIB, Shared, tell};
use crate::position::{Position, SegmentId};
use crate::refusal::PutError;
use crate::segment::sealed_bytes;
use crate::settings::RECORD_BYTES_MAX;
use cofferdam_seal::{Tag, Zeroizing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What became of a record that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Stored now.
    Stored(Position),
    /// A record with this tag was stored before, there.
    Duplicate(Position),
}

/// How full a spool is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Bytes of the segments that count against the high-water mark.
    pub bytes: u64,
    /// The high-water mark.
    pub capacity_bytes: u64,
    /// Segments waiting for delivery.
    pub segments: u64,
    /// Records on disk and not delivered, those of the open segment included.
    pub records: u64,
    /// Dead letters that wait for an operator.
    pub dead: u64,
}

/// The put-only handle. Clones put into the same spool.
#[derive(Debug, Clone)]
pub struct Producer {
    shared: Arc<Shared>,
}

impl Producer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Stores one record and answers when it is on disk.
    ///
    /// A tag names a record: a second record with the tag of one that is here, or that was
    /// delivered lately, is [`Put::Duplicate`], which is answered only when the first copy is on
    /// disk. Dropping the future does not take the record back.
    ///
    /// # Errors
    /// [`PutError`]. After `Timeout` the record may be stored: put it again with the same tag.
    /// After every other error it is not.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    pub async fn put(&self, tag: Tag, payload: Vec<u8>) -> Result<Put, PutError> {
        let payload = Zeroizing::new(payload);
        let bytes = payload.len();
        if bytes > RECORD_BYTES_MAX || !self.shared.room.could_fit(sealed_bytes(bytes)) {
            return Err(PutError::TooLarge { bytes });
        }
        // A repeat of what is on disk needs neither room nor the owner thread.
        if let Some(position) = self.shared.window().find(&tag) {
            return Ok(Put::Duplicate(position));
        }
        let for_room = AtomicBool::new(false);
        let stored = self.store(tag, payload, &for_room);
        match timeout(self.shared.wait, stored).await {
            Ok(answer) => answer,
            Err(_elapsed) if for_room.load(Ordering::Relaxed) => Err(PutError::Full),
            Err(_elapsed) => Err(PutError::Timeout),
        }
    }

    async fn store(
        &self,
        tag: Tag,
        payload: Zeroizing<Vec<u8>>,
        for_room: &AtomicBool,
    ) -> Result<Put, PutError> {
        let shared = &self.shared;
        let bytes = sealed_bytes(payload.len());
        let promise = if let Some(promise) = shared.room.try_take(bytes) {
            promise
        } else {
            for_room.store(true, Ordering::Relaxed);
            let promise = shared.room.take(bytes, || shared.relieve()).await;
            for_room.store(false, Ordering::Relaxed);
            promise
        };
        let kib = u32::try_from(payload.len().div_ceil(1024)).unwrap_or(QUEUE_KIB);
        let places = kib.clamp(1, QUEUE_KIB);
        let place = shared.queue.acquire_many(places).await;
        // The owner gives the places back, also when nobody waits for the answer any more.
        place.map_err(|_closed| PutError::Closed)?.forget();
        let places = Places {
            shared: Arc::clone(shared),
            places,
        };
        let (reply, answer) = oneshot::channel();
        let pending = Pending {
            tag,
            payload,
            answer: Box::new(move |outcome| {
                drop((promise, places));
                tell(reply, outcome);
            }),
        };
        if !shared.send(Command::Put(pending)) {
            return Err(PutError::Closed);
        }
        answer.await.unwrap_or(Err(PutError::Closed))
    }

    /// Closes the open segment, so that it can be delivered; `None` when there is none.
    ///
    /// # Errors
    /// `Timeout`, `Disk` or `Closed`; what was acknowledged stays so.
    pub async fn flush(&self) -> Result<Option<SegmentId>, PutError> {
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Flush(reply));
        self.answer(answer).await
    }

    /// Closes the open segment and refuses every later put, of clones too. The consumer gets what
    /// is left and then [`crate::ConsumeError::Closed`].
    ///
    /// # Errors
    /// `Timeout`, `Disk` or `Closed`; what was acknowledged stays so.
    pub async fn close(self) -> Result<(), PutError> {
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Close(reply));
        self.answer(answer).await
    }

    /// How full the spool is.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.shared.depth()
    }

    async fn answer<T>(
        &self,
        answer: oneshot::Receiver<Result<T, crate::DiskError>>,
    ) -> Result<T, PutError> {
        match timeout(self.shared.wait, answer).await {
            Ok(Ok(outcome)) => outcome.map_err(PutError::Disk),
            Ok(Err(_gone)) => Err(PutError::Closed),
            Err(_elapsed) => Err(PutError::Timeout),
        }
    }
}

/// Places in the queue; given back when dropped.
struct Places {
    shared: Arc<Shared>,
    places: u32,
}

impl Drop for Places {
    fn drop(&mut self) {
        self.shared
            .queue
            .add_permits(usize::try_from(self.places).unwrap_or(0));
    }
}
