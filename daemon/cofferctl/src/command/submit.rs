//! `cofferctl submit`: records into intake, each answered only once it is durable there.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_link::Connection;
use cofferdam_node::Exit;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::cli::{RackArguments, SubmitKind};
use crate::clock::Stopwatch;
use crate::reach::{self, Answer, Reach};
use crate::verdict::{Failure, Outcome, Verdict};

/// From how many connections the command submits.
const CONNECTIONS: usize = 4;
/// How long a record is sent again if nothing else is said.
const PATIENCE: Duration = Duration::from_secs(10);
/// The wait before a record is sent again.
const RETRY: Duration = Duration::from_millis(50);

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    name: String,
    path: String,
    patience: Duration,
}

impl Target {
    pub(crate) fn stream(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: format!("/v1/streams/{name}/events"),
            patience: PATIENCE,
        }
    }

    pub(crate) fn survey(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: format!("/v1/surveys/{name}/responses"),
            patience: PATIENCE,
        }
    }

    /// The same, with records sent again for as long.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// What came of a submission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) stored: usize,
    pub(crate) duplicates: usize,
}

pub(crate) fn run(
    kind: SubmitKind,
    name: &str,
    file: Option<&Path>,
    patience: Duration,
    rack: &RackArguments,
) -> Outcome {
    let target = match kind {
        SubmitKind::Stream => Target::stream(name),
        SubmitKind::Survey => Target::survey(name),
    };
    let records = read_records(file)?;
    let count = records.len();
    let reach = Arc::new(Reach::open(&rack.directory)?);
    let grade = reach.file().grade.clone();
    let submitted = submit_all(reach, target.with_patience(patience), records, CONNECTIONS);
    let counts = reach::runtime()?.block_on(submitted)?;
    Ok(Verdict::yes(format!(
        "accepted: {} of {count} records durable at intake, {} of them were there already ({grade})",
        counts.stored + counts.duplicates,
        counts.duplicates
    ))
    .value(json!({ "stored": counts.stored, "duplicates": counts.duplicates })))
}

/// Submits records one by one from several connections at once.
///
/// # Errors
/// The first record that was refused or stayed without an answer.
pub(crate) async fn submit_all(
    reach: Arc<Reach>,
    target: Target,
    records: Vec<Value>,
    connections: usize,
) -> Result<Counts, Failure> {
    let run_id = random_id()?;
    let target = Arc::new(target);
    let records = Arc::new(records);
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..connections {
        let (reach, target, records) = (
            Arc::clone(&reach),
            Arc::clone(&target),
            Arc::clone(&records),
        );
        let run_id = run_id.clone();
        workers.spawn(async move {
            let mut lane = Lane {
                reach: &reach,
                target: &target,
                connection: None,
            };
            let mut counts = Counts::default();
            for (index, record) in records.iter().enumerate().skip(worker).step_by(connections) {
                let key = format!("{run_id}-{index}");
                lane.submit(record, &key, &mut counts).await?;
            }
            Ok::<Counts, Failure>(counts)
        });
    }
    let mut all = Counts::default();
    while let Some(ended) = workers.join_next().await {
        let counts = ended.map_err(|error| no_answer(&error.to_string()))??;
        all.stored += counts.stored;
        all.duplicates += counts.duplicates;
    }
    Ok(all)
}

/// One connection and what goes over it.
struct Lane<'a> {
    reach: &'a Reach,
    target: &'a Target,
    connection: Option<Connection>,
}

impl Lane<'_> {
    async fn submit(
        &mut self,
        record: &Value,
        key: &str,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        loop {
            let last = match self.attempt(record, key).await {
                Ok(answer) if answer.status == StatusCode::ACCEPTED => {
                    let duplicate =
                        serde_json::from_slice::<Value>(&answer.bytes).is_ok_and(|receipt| {
                            receipt.get("duplicate").is_some_and(|flag| flag == true)
                        });
                    if duplicate {
                        counts.duplicates += 1;
                    } else {
                        counts.stored += 1;
                    }
                    return Ok(());
                }
                Ok(answer) if answer.status.is_server_error() => answer.failure(),
                Ok(answer) => return Err(answer.failure()),
                Err(failure) => {
                    self.connection = None;
                    failure
                }
            };
            if watch.elapsed() >= self.target.patience {
                return Err(last);
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn attempt(&mut self, record: &Value, key: &str) -> Result<Answer, Failure> {
        let mut request = reach::request(Method::POST, &self.target.path, record.to_string())?;
        let headers = request.headers_mut();
        headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        let key = HeaderValue::from_str(key).map_err(|error| no_answer(&error.to_string()))?;
        headers.insert("idempotency-key", key);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reach.connect("intake").await?,
        };
        let answer = reach::ask_over(&mut connection, request).await;
        if answer.is_ok() {
            self.connection = Some(connection);
        }
        answer
    }
}

fn read_records(file: Option<&Path>) -> Result<Vec<Value>, Failure> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| super::object::file_failed(path, &error))?,
        None => {
            let mut text = String::new();
            std::io::stdin()
                .lock()
                .read_to_string(&mut text)
                .map_err(|error| super::object::file_failed(Path::new("standard input"), &error))?;
            text
        }
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| {
                let refusal = Refusal::new(
                    "CL-043",
                    "a line is not JSON, so nothing was submitted",
                    "write one JSON document a line (NDJSON)",
                )
                .read(format!("line {}: {error}", index + 1));
                Failure::new(Exit::Data, refusal)
            })
        })
        .collect()
}

fn random_id() -> Result<String, Failure> {
    use ring::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = [0_u8; 12];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_unspecified| no_answer("the system gave no randomness"))?;
    Ok(cofferdam_node::hex(&bytes))
}

fn no_answer(seen: &str) -> Failure {
    let refusal = Refusal::new(
        "CL-044",
        "a record stayed without an answer",
        "submit again; records that are there already are not stored twice with the same key",
    )
    .read(seen);
    Failure::new(Exit::TryAgain, refusal)
}
