//! Sockets that the service manager bound before the program started. Who gets its sockets so needs no right to make one.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

/// The listening TCP socket that was passed, if one was.
///
/// # Errors
/// Something else was passed in its place.
pub fn passed_tcp() -> io::Result<Option<TcpListener>> {
    ListenFd::from_env().take_tcp_listener(0)
}

/// The listening local socket that was passed, if one was.
///
/// # Errors
/// Something else was passed in its place.
pub fn passed_local() -> io::Result<Option<UnixListener>> {
    ListenFd::from_env().take_unix_listener(0)
}
