//! Taking an address. Owns [`Listener`] and [`BindError`]; must never accept a connection.

use std::io;
use std::net::SocketAddr;

use cofferdam_hwprofile::Refusal;
use tokio::net::{TcpListener, TcpSocket};

use crate::code::Code;

/// Connections the kernel keeps for us while we are at the cap.
const BACKLOG: u32 = 1024;

/// An address taken, not yet served.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes an address. Port 0 lets the kernel choose; see [`Listener::local_addr`].
    ///
    /// # Errors
    /// The address is busy, forbidden or not of this machine; the error says which and what to do.
    #[expect(
        clippy::unused_async,
        reason = "needs a runtime to register the socket with, and says so in its type"
    )]
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let fault = |source: io::Error| BindError::new(address, source);
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        };
        let socket = socket.map_err(fault)?;
        // A restart must not wait for the old connections' TIME_WAIT.
        socket.set_reuseaddr(true).map_err(fault)?;
        socket.bind(address).map_err(fault)?;
        let socket = socket.listen(BACKLOG).map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        Ok(Self { socket, address })
    }

    /// Takes a socket that somebody else bound, such as the service manager.
    ///
    /// # Errors
    /// It is no listening socket.
    pub fn adopt(socket: std::net::TcpListener) -> Result<Self, BindError> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = socket
            .local_addr()
            .map_err(|source| BindError::new(unknown, source))?;
        socket
            .set_nonblocking(true)
            .map_err(|source| BindError::new(address, source))?;
        let socket =
            TcpListener::from_std(socket).map_err(|source| BindError::new(address, source))?;
        Ok(Self { socket, address })
    }

    /// The address taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

/// An address was not to be had.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address} ({})", kind.code())]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// Why not.
    pub kind: BindErrorKind,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        let kind = if source.kind() == io::ErrorKind::AddrInUse {
            BindErrorKind::Busy
        } else if source.kind() == io::ErrorKind::PermissionDenied {
            BindErrorKind::Forbidden
        } else if source.kind() == io::ErrorKind::AddrNotAvailable {
            BindErrorKind::NotOurs
        } else {
            BindErrorKind::Other
        };
        Self {
            address,
            kind,
            source,
        }
    }

    /// The refusal for people.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let code = self.kind.entry();
        Refusal::new(code.as_str(), "this node does not listen", code.mend())
            .read(format!("address: {}", self.address))
            .also(format!("the system says: {}", self.source))
            .why(code.meaning())
    }
}

/// Why an address was not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindErrorKind {
    /// Another socket listens there.
    Busy,
    /// This process may not.
    Forbidden,
    /// No interface of this machine has the address.
    NotOurs,
    /// Anything else the kernel says.
    Other,
}

impl BindErrorKind {
    /// Its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.entry().as_str()
    }

    const fn entry(self) -> Code {
        match self {
            Self::Busy => Code::AddressBusy,
            Self::Forbidden => Code::AddressForbidden,
            Self::NotOurs => Code::AddressElsewhere,
            Self::Other => Code::AddressFault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[tokio::test]
    async fn a_busy_port_is_refused_with_its_code_its_address_and_a_remedy() {
        let first = Listener::bind(loopback()).await.expect("a free port");
        let fault = Listener::bind(first.local_addr())
            .await
            .expect_err("the port is taken");
        assert_eq!(fault.kind, BindErrorKind::Busy);
        let refusal = fault.refusal();
        assert_eq!(refusal.code, "LK-001");
        assert!(refusal.read[0].contains(&first.local_addr().to_string()));
        assert!(refusal.fix.contains("ss -ltnp"));
        assert!(fault.to_string().contains("LK-001"));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused_as_such() {
        // TEST-NET-1 (RFC 5737) is nobody's address.
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
        let fault = Listener::bind(elsewhere).await.expect_err("not ours");
        assert_eq!(fault.kind, BindErrorKind::NotOurs);
    }

    #[tokio::test]
    async fn a_port_is_free_again_when_its_listener_is_gone() {
        let first = Listener::bind(loopback()).await.expect("a free port");
        let address = first.local_addr();
        drop(first);
        assert!(Listener::bind(address).await.is_ok());
    }

    #[tokio::test]
    async fn a_socket_that_somebody_else_bound_is_adopted_with_its_address() {
        let socket = std::net::TcpListener::bind(loopback()).expect("a free port");
        let address = socket.local_addr().expect("bound");
        let listener = Listener::adopt(socket).expect("a listening socket");
        assert_eq!(listener.local_addr(), address);
    }
}
