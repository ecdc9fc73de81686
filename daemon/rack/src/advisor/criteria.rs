//! The five criteria and the verdict over them. Each says what it read and from where; none reads
//! anything that is not handed in.

use std::collections::BTreeSet;

use cofferdam_hwprofile::policy::Ruling;
use cofferdam_hwprofile::{DataClass, Domain, Exposure, Policy, RuleRef, Scope, ZoneRule};

use super::{
    Advice, Answer, Change, Criterion, Finding, Level, Maintenance, PEAK_LIMIT_PERCENT, Resource,
    Service, Services, SharedThing, Sourced, Usage, Verdict,
};

/// Advises on two services of a file.
#[must_use]
pub fn advise(policy: &Policy, services: &Services, a: &Service, b: &Service) -> Advice {
    let pair = Pair {
        policy,
        file: services.file(),
        a,
        b,
    };
    let findings = vec![
        pair.security(),
        pair.shared(),
        pair.resources(),
        pair.scaling(),
        pair.maintenance(),
    ];
    let vetoed = findings
        .first()
        .is_some_and(|finding| matches!(finding.answer, Answer::Fails(_)));
    let any = |asked: fn(&Answer) -> bool| findings.iter().any(|found| asked(&found.answer));
    let verdict = if vetoed {
        Verdict::Separate
    } else if any(|answer| matches!(answer, Answer::Missing(_))) {
        Verdict::Undecided
    } else if any(|answer| matches!(answer, Answer::Fails(_))) {
        Verdict::Separate
    } else {
        Verdict::Combine
    };
    Advice { verdict, findings }
}

/// Two services under one policy.
struct Pair<'a> {
    policy: &'a Policy,
    file: &'a str,
    a: &'a Service,
    b: &'a Service,
}

/// The names of the inputs that one side or the other leaves out.
fn missing<T>(key: &str, sides: [(&Service, Option<T>); 2]) -> Vec<String> {
    let lacks = sides.into_iter().filter(|(_, input)| input.is_none());
    lacks
        .map(|(service, _)| format!("service.{}.{key}", service.name))
        .collect()
}

fn found(criterion: Criterion, answer: Answer, inputs: Vec<String>) -> Finding {
    Finding {
        criterion,
        answer,
        inputs,
        rule: None,
        why: None,
    }
}

fn possible(change: impl Into<String>) -> Answer {
    Answer::Fails(Change::Possible(change.into()))
}

impl<'a> Pair<'a> {
    fn cited(&self, line: usize, text: &str) -> String {
        format!("{}:{line}  {text}", self.file)
    }

