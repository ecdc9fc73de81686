//! Whether this process runs in a container: the namespaces of the machine itself have constant
//! inodes.
//!
//! A file such as `/.dockerenv` is no evidence: it stands on machines that are no containers.

use std::fmt;

use serde_json::Value;

use crate::fact::{Fact, Reading};
use crate::sysroot::Sysroot;
use crate::wire::{FromWire, ToWire};

const DIRECTORY: &str = "/proc/self/ns";

/// The first namespace of each kind, as the kernel numbers them.
const INITIAL: &[(&str, u64)] = &[
    ("cgroup", 4_026_531_835),
    ("ipc", 4_026_531_839),
    ("pid", 4_026_531_836),
    ("user", 4_026_531_837),
    ("uts", 4_026_531_838),
];

/// Whether this process runs in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Container {
    /// Every namespace is the machine's first.
    None,
    /// These are not.
    Inside(Vec<String>),
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("the namespaces of the machine"),
            Self::Inside(kinds) => write!(f, "other namespaces: {}", kinds.join(", ")),
        }
    }
}

impl ToWire for Container {
    fn to_value(&self) -> Value {
        match self {
            Self::None => Value::Array(Vec::new()),
            Self::Inside(kinds) => kinds.to_value(),
        }
    }
}

impl FromWire for Container {
    fn from_value(value: &Value) -> Option<Self> {
        let kinds = Vec::from_value(value)?;
        Some(if kinds.is_empty() {
            Self::None
        } else {
            Self::Inside(kinds)
        })
    }
}

pub(super) fn read(sysroot: &Sysroot) -> Reading<Container> {
    let mut others = Vec::new();
    for (kind, initial) in INITIAL {
        let path = format!("{DIRECTORY}/{kind}");
        let inode = sysroot.link(&path).and_then(|text| inode(kind, &text));
        match inode.known() {
            Ok(inode) if inode == *initial => {}
            Ok(inode) => others.push(format!("{kind}:[{inode}]")),
            Err(gap) => return Fact::from(gap).at(path),
        }
    }
    let container = if others.is_empty() {
        Container::None
    } else {
        Container::Inside(others)
    };
    Fact::Value(container).at(DIRECTORY)
}

/// The inode in a link such as `pid:[4026531836]`.
pub(super) fn inode(kind: &str, text: &str) -> Fact<u64> {
    let number = text
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix(":["))
        .and_then(|rest| rest.strip_suffix(']'))
        .and_then(|digits| digits.parse().ok());
    number.map_or_else(
        || Fact::Unsupported("it does not name its namespace".to_owned()),
        Fact::Value,
    )
}
