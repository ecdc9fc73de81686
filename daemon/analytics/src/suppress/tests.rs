//! The rule over made groups, without any engine.

use proptest::prelude::*;

use super::*;

fn group(keys: &[u32], size: u64) -> Standing {
    Standing {
        keys: keys.to_vec(),
        size,
        answers: Vec::new(),
    }
}

fn answered(key: u32, given: u64, blank: u64) -> Standing {
    Standing {
        keys: vec![key],
        size: given + blank,
        answers: vec![Answers { given, blank }],
    }
}

fn shown(groups: &[Standing], k: u64) -> Vec<u64> {
    let verdict = judge(groups, k, Overlap::Disjoint);
    groups
        .iter()
        .zip(verdict.shown)
        .filter_map(|(g, s)| s.then_some(g.size))
        .collect()
}

#[test]
fn a_group_of_exactly_k_is_shown_and_one_less_is_not() {
    assert_eq!(shown(&[group(&[0], 10)], 10), [10]);
    assert!(shown(&[group(&[0], 9)], 10).is_empty());
}

#[test]
fn one_small_group_takes_the_next_smallest_with_it() {
    let groups = [
        group(&[0], 50),
        group(&[1], 3),
        group(&[2], 20),
        group(&[3], 12),
    ];
    assert_eq!(shown(&groups, 10), [50, 20]);
}

#[test]
fn two_small_groups_that_are_together_too_few_take_a_third() {
    let groups = [
        group(&[0], 50),
        group(&[1], 3),
        group(&[2], 4),
        group(&[3], 12),
    ];
    assert_eq!(shown(&groups, 10), [50]);
}

#[test]
fn two_small_groups_that_are_together_enough_take_nobody() {
    let groups = [
        group(&[0], 50),
        group(&[1], 6),
        group(&[2], 4),
        group(&[3], 12),
    ];
    assert_eq!(shown(&groups, 10), [50, 12]);
}

#[test]
fn with_people_two_small_groups_may_be_the_same_people_and_take_a_third() {
    let groups = [
        group(&[0], 50),
        group(&[1], 6),
        group(&[2], 6),
        group(&[3], 12),
    ];
    let verdict = judge(&groups, 10, Overlap::Possible);
    assert_eq!(verdict.shown, [true, false, false, false]);
}

#[test]
fn a_lone_pair_is_withheld_whole() {
    let verdict = judge(&[group(&[0], 3), group(&[1], 900)], 10, Overlap::Disjoint);
    assert_eq!(
        verdict,
        Verdict {
            shown: vec![false, false],
            withheld: Some(2)
        }
    );
}

#[test]
fn few_answers_or_few_blanks_make_a_group_small() {
    assert!(shown(&[answered(0, 9, 90)], 10).is_empty());
    assert!(shown(&[answered(0, 90, 9)], 10).is_empty());
    assert_eq!(shown(&[answered(0, 90, 10)], 10), [100]);
    assert_eq!(shown(&[answered(0, 90, 0)], 10), [90]);
}

#[test]
fn what_is_withheld_must_stand_on_enough_answers_too() {
    // Two small groups of 20 records together, but only 4 of them answered.
    let groups = [
        answered(0, 50, 0),
        answered(1, 2, 8),
        answered(2, 2, 8),
        answered(3, 12, 0),
    ];
    assert_eq!(shown(&groups, 10), [50]);
}

#[test]
fn equal_groups_are_chosen_by_their_keys_whatever_their_order() {
    let forth = [
        group(&[0], 30),
        group(&[1], 3),
        group(&[2], 30),
        group(&[3], 40),
    ];
    let verdict = judge(&forth, 10, Overlap::Disjoint);
    assert_eq!(verdict.shown, [false, false, true, true]);
    let back: Vec<_> = forth.iter().rev().cloned().collect();
    let verdict = judge(&back, 10, Overlap::Disjoint);
    assert_eq!(verdict.shown, [true, true, false, false]);
}

#[test]
fn how_many_are_withheld_is_told_only_where_it_stands_on_enough() {
    assert_eq!(judge(&[], 10, Overlap::Disjoint).withheld, None);
    assert_eq!(
        judge(&[group(&[], 0)], 10, Overlap::Disjoint).withheld,
        None
    );
    assert_eq!(
        judge(&[group(&[0], 4), group(&[1], 5)], 10, Overlap::Disjoint).withheld,
        None
    );
    assert_eq!(
        judge(&[group(&[0], 5), group(&[1], 5)], 10, Overlap::Disjoint).withheld,
        Some(2)
    );
    assert_eq!(
        judge(&[group(&[0], 50)], 10, Overlap::Disjoint).withheld,
        Some(0)
    );
}

#[test]
fn every_set_of_keys_but_the_full_one_is_a_margin() {
    assert_eq!(margins(0), [Vec::<usize>::new()]);
    assert_eq!(margins(1), [Vec::<usize>::new()]);
    assert_eq!(margins(2), [vec![], vec![0], vec![1]]);
    assert_eq!(margins(4).len(), 15);
}

proptest! {
    #[test]
    fn no_group_below_k_is_shown_whichever_way_groups_overlap(
        sizes in proptest::collection::vec((0..3_u32, 0..3_u32, 0..30_u64), 0..12),
        k in 3..10_u64,
    ) {
        let groups: Vec<_> = sizes.into_iter().map(|(a, b, size)| group(&[a, b], size)).collect();
        let verdict = judge(&groups, k, Overlap::Disjoint);
        for (group, shown) in groups.iter().zip(&verdict.shown) {
            prop_assert!(!shown || group.size >= k);
        }
        let people = judge(&groups, k, Overlap::Possible);
        for (group, shown) in groups.iter().zip(&people.shown) {
            prop_assert!(!shown || group.size >= k);
        }
    }
}
