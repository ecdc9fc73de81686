//! What could not be read of a machine, and which capability or mount would help. It reads the
//! states that the facts carry and guesses nothing else.

use std::io;

use cofferdam_hwprofile::refusal::one_line;
use serde_json::{Value, json};

/// Not permitted, and permission denied.
const DENIED: [i64; 2] = [1, 13];
/// The most lines that are told.
const TOLD_LIMIT: usize = 24;

/// Everything that is there and could not be read.
#[derive(Debug, Default)]
pub(super) struct Unread {
    gaps: Vec<(String, i64)>,
}

/// Takes the unreadable facts out of an inventory.
pub(super) fn told(inventory: &Value) -> Unread {
    let mut unread = Unread::default();
    collect(inventory, &mut unread.gaps);
    unread.gaps.sort();
    unread.gaps.dedup();
    unread
}

fn collect(value: &Value, gaps: &mut Vec<(String, i64)>) {
    match value {
        Value::Object(object) => {
            let path = object.get("path").and_then(Value::as_str);
            let errno = object.get("errno").and_then(Value::as_i64);
            if let (Some(path), Some(errno)) = (path, errno) {
                gaps.push((path.to_owned(), errno));
            }
            object.values().for_each(|value| collect(value, gaps));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, gaps)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Unread {
    /// The end of a verdict's line.
    pub(super) fn count(&self) -> String {
        match self.gaps.len() {
            0 => String::new(),
            1 => ", 1 fact could not be read".to_owned(),
            many => format!(", {many} facts could not be read"),
        }
    }

    /// One line a fact, with what would help.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.gaps.iter().take(TOLD_LIMIT).map(|(path, errno)| {
            let error = reason(*errno);
            format!("{path}: cannot be read: {error}; {}", help(path, *errno))
        })
    }

    /// The lines as text.
    pub(super) fn text(&self) -> String {
        self.lines().map(|line| one_line(&line) + "\n").collect()
    }

    /// The same for a program.
    pub(super) fn value(&self) -> Value {
        let gaps = self.gaps.iter().map(
            |(path, errno)| json!({ "path": path, "errno": errno, "help": help(path, *errno) }),
        );
        gaps.collect()
    }
}

fn reason(errno: i64) -> String {
    i32::try_from(errno).map_or_else(
        |_| format!("error {errno}"),
        |errno| io::Error::from_raw_os_error(errno).to_string(),
    )
}

fn help(path: &str, errno: i64) -> &'static str {
    let denied = DENIED.contains(&errno);
    if path.starts_with("/dev/tpm") && denied {
        // A device is opened for writing too, which the capability below does not give.
        "run as root, or as a member of the group tss"
    } else if path.starts_with("/dev/tpm") {
        "see that this process is shown the device, and that the kernel's log says nothing of it"
    } else if path.starts_with("/sys/kernel/security") && !denied {
        "mount -t securityfs securityfs /sys/kernel/security"
    } else if path.starts_with("/sys/firmware/efi") && !denied {
        "mount -t efivarfs efivarfs /sys/firmware/efi/efivars"
    } else if path.contains("/ns/") && denied {
        "run as root, or with CAP_SYS_PTRACE"
    } else if path.ends_with("/config") && denied {
        "run as root, or with CAP_SYS_ADMIN"
    } else if denied {
        "run as root, or with CAP_DAC_READ_SEARCH"
    } else {
        "see that the file system is mounted and the kernel shows it"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_is_told_with_the_capability_that_would_help() {
        let unread = told(&json!({
            "dmi": { "serial": { "path": "/sys/class/dmi/id/product_serial", "state": "unreadable", "errno": 13 } },
            "boot": [{ "path": "/sys/kernel/security/lockdown", "state": "unreadable", "errno": 2 }],
            "ok": { "path": "/x", "state": "value", "value": 1 },
        }));
        let text = unread.text();
        assert_eq!(unread.count(), ", 2 facts could not be read");
        assert!(
            text.contains("product_serial: cannot be read: Permission denied"),
            "{text}"
        );
        assert!(text.contains("CAP_DAC_READ_SEARCH"), "{text}");
        assert!(text.contains("mount -t securityfs"), "{text}");
        assert_eq!(unread.value().as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_tpm_that_may_not_be_asked_is_told_with_the_group_that_may() {
        let unread = told(&json!({
            "tpm_manufacturer": { "path": "/dev/tpmrm0", "state": "unreadable", "errno": 13 },
            "tpm_endorsement": { "path": "/dev/tpmrm0", "state": "unreadable", "errno": 13 },
        }));
        assert_eq!(unread.count(), ", 1 fact could not be read");
        let text = unread.text();
        assert!(text.contains("/dev/tpmrm0: cannot be read"), "{text}");
        assert!(text.contains("group tss"), "{text}");
    }

    #[test]
    fn a_path_of_a_capture_writes_no_line_of_its_own() {
        let unread = told(&json!({ "path": "/x\n\u{1b}[2J", "state": "unreadable", "errno": 13 }));
        let text = unread.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("/x\\u{a}\\u{1b}[2J: cannot"), "{text}");
    }

    #[test]
    fn a_machine_that_was_read_whole_says_nothing() {
        let unread = told(&json!({ "a": { "path": "/x", "state": "absent" } }));
        assert_eq!((unread.count().as_str(), unread.text().as_str()), ("", ""));
    }
}
