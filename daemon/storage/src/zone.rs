//! Owns the program around the store: its settings, its start and stop, and the node behind the
//! seam. Thin; what a request means is decided in [`crate::s3`].

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use cofferdam_hwprofile::{Refusal, ZoneKind, ZoneName};
use cofferdam_link::{Body, Session};
use cofferdam_node::{Exit, Metric, MetricKind, Node, StartError, Zone};
use cofferdam_rack::Verb;
use cofferdam_seal::{FernetKey, WrappedKey};
use cofferdam_trail::{Entry, Event, Phase, Status};
use http::{Request, Response};
use hyper::body::Incoming;
use serde::Deserialize;

use crate::catalogue::{BucketName, Change, Condition};
use crate::code::Code;
use crate::fault::Fault;
use crate::grant::Grants;
use crate::s3::front::Front;
use crate::s3::{self, Parts};
use crate::seam::{Caller, DataKeys, Receipts};
use crate::store::Store;

/// 5 GiB, the most that S3 takes in one body.
const OBJECT_LIMIT_BYTES: u64 = 5 << 30;

/// The storage zone.
#[derive(Debug)]
pub struct Storage {
    node: Arc<Node>,
    store: Store,
    front: Front,
}

/// The table `[storage]` of `node.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Access keys, in a file of mode 0600. A relative path starts beside `node.toml`. Without one
    /// every request acts under its certificate alone.
    pub grants_file: Option<PathBuf>,
    /// Buckets that are there from the start.
    pub buckets: Vec<String>,
    /// The most bytes of one body.
    pub max_object_bytes: Option<u64>,
}

impl Zone for Storage {
    const KIND: ZoneKind = ZoneKind::Storage;
    type Settings = Settings;

    async fn start(node: Arc<Node>, settings: Settings) -> Result<Arc<Self>, StartError> {
        let grants = read_grants(&node, &settings)?;
        let buckets = read_buckets(&settings)?;
        let keys = Arc::new(NodeKeys(Arc::clone(&node)));
        let (store, opened) = Store::open(node.state(), keys, node.clock().clone())
            .await
            .map_err(|fault| StartError::new(exit_of(&fault), fault.refusal()))?;
        log::info!(
            buckets = opened.buckets, objects = opened.objects, records = opened.records,
            parts = opened.swept.parts, orphans = opened.swept.orphans;
            "catalogue opened"
        );
        for bucket in buckets {
            make_bucket(&node, &store, bucket).await?;
        }
        let front = s3::service(Parts {
            store: store.clone(),
            receipts: Arc::new(NodeReceipts(Arc::clone(&node))),
            grants: Arc::new(grants),
            object_limit_bytes: settings.max_object_bytes.unwrap_or(OBJECT_LIMIT_BYTES),
        });
        Ok(Arc::new(Self { node, store, front }))
    }

    async fn call(
        self: Arc<Self>,
        session: Arc<Session>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let caller = NodeCaller {
            node: Arc::clone(&self.node),
            session,
        };
        let request = request.map(s3s::Body::from);
        self.front
            .call(Arc::new(caller), request)
            .await
            .map(cofferdam_link::wrap)
    }

    async fn stop(&self) {
        self.store.close().await;
    }

    fn metrics(&self) -> Vec<Metric> {
        let (buckets, objects, bytes) = self.store.view(|catalogue| {
            let held = catalogue
                .buckets()
                .values()
                .flat_map(|bucket| bucket.objects().values());
            let (objects, bytes) = held.fold((0_u64, 0_u64), |(objects, bytes), meta| {
                (objects.saturating_add(1), bytes.saturating_add(meta.size))
            });
            (
                u64::try_from(catalogue.buckets().len()).unwrap_or(u64::MAX),
                objects,
                bytes,
            )
        });
        let gauge = |name, help, value| Metric {
            name,
            help,
            kind: MetricKind::Gauge,
            value,
        };
        vec![
            gauge("storage_buckets", "Buckets in the catalogue.", buckets),
            gauge("storage_objects", "Objects in the catalogue.", objects),
            gauge(
                "storage_plain_bytes",
                "Bytes of all objects before sealing.",
                bytes,
            ),
        ]
    }
}

