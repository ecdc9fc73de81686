//! Who a manifest knows: nodes, clients, their keys, their zones and trust domains.

use super::*;

fn manifest() -> Manifest {
    let (dir, operator) = (rack(), key("op1"));
    sign(&dir, 1, &[&operator]).unwrap();
    load(&dir, &operators(&[&operator], 1)).unwrap()
}

fn peer(zone: &str, node: &str) -> PeerId {
    PeerId {
        zone: zone.parse().unwrap(),
        node: node.parse().unwrap(),
    }
}

#[test]
fn nodes_and_clients_are_known_by_their_keys() {
    let pins = manifest().pins();
    assert_eq!(pins.len(), 5);
    assert_eq!(pins.get(pin(2).as_bytes()), Some(&peer("storage", "st1")));
    assert_eq!(pins.get(pin(5).as_bytes()), Some(&peer("app", "app")));
    assert_eq!(pins.get(pin(6).as_bytes()), None);
}

#[test]
fn a_peer_is_known_in_its_own_zone_only() {
    let manifest = manifest();
    assert!(manifest.knows(&peer("storage", "st1")) && manifest.knows(&peer("app", "app")));
    for (zone, node) in [
        ("intake", "st1"),
        ("storage", "app"),
        ("app", "st1"),
        ("app", "ap"),
    ] {
        assert!(!manifest.knows(&peer(zone, node)), "{zone}/{node}");
    }
    assert!(manifest.client(&peer("app", "app")).is_some());
    assert!(manifest.client(&peer("storage", "st1")).is_none());
    assert_eq!(
        manifest.peer(&"in1".parse().unwrap()),
        Some(peer("intake", "in1"))
    );
    assert_eq!(manifest.peer(&"app".parse().unwrap()), None);
}

#[test]
fn each_zone_has_its_trust_domain_and_each_trust_domain_its_zone() {
    let manifest = manifest();
    let domains: Vec<String> = manifest
        .trust_domains()
        .keys()
        .map(ToString::to_string)
        .collect();
    let expect = ["analytics", "app", "intake", "keeper", "storage"];
    assert_eq!(domains, expect.map(|zone| format!("{zone}.lab.internal")));
    let zone_of = |text: &str| manifest.zone_of(&text.parse().unwrap());
    assert_eq!(
        zone_of("storage.lab.internal"),
        Some("storage".parse().unwrap())
    );
    assert_eq!(zone_of("archive.lab.internal"), None);
    assert_eq!(zone_of("storage.other.internal"), None);
}
