//! Waits at the start until the machine has found its own hardware: a drive that spins up slowly must not cost the node its lease,
//! and one that arrives after the lease would be a stranger.

use std::time::Duration;

use cofferdam_hwprofile::drift::{Law, Settled, Settling};
use cofferdam_hwprofile::inventory::last_event;
use cofferdam_hwprofile::{NodeVerdict, judge_node};

use super::Subject;
use crate::clock::Ticks;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Returns when nothing more is to be expected, or when `limit` is over; the verdict is the keeper's in either case.
pub(crate) async fn settled(subject: &Subject, limit: Duration) {
    let Some(law) = &subject.law else {
        return;
    };
    let ticks = Ticks::start();
    let mut settling = Settling::new(limit, ticks.now_ms());
    let mut told = false;
    loop {
        let (subject, law, mut waiting) = (subject.clone(), law.clone(), settling.clone());
        let look = tokio::task::spawn_blocking(move || {
            let last = last_event(&subject.sysroot);
            let settled = waiting.look(last, || verdict(&subject, &law), ticks.now_ms());
            (settled, waiting)
        });
        match look.await {
            Ok((Settled::NotYet, waiting)) => settling = waiting,
            Ok((Settled::Complete, _)) => return,
            Ok((Settled::Overdue, _)) => {
                log::warn!(waited:? = limit; "hardware did not settle, and is judged as it is");
                return;
            }
            Err(error) => {
                log::error!(error:% = error; "could not look whether the hardware settles");
                return;
            }
        }
        if !told {
            log::info!(limit:? = limit; "waiting for hardware that may still arrive");
            told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn verdict(subject: &Subject, law: &Law) -> NodeVerdict {
    let (_inventory, evidence) = subject.measure();
    judge_node(&law.policy, &law.node, &evidence)
}
