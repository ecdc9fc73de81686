//! A listener on loopback with a service that does as it is told and a witness that remembers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cofferdam_rack::{PeerId, Refusal};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::rack::Rack;
use crate::{
    Body, BodyWriter, Connection, Credential, Dialer, EndReason, Limits, Listener, Service,
    Serving, Session, Snapshot, Standing, Witness, WitnessError, body_reader, channel, full,
};

/// More than any test waits for something that must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The promise: what loses its right is closed within this time.
pub(super) const PROMISE: Duration = Duration::from_secs(1);

/// What the witness was told.
#[derive(Debug, Clone)]
pub(super) enum Note {
    Admitted(Session),
    Refused(Option<PeerId>, Refusal),
    Ended(EndReason),
}

/// What the witness answers to an admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Temper {
    Records,
    Fails,
    Hangs,
}

#[derive(Debug)]
pub(super) struct Ledger {
    notes: watch::Sender<Vec<Note>>,
    temper: Temper,
}

impl Ledger {
    fn new(temper: Temper) -> Arc<Self> {
        Arc::new(Self {
            notes: watch::Sender::new(Vec::new()),
            temper,
        })
    }

    fn note(&self, note: Note) {
        self.notes.send_modify(|notes| notes.push(note));
    }

    async fn find<T>(&self, pick: impl Fn(&Note) -> Option<T>) -> T {
        let mut notes = self.notes.subscribe();
        let found = notes.wait_for(|notes| notes.iter().any(|note| pick(note).is_some()));
        let notes = timeout(PATIENCE, found)
            .await
            .expect("a note in time")
            .expect("a ledger");
        notes.iter().find_map(pick).expect("just found")
    }

    pub(super) async fn admitted(&self) -> Session {
        self.find(|note| match note {
            Note::Admitted(session) => Some(session.clone()),
            Note::Refused(..) | Note::Ended(..) => None,
        })
        .await
    }

    pub(super) async fn refused(&self) -> (Option<PeerId>, Refusal) {
        self.find(|note| match note {
            Note::Refused(peer, refusal) => Some((peer.clone(), refusal.clone())),
            Note::Admitted(_) | Note::Ended(..) => None,
        })
        .await
    }

    pub(super) async fn ended(&self) -> EndReason {
        self.find(|note| match note {
            Note::Ended(why) => Some(*why),
            Note::Admitted(_) | Note::Refused(..) => None,
        })
        .await
    }
}

impl Witness for Ledger {
    async fn admitted(&self, session: &Session) -> Result<(), WitnessError> {
        match self.temper {
            Temper::Records => {
                self.note(Note::Admitted(session.clone()));
                Ok(())
            }
            Temper::Fails => Err(WitnessError("the disk is full".into())),
            Temper::Hangs => std::future::pending().await,
        }
    }

    async fn refused(&self, peer: Option<&PeerId>, refusal: &Refusal) {
        self.note(Note::Refused(peer.cloned(), refusal.clone()));
    }

    async fn ended(&self, _session: &Session, why: EndReason) {
        self.note(Note::Ended(why));
    }
}

/// Answers by path: `/who` at once, `/gate` when the gate opens, `/stuck` never, `/half` half an
/// answer, `/read` what was sent.
#[derive(Debug)]
pub(super) struct Zone {
    pub(super) gate: Semaphore,
    /// Requests that came, ever.
    pub(super) calls: watch::Sender<usize>,
    /// Bodies begun and not finished.
    writers: watch::Sender<Vec<BodyWriter>>,
    /// Requests being answered now.
    pub(super) inside: Arc<AtomicUsize>,
}

struct Inside(Arc<AtomicUsize>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Zone {
    pub(super) async fn called(&self, times: usize) {
        let mut calls = self.calls.subscribe();
        let called = calls.wait_for(|calls| *calls >= times);
        timeout(PATIENCE, called)
            .await
            .expect("a call in time")
            .expect("a zone");
    }
}

impl Service for Zone {
    async fn call(&self, session: Arc<Session>, request: Request<Incoming>) -> Response<Body> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let _inside = Inside(Arc::clone(&self.inside));
        self.calls.send_modify(|calls| *calls += 1);
        match request.uri().path() {
            "/gate" => {
                self.gate.acquire().await.expect("a gate").forget();
                Response::new(full("through the gate"))
            }
            "/stuck" => std::future::pending().await,
            "/half" => {
                let (writer, body) = channel(1);
                writer
                    .send(Bytes::from_static(b"half"))
                    .await
                    .expect("a reader");
                // Never finished while the stage stands.
                self.writers.send_modify(|writers| writers.push(writer));
                Response::new(body)
            }
            "/read" => match body_reader::read_body(request.into_body(), 1000, PATIENCE).await {
                Ok(bytes) => Response::new(full(bytes)),
                Err(fault) => {
                    let mut answer = Response::new(full(fault.kind.code()));
                    *answer.status_mut() = fault.kind.status();
                    answer
                }
            },
            _ => Response::new(full(format!("{} {}", session.peer, session.kind.as_str()))),
        }
    }
}

