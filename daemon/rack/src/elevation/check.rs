//! The checks over a plan that was read: K1 to K6 and K9 to K11. Each fault names both devices and
//! their units.

use std::collections::BTreeMap;

use cofferdam_hwprofile::{Domain, Policy, Refusal, RuleRef, constitution};

use super::{Airflow, Device, Elevation, Face, Place, Rack, Tenant};
use crate::Code;
use crate::document::Sheet;

/// Runs every check.
pub(super) fn check(sheet: &mut Sheet<'_>, elevation: &Elevation, policy: &Policy) {
    for rack in elevation.racks() {
        for (index, device) in rack.devices.iter().enumerate() {
            note_out_of_range(sheet, rack, device);
            for other in rack.devices.get(..index).unwrap_or(&[]) {
                note_overlap(sheet, rack, other, device);
            }
            note_bays(sheet, device);
            note_airflow(sheet, rack, device);
            note_enclosure(sheet, rack, device, policy);
        }
        note_weight(sheet, rack);
        note_rack_shared(sheet, rack, policy);
    }
    note_given_twice(sheet, elevation);
    note_mismatch(sheet, elevation, policy);
}

/// K1.
fn note_out_of_range(sheet: &mut Sheet<'_>, rack: &Rack, device: &Device) {
    let Some((first, last)) = device.span() else {
        return;
    };
    let lowest = u16::from(rack.starting_unit);
    let highest = lowest
        .saturating_add(u16::from(rack.u_height))
        .saturating_sub(1);
    if first < lowest || last > highest {
        let seen = format!(
            "{} at {}; {} has U{lowest}-U{highest}",
            device.name,
            device.units(),
            rack.name
        );
        sheet.fault(
            Code::UnitOutOfRange,
            device.line,
            &seen,
            Code::UnitOutOfRange.entry().mend,
        );
    }
}

/// K2.
fn note_overlap(sheet: &mut Sheet<'_>, rack: &Rack, a: &Device, b: &Device) {
    let (Some((a_first, a_last)), Some((b_first, b_last))) = (a.span(), b.span()) else {
        return;
    };
    let same_units = a_first <= b_last && b_first <= a_last;
    let same_face = a.face == b.face || a.full_depth || b.full_depth;
    if same_units && same_face {
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
        sheet.fault(Code::Overlap, b.line, &seen, Code::Overlap.entry().mend);
    }
}

fn depth(device: &Device) -> &'static str {
    match (device.full_depth, device.face) {
        (true, Face::Front | Face::Rear) => "full depth",
        (false, Face::Front) => "front",
        (false, Face::Rear) => "rear",
    }
}

/// K4, within one device.
fn note_bays(sheet: &mut Sheet<'_>, device: &Device) {
    for (index, bay) in device.bays.iter().enumerate() {
        let twice = device
            .bays
            .iter()
            .take(index)
            .find(|other| other.name == bay.name);
        if let Some(other) = twice {
            let seen = format!(
                "bay {} of {}, also on line {}",
                bay.name, device.name, other.line
            );
            sheet.fault(
                Code::BayMisplaced,
                bay.line,
                &seen,
                "give each bay its own name",
            );
        }
    }
    let Some(bay) = device.bays.first() else {
        return;
    };
    if device.span().is_none() {
        let seen = format!(
            "bay {} of {}, which stands on no unit",
            bay.name, device.name
        );
        sheet.fault(
            Code::BayMisplaced,
            bay.line,
            &seen,
            "give the enclosure a height and position",
        );
    }
    if let Some(tenant) = &device.tenant {
        let seen = format!(
            "{} is the node {} and has the bay {}",
            device.name, tenant.node, bay.name
        );
        sheet.fault(
            Code::BayMisplaced,
            device.line,
            &seen,
            "put the node into a bay of its own",
        );
    }
}

/// K4, across the plan: a device or a node that stands in two places.
fn note_given_twice(sheet: &mut Sheet<'_>, elevation: &Elevation) {
    let mut devices: BTreeMap<&str, (&Rack, &Device)> = BTreeMap::new();
    for rack in elevation.racks() {
        for device in &rack.devices {
            if let Some((before, other)) = devices.insert(&device.name, (rack, device)) {
                let seen = format!(
                    "the device {} at {} {} and at {} {} (line {})",
                    device.name,
                    rack.name,
                    device.units(),
                    before.name,
                    other.units(),
                    other.line
                );
                sheet.fault(
                    Code::BayMisplaced,
                    device.line,
                    &seen,
                    "give each device its own name",
                );
            }
        }
    }
    let mut nodes: BTreeMap<&str, Place<'_>> = BTreeMap::new();
    for (tenant, place) in elevation.places() {
        if let Some(before) = nodes.insert(tenant.node.as_str(), place) {
            let seen = format!("the node {} at {place} and at {before}", tenant.node);
            sheet.fault(
                Code::BayMisplaced,
                line_of(place),
                &seen,
                "place each node once",
            );
        }
    }
}

fn line_of(place: Place<'_>) -> usize {
    place.bay.map_or(place.device.line, |bay| bay.line)
}

/// K5.
fn note_enclosure(sheet: &mut Sheet<'_>, rack: &Rack, device: &Device, policy: &Policy) {
    let tenants: Vec<_> = device.tenants().collect();
    for (index, (tenant, bay)) in tenants.iter().enumerate() {
        for (other, other_bay) in tenants.iter().take(index) {
            let Some((rule, why)) = kept_apart(policy, tenant, other, Domain::Chassis) else {
                continue;
            };
            let place = Place {
                rack,
                device,
                bay: *bay,
            };
            let beside = Place {
                rack,
                device,
                bay: *other_bay,
            };
            note_apart(
                sheet,
                Code::ZonesTogether,
                ((tenant, place), (other, beside)),
                rule,
                why,
            );
        }
    }
}

