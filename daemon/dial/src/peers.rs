//! Whom the dialler may call: the table `[peers]` of the zone's own `node.toml`, so that there is one list and no second one to
//! forget. Every other key of that file is the zone's matter and is not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use cofferdam_hwprofile::Refusal;
use serde::Deserialize;

use crate::code;

#[derive(Debug, Deserialize)]
struct NodeToml {
    peers: BTreeMap<String, SocketAddr>,
}

/// Reads the addresses of the peers.
///
/// # Errors
/// The file cannot be read (DL-001), or its peers are missing or no addresses (DL-002).
pub fn read(file: &Path) -> Result<BTreeSet<SocketAddr>, Refusal> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        code::refuse(
            "DL-001",
            "the list of peers cannot be read, so nobody is called",
        )
        .read(format!("{}: {error}", file.display()))
    })?;
    parse(file, &text)
}

fn parse(file: &Path, text: &str) -> Result<BTreeSet<SocketAddr>, Refusal> {
    let wrong = |what: String| {
        code::refuse("DL-002", "the list of peers is wrong, so nobody is called").read(what)
    };
    let node: NodeToml = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count().saturating_add(1));
        wrong(format!("{}:{line}: {}", file.display(), error.message()))
    })?;
    if node.peers.is_empty() {
        return Err(wrong(format!("{}: [peers] is empty", file.display())));
    }
    Ok(node.peers.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<BTreeSet<SocketAddr>, String> {
        parse(Path::new("/etc/cofferdam/intake/node.toml"), text)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn the_peers_of_a_node_are_all_that_is_read_of_its_file() {
        let text = "version = 1\nnode = \"in1\"\nanything = true\n\
                    [peers]\nkeeper = \"192.0.2.1:7540\"\nstorage = \"[2001:db8::2]:7542\"\n";
        let peers = read_text(text).expect("two peers");
        assert_eq!(peers.len(), 2);
        assert!(peers.contains(&"192.0.2.1:7540".parse().expect("an address")));
    }

    #[test]
    fn a_host_name_is_refused_with_its_line() {
        let fault = read_text("version = 1\n\n[peers]\nkeeper = \"keeper:7540\"\n")
            .expect_err("a name is no address");
        assert!(
            fault.contains("DL-002") && fault.contains("node.toml:4"),
            "{fault}"
        );
    }

    #[test]
    fn without_peers_nobody_may_be_called() {
        for text in ["", "version = 1\n", "[peers]\n", "peers = 7\n", "[peers"] {
            let fault = read_text(text).expect_err("no list");
            assert!(fault.contains("DL-002"), "{fault}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let refusal = read(Path::new("/nowhere/node.toml")).expect_err("not there");
        assert_eq!(refusal.code, "DL-001");
        assert!(refusal.to_string().contains("/nowhere/node.toml"));
    }
}
