//! A store with everything around it in memory, for tests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use cofferdam_hwprofile::{Refusal, ZoneName};
use cofferdam_link::Clock;
use cofferdam_rack::Verb;
use cofferdam_seal::{FernetKey, Keyring, ObjectId, RecordSealer, WrappedKey};
use cofferdam_trail::{Entry, Event};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;

use crate::grant::Grants;
use crate::s3::front::Front;
use crate::s3::{self, Parts};
use crate::seam::{Caller, DataKeys, Receipts};
use crate::store::{Opened, Store};

pub(crate) const NOW: u64 = 1_760_000_000;
pub(crate) const ACCESS_KEY: &str = "app-key";
pub(crate) const SECRET: &str = "a secret of the lab, long enough";
const LIMIT: u64 = 64 << 20;

/// The keeper, in memory.
#[derive(Debug)]
pub(crate) struct MemoryKeys {
    ring: Keyring,
    pub(crate) shut: AtomicBool,
}

impl MemoryKeys {
    pub(crate) fn new() -> Arc<Self> {
        let ring = Keyring::from_keys(vec![FernetKey::generate().unwrap()]).unwrap();
        Arc::new(Self {
            ring,
            shut: AtomicBool::new(false),
        })
    }

    pub(crate) fn pair(&self) -> (FernetKey, WrappedKey) {
        let key = FernetKey::generate().unwrap();
        let wrapped = WrappedKey::seal(self.ring.primary(), &key, NOW).unwrap();
        (key, wrapped)
    }

    fn gate(&self) -> Result<(), Box<Refusal>> {
        if self.shut.load(Ordering::SeqCst) {
            return Err(Box::new(Refusal::new("ND-030", "no key", "ask again")));
        }
        Ok(())
    }
}

#[async_trait]
impl DataKeys for MemoryKeys {
    async fn take(&self) -> Result<(FernetKey, WrappedKey), Box<Refusal>> {
        self.gate()?;
        Ok(self.pair())
    }

    async fn open(&self, wrapped: &WrappedKey) -> Result<FernetKey, Box<Refusal>> {
        self.gate()?;
        wrapped
            .open(&self.ring)
            .map_err(|error| Box::new(Refusal::new(error.code(), error.to_string(), "look")))
    }
}

/// The trail, in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryReceipts {
    entries: Mutex<Vec<Entry>>,
    pub(crate) shut: AtomicBool,
}

impl MemoryReceipts {
    pub(crate) fn all(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }

    pub(crate) fn of(&self, event: Event) -> Vec<Entry> {
        self.all()
            .into_iter()
            .filter(|entry| entry.event == event)
            .collect()
    }
}

#[async_trait]
impl Receipts for MemoryReceipts {
    async fn record(&self, entry: Entry) -> Result<(), Box<Refusal>> {
        if self.shut.load(Ordering::SeqCst) {
            return Err(Box::new(Refusal::new(
                "ND-020",
                "not recorded",
                "look at the disk",
            )));
        }
        self.entries.lock().unwrap().push(entry);
        Ok(())
    }
}

/// A peer with the rights it was made with, on buckets that begin with one of some words.
#[derive(Debug)]
pub(crate) struct MemoryCaller {
    zone: ZoneName,
    verbs: Vec<Verb>,
    buckets: Vec<&'static str>,
}

impl MemoryCaller {
    pub(crate) fn of(zone: &str, verbs: &[Verb], buckets: &[&'static str]) -> Arc<dyn Caller> {
        Arc::new(Self {
            zone: zone.parse().unwrap(),
            verbs: verbs.to_vec(),
            buckets: buckets.to_vec(),
        })
    }

    pub(crate) fn app() -> Arc<dyn Caller> {
        Self::of(
            "app",
            &[Verb::Append, Verb::Read, Verb::List, Verb::Delete],
            &[""],
        )
    }
}

impl Caller for MemoryCaller {
    fn zone(&self) -> &ZoneName {
        &self.zone
    }

    fn peer(&self) -> String {
        format!("spiffe://{}.lab.internal/node/a1", self.zone)
    }

    fn flow(&self) -> String {
        "f".repeat(32)
    }

    fn authorize(&self, verb: Verb, bucket: Option<&str>) -> Result<(), Box<Refusal>> {
        let known =
            bucket.is_some_and(|bucket| self.buckets.iter().any(|start| bucket.starts_with(start)));
        if known && self.verbs.contains(&verb) {
            return Ok(());
        }
        Err(Box::new(Refusal::new(
            "FL-020",
            "no flow allows this",
            "add a flow",
        )))
    }

