//! A dialed connection: requests out, answers in, until it ends. Owns the sending half and the one
//! task that drives and watches the connection; must never send a request once the connection lost
//! its right.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_rack::PeerId;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::body::Body;
use crate::code::Code;
use crate::guard::{Finding, Guard};
use crate::reason::{Denied, Reason, tls_error};
use crate::session::SessionKind;
use crate::streams::Streams;
use crate::tls::Protocol;
use crate::witness::EndReason;

/// How long a kind close may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// An open connection to another zone, fit for a pool: see [`Connection::is_open`].
///
/// Dropping it cuts answers that are still being read; hold it until their bodies are through.
#[derive(Debug)]
pub struct Connection {
    peer: PeerId,
    kind: SessionKind,
    address: SocketAddr,
    host: String,
    sender: Sender,
    fate: Arc<Fate>,
    // A set of one: its drop ends the driver, and with it the socket.
    driver: JoinSet<()>,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// What the driver found out.
#[derive(Debug, Default)]
struct Fate {
    last_call: AtomicBool,
    ended: OnceLock<Ended>,
}

#[derive(Debug, Clone)]
enum Ended {
    /// For a reason that we know.
    For(EndReason),
    /// The peer's last word was a TLS alert.
    Alert(String),
}

/// A request was not answered.
#[derive(Debug, thiserror::Error)]
#[error("send a request to {peer} ({})", refusal.code)]
pub struct SendError {
    /// Whom we asked.
    pub peer: PeerId,
    /// Why not, with code and remedy.
    pub refusal: Box<Refusal>,
    /// What the connection said.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl SendError {
    /// Its code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.refusal.code
    }
}

impl Connection {
    /// Begins HTTP over a verified stream.
    pub(crate) async fn start(
        stream: TlsStream<TcpStream>,
        guard: Guard,
        host: String,
        address: SocketAddr,
    ) -> Result<Self, Denied> {
        let peer = guard.identified.peer.clone();
        let kind = guard.identified.kind;
        let fate = Arc::new(Fate::default());
        let mut driver = JoinSet::new();
        let protocol = Protocol::agreed(stream.get_ref().1.alpn_protocol());
        let io = TokioIo::new(stream);
        let broken = |fault: hyper::Error| Reason::Unreachable(fault.to_string());
        let told = Arc::clone(&fate);
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await.map_err(broken)?;
                driver.spawn(async move { drive(connection, guard, &told).await });
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let streams = Streams::default();
                let mut builder = http2::Builder::new(streams.clone());
                let (sender, connection) = builder
                    .timer(TokioTimer::new())
                    .handshake(io)
                    .await
                    .map_err(broken)?;
                driver.spawn(async move {
                    drive(connection, guard, &told).await;
                    streams.end().await;
                });
                Sender::Http2(sender)
            }
        };
        Ok(Self {
            peer,
            kind,
            address,
            host,
            sender,
            fate,
            driver,
        })
    }

    /// Who is at the other end.
    #[must_use]
    pub const fn peer(&self) -> &PeerId {
        &self.peer
    }

    /// Whether the peer was verified by its lease, or by its pinned key alone.
    #[must_use]
    pub const fn kind(&self) -> SessionKind {
        self.kind
    }

    /// Where the peer is.
    #[must_use]
    pub const fn remote_addr(&self) -> SocketAddr {
        self.address
    }

    /// Whether another request may be sent. A pool drops those that say no.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let closed = match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        };
        !closed && self.fate.ended.get().is_none() && !self.fate.last_call.load(Ordering::Acquire)
    }

    /// Sends a request and waits for the head of the answer, however long the peer takes.
    ///
    /// The target is the request's path and query. A request without a `Host` gets the zone's name.
    ///
    /// # Errors
    /// The connection is closed or closes meanwhile, the peer refuses us, or the request is no
    /// HTTP.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, SendError> {
        if self.fate.ended.get().is_some() {
            return Err(self.fault(None).await);
        }
        if self.fate.last_call.load(Ordering::Acquire) {
            return Err(self.error(EndReason::Deadline.entry(), None, None));
        }
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                let Some(request) = for_http1(request, &self.host) else {
                    return Err(self.unfit());
                };
                match sender.ready().await {
                    Ok(()) => sender.send_request(request).await,
                    Err(fault) => Err(fault),
                }
            }
            Sender::Http2(sender) => {
                let Some(request) = for_http2(request, &self.host) else {
                    return Err(self.unfit());
                };
                match sender.ready().await {
                    Ok(()) => sender.send_request(request).await,
                    Err(fault) => Err(fault),
                }
            }
        };
        match answer {
            Ok(answer) => Ok(answer),
            Err(fault) => Err(self.fault(Some(fault)).await),
        }
    }

    /// As [`Connection::send`], but gives up after `within`. The connection is then of no further
    /// use.
    ///
    /// # Errors
    /// As [`Connection::send`], and the time is up.
    pub async fn send_within(
        &mut self,
        request: Request<Body>,
        within: Duration,
    ) -> Result<Response<Incoming>, SendError> {
        if let Ok(outcome) = timeout(within, self.send(request)).await {
            return outcome;
        }
        self.fate.last_call.store(true, Ordering::Release);
        Err(self.error(
            Code::AnswerTimeout,
            Some(format!("limit: {within:?}")),
            None,
        ))
    }

    /// Closes it, kindly: what is still being read is cut after a second.
    pub async fn close(self) {
        let Self {
            sender, mut driver, ..
        } = self;
        drop(sender);
        let ended = timeout(FAREWELL, driver.join_next()).await;
        if ended.is_err() {
            driver.shutdown().await;
        }
    }

    /// What a failed request means: why the driver ended, if it did, or what hyper says.
    async fn fault(&mut self, fault: Option<hyper::Error>) -> SendError {
        let alert = fault.as_ref().and_then(alert_in);
        if alert.is_none() {
            // The driver learns the reason in the same breath; it is not always first.
            drop(timeout(FAREWELL, self.driver.join_next()).await);
        }
        let ended = alert
            .map(Ended::Alert)
            .or_else(|| self.fate.ended.get().cloned());
        match ended {
            Some(Ended::Alert(alert)) => {
                let seen = Some(format!("alert: {alert}"));
                self.error(Code::PeerRefused, seen, fault)
            }
            // The driver ends the same whether hyper told it or us of a broken connection.
            Some(Ended::For(EndReason::PeerClosed)) if fault.as_ref().is_some_and(is_break) => {
                self.error(EndReason::Broken.entry(), None, fault)
            }
            Some(Ended::For(why)) => self.error(why.entry(), None, fault),
            None => self.error(EndReason::Broken.entry(), None, fault),
        }
    }

    fn unfit(&self) -> SendError {
        self.error(Code::UnfitRequest, None, None)
    }

    fn error(&self, code: Code, seen: Option<String>, fault: Option<hyper::Error>) -> SendError {
        let refusal = Refusal::new(code.as_str(), "the request was not answered", code.mend())
            .read(format!("peer address: {}", self.address))
            .why(code.meaning());
        let refusal = match seen {
            Some(seen) => refusal.read(seen),
            None => refusal,
        };
        SendError {
            peer: self.peer.clone(),
            refusal: Box::new(refusal),
            source: fault.map(|fault| -> Box<dyn Error + Send + Sync> { Box::new(fault) }),
        }
    }
}

