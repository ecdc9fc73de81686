//! Makes a lab's directory: keys, the rack and its signature, the machines, each node's configuration. It starts nothing, and
//! touches nothing that was there before.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_node::identity::{IdentityKey, trail_key};
use cofferdam_rack::{Epoch, Manifest, RackDomain};
use cofferdam_trail::note::SignerKey;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::layout::{self, CLIENT, DOMAIN, LabNode, Layout, NODES};
use super::tree;
use crate::verdict::Failure;

const HWPROFILE: &str = include_str!("../../lab/hwprofile.toml");
const ELEVATION: &str = include_str!("../../lab/elevation.toml");
const FLOWS: &str = include_str!("../../lab/flows.toml");
const SURVEY_SCHEMA: &str = include_str!("../../lab/climate.json");
/// The manifest's first epoch.
const EPOCH: u64 = 1;

/// What a prepared lab has that its files do not tell at a glance.
#[derive(Debug)]
pub struct Prepared {
    /// The lab.
    pub layout: Layout,
    /// The secret of the client's grant.
    pub s3_secret: String,
}

/// Makes the directory of a lab.
///
/// # Errors
/// The directory holds something, a port is taken, or a file could not be made.
pub fn prepare(layout: Layout) -> Result<Prepared, Failure> {
    check_free(&layout)?;
    make_directory(layout.directory())?;
    let operator = make_operator(&layout)?;
    let mut pins = Vec::new();
    for node in &NODES {
        make_directory(&layout.state(node))?;
        let key = identity(&layout.state(node).join("node.key"))?;
        pins.push((node.node, key.pin()));
        make_trail_key(&layout, node)?;
        tree::unpack(node.tree, &layout.sysroot(node)).map_err(|error| {
            failed_to_make(
                &layout.sysroot(node),
                &cofferdam_node::refusal::chain(&error),
            )
        })?;
    }
    make_directory(&layout.client())?;
    pins.push((CLIENT, identity(&layout.client().join("app.key"))?.pin()));
    write_rack(&layout, &operator, &pins)?;
    let s3_secret = random_text()?;
    write_file(
        &layout.state(&NODES[2]).join("grants.toml"),
        &grants(&s3_secret),
        0o600,
    )?;
    let surveys = layout.state(&NODES[1]).join("surveys");
    make_directory(&surveys)?;
    write_file(
        &surveys.join(format!("{}.json", layout::SURVEY)),
        SURVEY_SCHEMA,
        0o600,
    )?;
    for node in &NODES {
        let text = node_toml(&layout, node, &operator);
        write_file(&layout.state(node).join("node.toml"), &text, 0o600)?;
    }
    make_directory(&layout.directory().join("log"))?;
    Ok(Prepared { layout, s3_secret })
}

/// Whether a lab could be made there; makes nothing.
///
/// # Errors
/// The directory holds something, or a port is taken.
pub fn check_free(layout: &Layout) -> Result<(), Failure> {
    check_directory(layout.directory())?;
    check_ports(layout)
}

fn check_directory(directory: &Path) -> Result<(), Failure> {
    let taken = std::fs::read_dir(directory)
        .ok()
        .and_then(|mut entries| entries.next());
    if taken.is_some() {
        let refusal = Refusal::new(
            "LAB-001",
            "the directory already holds something, so no lab is made in it",
            "name another directory; if it is an old lab, stop it with `cofferctl lab down --dir` and remove it",
        )
        .read(format!("{}: not empty", directory.display()));
        return Err(Failure::new(Exit::Config, refusal));
    }
    Ok(())
}

fn check_ports(layout: &Layout) -> Result<(), Failure> {
    for node in &NODES {
        let address = layout.address(node);
        if let Err(error) = TcpListener::bind(address) {
            let refusal = Refusal::new(
                "LAB-002",
                "a port is taken, so no lab is started",
                "name another with --base-port; the lab takes four in a row",
            )
            .read(format!("{address} for zone {}: {error}", node.zone()));
            return Err(Failure::new(Exit::TryAgain, refusal));
        }
    }
    Ok(())
}

fn make_operator(layout: &Layout) -> Result<SignerKey, Failure> {
    let signer = trail_key(&layout.operator_key(), &format!("{DOMAIN}/operator"))
        .map_err(|refusal| Failure::new(Exit::Config, refusal))?;
    let public = format!("{}\n", signer.verifier_key());
    write_file(&layout.operator_public(), &public, 0o644)?;
    Ok(signer)
}

fn identity(path: &Path) -> Result<IdentityKey, Failure> {
    IdentityKey::read_or_create(path).map_err(|error| Failure::new(Exit::Config, error.refusal()))
}

