//! Every code of the spool: what it means, and how to mend it. `cofferctl explain` prints them.
//! Never used again for another meaning.

use cofferdam_hwprofile::CodeEntry;

/// Every code this crate can emit.
pub static CODES: &[CodeEntry] = &[
    CodeEntry {
        code: "SP-001",
        title: "spool setting out of range",
        meaning: "A setting of the spool is one that no spool can honour; it is named in the text.",
        mend: "Correct the named setting in the zone's configuration and start again.",
    },
    CodeEntry {
        code: "SP-002",
        title: "spool directory not usable",
        meaning: "A file operation failed while the spool was opened. Nothing was lost.",
        mend: "Look at the path and the error number; give the zone's user the directory, mode \
               0700.",
    },
    CodeEntry {
        code: "SP-003",
        title: "spool already owned",
        meaning: "Another process holds the lock of the spool's directory. One process owns a \
                  spool.",
        mend: "Stop the other instance, or give this one a state directory of its own.",
    },
    CodeEntry {
        code: "SP-004",
        title: "epoch file does not belong here",
        meaning: "The file epoch is damaged, names another producer, or the clock is beyond ten \
                  digits of seconds. To go on could give two segments one name.",
        mend: "Check the node's name and clock; restore the file epoch, or move the directory \
               aside after everything in it was delivered.",
    },
    CodeEntry {
        code: "SP-005",
        title: "owner thread not started",
        meaning: "The system gave no thread for the owner of the spool or the journal.",
        mend: "Raise TasksMax= of the unit, or look for what uses up the machine's threads.",
    },
    CodeEntry {
        code: "SP-010",
        title: "spool full",
        meaning: "The spool stayed at its high-water mark for the whole wait. Nothing was written.",
        mend: "Find out why the consumer does not deliver; put again later, or raise \
               capacity-bytes.",
    },
    CodeEntry {
        code: "SP-011",
        title: "no answer in time",
        meaning: "The disk, or the key source, did not answer within the wait. The record may be \
                  stored.",
        mend: "Repeat with the same tag; look at the disk's latency and at the keeper.",
    },
    CodeEntry {
        code: "SP-012",
        title: "disk full",
        meaning: "The disk, its quota or a file-size limit left no space. What was acknowledged is \
                  whole; what was refused was cut.",
        mend: "Free space or deliver what waits. The spool goes on by itself when space returns.",
    },
    CodeEntry {
        code: "SP-013",
        title: "disk error",
        meaning: "A file operation failed. The segment was ended at what was acknowledged.",
        mend: "Look at the error number and the kernel log; replace the disk if it repeats.",
    },
    CodeEntry {
        code: "SP-014",
        title: "no key for a segment",
        meaning: "A new segment needs a data key, and the key source gave none.",
        mend: "Look whether this node has a lease and the keeper answers; then put again.",
    },
    CodeEntry {
        code: "SP-015",
        title: "closed",
        meaning: "The spool or the journal was closed; nothing more goes in.",
        mend: "Nothing is wrong with the disk; send the record to an instance that is running.",
    },
    CodeEntry {
        code: "SP-016",
        title: "record too large",
        meaning: "The payload is longer than any record may be, or than the whole spool.",
        mend: "Split it, or put it into storage as an object.",
    },
    CodeEntry {
        code: "SP-017",
        title: "record not sealed",
        meaning: "The sealer refused the record, for the reason in the text. Nothing was written.",
        mend: "Report it: with the lengths checked before, this does not happen.",
    },
    CodeEntry {
        code: "SP-020",
        title: "segment not waiting",
        meaning: "A verdict was given on a segment that was delivered before or is a dead letter.",
        mend: "Take the next segment; a verdict is given once.",
    },
    CodeEntry {
        code: "SP-030",
        title: "torn tail cut",
        meaning: "The last write before a crash was not wholly on disk. It was never acknowledged; \
                  the tail was cut at the last intact record and kept under torn/.",
        mend: "Nothing, after a crash. Without one, look at the disk, and keep the file in torn/.",
    },
    CodeEntry {
        code: "SP-031",
        title: "closed segment damaged",
        meaning: "Bytes of a segment changed after they were acknowledged. It was moved to dead/ \
                  with its reason.",
        mend: "Check the disk. The records before the offset can still be opened with its key.",
    },
    CodeEntry {
        code: "SP-032",
        title: "dead letters wait",
        meaning: "Segments were refused by their receiver to the last attempt and lie in dead/.",
        mend: "Read the .reason beside each. To send one again: stop the zone, move the .ready \
               file back to segments/, delete its .reason, start.",
    },
    CodeEntry {
        code: "SP-040",
        title: "journal exists already",
        meaning: "A journal was to be created where a file is. It was not touched.",
        mend: "Open it instead, or move it aside.",
    },
    CodeEntry {
        code: "SP-041",
        title: "not a journal",
        meaning: "The file does not begin with the header of a sealed log of records.",
        mend: "Check the path; restore the file from a copy if its first 512 bytes are damaged.",
    },
    CodeEntry {
        code: "SP-042",
        title: "key does not open the journal",
        meaning: "The key or the context is another than the journal was sealed with.",
        mend: "Have the wrapped key in its header opened by the keeper of the same rack and zone.",
    },
    CodeEntry {
        code: "SP-043",
        title: "journal damaged",
        meaning: "Bytes changed, at the offset told, that were on disk once: a later commit \
                  follows, or the record was written with another key. Nothing was cut.",
        mend: "Keep the file, check the disk, restore a copy. To cut here would lose what follows.",
    },
    CodeEntry {
        code: "SP-044",
        title: "journal ended",
        meaning: "The file ends with a final record, as a closed segment does.",
        mend: "Check the path: this is a segment of a spool, not a journal.",
    },
    CodeEntry {
        code: "SP-045",
        title: "journal already owned",
        meaning: "Another process holds the lock of the journal.",
        mend: "Stop the other instance, or give this one a state directory of its own.",
    },
    CodeEntry {
        code: "SP-046",
        title: "journal poisoned",
        meaning: "The disk failed earlier in a way that leaves open what it holds.",
        mend: "Restart the zone: opening reads and verifies everything. Look at the kernel log.",
    },
    CodeEntry {
        code: "SP-048",
        title: "torn tail of a journal cut",
        meaning: "The last commit before a crash was not wholly on disk. It was never \
                  acknowledged; the tail was cut and kept beside the journal.",
        mend: "Nothing, after a crash. Without one, look at the disk, and keep the .torn file.",
    },
];

