//! The rule that no policy can remove.
//!
//! It is judged for every pair, whatever the policy says. A policy may add rules beside it and may
//! repeat it to give it a line of its own; there is no key that weakens it, and none may be added.

use crate::domain::Domain;
use crate::policy::{OnUnproven, ZoneRule};
use crate::refusal::RuleRef;
use crate::zone::{DataClass, Exposure, ZoneKind};

/// The widest thing that the constitution keeps apart.
pub const DOMAIN: Domain = Domain::Chassis;
/// What happens when it is not proven.
pub const ON_UNPROVEN: OnUnproven = OnUnproven::Refuse;
/// The rule in one sentence.
pub const TEXT: &str = "constitution: a zone of kind intake or of exposure public never shares \
    host, board or chassis with a zone that holds identifying data";
/// Its reason.
pub const WHY: &str = "what strangers can reach is what falls first, and what identifies people \
    must not stand on the same hardware when it does";

/// Whether the constitution speaks about two zones.
#[must_use]
pub fn covers(a: &ZoneRule, b: &ZoneRule) -> bool {
    a.name != b.name && ((is_front(a) && is_identifying(b)) || (is_front(b) && is_identifying(a)))
}

/// The constitution as a rule to be cited.
#[must_use]
pub fn rule() -> RuleRef {
    RuleRef::compiled(TEXT)
}

fn is_front(zone: &ZoneRule) -> bool {
    let by_kind = match zone.kind {
        ZoneKind::Intake => true,
        ZoneKind::Keeper | ZoneKind::Storage | ZoneKind::Analytics => false,
    };
    by_kind || zone.exposure == Exposure::Public
}

fn is_identifying(zone: &ZoneRule) -> bool {
    zone.data == DataClass::Identifying
}
