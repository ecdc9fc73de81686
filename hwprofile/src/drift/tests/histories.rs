//! Random histories of events against a machine that changes, in a time that the test owns. What is
//! checked after each step is what an operator is promised.

use std::time::Duration;

use proptest::prelude::*;

use super::super::device::Device;
use super::super::schedule::millis;
use super::super::{
    Action, COALESCE, Certainty, Class, Drift, Event, Finding, GRACE, SCAN_LIMIT, Scope, Wake,
};
use crate::drift::tests::machines::device;
use crate::{Code, Refusal};

const PERIOD: Duration = Duration::from_secs(60);

fn refusal() -> Refusal {
    Refusal::new(Code::Removable.as_str(), "no", "mend it")
}

fn keeps() -> Finding {
    Finding::Keeps {
        changes: Vec::new(),
    }
}

fn breaks(certainty: Certainty) -> Finding {
    Finding::Breaks {
        refusals: vec![refusal()],
        certainty,
    }
}

/// A machine that keeps the rules until `from` and breaks one ever after.
fn breaks_from(from: u64, certainty: Certainty) -> impl Fn(u64) -> Finding {
    move |now| {
        if now >= from {
            breaks(certainty)
        } else {
            keeps()
        }
    }
}

fn misses(devices: &[Device]) -> Finding {
    Finding::Misses {
        devices: devices.to_vec(),
        refusals: vec![refusal()],
        changes: Vec::new(),
    }
}

fn number(sequence: u64) -> Event {
    Event::Wake(Wake {
        class: Class::Block,
        sequence: Some(sequence),
    })
}

/// A watch with a reader that takes `cost` for a look and sees the machine as `world` says.
struct Bench<W: Fn(u64) -> Finding> {
    drift: Drift,
    now: u64,
    cost: u64,
    world: W,
    /// The look that runs: when it ends, and what it saw when it began.
    look: Option<(u64, Finding)>,
    wake_at: u64,
    looks: Vec<(u64, Scope)>,
    said: Vec<(u64, Action)>,
    refused: Option<u64>,
}

impl<W: Fn(u64) -> Finding> Bench<W> {
    fn new(cost: u64, world: W) -> Self {
        Self {
            drift: Drift::new(PERIOD, 0),
            now: 0,
            cost,
            world,
            look: None,
            wake_at: 0,
            looks: Vec::new(),
            said: Vec::new(),
            refused: None,
        }
    }

    fn give(&mut self, event: Event) {
        for action in self.drift.on(event, self.now) {
            assert!(
                self.refused.is_none(),
                "nothing follows a refusal: {action:?}"
            );
            match action {
                Action::WakeAt(at) => {
                    assert!(
                        at >= self.now || self.look.is_some(),
                        "a past time to wake at"
                    );
                    self.wake_at = at;
                }
                Action::Rescan(scope) => {
                    assert!(self.look.is_none(), "two looks at once");
                    self.looks.push((self.now, scope));
                    self.look = Some((self.now + self.cost, (self.world)(self.now)));
                }
                Action::Refuse(refusals) => {
                    assert!(!refusals.is_empty());
                    self.refused = Some(self.now);
                }
                other @ (Action::StartGrace { .. }
                | Action::Recovered { .. }
                | Action::Record(_)) => {
                    self.said.push((self.now, other));
                }
            }
        }
    }

    /// Lets the time pass until `until`, doing what falls due.
    fn pass(&mut self, until: u64) {
        for _ in 0..1_000_000 {
            let ends = self.look.as_ref().map_or(u64::MAX, |(ends, _)| *ends);
            let next = ends.min(self.wake_at.max(self.now));
            if next > until || self.refused.is_some() {
                self.now = self.now.max(until);
                return;
            }
            self.now = next;
            if ends <= next
                && let Some((_, finding)) = self.look.take()
            {
                self.give(Event::Looked(finding));
            } else {
                let before = self.wake_at;
                self.give(Event::Tick);
                assert!(self.wake_at > before || self.look.is_some(), "a busy wait");
            }
        }
        panic!("time does not pass");
    }
}

#[test]
fn a_forbidden_device_is_refused_within_the_moment_of_gathering_and_one_look() {
    let mut bench = Bench::new(50, breaks_from(5_000, Certainty::Certain));
    bench.pass(5_000);
    bench.give(number(1));
    bench.pass(10_000);
    assert_eq!(bench.refused, Some(5_000 + millis(COALESCE) + 50));
}

#[test]
fn a_forbidden_device_without_any_event_is_refused_within_a_minute() {
    let mut bench = Bench::new(50, breaks_from(100, Certainty::Certain));
    bench.pass(100_000);
    assert!(bench.refused.is_some_and(|at| at <= millis(PERIOD) + 150));
}

