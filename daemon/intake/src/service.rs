//! Intake's endpoints. A peer is authorised for the stream's bucket first; a 202 is sent only after every record of the request is on
//! disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::{Refusal, ZoneKind};
use cofferdam_link::{Body, Session, hear_body};
use cofferdam_node::{
    Exit, Metric, MetricKind, Node, StartError, Zone, json_response, refusal_response,
};
use cofferdam_rack::{Verb, ZoneName};
use cofferdam_spool::{Position, Recovery};
use cofferdam_trail::{Event, Phase, Status};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::forward::Forwarder;
use crate::identity::{Namer, is_key};
use crate::lane::{Lane, Receipt, Sender};
use crate::record;
use crate::refusal::NotTaken;
use crate::settings::IntakeSettings;
use crate::survey::Survey;

/// How long a request's body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// How long a stop waits for open segments to be closed.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// Intake's zone.
#[derive(Debug)]
pub struct Intake {
    node: Arc<Node>,
    namer: Namer,
    streams: BTreeMap<String, Lane>,
    surveys: BTreeMap<String, Lane>,
    body_limit_bytes: u64,
}

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    Submit(&'a str, Kind),
    Summary(&'a str, Kind),
}

/// The two kinds of lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stream,
    Survey,
}

impl Zone for Intake {
    const KIND: ZoneKind = ZoneKind::Intake;
    type Settings = IntakeSettings;

    async fn start(node: Arc<Node>, settings: IntakeSettings) -> Result<Arc<Self>, StartError> {
        let storage = storage_zone(&node)?;
        let namer = Namer::open(&node.state().join("naming.key"))
            .map_err(|error| StartError::new(Exit::Config, error.refusal()))?;
        let mut streams = BTreeMap::new();
        for name in &settings.streams {
            let lane = open_lane(&node, &storage, &settings, name, None).await?;
            streams.insert(name.clone(), lane);
        }
        let mut surveys = BTreeMap::new();
        for name in &settings.surveys {
            let path = node.state().join("surveys").join(format!("{name}.json"));
            let survey = Survey::read(&path)
                .map_err(|error| StartError::new(Exit::Config, error.refusal()))?;
            let lane = open_lane(&node, &storage, &settings, name, Some(survey)).await?;
            surveys.insert(name.clone(), lane);
        }
        let body_limit_bytes = settings.body_limit_bytes;
        Ok(Arc::new(Self {
            node,
            namer,
            streams,
            surveys,
            body_limit_bytes,
        }))
    }

    async fn call(
        self: Arc<Self>,
        session: Arc<Session>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        match self.answer(&session, request).await {
            Ok((status, value)) => json_response(status, &value),
            Err(not_taken) => {
                let mut response = refusal_response(not_taken.status, &not_taken.refusal);
                if let Some(seconds) = not_taken.retry_after {
                    response
                        .headers_mut()
                        .insert(http::header::RETRY_AFTER, seconds.into());
                }
                response
            }
        }
    }

    async fn stop(&self) {
        let closing = async {
            for lane in self.lanes() {
                if let Err(error) = lane.producer().clone().close().await {
                    log::error!(lane = lane.name(), code = error.code(); "queue not closed cleanly");
                }
            }
        };
        if tokio::time::timeout(CLOSE_DEADLINE, closing).await.is_err() {
            log::error!("queues were not closed in time; what was acknowledged is on disk");
        }
    }

    fn metrics(&self) -> Vec<Metric> {
        let depths: Vec<_> = self.lanes().map(|lane| lane.producer().depth()).collect();
        let gauge = |name, help, value| Metric {
            name,
            help,
            kind: MetricKind::Gauge,
            value,
        };
        vec![
            gauge(
                "spool_bytes",
                "Bytes waiting for storage.",
                depths.iter().map(|depth| depth.bytes).sum(),
            ),
            gauge(
                "spool_records",
                "Records waiting for storage.",
                depths.iter().map(|depth| depth.records).sum(),
            ),
            gauge(
                "spool_dead_letters",
                "Segments set aside for an operator.",
                depths.iter().map(|depth| depth.dead).sum(),
            ),
        ]
    }
}

