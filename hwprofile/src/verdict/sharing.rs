//! What two machines share, domain by domain, by their witnesses and by the plan.
//!
//! Families are counted, never fields. What is equal is shown with both paths; what says nothing is
//! shown with its reason, because the remedy differs.

use std::collections::BTreeSet;

use crate::domain::{Device, Domain, Family, Strength, WitnessKind};
use crate::evidence::{Evidence, Sighting};
use crate::fact::{Fact, Reading};
use crate::identity::Reach;
use crate::inventory::Virtualization;
use crate::policy::{NodeRule, Policy, ZoneRule};
use crate::verdict::{Judgement, Scope, pins};

/// How many independent families must differ.
const DIFFERING: usize = 2;
/// How many lines of one kind a message shows.
const SHOWN: usize = 8;

/// One side of a pair.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) node: &'a NodeRule,
    pub(super) zone: &'a ZoneRule,
    pub(super) evidence: &'a Evidence,
}

/// What was found in one scope.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Sharing {
    Separate,
    Shared(Grounds),
    Unproven(Grounds),
}

/// What a finding rests on.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Grounds {
    pub(super) read: Vec<String>,
    pub(super) also: Vec<String>,
}

pub(super) fn judge(policy: &Policy, scope: Scope, a: Side<'_>, b: Side<'_>) -> Sharing {
    match scope {
        Scope::Domain(Domain::Host) => host(a, b),
        Scope::Domain(Domain::Board) => board(a, b),
        Scope::Domain(Domain::Chassis) => chassis(policy, a, b),
        Scope::Domain(Domain::Rack) => rack(policy, a, b),
        Scope::Device(device) => shared_device(device, a, b),
    }
}

/// The witnesses of a family that both sides show.
fn equal<'a>(family: Family, a: Side<'a>, b: Side<'a>) -> Vec<(&'a Sighting, &'a Sighting)> {
    let theirs: Vec<&Sighting> = b.evidence.of_family(family).collect();
    a.evidence
        .of_family(family)
        .filter_map(|mine| {
            let same = theirs.iter().find(|same| same.token == mine.token)?;
            Some((mine, *same))
        })
        .collect()
}

/// Whether both sides show witnesses of a family that lie inside them, and none is equal.
fn differs(family: Family, a: Side<'_>, b: Side<'_>) -> bool {
    let shows = |side: Side<'_>| {
        side.evidence
            .of_family(family)
            .any(|s| s.reach == Reach::Local)
    };
    shows(a) && shows(b) && equal(family, a, b).is_empty()
}

fn told(pairs: &[(&Sighting, &Sighting)], a: Side<'_>, b: Side<'_>) -> Grounds {
    let mut grounds = Grounds::default();
    for (mine, theirs) in pairs.iter().take(SHOWN) {
        grounds.read.push(format!("{}: {mine}", a.node.name));
        grounds.read.push(format!(
            "{}: {theirs} (the same value, token {})",
            b.node.name,
            theirs.token.short()
        ));
    }
    grounds
}

fn host(a: Side<'_>, b: Side<'_>) -> Sharing {
    let boot = equal(Family::Boot, a, b);
    if !boot.is_empty() {
        return Sharing::Shared(told(&boot, a, b));
    }
    // Every kernel tells it, so where it is not there somebody hides it.
    let hidden = |side: &Side<'_>| side.evidence.boot_token().is_none();
    let doubts = [a, b].into_iter().filter(hidden).map(|side| {
        let name = &side.node.name;
        format!("{name}: nothing tells one start of the kernel from another")
    });
    let doubts = doubts.collect();
    let families = [
        Family::Boot,
        Family::Firmware,
        Family::Tpm,
        Family::Nic,
        Family::Disk,
        Family::Gpu,
    ];
    unless(named(by_families(&families, a, b), a, b), doubts)
}

fn board(a: Side<'_>, b: Side<'_>) -> Sharing {
    let families = [
        Family::Firmware,
        Family::Tpm,
        Family::Nic,
        Family::Disk,
        Family::Gpu,
    ];
    on_bare_metal(named(by_families(&families, a, b), a, b), a, b)
}

