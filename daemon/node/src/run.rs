//! The boot order of a zone's program, as a table of contents: arguments, configuration, manifest, confinement, identity, trail,
//! lease, zone, listener; then drain, and end with a code that means something.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::{Refusal, ZoneKind};
use cofferdam_link::{BindError, Clock, Limits, Listener, Serving, Snapshot};
use cofferdam_trail::{Event, Phase, Status};
use serde::Deserialize as _;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::boot::Booted;
use crate::config::NodeConfig;
use crate::household::{self, Reins};
use crate::node::Node;
use crate::serve::ZoneService;
use crate::tenancy::Tenancy;
use crate::zone::{StartError, Zone};
use cofferdam_service::signals::Stdin;
use cofferdam_service::{Environment, Exit, Notifier, journal, sockets};

/// How long tasks may take to end after the listener has stopped.
const TASKS_END: Duration = Duration::from_secs(5);
/// How long those beside the zone may take after it: who gives up a lease tells the trail and the keeper, each within a bound.
const HOUSE_END: Duration = Duration::from_secs(3);
/// How long the trail may take to close.
const TRAIL_END: Duration = Duration::from_secs(2);

/// Runs a zone's program from its arguments to its exit code. A `main` calls this and nothing else.
pub fn run<Z: Zone>(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::read(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return show_usage(&error),
    };
    abort_on_panic();
    journal::start(Z::KIND.program());
    match start::<Z>(&arguments) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            log::error!("{}", error.refusal);
            error.exit.into()
        }
    }
}

fn show_usage(error: &clap::Error) -> ExitCode {
    let wanted = !error.use_stderr();
    if error.print().is_err() || !wanted {
        Exit::Usage.into()
    } else {
        Exit::Ok.into()
    }
}

/// A broken invariant ends the process: nothing runs on in a state nobody thought of.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

