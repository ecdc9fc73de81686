//! `[[separate]]`: which zones may never share what.
//!
//! Owns the rule and the search for rules that can never fire. It must never weaken the
//! constitution.

use std::collections::{BTreeMap, BTreeSet};

use crate::ZoneName;
use crate::code::Code;
use crate::constitution;
use crate::domain::Domain;
use crate::policy::fault::{Faults, Located};
use crate::policy::file;
use crate::policy::raw::Table;
use crate::policy::zone::ZoneRule;
use crate::refusal::RuleRef;
use crate::vocabulary;
use crate::zone::DataClass;

const KEYS: &[&str] = &["zones", "domain", "on_unproven", "why"];
/// Every other zone.
const EVERY: &str = "*";

vocabulary! {
    /// What happens when separation is neither shown nor contradicted.
    pub enum OnUnproven {
        /// The pair is refused.
        Refuse = "refuse",
        /// The pair is admitted and the doubt is reported. Never where a zone holds identifying data.
        Warn = "warn",
    }
}

/// The second side of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Other {
    /// One zone.
    Zone(ZoneName),
    /// Every other zone, written `*`.
    Every,
}

/// One separation rule of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Separation {
    /// The first zone.
    pub zone: ZoneName,
    /// The zone or zones that it is kept from.
    pub other: Other,
    /// The widest thing that must not be shared.
    pub domain: Domain,
    /// What happens when separation is not proven.
    pub on_unproven: OnUnproven,
    /// The reason, in the words of the file.
    pub why: String,
    /// Where the rule stands.
    pub rule: RuleRef,
}

impl Separation {
    /// Whether the rule speaks about this pair of zones, in either order.
    #[must_use]
    pub fn covers(&self, a: &ZoneName, b: &ZoneName) -> bool {
        let one_way = |a: &ZoneName, b: &ZoneName| {
            self.zone == *a
                && match &self.other {
                    Other::Zone(zone) => zone == b,
                    Other::Every => a != b,
                }
        };
        a != b && (one_way(a, b) || one_way(b, a))
    }

    /// Whether this rule asks for everything that another asks for, and which of two equal ones
    /// came first.
    fn makes_useless(&self, other: &Self, order: std::cmp::Ordering) -> bool {
        let as_strict =
            self.on_unproven == OnUnproven::Refuse || other.on_unproven == OnUnproven::Warn;
        let equal = self.domain == other.domain && self.on_unproven == other.on_unproven;
        self.domain >= other.domain && as_strict && (!equal || order.is_lt())
    }

    /// The rule as one line.
    fn sentence(&self) -> String {
        let other = match &self.other {
            Other::Zone(zone) => zone.as_str(),
            Other::Every => EVERY,
        };
        format!("separate {}, {other} at {}", self.zone, self.domain)
    }
}

pub(super) fn read(
    top: &Table<'_, '_>,
    known: &BTreeSet<ZoneName>,
    zones: &BTreeMap<ZoneName, ZoneRule>,
    faults: &mut Faults,
) -> Vec<Separation> {
    let tables = top.listed_tables("separate", KEYS, faults);
    let rules: Vec<Separation> = tables
        .iter()
        .filter_map(|table| read_one(table, known, faults))
        .collect();
    for rule in &rules {
        check_warning(rule, zones, faults);
    }
    let pairs = pairs(known);
    for (index, rule) in rules.iter().enumerate() {
        let whole = Whole {
            rules: &rules,
            pairs: &pairs,
            zones,
        };
        check_use(index, rule, whole, faults);
    }
    rules
}

fn read_one(
    table: &Table<'_, '_>,
    known: &BTreeSet<ZoneName>,
    faults: &mut Faults,
) -> Option<Separation> {
    let sides = sides(table, known, faults);
    let domain = table.required_word::<Domain>("domain", Domain::WORDS, faults);
    let on_unproven = table.word::<OnUnproven>("on_unproven", OnUnproven::WORDS, faults);
    let why = table.text("why", faults);
    if !table.has("why") {
        table.missing("why", "\"the reason, for whoever meets the rule\"", faults);
    } else if why.as_ref().is_some_and(|why| why.value.trim().is_empty()) {
        let fix = "write the reason, for whoever meets the rule".to_owned();
        let consequence = "a rule without a reason is not kept for long".to_owned();
        faults.push(Code::NotAllowed, table.rule_of("why"), consequence, fix);
    }
    let (zone, other) = sides?;
    let mut rule = Separation {
        zone,
        other,
        domain: domain?.value,
        on_unproven: on_unproven.map_or(OnUnproven::Refuse, |word| word.value),
        why: why?.value,
        rule: table.rule_of("zones"),
    };
    rule.rule.text = rule.sentence();
    Some(rule)
}

