//! The storage zone as a source of objects: listings and objects over mutually verified
//! connections, which are kept and used again.
//!
//! Owns the requests and the small pool. Must never send a signature or a secret: the certificate
//! is the identity.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cofferdam_link::{Connection, ReadErrorKind, empty, read_body};
use cofferdam_node::{ConnectError, Node};
use cofferdam_rack::ZoneName;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::Mutex;

use crate::listing::{Page, escape, escape_path, read_page};
use crate::objects::{ObjectEntry, Objects, ObjectsFault, ObjectsFaultKind};

/// Connections that are kept while nobody uses them.
const KEPT: usize = 4;

/// Pages of one listing; a thousand objects each.
const PAGES: usize = 1000;

/// Bytes of one page.
const PAGE_BYTES: u64 = 4 << 20;

/// Bytes of a refusal that are read for its code.
const REFUSAL_BYTES: u64 = 64 << 10;

/// How long one answer may take, head and body; the query's own deadline is usually nearer.
const PATIENCE: Duration = Duration::from_mins(1);

/// The storage zone, reached from this node.
#[derive(Debug)]
pub struct StorageZone {
    node: Arc<Node>,
    zone: ZoneName,
    kept: Mutex<Vec<Connection>>,
}

impl StorageZone {
    /// The zone of that name; nothing is opened before something is asked.
    #[must_use]
    pub fn new(node: Arc<Node>, zone: ZoneName) -> StorageZone {
        StorageZone {
            node,
            zone,
            kept: Mutex::new(Vec::new()),
        }
    }

    /// Closes what is kept.
    pub async fn close(&self) {
        let kept = std::mem::take(&mut *self.kept.lock().await);
        for connection in kept {
            connection.close().await;
        }
    }

    /// The whole answer to one GET, at most `limit` bytes of it.
    async fn fetch(&self, target: &str, limit: u64) -> Result<Bytes, ObjectsFaultKind> {
        let (connection, answer) = self.send(target).await?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(refused(status, answer).await);
        }
        let body = read_body(answer.into_body(), limit, PATIENCE).await;
        let bytes = body.map_err(|error| match error.kind {
            ReadErrorKind::BodyTooLarge { limit } => {
                ObjectsFaultKind::Unusable(format!("more than the {limit} bytes it should have"))
            }
            ReadErrorKind::BodyTimeout { .. } | ReadErrorKind::BodyBroken(_) => {
                ObjectsFaultKind::Unreachable(error.kind.code().to_owned())
            }
        })?;
        let mut kept = self.kept.lock().await;
        if kept.len() < KEPT {
            kept.push(connection);
        }
        Ok(bytes)
    }

    /// Sends over a kept connection, or over a new one if there is none or it broke meanwhile.
    async fn send(
        &self,
        target: &str,
    ) -> Result<(Connection, Response<Incoming>), ObjectsFaultKind> {
        while let Some(mut connection) = self.take_kept().await {
            if let Ok(answer) = connection.send_within(get(target)?, PATIENCE).await {
                return Ok((connection, answer));
            }
        }
        let mut connection = self
            .node
            .connect(&self.zone)
            .await
            .map_err(|error| match error {
                ConnectError::NoAddress { zone } => {
                    ObjectsFaultKind::Unreachable(format!("no address for zone {zone} in [peers]"))
                }
                ConnectError::Dial(error) => ObjectsFaultKind::Unreachable(error.to_string()),
            })?;
        let answer = connection.send_within(get(target)?, PATIENCE).await;
        let answer = answer.map_err(|error| ObjectsFaultKind::Unreachable(error.to_string()))?;
        Ok((connection, answer))
    }

    async fn take_kept(&self) -> Option<Connection> {
        let mut kept = self.kept.lock().await;
        kept.retain(Connection::is_open);
        kept.pop()
    }

    async fn page(&self, bucket: &str, after: Option<&str>) -> Result<Page, ObjectsFaultKind> {
        let mut target = format!("/{}?list-type=2&encoding-type=url", escape(bucket));
        if let Some(token) = after {
            target.push_str("&continuation-token=");
            target.push_str(&escape(token));
        }
        let xml = self.fetch(&target, PAGE_BYTES).await?;
        read_page(&xml).map_err(|fault| ObjectsFaultKind::Unusable(fault.to_string()))
    }

    async fn pages(&self, bucket: &str) -> Result<Vec<ObjectEntry>, ObjectsFaultKind> {
        let (mut entries, mut next) = (Vec::new(), None);
        for _page in 0..PAGES {
            let page = self.page(bucket, next.as_deref()).await?;
            entries.extend(page.entries);
            next = page.next;
            if next.is_none() {
                return Ok(entries);
            }
        }
        Err(ObjectsFaultKind::Unusable(format!(
            "more than {PAGES} pages of objects"
        )))
    }
}

impl Objects for StorageZone {
    async fn list(&self, bucket: &str) -> Result<Vec<ObjectEntry>, ObjectsFault> {
        self.pages(bucket).await.map_err(|kind| ObjectsFault {
            bucket: bucket.to_owned(),
            kind,
        })
    }

    async fn read(&self, bucket: &str, key: &str, limit: u64) -> Result<Bytes, ObjectsFault> {
        let target = format!("/{}/{}", escape(bucket), escape_path(key));
        let read = self.fetch(&target, limit).await;
        read.map_err(|kind| {
            let gone = matches!(kind, ObjectsFaultKind::Refused { status: 404, .. });
            let kind = if gone { ObjectsFaultKind::Gone } else { kind };
            ObjectsFault {
                bucket: bucket.to_owned(),
                kind,
            }
        })
    }
}

fn get(target: &str) -> Result<Request<cofferdam_link::Body>, ObjectsFaultKind> {
    Request::get(target).body(empty()).map_err(|_not_a_target| {
        ObjectsFaultKind::Unusable("a key that no request can carry".to_owned())
    })
}

/// A refusal with the code storage gave it; its words stay with storage.
async fn refused(status: StatusCode, answer: Response<Incoming>) -> ObjectsFaultKind {
    let body = read_body(answer.into_body(), REFUSAL_BYTES, PATIENCE)
        .await
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    let said = code.map_or("", |(code, _)| code).chars().take(64).collect();
    ObjectsFaultKind::Refused {
        status: status.as_u16(),
        said,
    }
}
