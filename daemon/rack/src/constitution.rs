//! The flows that no manifest can allow.
//!
//! Owns those rules. They are code, so that a manifest may add to them and never take one away.

use std::collections::BTreeMap;

use cofferdam_hwprofile::{DataClass, Exposure, Policy, ZoneKind, ZoneName};

use crate::{Code, Verb};

/// What the rules need to know of a zone of the rack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZoneFacts {
    pub(crate) kind: ZoneKind,
    pub(crate) exposure: Exposure,
    pub(crate) holds: DataClass,
}

impl ZoneFacts {
    /// The facts of every zone of the policy.
    pub(crate) fn of(policy: &Policy) -> BTreeMap<ZoneName, Self> {
        let facts = policy.zones().map(|zone| {
            let facts = Self {
                kind: zone.kind,
                exposure: zone.exposure,
                holds: zone.data,
            };
            (zone.name.clone(), facts)
        });
        facts.collect()
    }

    /// Whether it is likely to fall first.
    fn is_exposed(self) -> bool {
        self.kind == ZoneKind::Intake || self.exposure == Exposure::Public
    }

    fn identifies(self) -> bool {
        self.holds == DataClass::Identifying
    }
}

/// The rule that forbids this verb between these two, if one does. `from` is `None` for a client.
pub(crate) fn forbids(from: Option<ZoneFacts>, to: ZoneFacts, verb: Verb) -> Option<Code> {
    let Some(from) = from else {
        return matches!(verb, Verb::KeyNew | Verb::KeyOpen).then_some(Code::ClientKeys);
    };
    let reaches_in = match verb {
        Verb::Read | Verb::List | Verb::Delete | Verb::Share | Verb::KeyOpen | Verb::Query => true,
        Verb::Append | Verb::KeyNew | Verb::Lease | Verb::Cosign => false,
    };
    if !reaches_in {
        return None;
    }
    if from.is_exposed() && to.identifies() {
        return Some(Code::ExposedReads);
    }
    match from.kind {
        ZoneKind::Intake => Some(Code::IntakeReads),
        ZoneKind::Keeper => Some(Code::KeeperReads),
        ZoneKind::Storage | ZoneKind::Analytics => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPER: ZoneFacts = facts(ZoneKind::Keeper, Exposure::Internal, DataClass::None);
    const STORE: ZoneFacts = facts(
        ZoneKind::Storage,
        Exposure::Internal,
        DataClass::Identifying,
    );
    const PLAIN: ZoneFacts = facts(ZoneKind::Storage, Exposure::Internal, DataClass::Aggregate);
    const INTAKE: ZoneFacts = facts(ZoneKind::Intake, Exposure::Partner, DataClass::Pseudonymous);
    const TABLES: ZoneFacts = facts(
        ZoneKind::Analytics,
        Exposure::Internal,
        DataClass::Aggregate,
    );
    const OPEN: ZoneFacts = facts(ZoneKind::Analytics, Exposure::Public, DataClass::Aggregate);

    const fn facts(kind: ZoneKind, exposure: Exposure, holds: DataClass) -> ZoneFacts {
        ZoneFacts {
            kind,
            exposure,
            holds,
        }
    }

    /// The verbs that may be granted between the two.
    fn check(from: Option<ZoneFacts>, to: ZoneFacts, allowed: &[Verb], otherwise: Code) {
        for verb in Verb::ALL {
            let expect = (!allowed.contains(verb)).then_some(otherwise);
            assert_eq!(forbids(from, to, *verb), expect, "{verb}");
        }
    }

    const WRITES: &[Verb] = &[Verb::Append, Verb::KeyNew, Verb::Lease, Verb::Cosign];

    #[test]
    fn an_exposed_zone_writes_to_identifying_data_and_never_reads_it() {
        check(Some(INTAKE), STORE, WRITES, Code::ExposedReads);
        check(Some(OPEN), STORE, WRITES, Code::ExposedReads);
    }

    #[test]
    fn intake_is_write_only_wherever_it_turns() {
        check(Some(INTAKE), PLAIN, WRITES, Code::IntakeReads);
        check(Some(INTAKE), KEEPER, WRITES, Code::IntakeReads);
        check(Some(INTAKE), TABLES, WRITES, Code::IntakeReads);
    }

    #[test]
    fn the_keeper_fetches_nothing() {
        check(Some(KEEPER), STORE, WRITES, Code::KeeperReads);
    }

    #[test]
    fn an_internal_zone_may_be_granted_anything() {
        check(Some(TABLES), STORE, Verb::ALL, Code::ExposedReads);
        check(Some(STORE), KEEPER, Verb::ALL, Code::ExposedReads);
        check(Some(OPEN), PLAIN, Verb::ALL, Code::ExposedReads);
    }

    #[test]
    fn a_client_never_gets_a_data_key() {
        let allowed: Vec<Verb> = Verb::ALL
            .iter()
            .copied()
            .filter(|verb| !matches!(verb, Verb::KeyNew | Verb::KeyOpen))
            .collect();
        check(None, STORE, &allowed, Code::ClientKeys);
        check(None, KEEPER, &allowed, Code::ClientKeys);
    }
}
