//! What could not be read, and what would help.
//!
//! The remedy differs: a right that is missing is given, a file system that is not there is
//! mounted. It must never be told as absence.

use serde_json::Value;

/// The error numbers of the operating system for a right that is missing and a file that is.
const EPERM: i64 = 1;
const ENOENT: i64 = 2;
const EACCES: i64 = 13;
/// The file systems that are mounted at a place, and what is lost without them.
const FILE_SYSTEMS: &[(&str, &str)] = &[
    (
        "/sys/kernel/security",
        "mount -t securityfs securityfs /sys/kernel/security",
    ),
    (
        "/sys/firmware/efi/efivars",
        "mount -t efivarfs efivarfs /sys/firmware/efi/efivars",
    ),
    ("/sys/", "mount -t sysfs sysfs /sys"),
    ("/proc/", "mount -t proc proc /proc"),
];

/// One thing that is there, or may be, and could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shortfall {
    /// Where it is.
    pub path: String,
    /// What would help.
    pub remedy: String,
}

/// Every unreadable fact of an inventory's JSON form, each path once.
#[must_use]
pub fn shortfalls(value: &Value) -> Vec<Shortfall> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<Shortfall>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(parts) => {
            let text = |key: &str| parts.get(key).and_then(Value::as_str);
            if let (Some("unreadable"), Some(path)) = (text("state"), text("path")) {
                let errno = parts.get("errno").and_then(Value::as_i64);
                found.push(Shortfall {
                    remedy: remedy(path, errno.unwrap_or_default()),
                    path: path.to_owned(),
                });
            }
            parts.values().for_each(|part| collect(part, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn remedy(path: &str, errno: i64) -> String {
    let mount = FILE_SYSTEMS.iter().find(|(at, _)| path.starts_with(at));
    match (errno, mount) {
        (EPERM | EACCES, _) => {
            "run as root, or give the program CAP_DAC_READ_SEARCH and nothing else".to_owned()
        }
        (ENOENT, Some((_, command))) => (*command).to_owned(),
        _ => "look at the kernel's log: reading failed there".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::wire::{ToWire as _, object};

    #[test]
    fn each_thing_that_could_not_be_read_is_told_once_with_what_helps() {
        let unreadable = |path: &str, errno| Fact::<String>::Unreadable(errno).at(path).to_value();
        let table = "/sys/firmware/dmi/tables/DMI";
        let value = object([
            ("a", unreadable(table, 13)),
            ("b", Value::Array(vec![unreadable(table, 13)])),
            ("c", unreadable("/sys/kernel/security/lockdown", 2)),
            ("d", unreadable("/sys/block/sda/wwid", 5)),
            ("e", Fact::<String>::Absent.at("/sys/x").to_value()),
        ]);
        let found = shortfalls(&value);
        let paths: Vec<&str> = found.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/sys/block/sda/wwid",
                table,
                "/sys/kernel/security/lockdown"
            ]
        );
        assert!(found[0].remedy.contains("log"));
        assert!(found[1].remedy.contains("CAP_DAC_READ_SEARCH"));
        assert!(found[2].remedy.contains("mount -t securityfs"));
    }
}