#[test]
fn a_storm_of_a_hundred_thousand_events_changes_no_verdict_and_costs_a_bounded_number_of_looks() {
    let mut bench = Bench::new(20, |_| keeps());
    for sequence in 0..100_000 {
        bench.give(number(sequence));
        bench.pass(sequence / 10);
    }
    assert_eq!(bench.refused, None);
    let bound = 10_000 / millis(COALESCE) + 2;
    let looks = u64::try_from(bench.looks.len()).unwrap();
    assert!(looks <= bound, "{looks} looks");
    // What is forbidden is found in the middle of the storm as it is without.
    let mut bench = Bench::new(20, breaks_from(5_000, Certainty::Certain));
    for sequence in 0..100_000 {
        bench.pass(sequence / 10);
        if bench.refused.is_none() {
            bench.give(number(sequence));
        }
    }
    assert!(
        bench
            .refused
            .is_some_and(|at| at <= 5_000 + 2 * millis(COALESCE) + 40)
    );
}

#[test]
fn a_gap_a_loss_and_a_message_without_a_number_are_looked_at_whole() {
    let whole = |events: Vec<Event>| {
        let mut bench = Bench::new(10, |_| keeps());
        bench.pass(1_000);
        for event in events {
            bench.give(event);
        }
        bench.pass(2_000);
        bench.looks.last().unwrap().1.clone()
    };
    let block = Scope::Classes([Class::Block].into());
    assert_eq!(whole(vec![number(7)]), block);
    assert_eq!(whole(vec![number(7), number(8)]), block);
    assert_eq!(whole(vec![number(7), number(9)]), Scope::All);
    assert_eq!(whole(vec![number(7), number(7)]), Scope::All);
    assert_eq!(whole(vec![number(u64::MAX), number(0)]), Scope::All);
    assert_eq!(whole(vec![Event::Lost]), Scope::All);
    assert_eq!(whole(vec![Event::Lost, number(1)]), Scope::All);
    let silent = Event::Wake(Wake {
        class: Class::Net,
        sequence: None,
    });
    assert_eq!(whole(vec![silent]), Scope::All);
}

#[test]
fn a_device_that_flaps_for_twenty_seconds_comes_back_and_nothing_is_refused() {
    let gone = [device("nvme0n1")];
    let mut bench = Bench::new(10, move |now| {
        if (1_000..21_000).contains(&now) {
            misses(&gone)
        } else {
            keeps()
        }
    });
    bench.pass(1_000);
    bench.give(number(1));
    bench.pass(21_000);
    bench.give(number(2));
    bench.pass(100_000);
    assert_eq!(bench.refused, None);
    let said: Vec<&Action> = bench.said.iter().map(|(_, action)| action).collect();
    assert!(
        matches!(
            said[..],
            [
                Action::StartGrace {
                    until_ms: 31_260,
                    ..
                },
                Action::Recovered { .. }
            ]
        ),
        "{said:?}"
    );
}

#[test]
fn a_device_that_stays_away_is_refused_when_its_grace_ends_though_no_event_comes() {
    let gone = [device("nvme0n1")];
    let mut bench = Bench::new(
        10,
        move |now| if now >= 1_000 { misses(&gone) } else { keeps() },
    );
    bench.pass(1_000);
    bench.give(number(1));
    bench.pass(100_000);
    let seen = 1_000 + millis(COALESCE) + 10;
    assert_eq!(bench.refused, Some(seen + millis(GRACE) + 10));
}

#[test]
fn each_device_has_a_grace_of_its_own_and_looking_prolongs_none() {
    let (one, two) = (device("nvme0n1"), device("nvme1n1"));
    let mut bench = Bench::new(10, move |now| match now {
        0..1_000 => keeps(),
        1_000..15_000 => misses(std::slice::from_ref(&one)),
        15_000..25_000 => misses(&[one.clone(), two.clone()]),
        _ => misses(std::slice::from_ref(&two)),
    });
    for sequence in 0..40 {
        bench.pass(sequence * 1_000);
        bench.give(number(sequence));
    }
    assert_eq!(
        bench.refused, None,
        "the first came back, the second has time"
    );
    bench.pass(100_000);
    assert!(
        bench
            .refused
            .is_some_and(|at| (45_000..46_500).contains(&at)),
        "{:?}",
        bench.refused
    );
}

