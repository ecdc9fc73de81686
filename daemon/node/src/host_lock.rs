//! One zone a host: a lock that the kernel keeps for the whole machine, taken before a zone serves. It holds across network
//! namespaces, is let go when its process ends however it ends, and must never pass where it could not be had.
//!
//! The lock is the bind of one port in `AF_VSOCK`. What looks similar and is not: an abstract socket is one for each network
//! namespace, a locked file one for each mount of its directory. From Linux 7.0 on a network namespace can have vsock ports of its
//! own; a node in such a one is refused, because its lock would say nothing about the host.

use std::fmt;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use cofferdam_hwprofile::fact::{Fact, Reading};
use cofferdam_hwprofile::inventory::Container;
use cofferdam_hwprofile::policy::ContainerDemand;
use cofferdam_hwprofile::sysroot::Sysroot;
use cofferdam_hwprofile::{Grade, Inventory, Refusal};
use nix::errno::Errno;
use nix::libc::VMADDR_CID_ANY;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, VsockAddr, bind, getsockname, socket};

/// The port of every Cofferdam node, "CFDR". Ports below 1024 ask for a capability that a zone does not have; ports that fit
/// 16 bits are those that other programs choose.
pub const PORT: u32 = 0x4346_4452;
/// Whether the vsock ports of this network namespace are those of the host; there from Linux 7.0 on.
const MODE: &str = "/proc/sys/net/vsock/ns_mode";
/// Something that is always there where `/proc/sys` is: without it, [`MODE`] being absent says nothing.
const SYSCTL: &str = "/proc/sys/kernel/random/boot_id";
/// How many processes are looked at when the one that holds the lock is guessed.
const PROCESS_LIMIT: usize = 65_536;
/// How many of them are named.
const NAMED_LIMIT: usize = 8;

/// What stands between this zone and another one under the same kernel.
#[derive(Debug)]
#[must_use = "the lock is let go when this is dropped"]
pub enum HostLock {
    /// The lock is held as long as this value lives.
    Held(Held),
    /// It was not taken, and the node may serve all the same.
    Waived(Waiver),
}

/// A held lock.
#[derive(Debug)]
pub struct Held {
    socket: OwnedFd,
    port: u32,
}

/// Why a node may serve without the lock. There is one reason, and only simulated evidence has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiver {
    /// Grade E0: the zones of a lab share one host by design.
    Simulated,
}

/// What the lock is taken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// What the evidence of this node can claim at best.
    pub grade: Grade,
    /// Whether the zone's platform admits a container.
    pub container: ContainerDemand,
    /// [`PORT`], but for tests.
    pub port: u32,
}

/// Why there is no lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostLockError {
    /// Somebody on this host has it.
    #[error("vsock port {port} is taken on this host")]
    Taken {
        /// The port.
        port: u32,
    },
    /// The kernel does not offer it, or this process may not ask.
    #[error("failed to {step} in AF_VSOCK")]
    Unavailable {
        /// What was tried.
        step: &'static str,
        /// What the kernel said.
        #[source]
        errno: Errno,
    },
    /// The process is not in the machine's own namespaces, or that cannot be told.
    #[error("{seen}")]
    Elsewhere {
        /// What was read, and where.
        seen: String,
    },
}

impl HostLock {
    /// Takes the lock for this process, at once or not at all.
    ///
    /// # Errors
    /// Another process of this host has it, the kernel does not offer it, or it would not be one for the whole host.
    pub fn take(claim: Claim) -> Result<Self, HostLockError> {
        if claim.grade == Grade::E0Simulated {
            return Ok(Self::Waived(Waiver::Simulated));
        }
        check_namespaces(claim.container, &Inventory::read(Path::new("/")).container)?;
        let held = Held::bind(claim.port)?;
        // Asked after the bind: the kernel may have loaded the module for it, and the switch comes with the module.
        check_mode(&Sysroot::new(Path::new("/")))?;
        Ok(Self::Held(held))
    }
}

