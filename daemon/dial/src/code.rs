//! The codes of the dialler; `cofferctl explain` knows each of them from this table. A message of this program names a code of it or
//! none.

use cofferdam_hwprofile::{CodeEntry, Refusal};

/// Every code of the dialler.
pub static CODES: &[CodeEntry] = &[
    CodeEntry {
        code: "DL-001",
        title: "list of peers unreadable",
        meaning: "The dialler cannot read the node.toml that it takes its peers from; it runs as a user of its own.",
        mend: "Name a node.toml with --config that everybody may read; it holds no secret.",
    },
    CodeEntry {
        code: "DL-002",
        title: "list of peers wrong",
        meaning: "The table [peers] of node.toml is missing, empty, or holds something else than addresses with ports.",
        mend: "Give each peer as ADDRESS:PORT; names are not resolved, so that no name server decides who is called.",
    },
    CodeEntry {
        code: "DL-003",
        title: "no socket to listen on",
        meaning: "The service manager passed no local socket, and the one named with --socket could not be made.",
        mend: "Start cofferd-dial@ZONE.socket, or name a path in a directory of the dialler's own.",
    },
    CodeEntry {
        code: "DL-004",
        title: "not a peer",
        meaning: "The zone asked for a connection to an address that is not in its [peers]: its configuration changed after \
                  the dialler read it, or the zone is taken over.",
        mend: "Compare [peers] in node.toml with the address; restart the dialler if the file was changed on purpose.",
    },
];

/// A refusal with the remedy of its code.
#[must_use]
pub fn refuse(code: &str, consequence: &str) -> Refusal {
    let entry = CODES.iter().find(|entry| entry.code == code);
    Refusal::new(code, consequence, entry.map_or("", |entry| entry.mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_code_has_a_remedy() {
        assert!(CODES.is_sorted_by(|one, next| one.code < next.code));
        for entry in CODES {
            assert!(!refuse(entry.code, "no").fix.is_empty(), "{}", entry.code);
        }
    }
}