fn read_grants(node: &Node, settings: &Settings) -> Result<Grants, StartError> {
    let Some(file) = &settings.grants_file else {
        return Ok(Grants::default());
    };
    let beside = node.config().file.parent().map(|folder| folder.join(file));
    Grants::read(beside.as_deref().unwrap_or(file)).map_err(|error| {
        let fault = Fault::new(error.code(), error.to_string()).caused_by(error);
        StartError::new(Exit::Config, fault.refusal())
    })
}

fn read_buckets(settings: &Settings) -> Result<Vec<BucketName>, StartError> {
    let parse = |text: &String| {
        BucketName::parse(text).ok_or_else(|| {
            let fault = Fault::new(Code::SettingUnusable, format!("buckets: {text:?}"));
            StartError::new(Exit::Config, fault.refusal())
        })
    };
    settings.buckets.iter().map(parse).collect()
}

/// Makes a bucket of the settings, on record like any other act, unless it is there.
async fn make_bucket(node: &Node, store: &Store, bucket: BucketName) -> Result<(), StartError> {
    if store.view(|catalogue| catalogue.bucket(&bucket).is_ok()) {
        return Ok(());
    }
    let at_ms = node.clock().unix_ms();
    let entry = Entry::new(Event::RecordCreate, Phase::Intent, Status::Granted)
        .at(at_ms)
        .with("bucket", bucket.as_str())
        .with("by", "settings");
    node.record(entry)
        .await
        .map_err(|error| StartError::new(Exit::TryAgain, error.refusal()))?;
    store
        .commit(
            Change::CreateBucket { bucket, at_ms },
            Condition::Always,
            Vec::new(),
        )
        .await
        .map_err(|fault| StartError::new(exit_of(&fault), fault.refusal()))
}

/// What a start that failed says to the service manager: whether trying again can help.
fn exit_of(fault: &Fault) -> Exit {
    if fault.code() == Code::CatalogueUnreadable {
        Exit::Data
    } else {
        Exit::TryAgain
    }
}

/// Data keys, from the keeper.
#[derive(Debug)]
struct NodeKeys(Arc<Node>);

#[async_trait]
impl DataKeys for NodeKeys {
    async fn take(&self) -> Result<(FernetKey, WrappedKey), Box<Refusal>> {
        let taken = self.0.keys().take(self.0.zone()).await;
        taken.map_err(|error| Box::new(error.refusal()))
    }

    async fn open(&self, wrapped: &WrappedKey) -> Result<FernetKey, Box<Refusal>> {
        let opened = self.0.keys().open(wrapped).await;
        opened.map_err(|error| Box::new(error.refusal()))
    }
}

/// The node's trail.
#[derive(Debug)]
struct NodeReceipts(Arc<Node>);

#[async_trait]
impl Receipts for NodeReceipts {
    async fn record(&self, entry: Entry) -> Result<(), Box<Refusal>> {
        match self.0.record(entry).await {
            Ok(_receipt) => Ok(()),
            Err(error) => Err(Box::new(error.refusal())),
        }
    }
}

/// A peer on its session.
#[derive(Debug)]
struct NodeCaller {
    node: Arc<Node>,
    session: Arc<Session>,
}

impl Caller for NodeCaller {
    fn zone(&self) -> &ZoneName {
        &self.session.peer.zone
    }

    fn peer(&self) -> String {
        self.session.peer.to_string()
    }

    fn flow(&self) -> String {
        self.session.id.to_string()
    }

    fn authorize(&self, verb: Verb, bucket: Option<&str>) -> Result<(), Box<Refusal>> {
        match self.node.authorize(&self.session, verb, bucket) {
            Ok(_rule) => Ok(()),
            Err(refusal) => Err(Box::new(refusal)),
        }
    }

    fn reaches(&self, verb: Verb) -> bool {
        let flows = Arc::clone(&self.node.standing().borrow().flows);
        flows.reaches(&self.session.peer.zone, self.node.zone(), verb)
    }
}
