//! One stream or survey: its queue, its window, its rule. It turns what came in into sealed records and answers only once they are
//! durable; it never reads one back.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cofferdam_node::{Exit, Node, StartError};
use cofferdam_rack::ZoneName;
use cofferdam_seal::{FernetKey, WrappedKey, random_tag};
use cofferdam_spool::{
    Consumer, KeySource, KeySourceError, Position, Producer, Put, Recovery, SpoolSettings, Tag,
};
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::identity::Namer;
use crate::record::{Incoming, RECORD_BYTES_MAX};
use crate::refusal::NotTaken;
use crate::settings::IntakeSettings;
use crate::summary::Window;
use crate::survey::Survey;

/// A stream or a survey.
#[derive(Debug)]
pub struct Lane {
    name: String,
    bucket: String,
    survey: Option<Survey>,
    producer: Producer,
    window: Mutex<Window>,
}

/// What became of the records of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// How many are stored now.
    pub stored: usize,
    /// How many were there before.
    pub duplicates: usize,
    /// Where the first of them stands.
    pub first: Option<Position>,
    /// Where the last of them stands.
    pub last: Option<Position>,
}

/// Who sent the records and what it says of them.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The peer.
    pub peer: &'a str,
    /// Its `Idempotency-Key`.
    pub key: Option<&'a str>,
}

/// Asks the keeper for the key of the next segment, from the queue's own thread.
#[derive(Debug)]
struct SegmentKeys {
    node: Arc<Node>,
    owner: ZoneName,
    runtime: tokio::runtime::Handle,
}

impl KeySource for SegmentKeys {
    fn next(&self) -> Result<(FernetKey, WrappedKey), KeySourceError> {
        self.runtime
            .block_on(self.node.keys().take(&self.owner))
            .map_err(|error| KeySourceError::new("the keeper gave no key").with_cause(error))
    }
}

