//! The watch over this node's own hardware, from its start to its end. Before the first lease it only looks: there is no key to drop,
//! and the keeper judges. From the lease on, what the machine was is what it is held to, and a refusal goes to the tenant at once.

use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::drift::{Action, Finding};
use cofferdam_hwprofile::{Inventory, Refusal};
use cofferdam_trail::{Event, Phase, Status};
use tokio::sync::watch;

use super::{Report, Seen, Watch};
use crate::record::Recorder;

/// Why the node must give up what it holds.
#[derive(Debug, Clone)]
pub(crate) struct Eviction {
    /// What is told; the codes of other reasons stand beside it.
    pub(crate) refusal: Refusal,
    /// From the first event heard to the verdict; none where nothing was heard.
    pub(crate) since_heard: Option<Duration>,
}

/// What the last look means for the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// The digest of the evidence that kept the rules last: another one is a reason to ask the keeper.
    pub(crate) evidence: Option<[u8; 32]>,
    /// Whether something is waited for: a device that may come back, or a second look. The keeper knows no grace, so it is not
    /// asked meanwhile; the lease goes on to its end.
    pub(crate) waiting: Waiting,
}

/// Whether a verdict is still out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Nothing is waited for.
    No,
    /// A device may come back, or a second look decides.
    Grace,
}

/// Watches, and tells the tenant.
#[derive(Debug)]
pub(crate) struct Sentry {
    pub(crate) watch: Watch,
    pub(crate) recorder: Recorder,
    /// What the machine was when the first lease was granted.
    pub(crate) granted: watch::Receiver<Option<Arc<Inventory>>>,
    pub(crate) outlook: watch::Sender<Outlook>,
    pub(crate) eviction: watch::Sender<Option<Arc<Eviction>>>,
}

impl Sentry {
    /// Watches until the node stops, or its hardware is refused.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut on_duty = false;
        let mut last: Option<Duration> = None;
        loop {
            let report = tokio::select! {
                _stopped = stopping.wait_for(|stop| *stop) => return,
                granted = granted(&mut self.granted), if !on_duty => {
                    on_duty = true;
                    self.watch.begin_with(Inventory::clone(&granted));
                    continue;
                }
                report = self.watch.next() => report,
            };
            match report {
                Report::Heard { classes, lost } => {
                    log::debug!(classes:? = classes, lost; "hardware spoke");
                }
                Report::Looked(seen) => {
                    last = seen.since_heard;
                    if on_duty {
                        self.publish(&seen);
                    }
                }
                Report::Must(Action::Refuse(refusals)) if on_duty => {
                    return self.evict(refusals, last);
                }
                Report::Must(Action::Refuse(refusals)) => {
                    // No lease yet: the keeper will say the same, and say it to everybody.
                    for refusal in refusals {
                        log::warn!("{refusal}");
                    }
                    self.watch.judge_afresh();
                    // The next look is due in its time; without a lease nothing hangs on it.
                    self.wait_for_lease(&mut stopping).await;
                }
                Report::Must(action) if on_duty => self.record(&action).await,
                Report::Must(_) => {}
            }
        }
    }

    async fn wait_for_lease(&mut self, stopping: &mut watch::Receiver<bool>) {
        tokio::select! {
            _stopped = stopping.wait_for(|stop| *stop) => {}
            _granted = granted(&mut self.granted) => {}
        }
    }

    fn publish(&self, seen: &Seen) {
        let keeps = matches!(seen.finding, Finding::Keeps { .. });
        self.outlook.send_if_modified(|outlook| {
            let next = Outlook {
                evidence: keeps.then(|| seen.evidence.digest()).or(outlook.evidence),
                waiting: if keeps { Waiting::No } else { Waiting::Grace },
            };
            let changed = *outlook != next;
            *outlook = next;
            changed
        });
    }

    /// Tells the tenant, who holds the keys.
    fn evict(self, refusals: Vec<Refusal>, since_heard: Option<Duration>) {
        let mut refusals = refusals.into_iter();
        let first = refusals.next().unwrap_or_else(|| {
            Refusal::new(
                "ND-071",
                "the hardware was refused without a reason, and a refusal stands",
                "report this: the judge of hardware must always name a reason",
            )
        });
        let refusal = refusals.fold(first, |first, other| {
            first.also(format!("{}: {}", other.code, other.consequence))
        });
        let eviction = Eviction {
            refusal,
            since_heard,
        };
        self.eviction.send_replace(Some(Arc::new(eviction)));
    }

    async fn record(&self, action: &Action) {
        let (what, text) = match action {
            Action::StartGrace { device, .. } => ("missing", vec![device.to_string()]),
            Action::Recovered { device } => ("back", vec![device.to_string()]),
            Action::Record(changes) => ("changed", changes.clone()),
            Action::Rescan(_) | Action::Refuse(_) | Action::WakeAt(_) => return,
        };
        log::warn!(what, text:? = text; "hardware changed and the rules still hold");
        let entry = self
            .recorder
            .entry(Event::HardwareChange, Phase::Single, Status::Success);
        let entry = entry.with("what", what).with("read", text);
        self.recorder.note(entry).await;
    }
}

/// Waits for the first lease; for ever, if the tenant is gone with the node.
async fn granted(granted: &mut watch::Receiver<Option<Arc<Inventory>>>) -> Arc<Inventory> {
    if let Ok(said) = granted.wait_for(Option::is_some).await
        && let Some(inventory) = said.as_ref()
    {
        return Arc::clone(inventory);
    }
    std::future::pending().await
}
