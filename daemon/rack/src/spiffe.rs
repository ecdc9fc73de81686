//! The name in a certificate, `spiffe://<zone>.<rack-domain>/node/<name>`, read byte by byte.
//!
//! Owns the strict form. It must never repair, decode or fold what it reads: two texts are the same
//! identity only when they are the same bytes.

use std::fmt;
use std::str::FromStr;

use cofferdam_hwprofile::{NodeName, Refusal};

use crate::identity::shown;
use crate::{Code, PeerId, RackDomain, TrustDomain};

/// The longest SPIFFE ID, in bytes.
const LIMIT_BYTES: usize = 2048;
const SCHEME: &str = "spiffe://";
const PATH: &str = "node/";

/// The identity of a node or a client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    domain: TrustDomain,
    node: NodeName,
}

/// Why a text is not an identity of this rack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the identity {seen:?}: {kind}")]
pub struct SpiffeError {
    seen: String,
    /// What is wrong with it.
    kind: SpiffeErrorKind,
}

/// What is wrong with an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpiffeErrorKind {
    /// It is longer than 2048 bytes.
    TooLong,
    /// It does not begin with `spiffe://`.
    Scheme,
    /// It has a query, a fragment or a percent sign.
    Decorated,
    /// The trust domain is not a zone and a domain.
    TrustDomain,
    /// The path is not `/node/` and a name.
    Path,
    /// The trust domain is not below the rack's domain.
    Foreign,
}

impl SpiffeErrorKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::TooLong,
        Self::Scheme,
        Self::Decorated,
        Self::TrustDomain,
        Self::Path,
        Self::Foreign,
    ];

    /// The code.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::TooLong => Code::SpiffeLength,
            Self::Scheme => Code::SpiffeScheme,
            Self::Decorated => Code::SpiffeDecorated,
            Self::TrustDomain => Code::SpiffeDomain,
            Self::Path => Code::SpiffePath,
            Self::Foreign => Code::SpiffeForeign,
        }
    }
}

impl fmt::Display for SpiffeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::TooLong => "expected at most 2048 bytes",
            Self::Scheme => "expected spiffe:// in lower case at its beginning",
            Self::Decorated => "expected no query, no fragment and no percent sign",
            Self::TrustDomain => "expected a zone, a dot and the rack's domain after spiffe://",
            Self::Path => "expected exactly /node/ and a node's name after the trust domain",
            Self::Foreign => "expected a trust domain of this rack",
        })
    }
}

impl SpiffeError {
    fn of(text: &str, kind: SpiffeErrorKind) -> Self {
        Self {
            seen: shown(text),
            kind,
        }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> SpiffeErrorKind {
        self.kind
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.kind.code()
    }

    /// What an operator reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            self.code().as_str(),
            "the peer's certificate names no node of this rack, so nothing is opened",
            self.code().entry().mend,
        )
        .read(format!("URI name {:?}: {}", self.seen, self.kind))
    }
}

impl SpiffeId {
    /// The identity of this node below this trust domain.
    #[must_use]
    pub const fn new(domain: TrustDomain, node: NodeName) -> Self {
        Self { domain, node }
    }

    /// The trust domain, which chooses the roots that may vouch for it.
    #[must_use]
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> &NodeName {
        &self.node
    }