    fn reaches(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }
}

/// A store and its service over a folder that vanishes.
pub(crate) struct Rig {
    home: tempfile::TempDir,
    pub(crate) keys: Arc<MemoryKeys>,
    pub(crate) receipts: Arc<MemoryReceipts>,
    pub(crate) store: Store,
    pub(crate) front: Front,
    pub(crate) opened: Opened,
    pub(crate) caller: Arc<dyn Caller>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// What came of the body, and whether it came whole.
    pub(crate) body: Bytes,
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn code(&self) -> &str {
        self.headers
            .get(s3::answer::CODE_HEADER)
            .map_or("", |code| code.to_str().unwrap())
    }
}

impl Rig {
    /// A store with the bucket `files`.
    pub(crate) async fn new() -> Self {
        let rig = Self::over(tempfile::tempdir().unwrap(), MemoryKeys::new()).await;
        assert_eq!(
            rig.send("PUT", "/files", &[], "").await.status,
            StatusCode::OK
        );
        rig
    }

    async fn over(home: tempfile::TempDir, keys: Arc<MemoryKeys>) -> Self {
        let clock = Clock::fixed(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
        let dyn_keys: Arc<dyn DataKeys> = Arc::<MemoryKeys>::clone(&keys);
        let (store, opened) = Store::open(home.path(), dyn_keys, clock).await.unwrap();
        let receipts = Arc::new(MemoryReceipts::default());
        let text = format!(
            "[grant.{ACCESS_KEY}]\nsecret = \"{SECRET}\"\nzone = \"app\"\nwhy = \"test\"\n"
        );
        let front = s3::service(Parts {
            store: store.clone(),
            receipts: Arc::<MemoryReceipts>::clone(&receipts),
            grants: Arc::new(Grants::parse(&text).unwrap()),
            object_limit_bytes: LIMIT,
        });
        Self {
            home,
            keys,
            receipts,
            store,
            front,
            opened,
            caller: MemoryCaller::app(),
        }
    }

    /// Closes the store in order and opens it again.
    pub(crate) async fn restart(self) -> Self {
        self.store.close().await;
        Self::over(self.home, self.keys).await
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    /// The names of the sealed files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = std::fs::read_dir(self.path().join("objects"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    }

    pub(crate) async fn call(&self, request: Request<s3s::Body>) -> Answer {
        self.call_as(Arc::clone(&self.caller), request).await
    }

    pub(crate) async fn call_as(
        &self,
        caller: Arc<dyn Caller>,
        request: Request<s3s::Body>,
    ) -> Answer {
        read(self.front.call(caller, request).await).await
    }

    /// Sends an unsigned request.
    pub(crate) async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.call(request(method, uri, headers, body)).await
    }

    pub(crate) async fn put(&self, uri: &str, body: impl Into<Bytes>) -> Answer {
        let answer = self.send("PUT", uri, &[], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send("GET", uri, &[], "").await
    }
}

/// A request with a body of known length.
pub(crate) fn request(
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<s3s::Body> {
    let body = body.into();
    let mut builder = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(uri)
        .header("host", "127.0.0.1:7542");
    if !headers
        .iter()
        .any(|(name, _)| *name == "content-length" || *name == "transfer-encoding")
    {
        builder = builder.header("content-length", body.len().to_string());
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(s3s::Body::from(body)).unwrap()
}

async fn read(response: Response<s3s::Body>) -> Answer {
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_broken) => {
                whole = false;
                break;
            }
        }
    }
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: bytes.into(),
        whole,
    }
}

/// How a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With its final record.
    Closed,
    /// Without one, as a crash leaves it.
    Open,
}

/// A segment as intake's spool writes it.
pub(crate) fn segment(
    keys: &MemoryKeys,
    bucket: &str,
    payloads: &[Vec<u8>],
    ending: Ending,
) -> Vec<u8> {
    let (key, wrapped) = keys.pair();
    let id = ObjectId::random().unwrap();
    let (mut sealer, mut bytes) = RecordSealer::new(&key, &wrapped, id, NOW, bucket.as_bytes());
    for payload in payloads {
        let tag = cofferdam_seal::random_tag().unwrap();
        sealer.seal(&tag, payload, &mut bytes).unwrap();
    }
    if ending == Ending::Closed {
        sealer.finish(&mut bytes);
    }
    bytes
}
