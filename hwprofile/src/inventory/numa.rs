//! The NUMA nodes: which processors and how much memory are near to each other.

use serde_json::Value;

use crate::fact::Reading;
use crate::inventory::memory;
use crate::sysroot::{Sysroot, TEXT_LIMIT};
use crate::wire::{ToWire, object};

const DIRECTORY: &str = "/sys/devices/system/node";

/// One NUMA node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumaNode {
    /// The kernel's name for it.
    pub name: String,
    /// Its processors, as the kernel lists them: `0-15,32-47`; empty where it has memory only.
    pub processors: Reading<String>,
    /// Its memory in bytes.
    pub memory_bytes: Reading<u64>,
}

impl NumaNode {
    fn read(sysroot: &Sysroot, name: String) -> Self {
        let processors = format!("{DIRECTORY}/{name}/cpulist");
        let memory = format!("{DIRECTORY}/{name}/meminfo");
        let text = sysroot.text_within(&memory, TEXT_LIMIT);
        Self {
            processors: sysroot
                .text(&processors)
                .map(|list| list.trim().to_owned())
                .at(processors),
            memory_bytes: text.and_then(|text| memory::total(&text)).at(memory),
            name,
        }
    }
}

/// The number of a node in its name; other names in the directory are no nodes.
pub(super) fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("node")?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

pub(super) fn read(sysroot: &Sysroot) -> Reading<Vec<NumaNode>> {
    let nodes = sysroot.list(DIRECTORY).map(|names| {
        let mut names: Vec<String> = names
            .into_iter()
            .filter(|name| number(name).is_some())
            .collect();
        names.sort_by_key(|name| number(name));
        names
            .into_iter()
            .map(|name| NumaNode::read(sysroot, name))
            .collect()
    });
    nodes.at(DIRECTORY)
}

impl ToWire for NumaNode {
    fn to_value(&self) -> Value {
        object([
            ("name", self.name.to_value()),
            ("processors", self.processors.to_value()),
            ("memory_bytes", self.memory_bytes.to_value()),
        ])
    }
}
