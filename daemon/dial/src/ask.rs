//! The zone's side: asks for a connection and takes it. Believes nothing of the dialler but that it may be there: what it passes must
//! be a connection to the address that was asked for, and who answers on it is proved by TLS.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::{TcpStream, UnixStream};

use crate::wire::{ANSWER_LIMIT, Answer, request};

/// No connection came.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The dialler itself could not be asked.
    #[error("ask the dialler at {}", .path.display())]
    Dialler {
        /// Its socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The address is not among the peers in the dialler's `node.toml`.
    #[error("the dialler does not call {address}: it is none of its peers")]
    Denied {
        /// Whom we wanted.
        address: SocketAddr,
    },
    /// The dialler called and nobody was there.
    #[error("{why}")]
    Unreachable {
        /// What the kernel said to the dialler.
        why: String,
    },
    /// What came is not what the dialler may send.
    #[error("the dialler at {} {what}", .path.display())]
    Malformed {
        /// Its socket.
        path: PathBuf,
        /// What was wrong.
        what: &'static str,
    },
}

/// Asks the dialler that listens at `dialler` for a connection to `address`. Without a bound in time: the caller has one.
///
/// # Errors
/// The dialler is not there, may not call the address, could not reach it, or sent something else.
pub async fn ask(dialler: &Path, address: SocketAddr) -> Result<TcpStream, AskError> {
    let fault = |source| AskError::Dialler {
        path: dialler.to_owned(),
        source,
    };
    let malformed = |what| AskError::Malformed {
        path: dialler.to_owned(),
        what,
    };
    let mut stream = UnixStream::connect(dialler).await.map_err(fault)?;
    stream
        .write_all(request(address).as_bytes())
        .await
        .map_err(fault)?;
    let (bytes, descriptor) = receive(&stream).await.map_err(fault)?;
    match (Answer::read(&bytes), descriptor) {
        (Some(Answer::Connected), Some(descriptor)) => {
            adopt(descriptor, address).map_err(malformed)
        }
        (Some(Answer::Denied), None) => Err(AskError::Denied { address }),
        (Some(Answer::Unreachable(why)), None) => Err(AskError::Unreachable { why }),
        (Some(Answer::Connected), None) => Err(malformed("sent no connection")),
        (Some(_), Some(_)) => Err(malformed("refused and sent something all the same")),
        (None, _) if bytes.is_empty() => Err(malformed("hung up without an answer")),
        (None, _) => Err(malformed("gave an answer without meaning")),
    }
}

/// One answer and what came with it. An answer is one message of at most [`ANSWER_LIMIT`] bytes, sent at once.
async fn receive(stream: &UnixStream) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    stream
        .async_io(Interest::READABLE, || {
            let mut bytes = vec![0; ANSWER_LIMIT];
            let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut beside = RecvAncillaryBuffer::new(&mut room);
            let received = recvmsg(
                stream,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut beside,
                RecvFlags::CMSG_CLOEXEC,
            )?;
            bytes.truncate(received.bytes);
            let mut descriptor = None;
            for message in beside.drain() {
                if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                    descriptor = descriptors.next();
                }
            }
            Ok((bytes, descriptor))
        })
        .await
}

fn adopt(descriptor: OwnedFd, address: SocketAddr) -> Result<TcpStream, &'static str> {
    let stream = std::net::TcpStream::from(descriptor);
    let elsewhere = "sent something else than a connection to the address asked for";
    // The kernel says whom it leads to; of a file or another socket it says nothing.
    match stream.peer_addr() {
        Ok(peer) if peer == address => {}
        Ok(_) | Err(_) => return Err(elsewhere),
    }
    stream
        .set_nonblocking(true)
        .and_then(|()| TcpStream::from_std(stream))
        .map_err(|_not_pollable| elsewhere)
}
