//! Who works beside a zone as long as its node runs: the sentry over the hardware, the ear for what the keeper says of others, the
//! tenant of the lease. It sets them to work and decides nothing.

use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::drift::Law;
use cofferdam_hwprofile::{Grade, Inventory};
use cofferdam_link::{Dialer, Snapshot};
use cofferdam_rack::lease::Standing;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::authority::{Authority, Bench};
use crate::boot::Booted;
use crate::drift::{Outlook, Sentry, Source, Subject, Waiting, Watch};
use crate::node::{Node, Parts};
use crate::poll::Poll;
use crate::tenancy::{Tenancy, Tenant, Watched};
use crate::zone::StartError;

/// The socket in the state of a simulated node that takes uevents in the kernel's place.
pub(crate) const BELL: &str = "uevents";

/// What the tenant holds of the running node.
pub(crate) struct Reins {
    pub(crate) node: Arc<Node>,
    pub(crate) snapshot: watch::Sender<Arc<Snapshot>>,
    pub(crate) tenancy: watch::Sender<Tenancy>,
}

/// How often the hardware is looked at where its events cannot be heard: what is promised with them.
const DEAF_PERIOD: Duration = Duration::from_secs(1);

/// Where tasks run, and the word to stop.
type House<'a> = (&'a mut JoinSet<()>, &'a watch::Receiver<bool>);

/// The node as its zone sees it.
pub(crate) fn node(
    booted: &Booted,
    standing: watch::Receiver<Arc<Snapshot>>,
    stopping: watch::Receiver<bool>,
) -> Node {
    Node::new(Parts {
        config: booted.config.clone(),
        zone: booted.id.zone.clone(),
        keeper: booted.keeper.clone(),
        manifest: Arc::clone(&booted.manifest),
        recorder: booted.recorder.clone(),
        clock: booted.clock.clone(),
        standing,
        stopping,
    })
}

/// Sets everybody to work. The sentry listens before anybody looks, so that nothing happens in between unheard.
pub(crate) fn settle(
    booted: Booted,
    authority: Option<Arc<dyn Authority>>,
    reins: Reins,
    (house, stopping): House<'_>,
) -> Result<(), StartError> {
    let (granted, leased) = watch::channel(None);
    let machine = machine(&booted);
    let watched = post_sentry(&booted, (machine.clone(), leased), (&mut *house, stopping));
    let dialer = Dialer::new(reins.snapshot.subscribe(), booted.clock.clone());
    let dialer = dialer.by(booted.config.way());
    let (bench, standing) = if let Some(authority) = authority {
        let standing = authority.standing();
        (Bench::Here(authority), standing)
    } else {
        let (address, pin) = booted.keeper_address()?;
        let (heard, standing) = watch::channel(Standing::new(booted.manifest.epoch));
        let poll = Poll {
            dialer: dialer.clone(),
            keeper: booted.keeper.clone(),
            address,
            snapshot: reins.snapshot.subscribe(),
            heard,
        };
        house.spawn(poll.run(stopping.clone()));
        (Bench::There { address, pin }, standing)
    };
    let tenant = Tenant {
        config: booted.config,
        machine,
        id: booted.id,
        manifest: booted.manifest,
        key: booted.key,
        bench,
        dialer,
        recorder: booted.recorder,
        clock: booted.clock,
        node: reins.node,
        snapshot: reins.snapshot,
        tenancy: reins.tenancy,
        standing,
        watched,
        granted,
        newest: 0,
    };
    house.spawn(tenant.run(stopping.clone()));
    Ok(())
}

/// This node's own machine, and the rules of its rack.
fn machine(booted: &Booted) -> Subject {
    let config = &booted.config;
    Subject {
        sysroot: config.sysroot.clone(),
        site: booted.manifest.policy.site().to_owned(),
        grade: config.grade,
        law: Some(Law {
            policy: Arc::new(booted.manifest.policy.clone()),
            node: config.node.clone(),
        }),
        period: config.rescan,
    }
}

fn post_sentry(
    booted: &Booted,
    (machine, granted): (Subject, watch::Receiver<Option<Arc<Inventory>>>),
    (house, stopping): House<'_>,
) -> Watched {
    let config = &booted.config;
    let source = if config.grade == Grade::E0Simulated {
        Source::bell(&config.state.join(BELL))
    } else {
        Source::kernel()
    };
    // Without events the time alone finds a device, so it must be as short as the promise.
    let (source, period) = match source {
        Ok(source) => (source, machine.period),
        Err(error) => {
            let period = machine.period.min(DEAF_PERIOD);
            log::error!(error:% = error; "events of the hardware are not heard; it is looked at every {period:?}");
            (Source::deaf(), period)
        }
    };
    let subject = Subject { period, ..machine };
    let (outlook, seen) = watch::channel(Outlook {
        evidence: None,
        waiting: Waiting::No,
    });
    let (eviction, evicted) = watch::channel(None);
    let sentry = Sentry {
        watch: Watch::new(subject, source),
        recorder: booted.recorder.clone(),
        granted,
        outlook,
        eviction,
    };
    house.spawn(sentry.run(stopping.clone()));
    Watched {
        outlook: seen,
        eviction: evicted,
    }
}