impl Lane {
    /// Opens the queue of a stream or survey; what a crash left is mended and told.
    ///
    /// # Errors
    /// The queue's directory cannot be used.
    pub fn open(
        node: &Arc<Node>,
        owner: &ZoneName,
        settings: &IntakeSettings,
        name: &str,
        survey: Option<Survey>,
    ) -> Result<(Self, Consumer, Recovery), StartError> {
        let bucket = format!("intake-{name}");
        let directory = node.state().join("spool").join(name);
        let mut spool = SpoolSettings::new(directory, node.name().to_string(), bucket.as_bytes());
        spool.segment_age = Duration::from_secs(settings.segment_seconds.max(1));
        spool.segment_records = settings.segment_records.max(1);
        spool.capacity_bytes = settings.capacity_bytes;
        let keys = SegmentKeys {
            node: Arc::clone(node),
            owner: owner.clone(),
            runtime: tokio::runtime::Handle::current(),
        };
        let ticking = node.clock().clone();
        let clock: cofferdam_spool::Clock = Arc::new(move || ticking.unix_ms());
        let (producer, consumer, recovery) = cofferdam_spool::open(spool, Arc::new(keys), clock)
            .map_err(|error| StartError::new(Exit::TryAgain, open_refusal(&error)))?;
        let window = Window::new(
            settings.window_seconds,
            settings.min_group,
            node.clock().unix_ms(),
        );
        let lane = Self {
            name: name.to_owned(),
            bucket,
            survey,
            producer,
            window: Mutex::new(window),
        };
        Ok((lane, consumer, recovery))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bucket its batches go to.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Its queue's producing side.
    #[must_use]
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// The open window.
    #[must_use]
    pub fn summary(&self) -> Value {
        self.window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .show()
    }

    /// Seals the records of a request and answers when every one is on disk.
    ///
    /// # Errors
    /// A record is not what it should be, and none was taken; or one could not be made durable, and nothing is acknowledged.
    pub async fn take(
        &self,
        namer: &Namer,
        sender: Sender<'_>,
        records: &[Incoming],
        now_ms: u64,
    ) -> Result<Receipt, NotTaken> {
        if let Some(survey) = &self.survey {
            for (index, record) in records.iter().enumerate() {
                survey.check(index + 1, &record.content)?;
            }
        }
        let sealed = records
            .iter()
            .enumerate()
            .map(|(index, record)| self.prepare(namer, sender, index, record, now_ms))
            .collect::<Result<Vec<_>, _>>()?;
        let puts = sealed
            .into_iter()
            .map(|(tag, line)| self.producer.put(tag, line));
        let mut receipt = Receipt {
            stored: 0,
            duplicates: 0,
            first: None,
            last: None,
        };
        for put in join_all(puts).await {
            let position = match put.map_err(|error| NotTaken::not_durable(&error))? {
                Put::Stored(position) => {
                    receipt.stored += 1;
                    position
                }
                Put::Duplicate(position) => {
                    receipt.duplicates += 1;
                    position
                }
            };
            receipt.first = receipt.first.or(Some(position));
            receipt.last = Some(position);
        }
        self.analyse(records, receipt.duplicates, now_ms);
        Ok(receipt)
    }

    /// The name of a record and the line that is sealed.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of take, cut out for length"
    )]
    fn prepare(
        &self,
        namer: &Namer,
        sender: Sender<'_>,
        index: usize,
        record: &Incoming,
        now_ms: u64,
    ) -> Result<(Tag, Vec<u8>), NotTaken> {
        let tag = match (sender.key, &record.origin) {
            (Some(key), _) => namer.by_key(&self.name, sender.peer, key, index),
            (None, Some(origin)) => namer.by_origin(&self.name, sender.peer, origin),
            (None, None) => random_tag().map_err(|_random| NotTaken::no_randomness())?,
        };
        let id = match &record.origin {
            Some(origin) => origin.id.clone(),
            None => cofferdam_node::hex(&tag),
        };
        let line = json!({
            "id": id,
            "received": rfc3339(now_ms),
            "source": self.name,
            "type": record.kind.as_deref().unwrap_or(&self.name),
            "data": record.content,
        });
        let mut line = line.to_string().into_bytes();
        line.push(b'\n');
        if line.len() > RECORD_BYTES_MAX {
            let seen = format!(
                "record {}: {} bytes; at most {RECORD_BYTES_MAX}",
                index + 1,
                line.len()
            );
            return Err(NotTaken::too_large(seen));
        }
        Ok((tag, line))
    }

    /// Repeats are not analysed twice; a request that mixes old and new ones is rare and left out whole.
    fn analyse(&self, records: &[Incoming], duplicates: usize, now_ms: u64) {
        if duplicates > 0 {
            return;
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            window.add(&record.content, now_ms);
        }
    }
}

/// Waits for all at once, so that they share one fdatasync; results in order.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut open = false;
        for (slot, result) in waiting.iter_mut().zip(&mut done) {
            let Some(future) = slot else { continue };
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(output) => {
                    *result = Some(output);
                    *slot = None;
                }
                std::task::Poll::Pending => open = true,
            }
        }
        if open {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

fn rfc3339(unix_ms: u64) -> String {
    let nanoseconds = i128::from(unix_ms).saturating_mul(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}

fn open_refusal(error: &cofferdam_spool::OpenError) -> cofferdam_hwprofile::Refusal {
    cofferdam_hwprofile::Refusal::new(
        error.code(),
        "a queue cannot be opened, so intake does not start",
        "`cofferctl explain` the code; nothing in the queue's directory was changed",
    )
    .read(cofferdam_node::refusal::chain(error))
}

/// The queue's directory of a lane, for who must find it.
#[must_use]
pub fn directory(state: &Path, name: &str) -> std::path::PathBuf {
    state.join("spool").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_464_169_123), "2026-11-23T20:02:49.123Z");
    }
}
