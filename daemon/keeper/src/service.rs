//! The keeper's endpoints. Each is authorised by the flow table first, and each key that leaves has its leaf in the trail before it
//! does.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::{DataClass, Refusal, ZoneKind};
use cofferdam_link::{Body, Session, hear_body};
use cofferdam_node::authority::{Authority, STANDING_HOLD};
use cofferdam_node::{
    Exit, Metric, MetricKind, Node, StartError, Zone, json_response, refusal_response,
};
use cofferdam_rack::keys::{self, KeyNew, KeyNewAnswer, KeyOpen, KeyOpenAnswer, KeyPair, KeyText};
use cofferdam_rack::lease::LeaseRequest;
use cofferdam_rack::{FlowDecision, Verb, ZoneName};
use cofferdam_seal::{FernetKey, WrappedKey};
use cofferdam_trail::{Event, Phase, Status};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::certificate::Authorities;
use crate::keyroom::Keyroom;
use crate::ledger::Ledger;
use crate::registry::Registry;

/// The largest request that is read: evidence of a machine with hundreds of devices.
const REQUEST_LIMIT_BYTES: u64 = 1 << 20;
/// How long a request's body may take.
const REQUEST_DEADLINE: Duration = Duration::from_secs(5);

/// The keeper's zone.
#[derive(Debug)]
pub struct Keeper {
    node: Arc<Node>,
    registry: Arc<Registry>,
    keyroom: Keyroom,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    leases: AtomicU64,
    refusals: AtomicU64,
    keys_made: AtomicU64,
    keys_opened: AtomicU64,
}

/// The keeper has no settings of its own yet; the table may stand in the file, empty.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeeperSettings {}

impl Zone for Keeper {
    const KIND: ZoneKind = ZoneKind::Keeper;
    type Settings = KeeperSettings;

    async fn start(node: Arc<Node>, _settings: KeeperSettings) -> Result<Arc<Self>, StartError> {
        let failed = |refusal| StartError::new(Exit::Config, refusal);
        let manifest = node.rack();
        let state = node.state();
        let now = node.clock().unix_seconds();
        let clients = manifest.flows.clients().map(|client| client.zone.clone());
        let zones = manifest
            .policy
            .zones()
            .map(|zone| zone.name.clone())
            .chain(clients);
        let authorities = Authorities::open(&state.join("ca"), &manifest.domain, zones, now)
            .map_err(|error| failed(error.refusal()))?;
        let owners = manifest
            .policy
            .zones()
            .filter(|zone| zone.data != DataClass::None)
            .map(|zone| zone.name.clone());
        let keyroom =
            Keyroom::open(&state.join("kek"), owners).map_err(|error| failed(error.refusal()))?;
        let ledger = Ledger::new(state.join("leases.json"));
        let court = ledger
            .read(Arc::clone(manifest))
            .map_err(|error| failed(error.refusal()))?;
        let registry = Registry::new(
            court,
            authorities,
            ledger,
            node.recorder().clone(),
            node.clock().clone(),
        );
        let registry = Arc::new(registry);
        Ok(Arc::new(Self {
            node,
            registry,
            keyroom,
            counts: Counts::default(),
        }))
    }