#[test]
fn what_could_not_be_read_is_looked_at_once_more_and_then_refused() {
    let mut bench = Bench::new(10, |now| {
        if now == 1_250 {
            breaks(Certainty::Torn)
        } else {
            keeps()
        }
    });
    bench.pass(1_000);
    bench.give(number(1));
    bench.pass(50_000);
    assert_eq!(bench.refused, None, "the second look could read it");
    let mut bench = Bench::new(10, breaks_from(1_000, Certainty::Torn));
    bench.pass(1_000);
    bench.give(number(1));
    bench.pass(50_000);
    assert_eq!(bench.refused, Some(1_000 + 2 * (millis(COALESCE) + 10)));
}

#[test]
fn a_look_that_does_not_end_is_refused() {
    let mut bench = Bench::new(u64::MAX / 2, |_| keeps());
    bench.pass(60_000);
    assert_eq!(bench.refused, Some(millis(SCAN_LIMIT)));
}

#[test]
fn a_slow_reader_spends_at_most_half_of_the_time_looking() {
    let mut bench = Bench::new(2_000, |_| keeps());
    for sequence in 0..1_000 {
        bench.pass(sequence * 100);
        bench.give(number(sequence));
    }
    assert!(bench.looks.len() <= 26, "{}", bench.looks.len());
}

#[derive(Debug, Clone)]
enum Step {
    Wake(u64),
    Lose,
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<u64>().prop_map(Step::Wake),
        (0_u64..50).prop_map(Step::Wake),
        Just(Step::Lose),
        (0_u64..40_000).prop_map(Step::Pass),
        (0_u64..300).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_events_come_a_machine_that_keeps_the_rules_serves_and_is_looked_at_in_bounds(
        steps in steps(), cost in 0_u64..900,
    ) {
        let mut bench = Bench::new(cost, |_| keeps());
        for step in steps {
            match step {
                Step::Wake(sequence) => bench.give(number(sequence)),
                Step::Lose => bench.give(Event::Lost),
                Step::Pass(time) => bench.pass(bench.now + time),
            }
        }
        bench.pass(bench.now + 61_000);
        prop_assert_eq!(bench.refused, None);
        prop_assert!(bench.said.is_empty());
        let times: Vec<u64> = bench.looks.iter().map(|(at, _)| *at).collect();
        let bound = bench.now / millis(COALESCE) + bench.now / millis(PERIOD) + 2;
        prop_assert!(u64::try_from(times.len()).unwrap() <= bound);
        let whole: Vec<u64> = bench.looks.iter().filter(|(_, scope)| *scope == Scope::All).map(|(at, _)| *at).collect();
        prop_assert!(whole.windows(2).all(|pair| pair[1] - pair[0] <= millis(PERIOD) + 2 * cost));
    }

    #[test]
    fn whatever_events_come_what_breaks_a_rule_is_refused_in_time_and_once(
        steps in steps(), cost in 0_u64..900, from in 0_u64..200_000, heard: bool,
    ) {
        let mut bench = Bench::new(cost, breaks_from(from, Certainty::Certain));
        for step in steps {
            if bench.now >= from { break }
            match step {
                Step::Wake(sequence) => bench.give(number(sequence)),
                Step::Lose => bench.give(Event::Lost),
                Step::Pass(time) => bench.pass((bench.now + time).min(from)),
            }
        }
        bench.pass(from);
        prop_assert!(bench.refused.is_none_or(|at| at >= from));
        if heard && bench.refused.is_none() { bench.give(number(3)); }
        bench.pass(from + 200_000);
        let refused = bench.refused.unwrap();
        // At worst a look began just before, and its cost and the rest after it come first.
        let limit = if heard { millis(COALESCE) } else { millis(PERIOD) } + 3 * cost;
        prop_assert!(refused >= from && refused <= from + limit, "{} {}", from, refused);
        bench.give(number(1));
        bench.give(Event::Tick);
        bench.give(Event::Looked(keeps()));
    }

    #[test]
    fn a_device_away_for_less_than_its_grace_never_refuses_and_for_longer_always_does(
        steps in steps(), away in 0_u64..70_000,
    ) {
        let gone = [device("nvme0n1")];
        let from = 5_000;
        let world = move |now| if (from..from + away).contains(&now) { misses(&gone) } else { keeps() };
        let mut bench = Bench::new(10, world);
        bench.pass(from);
        bench.give(Event::Lost);
        for step in steps {
            if bench.refused.is_some() { break }
            match step {
                Step::Wake(sequence) => bench.give(number(sequence)),
                Step::Lose => bench.give(Event::Lost),
                Step::Pass(time) => bench.pass(bench.now + time),
            }
        }
        bench.pass(bench.now.max(from + away) + 100_000);
        if away < millis(GRACE) {
            prop_assert_eq!(bench.refused, None);
        } else if away > millis(GRACE) + 1_000 {
            let refused = bench.refused.unwrap();
            prop_assert!(refused >= from + millis(GRACE) && refused <= from + millis(GRACE) + 1_000);
        }
    }
}
