//! Every code this crate can say, with what `cofferctl explain` tells about it.

use cofferdam_hwprofile::CodeEntry;

/// The codes of the keeper, in rising order.
pub static CODES: &[CodeEntry] = &[
    CodeEntry {
        code: "KP-001",
        title: "no certificates",
        meaning: "The keys or certificates of the zones' authorities cannot be used.",
        mend: "Look at the files below ca/ in the keeper's state; restore them from the cold copy.",
    },
    CodeEntry {
        code: "KP-002",
        title: "ledger unusable",
        meaning: "The keeper cannot read who lost a lease, and would have to guess; it gives none.",
        mend: "Restore leases.json, or remove it after every lease has ended.",
    },
    CodeEntry {
        code: "KP-003",
        title: "wrapping keys unusable",
        meaning: "The keyrings that wrap data keys cannot be read, or the system gave no randomness.",
        mend: "Look at the files below kek/ in the keeper's state; they are never made again over old data.",
    },
    CodeEntry {
        code: "KP-010",
        title: "another epoch",
        meaning: "The node runs under another manifest than the keeper.",
        mend: "Install the same signed manifest on both.",
    },
    CodeEntry {
        code: "KP-011",
        title: "no evidence",
        meaning: "A node asked for a lease without showing its hardware.",
        mend: "Send the evidence; only clients of flows.toml have none.",
    },
    CodeEntry {
        code: "KP-012",
        title: "refused without a reason",
        meaning: "The judge of hardware refused and named no reason; that is a fault of the program.",
        mend: "Report it.",
    },
    CodeEntry {
        code: "KP-013",
        title: "not the pinned key",
        meaning: "The signing request is not for the key that the manifest pins, or is not signed by it.",
        mend: "Find out who holds the other key before pinning it.",
    },
    CodeEntry {
        code: "KP-014",
        title: "asked for another",
        meaning: "A request for a lease named another node than the key that brought it.",
        mend: "Look who runs with this key.",
    },
    CodeEntry {
        code: "KP-020",
        title: "owner without data",
        meaning: "A data key was asked for a zone that owns no data.",
        mend: "Name a zone whose data class is not \"none\".",
    },
    CodeEntry {
        code: "KP-021",
        title: "foreign or damaged data key",
        meaning: "A wrapped key could not be opened with the asking zone's keyring.",
        mend: "A zone can open its own objects only; if it is its own, the object's header is damaged.",
    },
    CodeEntry {
        code: "KP-030",
        title: "request not understood",
        meaning: "The body or query of a request is not what the endpoint takes.",
        mend: "Send what the manual shows; both sides should be of one release.",
    },
    CodeEntry {
        code: "KP-031",
        title: "no such endpoint",
        meaning: "The keeper has four endpoints of its own, and this is none of them.",
        mend: "Use /v1/lease, /v1/standing, /v1/keys/new or /v1/keys/open.",
    },
    CodeEntry {
        code: "KP-032",
        title: "judgement cut off",
        meaning: "The keeper stopped while a request for a lease was being judged.",
        mend: "Ask again.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: [&str; 6] = [
        include_str!("certificate.rs"),
        include_str!("court.rs"),
        include_str!("keyroom.rs"),
        include_str!("ledger.rs"),
        include_str!("registry.rs"),
        include_str!("service.rs"),
    ];

    #[test]
    fn the_table_and_the_sources_name_the_same_codes() {
        let mut said: Vec<&str> = SOURCES
            .iter()
            .flat_map(|source| source.split('"'))
            .filter(|text| text.len() == 6 && text.starts_with("KP-"))
            .collect();
        said.sort_unstable();
        said.dedup();
        let listed: Vec<&str> = CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(said, listed);
    }
}
