//! Every code this crate can say, with what `cofferctl explain` tells about it.

use cofferdam_hwprofile::CodeEntry;

/// The codes of intake, in rising order.
pub static CODES: &[CodeEntry] = &[
    CodeEntry {
        code: "IN-001",
        title: "no such stream or survey",
        meaning: "The path names none of the streams and surveys in node.toml.",
        mend: "Send to one of those that are named, or have it added under [intake].",
    },
    CodeEntry {
        code: "IN-002",
        title: "survey without schema",
        meaning: "A survey's JSON Schema is missing, not one, or refers to another place.",
        mend: "Put the schema at surveys/<name>.json in intake's state, without outside references.",
    },
    CodeEntry {
        code: "IN-003",
        title: "naming key unusable",
        meaning: "The key that names records against repeats is readable by others, damaged, or cannot be made.",
        mend: "Restore naming.key with mode 0600.",
    },
    CodeEntry {
        code: "IN-004",
        title: "nowhere to forward",
        meaning: "The manifest has no zone of kind storage.",
        mend: "Add one, or do not run intake in this rack.",
    },
    CodeEntry {
        code: "IN-010",
        title: "record not well-formed",
        meaning: "A record is not a JSON object, or a CloudEvent lacks what version 1.0 demands.",
        mend: "Mend the record at the place that is named; none of the request was taken.",
    },
    CodeEntry {
        code: "IN-011",
        title: "type not taken",
        meaning: "The Content-Type of the body is not one that intake reads.",
        mend: "Send JSON, NDJSON or CloudEvents.",
    },
    CodeEntry {
        code: "IN-012",
        title: "request too large",
        meaning: "More than 1,000 records, a record above 64 KiB, or nesting above 32.",
        mend: "Send fewer records a request, and shorter ones.",
    },
    CodeEntry {
        code: "IN-013",
        title: "idempotency key not usable",
        meaning: "The header is empty, longer than 255 characters, or not visible ASCII.",
        mend: "Send a UUID.",
    },
    CodeEntry {
        code: "IN-020",
        title: "answer of the wrong shape",
        meaning: "An answer breaks the survey's JSON Schema at the pointer that is named.",
        mend: "Mend the value there; none of the request was taken.",
    },
    CodeEntry {
        code: "IN-030",
        title: "no randomness",
        meaning: "The system gave no random number to name a record with.",
        mend: "Send it again with an Idempotency-Key.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: [&str; 4] = [
        include_str!("identity.rs"),
        include_str!("refusal.rs"),
        include_str!("service.rs"),
        include_str!("survey.rs"),
    ];

    #[test]
    fn the_table_and_the_sources_name_the_same_codes() {
        let mut said: Vec<&str> = SOURCES
            .iter()
            .flat_map(|source| source.split('"'))
            .filter(|text| text.len() == 6 && text.starts_with("IN-"))
            .collect();
        said.sort_unstable();
        said.dedup();
        let listed: Vec<&str> = CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(said, listed);
    }
}