    fn zone(&self, service: &Service) -> Option<&'a ZoneRule> {
        let name = service.zone.as_ref()?.value.parse().ok()?;
        self.policy.zone(&name)
    }

    fn told_zone(&self, zone: &ZoneRule) -> String {
        format!(
            "{}:{}  zone {}: exposure {}, data {}, platform {}",
            self.policy.file(),
            zone.line,
            zone.name,
            zone.exposure,
            zone.data,
            zone.platform.name
        )
    }

    /// What each side says of one thing, as far as it says it.
    fn told<T>(
        &self,
        sides: [(&Service, Option<&Sourced<T>>); 2],
        words: impl Fn(&T) -> String,
    ) -> Vec<String> {
        let told = sides.into_iter().filter_map(|(service, said)| {
            let Sourced { value, line } = said?;
            let text = format!("{}: {}", service.name, words(value));
            Some(self.cited(*line, &text))
        });
        told.collect()
    }

    /// A1: a veto. A rule at host, what strangers reach beside what identifies people, or platforms
    /// that ask for other things.
    fn security(&self) -> Finding {
        let (a, b) = match (self.zone(self.a), self.zone(self.b)) {
            (Some(a), Some(b)) => (a, b),
            (a, b) => {
                let lacks = missing("zone", [(self.a, a), (self.b, b)]);
                let inputs = a.into_iter().chain(b).map(|zone| self.told_zone(zone));
                return found(
                    Criterion::Security,
                    Answer::Missing(lacks),
                    inputs.collect(),
                );
            }
        };
        let inputs = [a, b].map(|zone| self.told_zone(zone));
        let mut finding = found(Criterion::Security, Answer::Holds, inputs.into());
        if let Ruling::Apart(apart) = self.policy.ruling(a, b, Scope::Domain(Domain::Host)) {
            finding.answer = Answer::Fails(Change::Final);
            finding.rule = Some(apart.rule);
            finding.why = Some(apart.why);
        } else if is_exposed_beside_identifying(a, b) {
            finding.answer = Answer::Fails(Change::Final);
            finding.rule = Some(RuleRef::compiled(
                "advisor A1: what is public never runs with what identifies people",
            ));
        } else if !a.platform.asks_the_same(&b.platform) {
            finding.answer = Answer::Fails(Change::Final);
            finding.rule = Some(RuleRef::compiled(format!(
                "advisor A1: one node meets one platform; these are {} and {}",
                a.platform.name, b.platform.name
            )));
        }
        finding
    }

    /// A2.
    fn shared(&self) -> Finding {
        let (Some(a), Some(b)) = (&self.a.shares, &self.b.shares) else {
            let sides = [
                (self.a, self.a.shares.as_ref()),
                (self.b, self.b.shares.as_ref()),
            ];
            let lacks = missing("shares", sides);
            let inputs = self.told(sides, listed);
            return found(Criterion::Shared, Answer::Missing(lacks), inputs);
        };
        let both: Vec<String> = a
            .value
            .intersection(&b.value)
            .map(ToString::to_string)
            .collect();
        let counts = a
            .value
            .intersection(&b.value)
            .any(|thing| thing.kind.counts());
        let told = if both.is_empty() {
            "nothing".to_owned()
        } else {
            both.join(", ")
        };
        let inputs = vec![
            self.cited(
                a.line,
                &format!("{} shares with {}: {told}", self.a.name, self.b.name),
            ),
            self.cited(b.line, &format!("shares of {}", self.b.name)),
        ];
        let answer = if counts {
            Answer::Holds
        } else {
            possible("they shared more than a database")
        };
        found(Criterion::Shared, answer, inputs)
    }

    /// A3.
    fn resources(&self) -> Finding {
        let (mut inputs, lacks) = self.usage();
        let schedules = (&self.a.schedule, &self.b.schedule);
        let (Some(a_when), Some(b_when), true) = (schedules.0, schedules.1, lacks.is_empty())
        else {
            let mut lacks = lacks;
            let sides = [
                (self.a, self.a.schedule.as_ref()),
                (self.b, self.b.schedule.as_ref()),
            ];
            lacks.extend(missing("schedule", sides));
            inputs.extend(self.schedules());
            return found(Criterion::Resources, Answer::Missing(lacks), inputs);
        };
        inputs.extend(self.schedules());
        if !a_when.value.overlaps(b_when.value) {
            return found(Criterion::Resources, Answer::Holds, inputs);
        }
        let over = Resource::ALL.iter().find_map(|resource| {
            let peaks = [self.a, self.b].map(|service| peak(service, *resource));
            let sum = peaks
                .iter()
                .fold(0_u16, |sum, peak| sum.saturating_add(*peak));
            (sum > PEAK_LIMIT_PERCENT).then_some((*resource, sum))
        });
        if let Some((resource, sum)) = over {
            let change = format!(
                "their peaks of {resource} took {PEAK_LIMIT_PERCENT} % of the node together \
                 instead of {sum} %, or their schedules did not overlap"
            );
            return found(Criterion::Resources, possible(change), inputs);
        }
        let (a, b) = (dominant(self.a), dominant(self.b));
        let differ = a.1.iter().all(|resource| !b.1.contains(resource));
        let similar = a.0.abs_diff(b.0) <= 1;
        let answer = if differ || similar {
            Answer::Holds
        } else {
            possible("they used the same resource at a similar level, or different ones")
        };
        found(Criterion::Resources, answer, inputs)
    }

    fn schedules(&self) -> Vec<String> {
        let sides = [self.a, self.b].map(|service| (service, service.schedule.as_ref()));
        self.told(sides, |when| format!("works {when}"))
    }

    /// What both use, and what is not written about it.
    fn usage(&self) -> (Vec<String>, Vec<String>) {
        let (mut inputs, mut lacks) = (Vec::new(), Vec::new());
        for service in [self.a, self.b] {
            let mut told = Vec::new();
            let mut first = None;
            for resource in Resource::ALL {
                match service.usage.get(resource) {
                    Some(Sourced { value, line }) => {
                        first = first.or(Some(*line));
                        let Usage {
                            level,
                            peak_percent,
                        } = value;
                        told.push(format!("{resource} {level} {peak_percent} %"));
                    }
                    None => lacks.push(format!("service.{}.resources.{resource}", service.name)),
                }
            }
            if let Some(line) = first {
                let text = format!("{}: {}", service.name, told.join(", "));
                inputs.push(self.cited(line, &text));
            }
        }
        (inputs, lacks)
    }

    /// A4.
    fn scaling(&self) -> Finding {
        let sides = [self.a, self.b].map(|service| (service, service.scales_alone.as_ref()));
        let inputs = self.told(sides, |alone| format!("scales_alone = {alone}"));
        let (Some(a), Some(b)) = (&self.a.scales_alone, &self.b.scales_alone) else {
            let lacks = missing("scales_alone", sides);
            return found(Criterion::Scaling, Answer::Missing(lacks), inputs);
        };
        let alone: Vec<&str> = [(self.a, a), (self.b, b)]
            .into_iter()
            .filter(|(_, alone)| alone.value)
            .map(|(service, _)| service.name.as_str())
            .collect();
        let answer = if alone.is_empty() {
            Answer::Holds
        } else {
            possible(format!(
                "{} needed not scale on its own",
                alone.join(" and ")
            ))
        };
        found(Criterion::Scaling, answer, inputs)
    }

    /// A5.
    fn maintenance(&self) -> Finding {
        let kept = [self.a, self.b].map(|service| (service, service.maintenance.as_ref()));
        let built = [self.a, self.b].map(|service| (service, service.crates.as_ref()));
        let mut inputs = self.told(kept, |kept| {
            let Maintenance {
                owner,
                train,
                window,
                patches,
            } = kept;
            format!("owner {owner}, train {train}, window {window}, patches {patches}")
        });
        inputs.extend(self.told(built, |crates| {
            let names: Vec<&str> = crates.iter().map(String::as_str).collect();
            format!("crates {}", names.join(", "))
        }));
        let parts = (
            self.a.maintenance.as_ref().zip(self.b.maintenance.as_ref()),
            self.a.crates.as_ref().zip(self.b.crates.as_ref()),
        );
        let (Some((a, b)), Some((a_crates, b_crates))) = parts else {
            let mut lacks = missing("maintenance", kept);
            lacks.extend(missing("crates", built));
            return found(Criterion::Maintenance, Answer::Missing(lacks), inputs);
        };
        let both: Vec<&str> = a_crates
            .value
            .intersection(&b_crates.value)
            .map(String::as_str)
            .collect();
        let wanted: Vec<&str> = [
            (
                a.value.owner != b.value.owner,
                "one owner answered for both",
            ),
            (
                a.value.train != b.value.train,
                "both were on one release train",
            ),
            (
                a.value.window != b.value.window,
                "both were taken down in one window",
            ),
            (
                a.value.patches != b.value.patches,
                "both took their patches from one source",
            ),
            (both.is_empty(), "they shared code"),
        ]
        .into_iter()
        .filter_map(|(differs, change)| differs.then_some(change))
        .collect();
        let answer = if wanted.is_empty() {
            Answer::Holds
        } else {
            possible(wanted.join(" and "))
        };
        found(Criterion::Maintenance, answer, inputs)
    }
}

/// What a service shares, in words.
fn listed(things: &BTreeSet<SharedThing>) -> String {
    let things: Vec<String> = things.iter().map(ToString::to_string).collect();
    format!("shares {}", things.join(", "))
}

fn is_exposed_beside_identifying(a: &ZoneRule, b: &ZoneRule) -> bool {
    let one_way = |a: &ZoneRule, b: &ZoneRule| {
        a.exposure == Exposure::Public && b.data == DataClass::Identifying
    };
    one_way(a, b) || one_way(b, a)
}

fn peak(service: &Service, resource: Resource) -> u16 {
    let usage = service.usage.get(&resource);
    usage.map_or(0, |usage| usage.value.peak_percent)
}

/// The resources that a service uses most, and how much.
fn dominant(service: &Service) -> (u8, Vec<Resource>) {
    let rank = |level: Level| level.rank();
    let most = service
        .usage
        .values()
        .map(|usage| rank(usage.value.level))
        .max()
        .unwrap_or(0);
    let resources = service
        .usage
        .iter()
        .filter(|(_, usage)| rank(usage.value.level) == most)
        .map(|(resource, _)| *resource)
        .collect();
    (most, resources)
}

#[cfg(test)]
mod tests;
