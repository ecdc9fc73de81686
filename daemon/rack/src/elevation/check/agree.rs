//! Whether policy and plan say the same (K6): every node has one place, every place a node, and
//! zone, rack and position agree where both speak.

use cofferdam_hwprofile::{NodeRule, Policy};

use super::super::finding::Ledger;
use super::super::{Elevation, Place, Tenant};
use crate::Code;
use crate::spelling::nearest;

/// K6.
pub(super) fn note_mismatch(ledger: &mut Ledger<'_, '_>, elevation: &Elevation, policy: &Policy) {
    for (tenant, place) in elevation.places() {
        match policy.node(&tenant.node) {
            Some(node) => note_differences(ledger, (tenant, place), (node, policy)),
            None => note_stranger(ledger, (tenant, place), policy),
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
            let fix = "add a device or bay with this node";
            ledger.fault_with(Code::PlaceMismatch, (1, &seen), fix, Vec::new());
        }
    }
}

fn note_stranger(
    ledger: &mut Ledger<'_, '_>,
    (tenant, place): (&Tenant, Place<'_>),
    policy: &Policy,
) {
    let known: Vec<&str> = policy.nodes().map(|node| node.name.as_str()).collect();
    let fix = nearest(tenant.node.as_str(), known).map_or_else(
        || format!("add the node to {}, or empty the place", policy.file()),
        |word| format!("did you mean {word}?"),
    );
    let seen = format!(
        "{place} holds {}, which {} does not list",
        tenant.node,
        policy.file()
    );
    let spots = vec![place.spot()];
    ledger.fault_with(Code::PlaceMismatch, (place.line(), &seen), &fix, spots);
}

fn note_differences(
    ledger: &mut Ledger<'_, '_>,
    (tenant, place): (&Tenant, Place<'_>),
    (node, policy): (&NodeRule, &Policy),
) {
    let position = place.device.position;
    let zone =
        (node.zone != tenant.zone).then(|| format!("zone {} and {}", tenant.zone, node.zone));
    let rack = node
        .rack
        .as_ref()
        .filter(|rack| **rack != place.rack.name)
        .map(|rack| format!("rack {} and {rack}", place.rack.name));
    let unit = node.position.filter(|at| Some(*at) != position).map(|at| {
        let here = position.map_or("none".to_owned(), |at| at.to_string());
        format!("position {here} and {at}")
    });
    for difference in [zone, rack, unit].into_iter().flatten() {
        let seen = format!(
            "{} at {place}: {difference} ({}:{})",
            tenant.node,
            policy.file(),
            node.line
        );
        let spots = vec![place.spot()];
        ledger.fault(Code::PlaceMismatch, place.line(), &seen, spots);
    }
}
