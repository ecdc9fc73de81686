//! Every code of the product, for `cofferctl explain`, and the tool's own. The zones' tables are compiled in from their own files:
//! the tool must know what they say and must not link what they do.

use cofferdam_hwprofile::CodeEntry;

#[path = "../../analytics/src/code.rs"]
pub mod analytics;
#[path = "../../intake/src/code.rs"]
pub mod intake;
#[path = "../../keeper/src/code.rs"]
pub mod keeper;
#[path = "../../storage/src/code.rs"]
pub mod storage;

/// Every code there is, family by family.
pub fn all() -> impl Iterator<Item = &'static CodeEntry> {
    [
        cofferdam_hwprofile::CODES,
        cofferdam_rack::CODES,
        cofferdam_seal::CODES,
        cofferdam_trail::CODES,
        cofferdam_dial::CODES,
        cofferdam_link::CODES,
        cofferdam_spool::CODES,
        cofferdam_node::CODES,
        keeper::CODES,
        storage::CODES,
        intake::CODES,
        analytics::CODES,
        CODES,
    ]
    .into_iter()
    .flatten()
}

/// The tool's own codes, in rising order of each family.
pub static CODES: &[CodeEntry] = &[
    CodeEntry {
        code: "CL-001",
        title: "no rack to talk to",
        meaning: "The directory holds no lab.json, or one of another version.",
        mend: "Start a lab with `cofferctl lab up --dir DIR` and name it with --lab DIR.",
    },
    CodeEntry {
        code: "CL-002",
        title: "command line not understood",
        meaning: "A word of the command line is missing, is one too many or cannot be one.",
        mend: "See `cofferctl help`, or the command with --help.",
    },
    CodeEntry {
        code: "CL-010",
        title: "the zone said no",
        meaning: "A zone refused, and not with a refusal of ours.",
        mend: "Read what it says; its log and trail say more.",
    },
    CodeEntry {
        code: "CL-011",
        title: "no such zone",
        meaning: "lab.json names no zone of the kind that is needed.",
        mend: "Look at its zones.",
    },
    CodeEntry {
        code: "CL-012",
        title: "zone not reached",
        meaning: "Nobody answers at the zone's address, or not the one who should.",
        mend: "See `cofferctl status`.",
    },
    CodeEntry {
        code: "CL-013",
        title: "no answer",
        meaning: "The connection ended before the answer did; what was asked may have happened.",
        mend: "Ask again; records with an idempotency key and conditional writes are safe to repeat.",
    },
    CodeEntry {
        code: "CL-014",
        title: "no threads",
        meaning: "The operating system gave the tool no resources.",
        mend: "Raise the limits of the shell.",
    },
    CodeEntry {
        code: "CL-015",
        title: "client files unusable",
        meaning: "The certificate, key, authorities or manifest that lab.json points to cannot be used.",
        mend: "Start the lab again.",
    },
    CodeEntry {
        code: "CL-020",
        title: "no such code",
        meaning: "`explain` was asked for a code that the product never says.",
        mend: "Give a code as a refusal prints it.",
    },
    CodeEntry {
        code: "CL-021",
        title: "watch too short",
        meaning: "`hw watch` was ended before the machine was read once.",
        mend: "Watch for longer.",
    },
    CodeEntry {
        code: "CL-030",
        title: "two sides needed",
        meaning: "`hw compare` takes a node and a sysroot twice.",
        mend: "Write NODE=SYSROOT NODE=SYSROOT.",
    },
    CodeEntry {
        code: "CL-031",
        title: "policy not readable",
        meaning: "The hwprofile.toml cannot be read.",
        mend: "Name a readable file with --policy.",
    },
    CodeEntry {
        code: "CL-032",
        title: "node not in the policy",
        meaning: "The policy has no node of that name.",
        mend: "Name one of those it has.",
    },
    CodeEntry {
        code: "CL-033",
        title: "domain not one",
        meaning: "A rack's domain is lower-case labels with dots between.",
        mend: "Give one such as rack7.example.",
    },
    CodeEntry {
        code: "CL-034",
        title: "verifier key unusable",
        meaning: "The file holds no verifier key.",
        mend: "Name a file with a line NAME+HASH+KEY.",
    },
    CodeEntry {
        code: "CL-035",
        title: "word not known",
        meaning: "A zone or verb of the question cannot be one.",
        mend: "Use the names of hwprofile.toml and flows.toml and the verbs of the manual.",
    },
    CodeEntry {
        code: "CL-036",
        title: "nothing to trust",
        meaning: "The file of keys to trust cannot be read or holds no key.",
        mend: "Name a file with verifier keys, one a line.",
    },
    CodeEntry {
        code: "CL-037",
        title: "no epoch",
        meaning: "An epoch is a number from 1.",
        mend: "Sign with one more than the manifest that is in force.",
    },
    CodeEntry {
        code: "CL-038",
        title: "machine not pinned",
        meaning: "Fewer than two independent families of witnesses name the machine, or they could not be read.",
        mend: "Run as root or with CAP_DAC_READ_SEARCH; set serial numbers in the firmware.",
    },
    CodeEntry {
        code: "CL-039",
        title: "name not one",
        meaning: "A node or zone of the command has a name that no policy can have.",
        mend: "Use a letter a-z first, then letters a-z, digits and hyphens, 31 at most.",
    },
    CodeEntry {
        code: "CL-040",
        title: "object not named",
        meaning: "An object is BUCKET/KEY.",
        mend: "Write both.",
    },
    CodeEntry {
        code: "CL-041",
        title: "local file failed",
        meaning: "A file on this machine could not be read or written.",
        mend: "Look at its name, its owner and the free space.",
    },
    CodeEntry {
        code: "CL-042",
        title: "answer not understood",
        meaning: "A zone answered in a shape this tool does not know.",
        mend: "Use the tool of the rack's release.",
    },
    CodeEntry {
        code: "CL-043",
        title: "line not JSON",
        meaning: "A line of the records is not a JSON document; nothing was submitted.",
        mend: "Write one JSON document a line.",
    },
    CodeEntry {
        code: "CL-044",
        title: "record without answer",
        meaning: "A record was sent again until the patience ended and stayed without an answer.",
        mend: "Submit again.",
    },
    CodeEntry {
        code: "CL-045",
        title: "facts not readable",
        meaning: "A file of facts or evidence cannot be read or holds none, or a sysroot is no directory.",
        mend: "Name a file that `cofferctl hw facts --json` wrote, or a directory with the root of a machine.",
    },
    CodeEntry {
        code: "CL-046",
        title: "one service twice",
        meaning: "`rack advise` weighs two services, and was given one.",
        mend: "Name two.",
    },
    CodeEntry {
        code: "CL-050",
        title: "not sealed by this keyring",
        meaning: "The input is neither a sealed object nor a token or cell that this keyring opens.",
        mend: "Name the file as it was sealed, and its keyring.",
    },
    CodeEntry {
        code: "CL-051",
        title: "range not one",
        meaning: "A range is two numbers with a dash between.",
        mend: "Write --range 0-99.",
    },
    CodeEntry {
        code: "CL-052",
        title: "range past the end",
        meaning: "The range begins after the last byte.",
        mend: "Ask for bytes below the length.",
    },
    CodeEntry {
        code: "CL-053",
        title: "input too large",
        meaning: "A token, a cell or a log is opened in memory, and this is more than 64 MiB.",
        mend: "Seal large things as objects.",
    },
    CodeEntry {
        code: "CL-054",
        title: "output over its source",
        meaning: "The file to write is what the command reads: its input, its keyring, or a file of the plan that it draws.",
        mend: "Name another file, and move it over the old one when it is good.",
    },
    CodeEntry {
        code: "CL-060",
        title: "no such column",
        meaning: "The first line of the CSV document does not name the column.",
        mend: "Name one that it has.",
    },
    CodeEntry {
        code: "CL-061",
        title: "cell not opened",
        meaning: "No key of the ring opens a cell; the field may have written over its own key file (defect 1 of docs/field.md).",
        mend: "Add the key that the column was written with, from a copy.",
    },
    CodeEntry {
        code: "CL-062",
        title: "value never encrypted",
        meaning: "A value of the column is neither empty nor a cell nor a token.",
        mend: "See whether it is the right column, then use --take-plain.",
    },
    CodeEntry {
        code: "CL-063",
        title: "value with a line break",
        meaning: "A value a line cannot hold a line break.",
        mend: "Use CSV and --column.",
    },
    CodeEntry {
        code: "CL-064",
        title: "document not CSV",
        meaning: "A row has another number of fields than the first, a line is blank, or a row cannot be read.",
        mend: "Write it again with a CSV library; an empty value is written \"\".",
    },
    CodeEntry {
        code: "LAB-001",
        title: "directory not empty",
        meaning: "A lab is made only in a directory that holds nothing.",
        mend: "Name another, or stop and remove the old lab.",
    },
    CodeEntry {
        code: "LAB-002",
        title: "port taken",
        meaning: "One of the four ports is in use.",
        mend: "Name another with --base-port.",
    },
    CodeEntry {
        code: "LAB-003",
        title: "no randomness",
        meaning: "The system gave no random number.",
        mend: "Try again.",
    },
    CodeEntry {
        code: "LAB-004",
        title: "lab not made",
        meaning: "A file of the lab could not be written.",
        mend: "Look at the directory's owner and the free space.",
    },
    CodeEntry {
        code: "LAB-010",
        title: "program not built",
        meaning: "A zone's program does not lie beside this tool.",
        mend: "Build the whole workspace, or run `cargo lab`.",
    },
    CodeEntry {
        code: "LAB-011",
        title: "program not started",
        meaning: "A zone's program could not be started.",
        mend: "See its log below the lab's log/.",
    },
    CodeEntry {
        code: "LAB-020",
        title: "client without certificate",
        meaning: "The keeper gave the lab's client no certificate.",
        mend: "See the keeper's log.",
    },
    CodeEntry {
        code: "LAB-021",
        title: "lab.json not written",
        meaning: "The contract with tools could not be written.",
        mend: "Look at the directory's owner and the free space.",
    },
    CodeEntry {
        code: "LAB-022",
        title: "program ended",
        meaning: "A program of the lab ended by itself.",
        mend: "Read its log, and `cofferctl explain` the code in it.",
    },
    CodeEntry {
        code: "LAB-030",
        title: "lab not held",
        meaning: "The lab did not come up, or did not stop as it should.",
        mend: "Read what it says here and in its log/.",
    },
    CodeEntry {
        code: "LAB-031",
        title: "no running lab",
        meaning: "The directory names no process that holds a lab.",
        mend: "Name the directory that `lab up --dir` was given.",
    },
    CodeEntry {
        code: "LAB-040",
        title: "attack not made",
        meaning: "An attack could not be carried out, so it proves nothing.",
        mend: "See that the lab runs and its directory is whole.",
    },
    CodeEntry {
        code: "LAB-041",
        title: "nothing to break",
        meaning: "There is no lab in the directory.",
        mend: "Start one with `cofferctl lab up`.",
    },
    CodeEntry {
        code: "LAB-050",
        title: "no place for the demo",
        meaning: "No directory or no four free ports could be had.",
        mend: "Name them with --dir and --base-port.",
    },
    CodeEntry {
        code: "LAB-051",
        title: "a step did not hold",
        meaning: "A step of the demo did not show what it must.",
        mend: "Keep the lab's directory and report it.",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_code_is_said_by_two_families_and_each_is_explained() {
        let mut seen = BTreeSet::new();
        for entry in all() {
            assert!(seen.insert(entry.code), "{} stands twice", entry.code);
            assert!(
                !entry.meaning.is_empty() && !entry.mend.is_empty(),
                "{}",
                entry.code
            );
        }
        assert!(seen.len() > 100, "{}", seen.len());
    }

    #[test]
    fn the_table_and_the_sources_name_the_same_codes() {
        let mut sources = String::new();
        let mut waiting = vec![std::path::PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src"
        ))];
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(directory).expect("sources") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    waiting.push(path);
                } else if !path.ends_with("code.rs") {
                    sources.push_str(&std::fs::read_to_string(path).expect("a source"));
                }
            }
        }
        let is_code = |text: &&str| {
            let digits = text
                .strip_prefix("CL-")
                .or_else(|| text.strip_prefix("LAB-"));
            digits.is_some_and(|rest| rest.len() == 3 && rest.bytes().all(|b| b.is_ascii_digit()))
        };
        let said: BTreeSet<&str> = sources
            .split('"')
            .filter(is_code)
            .filter(|code| *code != "CL-999")
            .collect();
        let listed: BTreeSet<&str> = CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(said, listed);
    }
}