impl fmt::Display for HostLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(held) => write!(f, "held: vsock port {}", held.port),
            Self::Waived(Waiver::Simulated) => {
                f.write_str("waived: grade E0, the zones of a lab share one host by design")
            }
        }
    }
}

impl Held {
    fn bind(port: u32) -> Result<Self, HostLockError> {
        let unavailable = |step| move |errno| HostLockError::Unavailable { step, errno };
        // Not inherited by what this process may start: a child must not keep the lock of a dead zone.
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Vsock, SockType::Stream, flags, None)
            .map_err(unavailable("make a socket"))?;
        match bind(socket.as_raw_fd(), &VsockAddr::new(VMADDR_CID_ANY, port)) {
            Ok(()) => {}
            Err(Errno::EADDRINUSE) => return Err(HostLockError::Taken { port }),
            Err(errno) => return Err(unavailable("bind a port")(errno)),
        }
        let got: VsockAddr =
            getsockname(socket.as_raw_fd()).map_err(unavailable("read the bound port"))?;
        if (got.cid(), got.port()) != (VMADDR_CID_ANY, port) {
            // Bound to one address only, another zone could bind the same port of another.
            return Err(unavailable("bind every address of the port")(
                Errno::EADDRNOTAVAIL,
            ));
        }
        Ok(Self { socket, port })
    }

    /// The number of the descriptor that holds it, for who looks below `/proc/PID/fd`.
    #[must_use]
    pub fn descriptor(&self) -> i32 {
        self.socket.as_raw_fd()
    }
}

/// A container that the platform admits may have namespaces of its own: it still shares the kernel, and with it the port.
fn check_namespaces(
    demand: ContainerDemand,
    container: &Reading<Container>,
) -> Result<(), HostLockError> {
    match (demand, &container.fact) {
        (ContainerDemand::Allow, _) | (ContainerDemand::None, Fact::Value(Container::None)) => {
            Ok(())
        }
        (
            ContainerDemand::None,
            Fact::Value(Container::Inside(_))
            | Fact::Absent
            | Fact::Placeholder(_)
            | Fact::Unreadable(_)
            | Fact::Unsupported(_),
        ) => Err(HostLockError::Elsewhere {
            seen: container.to_string(),
        }),
    }
}

fn check_mode(root: &Sysroot) -> Result<(), HostLockError> {
    let mode = root.text(MODE);
    match &mode {
        Fact::Value(text) if text.trim() == "global" => Ok(()),
        // Before Linux 7.0 there is one space of ports a machine, and no switch.
        Fact::Absent if root.exists(SYSCTL) == Ok(true) => Ok(()),
        Fact::Absent => Err(HostLockError::Elsewhere {
            seen: format!("{SYSCTL}: not there, so {MODE} cannot be looked for"),
        }),
        Fact::Value(_) | Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            Err(HostLockError::Elsewhere {
                seen: mode.at(MODE).to_string(),
            })
        }
    }
}

impl HostLockError {
    /// What an operator reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Taken { .. } => {
                let refusal = Refusal::new(
                    "ND-060",
                    "another zone runs on this host, so this one does not serve",
                    "stop the other zone, or give this one a machine of its own; if none of ours \
                     runs, find the program that binds the port",
                )
                .read(format!("AF_VSOCK: bind of every address: {self}"));
                other_zones().fold(refusal, Refusal::also)
            }
            Self::Unavailable { errno, .. } => Refusal::new(
                "ND-061",
                "host lock unavailable: nothing would stop a second zone on this host, so this one does not serve",
                "load the module (modprobe vsock, and name it in /etc/modules-load.d), and let the \
                 unit use it: RestrictAddressFamilies=AF_VSOCK",
            )
            .read(format!("AF_VSOCK: {self}: {errno}"))
            .also("an abstract socket or a locked file does not count: neither holds across namespaces"),
            Self::Elsewhere { seen } => Refusal::new(
                "ND-062",
                "this process is not in the namespaces of the machine, so its host lock would prove nothing",
                "start the zone from the machine's own service manager; on Linux 7.0 and later leave \
                 net.vsock.child_ns_mode at global",
            )
            .read(seen.as_str()),
        }
    }
}

