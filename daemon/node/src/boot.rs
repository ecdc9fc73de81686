//! Everything that must be true before the runtime starts: the manifest is signed and names this node, the state directory is
//! ours, the key is the pinned one, the trail is open. Each failure ends with its own code and leaves nothing half made.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::policy::ContainerDemand;
use cofferdam_hwprofile::{Refusal, ZoneKind};
use cofferdam_link::{Clock, Snapshot};
use cofferdam_rack::lease::TrustBundle;
use cofferdam_rack::{Manifest, PeerId, ZoneName};
use cofferdam_trail::{Event, Phase, Settings, Status, Trail};

use crate::config::NodeConfig;
use crate::confine::Confinement;
use crate::host_lock::{Claim, HostLock, HostLockError, PORT};
use crate::identity::IdentityKey;
use crate::record::{Recorder, with_refusal};
use crate::zone::StartError;
use cofferdam_service::Exit;

/// What the trail says while another process holds it.
const TRAIL_IN_USE: &str = "TR-102";
/// How often a start looks whether the process before it has let go: a killed one may still be in a sync.
const PREDECESSOR_LOOKS: u32 = 100;
/// The wait between two looks.
const PREDECESSOR_WAIT: Duration = Duration::from_millis(50);

/// A node that may start its runtime.
#[derive(Debug)]
pub(crate) struct Booted {
    pub(crate) config: NodeConfig,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) id: PeerId,
    pub(crate) keeper: ZoneName,
    pub(crate) key: IdentityKey,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Clock,
    pub(crate) host_lock: Arc<HostLock>,
    confinement: Confinement,
}

impl Booted {
    pub(crate) fn new(config: NodeConfig, kind: ZoneKind) -> Result<Self, StartError> {
        let manifest = Manifest::load(&config.rack, &config.operators)
            .map_err(|faults| all_faults(faults.into_refusals()))?;
        let (zone, keeper) = place(&config, &manifest, kind)?;
        let confinement = Confinement::enter();
        prepare_state(&config.state)?;
        let key = IdentityKey::read_or_create(&config.state.join("node.key"))
            .map_err(|error| StartError::new(Exit::Config, error.refusal()))?;
        check_pin(&config, &manifest, &key)?;
        let id = PeerId {
            zone,
            node: config.node.clone(),
        };
        let clock = crate::run::system_clock();
        let recorder = open_trail(&config, &manifest, &id, &clock)?;
        crate::accepted::accept(&config.state, &manifest).map_err(|refusal| {
            let refused = StartError::new(Exit::Policy, refusal);
            recorded(&config, &recorder, Event::PolicyRefuse, refused)
        })?;
        let host_lock = take_host_lock(&config, &manifest, &id)
            .map_err(|refused| recorded(&config, &recorder, Event::HardwareRefuse, refused))?;
        let manifest = Arc::new(manifest);
        Ok(Self {
            config,
            manifest,
            id,
            keeper,
            key,
            recorder,
            clock,
            host_lock: Arc::new(host_lock),
            confinement,
        })
    }

    /// The view before there is a lease: pins and flows, no credential, no trust.
    pub(crate) fn first_snapshot(&self) -> Snapshot {
        Snapshot {
            domain: self.manifest.domain.clone(),
            credential: None,
            trust: TrustBundle::default(),
            pins: pins(&self.manifest),
            flows: Arc::clone(&self.manifest.flows),
            epoch: self.manifest.epoch,
            revoked: Vec::new(),
        }
    }

    /// Where the keeper listens and which key it must have.
    pub(crate) fn keeper_address(&self) -> Result<(SocketAddr, [u8; 32]), StartError> {
        let address = self.config.peers.get(&self.keeper).copied();
        let pin = pins(&self.manifest)
            .into_iter()
            .find_map(|(pin, peer)| (peer.zone == self.keeper).then_some(pin));
        match (address, pin) {
            (Some(address), Some(pin)) => Ok((address, pin)),
            (None, _) => Err(no_keeper(&self.config, "[peers] names no address for it")),
            (_, None) => Err(no_keeper(
                &self.config,
                "the manifest pins no key of its node",
            )),
        }
    }

