//! One TOML file a node: `node.toml`. Text becomes a [`NodeConfig`] here, once; nothing past this file re-checks it. It holds no
//! secret and takes nothing from the environment.

mod raw;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cofferdam_hwprofile::{Grade, Refusal, RuleRef};
use cofferdam_link::Way;
use cofferdam_rack::{NodeName, Operators, ZoneName};
use std::collections::BTreeMap;

/// The configuration of one node's daemon, checked.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Where the file was read from; messages name it.
    pub file: PathBuf,
    /// Which node of the manifest this is.
    pub node: NodeName,
    /// The rack directory with the signed manifest.
    pub rack: PathBuf,
    /// Who may sign a manifest, and how many of them must.
    pub operators: Operators,
    /// Everything this node writes lies below.
    pub state: PathBuf,
    /// Where the listener binds.
    pub listen: SocketAddr,
    /// The root below which the hardware is read; `/` on a real node.
    pub sysroot: PathBuf,
    /// What the evidence of this node can claim at best.
    pub grade: Grade,
    /// How often the hardware is read again without being asked.
    pub rescan: Duration,
    /// How long a start waits for hardware that may still arrive.
    pub settle: Duration,
    /// The socket of the dialler; without one this process connects by itself.
    pub dialler: Option<PathBuf>,
    /// Where the other zones listen.
    pub peers: BTreeMap<ZoneName, SocketAddr>,
    /// The table of the zone's own settings, as it stands in the file.
    pub zone_settings: toml::Table,
}

/// Why a `node.toml` could not be used: a refusal for each fault.
#[derive(Debug, thiserror::Error)]
#[error("{}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigFaults {
    /// At least one.
    pub faults: Vec<Refusal>,
}

impl NodeConfig {
    /// Reads and checks `file`; relative paths in it start at its own directory.
    ///
    /// # Errors
    /// Every fault found, each with its code and line.
    pub fn read(file: &Path) -> Result<Self, ConfigFaults> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigFaults {
            faults: vec![
                Refusal::new(
                    "ND-001",
                    "the node's configuration cannot be read, so the zone does not start",
                    "name a readable node.toml with --config",
                )
                .read(format!("{}: {error}", file.display())),
            ],
        })?;
        Self::parse(file, &text)
    }

    /// Checks the text of a `node.toml` that lies at `file`.
    ///
    /// # Errors
    /// Every fault found, each with its code and line.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigFaults> {
        let raw: raw::NodeToml = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            ConfigFaults {
                faults: vec![fault(file, line, error.message(), text)],
            }
        })?;
        raw.check(file, text)
    }
}

impl NodeConfig {
    /// How connections leave this process.
    pub(crate) fn way(&self) -> Way {
        self.dialler.clone().map_or(Way::Own, Way::Dialler)
    }
}

/// The one-based line of a byte offset.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        .saturating_add(1)
}

/// A fault of the file, with the line it stands on.
fn fault(file: &Path, line: usize, what: &str, text: &str) -> Refusal {
    let source = text
        .lines()
        .nth(line.saturating_sub(1))
        .unwrap_or("")
        .trim()
        .to_owned();
    Refusal::new(
        "ND-002",
        "the node's configuration is wrong, so the zone does not start",
        "mend the line; the keys of node.toml are listed in the manual under \"node.toml\"",
    )
    .read(what)
    .rule(RuleRef {
        file: file.display().to_string(),
        line,
        text: source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
version = 1
node = "st1"
rack = "../rack"
operators = []
state = "."
listen = "127.0.0.1:7542"

[peers]
keeper = "127.0.0.1:7540"

[storage]
grants-file = "grants.toml"
"#;

    fn fault_of(text: &str) -> String {
        NodeConfig::parse(Path::new("/lab/storage/node.toml"), text)
            .expect_err("the text is wrong")
            .to_string()
    }

    #[test]
    fn a_good_file_becomes_typed_and_paths_start_at_its_directory() {
        let config = NodeConfig::parse(Path::new("/lab/storage/node.toml"), GOOD).expect("good");
        assert_eq!(config.rack, Path::new("/lab/storage/../rack"));
        assert_eq!(config.sysroot, Path::new("/"));
        assert_eq!(config.grade, Grade::E1Asserted);
        assert_eq!(config.rescan, Duration::from_secs(60));
        assert_eq!(config.settle, Duration::from_secs(30));
        assert_eq!(config.way(), Way::Own);
        assert!(config.zone_settings.contains_key("grants-file"));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let fault = fault_of(&GOOD.replace("listen =", "lisen ="));
        assert!(
            fault.contains("ND-002") && fault.contains("lisen"),
            "{fault}"
        );
        assert!(fault.contains("node.toml:7"), "{fault}");
    }

    #[test]
    fn a_zone_name_that_cannot_be_one_is_refused() {
        let fault = fault_of(&GOOD.replace("keeper =", "Keeper ="));
        assert!(fault.contains("Keeper"), "{fault}");
    }

    #[test]
    fn two_zone_tables_are_refused() {
        let fault = fault_of(&format!("{GOOD}\n[intake]\nstreams = []\n"));
        assert!(fault.contains("one zone"), "{fault}");
    }

    #[test]
    fn a_root_elsewhere_claims_no_real_hardware() {
        let elsewhere = GOOD.replace("state =", "sysroot = \"../tree\"\nstate =");
        let fault = fault_of(&elsewhere);
        assert!(
            fault.contains("simulated") && fault.contains("node.toml:6"),
            "{fault}"
        );
        let said = elsewhere.replace("state =", "simulated = true\nstate =");
        let config = NodeConfig::parse(Path::new("/lab/storage/node.toml"), &said).expect("good");
        assert_eq!(config.grade, Grade::E0Simulated);
    }

    #[test]
    fn a_rescan_later_than_a_minute_or_without_pause_is_refused() {
        for seconds in ["0", "61", "18446744073709551615"] {
            let text = GOOD.replace("state =", &format!("rescan-seconds = {seconds}\nstate ="));
            assert!(fault_of(&text).contains("ND-002"), "{seconds}");
        }
    }

    #[test]
    fn hardware_is_not_waited_for_longer_than_a_service_manager_waits() {
        let with =
            |seconds| GOOD.replace("state =", &format!("settle-seconds = {seconds}\nstate ="));
        let fault = fault_of(&with(61));
        assert!(
            fault.contains("settle-seconds") && fault.contains("node.toml:6"),
            "{fault}"
        );
        for seconds in [0, 60] {
            let text = with(seconds);
            let config = NodeConfig::parse(Path::new("/lab/node.toml"), &text).expect("good");
            assert_eq!(config.settle, Duration::from_secs(seconds));
        }
    }

    #[test]
    fn a_named_dialler_is_the_only_way_out() {
        let text = GOOD.replace("state =", "dialler = \"dial.sock\"\nstate =");
        let config = NodeConfig::parse(Path::new("/lab/storage/node.toml"), &text).expect("good");
        let path = PathBuf::from("/lab/storage/dial.sock");
        assert_eq!(config.way(), Way::Dialler(path));
    }

    #[test]
    fn another_version_is_refused() {
        let fault = fault_of(&GOOD.replace("version = 1", "version = 2"));
        assert!(fault.contains("version"), "{fault}");
    }
}