/// None of the names of the boards may be equal, so each of them must have been read.
fn named(found: Sharing, a: Side<'_>, b: Side<'_>) -> Sharing {
    let boards = |side: Side<'_>| unread(side, &side.evidence.machine().boards);
    unless(found, [a, b].into_iter().filter_map(boards).collect())
}

/// A hypervisor writes whatever its guests read of board, enclosure and place, so nothing that
/// differs in them proves two of anything but two kernels. What is equal stays equal.
fn on_bare_metal(found: Sharing, a: Side<'_>, b: Side<'_>) -> Sharing {
    let doubts = [a, b].into_iter().filter_map(|side| {
        let reading = &side.evidence.machine().virtualization;
        let bare = reading.value() == Some(&Virtualization::BareMetal);
        (!bare).then(|| {
            let name = &side.node.name;
            format!("{name}: {reading}; only bare metal proves two boards")
        })
    });
    unless(found, doubts.collect())
}

/// The same finding, unless a doubt stands against what is not shared.
fn unless(found: Sharing, doubts: Vec<String>) -> Sharing {
    let mut grounds = match found {
        Sharing::Shared(grounds) => return Sharing::Shared(grounds),
        found if doubts.is_empty() => return found,
        Sharing::Separate => Grounds::default(),
        Sharing::Unproven(grounds) => grounds,
    };
    grounds.read.extend(doubts);
    Sharing::Unproven(grounds)
}

/// What could not be read may be what the other side shows. What is not there cannot.
fn unread<T>(side: Side<'_>, reading: &Reading<T>) -> Option<String> {
    match reading.fact {
        Fact::Value(_) | Fact::Absent => None,
        Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
            let told = reading.fact.as_ref().map(|_| "").at(reading.path.clone());
            Some(format!("{}: {told}", side.node.name))
        }
    }
}

fn by_families(families: &[Family], a: Side<'_>, b: Side<'_>) -> Sharing {
    let differing: Vec<Family> = families
        .iter()
        .copied()
        .filter(|family| differs(*family, a, b))
        .collect();
    let same: Vec<(&Sighting, &Sighting)> = families
        .iter()
        .flat_map(|family| equal(*family, a, b))
        .collect();
    let strong: Vec<_> = same
        .iter()
        .copied()
        .filter(|(mine, _)| names_a_board(mine.kind))
        .collect();
    if !strong.is_empty() {
        return Sharing::Shared(told(&strong, a, b));
    }
    let weak: BTreeSet<Family> = same.iter().map(|(mine, _)| mine.kind.family()).collect();
    if weak.len() >= 2 && differing.is_empty() {
        return Sharing::Shared(told(&same, a, b));
    }
    if same.is_empty() && differing.len() >= DIFFERING {
        return Sharing::Separate;
    }
    let mut grounds = told(&same, a, b);
    let names: Vec<&str> = differing.iter().map(|family| family.as_str()).collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    grounds.read.push(format!(
        "families that differ: {names}; {DIFFERING} must differ and none be equal"
    ));
    grounds.also = unseen(families, a, b);
    Sharing::Unproven(grounds)
}

/// A strong witness that lies on the board. A drive does not: two boards may reach one.
fn names_a_board(kind: WitnessKind) -> bool {
    kind.strength() == Strength::Strong && kind.family() != Family::Disk
}

fn unseen(families: &[Family], a: Side<'_>, b: Side<'_>) -> Vec<String> {
    let of = |side: Side<'_>| -> Vec<String> {
        let relevant = side.evidence.unseen().iter();
        let relevant = relevant.filter(|unseen| families.contains(&unseen.kind.family()));
        relevant
            .map(|unseen| format!("{}: {}", side.node.name, unseen.reading))
            .take(SHOWN)
            .collect()
    };
    of(a).into_iter().chain(of(b)).collect()
}