    /// The first leaf of every boot: what runs, where, confined how, under which manifest.
    pub(crate) async fn record_start(&self) -> Result<(), StartError> {
        let mut entry = self
            .recorder
            .entry(Event::NodeStart, Phase::Single, Status::Success);
        let fields = [
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("grade", self.config.grade.to_string().into()),
            ("epoch", self.manifest.epoch.to_string().into()),
            ("manifest", crate::hex(&self.manifest.digest).into()),
            ("host_lock", self.host_lock.to_string().into()),
            (
                "confinement",
                serde_json::Value::from(self.confinement.as_text()),
            ),
        ];
        entry
            .fields
            .extend(fields.map(|(key, value)| (key.to_owned(), value)));
        match self.recorder.record(entry).await {
            Ok(_receipt) => Ok(()),
            Err(error) => Err(StartError::new(Exit::TryAgain, error.refusal())),
        }
    }
}

/// The pinned keys of the manifest: its nodes and its clients.
pub(crate) fn pins(manifest: &Manifest) -> BTreeMap<[u8; 32], PeerId> {
    manifest.pins()
}

fn place(
    config: &NodeConfig,
    manifest: &Manifest,
    kind: ZoneKind,
) -> Result<(ZoneName, ZoneName), StartError> {
    let policy = &manifest.policy;
    let known: Vec<&str> = policy.nodes().map(|node| node.name.as_ref()).collect();
    let node = policy.node(&config.node).ok_or_else(|| {
        let refusal = Refusal::new(
            "ND-011",
            "the manifest does not know this node, so it does not start",
            "name a node of the manifest in node.toml, or have the operators add this one",
        )
        .read(format!(
            "{}: node = \"{}\"",
            config.file.display(),
            config.node
        ))
        .also(format!("nodes of the manifest: {}", known.join(", ")));
        StartError::new(Exit::Config, refusal)
    })?;
    let zone = policy
        .zone(&node.zone)
        .filter(|zone| zone.kind == kind)
        .ok_or_else(|| {
            let refusal = Refusal::new(
                "ND-012",
                "this program is not the one of the node's zone, so it does not start",
                "start the program of the zone's kind on this node",
            )
            .read(format!(
                "node {} is of zone {}; this is {}",
                node.name,
                node.zone,
                kind.program()
            ));
            StartError::new(Exit::Config, refusal)
        })?;
    let keeper = policy
        .zones()
        .find(|zone| zone.kind == ZoneKind::Keeper)
        .ok_or_else(|| no_keeper(config, "the manifest has no zone of kind keeper"))?;
    Ok((zone.name.clone(), keeper.name.clone()))
}

fn no_keeper(config: &NodeConfig, seen: &str) -> StartError {
    let refusal = Refusal::new(
        "ND-013",
        "there is no keeper to ask for a lease, so the zone does not start",
        "name the keeper's address under [peers] and pin its node's key in the manifest",
    )
    .read(format!("{}: {seen}", config.file.display()));
    StartError::new(Exit::Config, refusal)
}