impl Intake {
    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.streams.values().chain(self.surveys.values())
    }

    async fn answer(
        &self,
        session: &Session,
        request: Request<Incoming>,
    ) -> Result<(StatusCode, Value), NotTaken> {
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        match wanted(&method, &path) {
            Some(Wanted::Submit(name, kind)) => {
                let lane = self.lane(name, kind, &path)?;
                self.allow(session, lane).await?;
                self.submit(session, lane, request).await
            }
            Some(Wanted::Summary(name, kind)) => {
                let lane = self.lane(name, kind, &path)?;
                self.allow(session, lane).await?;
                Ok((StatusCode::OK, lane.summary()))
            }
            None => Err(NotTaken::unknown(
                &format!("{method} {path}"),
                &self.known(),
            )),
        }
    }

    async fn submit(
        &self,
        session: &Session,
        lane: &Lane,
        request: Request<Incoming>,
    ) -> Result<(StatusCode, Value), NotTaken> {
        let (head, incoming) = request.into_parts();
        let key = idempotency_key(&head.headers)?;
        let body = hear_body(incoming, self.body_limit_bytes, BODY_DEADLINE)
            .await
            .map_err(|error| NotTaken::body(error.refusal()))?;
        let records = record::read(&head.headers, &body)?;
        let peer = session.peer.to_string();
        let sender = Sender {
            peer: &peer,
            key: key.as_deref(),
        };
        let now_ms = self.node.clock().unix_ms();
        let receipt = lane.take(&self.namer, sender, &records, now_ms).await?;
        Ok((
            StatusCode::ACCEPTED,
            self.receipt(lane, records.len(), &receipt),
        ))
    }

    fn receipt(&self, lane: &Lane, records: usize, receipt: &Receipt) -> Value {
        let place = |position: Option<Position>| {
            position.map(|at| {
                json!({
                    "producer": self.node.name().to_string(),
                    "epoch": at.epoch,
                    "segment": at.segment,
                    "record": at.record,
                })
            })
        };
        json!({
            "accepted": records,
            "stored": receipt.stored,
            "duplicates": receipt.duplicates,
            "duplicate": receipt.stored == 0,
            "to": lane.name(),
            "first": place(receipt.first),
            "last": place(receipt.last),
        })
    }

    fn lane(&self, name: &str, kind: Kind, path: &str) -> Result<&Lane, NotTaken> {
        let lanes = match kind {
            Kind::Stream => &self.streams,
            Kind::Survey => &self.surveys,
        };
        lanes
            .get(name)
            .ok_or_else(|| NotTaken::unknown(path, &self.known()))
    }

    fn known(&self) -> Vec<&str> {
        self.streams
            .keys()
            .chain(self.surveys.keys())
            .map(String::as_str)
            .collect()
    }

    async fn allow(&self, session: &Session, lane: &Lane) -> Result<(), NotTaken> {
        match self
            .node
            .authorize(session, Verb::Append, Some(lane.bucket()))
        {
            Ok(_rule) => Ok(()),
            Err(refusal) => {
                let entry = self.node.entry(
                    Event::FlowRefuse,
                    Phase::Single,
                    Status::Refused,
                    [
                        ("peer", session.peer.to_string().into()),
                        ("flow", session.id.to_string().into()),
                        ("bucket", lane.bucket().into()),
                    ],
                );
                let entry = cofferdam_node::record::with_refusal(entry, &refusal);
                match self.node.record(entry).await {
                    Ok(_receipt) => Err(NotTaken::forbidden(refusal)),
                    Err(error) => Err(NotTaken::forbidden(error.refusal())),
                }
            }
        }
    }
}