#[cfg(test)]
mod tests {
    use super::CODES;
    use crate::journal::{JournalError, JournalErrorKind};
    use crate::key_source::KeySourceError;
    use crate::refusal::{ConsumeError, DiskError, PutError};
    use crate::spool::{OpenError, OpenErrorKind};
    use std::collections::BTreeSet;
    use std::io;
    use std::path::{Path, PathBuf};

    fn disk(errno: i32) -> DiskError {
        DiskError::new(
            "write",
            Path::new("/x"),
            &io::Error::from_raw_os_error(errno),
        )
    }

    fn every_error() -> Vec<&'static str> {
        let what = String::new;
        let open = [
            OpenErrorKind::Settings { what: what() },
            OpenErrorKind::Disk(disk(28)),
            OpenErrorKind::Disk(disk(13)),
            OpenErrorKind::Owned,
            OpenErrorKind::Epoch { what: what() },
            OpenErrorKind::Thread(io::ErrorKind::Other.into()),
        ];
        let put = [
            PutError::Full,
            PutError::Timeout,
            PutError::Disk(disk(28)),
            PutError::Disk(disk(5)),
            PutError::NoKey(KeySourceError::new("none")),
            PutError::Unsealed { what: what() },
            PutError::TooLarge { bytes: 1 },
            PutError::Closed,
        ];
        let consume = [
            ConsumeError::Closed,
            ConsumeError::Timeout,
            ConsumeError::Unknown,
            ConsumeError::Disk(disk(5)),
        ];
        let journal = [
            JournalErrorKind::Exists,
            JournalErrorKind::Disk(disk(5)),
            JournalErrorKind::Header { what: what() },
            JournalErrorKind::Key { what: what() },
            JournalErrorKind::Damaged {
                offset: 1,
                what: what(),
            },
            JournalErrorKind::Finished,
            JournalErrorKind::Owned,
            JournalErrorKind::Thread { what: what() },
            JournalErrorKind::TooLarge { bytes: 1 },
            JournalErrorKind::Unsealed { what: what() },
            JournalErrorKind::Timeout,
            JournalErrorKind::Poisoned(disk(5)),
            JournalErrorKind::Closed,
        ];
        let mut codes = Vec::new();
        codes.extend(open.map(|kind| {
            OpenError {
                dir: PathBuf::new(),
                kind,
            }
            .code()
        }));
        codes.extend(put.map(|error| error.code()));
        codes.extend(consume.map(|error| error.code()));
        codes.extend(journal.map(|kind| {
            JournalError {
                path: PathBuf::new(),
                kind,
            }
            .code()
        }));
        // Told in a recovery, not in an error.
        codes.extend(["SP-030", "SP-031", "SP-032", "SP-048"]);
        codes
    }

    #[test]
    fn every_code_an_error_gives_is_in_the_table_and_every_code_of_the_table_is_given() {
        let given: BTreeSet<_> = every_error().into_iter().collect();
        let told: BTreeSet<_> = CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(given, told);
        assert_eq!(told.len(), CODES.len(), "a code stands twice");
    }

    #[test]
    fn every_code_says_what_it_means_and_how_to_mend_it() {
        for entry in CODES {
            let texts = [entry.title, entry.meaning, entry.mend];
            assert!(texts.iter().all(|text| text.len() > 5), "{}", entry.code);
            assert!(
                entry.meaning.ends_with('.') && entry.mend.ends_with('.'),
                "{}",
                entry.code
            );
        }
    }
}