    async fn call(
        self: Arc<Self>,
        session: Arc<Session>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let answered = match (&method, path.as_str()) {
            (&Method::POST, "/v1/lease") => self.lease(&session, request).await,
            (&Method::GET, "/v1/standing") => self.standing(&session, &request).await,
            (&Method::POST, "/v1/keys/new") => self.keys_new(&session, request).await,
            (&Method::POST, "/v1/keys/open") => self.keys_open(&session, request).await,
            _ => Err(Answer::not_found(&method, &path)),
        };
        match answered {
            Ok(mut value) => {
                let response = json_response(StatusCode::OK, &value);
                keys::wipe(&mut value);
                response
            }
            Err(answer) => refusal_response(answer.status, &answer.refusal),
        }
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    fn metrics(&self) -> Vec<Metric> {
        let counter = |name, help, value: &AtomicU64| Metric {
            name,
            help,
            kind: MetricKind::Counter,
            value: value.load(Ordering::Relaxed),
        };
        vec![
            counter("leases_granted", "Leases granted.", &self.counts.leases),
            counter(
                "leases_refused",
                "Requests for a lease refused.",
                &self.counts.refusals,
            ),
            counter("data_keys_made", "Data keys made.", &self.counts.keys_made),
            counter(
                "data_keys_opened",
                "Data keys opened.",
                &self.counts.keys_opened,
            ),
        ]
    }

    fn authority(self: &Arc<Self>) -> Option<Arc<dyn Authority>> {
        let registry: Arc<dyn Authority> = Arc::<Registry>::clone(&self.registry);
        Some(registry)
    }
}

/// A no, with the status it travels under.
struct Answer {
    status: StatusCode,
    refusal: Refusal,
}

impl Answer {
    fn forbidden(refusal: Refusal) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            refusal,
        }
    }

    fn unavailable(refusal: Refusal) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            refusal,
        }
    }

    fn bad_request(seen: impl Into<String>) -> Self {
        let refusal = Refusal::new(
            "KP-030",
            "the request is not one the keeper understands, so nothing happened",
            "send what the manual shows for this path; both sides should be of one release",
        )
        .read(seen);
        Self {
            status: StatusCode::BAD_REQUEST,
            refusal,
        }
    }

    fn not_found(method: &Method, path: &str) -> Self {
        let refusal = Refusal::new(
            "KP-031",
            "the keeper has no such endpoint",
            "use /v1/lease, /v1/standing, /v1/keys/new or /v1/keys/open",
        )
        .read(format!("{method} {path}"));
        Self {
            status: StatusCode::NOT_FOUND,
            refusal,
        }
    }
}

impl Keeper {
    async fn lease(&self, session: &Session, request: Request<Incoming>) -> Result<Value, Answer> {
        self.allow(session, Verb::Lease).await?;
        let value = read_json(request).await?;
        let request = LeaseRequest::from_json(&value)
            .map_err(|error| Answer::bad_request(cofferdam_node::refusal::chain(&error)))?;
        let (registry, asker) = (Arc::clone(&self.registry), session.peer.clone());
        let judged = tokio::task::spawn_blocking(move || registry.lease(&asker, request)).await;
        match judged {
            Ok(Ok(grant)) => {
                self.counts.leases.fetch_add(1, Ordering::Relaxed);
                Ok(grant.to_json())
            }
            Ok(Err(refusal)) => {
                self.counts.refusals.fetch_add(1, Ordering::Relaxed);
                Err(Answer::forbidden(refusal))
            }
            Err(error) => Err(Answer::unavailable(
                Refusal::new("KP-032", "the judgement did not end", "ask again")
                    .read(error.to_string()),
            )),
        }
    }

    /// Held until there is news, the node stops, or the hold has passed.
    async fn standing(
        &self,
        session: &Session,
        request: &Request<Incoming>,
    ) -> Result<Value, Answer> {
        self.allow(session, Verb::Lease).await?;
        let after = after_of(request.uri().query())
            .ok_or_else(|| Answer::bad_request("the query is not after=<number>"))?;
        let mut standing = self.registry.standing();
        let mut stopping = self.node.stopping();
        let news = async {
            // An error means that the registry is gone, and with it every reason to wait.
            drop(
                standing
                    .wait_for(|standing| standing.sequence > after)
                    .await
                    .map(drop),
            );
        };
        tokio::select! {
            () = news => {}
            _stopped = stopping.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(STANDING_HOLD) => {}
        }
        let current = self.registry.standing().borrow().to_json();
        Ok(current)
    }

    async fn keys_new(
        &self,
        session: &Session,
        request: Request<Incoming>,
    ) -> Result<Value, Answer> {
        self.allow(session, Verb::KeyNew).await?;
        let question = KeyNew::from_json(&read_json(request).await?)
            .map_err(|error| Answer::bad_request(cofferdam_node::refusal::chain(&error)))?;
        self.allow_owner(session, &question.owner).await?;
        let now = self.node.clock().unix_seconds();
        let pairs = self
            .keyroom
            .make(&question.owner, question.count, now)
            .map_err(|error| Answer::forbidden(error.refusal()))?;
        let count = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
        self.record(
            session,
            Event::KeyCreate,
            Status::Granted,
            [
                ("owner", question.owner.to_string().into()),
                ("count", count.into()),
            ],
        )
        .await?;
        self.counts.keys_made.fetch_add(count, Ordering::Relaxed);
        Ok(KeyNewAnswer(key_pairs(pairs)).to_json())
    }

