//! Tells the service manager where the program stands (`sd_notify(3)`). It only writes, never reads, and is silent where
//! there is no service manager.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::time::Duration;

/// The notification socket, if the program runs under one.
#[derive(Debug)]
pub struct Notifier {
    target: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// Opens the socket that `NOTIFY_SOCKET` names; a name that cannot be used counts as none.
    #[must_use]
    pub fn new(socket_name: Option<&str>) -> Self {
        let target = socket_name.and_then(|name| {
            let address = match name.strip_prefix('@') {
                Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name),
                None => SocketAddr::from_pathname(PathBuf::from(name)),
            };
            Some((UnixDatagram::unbound().ok()?, address.ok()?))
        });
        Self { target }
    }

    /// `READY=1`: the trail is writable, the lease is there, the listener accepts.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// A line in the operator's words.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", one_line(status)));
    }

    /// `WATCHDOG=1`: the event loop turns.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// Says that the event loop turns, twice in the time that a watchdog grants; for ever, and silent without a watchdog. To be
    /// polled by the task whose life it proclaims.
    pub async fn keep_alive(&self, watchdog: Option<Duration>) -> ! {
        match watchdog {
            Some(watchdog) => {
                let mut beat = tokio::time::interval(watchdog / 2);
                loop {
                    beat.tick().await;
                    self.alive();
                }
            }
            None => std::future::pending().await,
        }
    }

    /// `STOPPING=1`: the listener drains.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=draining");
    }

    fn send(&self, message: &str) {
        if let Some((socket, address)) = &self.target
            && let Err(error) = socket.send_to_addr(message.as_bytes(), address)
        {
            log::warn!(error:% = error; "could not notify the service manager");
        }
    }
}

fn one_line(status: &str) -> String {
    status.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_and_stopping_reach_the_socket_the_environment_names() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("notify");
        let receiver = UnixDatagram::bind(&path).expect("a socket in it");
        let notifier = Notifier::new(path.to_str());
        notifier.ready("serving\nas st1");
        notifier.alive();
        notifier.stopping();
        let mut buffer = [0_u8; 128];
        let length = receiver.recv(&mut buffer).expect("a first message");
        assert_eq!(&buffer[..length], b"READY=1\nSTATUS=serving as st1");
        let length = receiver.recv(&mut buffer).expect("a second message");
        assert_eq!(&buffer[..length], b"WATCHDOG=1");
        let length = receiver.recv(&mut buffer).expect("a third message");
        assert!(buffer[..length].starts_with(b"STOPPING=1"));
    }

    #[tokio::test]
    async fn a_watchdog_is_fed_again_and_again_while_the_loop_turns() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("notify");
        let receiver = UnixDatagram::bind(&path).expect("a socket in it");
        let notifier = Notifier::new(path.to_str());
        let beats = tokio::task::spawn_blocking(move || {
            let mut buffer = [0_u8; 32];
            for _ in 0..3 {
                let length = receiver.recv(&mut buffer).expect("a beat");
                assert_eq!(&buffer[..length], b"WATCHDOG=1");
            }
        });
        tokio::select! {
            never = notifier.keep_alive(Some(Duration::from_millis(2))) => never,
            beats = beats => beats.expect("three beats"),
        }
    }

    #[tokio::test]
    async fn without_a_watchdog_nothing_is_ever_fed() {
        let notifier = Notifier::new(None);
        tokio::select! {
            biased;
            never = notifier.keep_alive(None) => never,
            () = std::future::ready(()) => {}
        }
    }

    #[test]
    fn without_a_service_manager_nothing_happens() {
        let notifier = Notifier::new(None);
        notifier.ready("serving");
        assert!(notifier.target.is_none());
    }
}
