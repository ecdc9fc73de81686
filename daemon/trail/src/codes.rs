//! Every refusal that can leave this crate, once, with its remedy. Holds text only.

use cofferdam_hwprofile::{CodeEntry, Refusal};

/// A refusal with the remedy of its code.
pub(crate) fn refusal(code: &'static str, consequence: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(code, consequence.to_string(), mend(code))
}

/// What to do about a code.
pub(crate) fn mend(code: &str) -> &'static str {
    CODES
        .iter()
        .find(|entry| entry.code == code)
        .map_or("", |entry| entry.mend)
}

const fn entry(
    code: &'static str,
    title: &'static str,
    meaning: &'static str,
    mend: &'static str,
) -> CodeEntry {
    CodeEntry {
        code,
        title,
        meaning,
        mend,
    }
}

/// Every code of the family `TR`: 0xx keys and notes, 1xx opening a log, 2xx verifying one,
/// 3xx recording, 4xx proofs.
pub static CODES: &[CodeEntry] = &[
    entry(
        "TR-001",
        "not a key",
        "A signer or verifier key is not as the format says, or was changed.",
        "copy the key again, whole and on one line",
    ),
    entry(
        "TR-002",
        "key file exists",
        "A key file is made once and never overwritten: the log it signs would lose its voice.",
        "use the existing key, or move it away if you mean to start a new log",
    ),
    entry(
        "TR-003",
        "key file open to others",
        "Group or others may read or write a signer key; whoever read it can sign in its name.",
        "make a new key if others were on this machine; otherwise chmod 0600 the file",
    ),
    entry(
        "TR-004",
        "key file unusable",
        "A key file is missing, is no regular file, or cannot be read or written.",
        "check the path and the rights of the folder above it",
    ),
    entry(
        "TR-005",
        "no randomness",
        "The system gave no random bytes, so no key was made.",
        "check that getrandom works in this sandbox",
    ),
    entry(
        "TR-006",
        "not a signed note",
        "A text does not have the form of C2SP signed-note.",
        "fetch the file again; do not edit it",
    ),
    entry(
        "TR-007",
        "nobody trusted signed it",
        "No signature of the note is by one of the keys you trust.",
        "give the verifier key of this log, from a source other than the log",
    ),
    entry(
        "TR-008",
        "false signature",
        "A signature claims a trusted key and does not hold: the text was changed.",
        "keep the file as evidence and compare it with another copy",
    ),
    entry(
        "TR-009",
        "the same key twice",
        "Two trusted keys have the same name and hash.",
        "name each key once",
    ),
    entry(
        "TR-010",
        "not a checkpoint",
        "The signed text does not have the lines of C2SP tlog-checkpoint.",
        "fetch the file again; do not edit it",
    ),
    entry(
        "TR-101",
        "log unreadable",
        "The directory of the log, or a file in it, cannot be read or written.",
        "check owner, rights and free space of the directory",
    ),
    entry(
        "TR-102",
        "log in use",
        "Another process has this log open; two writers would break it.",
        "stop the other process; never remove the lock by hand",
    ),
    entry(
        "TR-103",
        "wal missing",
        "There are published leaves but no wal: the directory is not whole.",
        "restore the whole directory from one moment, or start a new log and keep this as evidence",
    ),
    entry(
        "TR-104",
        "wal header unknown",
        "The wal does not begin as this version writes it.",
        "keep the directory as evidence and restore the wal, or use the version that wrote it",
    ),
    entry(
        "TR-105",
        "wal damaged",
        "The wal is not what was written: no crash leaves it like this.",
        "keep the directory as evidence; restore the wal from the same moment as the checkpoint",
    ),
    entry(
        "TR-106",
        "wal of another log",
        "The wal was written for another origin.",
        "check that the directory belongs to this node and zone",
    ),
    entry(
        "TR-107",
        "checkpoint missing",
        "There are leaves but no signed checkpoint to hold them against.",
        "restore the checkpoint; if it was removed on purpose, keep the directory as evidence",
    ),
    entry(
        "TR-108",
        "checkpoint not ours",
        "The checkpoint is not one that this log's key signed.",
        "check that the key belongs to this log; else keep the directory as evidence",
    ),
    entry(
        "TR-109",
        "leaves are missing",
        "The signed checkpoint speaks of more leaves than there are: the log was rolled back or cut.",
        "keep the directory as evidence; restore it whole, from one moment",
    ),
    entry(
        "TR-110",
        "leaves are not the signed ones",
        "The leaves do not lead to the root that was signed: the log was rewritten.",
        "keep the directory as evidence; compare it with the copies of the other zones",
    ),
    entry(
        "TR-111",
        "checkpoint is too old",
        "The checkpoint is older than the wal allows: it was put back.",
        "keep the directory as evidence; restore it whole, from one moment",
    ),
    entry(
        "TR-112",
        "published file missing",
        "A tile or bundle that a signed checkpoint needs is missing or has the wrong length.",
        "restore the file from a copy of the log; it never changes once written",
    ),
    entry(
        "TR-113",
        "key of another log",
        "The signer key is not named <rack-domain>/<zone>/<node> for this zone and node.",
        "use the key that was made for this node",
    ),
    entry(
        "TR-114",
        "published file differs",
        "A published file has other content than the wal says; published files never change.",
        "keep the directory as evidence; restore the file from a copy of the log",
    ),
    entry(
        "TR-115",
        "checkpoint of another log",
        "The checkpoint names another origin.",
        "check that the directory belongs to this node and zone",
    ),
    entry(
        "TR-116",
        "leaf out of place",
        "A leaf in the wal does not carry its own place or is of another log.",
        "keep the directory as evidence; restore the wal from the same moment as the checkpoint",
    ),
    entry(
        "TR-201",
        "checkpoint missing",
        "The directory has no checkpoint; nothing in it is vouched for.",
        "point at the directory that holds the file `checkpoint`, or ask for a whole copy",
    ),
    entry(
        "TR-202",
        "checkpoint malformed",
        "The checkpoint is no signed note or has not the lines of a checkpoint.",
        "ask for the file again; if it comes the same, it was edited",
    ),
    entry(
        "TR-203",
        "checkpoint not signed by your key",
        "No signature of the checkpoint is by a key you trust.",
        "check which log this is; get its verifier key from its operator, not from the log",
    ),
    entry(
        "TR-204",
        "checkpoint signature false",
        "The checkpoint carries the name of a key you trust, and the signature does not hold.",
        "the checkpoint was edited: keep it as evidence and compare with another copy",
    ),
    entry(
        "TR-205",
        "checkpoint of another log",
        "The origin in the checkpoint is not the name of the key that signed it.",
        "check which log this is and which key you were given",
    ),
    entry(
        "TR-206",
        "entry bundle missing",
        "A bundle of leaves that the checkpoint speaks of is not there: leaves were removed.",
        "ask for the file from another copy; its hashes are in the tiles",
    ),
    entry(
        "TR-207",
        "entry bundle cut or lengthened",
        "A bundle does not hold exactly the leaves that it should.",
        "ask for the file from another copy; its hashes are in the tiles",
    ),
    entry(
        "TR-208",
        "leaf changed",
        "A leaf is not the one whose hash the signed tree holds.",
        "the leaf was edited: keep the file as evidence and compare with another copy",
    ),
    entry(
        "TR-209",
        "tile missing",
        "A tile of hashes that the checkpoint speaks of is not there.",
        "ask for the file from another copy",
    ),
    entry(
        "TR-210",
        "tile has the wrong length",
        "A tile does not have exactly the hashes that it should.",
        "ask for the file from another copy",
    ),
    entry(
        "TR-211",
        "tile changed",
        "A tile does not hash to what the signed tree holds above it.",
        "the tile was edited: keep it as evidence and compare with another copy",
    ),
    entry(
        "TR-212",
        "root is not the signed one",
        "The tree in this directory is not the one that was signed; leaves and tiles agree with \
         each other, so it was rebuilt or belongs to another checkpoint.",
        "compare with another copy, and ask each zone for the checkpoint it saw last",
    ),
    entry(
        "TR-213",
        "leaf out of place",
        "A leaf carries another place than where it stands.",
        "whoever holds the signer key wrote this log wrongly: ask its operator",
    ),
    entry(
        "TR-214",
        "not a leaf of this log",
        "A leaf is no line of this log.",
        "whoever holds the signer key wrote this log wrongly: ask its operator",
    ),
    entry(
        "TR-215",
        "old partial file changed",
        "A partial tile or bundle of an earlier checkpoint is not the beginning of the later one.",
        "the file was edited: keep it as evidence and compare with another copy",
    ),
    entry(
        "TR-216",
        "file unreadable",
        "A file of the log is there and cannot be read.",
        "check the rights of the copy you were given",
    ),
    entry(
        "TR-301",
        "leaf too long",
        "An entry would make a leaf above 16 KiB.",
        "record a reference or a digest in place of the content",
    ),
    entry(
        "TR-302",
        "field name refused",
        "The name of a field is reserved, empty, too long, or not made of plain characters.",
        "choose another name: a-z A-Z 0-9 _ - . up to 64 characters",
    ),
    entry(
        "TR-303",
        "field identifies a person",
        "A field is meant for what identifies a person directly; a leaf can never be deleted.",
        "put it into the sealed body and record a reference",
    ),
    entry(
        "TR-304",
        "too many entries wait",
        "The log's queue is full: the disk does not keep up.",
        "refuse the act and try again; look at the disk if it goes on",
    ),
    entry(
        "TR-305",
        "log closed",
        "The log was closed; nothing can be recorded and nothing may happen that needs it.",
        "open the log again",
    ),
    entry(
        "TR-306",
        "time out of range",
        "The time of an entry lies beyond the year 9999.",
        "look at the clock of this machine",
    ),
    entry(
        "TR-310",
        "wal cannot be written",
        "Writing or syncing the wal failed; what is on disk is unknown, so the log shut itself.",
        "mend the disk or free space, then restart: opening checks everything again",
    ),
    entry(
        "TR-311",
        "wal unlinked",
        "The wal has no name any more: what is written to it vanishes.",
        "find out who removed it; the log restarts only from a whole directory",
    ),
    entry(
        "TR-312",
        "wal replaced",
        "Another file stands where the wal was.",
        "find out who replaced it; put the right file back and restart",
    ),
    entry(
        "TR-313",
        "wal resized",
        "Somebody else shortened or lengthened the wal.",
        "find out who wrote to it; restart: opening tells what is damaged",
    ),
    entry(
        "TR-314",
        "publishing failed",
        "A tile, bundle or checkpoint could not be written, or was there with other content.",
        "free space or mend the disk, then restart: opening checks everything again",
    ),
    entry(
        "TR-401",
        "proof out of range",
        "The leaf or the older size lies outside the tree.",
        "ask for a leaf and sizes within the checkpoint",
    ),
    entry(
        "TR-402",
        "proof has the wrong length",
        "The proof has more or fewer hashes than these sizes need.",
        "ask for the proof again, for exactly these sizes",
    ),
    entry(
        "TR-403",
        "proof does not hold",
        "The hashes of the proof do not lead to the root.",
        "the leaf is not in this tree, or the older tree is not its beginning: keep both as evidence",
    ),
];

#[cfg(test)]
mod tests;