    async fn keys_open(
        &self,
        session: &Session,
        request: Request<Incoming>,
    ) -> Result<Value, Answer> {
        self.allow(session, Verb::KeyOpen).await?;
        let question = KeyOpen::from_json(&read_json(request).await?)
            .map_err(|error| Answer::bad_request(cofferdam_node::refusal::chain(&error)))?;
        let digest = crate::certificate::sha256(&question.wrapped);
        let fields = [("wrapped", Value::from(cofferdam_node::hex(&digest)))];
        match self.keyroom.unwrap(&session.peer.zone, &question.wrapped) {
            Ok(key) => {
                self.record(session, Event::KeyOpen, Status::Granted, fields)
                    .await?;
                self.counts.keys_opened.fetch_add(1, Ordering::Relaxed);
                match KeyText::new(key.to_text()) {
                    Some(text) => Ok(KeyOpenAnswer(text).to_json()),
                    None => Err(Answer::forbidden(
                        crate::keyroom::KeyroomError::Foreign.refusal(),
                    )),
                }
            }
            Err(error) => {
                self.record(session, Event::KeyRefuse, Status::Refused, fields)
                    .await?;
                Err(Answer::forbidden(error.refusal()))
            }
        }
    }

    /// Whether the flow table lets this peer ask that; a no is recorded.
    async fn allow(&self, session: &Session, verb: Verb) -> Result<(), Answer> {
        match self.node.authorize(session, verb, None) {
            Ok(_rule) => Ok(()),
            Err(refusal) => Err(self.refused(session, refusal).await),
        }
    }

    /// Keys for another zone are given only to who may write into it.
    async fn allow_owner(&self, session: &Session, owner: &ZoneName) -> Result<(), Answer> {
        if session.peer.zone == *owner {
            return Ok(());
        }
        let flows = &self.node.rack().flows;
        match flows.decide_any(&session.peer.zone, owner, Verb::Append) {
            FlowDecision::Allow(_rule) => Ok(()),
            FlowDecision::Refuse(refusal) => Err(self.refused(session, refusal).await),
        }
    }

    async fn refused(&self, session: &Session, refusal: Refusal) -> Answer {
        let entry = self.node.entry(
            Event::FlowRefuse,
            Phase::Single,
            Status::Refused,
            [
                ("peer", session.peer.to_string().into()),
                ("flow", session.id.to_string().into()),
            ],
        );
        let entry = cofferdam_node::record::with_refusal(entry, &refusal);
        if let Err(error) = self.node.record(entry).await {
            return Answer::unavailable(error.refusal());
        }
        Answer::forbidden(refusal)
    }

    async fn record<const N: usize>(
        &self,
        session: &Session,
        event: Event,
        status: Status,
        fields: [(&str, Value); N],
    ) -> Result<(), Answer> {
        let mut entry = self.node.entry(event, Phase::Single, status, fields);
        entry
            .fields
            .insert("peer".to_owned(), session.peer.to_string().into());
        entry
            .fields
            .insert("flow".to_owned(), session.id.to_string().into());
        match self.node.record(entry).await {
            Ok(_receipt) => Ok(()),
            Err(error) => Err(Answer::unavailable(error.refusal())),
        }
    }
}

fn key_pairs(pairs: Vec<(FernetKey, WrappedKey)>) -> Vec<KeyPair> {
    pairs
        .into_iter()
        .filter_map(|(key, wrapped)| {
            let key = KeyText::new(key.to_text())?;
            Some(KeyPair {
                key,
                wrapped: wrapped.as_bytes().to_vec(),
            })
        })
        .collect()
}

async fn read_json(request: Request<Incoming>) -> Result<Value, Answer> {
    let bytes = hear_body(request.into_body(), REQUEST_LIMIT_BYTES, REQUEST_DEADLINE)
        .await
        .map_err(|error| Answer::bad_request(cofferdam_node::refusal::chain(&error)))?;
    serde_json::from_slice(&bytes).map_err(|error| Answer::bad_request(error.to_string()))
}

fn after_of(query: Option<&str>) -> Option<u64> {
    match query {
        None => Some(0),
        Some(query) => query.strip_prefix("after=")?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_for_news_names_the_last_sequence_or_nothing() {
        assert_eq!(after_of(None), Some(0));
        assert_eq!(after_of(Some("after=17")), Some(17));
        assert_eq!(after_of(Some("after=")), None);
        assert_eq!(after_of(Some("since=17")), None);
        assert_eq!(after_of(Some("after=-1")), None);
    }
}
