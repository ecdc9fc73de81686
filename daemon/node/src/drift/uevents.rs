//! Where the watch hears that something happened: the kernel's uevents over netlink, or, on a simulated machine, a socket that takes
//! the same datagrams. What is heard is never believed; it only says when to look.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use cofferdam_hwprofile::drift::{MESSAGE_LIMIT, Wake};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};
use tokio::io::unix::AsyncFd;
use tokio::net::UnixDatagram;

/// The multicast group of the kernel itself; the other one is udev's.
const KERNEL_GROUP: u32 = 1;
/// What the kernel may keep for us, in bytes: a storm fits, and what does not is noticed.
const BUFFER_BYTES: usize = 8 << 20;
/// How many messages are taken at once, so that a storm leaves room for everything else.
const BATCH: usize = 256;

/// Something that tells when to look.
#[derive(Debug)]
pub struct Source {
    ear: Ear,
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum Ear {
    Kernel(AsyncFd<OwnedFd>),
    Bell(UnixDatagram),
    Deaf,
}

/// What was heard at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// One for each message.
    pub wakes: Vec<Wake>,
    /// Whether messages did not fit and are gone.
    pub lost: bool,
}

impl Source {
    /// The kernel's own. Must be opened inside the runtime, before the first look.
    ///
    /// # Errors
    /// The kernel gives no such socket to this process.
    pub fn kernel() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkKObjectUEvent;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES).is_err() {
            // Only root may go beyond the system's limit; less room means more losses, and each is noticed.
            setsockopt(&socket, sockopt::RcvBuf, &BUFFER_BYTES)?;
        }
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL_GROUP))?;
        Ok(Self::of(Ear::Kernel(watched(socket)?)))
    }

    /// A socket at `path` that takes the datagrams of a simulated machine.
    ///
    /// # Errors
    /// The socket cannot be made there.
    pub fn bell(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        Ok(Self::of(Ear::Bell(UnixDatagram::bind(path)?)))
    }

    /// Nothing is ever heard: the time alone says when to look.
    #[must_use]
    pub fn deaf() -> Self {
        Self::of(Ear::Deaf)
    }

    fn of(ear: Ear) -> Self {
        Self {
            ear,
            buffer: vec![0; MESSAGE_LIMIT],
        }
    }

    /// Waits for something to be heard. Cancel-safe. A socket that fails for good is given up, with a last word that something was
    /// lost; from then on the time alone says when to look.
    pub async fn next(&mut self) -> Heard {
        let failed = match &mut self.ear {
            Ear::Kernel(socket) => match from_kernel(socket, &mut self.buffer).await {
                Ok(heard) => return heard,
                Err(error) => error,
            },
            Ear::Bell(socket) => match from_bell(socket, &mut self.buffer).await {
                Ok(heard) => return heard,
                Err(error) => error,
            },
            Ear::Deaf => std::future::pending().await,
        };
        log::error!(error:% = failed; "events of the hardware are no longer heard");
        self.ear = Ear::Deaf;
        Heard {
            wakes: Vec::new(),
            lost: true,
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for types that may change their descriptor; an owned one cannot"
)]
fn watched(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(socket)
}

async fn from_kernel(socket: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> io::Result<Heard> {
    loop {
        let mut ready = socket.readable().await?;
        let mut heard = Heard::default();
        while heard.wakes.len() < BATCH {
            // With MSG_TRUNC the length is that of the message, also where the buffer is shorter.
            match recv(
                socket.as_raw_fd(),
                buffer,
                MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC,
            ) {
                Ok(length) => heard
                    .wakes
                    .push(Wake::read(buffer.get(..length).unwrap_or(&[]))),
                Err(Errno::EAGAIN) => {
                    ready.clear_ready();
                    break;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => heard.lost = true,
                Err(errno) => return Err(errno.into()),
            }
        }
        if heard != Heard::default() {
            return Ok(heard);
        }
    }
}

async fn from_bell(socket: &UnixDatagram, buffer: &mut [u8]) -> io::Result<Heard> {
    let mut heard = Heard::default();
    let length = socket.recv(buffer).await?;
    heard
        .wakes
        .push(Wake::read(buffer.get(..length).unwrap_or(&[])));
    while heard.wakes.len() < BATCH {
        match socket.try_recv(buffer) {
            Ok(length) => heard
                .wakes
                .push(Wake::read(buffer.get(..length).unwrap_or(&[]))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(heard)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use cofferdam_hwprofile::drift::Class;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    }

    #[test]
    fn the_bell_of_a_simulated_machine_is_heard_message_by_message() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("uevents");
        runtime().block_on(async {
            let mut source = Source::bell(&path).expect("a socket");
            let bell = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
            for sequence in [7, 8] {
                let text = format!("add@/x\0SUBSYSTEM=usb\0SEQNUM={sequence}\0");
                bell.send_to(text.as_bytes(), &path).expect("sent");
            }
            bell.send_to(&[0xff; 100], &path).expect("sent");
            let heard = source.next().await;
            let heard: Vec<_> = heard
                .wakes
                .iter()
                .map(|wake| (wake.class, wake.sequence))
                .collect();
            let odd = (Class::Other, None);
            assert_eq!(heard, [(Class::Usb, Some(7)), (Class::Usb, Some(8)), odd]);
            assert!(
                Source::bell(&path).is_ok(),
                "a socket left behind is replaced"
            );
        });
    }

    /// Asks the kernel for a real event: every network device tells it again when asked. Only root may ask.
    #[test]
    fn a_real_event_of_the_kernel_is_heard_where_the_tester_may_cause_one() {
        let heard = runtime().block_on(async {
            let Ok(mut source) = Source::kernel() else {
                return Err("no such socket".to_owned());
            };
            if let Err(error) = std::fs::write("/sys/class/net/lo/uevent", "change") {
                return Err(error.to_string());
            }
            loop {
                let heard = source.next().await;
                if let Some(wake) = heard.wakes.iter().find(|wake| wake.class == Class::Net) {
                    return Ok(*wake);
                }
            }
        });
        match heard {
            Ok(wake) => assert!(wake.sequence.is_some_and(|number| number > 0)),
            Err(why) => writeln!(io::stderr(), "skipped: {why}").expect("standard error"),
        }
    }
}
