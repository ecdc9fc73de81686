//! Random histories of a spool, with crashes and full disks in them, judged after every step.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u8>),
    Flush,
    Pass(u64),
    Deliver,
    Receive,
    Refuse,
    Kill,
    PowerCut(u8),
    CrashAfter(u64, u8),
    Free(Option<usize>),
    FailSync(u64),
    FailAny(u64, i32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::collection::vec(0..60_u8, 1..9).prop_map(Step::Put),
        2 => Just(Step::Flush),
        2 => (0..7_000_u64).prop_map(Step::Pass),
        2 => Just(Step::Deliver),
        2 => Just(Step::Receive),
        2 => Just(Step::Refuse),
        1 => Just(Step::Kill),
        1 => any::<u8>().prop_map(Step::PowerCut),
        2 => (0..12_u64, any::<u8>()).prop_map(|(nth, share)| Step::CrashAfter(nth, share)),
        1 => proptest::option::of(0..2_000_usize).prop_map(Step::Free),
        1 => (0..3_u64).prop_map(Step::FailSync),
        1 => (0..6_u64, prop_oneof![Just(EIO), Just(ENOSPC)])
            .prop_map(|(after, errno)| Step::FailAny(after, errno)),
    ]
}

fn take(rig: &mut Rig, step: &Step) {
    match step {
        Step::Put(numbers) => {
            let batch: Vec<_> = numbers.iter().copied().map(tag).collect();
            drop(rig.put(&batch));
        }
        Step::Flush => drop(rig.engine().flush()),
        Step::Pass(ms) => {
            rig.now_ms += ms;
            let now_ms = rig.now_ms;
            drop(rig.engine().tick(now_ms));
        }
        Step::Deliver => drop(rig.deliver()),
        Step::Receive => drop(rig.receive()),
        Step::Refuse => refuse(rig),
        Step::Kill => {
            rig.stop();
            rig.disk.kill();
        }
        Step::PowerCut(share) => {
            rig.stop();
            rig.disk.power_cut(*share);
        }
        Step::CrashAfter(nth, share) => rig.disk.crash_after(*nth, *share),
        Step::Free(free) => rig.disk.set_free(*free),
        Step::FailSync(after) => rig.disk.fail(Some(Fault {
            operation: "sync",
            errno: EIO,
            after: *after,
            times: 1,
        })),
        Step::FailAny(after, errno) => rig.disk.fail(Some(Fault {
            operation: "any",
            errno: *errno,
            after: *after,
            times: 2,
        })),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_acknowledged_is_delivered_or_present_exactly_once(
        steps in proptest::collection::vec(step(), 1..60),
        share in any::<u8>(),
    ) {
        let mut rig = Rig::new();
        for step in &steps {
            take(&mut rig, step);
            if rig.disk.is_dead() {
                rig.stop();
                rig.disk.power_cut(share);
            }
            if rig.engine.is_none() {
                // An opening needs a disk that lets it.
                rig.disk.fail(None);
                rig.disk.set_free(None);
                rig.reopen();
            }
            rig.check();
        }
        rig.disk.kill();
        rig.disk.fail(None);
        rig.disk.set_free(None);
        let everything = tags(0..60);
        prop_assert_eq!(codes(&rig.put(&everything)), vec!["ok"; 60]);
        drain(&mut rig);
        rig.check();
        prop_assert_eq!(rig.acknowledged.len(), 60);
    }
}
