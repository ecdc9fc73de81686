//! The checks over a plan that was read: where things stand, what they weigh and how they blow (K1
//! to K4, K9, K10). Each finding names both devices and their units.

mod agree;
mod apart;

use std::collections::BTreeMap;

use cofferdam_hwprofile::Policy;

use super::finding::{Ledger, Severity, Spot, Target};
use super::{Airflow, Device, Elevation, Face, Place, Rack};
use crate::Code;

/// The highest unit at which a heavy device may begin without a word.
const HEAVY_ABOVE_UNIT: u16 = 20;
/// What one person may still lift, in grams.
const HEAVY_G: u64 = 25_000;

/// Runs every check.
pub(super) fn check(ledger: &mut Ledger<'_, '_>, elevation: &Elevation, policy: &Policy) {
    for rack in elevation.racks() {
        for (index, device) in rack.devices.iter().enumerate() {
            note_out_of_range(ledger, rack, (index, device));
            for (before, other) in rack.devices.iter().enumerate().take(index) {
                note_overlap(ledger, rack, (before, other), (index, device));
            }
            note_zero_height(ledger, rack, (index, device));
            note_bays(ledger, rack, (index, device));
            note_half_enclosure(ledger, rack, (index, device));
            note_heavy(ledger, rack, (index, device));
            apart::note_enclosure(ledger, rack, (index, device), policy);
        }
        note_airflow(ledger, rack);
        note_airflow_unknown(ledger, rack);
        note_weight(ledger, rack);
        apart::note_rack_shared(ledger, rack, policy);
    }
    note_given_twice(ledger, elevation);
    agree::note_mismatch(ledger, elevation, policy);
}

/// A finding at one device.
fn at(rack: &Rack, index: usize) -> Spot {
    Spot::new(&rack.name, Target::Device(index))
}

/// K1.
fn note_out_of_range(ledger: &mut Ledger<'_, '_>, rack: &Rack, (index, device): (usize, &Device)) {
    let Some((first, last)) = device.span() else {
        return;
    };
    let (lowest, highest) = rack.units();
    if first < lowest || last > highest {
        let seen = format!(
            "{} at {}; {} has U{lowest}-U{highest}",
            device.name,
            device.units(),
            rack.name
        );
        let spots = vec![at(rack, index)];
        ledger.fault(Code::UnitOutOfRange, device.line, &seen, spots);
    }
}

/// K2.
fn note_overlap(
    ledger: &mut Ledger<'_, '_>,
    rack: &Rack,
    (a_index, a): (usize, &Device),
    (b_index, b): (usize, &Device),
) {
    let (Some((a_first, a_last)), Some((b_first, b_last))) = (a.span(), b.span()) else {
        return;
    };
    let same_units = a_first <= b_last && b_first <= a_last;
    let same_face = a.face == b.face || a.full_depth || b.full_depth;
    if same_units && same_face && !ledger.passes_over(Severity::Fault, b.line) {
        let seen = format!(
            "{} at {} ({}) and {} at {} ({}, line {}) in {}",
            b.name,
            b.units(),
            depth(b),
            a.name,
            a.units(),
            depth(a),
            a.line,
            rack.name
        );
        let spots = vec![at(rack, a_index), at(rack, b_index)];
        ledger.fault(Code::Overlap, b.line, &seen, spots);
    }
}

fn depth(device: &Device) -> &'static str {
    match (device.full_depth, device.face) {
        (true, Face::Front | Face::Rear) => "full depth",
        (false, Face::Front) => "front",
        (false, Face::Rear) => "rear",
    }
}

/// K2, in the making: a device library says of known enclosures that they fill half the depth, and
/// whoever believes it plans another device behind their backplanes.
fn note_half_enclosure(
    ledger: &mut Ledger<'_, '_>,
    rack: &Rack,
    (index, device): (usize, &Device),
) {
    if device.full_depth || device.bays.is_empty() || device.span().is_none() {
        return;
    }
    let seen = format!(
        "{} at {} has {} bays and full_depth = false",
        device.name,
        device.units(),
        device.bays.len()
    );
    let consequence = "the plan leaves room behind an enclosure that hardly leaves any";
    let spots = vec![at(rack, index)];
    ledger.warn(
        Code::HalfEnclosure,
        (device.line, &seen),
        consequence,
        spots,
    );
}

