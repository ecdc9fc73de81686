//! Owns the `aws-chunked` framing: reads it where no signature covers it, and bounds it where one
//! does.
//!
//! s3s takes such a body apart only under a signature, holds a whole chunk in memory while it does,
//! and takes an end between two chunks for the end of the body. It must never let framing bytes
//! through as content.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::Frame;

type StdError = Box<dyn std::error::Error + Send + Sync>;

/// The largest chunk that is let through to be held whole while its signature is checked.
const CHUNK_LIMIT_BYTES: u64 = 16 << 20;
/// The longest line: a chunk's size with its signature, or a trailer.
const LINE_LIMIT_BYTES: usize = 1024;
/// The most trailers.
const TRAILER_LIMIT: usize = 32;

/// What is wrong with the framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A line that is no chunk size.
    #[error("a chunk without a size")]
    Size,
    /// A chunk that does not end where it says.
    #[error("a chunk that does not end with a line break")]
    ChunkEnd,
    /// A line without an end.
    #[error("a line longer than {LINE_LIMIT_BYTES} bytes")]
    LongLine,
    /// A trailer that is none, or too many.
    #[error("a malformed trailer")]
    Trailer,
    /// A chunk that would have to be held whole.
    #[error("a signed chunk larger than {CHUNK_LIMIT_BYTES} bytes")]
    LargeChunk,
    /// The end of the body before the last chunk.
    #[error("the body ends before its last chunk")]
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Content(u64),
    ContentEnd,
    Trailers,
    Done,
}

/// Reads the framing piece by piece.
#[derive(Debug)]
pub struct Framing {
    state: State,
    line: Vec<u8>,
    trailers: HeaderMap,
    chunk_limit: u64,
}

impl Framing {
    /// For a body that is taken apart here; chunks may have any size, none is held.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::new(u64::MAX)
    }

    /// For a body that s3s takes apart, which holds each chunk.
    #[must_use]
    pub fn bounded() -> Self {
        Self::new(CHUNK_LIMIT_BYTES)
    }

    fn new(chunk_limit: u64) -> Self {
        Self {
            state: State::Size,
            line: Vec::new(),
            trailers: HeaderMap::new(),
            chunk_limit,
        }
    }

    /// Takes the next bytes and appends the content among them to `content`.
    ///
    /// # Errors
    /// [`FramingError`].
    pub fn feed(&mut self, mut bytes: Bytes, content: &mut Vec<Bytes>) -> Result<(), FramingError> {
        while !bytes.is_empty() {
            match self.state {
                State::Content(left) => {
                    let take =
                        usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    let piece = bytes.split_to(take);
                    let left = left - u64::try_from(take).unwrap_or(left);
                    self.state = if left == 0 {
                        State::ContentEnd
                    } else {
                        State::Content(left)
                    };
                    content.push(piece);
                }
                State::Size | State::ContentEnd | State::Trailers => {
                    if let Some(line) = self.take_line(&mut bytes)? {
                        self.line_read(&line)?;
                    }
                }
                State::Done => return Err(FramingError::Trailer),
            }
        }
        Ok(())
    }

    /// Ends the body.
    ///
    /// # Errors
    /// [`FramingError::Ended`] unless the last chunk was seen.
    pub fn end(self) -> Result<HeaderMap, FramingError> {
        match self.state {
            State::Done => Ok(self.trailers),
            // Some clients leave out the empty line behind the trailers.
            State::Trailers if self.line.is_empty() => Ok(self.trailers),
            State::Trailers | State::Size | State::Content(_) | State::ContentEnd => {
                Err(FramingError::Ended)
            }
        }
    }

    /// The next whole line without its end, or [`None`] while it is incomplete.
    fn take_line(&mut self, bytes: &mut Bytes) -> Result<Option<Vec<u8>>, FramingError> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = bytes.split_to(end.map_or(bytes.len(), |at| at + 1));
        self.line.extend_from_slice(&taken);
        if self.line.len() > LINE_LIMIT_BYTES {
            return Err(FramingError::LongLine);
        }
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }

    fn line_read(&mut self, line: &[u8]) -> Result<(), FramingError> {
        self.state = match self.state {
            State::Size => match chunk_size(line).ok_or(FramingError::Size)? {
                0 => State::Trailers,
                size if size > self.chunk_limit => return Err(FramingError::LargeChunk),
                size => State::Content(size),
            },
            State::ContentEnd if line.is_empty() => State::Size,
            State::ContentEnd => return Err(FramingError::ChunkEnd),
            State::Trailers if line.is_empty() => State::Done,
            State::Trailers => {
                self.trailer(line).ok_or(FramingError::Trailer)?;
                State::Trailers
            }
            State::Content(_) | State::Done => self.state,
        };
        Ok(())
    }

    fn trailer(&mut self, line: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(line).ok()?;
        let (name, value) = text.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        let value = HeaderValue::from_str(value.trim()).ok()?;
        (self.trailers.len() < TRAILER_LIMIT).then(|| self.trailers.append(name, value))?;
        Some(())
    }
}

/// The size in front of a chunk: hexadecimal, up to a semicolon.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let digits = text.split(';').next()?.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The trailers of a body that was taken apart here, once it was read to its end.
#[derive(Debug, Clone, Default)]
pub struct Trailers(Arc<Mutex<Option<HeaderMap>>>);

