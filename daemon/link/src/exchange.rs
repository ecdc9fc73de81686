//! Requests and answers over an admitted connection, until it ends. Owns the one loop in which a
//! connection is served, watched and closed; must never keep a connection whose guard says it is
//! lost.

use std::convert::Infallible;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, timeout};

use crate::activity::{Activity, Noticed, RunningBody};
use crate::admission::{Admitted, House};
use crate::guard::{Finding, Guard};
use crate::limits::Limits;
use crate::service::Service;
use crate::streams::Streams;
use crate::tls::Protocol;
use crate::witness::{EndReason, Witness};

/// The least buffer that hyper takes, in bytes.
const SMALLEST_BUFFER: usize = 8192;
/// How often a quiet HTTP/2 peer is asked whether it is there, and how long it may take to answer.
const H2_PING: Duration = Duration::from_secs(20);

/// Serves an admitted connection to its end, and records the end.
pub(crate) async fn run<S: Service, W: Witness>(house: &Arc<House<S, W>>, admitted: Admitted) {
    let Admitted {
        stream,
        session,
        guard,
        seat,
    } = admitted;
    let activity = Activity::new();
    let streams = Streams::default();
    let protocol = Protocol::agreed(stream.get_ref().1.alpn_protocol());
    let io = TokioIo::new(Noticed {
        stream,
        activity: Arc::clone(&activity),
        protocol,
    });
    let service = {
        let (house, session) = (Arc::clone(house), Arc::clone(&session));
        let activity = Arc::clone(&activity);
        service_fn(move |request| {
            let (house, session) = (Arc::clone(&house), Arc::clone(&session));
            let running = activity.begin();
            house.tally.requests.add_one();
            async move {
                let answer = house.service.call(session, request).await;
                Ok::<_, Infallible>(answer.map(|body| RunningBody::new(body, running)))
            }
        })
    };
    let conduct = Conduct {
        guard,
        activity,
        limits: &house.limits,
        closing: None,
        cut: None,
        hearing: Hearing::Both,
    };
    let stopping = house.stopping.clone();
    // Decided in the handshake: guessing by the first bytes would wait for them without a limit.
    let why = match protocol {
        Protocol::Http1 => {
            let mut connection = pin!(http1_builder(&house.limits).serve_connection(io, service));
            let finish = http1::Connection::graceful_shutdown;
            conduct
                .until_end(stopping, connection.as_mut(), finish)
                .await
        }
        Protocol::Http2 => {
            let builder = http2_builder(&streams, &house.limits);
            let mut connection = pin!(builder.serve_connection(io, service));
            let finish = http2::Connection::graceful_shutdown;
            conduct
                .until_end(stopping, connection.as_mut(), finish)
                .await
        }
    };
    streams.end().await;
    drop(seat);
    house.tally.end(why);
    log::debug!(flow:% = session.id, why = why.as_str(); "end a connection");
    if timeout(house.limits.receipt, house.witness.ended(&session, why))
        .await
        .is_err()
    {
        log::error!(flow:% = session.id; "give up on the record of an end");
    }
}

fn http1_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Our own patience with heads does not run between requests, as hyper's does.
        .header_read_timeout(None)
        .max_header_size(limits.max_head_bytes)
        .max_buf_size(limits.max_head_bytes.max(SMALLEST_BUFFER));
    builder
}

fn http2_builder(streams: &Streams, limits: &Limits) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(streams.clone());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.max_streams)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING);
    builder
}

/// What decides the end of one connection.
struct Conduct<'a> {
    guard: Guard,
    activity: Arc<Activity>,
    limits: &'a Limits,
    /// Why the connection was asked to finish.
    closing: Option<EndReason>,
    /// When patience with that ends.
    cut: Option<Pin<Box<Sleep>>>,
    hearing: Hearing,
}

/// To whom the conduct still listens. What was said once for all would be said again at each
/// question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hearing {
    /// The guard and the stop of the listener.
    Both,
    /// The guard: the stop was told, but a right may still be lost.
    Guard,
    /// Nobody: the right is lost, and the cut is near.
    Nobody,
}

enum Event {
    Found(Finding),
    CutTime,
    Stop,
    Overdue(EndReason),
    Ended(Ending),
}

enum Ending {
    Clean,
    Broken,
}

impl Conduct<'_> {
    /// Drives the connection until it ends or must be cut, and says why. The caller cuts it by
    /// dropping it.
    async fn until_end<C>(
        mut self,
        mut stopping: watch::Receiver<bool>,
        mut connection: Pin<&mut C>,
        finish: impl Fn(Pin<&mut C>),
    ) -> EndReason
    where
        C: Future<Output = Result<(), hyper::Error>>,
    {
        loop {
            let event = tokio::select! {
                biased;
                finding = self.guard.next(), if self.hearing <= Hearing::Guard => {
                    Event::Found(finding)
                }
                () = due(&mut self.cut) => Event::CutTime,
                () = told(&mut stopping), if self.hearing == Hearing::Both => Event::Stop,
                why = self.activity.overdue(self.limits), if self.closing.is_none() => {
                    Event::Overdue(why)
                }
                ended = connection.as_mut() => {
                    Event::Ended(if ended.is_ok() { Ending::Clean } else { Ending::Broken })
                }
            };
            if let ControlFlow::Break(why) = self.hear(event) {
                return why;
            }
            finish(connection.as_mut());
        }
    }

    /// What an event means: go on finishing, or the end and its reason.
    fn hear(&mut self, event: Event) -> ControlFlow<EndReason> {
        match event {
            Event::Found(Finding::Lost(EndReason::Deadline)) => {
                return ControlFlow::Break(EndReason::Deadline);
            }
            Event::Found(Finding::Lost(why)) => {
                self.hearing = Hearing::Nobody;
                self.closing = Some(why);
                self.cut_within(self.limits.cut);
            }
            // The end of the lease is its own cut.
            Event::Found(Finding::LastCall) => {
                self.closing.get_or_insert(EndReason::Deadline);
            }
            Event::Stop => {
                self.hearing = Hearing::Guard;
                self.closing.get_or_insert(EndReason::Drained);
                self.cut_within(self.limits.drain);
            }
            Event::Overdue(why) => {
                self.closing = Some(why);
                self.cut_within(self.limits.cut);
            }
            Event::CutTime => {
                return ControlFlow::Break(match self.closing {
                    None | Some(EndReason::Drained) => EndReason::CutOff,
                    Some(why) => why,
                });
            }
            Event::Ended(ending) => {
                return ControlFlow::Break(self.closing.unwrap_or(match ending {
                    Ending::Clean => EndReason::PeerClosed,
                    Ending::Broken => EndReason::Broken,
                }));
            }
        }
        ControlFlow::Continue(())
    }

    /// Patience never grows.
    fn cut_within(&mut self, patience: Duration) {
        let candidate = Box::pin(sleep(patience));
        let sooner = self
            .cut
            .as_ref()
            .is_none_or(|cut| candidate.deadline() < cut.deadline());
        if sooner {
            self.cut = Some(candidate);
        }
    }
}

async fn due(cut: &mut Option<Pin<Box<Sleep>>>) {
    match cut {
        Some(cut) => cut.await,
        None => std::future::pending().await,
    }
}

/// Waits until the listener stops. A listener that is gone has stopped.
pub(crate) async fn told(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}
