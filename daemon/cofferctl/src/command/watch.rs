//! `cofferctl hw watch`: the watch that every node keeps over its hardware, shown to a person. It sees and judges as a node does, and
//! acts on nothing.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_hwprofile::drift::{Action, Finding, Law};
use cofferdam_hwprofile::refusal::one_line;
use cofferdam_node::Exit;
use cofferdam_node::drift::{Report, Seen, Source, Subject, Watch};
use serde_json::{Value, json};

use super::hw::source::{grade_of, machine};
use super::hw::{node_of, read_policy};
use crate::cli::WatchArguments;
use crate::clock::Stopwatch;
use crate::reach;
use crate::verdict::{Failure, Format, Outcome, Verdict};

/// How often everything is looked at, unless it is said otherwise.
const PERIOD: Duration = Duration::from_secs(60);
/// The same below another root, where nothing is ever heard.
const CAPTURE_PERIOD: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &WatchArguments, format: Format) -> Outcome {
    machine(&arguments.sysroot)?;
    let law = match (&arguments.policy, &arguments.node) {
        (Some(policy), Some(node)) => {
            let policy = read_policy(policy)?;
            let node = node_of(&policy, node)?;
            Some(Law {
                policy: Arc::new(policy),
                node,
            })
        }
        (None, _) | (_, None) => None,
    };
    let usual = if arguments.sysroot == Path::new("/") {
        PERIOD
    } else {
        CAPTURE_PERIOD
    };
    let subject = Subject {
        site: law
            .as_ref()
            .map_or_else(String::new, |law| law.policy.site().to_owned()),
        sysroot: arguments.sysroot.clone(),
        grade: grade_of(&arguments.sysroot),
        law,
        period: arguments.rescan.map_or(usual, Duration::from_secs),
    };
    let judged = if subject.law.is_some() {
        Standing::Keeps
    } else {
        Standing::Unjudged
    };
    let show = Show {
        format,
        quiet: judged,
        watch: Stopwatch::start(),
        standing: Standing::Unseen,
        counts: Counts::default(),
    };
    reach::runtime()?.block_on(watch(subject, arguments.seconds, show))
}

async fn watch(subject: Subject, seconds: Option<u64>, mut show: Show) -> Outcome {
    let source = if subject.sysroot == Path::new("/") {
        Source::kernel().unwrap_or_else(|error| {
            show.line(
                "deaf",
                &error.to_string(),
                json!({ "error": error.to_string() }),
            );
            Source::deaf()
        })
    } else {
        Source::deaf()
    };
    let mut watch = Watch::new(subject, source);
    let end = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        let report = tokio::select! {
            biased;
            _asked = &mut stop => break,
            () = &mut end => break,
            report = watch.next() => report,
        };
        show.report(report, &mut watch);
        if let Reader::Gone = show.reader() {
            break;
        }
    }
    show.end()
}

/// What was found last, by the codes of its refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Unseen,
    /// No policy was named: nothing is judged.
    Unjudged,
    Keeps,
    /// By the devices too: two of one kind are missed by one rule.
    Misses(Vec<String>, Vec<Refusal>),
    Breaks(Vec<Refusal>),
}

#[derive(Debug, Default)]
struct Counts {
    messages: u64,
    losses: u64,
    looks: u64,
    failed_writes: u64,
}

/// Whether anybody still reads.
enum Reader {
    There,
    Gone,
}

/// What is printed as it happens.
struct Show {
    format: Format,
    watch: Stopwatch,
    /// What it is called when no rule is broken.
    quiet: Standing,
    standing: Standing,
    counts: Counts,
}

impl Show {
    fn report(&mut self, report: Report, watch: &mut Watch) {
        match report {
            Report::Heard { classes, lost } => {
                let count: u64 = classes.values().sum();
                self.counts.messages = self.counts.messages.saturating_add(count);
                self.counts.losses = self.counts.losses.saturating_add(u64::from(lost));
                let mut words: Vec<String> = classes
                    .iter()
                    .map(|(class, count)| format!("{} {count}", class.as_str()))
                    .collect();
                if lost {
                    words.push("some were lost".to_owned());
                }
                let by_class: serde_json::Map<String, Value> = classes
                    .iter()
                    .map(|(class, count)| (class.as_str().to_owned(), Value::from(*count)))
                    .collect();
                self.line(
                    "heard",
                    &words.join(", "),
                    json!({ "classes": by_class, "lost": lost }),
                );
            }
            Report::Looked(seen) => self.looked(&seen),
            Report::Must(Action::Refuse(_)) => watch.judge_afresh(),
            Report::Must(action) => self.must(&action),
        }
    }

