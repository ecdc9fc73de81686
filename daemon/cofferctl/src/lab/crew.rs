//! The lab's four programs, started in order and watched: the keeper first, because nothing opens without it. A crew that is dropped
//! leaves no process.

use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_node::identity::trail_key;
use cofferdam_node::{Exit, REFUSAL_FILE};
use cofferdam_rack::Manifest;
use http::Method;

use super::client;
use super::file::{FILE_NAME, LabClient, LabFile, LabIntake, LabS3, LabZone};
use super::layout::{self, CLIENT, DOMAIN, LabNode, Layout, NODES};
use super::prepare::{Prepared, prepare};
use super::process::{self, ZoneProcess};
use crate::clock::Stopwatch;
use crate::reach::{self, Reach};
use crate::verdict::Failure;

/// How long the rack may take until every zone serves.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How often a waiting lab looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How many lines of a log are shown when a program ended.
const LOG_LINES: usize = 20;

/// A running lab.
#[derive(Debug)]
pub struct Crew {
    layout: Layout,
    manifest: Manifest,
    processes: Vec<ZoneProcess>,
    runtime: tokio::runtime::Runtime,
}

impl Crew {
    /// Makes the directory, starts the programs, waits until each serves, and writes `lab.json`.
    ///
    /// # Errors
    /// A step failed; what was started is stopped.
    pub fn start(layout: Layout, progress: &mut dyn FnMut(&str)) -> Result<Self, Failure> {
        for node in &NODES {
            process::program_path(node)?;
        }
        progress("making keys, rack, machines");
        let prepared = prepare(layout)?;
        let layout = prepared.layout.clone();
        let manifest = client::manifest(&layout)?;
        let runtime = reach::runtime()?;
        let mut crew = Self {
            layout,
            manifest,
            processes: Vec::new(),
            runtime,
        };
        for node in &NODES {
            let process = ZoneProcess::start(&crew.layout, node)?;
            crew.processes.push(process);
        }
        progress("waiting for the keeper");
        crew.lease_client()?;
        crew.write_lab_file(&prepared)?;
        for node in &NODES {
            progress(&format!("waiting for {}", node.zone()));
            crew.wait_until_serving(node)?;
        }
        Ok(crew)
    }

    /// The lab's layout.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The signed manifest it runs under.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The runtime that its questions run on.
    #[must_use]
    pub fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    /// The program of a zone.
    pub fn process(&mut self, kind: cofferdam_hwprofile::ZoneKind) -> Option<&mut ZoneProcess> {
        self.processes
            .iter_mut()
            .find(|process| process.node().kind == kind)
    }

    /// The rack as a client reaches it.
    ///
    /// # Errors
    /// `lab.json` or what it points to cannot be used.
    pub fn reach(&self) -> Result<Reach, Failure> {
        Reach::open(self.layout.directory())
    }

    /// A program that ended by itself, with the reason it left.
    pub fn fallen(&mut self) -> Option<(LabNode, Failure)> {
        let layout = self.layout.clone();
        self.processes.iter_mut().find_map(|process| {
            let status = process.ended()?;
            let node = *process.node();
            Some((node, fallen(&layout, &node, &process::end(status))))
        })
    }

    /// Whether none of the programs runs any more.
    pub fn all_fallen(&mut self) -> bool {
        self.processes
            .iter_mut()
            .all(|process| process.ended().is_some())
    }

