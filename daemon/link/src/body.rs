//! Bodies of answers and of requests sent. Owns the one body type of the link and the ways to make
//! one; must never gather an unbounded body in memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// The body of an answer, or of a request we send.
pub type Body = BoxBody<Bytes, BodyError>;

/// The source of a body failed before its end: the peer sees a broken message, never a short one.
#[derive(Debug, thiserror::Error)]
#[error("produce the body")]
pub struct BodyError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl BodyError {
    /// The error whose cause is `cause`, an error or a text.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// A body that is all there.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed()
}

/// No body.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// A body of pieces as they come; an error breaks the message off.
pub fn stream<S>(pieces: S) -> Body
where
    S: Stream<Item = Result<Bytes, BodyError>> + Send + Sync + 'static,
{
    BoxBody::new(StreamBody::new(pieces.map(|piece| piece.map(Frame::data))))
}

/// Any other HTTP body, for example one of a protocol library.
pub fn wrap<B>(body: B) -> Body
where
    B: hyper::body::Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    body.map_err(BodyError::new).boxed()
}

/// A body written from another task: at most `pieces` wait unsent, then the writer waits.
#[must_use]
pub fn channel(pieces: usize) -> (BodyWriter, Body) {
    let (sender, receiver) = mpsc::channel(pieces.max(1));
    (
        BodyWriter(sender),
        BoxBody::new(StreamBody::new(Received {
            receiver,
            ended: false,
        })),
    )
}

/// The writing end of [`channel`]. A body ends well only through [`BodyWriter::finish`]: dropping
/// the writer breaks the message off.
#[derive(Debug)]
pub struct BodyWriter(mpsc::Sender<Piece>);

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    Fault(BodyError),
    End,
}

impl BodyWriter {
    /// Sends a piece.
    ///
    /// # Errors
    /// The reader is gone; stop producing.
    pub async fn send(&self, bytes: Bytes) -> Result<(), ReaderGone> {
        self.put(Piece::Bytes(bytes)).await
    }

    /// Ends the body as complete.
    ///
    /// # Errors
    /// The reader is gone.
    pub async fn finish(self) -> Result<(), ReaderGone> {
        self.put(Piece::End).await
    }

    /// Breaks the message off with a cause.
    ///
    /// # Errors
    /// The reader is gone.
    pub async fn fail(self, fault: BodyError) -> Result<(), ReaderGone> {
        self.put(Piece::Fault(fault)).await
    }

    async fn put(&self, piece: Piece) -> Result<(), ReaderGone> {
        self.0.send(piece).await.map_err(|unsent| {
            drop(unsent);
            ReaderGone
        })
    }
}

/// Nobody reads this body any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("hand on a piece of a body whose reader is gone")]
pub struct ReaderGone;

struct Received {
    receiver: mpsc::Receiver<Piece>,
    ended: bool,
}

impl Stream for Received {
    type Item = Result<Frame<Bytes>, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = match self.receiver.poll_recv(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(piece) => piece,
        };
        let item = match piece {
            Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Piece::End) => None,
            Some(Piece::Fault(fault)) => Some(Err(fault)),
            None => Some(Err(BodyError::new("the writer left before the end"))),
        };
        self.ended = true;
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(body: Body) -> Result<String, BodyError> {
        let bytes = body.collect().await?.to_bytes();
        Ok(String::from_utf8(bytes.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn every_kind_of_body_gives_what_was_put_in() {
        assert_eq!(text(full("all of it")).await.expect("whole"), "all of it");
        assert_eq!(text(empty()).await.expect("whole"), "");
        let pieces = ["in ", "pieces"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        assert_eq!(
            text(stream(futures::stream::iter(pieces)))
                .await
                .expect("whole"),
            "in pieces"
        );
        assert_eq!(
            text(wrap(Full::new(Bytes::from("wrapped"))))
                .await
                .expect("whole"),
            "wrapped"
        );
    }

    #[tokio::test]
    async fn a_source_that_fails_breaks_the_body_off() {
        let pieces = [
            Ok(Bytes::from_static(b"half")),
            Err(BodyError::new("the disk broke")),
        ];
        let fault = text(stream(futures::stream::iter(pieces)))
            .await
            .expect_err("broken off");
        assert_eq!(fault.0.to_string(), "the disk broke");
    }

    #[tokio::test]
    async fn a_body_whose_writer_leaves_unfinished_is_broken_off() {
        let (writer, body) = channel(1);
        writer
            .send(Bytes::from_static(b"half"))
            .await
            .expect("a reader");
        drop(writer);
        assert!(text(body).await.is_err());
    }

    #[tokio::test]
    async fn a_writer_waits_at_its_bound_and_learns_that_the_reader_left() {
        let (writer, body) = channel(1);
        writer
            .send(Bytes::from_static(b"first"))
            .await
            .expect("room for one");
        let mut second = std::pin::pin!(writer.send(Bytes::from_static(b"second")));
        assert!(
            futures::poll!(second.as_mut()).is_pending(),
            "the bound is reached"
        );
        drop(body);
        assert_eq!(second.await, Err(ReaderGone));
    }
}