    /// A line where the verdict is another one than before; the looks between are only counted.
    fn looked(&mut self, seen: &Seen) {
        self.counts.looks = self.counts.looks.saturating_add(1);
        let (standing, words) = match &seen.finding {
            Finding::Keeps { .. } => (self.quiet.clone(), String::new()),
            Finding::Misses {
                devices, refusals, ..
            } => {
                let words: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                let devices = devices.iter().map(ToString::to_string).collect();
                (
                    Standing::Misses(devices, refusals.clone()),
                    words.join("\n"),
                )
            }
            Finding::Breaks { refusals, .. } => {
                let words: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                (Standing::Breaks(refusals.clone()), words.join("\n"))
            }
        };
        if standing == self.standing {
            return;
        }
        let refusals: Vec<Value> = match &seen.finding {
            Finding::Keeps { .. } => Vec::new(),
            Finding::Misses { refusals, .. } | Finding::Breaks { refusals, .. } => {
                refusals.iter().map(Refusal::to_json).collect()
            }
        };
        let since = seen.since_heard.map(|since| since.as_millis().to_string());
        let after = since
            .as_ref()
            .map_or_else(String::new, |ms| format!(", {ms} ms after the first event"));
        let value = json!({
            "verdict": standing.word(),
            "grade": seen.evidence.grade().to_string(),
            "scope": seen.scope.words(),
            "look_ms": u64::try_from(seen.took.as_millis()).unwrap_or(u64::MAX),
            "since_event_ms": seen.since_heard.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            "missing": standing.missing(),
            "refusals": refusals,
        });
        let mut text = format!("{} ({}{after})", standing.word(), seen.evidence.grade());
        if let missing @ [_, ..] = standing.missing() {
            text.push_str(": ");
            text.push_str(&one_line(&missing.join(", ")));
        }
        let text = if words.is_empty() {
            text
        } else {
            format!("{text}\n{words}")
        };
        self.standing = standing;
        self.line("verdict", &text, value);
    }

    fn must(&mut self, action: &Action) {
        match action {
            Action::StartGrace { device, until_ms } => {
                let text = format!(
                    "{}: may come back within 30 s",
                    one_line(&device.to_string())
                );
                self.line(
                    "grace",
                    &text,
                    json!({ "device": device.to_string(), "until_ms": until_ms }),
                );
            }
            Action::Recovered { device } => {
                self.line(
                    "back",
                    &one_line(&device.to_string()),
                    json!({ "device": device.to_string() }),
                );
            }
            Action::Record(changes) => {
                self.line(
                    "changed",
                    &one_line(&changes.join("; ")),
                    json!({ "changes": changes }),
                );
            }
            Action::Rescan(_) | Action::Refuse(_) | Action::WakeAt(_) => {}
        }
    }

    fn line(&mut self, event: &str, text: &str, value: Value) {
        let ms = self.watch.elapsed().as_millis();
        let line = match self.format {
            Format::Text => format!("{}.{:03} s  {event:<8} {text}\n", ms / 1000, ms % 1000),
            Format::Json => {
                let mut object = serde_json::Map::new();
                object.insert(
                    "at_ms".to_owned(),
                    Value::from(u64::try_from(ms).unwrap_or(u64::MAX)),
                );
                object.insert("event".to_owned(), Value::from(event));
                if let Value::Object(more) = value {
                    object.extend(more);
                }
                format!("{}\n", Value::Object(object))
            }
        };
        let mut out = std::io::stdout().lock();
        if out
            .write_all(line.as_bytes())
            .and_then(|()| out.flush())
            .is_err()
        {
            self.counts.failed_writes = self.counts.failed_writes.saturating_add(1);
        }
    }

    fn reader(&self) -> Reader {
        if self.counts.failed_writes > 0 {
            Reader::Gone
        } else {
            Reader::There
        }
    }

    fn end(self) -> Outcome {
        let counts = &self.counts;
        let value = json!({
            "verdict": self.standing.word(), "messages": counts.messages, "losses": counts.losses, "looks": counts.looks,
        });
        let line = format!(
            "{} at the end; {} messages heard, {} losses, {} looks",
            self.standing.word(),
            counts.messages,
            counts.losses,
            counts.looks
        );
        match self.standing {
            Standing::Keeps | Standing::Unjudged => Ok(Verdict::yes(line).value(value)),
            Standing::Misses(..) | Standing::Breaks(_) => {
                Ok(Verdict::no(line, Exit::Hardware).value(value))
            }
            Standing::Unseen => {
                let refusal = Refusal::new(
                    "CL-021",
                    "the watch ended before the first look did, so nothing was judged",
                    "watch for longer",
                );
                Err(Failure::new(Exit::TryAgain, refusal))
            }
        }
    }
}

impl Standing {
    /// The devices that may still come back.
    fn missing(&self) -> &[String] {
        match self {
            Self::Misses(devices, _) => devices,
            Self::Unseen | Self::Unjudged | Self::Keeps | Self::Breaks(_) => &[],
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Unjudged => "not judged",
            Self::Keeps => "match",
            Self::Misses(..) => "missing",
            Self::Breaks(_) => "refused",
        }
    }
}