    /// Asks for a fresh certificate for the client, waiting for the keeper if need be.
    ///
    /// # Errors
    /// The keeper refused, or did not answer in time.
    pub fn lease_client(&mut self) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        loop {
            let asked = self
                .runtime
                .block_on(client::lease(&self.layout, &self.manifest));
            match asked {
                Ok(grant) => return client::write(&self.layout, &grant),
                Err(failure) if failure.exit == Exit::Policy => return Err(failure),
                Err(failure) => self.check_patience(watch, failure)?,
            }
        }
    }

    fn wait_until_serving(&mut self, node: &LabNode) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        let reach = self.reach()?;
        loop {
            let request = reach::request(Method::GET, "/v1/health", "")?;
            let answered = self
                .runtime
                .block_on(reach.ask(node.kind.as_str(), request));
            match answered {
                Ok(answer) if answer.status.is_success() => return Ok(()),
                Ok(answer) => self.check_patience(watch, answer.failure())?,
                Err(failure) => self.check_patience(watch, failure)?,
            }
        }
    }

    /// Waits a moment, unless a program fell or the patience is spent.
    fn check_patience(&mut self, watch: Stopwatch, last: Failure) -> Result<(), Failure> {
        if let Some((_node, failure)) = self.fallen() {
            return Err(failure);
        }
        if watch.elapsed() >= START_LIMIT {
            return Err(last);
        }
        process::pause(LOOK_EVERY);
        Ok(())
    }

    fn write_lab_file(&self, prepared: &Prepared) -> Result<(), Failure> {
        let layout = &self.layout;
        let zones = self
            .processes
            .iter()
            .map(|process| lab_zone(layout, process.node(), process.pid()))
            .collect::<Result<Vec<_>, _>>()?;
        let endpoint = |node: &LabNode| format!("https://{}", layout.address(node));
        let client = layout.client();
        let file = LabFile {
            version: 1,
            grade: "E0".to_owned(),
            rack: layout.rack(),
            operator_key: layout.operator_public(),
            zones,
            client: LabClient {
                cert: client.join("app.crt"),
                key: client.join("app.key"),
                ca: client.join("ca.crt"),
                id: client::client_id()
                    .spiffe(&self.manifest.domain)
                    .to_string(),
            },
            s3: LabS3 {
                endpoint: endpoint(&NODES[2]),
                access_key: CLIENT.to_owned(),
                secret_key: prepared.s3_secret.clone(),
                region: layout::REGION.to_owned(),
                bucket: layout::FILES_BUCKET.to_owned(),
            },
            intake: LabIntake {
                endpoint: endpoint(&NODES[1]),
                stream: layout::STREAM.to_owned(),
                survey: layout::SURVEY.to_owned(),
            },
        };
        let text = serde_json::to_string_pretty(&file).unwrap_or_default();
        let fresh = layout.lab_file().with_extension("new");
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, layout.lab_file()))
            .map_err(|error| {
                let refusal = Refusal::new(
                    "LAB-021",
                    "lab.json could not be written, so no tool finds the lab",
                    "look at the directory's owner and the free space",
                )
                .read(format!("{FILE_NAME}: {error}"));
                Failure::new(Exit::Config, refusal)
            })
    }

    /// Stops every program and says which did not stop as they should.
    pub fn stop(mut self) -> Vec<String> {
        let wrong = process::stop_all(&mut self.processes);
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        wrong
    }
}

fn lab_zone(layout: &Layout, node: &LabNode, pid: u32) -> Result<LabZone, Failure> {
    let state = layout.state(node);
    let signer = trail_key(&state.join("trail.key"), &layout.origin(node))
        .map_err(|refusal| Failure::new(Exit::Config, refusal))?;
    Ok(LabZone {
        name: node.zone().to_owned(),
        kind: node.kind.as_str().to_owned(),
        node: node.node.to_owned(),
        address: layout.address(node),
        server_name: format!("{}.{DOMAIN}", node.zone()),
        pid,
        trail: state.join("trail"),
        trail_key: signer.verifier_key().to_string(),
        state,
    })
}

/// Why a program is gone: the refusal it left, or the end of its log.
fn fallen(layout: &Layout, node: &LabNode, end: &str) -> Failure {
    let left = std::fs::read(layout.state(node).join(REFUSAL_FILE)).ok();
    let refusal = left
        .and_then(|text| serde_json::from_slice(&text).ok())
        .and_then(|value| Refusal::from_json(&value));
    if let Some(refusal) = refusal {
        return Failure::new(Exit::Policy, refusal);
    }
    let log = std::fs::read_to_string(layout.log(node)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines
        .get(lines.len().saturating_sub(LOG_LINES)..)
        .unwrap_or_default();
    let mut refusal = Refusal::new(
        "LAB-022",
        "a program of the lab ended by itself",
        "read its log; a code in it is explained by `cofferctl explain CODE`",
    )
    .read(format!("{}: {end}", node.kind.program()))
    .also(layout.log(node).display().to_string());
    for line in tail {
        refusal = refusal.also(*line);
    }
    Failure::new(Exit::TryAgain, refusal)
}