fn chassis(policy: &Policy, a: Side<'_>, b: Side<'_>) -> Sharing {
    let enclosures = |side: Side<'_>| unread(side, &side.evidence.machine().enclosures);
    let doubts = [a, b].into_iter().filter_map(enclosures).collect();
    let found = unless(by_plan(policy, a, b), doubts);
    on_bare_metal(found, a, b)
}

fn by_plan(policy: &Policy, a: Side<'_>, b: Side<'_>) -> Sharing {
    let serials = equal(Family::Chassis, a, b);
    if !serials.is_empty() {
        return Sharing::Shared(told(&serials, a, b));
    }
    let place = |side: Side<'_>| Some((side.node.rack.clone()?, side.node.position?));
    let same_place = |grounds: &mut Grounds, (rack, position): &(String, u8)| {
        for side in [a, b] {
            grounds.read.push(format!(
                "{}: the plan says rack {rack}, unit {position}",
                side.node.name
            ));
        }
    };
    let mut grounds = Grounds::default();
    match (place(a), place(b)) {
        (Some(here), Some(there)) if here == there => {
            same_place(&mut grounds, &here);
            return Sharing::Shared(grounds);
        }
        (Some(_), Some(_)) => {}
        (here, there) => {
            for (side, place) in [(a, here), (b, there)] {
                if place.is_none() {
                    let line = format!("{}: the plan gives no rack and position", side.node.name);
                    grounds.read.push(line);
                }
            }
        }
    }
    grounds.read.extend(not_pinned(policy, [a, b]));
    if grounds.read.is_empty() {
        return Sharing::Separate;
    }
    grounds.also = unseen(&[Family::Chassis], a, b);
    Sharing::Unproven(grounds)
}

fn rack(policy: &Policy, a: Side<'_>, b: Side<'_>) -> Sharing {
    on_bare_metal(by_rack(policy, a, b), a, b)
}

fn by_rack(policy: &Policy, a: Side<'_>, b: Side<'_>) -> Sharing {
    let mut grounds = Grounds::default();
    for side in [a, b] {
        let line = match &side.node.rack {
            Some(rack) => format!("{}: the plan says rack {rack}", side.node.name),
            None => format!("{}: the plan gives no rack", side.node.name),
        };
        grounds.read.push(line);
    }
    match (&a.node.rack, &b.node.rack) {
        (Some(here), Some(there)) if here == there => Sharing::Shared(grounds),
        (Some(_), Some(_)) => {
            let unpinned = not_pinned(policy, [a, b]);
            if unpinned.is_empty() {
                return Sharing::Separate;
            }
            grounds.read.extend(unpinned);
            Sharing::Unproven(grounds)
        }
        (None, _) | (_, None) => Sharing::Unproven(grounds),
    }
}

/// The plan speaks about named nodes, so it counts only for machines that are known to be those
/// nodes.
fn not_pinned(policy: &Policy, sides: [Side<'_>; 2]) -> Vec<String> {
    let unmet = |side: &Side<'_>| {
        pins::judge(policy, side.node, side.evidence).judgement != Judgement::Holds
    };
    let line = |side: Side<'_>| {
        format!(
            "{}: the machine does not meet its pins, so its place is not known",
            side.node.name
        )
    };
    sides.into_iter().filter(unmet).map(line).collect()
}

/// A device is shared when one identifier of it is equal. A list that could not be read, or a device
/// in it, may be what the other side shows.
fn shared_device(device: Device, a: Side<'_>, b: Side<'_>) -> Sharing {
    let same = equal(device.family(), a, b);
    if !same.is_empty() {
        return Sharing::Shared(told(&same, a, b));
    }
    let listed = |side: Side<'_>| {
        let machine = side.evidence.machine();
        match device {
            Device::Disk => unread(side, &machine.named_disks),
            Device::Nic => unread(side, &machine.named_nics),
            Device::Gpu => unread(side, &machine.named_gpus),
        }
    };
    unless(
        Sharing::Separate,
        [a, b].into_iter().filter_map(listed).collect(),
    )
}
