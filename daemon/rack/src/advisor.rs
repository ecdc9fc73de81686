//! Whether two services may be combined on one node: five criteria, each with its inputs and where
//! they stand.
//!
//! Pure, and an adviser only: it moves nothing, and no rule is ever weighed against a saving. What
//! is not written is missing, and what is missing gives `undecided`, never `combine`.

mod criteria;
mod read;
mod schedule;
mod shared;

use std::collections::{BTreeMap, BTreeSet};

use cofferdam_hwprofile::{Policy, Refusal, RuleRef, vocabulary};

use crate::{Code, Faults};

pub use criteria::advise;
pub use schedule::Schedule;
pub use shared::{SharedKind, SharedThing};

/// The file's name in a rack directory. It is no part of the manifest: advice admits nobody.
pub const FILE: &str = "services.toml";

/// The most of a node that the peaks of two services may use together, in percent.
pub const PEAK_LIMIT_PERCENT: u16 = 70;

/// Something that the file says, and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Its line.
    pub line: usize,
}

vocabulary! {
    /// What a service uses of a machine.
    pub enum Resource {
        /// Processors.
        Cpu = "cpu",
        /// Memory.
        Memory = "memory",
        /// Reading and writing drives.
        DiskIo = "disk_io",
        /// The network.
        Net = "net",
        /// Graphics processors.
        Gpu = "gpu",
    }
}

vocabulary! {
    /// How much of it.
    pub enum Level {
        /// Hardly any.
        Idle = "idle",
        /// Little.
        Low = "low",
        /// A good part.
        Medium = "medium",
        /// All it can get, for a long time.
        High = "high",
        /// All it can get, for a short time.
        Burst = "burst",
    }
}

impl Level {
    /// Its place in the order of use: a burst uses as much as high, and not for as long.
    const fn rank(self) -> u8 {
        match self {
            Self::Idle => 0,
            Self::Low => 1,
            Self::Medium => 2,
            Self::High | Self::Burst => 3,
        }
    }
}

/// How much a service uses of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// In words.
    pub level: Level,
    /// At its peak, in percent of the node.
    pub peak_percent: u16,
}

/// How a service is maintained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Who answers for it.
    pub owner: String,
    /// With what it is released.
    pub train: String,
    /// When it may be taken down.
    pub window: String,
    /// Where its patches come from.
    pub patches: String,
}

/// One service, as far as it is described. What is `None` was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The zone that it would run in; exposure, data and platform are the zone's.
    pub zone: Option<Sourced<String>>,
    /// What it shares with others.
    pub shares: Option<Sourced<BTreeSet<SharedThing>>>,
    /// What it uses; a resource that is missing was not written.
    pub usage: BTreeMap<Resource, Sourced<Usage>>,
    /// When it works.
    pub schedule: Option<Sourced<Schedule>>,
    /// Whether it must be able to grow on its own.
    pub scales_alone: Option<Sourced<bool>>,
    /// How it is maintained.
    pub maintenance: Option<Sourced<Maintenance>>,
    /// What it is built from.
    pub crates: Option<Sourced<BTreeSet<String>>>,
    /// Its line.
    pub line: usize,
}

/// The services of a rack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    file: String,
    services: BTreeMap<String, Service>,
}

impl Services {
    /// Reads the descriptions; `file` is the name under which lines are cited.
    ///
    /// # Errors
    /// All faults of the text at once, each with its line.
    pub fn parse(file: &str, text: &str, policy: &Policy) -> Result<Self, Faults> {
        read::read(file, text, policy)
    }

    /// One service.
    ///
    /// # Errors
    /// If none has the name; with the one that was probably meant.
    #[expect(clippy::result_large_err, reason = "a refusal is rare and read once")]
    pub fn service(&self, name: &str) -> Result<&Service, Refusal> {
        self.services.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.services.keys().map(String::as_str).collect();
            let near = crate::spelling::nearest(name, names.iter().copied());
            let fix = near.map_or_else(
                || format!("describe it, or name one of {}", names.join(", ")),
                |word| format!("did you mean {word}?"),
            );
            let consequence = "there is no such service, so nothing is advised";
            let code = Code::ServiceUnknown.as_str();
            Refusal::new(code, consequence, fix).read(format!("{}: no {name:?}", self.file))
        })
    }

    /// The services, by name.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// The name under which the file is cited.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }
}

vocabulary! {
    /// The criteria, in the order in which they are told.
    pub enum Criterion {
        /// No security risk: a veto.
        Security = "A1",
        /// They share more than a database.
        Shared = "A2",
        /// They need similar resources, or different ones.
        Resources = "A3",
        /// Neither must scale on its own.
        Scaling = "A4",
        /// They are maintained in the same manner and share code.
        Maintenance = "A5",
    }
}

