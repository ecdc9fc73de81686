//! The stable codes of this crate: one table, from which the enum and the public list are both made.
//!
//! Must never hold a code that no error gives; the compiler's dead-code lint sees to that.

use std::error::Error;

use cofferdam_hwprofile::{CodeEntry, Refusal};

/// Gives an error type its public `code` and `refusal`, from a private `reason`.
macro_rules! coded {
    ($error:ident) => {
        impl $error {
            /// The stable code.
            #[must_use]
            pub fn code(&self) -> &'static str {
                self.reason().text()
            }

            /// The refusal for people: what was seen, which rule, how to mend it.
            #[must_use]
            pub fn refusal(&self) -> cofferdam_hwprofile::Refusal {
                $crate::codes::refusal(self.reason(), self)
            }
        }
    };
}
pub(crate) use coded;

impl Code {
    pub(crate) const fn text(self) -> &'static str {
        self.entry().code
    }
}

/// One refusal out of a code and the chain of causes behind it.
pub(crate) fn refusal(code: Code, error: &dyn Error) -> Refusal {
    let entry = code.entry();
    let mut refusal = Refusal::new(entry.code, entry.title, entry.mend)
        .read(error.to_string())
        .why(entry.meaning);
    let mut cause = error.source();
    while let Some(error) = cause {
        refusal = refusal.also(error.to_string());
        cause = error.source();
    }
    refusal
}

macro_rules! codes {
    ($($name:ident $code:literal $title:literal $meaning:literal $mend:literal)*) => {
        /// One name per code; every error kind maps to one of these.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code { $($name),* }

        impl Code {
            const fn entry(self) -> &'static CodeEntry {
                match self {
                    $(Self::$name => &CodeEntry {
                        code: $code, title: $title, meaning: $meaning, mend: $mend,
                    }),*
                }
            }

        }

        /// Every code this crate can emit, in order.
        pub static CODES: &[CodeEntry] = &[
            $(CodeEntry { code: $code, title: $title, meaning: $meaning, mend: $mend }),*
        ];
    };
}