impl Trailers {
    /// The trailers, if the body was read to its end.
    #[must_use]
    pub fn read(&self) -> Option<HeaderMap> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, trailers: HeaderMap) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(trailers);
    }
}

/// The content of an unsigned `aws-chunked` body.
#[must_use]
pub fn content(body: s3s::Body, trailers: Trailers) -> s3s::Body {
    let state = Some((body, Framing::unbounded(), trailers));
    stream_body(futures::stream::unfold(state, |state| async {
        let (mut body, mut framing, trailers) = state?;
        loop {
            let mut pieces = Vec::new();
            match body.next().await {
                Some(Ok(bytes)) => match framing.feed(bytes, &mut pieces) {
                    Ok(()) if pieces.is_empty() => {}
                    Ok(()) => return Some((Ok(joined(pieces)), Some((body, framing, trailers)))),
                    Err(error) => return Some((Err(error.into()), None)),
                },
                Some(Err(error)) => return Some((Err(error), None)),
                None => match framing.end() {
                    Ok(map) => {
                        trailers.set(map);
                        return None;
                    }
                    Err(error) => return Some((Err(error.into()), None)),
                },
            }
        }
    }))
}

/// A signed `aws-chunked` body as it is, for as long as its framing is sound and its chunks small.
#[must_use]
pub fn bounded(body: s3s::Body) -> s3s::Body {
    let state = Some((body, Framing::bounded()));
    stream_body(futures::stream::unfold(state, |state| async {
        let (mut body, mut framing) = state?;
        match body.next().await {
            Some(Ok(bytes)) => match framing.feed(bytes.clone(), &mut Vec::new()) {
                Ok(()) => Some((Ok(bytes), Some((body, framing)))),
                Err(error) => Some((Err(error.into()), None)),
            },
            Some(Err(error)) => Some((Err(error), None)),
            None => framing.end().err().map(|error| (Err(error.into()), None)),
        }
    }))
}

fn stream_body(stream: impl Stream<Item = Result<Bytes, StdError>> + Send + 'static) -> s3s::Body {
    s3s::Body::http_body_unsync(http_body_util::StreamBody::new(
        stream.map(|piece| piece.map(Frame::data)),
    ))
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match (pieces.pop(), pieces.is_empty()) {
        (Some(only), true) => only,
        (last, _) => pieces
            .into_iter()
            .chain(last)
            .fold(Vec::new(), |mut all, piece| {
                all.extend_from_slice(&piece);
                all
            })
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: &[u8], step: usize) -> Result<(Vec<u8>, HeaderMap), FramingError> {
        let mut framing = Framing::unbounded();
        let mut content = Vec::new();
        for piece in wire.chunks(step) {
            framing.feed(Bytes::copy_from_slice(piece), &mut content)?;
        }
        let trailers = framing.end()?;
        Ok((content.concat(), trailers))
    }

    const WIRE: &[u8] = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";

    #[test]
    fn content_and_trailers_come_out_whatever_the_pieces() {
        for step in 1..=WIRE.len() {
            let (content, trailers) = read(WIRE, step).unwrap();
            assert_eq!(content, b"hello world");
            assert_eq!(trailers["x-amz-checksum-crc32"], "DUoRhQ==");
        }
        assert_eq!(read(b"0\r\n\r\n", 2).unwrap().0, b"");
        assert_eq!(
            read(
                b"3;chunk-signature=ab\r\nabc\r\n0;chunk-signature=cd\r\n",
                9
            )
            .unwrap()
            .0,
            b"abc"
        );
    }

    #[test]
    fn a_body_cut_anywhere_before_its_last_chunk_is_refused() {
        let last = WIRE
            .windows(3)
            .position(|window| window == b"0\r\n")
            .unwrap()
            + 3;
        for cut in 0..last {
            assert_eq!(
                read(&WIRE[..cut], 7),
                Err(FramingError::Ended),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn each_malformed_framing_is_refused() {
        let cases: [(&[u8], FramingError); 7] = [
            (b"hello", FramingError::Ended),
            (b"hello\r\n", FramingError::Size),
            (b"-1\r\n", FramingError::Size),
            (b"\r\n", FramingError::Size),
            (b"3\r\nabcd\r\n0\r\n\r\n", FramingError::ChunkEnd),
            (b"0\r\nno colon\r\n\r\n", FramingError::Trailer),
            (b"0\r\n\r\nmore", FramingError::Trailer),
        ];
        for (wire, error) in cases {
            assert_eq!(read(wire, 100), Err(error), "{wire:?}");
        }
        assert_eq!(read(&[b'1'; 2000], 100), Err(FramingError::LongLine));
    }

    #[test]
    fn a_signed_chunk_may_not_be_larger_than_what_may_be_held() {
        let mut framing = Framing::bounded();
        let error = framing.feed(Bytes::from_static(b"1000001\r\n"), &mut Vec::new());
        assert_eq!(error, Err(FramingError::LargeChunk));
        let mut framing = Framing::bounded();
        framing
            .feed(Bytes::from_static(b"1000000\r\n"), &mut Vec::new())
            .unwrap();
    }
}