impl Criterion {
    /// What it asks, in the words of the people whose rule it is.
    #[must_use]
    pub const fn question(self) -> &'static str {
        match self {
            Self::Security => "no security risk",
            Self::Shared => "they share more than a database backend",
            Self::Resources => "similar resources, or different ones at different intensity",
            Self::Scaling => "neither needs to scale on its own",
            Self::Maintenance => "maintained in the same manner with shared code",
        }
    }

    /// The code of a no.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Security => Code::AdviceSecurity,
            Self::Shared => Code::AdviceShared,
            Self::Resources => Code::AdviceResources,
            Self::Scaling => Code::AdviceScaling,
            Self::Maintenance => Code::AdviceMaintenance,
        }
    }
}

/// What one criterion came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds.
    Holds,
    /// It does not; what would have to change, unless it is final.
    Fails(Change),
    /// An input is missing: which.
    Missing(Vec<String>),
}

/// What would have to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing that can be changed: the rule is final.
    Final,
    /// It would become possible if this were so.
    Possible(String),
}

/// One criterion with everything that it was judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub criterion: Criterion,
    /// What it came to.
    pub answer: Answer,
    /// What was read, each with its file and line.
    pub inputs: Vec<String>,
    /// The rule that speaks, where one does.
    pub rule: Option<RuleRef>,
    /// Its reason.
    pub why: Option<String>,
}

vocabulary! {
    /// What is advised.
    pub enum Verdict {
        /// One unit, one identity, one node.
        Combine = "combine",
        /// Hardware of their own.
        Separate = "separate",
        /// Nobody can tell.
        Undecided = "undecided",
    }
}

/// The advice over two services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What is advised.
    pub verdict: Verdict,
    /// Every criterion, in order.
    pub findings: Vec<Finding>,
}

impl Advice {
    /// A no or a doubt as a refusal, with its code; none where combining is advised.
    #[must_use]
    pub fn refusal(&self, a: &Service, b: &Service) -> Option<Refusal> {
        let decides = |finding: &&Finding| match (self.verdict, &finding.answer) {
            (Verdict::Separate, Answer::Fails(_)) | (Verdict::Undecided, Answer::Missing(_)) => {
                true
            }
            (Verdict::Combine | Verdict::Separate | Verdict::Undecided, _) => false,
        };
        let first = self.findings.iter().find(decides)?;
        let (code, consequence) = match self.verdict {
            Verdict::Combine => return None,
            Verdict::Separate => (
                first.criterion.code(),
                format!("{} and {} stay on hardware of their own", a.name, b.name),
            ),
            Verdict::Undecided => (
                Code::AdviceUndecided,
                format!(
                    "nobody can tell whether {} and {} may be combined",
                    a.name, b.name
                ),
            ),
        };
        let fix = self
            .possible()
            .unwrap_or_else(|| code.entry().mend.to_owned());
        let mut refusal = Refusal::new(code.as_str(), consequence, fix);
        for finding in self.findings.iter().filter(decides) {
            for input in &finding.inputs {
                refusal = refusal.read(format!("{} {input}", finding.criterion));
            }
        }
        for finding in self.findings.iter().filter(|finding| !decides(finding)) {
            let word = finding.answer.word();
            let line = format!(
                "{} {word}: {}",
                finding.criterion,
                finding.criterion.question()
            );
            refusal = refusal.also(line);
        }
        if let Some(rule) = &first.rule {
            refusal = refusal.rule(rule.clone());
        }
        if let Some(why) = &first.why {
            refusal = refusal.why(why.clone());
        }
        Some(refusal)
    }

    /// What would make combining possible; none where it is, or can never be.
    #[must_use]
    pub fn possible(&self) -> Option<String> {
        let mut wanted = Vec::new();
        for finding in &self.findings {
            match &finding.answer {
                Answer::Holds => {}
                Answer::Fails(Change::Final) => return None,
                Answer::Fails(Change::Possible(change)) => wanted.push(change.clone()),
                Answer::Missing(inputs) => wanted.push(format!("write {}", inputs.join(", "))),
            }
        }
        let would = match self.verdict {
            Verdict::Combine => return None,
            Verdict::Separate => "would become possible if ",
            Verdict::Undecided => "to decide: ",
        };
        Some(format!("{would}{}", wanted.join("; and ")))
    }
}

impl Answer {
    /// The answer in one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails(_) => "fails",
            Self::Missing(_) => "missing",
        }
    }
}

#[cfg(test)]
mod tests;