/// A zone that listens.
pub(super) struct Stage {
    pub(super) rack: Rack,
    pub(super) serving: Serving,
    pub(super) ledger: Arc<Ledger>,
    pub(super) zone: Arc<Zone>,
    pub(super) publisher: watch::Sender<Arc<Snapshot>>,
}

/// How a stage is set.
pub(super) struct Setting {
    pub(super) limits: Limits,
    pub(super) temper: Temper,
    pub(super) credential: Option<Credential>,
    pub(super) change: Box<dyn Fn(&mut Snapshot)>,
}

impl Setting {
    /// Storage, in order.
    pub(super) fn of(rack: &Rack) -> Self {
        Self {
            limits: Limits::default(),
            temper: Temper::Records,
            credential: Some(rack.credential("storage/st1")),
            change: Box::new(|_| {}),
        }
    }

    pub(super) fn limits(self, change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = self.limits;
        change(&mut limits);
        Self { limits, ..self }
    }

    pub(super) fn change(self, change: impl Fn(&mut Snapshot) + 'static) -> Self {
        Self {
            change: Box::new(change),
            ..self
        }
    }
}

impl Stage {
    pub(super) async fn new() -> Self {
        let rack = Rack::new();
        let setting = Setting::of(&rack);
        Self::set(rack, setting).await
    }

    pub(super) async fn set(rack: Rack, setting: Setting) -> Self {
        let mut snapshot = rack.snapshot(setting.credential);
        (setting.change)(&mut snapshot);
        let (publisher, standing) = watch::channel(Arc::new(snapshot));
        let ledger = Ledger::new(setting.temper);
        let zone = Arc::new(Zone {
            gate: Semaphore::new(0),
            calls: watch::Sender::new(0),
            writers: watch::Sender::new(Vec::new()),
            inside: Arc::default(),
        });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(address).await.expect("a free port");
        let serving = listener.serve(
            Arc::clone(&zone),
            Arc::clone(&ledger),
            standing,
            setting.limits,
            rack.clock.clock(),
        );
        Self {
            rack,
            serving,
            ledger,
            zone,
            publisher,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.serving.local_addr()
    }

    /// Publishes a changed snapshot.
    pub(super) fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = Snapshot::clone(&self.publisher.borrow());
        change(&mut snapshot);
        self.publisher.send_replace(Arc::new(snapshot));
    }

    /// A node with a standing of its own.
    pub(super) fn node(&self, credential: Option<Credential>) -> Node {
        let (publisher, standing) = watch::channel(Arc::new(self.rack.snapshot(credential)));
        let dialer = Dialer::new(Standing::clone(&standing), self.rack.clock.clock());
        Node { publisher, dialer }
    }

    /// Intake's node, connected.
    pub(super) async fn intake(&self) -> (Node, Connection) {
        let node = self.node(Some(self.rack.credential("intake/in1")));
        let connection = node.connect(self).await;
        (node, connection)
    }
}

pub(super) struct Node {
    pub(super) publisher: watch::Sender<Arc<Snapshot>>,
    pub(super) dialer: Dialer,
}

impl Node {
    pub(super) async fn connect(&self, stage: &Stage) -> Connection {
        let zone = super::rack::zone("storage");
        self.dialer
            .connect(stage.address(), &zone)
            .await
            .expect("a connection")
    }

    pub(super) fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = Snapshot::clone(&self.publisher.borrow());
        change(&mut snapshot);
        self.publisher.send_replace(Arc::new(snapshot));
    }
}

pub(super) fn ask(path: &str) -> Request<Body> {
    Request::get(path).body(crate::empty()).expect("a request")
}

/// Asks and gives the answer's text.
pub(super) async fn answer(connection: &mut Connection, path: &str) -> String {
    let answer = timeout(PATIENCE, connection.send(ask(path)))
        .await
        .expect("an answer in time");
    text(answer.expect("an answer")).await
}

pub(super) async fn text(answer: Response<Incoming>) -> String {
    let body = timeout(PATIENCE, answer.into_body().collect())
        .await
        .expect("a body in time");
    String::from_utf8(body.expect("a whole body").to_bytes().to_vec()).expect("text")
}

/// Fails the test when `future` is not through within the promise.
pub(super) async fn within_a_second<T>(future: impl Future<Output = T>) -> T {
    // The measure is generous to a busy machine by a half; the limits below are not touched by it.
    timeout(PROMISE.mul_f32(1.5), future)
        .await
        .expect("within a second")
}
