//! Closed segments to storage, as the ciphertext they are. A segment goes until storage has it; storage stores it once, whatever is
//! sent twice. One that storage will never take is set aside with its reason and blocks nobody.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cofferdam_link::{Connection, read_body};
use cofferdam_node::Node;
use cofferdam_rack::ZoneName;
use cofferdam_spool::{ConsumeError, Consumer, Fate, Segment};
use cofferdam_trail::{Event, Phase, Status};
use http::{Request, StatusCode};
use serde_json::Value;

/// How long one segment may take to be stored.
const STORE_DEADLINE: Duration = Duration::from_secs(30);
/// The wait before the second attempt; it doubles up to the longest.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// The longest wait between two attempts.
const BACKOFF_LONGEST: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const ANSWER_LIMIT_BYTES: u64 = 64 * 1024;

/// What storage said.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// It has the segment, now or before.
    Stored,
    /// It will never take this one.
    Never(String),
    /// It could not be asked, or cannot take it now.
    Later(String),
}

/// One lane's way to storage.
#[derive(Debug)]
pub struct Forwarder {
    node: Arc<Node>,
    storage: ZoneName,
    bucket: String,
    connection: Option<Connection>,
}

impl Forwarder {
    /// A way for the segments of `bucket`.
    #[must_use]
    pub fn new(node: Arc<Node>, storage: ZoneName, bucket: String) -> Self {
        Self {
            node,
            storage,
            bucket,
            connection: None,
        }
    }

    /// Forwards until the queue is closed and empty, or the node stops.
    pub async fn run(mut self, mut consumer: Consumer) {
        let mut stopping = self.node.stopping();
        tokio::select! {
            () = self.forward_all(&mut consumer) => {}
            _stopped = stopping.wait_for(|stop| *stop) => {}
        }
    }

    async fn forward_all(&mut self, consumer: &mut Consumer) {
        loop {
            match consumer.next().await {
                Ok(Some(segment)) => self.forward(consumer, segment).await,
                Ok(None) | Err(ConsumeError::Timeout | ConsumeError::Unknown) => {}
                Err(ConsumeError::Closed) => return,
                Err(error @ ConsumeError::Disk(_)) => {
                    log::error!(code = error.code(), error:% = error; "could not read the queue");
                    tokio::time::sleep(BACKOFF_LONGEST).await;
                }
            }
        }
    }

    /// One segment, as often as it takes.
    async fn forward(&mut self, consumer: &mut Consumer, segment: Segment) {
        let mut wait = BACKOFF_FIRST;
        loop {
            let why = match self.send(&segment).await {
                Said::Stored => return self.delivered(consumer, segment).await,
                Said::Never(why) => return self.set_aside(consumer, segment, &why).await,
                Said::Later(why) => why,
            };
            log::warn!(segment:% = segment.id, why = why.as_str(); "storage did not take a segment yet");
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(BACKOFF_LONGEST);
        }
    }

    async fn send(&mut self, segment: &Segment) -> Said {
        let path = segment.path.clone();
        let bytes = match tokio::task::spawn_blocking(move || std::fs::read(path)).await {
            Ok(Ok(bytes)) => Bytes::from(bytes),
            Ok(Err(error)) => return Said::Never(format!("its file cannot be read: {error}")),
            Err(error) => return Said::Later(error.to_string()),
        };
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        if let Err(why) = self
            .record(segment, digest.as_ref(), Phase::Intent, Status::Granted)
            .await
        {
            return Said::Later(why);
        }
        let said = match tokio::time::timeout(STORE_DEADLINE, self.put(segment, bytes)).await {
            Ok(said) => said,
            Err(_elapsed) => Said::Later(format!("no answer in {STORE_DEADLINE:?}")),
        };
        if said == Said::Stored {
            let recorded = self
                .record(segment, digest.as_ref(), Phase::Outcome, Status::Success)
                .await;
            if let Err(why) = recorded {
                log::error!(segment:% = segment.id, why = why.as_str(); "could not record a delivery");
            }
        }
        said
    }