fn prepare_state(state: &Path) -> Result<(), StartError> {
    let failed = |seen: String| {
        let refusal = Refusal::new(
            "ND-014",
            "the state directory cannot be used, so the zone does not start",
            format!(
                "make {} a directory of this user, mode 0700",
                state.display()
            ),
        )
        .read(seen);
        StartError::new(Exit::Config, refusal)
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .map_err(|error| failed(format!("{}: {error}", state.display())))?;
    let found = std::fs::metadata(state)
        .map_err(|error| failed(format!("{}: {error}", state.display())))?;
    if found.mode() & 0o077 != 0 {
        let mode = found.mode() & 0o7777;
        return Err(failed(format!(
            "{}: mode {mode:04o} lets others in",
            state.display()
        )));
    }
    Ok(())
}

fn check_pin(
    config: &NodeConfig,
    manifest: &Manifest,
    key: &IdentityKey,
) -> Result<(), StartError> {
    if pins(manifest)
        .get(&key.digest())
        .is_some_and(|peer| peer.node == config.node)
    {
        return Ok(());
    }
    let refusal = Refusal::new(
        "ND-015",
        "the manifest does not pin this node's key, so no keeper would give it a lease",
        format!(
            "have the operators set pin.key = \"{}\" for this node and sign",
            key.pin()
        ),
    )
    .read(format!(
        "{}: {}",
        config.state.join("node.key").display(),
        key.pin()
    ));
    Err(StartError::new(Exit::Policy, refusal))
}

fn open_trail(
    config: &NodeConfig,
    manifest: &Manifest,
    id: &PeerId,
    clock: &Clock,
) -> Result<Recorder, StartError> {
    let origin = format!("{}/{}/{}", manifest.domain, id.zone, id.node);
    let mut patience = PREDECESSOR_LOOKS;
    let (trail, recovery) = loop {
        let signer = crate::identity::trail_key(&config.state.join("trail.key"), &origin)
            .map_err(|refusal| StartError::new(Exit::Config, refusal))?;
        let settings = Settings::new(id.zone.clone(), id.node.clone(), env!("CARGO_PKG_VERSION"));
        let ticking = clock.clone();
        let directory = config.state.join("trail");
        match Trail::open(&directory, signer, settings, move || ticking.unix_ms()) {
            Ok(opened) => break opened,
            Err(error) if error.code() == TRAIL_IN_USE && patience > 0 => {
                patience -= 1;
                wait_a_moment();
            }
            Err(error) => return Err(StartError::new(Exit::TryAgain, error.refusal())),
        }
    };
    if recovery.torn.is_some() {
        log::warn!(recovery:? = recovery; "the trail's torn tail was cut");
    }
    Ok(Recorder::new(trail, clock.clone()))
}

/// One zone a host. A predecessor that is still dying gets the time it needs; a zone that goes on serving does not move.
fn take_host_lock(
    config: &NodeConfig,
    manifest: &Manifest,
    id: &PeerId,
) -> Result<HostLock, StartError> {
    let zone = manifest.policy.zone(&id.zone);
    let container = zone.map_or(ContainerDemand::None, |zone| zone.platform.container.wants);
    let claim = Claim {
        grade: config.grade,
        container,
        port: PORT,
    };
    let mut patience = PREDECESSOR_LOOKS;
    loop {
        match HostLock::take(claim) {
            Ok(lock) => return Ok(lock),
            Err(HostLockError::Taken { .. }) if patience > 0 => {
                patience -= 1;
                wait_a_moment();
            }
            Err(error) => return Err(StartError::new(Exit::Hardware, error.refusal())),
        }
    }
}

/// A start that is refused after the trail was opened leaves its leaf there, and its reason where `cofferctl status` finds it.
fn recorded(
    config: &NodeConfig,
    recorder: &Recorder,
    event: Event,
    refused: StartError,
) -> StartError {
    crate::tenancy::write_refusal(config, &refused.refusal);
    let entry = recorder.entry(event, Phase::Single, Status::Refused);
    let trail = recorder.trail();
    if let Err(error) = trail.append(with_refusal(entry, &refused.refusal)) {
        log::error!(error = crate::refusal::chain(&error); "could not record the refusal");
    }
    if let Err(error) = trail.clone().close() {
        log::error!(error = crate::refusal::chain(&error); "the trail did not close cleanly");
    }
    refused
}

#[expect(clippy::disallowed_methods, reason = "the runtime has not started yet")]
fn wait_a_moment() {
    std::thread::sleep(PREDECESSOR_WAIT);
}

fn all_faults(mut faults: Vec<Refusal>) -> StartError {
    for fault in faults.iter().skip(1) {
        log::error!("{fault}");
    }
    let first = if faults.is_empty() {
        Refusal::new(
            "RK-000",
            "the manifest is wrong",
            "run cofferctl rack check",
        )
    } else {
        faults.swap_remove(0)
    };
    StartError::new(Exit::Config, first)
}