fn start<Z: Zone>(arguments: &Arguments) -> Result<(), StartError> {
    let config =
        NodeConfig::read(&arguments.config).map_err(|faults| first_fault(faults.faults))?;
    let booted = Booted::new(config, Z::KIND)?;
    // Held until the last thread is gone: no other zone may begin while this one ends.
    let _host_lock = Arc::clone(&booted.host_lock);
    let settings = Z::Settings::deserialize(booted.config.zone_settings.clone())
        .map_err(|error| wrong_settings(&booted.config, Z::KIND.as_str(), &error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| no_runtime(&error))?;
    let stdin = if arguments.until_stdin_closes {
        Stdin::Watched
    } else {
        Stdin::Ignored
    };
    let ended = runtime.block_on(serve::<Z>(booted, settings, stdin));
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// From here on the runtime runs: lease, zone, listener, and the way back.
async fn serve<Z: Zone>(
    booted: Booted,
    settings: Z::Settings,
    stdin: Stdin,
) -> Result<(), StartError> {
    let environment = Environment::read();
    let notifier = Notifier::new(environment.notify_socket.as_deref());
    let (stop, stopping) = watch::channel(false);
    let (snapshot, snapshots) = watch::channel(Arc::new(booted.first_snapshot()));
    let node = Arc::new(household::node(
        &booted,
        snapshots.clone(),
        stopping.clone(),
    ));
    booted.record_start().await?;
    notifier.status("waiting for a lease");

    let mut settings = Some(settings);
    let early = start_early::<Z>(&node, &mut settings).await?;
    let authority = early.as_ref().and_then(Z::authority);
    let mut housekeeping = JoinSet::new();
    let (tenancy, mut tenancies) = watch::channel(Tenancy::Waiting);
    let reins = Reins {
        node: Arc::clone(&node),
        snapshot,
        tenancy,
    };
    household::settle(booted, authority, reins, (&mut housekeeping, &stopping))?;

    let signal = cofferdam_service::signals::wait(stdin);
    let alive = notifier.keep_alive(environment.watchdog);
    tokio::pin!(signal, alive);
    tokio::select! {
        reason = &mut signal => return stopped_early(&node, reason).await,
        never = &mut alive => never,
        state = tenancies.wait_for(|state| !matches!(state, Tenancy::Waiting)) => {
            if let Ok(Tenancy::Over(exit, refusal)) = state.as_deref() {
                return Err(StartError::new(*exit, Refusal::clone(refusal)));
            }
        }
    }
    let zone = match (early, settings) {
        (Some(zone), _) => zone,
        (None, Some(settings)) => Z::start(Arc::clone(&node), settings).await?,
        (None, None) => return Ok(()),
    };
    let serving = listen(&node, &zone, snapshots).await?;
    let status = format!(
        "serving zone {} as {} at {}",
        node.zone(),
        node.name(),
        node.grade()
    );
    log::info!(listen:% = node.config().listen; "{status}");
    notifier.ready(&status);

    let ended = tokio::select! {
        reason = &mut signal => Ending::Asked(reason.unwrap_or("signal handlers failed")),
        never = &mut alive => never,
        state = tenancies.wait_for(|state| matches!(state, Tenancy::Over(..))) => {
            match state.as_deref() {
                Ok(Tenancy::Over(exit, refusal)) => Ending::Evicted(*exit, Refusal::clone(refusal)),
                _ => Ending::Asked("the lease's holder ended"),
            }
        }
    };
    notifier.stopping();
    stop_all(&node, &*zone, serving, &stop, housekeeping).await;
    ended
        .or_evicted(&tenancies.borrow())
        .into_result(&node)
        .await
}

/// A keeper stands before there is a lease: it is the one who grants them. Every other zone waits for its own.
async fn start_early<Z: Zone>(
    node: &Arc<Node>,
    settings: &mut Option<Z::Settings>,
) -> Result<Option<Arc<Z>>, StartError> {
    match Z::KIND {
        ZoneKind::Keeper => match settings.take() {
            Some(settings) => Ok(Some(Z::start(Arc::clone(node), settings).await?)),
            None => Ok(None),
        },
        ZoneKind::Storage | ZoneKind::Intake | ZoneKind::Analytics => Ok(None),
    }
}

/// Why a serving node stopped.
enum Ending {
    Asked(&'static str),
    Evicted(Exit, Refusal),
}

impl Ending {
    /// A lease that was refused while the node stopped is told all the same.
    fn or_evicted(self, tenancy: &Tenancy) -> Self {
        match (self, tenancy) {
            (Self::Asked(_), Tenancy::Over(exit, refusal)) => {
                Self::Evicted(*exit, Refusal::clone(refusal))
            }
            (ended, _) => ended,
        }
    }

    async fn into_result(self, node: &Node) -> Result<(), StartError> {
        let (reason, result) = match self {
            Self::Asked(reason) => (reason.to_owned(), Ok(())),
            Self::Evicted(exit, refusal) => {
                (refusal.code.clone(), Err(StartError::new(exit, refusal)))
            }
        };
        record_stop(node, &reason).await;
        result
    }
}

async fn stopped_early(
    node: &Node,
    reason: std::io::Result<&'static str>,
) -> Result<(), StartError> {
    record_stop(node, reason.unwrap_or("signal handlers failed")).await;
    Ok(())
}

async fn record_stop(node: &Node, reason: &str) {
    let entry = node.entry(
        Event::NodeStop,
        Phase::Single,
        Status::Success,
        [("reason", reason.into())],
    );
    node.recorder().note(entry).await;
    let trail = node.recorder().trail().clone();
    let closing = tokio::task::spawn_blocking(move || trail.close());
    let closed = tokio::time::timeout(TRAIL_END, closing).await;
    if !matches!(closed, Ok(Ok(Ok(_)))) {
        log::error!("the trail did not close cleanly");
    }
    log::info!(reason; "stopped");
}

async fn listen<Z: Zone>(
    node: &Arc<Node>,
    zone: &Arc<Z>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
) -> Result<Serving, StartError> {
    let listener = listener(node.config()).await?;
    let service = Arc::new(ZoneService {
        zone: Arc::clone(zone),
        node: Arc::clone(node),
    });
    let witness = Arc::new(node.recorder().clone());
    Ok(listener.serve(
        service,
        witness,
        snapshots,
        Limits::default(),
        node.clock().clone(),
    ))
}

/// The socket that the service manager bound, or one of our own.
async fn listener(config: &NodeConfig) -> Result<Listener, StartError> {
    let try_again = |error: BindError| StartError::new(Exit::TryAgain, error.refusal());
    let passed = sockets::passed_tcp().map_err(|error| wrong_socket(config, &error.to_string()))?;
    let Some(passed) = passed else {
        return Listener::bind(config.listen).await.map_err(try_again);
    };
    let listener = Listener::adopt(passed).map_err(try_again)?;
    // One address: what the firewall was made from is what is listened on.
    if listener.local_addr() == config.listen {
        Ok(listener)
    } else {
        let passed = format!("the passed socket listens on {}", listener.local_addr());
        Err(wrong_socket(config, &passed))
    }
}

fn wrong_socket(config: &NodeConfig, what: &str) -> StartError {
    let refusal = Refusal::new(
        "ND-005",
        "the service manager passed another socket than the configured one, so the zone does not listen",
        "let ListenStream= of the socket unit and listen in node.toml name the same address",
    )
    .read(what)
    .read(format!("{}: listen = {}", config.file.display(), config.listen));
    StartError::new(Exit::Config, refusal)
}

/// Listener first, so that nothing new begins; then the zone, its tasks, the lease.
async fn stop_all<Z: Zone>(
    node: &Node,
    zone: &Z,
    serving: Serving,
    stop: &watch::Sender<bool>,
    mut housekeeping: JoinSet<()>,
) {
    let report = serving.stop().await;
    log::info!(report:? = report; "listener stopped");
    stop.send_replace(true);
    zone.stop().await;
    node.keys().close();
    node.join(TASKS_END).await;
    // Everybody heard the word to stop; who is giving up a lease just now gets the time to say why.
    let ending = async { while housekeeping.join_next().await.is_some() {} };
    if tokio::time::timeout(HOUSE_END, ending).await.is_err() {
        log::warn!("a task beside the zone was cut off");
    }
    housekeeping.shutdown().await;
}

fn first_fault(mut faults: Vec<Refusal>) -> StartError {
    for fault in faults.iter().skip(1) {
        log::error!("{fault}");
    }
    let first = if faults.is_empty() {
        Refusal::new("ND-002", "the configuration is wrong", "see the journal")
    } else {
        faults.swap_remove(0)
    };
    StartError::new(Exit::Config, first)
}

fn wrong_settings(config: &NodeConfig, kind: &str, error: &toml::de::Error) -> StartError {
    let refusal = Refusal::new(
        "ND-003",
        "the zone's own settings are wrong, so it does not start",
        format!("mend the table [{kind}]; its keys are listed in the manual under \"node.toml\""),
    )
    .read(format!(
        "{}: [{kind}]: {}",
        config.file.display(),
        error.message()
    ));
    StartError::new(Exit::Config, refusal)
}

fn no_runtime(error: &std::io::Error) -> StartError {
    let refusal = Refusal::new(
        "ND-004",
        "the operating system gave no threads, so the zone does not start",
        "raise the limits of the unit (TasksMax=, LimitNOFILE=)",
    )
    .read(error.to_string());
    StartError::new(Exit::TryAgain, refusal)
}

/// The clock of a real node.
pub(crate) fn system_clock() -> Clock {
    Clock::system()
}
