//! Reading a request's body without trusting it. Owns [`BodyReader`]; must never hand on a byte
//! past the limit and never wait past the deadline.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cofferdam_hwprofile::Refusal;
use http_body_util::BodyExt;
use tokio::time::{Sleep, sleep};

use crate::code::Code;

/// How much of a body that is too long is still taken in, and thrown away, before it is refused. A client that is answered while it
/// still sends may lose the answer: HTTP/1.1 to a reset (RFC 9112 §9.6), HTTP/2 to a client that takes the early end for a fault.
const SPILL_BYTES: u64 = 8 << 20;
/// How long that may take.
const SPILL_WITHIN: Duration = Duration::from_secs(2);

/// Reads a body piece by piece, up to a number of bytes and up to a point in time.
#[derive(Debug)]
pub struct BodyReader<B> {
    body: B,
    limit: u64,
    taken: u64,
    within: Duration,
    deadline: Pin<Box<Sleep>>,
}

/// A request body was not read to its end.
#[derive(Debug, thiserror::Error)]
#[error("read the body after {taken} bytes")]
pub struct ReadError {
    /// Bytes that had been read.
    pub taken: u64,
    /// What went wrong.
    #[source]
    pub kind: ReadErrorKind,
}

/// What can go wrong with a body.
#[derive(Debug, thiserror::Error)]
pub enum ReadErrorKind {
    /// It is longer than the limit.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// It did not end in time.
    #[error("the body did not end within {within:?}")]
    BodyTimeout {
        /// The time it was given.
        within: Duration,
    },
    /// The peer broke it off.
    #[error("the peer broke the body off")]
    BodyBroken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ReadError {
    /// The refusal for the peer.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let code = self.kind.entry();
        Refusal::new(code.as_str(), "the request was not taken", code.mend())
            .read(self.kind.to_string())
            .read(format!("bytes read: {}", self.taken))
            .why(code.meaning())
    }
}

impl ReadErrorKind {
    /// Its code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.entry().as_str()
    }

    const fn entry(&self) -> Code {
        match self {
            Self::BodyTooLarge { .. } => Code::BodyTooLarge,
            Self::BodyTimeout { .. } => Code::BodyTimeout,
            Self::BodyBroken(_) => Code::BodyBroken,
        }
    }

    /// The HTTP status that says the same: 413, 408 or 400.
    #[must_use]
    pub const fn status(&self) -> http::StatusCode {
        match self {
            Self::BodyTooLarge { .. } => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout { .. } => http::StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken(_) => http::StatusCode::BAD_REQUEST,
        }
    }
}

impl<B> BodyReader<B>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A reader of at most `limit` bytes, all of them `within` from now.
    pub fn new(body: B, limit: u64, within: Duration) -> Self {
        Self {
            body,
            limit,
            taken: 0,
            within,
            deadline: Box::pin(sleep(within)),
        }
    }

    /// The next piece; `None` at the end of the body.
    ///
    /// # Errors
    /// The body is too long, too slow, or broken off. A body that announces too great a length
    /// fails before its first byte.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.taken.saturating_add(self.body.size_hint().lower()) > self.limit {
            return Err(self.fault(ReadErrorKind::BodyTooLarge { limit: self.limit }));
        }
        loop {
            let frame = tokio::select! {
                biased;
                () = &mut self.deadline => {
                    return Err(self.fault(ReadErrorKind::BodyTimeout { within: self.within }));
                }
                frame = self.body.frame() => frame,
            };
            let frame = match frame {
                None => return Ok(None),
                Some(Ok(frame)) => frame,
                Some(Err(cause)) => {
                    return Err(self.fault(ReadErrorKind::BodyBroken(cause.into())));
                }
            };
            // A frame that is no data is a trailer; nothing here speaks trailers.
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if length == 0 {
                continue;
            }
            if self.taken.saturating_add(length) > self.limit {
                return Err(self.fault(ReadErrorKind::BodyTooLarge { limit: self.limit }));
            }
            self.taken = self.taken.saturating_add(length);
            return Ok(Some(bytes));
        }
    }

    /// Throws away what still comes, within bounds, so that the refusal finds a client that listens.
    async fn spill(&mut self) {
        if self.body.size_hint().lower() > SPILL_BYTES {
            return;
        }
        let spilling = async {
            let mut spilt = 0_u64;
            while let Some(Ok(frame)) = self.body.frame().await {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                spilt = spilt.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
                if spilt > SPILL_BYTES {
                    break;
                }
            }
        };
        // Either way it is refused next.
        drop(tokio::time::timeout(SPILL_WITHIN, spilling).await);
    }

    /// Bytes read so far.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    const fn fault(&self, kind: ReadErrorKind) -> ReadError {
        ReadError {
            taken: self.taken,
            kind,
        }
    }
}

/// The whole body of a request, as [`read_body`]. One that is too long is taken in and thrown away, up to 8 MiB and two seconds of it,
/// before it is refused.
///
/// # Errors
/// As [`BodyReader::next`].
pub async fn hear_body<B>(body: B, limit: u64, within: Duration) -> Result<Bytes, ReadError>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut reader = BodyReader::new(body, limit, within);
    let whole = read_whole(&mut reader).await;
    if let Err(error) = &whole
        && matches!(error.kind, ReadErrorKind::BodyTooLarge { .. })
    {
        reader.spill().await;
    }
    whole
}

