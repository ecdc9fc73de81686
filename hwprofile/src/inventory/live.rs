//! What only a running machine tells, and no tree of files: the processor's own word about a
//! hypervisor, and the addresses that adapters were made with.
//!
//! Asked only where the root directory is this machine's. For every other tree, nothing is asked,
//! so that a capture never shows a fact of the machine that reads it.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, send, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::fact::{Fact, Gap};
use crate::inventory::processor::HypervisorFlag;
use crate::netlink::{self, Addresses, AnswerError, Progress};

/// The room for one datagram: the kernel sends at most 32 KiB at once.
const DATAGRAM_LIMIT: usize = 64 * 1024;
/// The most datagrams of one answer.
const DATAGRAMS: usize = 1024;
/// How often a list is asked for that changed while it was told.
const ATTEMPTS: usize = 3;
/// How long the kernel may take for one datagram.
const PATIENCE_SECONDS: i64 = 2;

/// What a running machine tells.
pub(super) struct Live {
    /// What the processor says.
    pub(super) hypervisor: Fact<Hypervisor>,
    /// The permanent addresses of the network links.
    pub(super) addresses: Fact<Addresses>,
    /// Whose devices would answer.
    pub(super) devices: Devices,
}

/// Whose devices answer to the names in `/dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Devices {
    /// Those of the machine that is read.
    Its,
    /// Those of the machine that reads a capture: they must not be asked.
    Another,
}

/// What the processor says about a hypervisor below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hypervisor {
    pub(super) flag: HypervisorFlag,
    /// The name that it gives itself; empty where there is none.
    pub(super) signature: String,
}

impl Live {
    /// This machine, where the root directory is its own; nothing of any other.
    pub(super) fn of(root: &Path) -> Self {
        if root != Path::new("/") {
            return Self {
                hypervisor: Fact::Absent,
                addresses: Fact::Absent,
                devices: Devices::Another,
            };
        }
        Self {
            hypervisor: hypervisor(),
            addresses: addresses().into(),
            devices: Devices::Its,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn hypervisor() -> Fact<Hypervisor> {
    use std::arch::x86_64::__cpuid;

    let present = __cpuid(1).ecx >> 31 == 1;
    if !present {
        return Fact::Value(Hypervisor {
            flag: HypervisorFlag::Clear,
            signature: String::new(),
        });
    }
    let leaf = __cpuid(0x4000_0000);
    let letters = [leaf.ebx, leaf.ecx, leaf.edx].map(u32::to_le_bytes);
    let signature = letters
        .concat()
        .into_iter()
        .filter(u8::is_ascii_graphic)
        .map(char::from)
        .collect();
    Fact::Value(Hypervisor {
        flag: HypervisorFlag::Set,
        signature,
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn hypervisor() -> Fact<Hypervisor> {
    Fact::Absent
}

fn addresses() -> Result<Addresses, Gap> {
    for _attempt in 0..ATTEMPTS {
        match ask() {
            Err(Asked::Answer(AnswerError::Interrupted)) => {}
            Err(Asked::Answer(AnswerError::Refused(errno))) => return Err(Gap::Unreadable(errno)),
            Err(Asked::Answer(other)) => return Err(Gap::Unsupported(other.to_string())),
            Err(Asked::System(error)) => return Err(error.into()),
            Ok(addresses) => return Ok(addresses),
        }
    }
    Err(Gap::Unsupported(AnswerError::Interrupted.to_string()))
}

/// Why an answer was not had.
enum Asked {
    System(io::Error),
    Answer(AnswerError),
}

impl From<nix::Error> for Asked {
    fn from(error: nix::Error) -> Self {
        Self::System(error.into())
    }
}

fn ask() -> Result<Addresses, Asked> {
    let kernel = dial()?;
    send(kernel.as_raw_fd(), &netlink::request(), MsgFlags::empty())?;
    let mut room = vec![0; DATAGRAM_LIMIT];
    let mut addresses = Addresses::new();
    for _datagram in 0..DATAGRAMS {
        let length = recv(kernel.as_raw_fd(), &mut room, MsgFlags::MSG_TRUNC)?;
        // With this flag a datagram that does not fit tells its true length.
        let Some(datagram) = room.get(..length).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        if netlink::take(datagram, &mut addresses).map_err(Asked::Answer)? == Progress::Done {
            return Ok(addresses);
        }
    }
    Err(Asked::Answer(AnswerError::Malformed))
}

/// A socket to the kernel and nobody else.
fn dial() -> Result<OwnedFd, nix::Error> {
    let kernel = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    let patience = TimeVal::seconds(PATIENCE_SECONDS);
    setsockopt(&kernel, sockopt::ReceiveTimeout, &patience)?;
    nix::sys::socket::connect(kernel.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    Ok(kernel)
}
