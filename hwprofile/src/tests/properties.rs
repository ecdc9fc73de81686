//! Random bytes wherever bytes come from outside: a refusal at worst, a panic never.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::rig::{Machine, NODES, lab_policy, node, policy_text};
use crate::inventory::HardwareAddress;
use crate::{
    Evidence, Fact, Grade, NodeVerdict, PairVerdict, Policy, Refusal, judge_node, report_pair,
};

/// Every file of the trees, so that each of them is once the one that is damaged.
static FILES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let heads = NODES.iter().flat_map(|(node, tree)| {
        tree.lines()
            .filter_map(move |line| Some((*node, line.strip_prefix("@ ")?)))
    });
    heads
        .filter(|(_, head)| !head.contains(" -> "))
        .map(|(node, head)| (node, head.split(" = ").next().unwrap()))
        .collect()
});

/// The machines, made once; the one test that uses them puts back what it changes.
static MACHINES: LazyLock<[Machine; 4]> =
    LazyLock::new(|| NODES.map(|(name, _)| Machine::new(name)));

/// Intake as storage's neighbour, and storage as everybody else's.
type Neighbour = (&'static str, Evidence);
static OTHERS: LazyLock<(Neighbour, Neighbour)> = LazyLock::new(|| {
    (
        ("in1", machine("in1").evidence()),
        ("st1", machine("st1").evidence()),
    )
});

fn machine(name: &str) -> &'static Machine {
    MACHINES
        .iter()
        .find(|machine| machine.name == name)
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_in_any_file_never_panic_and_never_prove_more(
        choice: proptest::sample::Index,
        bytes in proptest::collection::vec(any::<u8>(), 0..512),
    ) {
        let (name, path) = *choice.get(&FILES);
        let machine = machine(name);
        let whole = std::fs::read(machine.root().join(path)).unwrap();
        machine.write(path, &bytes);
        let inventory = machine.inventory();
        machine.write(path, &whole);
        let policy = lab_policy();
        let text = inventory.to_json().to_string();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        let evidence = Evidence::of(&inventory, "lab", Grade::E0Simulated);
        prop_assert_eq!(&Evidence::from_json(&evidence.to_json()).unwrap(), &evidence);
        if let NodeVerdict::Refuse(refusals) = judge_node(&policy, &node(name), &evidence) {
            prop_assert!(!refusals.is_empty());
            for refusal in refusals {
                prop_assert_eq!(Refusal::from_json(&refusal.to_json()), Some(refusal.clone()));
                prop_assert!(refusal.to_string().lines().all(|line| !line.contains('\0')));
            }
        }
        // A random text may name another machine; it never makes one of what is refused.
        let stranger = judge_node(&policy, &node(if name == "st1" { "in1" } else { "st1" }), &evidence);
        prop_assert!(matches!(stranger, NodeVerdict::Refuse(_)), "{}", path);
        let other = if name == "st1" { &OTHERS.0 } else { &OTHERS.1 };
        let report = report_pair(&policy, (&node(name), &evidence), (&node(other.0), &other.1));
        if path.contains("/dmi/") || path.contains("/net/") || path.ends_with("wwid") {
            prop_assert!(!matches!(report.verdict, PairVerdict::Shared(_)), "{}", path);
        }
    }
}

proptest! {
    #[test]
    fn random_text_as_a_policy_never_panics(text in "\\PC{0,256}") {
        let _parsed = Policy::parse("p.toml", &text);
    }

    #[test]
    fn random_toml_as_a_policy_never_panics_and_every_fault_has_a_line(
        text in "([a-z_]{1,8}|version|site|zone|node|separate|platform)( = |\\.|\\]|\\[)\
            ([0-9]{1,20}|\"[a-z*]{0,9}\"|\\[\\[?|true|\\{ [a-z]{1,5} = 1 \\}|\n){0,6}",
    ) {
        if let Err(faults) = Policy::parse("p.toml", &text) {
            prop_assert!(!faults.faults().is_empty());
            for fault in faults.faults() {
                let line = fault.rule.as_ref().map_or(0, |rule| rule.line);
                prop_assert!(line >= 1 && line <= text.lines().count() + 1, "{}", fault);
            }
        }
    }

    #[test]
    fn the_shipped_policy_with_a_piece_cut_out_never_panics(
        start: proptest::sample::Index,
        length in 1_usize..200,
        put in "[\\[\\]{}=\"a-z0-9.*\n ]{0,12}",
    ) {
        let text = policy_text();
        let start = start.index(text.len());
        let kept: String = text.chars().take(start).collect();
        let rest: String = text.chars().skip(start + length).collect();
        if let Err(faults) = Policy::parse("p.toml", &format!("{kept}{put}{rest}")) {
            prop_assert!(!faults.faults().is_empty());
        }
    }

    #[test]
    fn an_address_of_any_text_is_read_or_not_and_never_panics(text in "[0-9a-f:+ ]{0,64}") {
        if let Fact::Value(address) = HardwareAddress::read(&text) {
            prop_assert_eq!(HardwareAddress::read(&address.text()), Fact::Value(address));
        }
    }

    #[test]
    fn evidence_with_any_value_exchanged_never_panics(
        choice: proptest::sample::Index,
        put in prop_oneof![
            Just("null".to_owned()), Just("-1".to_owned()), Just("[]".to_owned()),
            Just("{}".to_owned()), "\"[a-z0-9]{0,8}\"",
        ],
    ) {
        static WHOLE: LazyLock<serde_json::Value> =
            LazyLock::new(|| Machine::new("an1").evidence().to_json());
        let mut value = WHOLE.clone();
        let mut nowhere = usize::MAX;
        let count = leaves(&mut value, &mut nowhere, None);
        let mut left = choice.index(count);
        leaves(&mut value, &mut left, serde_json::from_str(&put).ok().as_ref());
        if let Ok(evidence) = Evidence::from_json(&value) {
            prop_assert_eq!(Evidence::from_json(&evidence.to_json()).unwrap(), evidence);
        }
    }
}

/// Counts the values of a tree, and puts another in the place of the one at `left`.
fn leaves(
    value: &mut serde_json::Value,
    left: &mut usize,
    put: Option<&serde_json::Value>,
) -> usize {
    if let (0, Some(put)) = (*left, put) {
        *value = put.clone();
        *left = usize::MAX;
        return 1;
    }
    *left = left.saturating_sub(usize::from(*left != usize::MAX));
    let children: Vec<&mut serde_json::Value> = match value {
        serde_json::Value::Array(items) => items.iter_mut().collect(),
        serde_json::Value::Object(object) => object.values_mut().collect(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => Vec::new(),
    };
    1 + children
        .into_iter()
        .map(|child| leaves(child, left, put))
        .sum::<usize>()
}
