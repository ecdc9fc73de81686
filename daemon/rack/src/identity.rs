//! Who is who in a rack: the rack's domain, the trust domain of each zone, and the name of a peer.
//!
//! Owns these names and their forms. A name that was read needs no further check anywhere.

use std::fmt;
use std::str::FromStr;

use cofferdam_hwprofile::{NodeName, Refusal, ZoneName};

use crate::{Code, SpiffeId};

/// The longest rack domain, in bytes: a zone's name of 31, a dot and the domain fit a host name of
/// 253.
const DOMAIN_LIMIT_BYTES: usize = 221;
/// The longest label of a host name, in bytes.
const LABEL_LIMIT_BYTES: usize = 63;
/// The most of a wrong name that is shown, in characters.
const SHOWN_LIMIT_CHARS: usize = 80;

/// The domain of a rack, such as `lab.internal`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RackDomain(String);

/// The trust domain of one zone: its name, a dot, the rack's domain, such as
/// `storage.lab.internal`.
///
/// It is also the host name that a zone's servers go by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain {
    zone: ZoneName,
    rack: RackDomain,
}

/// One node of one zone, or one client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId {
    /// The zone.
    pub zone: ZoneName,
    /// The node within it.
    pub node: NodeName,
}

/// Why a text is not a rack domain or a trust domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "read the domain {seen:?}: expected a host name in lower case, labels of a-z, 0-9 and \
     hyphens joined by dots"
)]
pub struct DomainError {
    seen: String,
}

impl DomainError {
    fn of(text: &str) -> Self {
        Self { seen: shown(text) }
    }

    /// What an operator reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            Code::BadDomain.as_str(),
            "the rack's domain is not a host name, so no identity can be formed",
            Code::BadDomain.entry().mend,
        )
        .read(format!("{:?}", self.seen))
    }
}

/// A text from outside, cut to a length that can be shown.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_LIMIT_CHARS).collect()
}

impl RackDomain {
    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trust domain of a zone of this rack.
    #[must_use]
    pub fn trust_domain(&self, zone: &ZoneName) -> TrustDomain {
        TrustDomain {
            zone: zone.clone(),
            rack: self.clone(),
        }
    }
}

impl FromStr for RackDomain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        if text.len() <= DOMAIN_LIMIT_BYTES && text.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DomainError::of(text))
        }
    }
}

fn is_label(label: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LABEL_LIMIT_BYTES).contains(&label.len())
        && label.bytes().all(inside)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl AsRef<str> for RackDomain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RackDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TrustDomain {
    /// The zone that issues below this trust domain, and no other.
    #[must_use]
    pub const fn zone(&self) -> &ZoneName {
        &self.zone
    }

    /// The rack it belongs to.
    #[must_use]
    pub const fn rack(&self) -> &RackDomain {
        &self.rack
    }
}

impl FromStr for TrustDomain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError::of(text);
        let (zone, rack) = text.split_once('.').ok_or_else(wrong)?;
        match (zone.parse(), rack.parse()) {
            (Ok(zone), Ok(rack)) => Ok(Self { zone, rack }),
            (Err(_), _) | (_, Err(_)) => Err(wrong()),
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.zone, self.rack)
    }
}

impl PeerId {
    /// The identity that the peer's certificate carries.
    #[must_use]
    pub fn spiffe(&self, rack: &RackDomain) -> SpiffeId {
        SpiffeId::new(rack.trust_domain(&self.zone), self.node.clone())
    }
}

impl fmt::Display for PeerId {
    /// Zone and node, such as `storage/st1`; [`PeerId::spiffe`] gives the whole identity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.zone, self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_host_name_in_lower_case_is_a_rack_domain() {
        for good in ["lab.internal", "a", "rack-1.example.org", "1.2.3", "x--y.z"] {
            assert_eq!(good.parse::<RackDomain>().unwrap().as_str(), good);
        }
        let longest = format!(
            "{}.{}.{}.{}",
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(29)
        );
        assert_eq!(longest.len(), DOMAIN_LIMIT_BYTES);
        assert!(longest.parse::<RackDomain>().is_ok());
        assert!(format!("{longest}d").parse::<RackDomain>().is_err());
    }

    #[test]
    fn anything_else_is_refused_and_quoted() {
        let label = "a".repeat(64);
        let bad = [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "A.b",
            "a_b",
            "a b",
            "-a.b",
            "a-.b",
            "ä.b",
            "a.b\n",
            "a:1",
            "a/b",
            label.as_str(),
        ];
        for bad in bad {
            assert!(bad.parse::<RackDomain>().is_err(), "{bad:?}");
        }
        let refusal = "A.b".parse::<RackDomain>().unwrap_err().refusal();
        assert_eq!(refusal.code, "ID-007");
        assert!(refusal.to_string().contains("A.b"));
    }

    #[test]
    fn a_trust_domain_is_a_zone_and_the_rack() {
        let rack: RackDomain = "lab.internal".parse().unwrap();
        let domain = rack.trust_domain(&"storage".parse().unwrap());
        assert_eq!(domain.to_string(), "storage.lab.internal");
        assert_eq!(domain.to_string().parse::<TrustDomain>().unwrap(), domain);
        assert_eq!((domain.zone().as_str(), domain.rack()), ("storage", &rack));
    }

    #[test]
    fn a_trust_domain_without_a_zone_or_without_a_rack_is_refused() {
        for bad in [
            "storage",
            "",
            ".lab.internal",
            "storage.",
            "1zone.lab",
            "Storage.lab",
            "a_b.lab",
        ] {
            assert!(bad.parse::<TrustDomain>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_peer_prints_its_zone_and_node() {
        let peer = PeerId {
            zone: "app".parse().unwrap(),
            node: "app1".parse().unwrap(),
        };
        assert_eq!(peer.to_string(), "app/app1");
        let rack = "lab.internal".parse().unwrap();
        assert_eq!(
            peer.spiffe(&rack).to_string(),
            "spiffe://app.lab.internal/node/app1"
        );
    }

    proptest! {
        #[test]
        fn random_text_never_panics_and_what_is_read_prints_the_same(text in ".{0,260}") {
            if let Ok(domain) = text.parse::<RackDomain>() {
                prop_assert_eq!(domain.to_string(), text.clone());
            }
            if let Ok(domain) = text.parse::<TrustDomain>() {
                prop_assert_eq!(domain.to_string(), text);
            }
        }
    }
}