fn sides(
    table: &Table<'_, '_>,
    known: &BTreeSet<ZoneName>,
    faults: &mut Faults,
) -> Option<(ZoneName, Other)> {
    if !table.has("zones") {
        table.missing("zones", "[\"one\", \"other\"]", faults);
    }
    let names = table.texts("zones", faults)?;
    let (first, second) = match names.as_slice() {
        [first, second] if first.value != EVERY => (first, second),
        [first, second] if second.value != EVERY => (second, first),
        _ => {
            let consequence = "a rule speaks about two zones".to_owned();
            let fix = "write zones = [\"one\", \"other\"], or \"*\" for every other".to_owned();
            faults.push(Code::NotAllowed, table.rule_of("zones"), consequence, fix);
            return None;
        }
    };
    let zone = file::known_zone(first, known, faults);
    if second.value == EVERY {
        return Some((zone?, Other::Every));
    }
    let other = file::known_zone(second, known, faults);
    never_alone(first, second, faults)?;
    Some((zone?, Other::Zone(other?)))
}

/// A zone is never kept from itself: its nodes hold the same data.
fn never_alone(
    first: &Located<String>,
    second: &Located<String>,
    faults: &mut Faults,
) -> Option<()> {
    if first.value != second.value {
        return Some(());
    }
    let consequence = format!("a rule between {} and itself never fires", first.value);
    let fix = "name two zones, or \"*\" for every other".to_owned();
    faults.push(Code::NeverFires, second.rule.clone(), consequence, fix);
    None
}

fn pairs(known: &BTreeSet<ZoneName>) -> Vec<(&ZoneName, &ZoneName)> {
    let zones: Vec<&ZoneName> = known.iter().collect();
    let after = |index: usize| zones.iter().skip(index + 1).copied();
    zones
        .iter()
        .enumerate()
        .flat_map(|(i, a)| after(i).map(move |b| (*a, b)))
        .collect()
}

/// A mere warning is not enough where a zone holds data that identify people.
fn check_warning(rule: &Separation, zones: &BTreeMap<ZoneName, ZoneRule>, faults: &mut Faults) {
    let touches = |zone: &&ZoneRule| match &rule.other {
        Other::Zone(other) => zone.name == rule.zone || zone.name == *other,
        Other::Every => true,
    };
    let identifying = zones
        .values()
        .filter(|zone| zone.data == DataClass::Identifying)
        .find(touches);
    if let (OnUnproven::Warn, Some(zone)) = (rule.on_unproven, identifying) {
        let consequence = format!(
            "on_unproven = \"warn\" cannot hold for {}, whose data identify people",
            zone.name
        );
        let fix = "remove on_unproven, or name the zones that it may hold for".to_owned();
        faults.push(Code::WarnOnIdentifying, rule.rule.clone(), consequence, fix);
    }
}

/// A rule must decide something that no other rule decides.
fn check_use(
    index: usize,
    rule: &Separation,
    Whole {
        rules,
        pairs,
        zones,
    }: Whole<'_>,
    faults: &mut Faults,
) {
    let mut stronger = None;
    let mut spoken = false;
    for (a, b) in pairs.iter().filter(|(a, b)| rule.covers(a, b)) {
        spoken = true;
        let other = rules.iter().enumerate().find(|(at, other)| {
            *at != index && other.covers(a, b) && other.makes_useless(rule, at.cmp(&index))
        });
        match other {
            Some((_, other)) => stronger = Some(Stronger::Rule(other)),
            None if is_below_constitution(rule, zones.get(*a), zones.get(*b)) => {
                stronger = stronger.or(Some(Stronger::Constitution));
            }
            None => return,
        }
    }
    if !spoken {
        let consequence = format!("{} never fires: there is no other zone", rule.rule.text);
        let fix = "define the other zone, or remove the rule".to_owned();
        faults.push(Code::NeverFires, rule.rule.clone(), consequence, fix);
    } else if let Some(stronger) = stronger {
        let (first, fix) = match stronger {
            Stronger::Rule(other) => (
                format!("line {} does first", other.rule.line),
                format!("remove it, or the rule {}", other.rule.text),
            ),
            Stronger::Constitution => (
                format!("the constitution does at {}", constitution::DOMAIN),
                "remove it, or write a wider domain".to_owned(),
            ),
        };
        let consequence = format!("{} never decides: {first}", rule.rule.text);
        faults.push(Code::Shadowed, rule.rule.clone(), consequence, fix);
    }
}

/// What a rule is weighed against.
#[derive(Clone, Copy)]
struct Whole<'r> {
    rules: &'r [Separation],
    pairs: &'r [(&'r ZoneName, &'r ZoneName)],
    zones: &'r BTreeMap<ZoneName, ZoneRule>,
}

/// What makes a rule useless.
enum Stronger<'r> {
    Rule(&'r Separation),
    Constitution,
}

/// Whether the constitution parts the pair at a wider domain than the rule. A rule as wide as it is
/// welcome: it gives the constitution a line and a reason of its own.
fn is_below_constitution(rule: &Separation, a: Option<&ZoneRule>, b: Option<&ZoneRule>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return false;
    };
    rule.domain < constitution::DOMAIN && constitution::covers(a, b)
}