/// The whole body, in memory: at most `limit` bytes, all of them `within` from now.
///
/// # Errors
/// As [`BodyReader::next`].
pub async fn read_body<B>(body: B, limit: u64, within: Duration) -> Result<Bytes, ReadError>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    read_whole(&mut BodyReader::new(body, limit, within)).await
}

async fn read_whole<B>(reader: &mut BodyReader<B>) -> Result<Bytes, ReadError>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Some(first) = reader.next().await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = reader.next().await? else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first.as_ref());
    whole.extend_from_slice(&second);
    while let Some(piece) = reader.next().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{Body, BodyError, channel, empty, full};

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_secs(10);

    /// A body that comes in pieces and then ends as `end` says. The channel holds all of it.
    async fn pieces(pieces: &[&'static str], end: Option<&'static str>) -> Body {
        let (writer, body) = channel(8);
        for piece in pieces {
            writer
                .send(Bytes::from_static(piece.as_bytes()))
                .await
                .expect("a reader");
        }
        let ended = match end {
            None => writer.finish().await,
            Some(fault) => writer.fail(BodyError::new(fault)).await,
        };
        ended.expect("a reader");
        body
    }

    async fn check(body: Body, limit: u64, expect: Result<&str, (&str, u64)>) {
        let read = read_body(body, limit, LATE).await;
        let read = read
            .as_ref()
            .map(|bytes| std::str::from_utf8(bytes).expect("text"))
            .map_err(|fault| (fault.kind.code(), fault.taken));
        assert_eq!(read, expect);
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_whole() {
        check(full("12345"), 5, Ok("12345")).await;
        check(empty(), 0, Ok("")).await;
        check(pieces(&["12", "", "34", "5"], None).await, 5, Ok("12345")).await;
        check(pieces(&[], None).await, 0, Ok("")).await;
    }

    #[tokio::test]
    async fn a_body_one_byte_beyond_the_limit_is_refused() {
        check(
            pieces(&["12", "34", "56"], None).await,
            5,
            Err(("LK-601", 4)),
        )
        .await;
        check(pieces(&["1"], None).await, 0, Err(("LK-601", 0))).await;
    }

    #[tokio::test]
    async fn a_body_that_announces_too_great_a_length_is_refused_before_its_first_byte() {
        check(full("123456"), 5, Err(("LK-601", 0))).await;
    }

    #[tokio::test]
    async fn who_sends_too_much_is_heard_out_before_the_refusal_and_no_further_than_the_bound() {
        let (writer, body) = channel(1);
        let sending = async {
            for _ in 0..100 {
                let sent = writer.send(Bytes::from_static(b"12345")).await;
                sent.expect("somebody takes it in");
            }
            writer.finish().await.expect("somebody waits for the end");
        };
        let (read, ()) = tokio::join!(hear_body(body, 5, LATE), sending);
        assert_eq!(read.expect_err("too long").kind.code(), "LK-601");

        let (writer, body) = channel(1);
        let piece = Bytes::from(vec![0; 1 << 20]);
        let endless = async {
            let mut sent = 0_u64;
            while writer.send(piece.clone()).await.is_ok() {
                sent += 1;
            }
            sent
        };
        let (read, sent) = tokio::join!(hear_body(body, 5, LATE), endless);
        assert_eq!(read.expect_err("too long").kind.code(), "LK-601");
        assert!((9..12).contains(&sent), "{sent} MiB were sent");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_refused_and_never_taken_for_a_short_one() {
        check(
            pieces(&["12"], Some("the disk broke")).await,
            5,
            Err(("LK-603", 2)),
        )
        .await;
        let (writer, body) = channel(1);
        drop(writer);
        check(body, 5, Err(("LK-603", 0))).await;
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_in_time_is_refused() {
        let (writer, body) = channel(1);
        writer
            .send(Bytes::from_static(b"12"))
            .await
            .expect("a reader");
        let fault = read_body(body, 5, SOON).await.expect_err("nobody ends it");
        assert_eq!((fault.kind.code(), fault.taken), ("LK-602", 2));
        let refusal = fault.refusal();
        assert_eq!(refusal.code, "LK-602");
        assert!(
            refusal
                .read
                .iter()
                .any(|line| line.contains("bytes read: 2")),
            "{refusal}"
        );
        drop(writer);
    }

    #[tokio::test]
    async fn the_deadline_is_for_the_whole_body_and_not_for_each_piece() {
        let (writer, body) = channel(1);
        let mut reader = BodyReader::new(body, u64::MAX, SOON);
        let trickle = async {
            while writer.send(Bytes::from_static(b"x")).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        let read = async {
            loop {
                match reader.next().await {
                    Ok(piece) => assert!(piece.is_some(), "it never ends"),
                    Err(fault) => break fault.kind.code(),
                }
            }
        };
        let code = tokio::select! { () = trickle => "the reader left", code = read => code };
        assert_eq!(code, "LK-602");
    }

    #[test]
    fn each_fault_has_the_http_status_that_says_the_same() {
        let status = |kind: ReadErrorKind| kind.status().as_u16();
        assert_eq!(status(ReadErrorKind::BodyTooLarge { limit: 1 }), 413);
        assert_eq!(status(ReadErrorKind::BodyTimeout { within: SOON }), 408);
        assert_eq!(status(ReadErrorKind::BodyBroken("x".into())), 400);
    }
}
