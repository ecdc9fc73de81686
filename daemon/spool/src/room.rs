//! The high-water mark: how many bytes are on disk or on their way, and who waits for room.
//! Never blocks a thread and never gives more than there is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The room of one spool, shared by its producers and its owner thread.
#[derive(Debug)]
pub(crate) struct Room {
    capacity: u64,
    taken: Mutex<Taken>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    /// Bytes of the segment files.
    on_disk: u64,
    /// Bytes promised to records that are not on disk yet.
    promised: u64,
}

/// Room promised to one record; given back when dropped.
#[derive(Debug)]
pub(crate) struct Promise {
    room: Arc<Room>,
    bytes: u64,
}

impl Room {
    pub(crate) fn new(capacity: u64, on_disk: u64) -> Arc<Self> {
        let taken = Mutex::new(Taken {
            on_disk,
            promised: 0,
        });
        Arc::new(Self {
            capacity,
            taken,
            changed: Notify::new(),
        })
    }

    /// Whether so many bytes could ever fit.
    pub(crate) fn could_fit(&self, bytes: u64) -> bool {
        bytes <= self.capacity
    }

    /// Takes room if there is some now.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Promise> {
        let mut taken = self.taken();
        let sum = taken
            .on_disk
            .saturating_add(taken.promised)
            .saturating_add(bytes);
        if sum > self.capacity {
            return None;
        }
        taken.promised += bytes;
        Some(Promise {
            room: Arc::clone(self),
            bytes,
        })
    }

    /// Waits for room, and tells so each time there is none; the caller brings the deadline.
    pub(crate) async fn take(self: &Arc<Self>, bytes: u64, tell: impl Fn()) -> Promise {
        loop {
            // Made before the check: a change in between wakes it.
            let changed = self.changed.notified();
            if let Some(promise) = self.try_take(bytes) {
                return promise;
            }
            tell();
            changed.await;
        }
    }

    /// The segment files have this many bytes now.
    pub(crate) fn set_on_disk(&self, bytes: u64) {
        let mut taken = self.taken();
        let shrank = bytes < taken.on_disk;
        taken.on_disk = bytes;
        drop(taken);
        if shrank {
            self.changed.notify_waiters();
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.promised = taken.promised.saturating_sub(self.bytes);
        drop(taken);
        self.room.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_up_to_the_mark_and_not_a_byte_further() {
        let room = Room::new(100, 40);
        let first = room.try_take(60).expect("60 of 60 free bytes");
        assert!(room.try_take(1).is_none());
        drop(first);
        assert!(room.try_take(61).is_none());
        assert!(room.try_take(60).is_some());
    }

    #[test]
    fn a_spool_found_above_its_mark_gives_nothing_until_it_shrank() {
        let room = Room::new(100, 400);
        assert!(room.try_take(1).is_none());
        room.set_on_disk(99);
        assert!(room.try_take(1).is_some());
    }

    #[tokio::test]
    async fn a_waiter_is_woken_by_the_first_delivery_that_makes_room() {
        let room = Room::new(100, 100);
        let waiter = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.take(10, || {}).await.bytes }
        });
        tokio::task::yield_now().await;
        room.set_on_disk(95);
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        room.set_on_disk(90);
        assert_eq!(waiter.await.expect("the waiter ends"), 10);
    }
}