/// Drives the connection and watches its right; returning drops the socket.
async fn drive<C>(connection: C, mut guard: Guard, fate: &Fate)
where
    C: Future<Output = Result<(), hyper::Error>>,
{
    let mut connection = pin!(connection);
    let ended = loop {
        tokio::select! {
            biased;
            finding = guard.next() => match finding {
                Finding::LastCall => fate.last_call.store(true, Ordering::Release),
                Finding::Lost(why) => break Ended::For(why),
            },
            outcome = connection.as_mut() => break match outcome {
                Ok(()) => Ended::For(EndReason::PeerClosed),
                Err(fault) => {
                    alert_in(&fault).map_or(Ended::For(EndReason::Broken), Ended::Alert)
                }
            },
        }
    };
    fate.ended.get_or_init(|| ended);
}

/// Whether an error is more than a connection that had been closed.
fn is_break(fault: &hyper::Error) -> bool {
    !fault.is_canceled() && !fault.is_closed()
}

/// The TLS alert at the bottom of an HTTP error, if that is what ended it.
fn alert_in(fault: &hyper::Error) -> Option<String> {
    let mut cause = fault.source();
    while let Some(error) = cause {
        let found = error.downcast_ref::<std::io::Error>().and_then(tls_error);
        if let Some(rustls::Error::AlertReceived(alert)) = found {
            return Some(format!("{alert:?}"));
        }
        cause = error.source();
    }
    None
}

fn for_http1(mut request: Request<Body>, host: &str) -> Option<Request<Body>> {
    let host = match request.uri().authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok()?,
        None => HeaderValue::from_str(host).ok()?,
    };
    request.headers_mut().entry(HOST).or_insert(host);
    let target = request.uri().path_and_query()?.clone();
    *request.uri_mut() = Uri::from(target);
    *request.version_mut() = Version::HTTP_11;
    Some(request)
}

fn for_http2(mut request: Request<Body>, host: &str) -> Option<Request<Body>> {
    let named = request.headers_mut().remove(HOST);
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    let authority = match (parts.authority.take(), &named) {
        (Some(authority), _) => authority,
        (None, Some(named)) => Authority::try_from(named.as_bytes()).ok()?,
        (None, None) => Authority::try_from(host).ok()?,
    };
    parts.authority = Some(authority);
    parts.scheme = Some(Scheme::HTTPS);
    parts
        .path_and_query
        .get_or_insert(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    *request.version_mut() = Version::HTTP_2;
    Some(request)
}
