//! What a connection is doing: nothing, receiving a request's head, or answering. Owns the two
//! patience limits, for idleness and for slow heads; must never look into the bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::body::{Body, BodyError};
use crate::limits::Limits;
use crate::tls::Protocol;
use crate::witness::EndReason;

/// What one connection is doing.
#[derive(Debug)]
pub(crate) struct Activity {
    running: AtomicUsize,
    /// Grows with every read and write: a peer that still takes an answer is not idle.
    movements: AtomicU64,
    phase: watch::Sender<Phase>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Busy,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        let (phase, _) = watch::channel(Phase::Idle);
        Arc::new(Self {
            running: AtomicUsize::new(0),
            movements: AtomicU64::new(0),
            phase,
        })
    }

    /// A request reached the service. It runs until the answer's body is done with.
    pub(crate) fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.phase.send_replace(Phase::Busy);
        Running(Arc::clone(self))
    }

    /// Waits until patience runs out.
    pub(crate) async fn overdue(&self, limits: &Limits) -> EndReason {
        let mut phase = self.phase.subscribe();
        loop {
            let now = *phase.borrow_and_update();
            let (patience, why) = match now {
                Phase::Idle => (limits.idle, EndReason::Idle),
                Phase::Head => (limits.header, EndReason::SlowHead),
                Phase::Busy => {
                    // The sender is our own: it cannot be gone.
                    drop(phase.changed().await);
                    continue;
                }
            };
            let movements = self.movements.load(Ordering::Acquire);
            tokio::select! {
                _ = phase.changed() => {}
                () = sleep(patience) => {
                    let still = movements == self.movements.load(Ordering::Acquire);
                    if still || now == Phase::Head {
                        return why;
                    }
                }
            }
        }
    }

    fn moved(&self) {
        self.movements.fetch_add(1, Ordering::AcqRel);
    }

    fn bytes_came(&self) {
        self.phase.send_if_modified(|phase| {
            let begins = *phase == Phase::Idle;
            if begins {
                *phase = Phase::Head;
            }
            begins
        });
    }
}

/// One running request.
#[derive(Debug)]
pub(crate) struct Running(Arc<Activity>);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.phase.send_replace(Phase::Idle);
        }
    }
}

/// The body of an answer; its request runs as long as it lives.
#[derive(Debug)]
pub(crate) struct RunningBody {
    body: Body,
    _running: Running,
}

impl RunningBody {
    pub(crate) const fn new(body: Body, running: Running) -> Self {
        Self {
            body,
            _running: running,
        }
    }
}

impl HttpBody for RunningBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose reads and writes are noticed.
#[derive(Debug)]
pub(crate) struct Noticed<T> {
    pub(crate) stream: T,
    pub(crate) activity: Arc<Activity>,
    pub(crate) protocol: Protocol,
}

impl<T: AsyncRead + Unpin> AsyncRead for Noticed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if outcome.is_ready() && buf.filled().len() > before {
            self.activity.moved();
            // In HTTP/1.1 bytes that come while nothing runs begin a head. HTTP/2 has frames of its
            // own between requests; there the idle limit must do.
            if self.protocol == Protocol::Http1 {
                self.activity.bytes_came();
            }
        }
        outcome
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noticed<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        if outcome.is_ready() {
            self.activity.moved();
        }
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if outcome.is_ready() {
            self.activity.moved();
        }
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