/// K11.
fn note_rack_shared(sheet: &mut Sheet<'_>, rack: &Rack, policy: &Policy) {
    let tenants: Vec<_> = rack
        .devices
        .iter()
        .flat_map(|device| {
            device
                .tenants()
                .map(move |(tenant, bay)| (tenant, Place { rack, device, bay }))
        })
        .collect();
    for (index, (tenant, place)) in tenants.iter().enumerate() {
        for (other, beside) in tenants.iter().take(index) {
            // Within one enclosure K5 has told of it.
            if std::ptr::eq(place.device, beside.device) {
                continue;
            }
            if let Some((rule, why)) = kept_apart(policy, tenant, other, Domain::Rack) {
                let pair = ((*tenant, *place), (*other, *beside));
                note_apart(sheet, Code::RackShared, pair, rule, why);
            }
        }
    }
}

fn note_apart(
    sheet: &mut Sheet<'_>,
    code: Code,
    ((tenant, place), (other, beside)): ((&Tenant, Place<'_>), (&Tenant, Place<'_>)),
    rule: RuleRef,
    why: String,
) {
    let line = line_of(place);
    let consequence = format!(
        "zones {} and {} must not share this place",
        tenant.zone, other.zone
    );
    let refusal = Refusal::new(code.as_str(), consequence, code.entry().mend)
        .read(format!(
            "{}:{line}  {} at {place}",
            sheet.file(),
            tenant.node
        ))
        .read(format!(
            "{}:{}  {} at {beside}",
            sheet.file(),
            line_of(beside),
            other.node
        ))
        .rule(rule)
        .why(why);
    sheet.fault_because(line, refusal);
}

/// The rule that keeps the two zones from sharing `place`, with its reason.
fn kept_apart(policy: &Policy, a: &Tenant, b: &Tenant, place: Domain) -> Option<(RuleRef, String)> {
    if place == constitution::DOMAIN
        && let (Some(one), Some(other)) = (policy.zone(&a.zone), policy.zone(&b.zone))
        && constitution::covers(one, other)
    {
        return Some((constitution::rule(), constitution::WHY.to_owned()));
    }
    let rule = policy
        .separations()
        .iter()
        .find(|rule| rule.domain >= place && rule.covers(&a.zone, &b.zone))?;
    Some((rule.rule.clone(), rule.why.clone()))
}

/// K6.
fn note_mismatch(sheet: &mut Sheet<'_>, elevation: &Elevation, policy: &Policy) {
    for (tenant, place) in elevation.places() {
        let line = line_of(place);
        let Some(node) = policy.node(&tenant.node) else {
            let known: Vec<&str> = policy.nodes().map(|node| node.name.as_str()).collect();
            let near = crate::spelling::nearest(tenant.node.as_str(), known);
            let fix = near.map_or_else(
                || format!("add the node to {}, or empty the place", policy.file()),
                |word| format!("did you mean {word}?"),
            );
            let seen = format!(
                "{place} holds {}, which {} does not list",
                tenant.node,
                policy.file()
            );
            sheet.fault(Code::PlaceMismatch, line, &seen, &fix);
            continue;
        };
        let position = place.device.position;
        let differences = [
            (node.zone != tenant.zone).then(|| format!("zone {} and {}", tenant.zone, node.zone)),
            node.rack
                .as_ref()
                .filter(|rack| **rack != place.rack.name)
                .map(|rack| format!("rack {} and {rack}", place.rack.name)),
            node.position.filter(|at| Some(*at) != position).map(|at| {
                format!(
                    "position {} and {at}",
                    position.map_or("none".to_owned(), |at| at.to_string())
                )
            }),
        ];
        for difference in differences.into_iter().flatten() {
            let seen = format!(
                "{} at {place}: {difference} ({}:{})",
                tenant.node,
                policy.file(),
                node.line
            );
            sheet.fault(
                Code::PlaceMismatch,
                line,
                &seen,
                Code::PlaceMismatch.entry().mend,
            );
        }
    }
    for node in policy.nodes() {
        if elevation.place(&node.name).is_none() {
            let seen = format!(
                "no place for {} of zone {} ({}:{})",
                node.name,
                node.zone,
                policy.file(),
                node.line
            );
            sheet.fault(
                Code::PlaceMismatch,
                1,
                &seen,
                "add a device or bay with this node",
            );
        }
    }
}

/// K10.
fn note_airflow(sheet: &mut Sheet<'_>, rack: &Rack, device: &Device) {
    let Some(airflow) = device.airflow else {
        return;
    };
    if airflow != rack.airflow && airflow != Airflow::Passive && rack.airflow != Airflow::Passive {
        let seen = format!(
            "{} at {} blows {airflow}, {} blows {}",
            device.name,
            device.units(),
            rack.name,
            rack.airflow
        );
        sheet.fault(
            Code::AirflowMixed,
            device.line,
            &seen,
            Code::AirflowMixed.entry().mend,
        );
    }
}

/// K9.
fn note_weight(sheet: &mut Sheet<'_>, rack: &Rack) {
    let Some(most) = rack.max_weight_g else {
        return;
    };
    let weight = rack
        .devices
        .iter()
        .fold(0_u64, |sum, device| sum.saturating_add(device.weight_g));
    if weight > most {
        let seen = format!(
            "{} carries {} and may carry {}",
            rack.name,
            kilograms(weight),
            kilograms(most)
        );
        sheet.fault(
            Code::Overweight,
            rack.line,
            &seen,
            Code::Overweight.entry().mend,
        );
    }
}

fn kilograms(grams: u64) -> String {
    format!("{}.{:03} kg", grams / 1000, grams % 1000)
}