    /// Who this is in the rack `rack`.
    ///
    /// # Errors
    /// If it is an identity of another rack.
    pub fn peer(&self, rack: &RackDomain) -> Result<PeerId, SpiffeError> {
        if self.domain.rack() == rack {
            Ok(PeerId {
                zone: self.domain.zone().clone(),
                node: self.node.clone(),
            })
        } else {
            Err(SpiffeError::of(&self.to_string(), SpiffeErrorKind::Foreign))
        }
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeError;

    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        let wrong = |kind| SpiffeError::of(text, kind);
        if text.len() > LIMIT_BYTES {
            return Err(wrong(SpiffeErrorKind::TooLong));
        }
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| wrong(SpiffeErrorKind::Scheme))?;
        if rest.contains(['?', '#', '%']) {
            return Err(wrong(SpiffeErrorKind::Decorated));
        }
        let (domain, path) = rest
            .split_once('/')
            .ok_or_else(|| wrong(SpiffeErrorKind::Path))?;
        let domain = domain
            .parse()
            .ok()
            .ok_or_else(|| wrong(SpiffeErrorKind::TrustDomain))?;
        let node = path
            .strip_prefix(PATH)
            .and_then(|name| name.parse().ok())
            .ok_or_else(|| wrong(SpiffeErrorKind::Path))?;
        Ok(Self { domain, node })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{PATH}{}", self.domain, self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<&str, SpiffeErrorKind>) {
        let rack = "lab.internal".parse().unwrap();
        let read = text.parse::<SpiffeId>().and_then(|id| id.peer(&rack));
        assert_eq!(
            read.map(|peer| peer.to_string())
                .map_err(|error| error.kind()),
            expect.map(str::to_owned),
            "{text:?}"
        );
    }

    #[test]
    fn the_identity_of_a_node_is_read() {
        check("spiffe://storage.lab.internal/node/st1", Ok("storage/st1"));
        check("spiffe://app.lab.internal/node/app", Ok("app/app"));
    }

    #[test]
    fn scheme_and_trust_domain_are_lower_case() {
        for bad in [
            "SPIFFE://",
            "Spiffe://",
            "spiffe:/",
            "spiffe:",
            "https://",
            "",
            " spiffe://",
        ] {
            check(
                &format!("{bad}storage.lab.internal/node/st1"),
                Err(SpiffeErrorKind::Scheme),
            );
        }
        for bad in [
            "Storage.lab.internal",
            "storage.Lab.internal",
            "storage.lab.internaL",
        ] {
            check(
                &format!("spiffe://{bad}/node/st1"),
                Err(SpiffeErrorKind::TrustDomain),
            );
        }
    }

    #[test]
    fn a_trust_domain_holds_no_user_no_port_and_no_strange_character() {
        for bad in [
            "",
            "storage",
            "user@storage.lab.internal",
            "storage.lab.internal:443",
            ".lab",
            "a b.c",
        ] {
            check(
                &format!("spiffe://{bad}/node/st1"),
                Err(SpiffeErrorKind::TrustDomain),
            );
        }
        check(
            "spiffe://störage.lab.internal/node/st1",
            Err(SpiffeErrorKind::TrustDomain),
        );
    }

    #[test]
    fn the_path_is_exactly_node_and_a_name() {
        for bad in [
            "",
            "/",
            "/node",
            "/node/",
            "/node/st1/",
            "/node/st1/svc/x",
            "//node/st1",
            "/node//st1",
            "/Node/st1",
            "/node/ST1",
            "/node/.",
            "/node/..",
            "/node/../st1",
            "/svc/st1",
            "/node/st_1",
            "/node/st1 ",
            "/node/st1\n",
            "/node/st1\0",
            "\\node\\st1",
        ] {
            check(
                &format!("spiffe://storage.lab.internal{bad}"),
                Err(SpiffeErrorKind::Path),
            );
        }
    }

    #[test]
    fn a_query_a_fragment_and_a_percent_sign_are_refused() {
        for bad in [
            "/node/st1?",
            "/node/st1?a=b",
            "/node/st1#",
            "/node/st1#x",
            "/node/st%31",
            "/node%2fst1",
        ] {
            check(
                &format!("spiffe://storage.lab.internal{bad}"),
                Err(SpiffeErrorKind::Decorated),
            );
        }
    }

    #[test]
    fn a_name_of_2049_bytes_is_refused_for_its_length() {
        let long = format!("spiffe://storage.lab.internal/node/{}", "a".repeat(2014));
        assert_eq!(long.len(), 2049);
        check(&long, Err(SpiffeErrorKind::TooLong));
        check(long.strip_suffix('a').unwrap(), Err(SpiffeErrorKind::Path));
    }

    #[test]
    fn an_identity_of_another_rack_is_well_formed_and_foreign() {
        check(
            "spiffe://storage.other.internal/node/st1",
            Err(SpiffeErrorKind::Foreign),
        );
        check(
            "spiffe://storage.x.lab.internal/node/st1",
            Err(SpiffeErrorKind::Foreign),
        );
        check(
            "spiffe://lab.internal/node/st1",
            Err(SpiffeErrorKind::Foreign),
        );
    }

    #[test]
    fn a_refusal_carries_its_code_and_at_most_eighty_characters_of_the_name() {
        for kind in SpiffeErrorKind::ALL {
            let refusal = SpiffeError::of(&"x\u{1b}".repeat(4000), *kind).refusal();
            assert_eq!(refusal.code, kind.code().as_str());
            assert!(refusal.to_string().len() < 1200);
            assert!(!refusal.to_string().contains('\u{1b}'));
        }
    }

    proptest! {
        #[test]
        fn random_text_never_panics_and_what_is_read_prints_the_same(
            text in "(spiffe://)?[a-z.]{0,12}(/node/)?[a-z0-9/.?%]{0,8}|.{0,80}"
        ) {
            if let Ok(id) = text.parse::<SpiffeId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        #[test]
        fn every_peer_reads_back_from_its_identity(
            zone in "[a-z][a-z0-9-]{0,30}", node in "[a-z][a-z0-9-]{0,30}"
        ) {
            let rack: RackDomain = "lab.internal".parse().unwrap();
            let peer = PeerId { zone: zone.parse().unwrap(), node: node.parse().unwrap() };
            let read: SpiffeId = peer.spiffe(&rack).to_string().parse().unwrap();
            prop_assert_eq!(read.peer(&rack).unwrap(), peer);
        }
    }
}
