//! Machines with a TPM that was asked: a family of its own, pinned and compared like the others.

use std::sync::Arc;

use super::rig::{Machine, lab_policy, node, parse, policy_text};
use crate::domain::{Domain, Family, WitnessKind};
use crate::drift::{DeviceKind, Finding, Law, Look};
use crate::identity::{Identity, Reach};
use crate::inventory::{EndorsementKey, Virtualization};
use crate::policy::{PinBlock, Standing};
use crate::tpm::pinned;
use crate::{
    Evidence, Fact, Grade, Inventory, NodeVerdict, PairVerdict, Policy, PolicyFaults, Refusal,
    Scope, judge_node, report_pair,
};

/// The name of a key by one digit.
fn key(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// A machine of the lab whose TPM told these keys.
fn with_keys(name: &str, keys: &[char]) -> Inventory {
    let mut inventory = Machine::new(name).inventory();
    let keys = keys.iter().map(|digit| EndorsementKey {
        origin: format!("certificate {digit}"),
        key: pinned(&key(*digit)).value().unwrap().clone(),
    });
    inventory.tpm_endorsement = Fact::Value(keys.collect()).at("/dev/tpmrm0");
    inventory
}

fn evidence(inventory: &Inventory) -> Evidence {
    Evidence::of(inventory, "lab", Grade::E0Simulated)
}

/// What is found of two machines at the board, whatever the other domains say.
fn at_board(st1: &Inventory, in1: &Inventory) -> PairVerdict {
    let report = report_pair(
        &lab_policy(),
        (&node("st1"), &evidence(st1)),
        (&node("in1"), &evidence(in1)),
    );
    let board = Scope::Domain(Domain::Board);
    let mut findings = report.findings.into_iter();
    let found = findings.find(|finding| finding.scope == board).unwrap();
    found.verdict
}

/// Leaves of everything that names a machine only what the TPM tells.
fn bare(mut inventory: Inventory) -> Inventory {
    inventory.dmi.product_serial.fact = Fact::Absent;
    inventory.dmi.board_serial.fact = Fact::Absent;
    inventory.dmi.product_uuid.fact = Fact::Absent;
    inventory.disks.fact = Fact::Absent;
    inventory
}

/// The lab's policy with a pin for the TPM of st1, and another quorum.
fn pinning(line: &str, quorum: u8) -> String {
    policy_text()
        .replace("[node.st1.pin]\n", &format!("[node.st1.pin]\n{line}\n"))
        .replace(
            "position = 11\nquorum   = 2",
            &format!("position = 11\nquorum   = {quorum}"),
        )
}

fn judged(policy: &Policy, st1: &Inventory) -> NodeVerdict {
    judge_node(policy, &node("st1"), &evidence(st1))
}

fn refusals(verdict: NodeVerdict) -> Vec<Refusal> {
    match verdict {
        NodeVerdict::Match(_) => Vec::new(),
        NodeVerdict::Refuse(refusals) => refusals,
    }
}

fn faults(text: &str) -> Vec<Refusal> {
    Policy::parse("p.toml", text).map_or_else(PolicyFaults::into_faults, |_| Vec::new())
}

#[test]
fn one_endorsement_key_on_both_sides_is_one_board() {
    let verdict = at_board(&with_keys("st1", &['a', 'b']), &with_keys("in1", &['b']));
    let PairVerdict::Shared(refusal) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(refusal.code, "HW-212");
    let shown = refusal.to_string();
    assert!(
        shown.contains("st1: /dev/tpmrm0 certificate b = …bbbb"),
        "{shown}"
    );
    assert!(!shown.contains(&key('b')), "{shown}");
}

#[test]
fn endorsement_keys_that_differ_are_a_family_beside_one_other() {
    let (st1, in1) = (
        bare(with_keys("st1", &['a'])),
        bare(with_keys("in1", &['b'])),
    );
    assert_eq!(at_board(&st1, &in1), PairVerdict::Separate);
    // Without them, adapters alone are too few.
    let (mut without, other) = (st1.clone(), in1.clone());
    without.tpm_endorsement.fact = Fact::Absent;
    assert!(matches!(
        at_board(&without, &other),
        PairVerdict::Unproven(_)
    ));
    let mut alone = in1;
    alone.nics.fact = Fact::Absent;
    assert!(matches!(at_board(&st1, &alone), PairVerdict::Unproven(_)));
}

#[test]
fn a_tpm_that_could_not_be_asked_is_told_where_separation_is_unproven() {
    let mut st1 = bare(with_keys("st1", &['a']));
    st1.tpm_endorsement.fact = Fact::Unreadable(13);
    let verdict = at_board(&st1, &bare(with_keys("in1", &['b'])));
    let PairVerdict::Unproven(refusal) = verdict else {
        panic!("{verdict:?}")
    };
    let shown = refusal.to_string();
    assert!(
        shown.contains("/dev/tpmrm0: cannot be read: Permission denied"),
        "{shown}"
    );
}

#[test]
fn a_hypervisors_tpm_speaks_against_separation_and_never_for_it() {
    let given = |name, keys: &[char]| {
        let mut inventory = bare(with_keys(name, keys));
        inventory.virtualization.fact = Fact::Value(Virtualization::Virtual("KVM".to_owned()));
        inventory
    };
    for unknown in [given("st1", &['a']), {
        let mut inventory = given("st1", &['a']);
        inventory.virtualization.fact = Fact::Unreadable(13);
        inventory
    }] {
        let identity = Identity::of(&unknown);
        let mut tpm = identity
            .witnesses()
            .filter(|witness| witness.kind == WitnessKind::TpmEndorsement);
        assert_eq!(tpm.next().map(|witness| witness.reach), Some(Reach::Remote));
    }
    let differing = at_board(&given("st1", &['a']), &given("in1", &['b']));
    assert!(matches!(differing, PairVerdict::Unproven(_)));
    let equal = at_board(&given("st1", &['a']), &given("in1", &['a']));
    assert!(matches!(equal, PairVerdict::Shared(_)));
}

#[test]
fn a_pinned_endorsement_key_counts_in_the_quorum() {
    let line = format!("tpm = [\"{}\"]", key('a'));
    let policy = parse(&pinning(&line, 3));
    let NodeVerdict::Match(met) = judged(&policy, &with_keys("st1", &['a', 'b'])) else {
        panic!("refused")
    };
    assert!(met.families.contains(&Family::Tpm), "{:?}", met.families);
    // Without the serial number, the TPM and the adapters are two of two.
    let mut other = with_keys("st1", &['a']);
    other.dmi.product_serial.fact = Fact::Absent;
    let two = parse(&pinning(&line, 2));
    assert!(matches!(judged(&two, &other), NodeVerdict::Match(_)));
}

#[test]
fn another_endorsement_key_is_another_machine() {
    let line = format!("tpm = [\"{}\"]", key('a'));
    let policy = parse(&pinning(&line, 4));
    let found = refusals(judged(&policy, &with_keys("st1", &['b'])));
    assert_eq!(found[0].code, "HW-301");
    let shown = found[0].to_string();
    assert!(
        shown.contains("tpm: pinned tpm_endorsement …aaaa") && shown.contains("…bbbb"),
        "{shown}"
    );
    assert!(!shown.contains(&key('a')), "{shown}");
}

#[test]
fn a_tpm_that_cannot_be_asked_is_told_apart_from_another() {
    let line = format!("tpm = [\"{}\"]", key('a'));
    let policy = parse(&pinning(&line, 4));
    let mut inventory = with_keys("st1", &['a']);
    inventory.tpm_endorsement.fact = Fact::Unreadable(13);
    let found = refusals(judged(&policy, &inventory));
    assert_eq!(found[0].code, "HW-302");
    let shown = found[0].to_string();
    assert!(
        shown.contains("tpm: /dev/tpmrm0: cannot be read"),
        "{shown}"
    );
}

#[test]
fn every_pinned_endorsement_key_must_be_seen() {
    let line = format!("tpm = [\"{}\", \"{}\"]", key('a'), key('b'));
    let policy = parse(&pinning(&line, 4));
    assert!(!refusals(judged(&policy, &with_keys("st1", &['a']))).is_empty());
    assert!(refusals(judged(&policy, &with_keys("st1", &['b', 'a']))).is_empty());
}

#[test]
fn capitals_in_a_pin_make_no_difference() {
    let line = format!(
        "tpm = [\"{}\"]",
        key('a').replace('a', "A").replace("shA", "sha")
    );
    let policy = parse(&pinning(&line, 4));
    assert!(refusals(judged(&policy, &with_keys("st1", &['a']))).is_empty());
}

#[test]
fn what_names_no_key_cannot_be_pinned() {
    for (line, code) in [
        ("tpm = [\"sha256:abcd\"]", "HW-014"),
        ("tpm = [\"\"]", "HW-014"),
        ("tpm = \"sha256:abcd\"", "HW-004"),
        ("tpm = [2]", "HW-004"),
    ] {
        let found = faults(&pinning(line, 2));
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert_eq!(found[0].code, code, "{line}");
    }
    let shown = faults(&pinning("tpm = [\"sha256:abcd\"]", 2))[0].to_string();
    assert!(shown.contains("64 hexadecimal digits"), "{shown}");
}

#[test]
fn a_misspelt_key_is_told_with_the_one_that_was_meant() {
    for wrong in ["tpn", "tmp", "TPM"] {
        let found = faults(&pinning(&format!("{wrong} = [\"{}\"]", key('a')), 2));
        assert_eq!(found[0].code, "HW-002");
        let fix = &found[0].fix;
        assert!(fix.contains("did you mean \"tpm\"?"), "{wrong}: {fix}");
    }
}

#[test]
fn the_block_of_a_machine_pins_its_endorsement_keys_and_is_read_back() {
    let inventory = with_keys("st1", &['b', 'a']);
    let policy = lab_policy();
    let rule = policy.node(&node("st1")).unwrap();
    let block = PinBlock::of(&inventory, (&rule.name, &rule.zone), Standing::default());
    let line = format!("tpm            = [\"{}\", \"{}\"]\n", key('a'), key('b'));
    assert!(block.text.contains(&line), "{}", block.text);
    assert!(block.families.contains(&Family::Tpm));
    let read = parse(&pinning(line.trim_end(), 4));
    let pins = &read.node(&node("st1")).unwrap().pins;
    assert!(pins.families().contains(&Family::Tpm));
    // One that could not be asked is left out with its reason.
    let mut unread = inventory;
    unread.tpm_endorsement.fact = Fact::Unreadable(13);
    let block = PinBlock::of(&unread, (&rule.name, &rule.zone), Standing::default());
    assert!(!block.text.contains("tpm"));
    let left_out = block.left_out.join("\n");
    assert!(
        left_out.contains("tpm_endorsement: /dev/tpmrm0"),
        "{left_out}"
    );
}

#[test]
fn a_key_travels_as_a_token_and_never_whole() {
    let evidence = evidence(&with_keys("st1", &['a', 'b']));
    let text = evidence.to_json().to_string();
    assert!(!text.contains(&"a".repeat(64)), "{text}");
    assert_eq!(evidence.of_family(Family::Tpm).count(), 2);
    let back = Evidence::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(back, evidence);
    let tokens = evidence.host_tokens();
    assert!(
        evidence
            .of_family(Family::Tpm)
            .all(|sighting| tokens.contains(&sighting.token))
    );
}

#[test]
fn the_inventory_shows_the_key_to_its_own_operator_and_debug_does_not() {
    let inventory = with_keys("st1", &['a']);
    let keys = &inventory.to_json()["tpm_endorsement"]["value"];
    assert_eq!(keys[0]["key"], key('a'));
    assert_eq!(keys[0]["origin"], "certificate a");
    assert!(!format!("{inventory:?}").contains(&"a".repeat(64)));
}

#[test]
fn a_pinned_tpm_that_is_gone_is_missing_and_not_another_machine() {
    let line = format!("tpm = [\"{}\"]", key('a'));
    let law = Law {
        policy: Arc::new(parse(&pinning(&line, 4))),
        node: node("st1"),
    };
    let with = ("lab", Grade::E0Simulated);
    let whole = with_keys("st1", &['a']);
    let first = Look::at(Some(&law), with, &whole, None);
    assert!(matches!(first.finding, Finding::Keeps { .. }));
    let mut gone = whole;
    gone.tpm.fact = Fact::Absent;
    gone.tpm_endorsement.fact = Fact::Absent;
    let next = Look::at(Some(&law), with, &gone, Some(first.past));
    let Finding::Misses { devices, .. } = next.finding else {
        panic!("{:?}", next.finding)
    };
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0].kind(), DeviceKind::Tpm);
}

#[test]
fn no_capture_is_said_to_have_been_asked() {
    let machine = Machine::new("st1");
    let why = |machine: &Machine| machine.inventory().tpm_endorsement;
    assert!(matches!(
        why(&machine).fact,
        Fact::Unsupported(why) if why.contains("running machine")
    ));
    machine.remove("sys/class/tpm");
    assert_eq!(why(&machine).fact, Fact::Absent);
}