/// K3.
fn note_zero_height(ledger: &mut Ledger<'_, '_>, rack: &Rack, (index, device): (usize, &Device)) {
    if let (0, Some(position)) = (device.u_height, device.position) {
        let seen = format!(
            "{} has position = {position} and u_height = 0 in {}",
            device.name, rack.name
        );
        let spots = vec![at(rack, index)];
        ledger.fault(Code::ZeroHeightPlaced, device.line, &seen, spots);
    }
}

/// K4, within one device.
fn note_bays(ledger: &mut Ledger<'_, '_>, rack: &Rack, (index, device): (usize, &Device)) {
    let bay_at = |bay| Spot::new(&rack.name, Target::Bay(index, bay));
    for (number, bay) in device.bays.iter().enumerate() {
        let mut before = device.bays.iter().enumerate().take(number);
        if let Some((first, other)) = before.find(|(_, other)| other.name == bay.name) {
            let seen = format!(
                "bay {} of {} at {}, also on line {}",
                bay.name,
                device.name,
                device.units(),
                other.line
            );
            let spots = vec![bay_at(first), bay_at(number)];
            let fix = "give each bay its own name";
            ledger.fault_with(Code::BayMisplaced, (bay.line, &seen), fix, spots);
        }
    }
    let Some(bay) = device.bays.first() else {
        return;
    };
    if device.span().is_none() && device.position.is_none() {
        let seen = format!(
            "bay {} of {}, which stands on no unit",
            bay.name, device.name
        );
        let fix = "give the enclosure a height and position";
        let spots = vec![at(rack, index)];
        ledger.fault_with(Code::BayMisplaced, (bay.line, &seen), fix, spots);
    }
    if let Some(tenant) = &device.tenant {
        let seen = format!(
            "{} at {} is the node {} and has the bay {}",
            device.name,
            device.units(),
            tenant.node,
            bay.name
        );
        let fix = "put the node into a bay of its own";
        let spots = vec![at(rack, index)];
        ledger.fault_with(Code::BayMisplaced, (device.line, &seen), fix, spots);
    }
}

/// K4, across the plan: a device or a node that stands in two places.
fn note_given_twice(ledger: &mut Ledger<'_, '_>, elevation: &Elevation) {
    let mut devices: BTreeMap<&str, (&Rack, usize, &Device)> = BTreeMap::new();
    for rack in elevation.racks() {
        for (index, device) in rack.devices.iter().enumerate() {
            let known = devices.insert(&device.name, (rack, index, device));
            if let Some((before, other_index, other)) = known {
                let seen = format!(
                    "the device {} at {} {} and at {} {} (line {})",
                    device.name,
                    rack.name,
                    device.units(),
                    before.name,
                    other.units(),
                    other.line
                );
                let spots = vec![at(before, other_index), at(rack, index)];
                let fix = "give each device its own name";
                ledger.fault_with(Code::BayMisplaced, (device.line, &seen), fix, spots);
            }
        }
    }
    let mut nodes: BTreeMap<&str, Place<'_>> = BTreeMap::new();
    for (tenant, place) in elevation.places() {
        if let Some(before) = nodes.insert(tenant.node.as_str(), place) {
            let seen = format!("the node {} at {place} and at {before}", tenant.node);
            let spots = vec![before.spot(), place.spot()];
            let fix = "place each node once";
            ledger.fault_with(Code::BayMisplaced, (place.line(), &seen), fix, spots);
        }
    }
}

