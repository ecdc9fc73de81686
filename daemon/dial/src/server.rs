//! The dialler's side: takes one line from who may use its socket, calls, passes the connection on. It keeps nothing: each question
//! is answered and forgotten, and a burst of them waits its turn.

use std::collections::BTreeSet;
use std::future::Future;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::wire::{Answer, REQUEST_LIMIT, read_request};

/// How many questions are answered at once.
const AT_ONCE: usize = 64;
/// How long a question may take to arrive.
const QUESTION: Duration = Duration::from_secs(5);
/// How long a peer may take to accept.
const CALL: Duration = Duration::from_secs(10);
/// The wait after the kernel could not give another connection, such as for want of descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Answers questions until `stop` is done. `peers` are all that may be called.
pub async fn serve(listener: UnixListener, peers: BTreeSet<SocketAddr>, stop: impl Future) {
    let peers = Arc::new(peers);
    let seats = Arc::new(Semaphore::new(AT_ONCE));
    tokio::pin!(stop);
    loop {
        let seat = tokio::select! {
            _stopped = &mut stop => return,
            seat = Arc::clone(&seats).acquire_owned() => seat,
        };
        let accepted = tokio::select! {
            _stopped = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((mut stream, _unnamed)) => {
                let peers = Arc::clone(&peers);
                tokio::spawn(async move {
                    let outcome = answer(&mut stream, &peers).await;
                    drop(seat);
                    if let Err(error) = outcome {
                        log::warn!(error:% = error; "the zone could not be answered");
                    }
                });
            }
            Err(error) => {
                log::warn!(error:% = error; "no question could be taken");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// Reads one question and answers it.
async fn answer(stream: &mut UnixStream, peers: &BTreeSet<SocketAddr>) -> io::Result<()> {
    let line = timeout(QUESTION, question(stream))
        .await
        .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
    let Some(address) = read_request(&line) else {
        log::warn!(length = line.len(); "a question without an address was refused");
        return send(stream, &Answer::Denied, None).await;
    };
    if !peers.contains(&address) {
        log::warn!(code = "DL-004", address:% = address; "an address that is no peer was refused");
        return send(stream, &Answer::Denied, None).await;
    }
    match timeout(CALL, TcpStream::connect(address)).await {
        Ok(Ok(connection)) => {
            log::debug!(address:% = address; "connected");
            send(stream, &Answer::Connected, Some(&connection)).await
        }
        Ok(Err(error)) => send(stream, &Answer::Unreachable(error.to_string()), None).await,
        Err(_elapsed) => {
            let why = format!("no answer within {} s", CALL.as_secs());
            send(stream, &Answer::Unreachable(why), None).await
        }
    }
}

/// The line, without its end. What comes after it is not read.
async fn question(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(REQUEST_LIMIT);
    while line.len() < REQUEST_LIMIT {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 || byte == *b"\n" {
            break;
        }
        line.extend_from_slice(&byte);
    }
    Ok(line)
}

async fn send(
    stream: &UnixStream,
    answer: &Answer,
    connection: Option<&TcpStream>,
) -> io::Result<()> {
    let bytes = answer.to_bytes();
    let sent = stream
        .async_io(Interest::WRITABLE, || {
            let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut beside = SendAncillaryBuffer::new(&mut room);
            let descriptors = connection.map(|connection| [connection.as_fd()]);
            if let Some(descriptors) = &descriptors {
                // There is room for the one that is sent.
                let _fits = beside.push(SendAncillaryMessage::ScmRights(descriptors));
            }
            let flags = SendFlags::NOSIGNAL;
            Ok(sendmsg(
                stream,
                &[IoSlice::new(&bytes)],
                &mut beside,
                flags,
            )?)
        })
        .await?;
    if sent == bytes.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}