    async fn put(&mut self, segment: &Segment, bytes: Bytes) -> Said {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.node.connect(&self.storage).await {
                Ok(connection) => connection,
                Err(error) => return Said::Later(cofferdam_node::refusal::chain(&error)),
            },
        };
        let request = Request::put(format!("/{}/{}", self.bucket, segment.id))
            .header(http::header::IF_NONE_MATCH, "*")
            .header(
                http::header::CONTENT_TYPE,
                "application/vnd.cofferdam.segment",
            )
            .header(http::header::CONTENT_LENGTH, bytes.len())
            .body(cofferdam_link::full(bytes));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Said::Never(error.to_string()),
        };
        let response = match connection.send(request).await {
            Ok(response) => response,
            Err(error) => return Said::Later(cofferdam_node::refusal::chain(&error)),
        };
        let status = response.status();
        match read_body(response.into_body(), ANSWER_LIMIT_BYTES, STORE_DEADLINE).await {
            Ok(text) => {
                self.connection = Some(connection);
                said(status, &String::from_utf8_lossy(&text))
            }
            Err(error) => Said::Later(cofferdam_node::refusal::chain(&error)),
        }
    }

    async fn record(
        &self,
        segment: &Segment,
        digest: &[u8],
        phase: Phase,
        status: Status,
    ) -> Result<(), String> {
        let entry = self.node.entry(
            Event::BatchForward,
            phase,
            status,
            [
                ("batch", segment.id.to_string().into()),
                ("bucket", self.bucket.as_str().into()),
                ("peer", self.storage.to_string().into()),
                ("records", segment.records.into()),
                ("bytes", segment.bytes.into()),
                ("closed", segment.closed.into()),
                ("sha256", Value::from(cofferdam_node::hex(digest))),
            ],
        );
        match self.node.record(entry).await {
            Ok(_receipt) => Ok(()),
            Err(error) => Err(cofferdam_node::refusal::chain(&error)),
        }
    }

    async fn delivered(&self, consumer: &mut Consumer, segment: Segment) {
        let id = segment.id.clone();
        match consumer.delivered(segment).await {
            Ok(()) => log::info!(segment:% = id; "segment delivered"),
            Err(error) => {
                // It will be offered and sent again; storage has it already and says so.
                log::warn!(segment:% = id, code = error.code(); "delivery not noted");
            }
        }
    }

    async fn set_aside(&self, consumer: &mut Consumer, segment: Segment, why: &str) {
        let id = segment.id.clone();
        match consumer.failed(segment, why).await {
            Fate::Retry => {
                log::warn!(segment:% = id, why; "storage refused a segment; it is tried again");
                tokio::time::sleep(BACKOFF_FIRST).await;
            }
            Fate::DeadLettered => {
                log::error!(segment:% = id, why; "storage refused a segment for good; it is set aside");
            }
        }
    }
}

/// What an answer means for the segment.
fn said(status: StatusCode, text: &str) -> Said {
    if status.is_success() || status == StatusCode::PRECONDITION_FAILED {
        return Said::Stored;
    }
    let text: String = text.chars().take(300).collect();
    let why = format!("status {status}: {text}");
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    if status.is_client_error() && !passing.contains(&status) {
        Said::Never(why)
    } else {
        Said::Later(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_now_and_stored_before_are_both_delivered() {
        assert_eq!(said(StatusCode::OK, ""), Said::Stored);
        assert_eq!(said(StatusCode::PRECONDITION_FAILED, ""), Said::Stored);
    }

    #[test]
    fn a_refusal_of_the_segment_is_final_and_a_passing_one_is_not() {
        for status in [400, 403, 404, 422] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert!(matches!(said(status, "no"), Said::Never(_)), "{status}");
        }
        for status in [408, 429, 500, 503, 507] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert!(matches!(said(status, "no"), Said::Later(_)), "{status}");
        }
    }
}