/// K10. In a rack without a stream of its own, the first device that blows is what the others are
/// held against.
fn note_airflow(ledger: &mut Ledger<'_, '_>, rack: &Rack) {
    let blowing = |device: &Device| device.airflow.filter(|air| *air != Airflow::Passive);
    let devices = || rack.devices.iter().enumerate();
    let first = match rack.stream() {
        Airflow::Passive => devices().find(|(_, device)| blowing(device).is_some()),
        Airflow::FrontToRear | Airflow::RearToFront => None,
    };
    let (stream, by) = match first {
        Some((_, device)) => (blowing(device), device.called()),
        None => (Some(rack.stream()), rack.name.clone()),
    };
    for (index, device) in devices() {
        let Some((air, stream)) = blowing(device).zip(stream).filter(|(a, b)| a != b) else {
            continue;
        };
        let seen = format!("{} blows {air}, {by} blows {stream}", device.called());
        let spots = first.iter().map(|(first, _)| *first).chain([index]);
        let spots = spots.map(|index| at(rack, index)).collect();
        ledger.fault(Code::AirflowMixed, device.line, &seen, spots);
    }
}

/// K10, where the plan speaks of air and a device that draws power leaves its own open.
fn note_airflow_unknown(ledger: &mut Ledger<'_, '_>, rack: &Rack) {
    let mut devices = rack.devices.iter();
    if rack.airflow.is_none() && devices.all(|device| device.airflow.is_none()) {
        return;
    }
    let draws = |device: &Device| {
        let fed = device.power.iter().any(|inlet| inlet.maximum_w > 0);
        fed || device.tenants().next().is_some()
    };
    for (index, device) in rack.devices.iter().enumerate() {
        if device.airflow.is_some() || device.span().is_none() || !draws(device) {
            continue;
        }
        let seen = format!("{} of {} says no airflow", device.called(), rack.name);
        let consequence = "the device may breathe the warm air of the others";
        let (line, spots) = (device.line, vec![at(rack, index)]);
        ledger.warn(Code::AirflowUnknown, (line, &seen), consequence, spots);
    }
}

/// K9, for the rack. A sum in which a weight is missing is only a lower bound, and is said to be.
fn note_weight(ledger: &mut Ledger<'_, '_>, rack: &Rack) {
    let Some(most) = rack.max_weight_g else {
        return;
    };
    let weight = rack.known_weight_g();
    if weight > most {
        let seen = format!(
            "{} carries {} and may carry {}",
            rack.name,
            kilograms(weight),
            kilograms(most)
        );
        let spots = vec![Spot::new(&rack.name, Target::Rack)];
        ledger.fault(Code::Overweight, rack.line, &seen, spots);
    }
    // What hangs beside the units weighs something too.
    let unknown = |(_, device): &(usize, &Device)| device.weight_g.is_none();
    for (index, device) in rack.devices.iter().enumerate().filter(unknown) {
        let seen = format!("{} of {} says no weight_kg", device.called(), rack.name);
        let consequence = "the weight of the rack is a lower bound";
        let spots = vec![at(rack, index)];
        ledger.warn(
            Code::WeightUnknown,
            (device.line, &seen),
            consequence,
            spots,
        );
    }
}

/// K9, for one device.
fn note_heavy(ledger: &mut Ledger<'_, '_>, rack: &Rack, (index, device): (usize, &Device)) {
    let (Some((first, _)), Some(weight)) = (device.span(), device.weight_g) else {
        return;
    };
    if first > HEAVY_ABOVE_UNIT && weight >= HEAVY_G {
        let seen = format!(
            "{} at {} of {} weighs {}",
            device.name,
            device.units(),
            rack.name,
            kilograms(weight)
        );
        let consequence = "a heavy device high up makes a rack topple, and nobody lifts it alone";
        let spots = vec![at(rack, index)];
        ledger.warn(Code::HeavyAbove, (device.line, &seen), consequence, spots);
    }
}

/// A weight in words.
pub(super) fn kilograms(grams: u64) -> String {
    format!("{}.{:03} kg", grams / 1000, grams % 1000)
}

#[cfg(test)]
mod tests;
