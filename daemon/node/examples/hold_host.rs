//! Takes the host lock and holds it until standard input closes: what the tests of the lock run as other processes, and what shows
//! an installer whether this machine offers it. `hold_host [PORT]`; the first line of standard output is `held` or the refusal.

use std::io::{Read as _, Write as _};

use cofferdam_hwprofile::Grade;
use cofferdam_hwprofile::policy::ContainerDemand;
use cofferdam_node::Exit;
use cofferdam_node::host_lock::{Claim, HostLock, PORT};

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(PORT), |text| text.parse());
    // A container is admitted here, so that a test in a user namespace meets the lock and not the check before it.
    let container = match arguments.next().as_deref() {
        Some("container") => ContainerDemand::Allow,
        _ => ContainerDemand::None,
    };
    let Ok(port) = port else {
        return Exit::Usage.into();
    };
    let claim = Claim {
        grade: Grade::E1Asserted,
        container,
        port,
    };
    let (line, exit, lock) = match HostLock::take(claim) {
        Ok(lock) => (lock.to_string(), Exit::Ok, Some(lock)),
        Err(error) => (error.refusal().to_string(), Exit::Hardware, None),
    };
    let told = writeln!(std::io::stdout(), "{line}");
    if lock.is_some() && told.is_ok() {
        // Its end is all that is waited for.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
    }
    exit.into()
}
