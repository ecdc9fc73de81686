//! The lab's client: asks the keeper for its certificate with its pinned key, as an application's connector would, and leaves the
//! files where curl and boto3 find them.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cofferdam_hwprofile::Refusal;
use cofferdam_link::{Dialer, Snapshot};
use cofferdam_node::Exit;
use cofferdam_node::authority::{Bench, BenchError};
use cofferdam_node::identity::IdentityKey;
use cofferdam_rack::lease::{LeaseGrant, LeaseRequest, TrustBundle};
use cofferdam_rack::{Manifest, Operators, PeerId};
use cofferdam_trail::note::VerifierKey;
use tokio::sync::watch;

use super::layout::{CLIENT, Layout, NODES};
use crate::verdict::Failure;

/// Asks for the client's lease.
///
/// # Errors
/// The keeper refused or could not be reached.
pub async fn lease(layout: &Layout, manifest: &Manifest) -> Result<LeaseGrant, Failure> {
    let key = IdentityKey::read(&layout.client().join("app.key"))
        .map_err(|error| Failure::new(Exit::Config, error.refusal()))?;
    let clock = crate::clock::system();
    let id = client_id();
    let boot = key
        .boot_credential(&id, &manifest.domain, clock.unix_seconds())
        .map_err(|error| no_lease(error.to_string()))?;
    let csr_der = key
        .signing_request(&id, &manifest.domain)
        .map_err(|error| no_lease(error.to_string()))?;
    let keeper = &NODES[0];
    let pin = manifest
        .pins()
        .into_iter()
        .find_map(|(pin, peer)| (peer.node.as_ref() == keeper.node).then_some(pin))
        .ok_or_else(|| no_lease("the manifest pins no key for the keeper".to_owned()))?;
    let bench = Bench::There {
        address: layout.address(keeper),
        pin,
    };
    let (_snapshot, receiver) = watch::channel(Arc::new(no_credential(manifest)));
    let dialer = Dialer::new(receiver, clock);
    let request = LeaseRequest {
        node: id.node.clone(),
        epoch: manifest.epoch,
        csr_der,
        evidence: None,
    };
    bench
        .lease(&dialer, &boot, request)
        .await
        .map_err(|error| match error {
            BenchError::Refused(refusal) => Failure::new(Exit::Policy, refusal),
            other @ (BenchError::Unreachable(_) | BenchError::Unanswered(_)) => {
                no_lease(cofferdam_node::refusal::chain(&other))
            }
        })
}

/// Writes what clients read: certificate, and the authorities of all zones. Replaced whole, so that a reader never sees half.
///
/// # Errors
/// A file could not be written.
pub fn write(layout: &Layout, grant: &LeaseGrant) -> Result<(), Failure> {
    let chain: String = grant.chain_der.iter().map(|der| pem(der)).collect();
    let roots: String = grant
        .trust
        .domains
        .values()
        .flatten()
        .map(|der| pem(der))
        .collect();
    let client = layout.client();
    replace(&client.join("app.crt"), &chain)
        .and_then(|()| replace(&client.join("ca.crt"), &roots))
        .map_err(|error| no_lease(format!("{}: {error}", client.display())))
}

/// The manifest as the lab's operator signed it.
///
/// # Errors
/// It is not whole.
pub fn manifest(layout: &Layout) -> Result<Manifest, Failure> {
    let text = std::fs::read_to_string(layout.operator_public())
        .map_err(|error| no_lease(error.to_string()))?;
    let key: VerifierKey = text
        .trim()
        .parse()
        .map_err(|error| no_lease(format!("{error}")))?;
    Manifest::load(
        &layout.rack(),
        &Operators {
            keys: vec![key],
            threshold: 1,
        },
    )
    .map_err(|faults| Failure::all(Exit::Config, faults.into_refusals()))
}

/// Who the client is.
///
/// # Panics
/// Never: the names are constants.
#[must_use]
pub fn client_id() -> PeerId {
    PeerId {
        zone: CLIENT.parse().expect("a constant that is a zone name"),
        node: CLIENT.parse().expect("a constant that is a node name"),
    }
}

fn no_credential(manifest: &Manifest) -> Snapshot {
    Snapshot {
        domain: manifest.domain.clone(),
        credential: None,
        trust: TrustBundle::default(),
        pins: manifest.pins(),
        flows: Arc::clone(&manifest.flows),
        epoch: manifest.epoch,
        revoked: Vec::new(),
    }
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&fresh, path)
}

fn no_lease(seen: String) -> Failure {
    let refusal = Refusal::new(
        "LAB-020",
        "the lab's client has no certificate, so nothing can be asked",
        "see the keeper's log below the lab's log/",
    )
    .read(seen);
    Failure::new(Exit::TryAgain, refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_has_lines_of_64_and_both_marks() {
        let text = pem(&[7_u8; 100]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "-----BEGIN CERTIFICATE-----");
        assert_eq!(lines[1].len(), 64);
        assert_eq!(
            *lines.last().expect("a last line"),
            "-----END CERTIFICATE-----"
        );
    }
}