/// Made before the zone starts, so that `lab.json` can name its verifier key.
fn make_trail_key(layout: &Layout, node: &LabNode) -> Result<(), Failure> {
    let path = layout.state(node).join("trail.key");
    match trail_key(&path, &layout.origin(node)) {
        Ok(_signer) => Ok(()),
        Err(refusal) => Err(Failure::new(Exit::Config, refusal)),
    }
}

fn write_rack(
    layout: &Layout,
    operator: &SignerKey,
    pins: &[(&str, String)],
) -> Result<(), Failure> {
    let rack = layout.rack();
    make_directory(&rack)?;
    let fill = |text: &str| {
        pins.iter().fold(text.to_owned(), |text, (name, pin)| {
            text.replace(&format!("{{{{key:{name}}}}}"), pin)
        })
    };
    write_file(&rack.join("hwprofile.toml"), &fill(HWPROFILE), 0o644)?;
    write_file(&rack.join("elevation.toml"), &fill(ELEVATION), 0o644)?;
    write_file(&rack.join("flows.toml"), &fill(FLOWS), 0o644)?;
    let domain: RackDomain = DOMAIN.parse().expect("a constant that is a domain");
    let epoch = Epoch::new(EPOCH).expect("a constant that is an epoch");
    match Manifest::sign(&rack, &domain, epoch, &[operator]) {
        Ok(_signed) => Ok(()),
        Err(faults) => Err(Failure::all(Exit::Config, faults.into_refusals())),
    }
}

fn grants(secret: &str) -> String {
    format!(
        "# Who may sign requests of the S3 protocol. A grant works only with a certificate of its zone.\n\
         [grant.{CLIENT}]\nsecret = \"{secret}\"\nzone = \"{CLIENT}\"\n\
         why = \"the lab's client, so that boto3 and rclone work unmodified\"\n"
    )
}

fn node_toml(layout: &Layout, node: &LabNode, operator: &SignerKey) -> String {
    let peers: String = NODES
        .iter()
        .filter(|peer| peer.node != node.node)
        .map(|peer| format!("{} = \"{}\"", peer.zone(), layout.address(peer)))
        .collect::<Vec<_>>()
        .join("\n");
    format!(
        "# Node {name} of the lab. Its hardware is simulated: grade E0.\n\
         version = 1\nnode = \"{name}\"\nrack = \"../rack\"\noperators = [\"{operator}\"]\n\
         state = \".\"\nlisten = \"{listen}\"\nsysroot = \"../sysroot/{name}\"\nsimulated = true\n\
         rescan-seconds = 1\nsettle-seconds = 0\n\n[peers]\n{peers}\n\n{settings}",
        name = node.node,
        operator = operator.verifier_key(),
        listen = layout.address(node),
        settings = zone_settings(node),
    )
}

fn zone_settings(node: &LabNode) -> &'static str {
    match node.kind {
        cofferdam_hwprofile::ZoneKind::Keeper => "[keeper]\n",
        cofferdam_hwprofile::ZoneKind::Storage => {
            "[storage]\ngrants-file = \"grants.toml\"\n\
             buckets = [\"files\", \"intake-events\", \"intake-climate\"]\n"
        }
        cofferdam_hwprofile::ZoneKind::Intake => {
            "[intake]\nstreams = [\"events\"]\nsurveys = [\"climate\"]\nsegment-seconds = 2\n"
        }
        cofferdam_hwprofile::ZoneKind::Analytics => {
            "[analytics]\nmin-group = 10\n\n\
             [analytics.table.climate]\nbucket = \"intake-climate\"\n\
             hidden = [\"respondent\", \"comment\"]\n\n\
             [analytics.table.events]\nbucket = \"intake-events\"\nhidden = [\"badge-of\"]\n"
        }
    }
}

fn random_text() -> Result<String, Failure> {
    let mut bytes = [0_u8; 30];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_unspecified| {
            let refusal = Refusal::new(
                "LAB-003",
                "the system gave no randomness, so no lab is made",
                "try again; if it stays, look at the kernel's log",
            );
            Failure::new(Exit::TryAgain, refusal)
        })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn make_directory(path: &Path) -> Result<(), Failure> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| failed_to_make(path, &error.to_string()))
}

fn write_file(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| failed_to_make(path, &error.to_string()))
}

fn failed_to_make(path: &Path, seen: &str) -> Failure {
    let refusal = Refusal::new(
        "LAB-004",
        "a file of the lab could not be made, so no lab is started",
        "look at the directory's owner and the free space",
    )
    .read(format!("{}: {seen}", path.display()));
    Failure::new(Exit::Config, refusal)
}
