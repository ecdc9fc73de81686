//! The JSON form of evidence, versioned, sorted and bounded.
//!
//! Reads only what it wrote: an unknown version, an unknown key or a list beyond its bound is
//! refused.

use serde_json::Value;

use crate::domain::WitnessKind;
use crate::evidence::{Evidence, EvidenceError, GpuSummary, Machine, Sighting, Unseen};
use crate::fact::Reading;
use crate::grade::Grade;
use crate::identity::Reach;
use crate::inventory::GpuDivision;
use crate::wire::{FromWire, ToWire, object, wire_word};

/// The version of the JSON form.
pub const EVIDENCE_VERSION: u64 = 2;

const KEYS: &[&str] = &["version", "grade", "site", "witnesses", "unseen", "machine"];
/// The longest hint, in characters: an ellipsis and four more.
const HINT_LIMIT: usize = 5;

wire_word!(WitnessKind, Reach);

pub(super) fn write(evidence: &Evidence) -> Value {
    object([
        ("version", Value::from(EVIDENCE_VERSION)),
        ("grade", Value::from(evidence.grade.as_str())),
        ("site", evidence.site.to_value()),
        ("witnesses", evidence.witnesses.to_value()),
        ("unseen", evidence.unseen.to_value()),
        ("machine", evidence.machine.to_value()),
    ])
}

pub(super) fn read(value: &Value) -> Result<Evidence, EvidenceError> {
    let fault = |part: &'static str| EvidenceError { part };
    let object = value.as_object().ok_or(fault("the object"))?;
    if object.keys().any(|key| !KEYS.contains(&key.as_str())) {
        return Err(fault("an unknown key"));
    }
    if value.get("version").and_then(Value::as_u64) != Some(EVIDENCE_VERSION) {
        return Err(fault("version"));
    }
    let grade = value.get("grade").and_then(Value::as_str);
    let grade = grade
        .and_then(|grade| grade.parse::<Grade>().ok())
        .ok_or(fault("grade"))?;
    let mut witnesses: Vec<Sighting> = part(value, "witnesses").ok_or(fault("witnesses"))?;
    witnesses.sort_unstable();
    witnesses.dedup();
    Ok(Evidence {
        grade,
        site: part(value, "site").ok_or(fault("site"))?,
        witnesses,
        unseen: part(value, "unseen").ok_or(fault("unseen"))?,
        machine: part(value, "machine").ok_or(fault("machine"))?,
    })
}

fn part<T: FromWire>(value: &Value, key: &str) -> Option<T> {
    T::from_value(value.get(key)?)
}

impl ToWire for Sighting {
    fn to_value(&self) -> Value {
        object([
            ("kind", self.kind.to_value()),
            ("token", Value::from(self.token.to_string())),
            ("hint", self.hint.to_value()),
            ("path", self.path.to_value()),
            ("reach", self.reach.to_value()),
        ])
    }
}

impl FromWire for Sighting {
    fn from_value(value: &Value) -> Option<Self> {
        Some(Self {
            kind: part(value, "kind")?,
            token: value.get("token")?.as_str()?.parse().ok()?,
            hint: part::<String>(value, "hint").filter(|h| h.chars().count() <= HINT_LIMIT)?,
            path: part(value, "path")?,
            reach: part(value, "reach")?,
        })
    }
}

impl ToWire for Unseen {
    fn to_value(&self) -> Value {
        object([
            ("kind", self.kind.to_value()),
            ("reading", self.reading.to_value()),
        ])
    }
}

impl FromWire for Unseen {
    fn from_value(value: &Value) -> Option<Self> {
        let reading: Reading<String> = part(value, "reading")?;
        let unseen = reading.value().is_none();
        unseen.then_some(Self {
            kind: part(value, "kind")?,
            reading,
        })
    }
}

impl ToWire for GpuSummary {
    fn to_value(&self) -> Value {
        object([
            ("vendor", self.vendor.to_value()),
            ("division", self.division.to_value()),
        ])
    }
}

impl FromWire for GpuSummary {
    fn from_value(value: &Value) -> Option<Self> {
        let division: GpuDivision = part(value, "division")?;
        Some(Self {
            vendor: part(value, "vendor")?,
            division,
        })
    }
}

/// Writes and reads the same list of fields, so that neither can forget one.
macro_rules! fields {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl ToWire for $name {
            fn to_value(&self) -> Value {
                object([$((stringify!($field), self.$field.to_value())),+])
            }
        }

        impl FromWire for $name {
            fn from_value(value: &Value) -> Option<Self> {
                Some(Self { $($field: part(value, stringify!($field))?),+ })
            }
        }
    };
}

fields!(Machine {
    sys_vendor,
    product_name,
    boards,
    enclosures,
    virtualization,
    container,
    secure_boot,
    lockdown,
    iommu,
    tpm,
    vulnerabilities,
    removable,
    memory_bytes,
    disks,
    nics,
    gpus,
    named_disks,
    named_nics,
    named_gpus,
});
