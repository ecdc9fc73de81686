//! The court on the lab's own rack: who is granted, who is refused, and what the others are told.

use std::path::Path;

use cofferdam_hwprofile::{Grade, Inventory};
use cofferdam_node::identity::{IdentityKey, trail_key};
use cofferdam_rack::{Operators, RackDomain};

use super::*;

const NOW: u64 = 1_795_000_000;

fn manifest() -> Arc<Manifest> {
    let dir = tempfile::tempdir().expect("a directory");
    let fill = |text: &str| {
        ["kp1", "in1", "st1", "an1", "app"]
            .iter()
            .fold(text.to_owned(), |text, name| {
                let pin = IdentityKey::generate().expect("a key").pin();
                text.replace(&format!("{{{{key:{name}}}}}"), &pin)
            })
    };
    let files = [
        (
            "hwprofile.toml",
            include_str!("../../../cofferctl/lab/hwprofile.toml"),
        ),
        (
            "elevation.toml",
            include_str!("../../../cofferctl/lab/elevation.toml"),
        ),
        (
            "flows.toml",
            include_str!("../../../cofferctl/lab/flows.toml"),
        ),
    ];
    for (name, text) in files {
        std::fs::write(dir.path().join(name), fill(text)).expect("written");
    }
    let signer = trail_key(&dir.path().join("key"), "lab.internal/operator").expect("a signer");
    let domain: RackDomain = "lab.internal".parse().expect("a domain");
    let epoch = Epoch::new(7).expect("an epoch");
    Manifest::sign(dir.path(), &domain, epoch, &[&signer]).expect("signed");
    let operators = Operators {
        keys: vec![signer.verifier_key()],
        threshold: 1,
    };
    Arc::new(Manifest::load(dir.path(), &operators).expect("loaded"))
}

fn peer(zone: &str, node: &str) -> PeerId {
    PeerId {
        zone: zone.parse().expect("a zone"),
        node: node.parse().expect("a node"),
    }
}

fn ask(court: &Court, asker: &PeerId, epoch: u64, evidence: Option<&Evidence>) -> Judgement {
    court.judge(&Question {
        asker,
        epoch: Epoch::new(epoch).expect("an epoch"),
        evidence,
        now: NOW,
    })
}

fn code(judgement: Judgement) -> String {
    match judgement {
        Judgement::Grant => "granted".to_owned(),
        Judgement::Refuse(refusal) => refusal.code,
    }
}

fn issued(serial: &str, not_after: u64) -> Issued {
    Issued {
        serial: serial.to_owned(),
        not_after,
    }
}

#[test]
fn a_client_is_granted_without_evidence_and_a_node_is_not() {
    let court = Court::new(manifest());
    assert_eq!(code(ask(&court, &peer("app", "app"), 7, None)), "granted");
    assert_eq!(
        code(ask(&court, &peer("storage", "st1"), 7, None)),
        "KP-011"
    );
    assert_eq!(code(ask(&court, &peer("app", "st1"), 7, None)), "KP-011");
}

#[test]
fn another_epoch_is_refused_whoever_asks() {
    let court = Court::new(manifest());
    for epoch in [1, 6, 8] {
        assert_eq!(
            code(ask(&court, &peer("app", "app"), epoch, None)),
            "KP-010"
        );
    }
}

#[test]
fn a_machine_about_which_nothing_can_be_read_is_refused() {
    let manifest = manifest();
    let site = manifest.policy.site().to_owned();
    let court = Court::new(manifest);
    let nothing = Inventory::read(Path::new("/nowhere/at/all"));
    let evidence = Evidence::of(&nothing, &site, Grade::E0Simulated);
    let judged = code(ask(&court, &peer("storage", "st1"), 7, Some(&evidence)));
    assert!(judged.starts_with("HW-"), "{judged}");
}

#[test]
fn what_an_evicted_party_held_is_told_until_it_would_have_ended() {
    let mut court = Court::new(manifest());
    let (app, why) = (
        peer("app", "app"),
        Refusal::new("HW-211", "shared", "move it"),
    );
    court.enter(&app, None, issued("41", NOW + 300), NOW);
    court.enter(&app, None, issued("42", NOW + 900), NOW);
    let before = court.standing().sequence;
    assert!(court.evict(&app, &why, NOW + 1));
    let told = court.standing();
    assert_eq!(told.sequence, before + 1);
    let serials: Vec<_> = told
        .revoked
        .iter()
        .filter_map(|lost| lost.serial.clone())
        .collect();
    assert_eq!(serials, ["41", "42"]);
    court.enter(&app, None, issued("43", NOW + 1300), NOW + 400);
    assert_eq!(court.standing().revoked.len(), 1);
}

#[test]
fn evicting_who_holds_nothing_is_no_news() {
    let mut court = Court::new(manifest());
    let why = Refusal::new("HW-211", "shared", "move it");
    let before = court.standing();
    assert!(!court.evict(&peer("app", "app"), &why, NOW));
    court.enter(&peer("app", "app"), None, issued("41", NOW + 1), NOW);
    assert!(!court.evict(&peer("app", "app"), &why, NOW + 2));
    assert_eq!(court.standing(), before);
}

#[test]
fn a_ledger_brings_back_what_was_written_and_a_damaged_one_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let manifest = manifest();
    let ledger = crate::ledger::Ledger::new(dir.path().join("leases.json"));
    let mut court = ledger.read(Arc::clone(&manifest)).expect("nothing yet");
    let (app, why) = (
        peer("app", "app"),
        Refusal::new("HW-211", "shared", "move it"),
    );
    court.enter(&app, None, issued("41", NOW + 900), NOW);
    court.evict(&app, &why, NOW + 1);
    court.enter(&app, None, issued("42", NOW + 901), NOW + 1);
    ledger.write(&court).expect("written");
    let again = ledger.read(Arc::clone(&manifest)).expect("read");
    assert_eq!(again.standing(), court.standing());
    assert!(again.tenures().all(|tenure| tenure.holds_at(NOW + 2)));
    std::fs::write(dir.path().join("leases.json"), "{").expect("damaged");
    let refused = ledger.read(manifest).expect_err("refused");
    assert_eq!(refused.refusal().code, "KP-002");
}
