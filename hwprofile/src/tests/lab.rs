//! The lab as it is shipped, and what `break colocate` makes of it.

use super::rig::{Machine, NODES, lab_policy, node, pair, policy_with};
use crate::domain::Family;
use crate::policy::Mode;
use crate::{
    Evidence, Grade, NodeVerdict, PairVerdict, ZoneKind, ZoneName, judge_node, judge_pair,
};

#[test]
fn every_shipped_machine_satisfies_the_shipped_policy() {
    let policy = lab_policy();
    for (name, _) in NODES {
        match Machine::new(name).judge(&policy) {
            NodeVerdict::Match(met) => {
                assert_eq!(met.mode, Mode::Lab);
                assert_eq!(met.grade, Grade::E0Simulated);
                assert_eq!(met.families.len(), 3, "{name}: {:?}", met.families);
            }
            NodeVerdict::Refuse(refusals) => panic!("{name}: {}", refusals[0]),
        }
    }
}

#[test]
fn every_pair_of_shipped_machines_is_separate() {
    let policy = lab_policy();
    let machines = NODES.map(|(name, _)| Machine::new(name));
    for a in &machines {
        for b in machines.iter().filter(|b| b.name != a.name) {
            let report = pair(&policy, a, b);
            assert_eq!(
                report.verdict,
                PairVerdict::Separate,
                "{} {}",
                a.name,
                b.name
            );
            assert!(report.warnings.is_empty());
        }
    }
}

#[test]
fn a_production_policy_refuses_every_simulated_machine() {
    let policy = policy_with("lab     = true\n", "");
    for (name, _) in NODES {
        assert_eq!(Machine::new(name).codes(&policy), ["HW-100"]);
    }
    let (a, b) = (Machine::new("st1"), Machine::new("in1"));
    match pair(&policy, &a, &b).verdict {
        PairVerdict::Unproven(refusal) => assert_eq!(refusal.code, "HW-100"),
        other @ (PairVerdict::Separate | PairVerdict::Shared(_)) => panic!("{other:?}"),
    }
}

#[test]
fn a_production_policy_admits_the_same_facts_from_a_real_kernel() {
    let policy = policy_with("lab     = true\n", "");
    let inventory = Machine::new("st1").inventory();
    let evidence = Evidence::of(&inventory, "lab", Grade::E1Asserted);
    let verdict = judge_node(&policy, &node("st1"), &evidence);
    assert!(matches!(verdict, NodeVerdict::Match(met) if met.mode == Mode::Production));
}

#[test]
fn a_machine_moved_onto_anothers_chassis_is_refused_and_the_refusal_tells_why() {
    let policy = lab_policy();
    let (st1, in1) = (Machine::new("st1"), Machine::new("in1"));
    in1.copy(&st1, "sys/class/dmi/id/chassis_serial")
        .copy(&st1, "sys/class/dmi/id/board_serial");
    assert!(
        matches!(in1.judge(&policy), NodeVerdict::Match(_)),
        "its pins still hold"
    );
    let verdict = judge_pair(
        &policy,
        (&node("st1"), &st1.evidence()),
        (&node("in1"), &in1.evidence()),
    );
    let PairVerdict::Shared(refusal) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(refusal.code, "HW-211");
    let line = super::rig::policy_text()
        .lines()
        .position(|line| line == r#"zones  = ["storage", "intake"]"#)
        .unwrap()
        + 1;
    let shown = refusal.to_string();
    let expected = [
        "HW-211 refused: in1 (zone intake) shares a chassis with st1 (zone storage)".to_owned(),
        "  read      st1: /sys/class/dmi/id/chassis_serial = …0443".to_owned(),
        "  read      in1: /sys/class/dmi/id/chassis_serial = …0443 (the same value, token"
            .to_owned(),
        format!("  rule      hwprofile.toml:{line}  separate storage, intake at chassis"),
        "  why       a vulnerable frontend, streaming or survey application must not".to_owned(),
        "  fix       Move one of the two nodes to another enclosure".to_owned(),
        "  more      cofferctl explain HW-211".to_owned(),
    ];
    for (line, begin) in shown.lines().zip(expected) {
        assert!(line.starts_with(&begin), "{line}\n{begin}");
    }
    assert!(
        !shown.contains("NSC-4901"),
        "no serial number stands in a refusal"
    );
}

#[test]
fn the_order_of_the_two_nodes_changes_nothing_but_the_words() {
    let policy = lab_policy();
    let (st1, in1) = (Machine::new("st1"), Machine::new("in1"));
    in1.copy(&st1, "sys/class/dmi/id/chassis_serial");
    for report in [pair(&policy, &st1, &in1), pair(&policy, &in1, &st1)] {
        assert!(matches!(report.verdict, PairVerdict::Shared(refusal) if refusal.code == "HW-211"));
    }
}

#[test]
fn the_policy_reads_as_it_is_written() {
    let policy = lab_policy();
    assert_eq!(
        (policy.site(), policy.is_lab(), policy.separations().len()),
        ("lab", true, 3)
    );
    let storage = policy
        .zone(&"storage".parse::<ZoneName>().unwrap())
        .unwrap();
    assert_eq!(storage.kind, ZoneKind::Storage);
    assert_eq!(storage.needs.memory_gib.as_ref().unwrap().wants, 64);
    let an1 = policy.node(&node("an1")).unwrap();
    assert_eq!((an1.quorum, an1.position), (2, Some(5)));
    let families: Vec<_> = an1.pins.families().into_iter().collect();
    assert_eq!(families, [Family::Firmware, Family::Nic, Family::Gpu]);
    assert!(an1.key.is_some());
    assert_eq!(policy.nodes().count(), policy.zones().count());
}