/// Other programs of ours that this process can see. A hint for the reader: a container may hide some, and the kernel does not tell
/// who has a port.
fn other_zones() -> impl Iterator<Item = String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = processes.take(PROCESS_LIMIT).filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line);
        let program = line.split('\0').next()?.rsplit('/').next()?.to_owned();
        (pid != std::process::id() && program.starts_with("cofferd-"))
            .then(|| format!("process {pid} of this host is {program}"))
    });
    found.take(NAMED_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = dir.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        dir
    }

    fn mode(files: &[(&str, &str)]) -> Result<(), HostLockError> {
        check_mode(&Sysroot::new(tree(files).path()))
    }

    #[test]
    fn simulated_evidence_waives_the_lock_and_says_why() {
        let claim = Claim {
            grade: Grade::E0Simulated,
            container: ContainerDemand::None,
            port: PORT,
        };
        let (one, two) = (HostLock::take(claim), HostLock::take(claim));
        for lock in [one, two] {
            let lock = lock.expect("waived");
            assert!(lock.to_string().contains("E0"), "{lock}");
        }
    }

    #[test]
    fn vsock_ports_of_the_host_count_and_those_of_a_namespace_do_not() {
        assert_eq!(mode(&[(SYSCTL, "x"), (MODE, "global\n")]), Ok(()));
        assert_eq!(mode(&[(SYSCTL, "x")]), Ok(()), "a kernel before 7.0");
        for wrong in ["local\n", "", "global local", "\u{0}"] {
            let refused = mode(&[(SYSCTL, "x"), (MODE, wrong)]).expect_err("refused");
            assert_eq!(refused.refusal().code, "ND-062", "{wrong:?}");
        }
    }

    #[test]
    fn where_the_switch_could_not_be_seen_its_absence_proves_nothing() {
        let refused = mode(&[]).expect_err("refused");
        assert!(refused.to_string().contains("ns_mode"), "{refused}");
    }

    #[test]
    fn other_namespaces_refuse_unless_the_platform_admits_a_container() {
        let facts = [
            Fact::Value(Container::Inside(vec!["pid:[1]".to_owned()])),
            Fact::Absent,
            Fact::Unreadable(13),
            Fact::Unsupported("odd".to_owned()),
        ];
        for fact in facts {
            let reading = fact.at("/proc/self/ns");
            let refused = check_namespaces(ContainerDemand::None, &reading).expect_err("refused");
            assert!(refused.refusal().to_string().contains("/proc/self/ns"));
            assert_eq!(check_namespaces(ContainerDemand::Allow, &reading), Ok(()));
        }
        let own = Fact::Value(Container::None).at("/proc/self/ns");
        assert_eq!(check_namespaces(ContainerDemand::None, &own), Ok(()));
    }

    #[test]
    fn each_no_has_a_code_of_its_own_and_tells_how_to_mend_it() {
        let errors = [
            HostLockError::Taken { port: PORT },
            HostLockError::Unavailable {
                step: "make a socket",
                errno: Errno::EAFNOSUPPORT,
            },
            HostLockError::Elsewhere {
                seen: "/proc/self/ns: other".to_owned(),
            },
        ];
        let refusals = errors.map(|error| error.refusal());
        let codes: Vec<&str> = refusals
            .iter()
            .map(|refusal| refusal.code.as_str())
            .collect();
        assert_eq!(codes, ["ND-060", "ND-061", "ND-062"]);
        assert!(refusals.iter().all(|refusal| !refusal.read.is_empty()));
        assert!(refusals[1].consequence.starts_with("host lock unavailable"));
    }
}