fn wanted<'a>(method: &Method, path: &'a str) -> Option<Wanted<'a>> {
    let parts: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
    match (method, parts.as_slice()) {
        (&Method::POST, ["streams", name, "events"]) => Some(Wanted::Submit(name, Kind::Stream)),
        (&Method::POST, ["surveys", name, "responses"]) => Some(Wanted::Submit(name, Kind::Survey)),
        (&Method::GET, ["streams", name, "summary"]) => Some(Wanted::Summary(name, Kind::Stream)),
        (&Method::GET, ["surveys", name, "summary"]) => Some(Wanted::Summary(name, Kind::Survey)),
        _ => None,
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, NotTaken> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    // The draft of the header writes it as a quoted string; most clients do not.
    let text = value
        .to_str()
        .map_err(|_not_ascii| NotTaken::wrong_key())?
        .trim_matches('"');
    if is_key(text) {
        Ok(Some(text.to_owned()))
    } else {
        Err(NotTaken::wrong_key())
    }
}

fn storage_zone(node: &Node) -> Result<ZoneName, StartError> {
    let found = node
        .rack()
        .policy
        .zones()
        .find(|zone| zone.kind == ZoneKind::Storage);
    found.map(|zone| zone.name.clone()).ok_or_else(|| {
        let refusal = Refusal::new(
            "IN-004",
            "there is nowhere to forward to, so intake does not start",
            "give the manifest a zone of kind storage",
        )
        .read("no zone of kind storage in hwprofile.toml");
        StartError::new(Exit::Config, refusal)
    })
}

async fn open_lane(
    node: &Arc<Node>,
    storage: &ZoneName,
    settings: &IntakeSettings,
    name: &str,
    survey: Option<Survey>,
) -> Result<Lane, StartError> {
    let (lane, consumer, recovery) = Lane::open(node, storage, settings, name, survey)?;
    record_recovery(node, &lane, &recovery).await?;
    let forwarder = Forwarder::new(Arc::clone(node), storage.clone(), lane.bucket().to_owned());
    node.spawn("forward", forwarder.run(consumer));
    Ok(lane)
}

/// What a crash left is told before anything new is taken.
async fn record_recovery(node: &Node, lane: &Lane, recovery: &Recovery) -> Result<(), StartError> {
    for torn in &recovery.torn {
        let entry = node.entry(
            Event::SpoolTorn,
            Phase::Single,
            Status::Success,
            [
                ("bucket", lane.bucket().into()),
                ("offset", torn.offset.into()),
                ("bytes", torn.bytes.into()),
            ],
        );
        node.record(entry)
            .await
            .map_err(|error| StartError::new(Exit::TryAgain, error.refusal()))?;
    }
    for damaged in &recovery.damaged {
        let entry = node.entry(
            Event::IntegrityFail,
            Phase::Single,
            Status::Failure,
            [
                ("bucket", lane.bucket().into()),
                ("offset", damaged.offset.into()),
                ("what", damaged.what.as_str().into()),
            ],
        );
        node.record(entry)
            .await
            .map_err(|error| StartError::new(Exit::TryAgain, error.refusal()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_a_stream_or_a_survey_and_nothing_else() {
        let post = |path| wanted(&Method::POST, path);
        assert_eq!(
            post("/v1/streams/events/events"),
            Some(Wanted::Submit("events", Kind::Stream))
        );
        assert_eq!(
            post("/v1/surveys/climate/responses"),
            Some(Wanted::Submit("climate", Kind::Survey))
        );
        assert_eq!(
            wanted(&Method::GET, "/v1/streams/events/summary"),
            Some(Wanted::Summary("events", Kind::Stream))
        );
        for path in [
            "/",
            "/v1/streams/events",
            "/v1/streams/a/b/events",
            "/v2/streams/a/events",
        ] {
            assert_eq!(post(path), None, "{path}");
        }
        assert_eq!(wanted(&Method::GET, "/v1/streams/events/events"), None);
    }

    #[test]
    fn an_idempotency_key_may_be_quoted_and_must_be_usable() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", text.parse().expect("a header value"));
            idempotency_key(&headers)
        };
        assert_eq!(read("\"abc\""), Ok(Some("abc".to_owned())));
        assert_eq!(read("abc"), Ok(Some("abc".to_owned())));
        assert!(read("a b").is_err());
        assert!(read("").is_err());
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
    }
}
