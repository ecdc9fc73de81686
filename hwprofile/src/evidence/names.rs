//! How many names the devices of a machine show.
//!
//! A device that is there and whose every name could not be read may be the one that another machine
//! shows: then there is no count. A device that has no name at all hides none.

use crate::fact::{Fact, Reading};
use crate::identity::is_carried;
use crate::inventory::{Bus, Disk, Gpu, Nic};

/// The names of drives that stay in the machine. One drive has two, and either is enough.
pub(super) fn of_disks(disks: &Reading<Vec<Disk>>) -> Reading<u64> {
    count(disks, |disk| {
        let names = [&disk.wwid, &disk.serial];
        let named = names.iter().any(|name| name.value().is_some());
        if is_carried(disk) {
            None
        } else if named {
            Some(Ok(()))
        } else {
            let broken = names.iter().find_map(|name| name.broken());
            broken.map(Err)
        }
    })
}

/// The permanent addresses of adapters with hardware of their own; what the maker of a hypervisor
/// or a management controller wrote names nothing. An adapter on a bus that nobody can tell may be
/// any.
pub(super) fn of_nics(nics: &Reading<Vec<Nic>>) -> Reading<u64> {
    count(nics, |nic| {
        if nic.physical_function != Fact::Absent {
            return None;
        }
        let permanent = &nic.permanent;
        match nic.bus.value() {
            None => {
                let why = "nothing tells what the adapter is attached to";
                let fact = Fact::Unsupported(why.to_owned());
                Some(Err(fact.at(permanent.path.clone())))
            }
            Some(Bus::Pci | Bus::Other) => Some(permanent.broken().map_or(Ok(()), Err)),
            Some(_) => None,
        }
    })
}

/// The identifiers of graphics processors.
pub(super) fn of_gpus(gpus: &Reading<Vec<Gpu>>) -> Reading<u64> {
    count(gpus, |gpu| Some(gpu.uuid.broken().map_or(Ok(()), Err)))
}

/// How many devices are told apart, or the first that cannot be.
fn count<T>(
    devices: &Reading<Vec<T>>,
    told: impl Fn(&T) -> Option<Result<(), Reading<u64>>>,
) -> Reading<u64> {
    let mut named = 0;
    for device in devices.value().into_iter().flatten() {
        match told(device) {
            Some(Ok(())) => named += 1,
            Some(Err(broken)) => return broken,
            None => {}
        }
    }
    let named = devices.fact.as_ref().map(|_| named);
    named.at(devices.path.clone())
}
