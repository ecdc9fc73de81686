//! What is to be drawn, before it is known how: which device stands in which unit of which face,
//! beside which other, and which findings point at it.

use std::collections::BTreeMap;

use cofferdam_hwprofile::{Policy, ZoneName};

use super::mark::{Mark, marks};
use crate::elevation::{Device, Face, Finding, Rack, Survey, Target};

/// How many units beyond the rack are drawn, for devices that stand outside it.
const BEYOND_UNITS: u16 = 3;

/// Everything that the pictures show.
pub(super) struct Scene<'s> {
    pub(super) policy: &'s Policy,
    pub(super) marks: BTreeMap<&'s ZoneName, Mark>,
    pub(super) racks: Vec<&'s Rack>,
    pub(super) findings: &'s [Finding],
}

/// How a device is seen from a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// It is mounted on this face.
    Own,
    /// It is mounted on the other face and reaches through.
    Behind,
}

/// One device on one face.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'s> {
    pub(super) index: usize,
    pub(super) device: &'s Device,
    pub(super) first: u16,
    pub(super) last: u16,
    /// Its column where several claim the same units, and how many columns there are.
    pub(super) lane: usize,
    pub(super) lanes: usize,
    pub(super) view: View,
}

impl Slot<'_> {
    /// How many units of it are drawn.
    pub(super) fn height(&self) -> u16 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl<'s> Scene<'s> {
    pub(super) fn of(survey: &'s Survey, policy: &'s Policy) -> Self {
        Self {
            policy,
            marks: marks(policy.zones().map(|zone| &zone.name)),
            racks: survey.drawable().racks().collect(),
            findings: survey.findings(),
        }
    }

    /// The mark of a zone; none if the policy does not know it.
    pub(super) fn mark(&self, zone: &ZoneName) -> Option<Mark> {
        self.marks.get(zone).copied()
    }

    /// The findings that a rack shows, with their numbers: those that point at it, and with the
    /// first rack those that point nowhere.
    pub(super) fn notes(&self, rack: &Rack) -> impl Iterator<Item = (usize, &'s Finding)> {
        let is_first = self
            .racks
            .first()
            .is_some_and(|first| first.name == rack.name);
        let name = rack.name.clone();
        self.numbered().filter(move |(_, finding)| {
            let here = finding.spots.iter().any(|spot| spot.rack == name);
            here || (is_first && finding.spots.is_empty())
        })
    }

    /// The findings that point at one target of a rack.
    pub(super) fn pointing(&self, rack: &Rack, target: &Target) -> Vec<(usize, &'s Finding)> {
        let here = |(_, finding): &(usize, &Finding)| {
            let mut spots = finding.spots.iter();
            spots.any(|spot| spot.rack == rack.name && spot.target == *target)
        };
        self.numbered().filter(here).collect()
    }

    /// The findings that point at a device or at one of its bays, each once.
    pub(super) fn pointing_at_device(
        &self,
        rack: &Rack,
        index: usize,
    ) -> Vec<(usize, &'s Finding)> {
        let is_here = |target: &Target| match target {
            Target::Device(device) | Target::Bay(device, _) => *device == index,
            Target::Feed { .. } | Target::Rack => false,
        };
        let here = |(_, finding): &(usize, &Finding)| {
            let mut spots = finding.spots.iter();
            spots.any(|spot| spot.rack == rack.name && is_here(&spot.target))
        };
        self.numbered().filter(here).collect()
    }

    /// Every finding with its number.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &'s Finding)> + use<'s> {
        (1..).zip(self.findings)
    }
}

/// The lowest and the highest unit that is drawn: the rack's own, and a few beyond where devices
/// stand there.
pub(super) fn rows(rack: &Rack) -> (u16, u16) {
    let (lowest, highest) = rack.units();
    let spans = rack.devices.iter().filter_map(Device::span);
    let (low, high) = spans.fold((lowest, highest), |(low, high), (first, last)| {
        (low.min(first), high.max(last))
    });
    (
        low.max(lowest.saturating_sub(BEYOND_UNITS)),
        high.min(highest.saturating_add(BEYOND_UNITS)),
    )
}

/// The devices that a face shows, from the lowest unit up.
pub(super) fn slots(rack: &Rack, face: Face) -> Vec<Slot<'_>> {
    let (low, high) = rows(rack);
    let mut slots: Vec<Slot<'_>> = rack
        .devices
        .iter()
        .enumerate()
        .filter_map(|(index, device)| {
            let (first, last) = device.span()?;
            let view = match (device.face == face, device.full_depth) {
                (true, _) => View::Own,
                (false, true) => View::Behind,
                (false, false) => return None,
            };
            let (first, last) = (first.max(low), last.min(high));
            (first <= last).then_some(Slot {
                index,
                device,
                first,
                last,
                lane: 0,
                lanes: 1,
                view,
            })
        })
        .collect();
    slots.sort_by_key(|slot| (slot.first, slot.index));
    part(&mut slots);
    slots
}

/// Gives devices that claim the same units columns of their own.
fn part(slots: &mut [Slot<'_>]) {
    let mut done: Vec<Slot<'_>> = Vec::new();
    for slot in slots.iter_mut() {
        let beside: Vec<usize> = done
            .iter()
            .filter(|other| other.meets(slot))
            .map(|other| other.lane)
            .collect();
        slot.lane = (0..=beside.len())
            .find(|lane| !beside.contains(lane))
            .expect("among more columns than neighbours one is free");
        done.push(*slot);
    }
    // Columns are as many as the widest crowd that a device stands in, through its neighbours.
    let mut changed = true;
    for slot in slots.iter_mut() {
        slot.lanes = slot.lane.saturating_add(1);
    }
    while changed {
        changed = false;
        let seen: Vec<Slot<'_>> = slots.to_vec();
        for slot in slots.iter_mut() {
            let widest = seen
                .iter()
                .filter(|other| other.meets(slot))
                .map(|other| other.lanes)
                .max();
            if widest.is_some_and(|widest| widest > slot.lanes) {
                slot.lanes = widest.unwrap_or(slot.lanes);
                changed = true;
            }
        }
    }
}

/// The devices that stand on no unit that is drawn.
pub(super) fn beside(rack: &Rack) -> Vec<(usize, &Device)> {
    let (low, high) = rows(rack);
    let hidden = |device: &Device| {
        device
            .span()
            .is_none_or(|(first, last)| first > high || last < low)
    };
    rack.devices
        .iter()
        .enumerate()
        .filter(|(_, device)| hidden(device))
        .collect()
}