codes! {
    RandomnessUnavailable "SE-001" "the system gave no randomness"
        "the kernel refused to fill a buffer with random bytes; nothing was sealed"
        "check that getrandom(2) is allowed by the sandbox and that the kernel has been seeded"
    KeyLength "SE-101" "a key has the wrong length"
        "a Fernet key is 44 characters of padded base64; this text has another length"
        "paste the key whole, with its closing '='; `cofferctl key new FILE` makes a fresh one"
    KeyAlphabet "SE-102" "a key has a character outside base64"
        "a Fernet key is url-safe base64; this text holds a character that base64 does not have"
        "restore the key from its backup; a single wrong character cannot be guessed"
    KeyringUnreadable "SE-110" "the keyring could not be read or written"
        "the operating system refused the file operation named in the cause"
        "check that the path exists and that this account may open it"
    KeyringExposed "SE-111" "the keyring is readable by others"
        "the file's mode lets its group or everyone read the keys"
        "chmod 600 the file (or use a systemd credential), then rotate: the keys may be known"
    KeyInPlaceOfPath "SE-112" "a key was given where a path belongs"
        "the setting names a file; its value looks like a key, which is now in a setting"
        "write the key to a file of mode 0600, name that file, and rotate the exposed key"
    KeyringEmpty "SE-113" "the keyring holds no key"
        "the file has no line with a key; sealing without a key is not possible"
        "restore the file from its backup, or make a new one with `cofferctl key new FILE`"
    KeyringDamaged "SE-114" "a line of the keyring is not a key"
        "every line that is not blank must be one key; the line named here is not"
        "restore the file from its backup; do not drop the line unless no data needs that key"
    KeyringExists "SE-115" "a file is already there"
        "a keyring is created once and never written over, since that would lose what it opens"
        "choose another path, or keep the keyring that is there"
    KeyringNotAFile "SE-116" "the keyring is not a regular file"
        "keys are read from a regular file only, not from a directory, device or pipe"
        "name the file itself"
    KeyringTooLarge "SE-117" "the keyring is larger than a keyring can be"
        "a keyring holds at most 64 keys in 16 KiB, since every key is tried in turn"
        "re-wrap what the old keys open, then retire them; or name the right file"
    KeyringUnnamed "SE-118" "no keyring is named"
        "a ring comes from the credential directory, the file that FERNET_KEY names, or field_key_dir"
        "name one: set FERNET_KEY to the path of a file of mode 0600, or give the file itself"
    TokenRefused "SE-201" "the token was refused"
        "no key of the ring opens this token: it is damaged, forged, too old, or of another ring"
        "check that the ring holds the key that sealed it; one message serves every cause"
    WrapShape "SE-210" "these bytes are not a wrapped data key"
        "a wrapped data key is one raw Fernet token of 73 to 256 bytes"
        "restore the object from its copy; its header was damaged"
    WrapRefused "SE-211" "the data key could not be unwrapped"
        "no key of this ring opens the wrapped data key"
        "use the ring of the zone that wrapped it, with its retired keys still in it"
    HeaderShort "SE-301" "the header is cut short"
        "a sealed object begins with 512 bytes of header; fewer are here"
        "fetch the object again; its beginning is missing"
    HeaderMagic "SE-302" "this is not a sealed object"
        "the first eight bytes are not those of a sealed object"
        "name a sealed object; a file changed by a text-mode transfer looks like this too"
    HeaderVersion "SE-303" "the object is of a version this program does not read"
        "the header's version is not 1"
        "use a newer program"
    HeaderSuite "SE-304" "the object is of a suite this program does not read"
        "the suites are 1 (Fernet) and 2 (Cobblestone-128); each volume has one, and another is refused"
        "look which suite the volume has; `cofferctl unseal` reads both"
    HeaderLayout "SE-305" "the object has another layout"
        "the header names an unknown layout, or not the one that this operation reads"
        "read frames with the frame reader and records with the record reader"
    HeaderFrameSize "SE-306" "the frame size is out of range"
        "frames hold 4 KiB to 1 MiB; a record log names no frame size"
        "restore the object from its copy; its header was damaged"
    HeaderReserved "SE-307" "a reserved byte of the header is not zero"
        "bytes that version 1 does not use must be zero, so that nothing hides in them"
        "restore the object from its copy; its header was damaged"
    RewrapShared "SE-310" "the object has more than one name"
        "a rotated object takes the place of the old one under its name; a link would keep the old one"
        "rotate the file itself, and remove or copy its other names"
    RewrapBusy "SE-311" "the object is in use or was changed meanwhile"
        "another rotation holds the object, or it changed while it was copied; it is as it was before"
        "wait for the other to end, then rotate again"
    RewrapUnclosed "SE-312" "the log is still open"
        "a log without its final record may still be written; rotating it would lose what comes"
        "close the log, then rotate again"
    RewrapFailed "SE-313" "the object could not be rewritten"
        "the operating system refused; the object is as it was before"
        "see the cause: free space for one copy of the object, and the right to write beside it"
    Commitment "SE-401" "the key does not fit this object"
        "the header's commitment is not what this key, header and context give"
        "check the bucket or context, and that the data key is this object's own"
    ObjectLength "SE-402" "the object's length is impossible"
        "no sequence of whole frames with one shorter last frame has this length"
        "fetch the object again; it was cut short or something was added"
    FrameRefused "SE-403" "a frame was refused"
        "the frame is damaged, out of place, of another object, or wrongly marked as the last"
        "restore the object from its copy; no byte of the frame was released"
    SourceUnreadable "SE-404" "the object could not be read"
        "the operating system refused to read, or the file shrank while it was open"
        "see the cause; check the disk"
    MessageTooLong "SE-405" "the message is too long for its suite"
        "Cobblestone-128 counts 2^38 chunks of 16 KiB, 4 PiB"
        "split the message"
    RecordTooLong "SE-501" "the record is too long"
        "one record holds at most 4 MiB"
        "split the payload, or store it as an object"
    RecordRefused "SE-502" "a record was refused"
        "the record is damaged, out of order, under another tag, or wrongly marked as the last"
        "restore the log from its copy; records before this one are sound"
    RecordDamaged "SE-503" "a record's frame is damaged"
        "the length or the check of the frame is wrong: a torn write or a damaged disk"
        "cut the log at its intact length (the scan tells it), or restore it from its copy"
    RecordAfterFinal "SE-504" "something follows the final record"
        "a log that was closed holds bytes behind its end"
        "restore the log from its copy; what follows was not written by us"
    LogTorn "SE-505" "the log ends within a record"
        "the last record is cut short: a crash while writing, or a truncation"
        "cut the log at its intact length, then continue or close it"
    SequenceExhausted "SE-506" "the log has no sequence number left"
        "a log counts its records in 64 bits and this one is at the end"
        "close this log and begin another"
    LogUnclosed "SE-507" "the log has no final record"
        "records may be missing at its end: a crash, a truncation, or a log still being written"
        "compare its length with the high-water mark kept outside the file"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_the_rule_the_remedy_and_every_cause() {
        let cause = crate::KeyError::Length { found: 3 };
        let refusal = crate::WrapError::NotAKey(cause).refusal();
        assert_eq!(refusal.code, "SE-101");
        assert_eq!(
            refusal.read,
            ["unwrap a data key: what was wrapped is not a key"]
        );
        assert_eq!(refusal.also, [cause.to_string()]);
        assert!(refusal.fix.contains("closing '='") && refusal.why.is_some());
    }

    #[test]
    fn codes_are_unique_in_order_and_say_everything() {
        for pair in CODES.windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} before {}",
                pair[0].code,
                pair[1].code
            );
        }
        for entry in CODES {
            assert!(entry.code.starts_with("SE-") && entry.code.len() == 6);
            for text in [entry.title, entry.meaning, entry.mend] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}", entry.code);
            }
        }
    }
}
