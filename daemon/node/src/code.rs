//! Every code this crate can say, with what `cofferctl explain` tells about it.

use cofferdam_hwprofile::CodeEntry;

/// The codes of the node, in rising order.
pub static CODES: &[CodeEntry] = &[
    CodeEntry {
        code: "ND-001",
        title: "configuration not readable",
        meaning: "The program was started with a node.toml that is missing or not readable by its user.",
        mend: "Name the file with --config, and let the zone's user read it.",
    },
    CodeEntry {
        code: "ND-002",
        title: "configuration wrong",
        meaning: "node.toml has an unknown key, a wrong value or a wrong shape; the schema is closed.",
        mend: "Mend the line that is named.",
    },
    CodeEntry {
        code: "ND-003",
        title: "zone settings wrong",
        meaning: "The zone's own table of node.toml does not fit the zone's program.",
        mend: "Mend the key that is named.",
    },
    CodeEntry {
        code: "ND-004",
        title: "no threads",
        meaning: "The operating system refused the threads the program needs.",
        mend: "Raise TasksMax= or LimitNPROC= of the unit.",
    },
    CodeEntry {
        code: "ND-005",
        title: "another socket was passed",
        meaning: "The service manager passed a socket that does not listen where node.toml says, or no listening socket.",
        mend: "Let ListenStream= of the socket unit and listen in node.toml name the same address.",
    },
    CodeEntry {
        code: "ND-010",
        title: "identity key unusable",
        meaning: "The file with the node's private key is missing, readable by others, or holds no key.",
        mend: "Restore the file with mode 0600, or claim the node again.",
    },
    CodeEntry {
        code: "ND-011",
        title: "node not in the manifest",
        meaning: "The signed manifest has no node of the configured name.",
        mend: "Correct the name, or have the operators add the node and sign.",
    },
    CodeEntry {
        code: "ND-012",
        title: "wrong program for the zone",
        meaning: "The node's zone is of another kind than the program that was started.",
        mend: "Start the program of the zone's kind.",
    },
    CodeEntry {
        code: "ND-013",
        title: "no keeper known",
        meaning: "Neither [peers] nor the manifest says where the keeper is and which key it has.",
        mend: "Name its address under [peers] and pin its node's key in the manifest.",
    },
    CodeEntry {
        code: "ND-014",
        title: "state directory unusable",
        meaning: "The directory is missing and cannot be made, or others may enter it.",
        mend: "Make it a directory of the zone's user with mode 0700.",
    },
    CodeEntry {
        code: "ND-015",
        title: "key not pinned",
        meaning: "The manifest does not pin the key that this node has.",
        mend: "Have the operators pin it and sign; if it was pinned before, find out who replaced the key.",
    },
    CodeEntry {
        code: "ND-016",
        title: "last manifest not known",
        meaning: "manifest.json in the node's state, which remembers the last accepted manifest, cannot be read or written.",
        mend: "Look at the file and its disk; an operator who knows which manifest was last in force may remove it.",
    },
    CodeEntry {
        code: "ND-020",
        title: "act not recorded",
        meaning: "The trail could not take a leaf, so what it speaks of did not happen.",
        mend: "Look at the disk and the trail's files on that node.",
    },
    CodeEntry {
        code: "ND-030",
        title: "no data key",
        meaning: "The keeper could not be asked for a data key, so nothing was sealed or opened.",
        mend: "See that the keeper runs and that this node holds a lease.",
    },
    CodeEntry {
        code: "ND-040",
        title: "lease lapsed",
        meaning: "The keeper was silent until the last lease ended. Sessions are closed; spooled data is kept.",
        mend: "Start the keeper or mend the way to it; the node goes on by itself.",
    },
    CodeEntry {
        code: "ND-050",
        title: "boot certificate used beyond its right",
        meaning: "A pinned key without a lease asked for something else than a lease.",
        mend: "Ask for a lease first.",
    },
    CodeEntry {
        code: "ND-060",
        title: "another zone on this host",
        meaning: "The lock that one zone of a host holds (a vsock port, the same in every network namespace) is taken.",
        mend: "Stop the other zone, or give this one a machine of its own.",
    },
    CodeEntry {
        code: "ND-061",
        title: "host lock unavailable",
        meaning: "The kernel offers no AF_VSOCK, or the unit forbids it: a second zone on this host could not be noticed.",
        mend: "modprobe vsock, name it in /etc/modules-load.d, and let the unit use AF_VSOCK.",
    },
    CodeEntry {
        code: "ND-062",
        title: "not in the machine's own namespaces",
        meaning: "The process runs in namespaces of its own, or in a network namespace with vsock ports of its own: a \
                  lock taken there says nothing about the host.",
        mend: "Start the zone from the machine's service manager; leave net.vsock.child_ns_mode at global.",
    },
    CodeEntry {
        code: "ND-070",
        title: "keys given up",
        meaning: "The node lost its lease for good, or stops: it holds no key and asks for none.",
        mend: "Read why in refusal.json in its state.",
    },
    CodeEntry {
        code: "ND-071",
        title: "refused without a reason",
        meaning: "The judge of hardware refused and named no reason; that is a fault of the program.",
        mend: "Report it.",
    },
    CodeEntry {
        code: "ND-072",
        title: "hardware not watched",
        meaning: "The task that watches the hardware ended while the zone served; that is a fault of the program.",
        mend: "Start the zone again and report it.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The sources of this crate, for the comparison below.
    const SOURCES: [&str; 12] = [
        include_str!("drift/sentry.rs"),
        include_str!("accepted.rs"),
        include_str!("boot.rs"),
        include_str!("config.rs"),
        include_str!("host_lock.rs"),
        include_str!("identity.rs"),
        include_str!("keys.rs"),
        include_str!("record.rs"),
        include_str!("run.rs"),
        include_str!("serve.rs"),
        include_str!("tenancy.rs"),
        include_str!("config/raw.rs"),
    ];

    #[test]
    fn the_table_and_the_sources_name_the_same_codes() {
        let mut said: Vec<&str> = SOURCES
            .iter()
            .flat_map(|source| source.split('"'))
            .filter(|text| text.len() == 6 && text.starts_with("ND-"))
            .collect();
        said.sort_unstable();
        said.dedup();
        let listed: Vec<&str> = CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(said, listed);
    }
}
