//! `node.toml` as it is written. It knows the file's shape and nothing else; meaning begins in [`super::NodeConfig`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cofferdam_hwprofile::{Grade, Refusal};
use cofferdam_rack::{NodeName, Operators, ZoneName};
use cofferdam_trail::note::VerifierKey;
use serde::Deserialize;

use super::{ConfigFaults, NodeConfig, fault, line_of};

/// How often the hardware may be read without being asked.
const RESCAN_SECONDS: std::ops::RangeInclusive<u64> = 1..=60;
/// How long a start may wait for hardware: systemd gives it 90 s, and the lease takes some of them.
const SETTLE_SECONDS: std::ops::RangeInclusive<u64> = 0..=60;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct NodeToml {
    version: toml::Spanned<u32>,
    node: toml::Spanned<String>,
    rack: PathBuf,
    operators: Vec<toml::Spanned<String>>,
    operator_threshold: Option<u32>,
    state: PathBuf,
    listen: toml::Spanned<String>,
    sysroot: Option<toml::Spanned<PathBuf>>,
    #[serde(default)]
    simulated: bool,
    rescan_seconds: Option<toml::Spanned<u64>>,
    settle_seconds: Option<toml::Spanned<u64>>,
    dialler: Option<PathBuf>,
    #[serde(default)]
    peers: BTreeMap<toml::Spanned<String>, toml::Spanned<String>>,
    keeper: Option<toml::Table>,
    storage: Option<toml::Table>,
    intake: Option<toml::Table>,
    analytics: Option<toml::Table>,
}

impl NodeToml {
    /// What it says of where the hardware is read, how often, and how long it is waited for.
    fn check_hardware(&self, sheet: &mut Sheet<'_>) -> (Duration, Duration) {
        if let Some(root) = &self.sysroot
            && root.get_ref() != Path::new("/")
            && !self.simulated
        {
            sheet.note(
                root.span().start,
                "a sysroot other than / is a simulated machine: say simulated = true, and the node is of grade E0",
            );
        }
        let rescan = sheet.seconds(
            (self.rescan_seconds.as_ref(), 60),
            RESCAN_SECONDS,
            "rescan-seconds is not 1 to 60: a lost event must be noticed within a minute",
        );
        let settle = sheet.seconds(
            (self.settle_seconds.as_ref(), 30),
            SETTLE_SECONDS,
            "settle-seconds is not 0 to 60: the service manager gives a start 90 seconds",
        );
        (rescan, settle)
    }

    pub(super) fn check(self, file: &Path, text: &str) -> Result<NodeConfig, ConfigFaults> {
        let mut sheet = Sheet {
            file,
            text,
            faults: Vec::new(),
        };
        if *self.version.get_ref() != 1 {
            sheet.note(
                self.version.span().start,
                "version is not 1, the only one this program knows",
            );
        }
        let (rescan, settle) = self.check_hardware(&mut sheet);
        let node = sheet.parse::<NodeName>(&self.node, "node");
        let listen = sheet.parse::<SocketAddr>(&self.listen, "listen");
        let keys: Vec<VerifierKey> = self
            .operators
            .iter()
            .filter_map(|key| sheet.parse(key, "operators"))
            .collect();
        let mut peers = BTreeMap::new();
        for (zone, address) in &self.peers {
            let zone = sheet.parse::<ZoneName>(zone, "peers");
            let address = sheet.parse::<SocketAddr>(address, "peers");
            if let (Some(zone), Some(address)) = (zone, address) {
                peers.insert(zone, address);
            }
        }
        let tables: Vec<toml::Table> = [self.keeper, self.storage, self.intake, self.analytics]
            .into_iter()
            .flatten()
            .collect();
        if tables.len() > 1 {
            sheet.note(0, "more than one zone's table: a node serves one zone");
        }
        let (Some(node), Some(listen), true) = (node, listen, sheet.faults.is_empty()) else {
            return Err(ConfigFaults {
                faults: sheet.faults,
            });
        };
        let directory = file.parent().unwrap_or(Path::new("."));
        let all = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let threshold = self.operator_threshold.unwrap_or(all).max(1);
        Ok(NodeConfig {
            file: file.to_owned(),
            node,
            rack: directory.join(self.rack),
            operators: Operators { keys, threshold },
            state: directory.join(self.state),
            listen,
            sysroot: self.sysroot.map_or_else(
                || PathBuf::from("/"),
                |root| directory.join(root.into_inner()),
            ),
            grade: if self.simulated {
                Grade::E0Simulated
            } else {
                Grade::E1Asserted
            },
            rescan,
            settle,
            dialler: self.dialler.map(|path| directory.join(path)),
            peers,
            zone_settings: tables.into_iter().next().unwrap_or_default(),
        })
    }
}

/// The file under inspection and what was found wrong so far.
struct Sheet<'a> {
    file: &'a Path,
    text: &'a str,
    faults: Vec<Refusal>,
}

impl Sheet<'_> {
    fn note(&mut self, offset: usize, what: &str) {
        self.faults.push(fault(
            self.file,
            line_of(self.text, offset),
            what,
            self.text,
        ));
    }

    fn seconds(
        &mut self,
        (value, usual): (Option<&toml::Spanned<u64>>, u64),
        admitted: std::ops::RangeInclusive<u64>,
        what: &str,
    ) -> Duration {
        if let Some(value) = value.filter(|value| !admitted.contains(value.get_ref())) {
            self.note(value.span().start, what);
        }
        Duration::from_secs(value.map_or(usual, |seconds| *seconds.get_ref()))
    }

    fn parse<T>(&mut self, value: &toml::Spanned<String>, key: &str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        match value.get_ref().parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                let what = format!("{key}: {:?}: {error}", value.get_ref());
                self.note(value.span().start, &what);
                None
            }
        }
    }
}
