//! The life of a listener: start, ready, draining, stopped. Owns the accept loop and every task
//! below it; must never accept above the cap and must leave no task behind.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::admission::{House, receive};
use crate::bind::Listener;
use crate::clock::{Clock, moment};
use crate::exchange::told;
use crate::limits::Limits;
use crate::seats::Seats;
use crate::service::Service;
use crate::standing::Standing;
use crate::tally::{Counts, Tally};
use crate::tls::Signers;
use crate::witness::Witness;

/// How often the clock is compared with the time that passed.
const CLOCK_LOOK: Duration = Duration::from_millis(250);
/// A difference between the two that counts as a step of the clock, in milliseconds.
const CLOCK_STEP_MS: u64 = 100;
/// Pause after the system refused to accept, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What the tasks get beyond all their own limits before they are aborted.
const LAST_RESORT: Duration = Duration::from_secs(1);

/// Where a listener stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerState {
    /// The address is taken; nothing is accepted yet.
    Start,
    /// Connections are accepted.
    Ready,
    /// No new connection is accepted; what runs may finish.
    Draining,
    /// No socket and no task is left.
    Stopped,
}

impl ListenerState {
    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

/// How a listener stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StopReport {
    /// Sessions that ended by themselves within the drain time.
    pub drained: u64,
    /// Sessions whose request was cut off.
    pub cut_off: u64,
    /// How long the stop took.
    pub took: Duration,
}

/// A listener at work. Dropping it cuts everything at once; [`Serving::stop`] is the kind way.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    state: watch::Receiver<ListenerState>,
    stopping: watch::Sender<bool>,
    tally: Arc<Tally>,
    // A set of one: its drop aborts the accept loop, whose set of connections goes with it.
    task: JoinSet<StopReport>,
}

impl Listener {
    /// Starts serving. `standing` must go on having a publisher: once it has none, nobody could
    /// tell of a revocation, so open connections end and none is admitted.
    #[expect(
        clippy::too_many_arguments,
        reason = "five independent parts, each with a type of its own"
    )]
    pub fn serve<S: Service, W: Witness>(
        self,
        service: Arc<S>,
        witness: Arc<W>,
        standing: Standing,
        limits: Limits,
        clock: Clock,
    ) -> Serving {
        let address = self.local_addr();
        let (state_sender, state) = watch::channel(ListenerState::Start);
        let (stopping, stop) = watch::channel(false);
        let (pulse_sender, pulse) = watch::channel(0);
        let tally = Arc::new(Tally::default());
        let house = Arc::new(House {
            service,
            witness,
            standing,
            limits,
            clock,
            signers: Signers::default(),
            seats: Arc::new(Seats::default()),
            tally: Arc::clone(&tally),
            stopping: stop.clone(),
            pulse,
        });
        let doorkeeper = Doorkeeper {
            house,
            state: state_sender,
            pulse: pulse_sender,
            stop,
        };
        let mut task = JoinSet::new();
        task.spawn(doorkeeper.work(self.socket));
        Serving {
            address,
            state,
            stopping,
            tally,
            task,
        }
    }
}

impl Serving {
    /// The address served.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> ListenerState {
        *self.state.borrow()
    }

    /// Word of each change of state.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<ListenerState> {
        self.state.clone()
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// Stops: no new connection, up to the drain time for what runs, then cut. Afterwards no socket
    /// and no task is left.
    pub async fn stop(mut self) -> StopReport {
        self.stopping.send_replace(true);
        match self.task.join_next().await {
            Some(Ok(report)) => report,
            // The loop itself panicked: its tasks are gone with it.
            Some(Err(_)) | None => StopReport::default(),
        }
    }
}

/// The accept loop.
struct Doorkeeper<S, W> {
    house: Arc<House<S, W>>,
    state: watch::Sender<ListenerState>,
    pulse: watch::Sender<u64>,
    stop: watch::Receiver<bool>,
}

impl<S: Service, W: Witness> Doorkeeper<S, W> {
    async fn work(mut self, socket: TcpListener) -> StopReport {
        let mut connections = JoinSet::new();
        let permits = Arc::new(Semaphore::new(self.house.limits.max_connections));
        let mut look = interval(CLOCK_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_look = (moment(), self.house.clock.unix_ms());
        self.enter(ListenerState::Ready);
        loop {
            tokio::select! {
                biased;
                () = told(&mut self.stop) => break,
                _ = look.tick() => last_look = self.look_at_clock(last_look),
                Some(ended) = connections.join_next() => report_panic(ended),
                accepted = accept(&permits, &socket) => match accepted {
                    Ok((permit, stream, remote)) => {
                        self.welcome(&mut connections, permit, stream, remote);
                    }
                    Err(fault) => {
                        log::warn!(fault:% = fault; "wait before the next accept");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(socket);
        let begun = moment();
        self.enter(ListenerState::Draining);
        self.drain(&mut connections).await;
        self.enter(ListenerState::Stopped);
        StopReport {
            drained: self.house.tally.drained.value(),
            cut_off: self.house.tally.cut_off.value(),
            took: begun.elapsed(),
        }
    }

    fn welcome(
        &self,
        connections: &mut JoinSet<()>,
        permit: OwnedSemaphorePermit,
        stream: TcpStream,
        remote: SocketAddr,
    ) {
        self.house.tally.accepted.add_one();
        if let Err(fault) = stream.set_nodelay(true) {
            // The peer may be gone already; the handshake will tell.
            log::debug!(fault:% = fault; "leave the delay of a socket on");
        }
        let house = Arc::clone(&self.house);
        connections.spawn(async move {
            Box::pin(receive(house, stream, remote)).await;
            drop(permit);
        });
    }

    async fn drain(&self, connections: &mut JoinSet<()>) {
        let limits = &self.house.limits;
        // A connection may wait for the receipt of its admission, drain, and wait for the record of
        // its end.
        let bound = limits.drain + limits.receipt * 2 + LAST_RESORT;
        let ends = async {
            while let Some(ended) = connections.join_next().await {
                report_panic(ended);
            }
        };
        if timeout(bound, ends).await.is_err() {
            log::error!("abort connections that outlived every limit");
            connections.shutdown().await;
        }
    }

    /// Tells every guard when the wall clock ran otherwise than the time that passed.
    fn look_at_clock(&self, last: (Instant, u64)) -> (Instant, u64) {
        let (tick, now) = (moment(), self.house.clock.unix_ms());
        let passed = tick.saturating_duration_since(last.0).as_millis();
        let expected = last
            .1
            .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX));
        if now.abs_diff(expected) > CLOCK_STEP_MS {
            self.pulse
                .send_modify(|count| *count = count.wrapping_add(1));
        }
        (tick, now)
    }

    fn enter(&self, state: ListenerState) {
        log::info!(state = state.as_str(); "change the state of a listener");
        self.state.send_replace(state);
    }
}

/// Accepts one connection when there is room for it. Cancel-safe: an unused permit goes back.
async fn accept(
    permits: &Arc<Semaphore>,
    socket: &TcpListener,
) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let permit = Arc::clone(permits)
        .acquire_owned()
        .await
        .map_err(|closed| io::Error::other(closed.to_string()))?;
    let (stream, remote) = socket.accept().await?;
    Ok((permit, stream, remote))
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(fault) = ended {
        log::error!(fault:% = fault; "lose a connection to a fault of our own");
    }
}
