//! The roots of every zone. A zone's roots vouch for that zone and for no other: there is no list
//! of all roots to ask.

use std::collections::BTreeMap;

use serde_json::Value;

use super::CERTIFICATE_LIMIT_BYTES;
use crate::wire::{self, Object};
use crate::{TrustDomain, WireError, WireErrorKind};

/// The most trust domains of a bundle.
const DOMAINS_LIMIT: usize = 128;
/// The most roots of one zone: the one in force, and those of a rotation.
const ROOTS_LIMIT: usize = 4;

const BUNDLE: &str = "trust bundle";
const ENTRY: &str = "trust bundle's entry";

/// Whom to believe about whom: the roots of each trust domain, in DER.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustBundle {
    /// The roots, by the trust domain that they vouch for.
    pub domains: BTreeMap<TrustDomain, Vec<Vec<u8>>>,
}

impl TrustBundle {
    /// The roots that may vouch for this trust domain; none if nobody may.
    #[must_use]
    pub fn roots(&self, domain: &TrustDomain) -> &[Vec<u8>] {
        self.domains.get(domain).map_or(&[], Vec::as_slice)
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let entries = self.domains.iter().map(|(domain, roots)| {
            wire::object([
                ("domain", Value::from(domain.to_string())),
                ("roots", wire::base64_list(roots)),
            ])
        });
        wire::message([("domains", entries.collect())])
    }

    /// Reads the message. A trust domain given twice is refused.
    ///
    /// # Errors
    /// If it is of another version, not well formed, or beyond its bounds.
    pub fn from_json(value: &Value) -> Result<Self, WireError> {
        let object = Object::versioned(BUNDLE, value, &["domains"])?;
        let mut domains = BTreeMap::new();
        for value in object.list("domains", DOMAINS_LIMIT)? {
            let entry = Object::part(ENTRY, value, &["domain", "roots"])?;
            let domain: TrustDomain = entry.parsed("domain", "a trust domain")?;
            let roots = entry.byte_lists("roots", ROOTS_LIMIT, CERTIFICATE_LIMIT_BYTES)?;
            if domains.insert(domain, roots).is_some() {
                return Err(entry.error(WireErrorKind::Malformed("domain", "given once")));
            }
        }
        Ok(Self { domains })
    }
}
